/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

// No device counts more than this between two looks, a second apart: 400 Gbit/s is 0.6 G packets.
#define COUNTER_STEP_MAX (1ull << 31)

/// What a device's counter advanced by since `*last`, which it sets to `now`. Counters of 32 bits
/// wrap; those of a device that was opened anew, or reset by somebody, start over: what they show
/// then is what was counted since. Never more than was counted.
static inline uint64_t counter_advance(uint64_t *last, uint64_t now) {
	uint64_t before = *last, wrapped = (1ull << 32) - before + now;
	*last = now;
	if (now >= before)
		return now - before;
	return before < 1ull << 32 && wrapped < COUNTER_STEP_MAX && before >= 3ull << 30 ? wrapped
											 : now;
}

/// part / (part + rest), 0 to 1; `none` where both are 0.
static inline double counter_share(uint64_t part, uint64_t rest, double none) {
	double all = (double)part + (double)rest;
	return all > 0 ? (double)part / all : none;
}
