/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

// Times between two polls, in buckets: four to each power of two of cycles.
#define GAP_BUCKETS 160

static inline unsigned gap_bucket(uint64_t cycles) {
	if (cycles < 4)
		return (unsigned)cycles;
	unsigned high = 63 - (unsigned)__builtin_clzll(cycles);
	unsigned b = (high - 1) * 4 + (unsigned)(cycles >> (high - 2) & 3);
	return b < GAP_BUCKETS ? b : GAP_BUCKETS - 1;
}

/// The largest number of cycles that falls into a bucket.
static inline uint64_t gap_upper(unsigned bucket) {
	if (bucket < 4)
		return bucket;
	unsigned high = bucket / 4 + 1;
	return ((uint64_t)(5 + bucket % 4) << (high - 2)) - 1;
}

/// Upper end of the bucket that a share (0.99) of all gaps lies within; 0 without gaps.
static inline uint64_t gap_percentile(const uint64_t counts[GAP_BUCKETS], double share) {
	uint64_t all = 0, sum = 0;
	for (unsigned i = 0; i < GAP_BUCKETS; i++)
		all += counts[i];
	for (unsigned i = 0; i < GAP_BUCKETS; i++) {
		sum += counts[i];
		if (all && (double)sum >= (double)all * share)
			return gap_upper(i);
	}
	return 0;
}
