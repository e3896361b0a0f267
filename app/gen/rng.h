/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

#include "tt_hash.h"

/// xoshiro256** (Blackman and Vigna 2018): the same numbers from the same seed everywhere.
struct rng {
	uint64_t s[4];
};

static inline void rng_seed(struct rng *r, uint64_t seed) {
	for (int i = 0; i < 4; i++)
		r->s[i] = tt_mix64(seed += 0x9e3779b97f4a7c15ull);
}

static inline uint64_t rng_next(struct rng *r) {
	uint64_t *s = r->s, x = s[1] * 5, out = (x << 7 | x >> 57) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return out;
}

/// 0 to n - 1; n of at least 1.
static inline uint64_t rng_below(struct rng *r, uint64_t n) {
	return (uint64_t)((unsigned __int128)rng_next(r) * n >> 64);
}

/// From 0 up to, not including, 1.
static inline double rng_unit(struct rng *r) {
	return (double)(rng_next(r) >> 11) * 0x1p-53;
}

static inline int rng_chance(struct rng *r, double p) {
	return rng_unit(r) < p;
}
