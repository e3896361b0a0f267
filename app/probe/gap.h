/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
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

/// What a worker's polls were like in an epoch: it writes, anybody reads (relaxed).
struct polls {
	_Atomic uint64_t gap[GAP_BUCKETS]; // by the cycles since the one before, naps taken off
	_Atomic uint64_t longest;
	_Atomic uint64_t busy, asleep, total; // cycles
};

static inline void polls_add(_Atomic uint64_t *c, uint64_t n) {
	// one writer: no locked instruction
	uint64_t now = atomic_load_explicit(c, memory_order_relaxed);
	atomic_store_explicit(c, now + n, memory_order_relaxed);
}

/// Worker: a poll `cycles` after the one before, of which it meant to sleep `asleep`. What it
/// overslept belongs to the gap: nobody polled then. busy: the earlier poll brought packets.
static inline void polls_count(struct polls *p, uint64_t cycles, uint64_t asleep, bool busy) {
	uint64_t gap = cycles > asleep ? cycles - asleep : 0;
	polls_add(&p->gap[gap_bucket(gap)], 1);
	polls_add(&p->total, cycles);
	if (busy)
		polls_add(&p->busy, gap);
	if (asleep)
		polls_add(&p->asleep, cycles < asleep ? cycles : asleep);
	if (gap > atomic_load_explicit(&p->longest, memory_order_relaxed))
		atomic_store_explicit(&p->longest, gap, memory_order_relaxed);
}

/// Worker: forgets what was counted.
static inline void polls_reset(struct polls *p) {
	for (unsigned i = 0; i < GAP_BUCKETS; i++)
		atomic_store_explicit(&p->gap[i], 0, memory_order_relaxed);
	atomic_store_explicit(&p->longest, 0, memory_order_relaxed);
	atomic_store_explicit(&p->busy, 0, memory_order_relaxed);
	atomic_store_explicit(&p->asleep, 0, memory_order_relaxed);
	atomic_store_explicit(&p->total, 0, memory_order_relaxed);
}

/// Cycles that a share (0.99) of all gaps lies within: the end of a bucket, so at most a quarter
/// too much, and never above the longest. 0 without gaps.
static inline uint64_t polls_percentile(const struct polls *p, double share) {
	uint64_t all = 0, sum = 0,
		 longest = atomic_load_explicit(&p->longest, memory_order_relaxed);
	for (unsigned i = 0; i < GAP_BUCKETS; i++)
		all += atomic_load_explicit(&p->gap[i], memory_order_relaxed);
	for (unsigned i = 0; i < GAP_BUCKETS; i++) {
		sum += atomic_load_explicit(&p->gap[i], memory_order_relaxed);
		if (all && (double)sum >= (double)all * share)
			return gap_upper(i) < longest ? gap_upper(i) : longest;
	}
	return 0;
}
