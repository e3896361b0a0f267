/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <rte_cycles.h>
#include <stdatomic.h>
#include <stdint.h>

/// The time of day from the cycle counter, without a system call: a line through the system's
/// clock, drawn anew about once a second. Written by the control thread, read by any.
struct clock_line {
	_Atomic uint32_t seq; // odd while being written
	_Atomic uint64_t tsc;
	_Atomic int64_t ns;
	_Atomic uint64_t mult; // nanoseconds per cycle, 32.32
	_Atomic unsigned era;  // how often it was set back; time ascends within one
	_Atomic int64_t back_from_ns, back_to_ns; // the last time that it was
	_Atomic int64_t worst_ns; // largest distance found since asked; the asker resets it
};

void clock_init(struct clock_line *c);
/// Draws the line anew. Where the system's clock was set forward by more than 100 ms it is followed
/// at once; where it was set back (a leap second does), by up to a minute, time runs at half its
/// pace until they meet, so that no time is told twice; further back is followed at once and begins
/// a new era. Smaller distances are made up within the next second.
void clock_adjust(struct clock_line *c);
/// Distance to the system's clock, the largest in milliseconds since the last call.
int64_t clock_skew_ms(struct clock_line *c);

/// The time at a count of cycles, and the era that it is of.
static inline int64_t clock_at(const struct clock_line *c, uint64_t tsc, unsigned *era) {
	for (;;) {
		uint32_t seq = atomic_load_explicit(&c->seq, memory_order_acquire);
		uint64_t base = atomic_load_explicit(&c->tsc, memory_order_relaxed);
		int64_t ns = atomic_load_explicit(&c->ns, memory_order_relaxed);
		uint64_t mult = atomic_load_explicit(&c->mult, memory_order_relaxed);
		*era = atomic_load_explicit(&c->era, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (!(seq & 1) && atomic_load_explicit(&c->seq, memory_order_relaxed) == seq)
			return ns +
			       (int64_t)(((__int128)(int64_t)(tsc - base) * (__int128)mult) >> 32);
	}
}

/// Now, in nanoseconds since 1970.
static inline int64_t clock_now(const struct clock_line *c) {
	unsigned era;
	return clock_at(c, rte_rdtsc(), &era);
}
