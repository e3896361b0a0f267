/* SPDX-License-Identifier: BSD-3-Clause */
#include "clock.h"

#include <stdlib.h>

#include "tt_time.h"

#define STEP_NS 100000000ll
#define BACK_NS (60 * TT_NS) // further back is no leap and no correction

static void draw(struct clock_line *c, uint64_t tsc, int64_t ns, uint64_t mult, unsigned new_eras) {
	uint32_t seq = atomic_load_explicit(&c->seq, memory_order_relaxed);
	atomic_store_explicit(&c->seq, seq + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&c->tsc, tsc, memory_order_relaxed);
	atomic_store_explicit(&c->ns, ns, memory_order_relaxed);
	atomic_store_explicit(&c->mult, mult, memory_order_relaxed);
	atomic_fetch_add_explicit(&c->era, new_eras, memory_order_relaxed);
	atomic_store_explicit(&c->seq, seq + 2, memory_order_release);
}

static uint64_t nominal(void) {
	return (uint64_t)(((__uint128_t)TT_NS << 32) / rte_get_tsc_hz());
}

// The system's clock and the cycle counter at one moment: of several tries the tightest.
static int64_t sample(uint64_t *tsc) {
	uint64_t best = UINT64_MAX;
	int64_t ns = 0;
	for (int i = 0; i < 5; i++) {
		uint64_t a = rte_rdtsc();
		int64_t t = tt_now_ns();
		uint64_t b = rte_rdtsc();
		if (b - a < best) {
			best = b - a;
			*tsc = a + (b - a) / 2;
			ns = t;
		}
	}
	return ns;
}

void clock_init(struct clock_line *c) {
	uint64_t tsc = 0;
	int64_t ns = sample(&tsc);
	draw(c, tsc, ns, nominal(), 0);
}

void clock_adjust(struct clock_line *c) {
	uint64_t tsc = 0;
	unsigned era;
	int64_t ns = sample(&tsc), mine = clock_at(c, tsc, &era), off = ns - mine;
	if (llabs(off) > llabs(atomic_load(&c->worst_ns)))
		atomic_store(&c->worst_ns, off);
	if (off < -BACK_NS) {
		atomic_store(&c->back_from_ns, mine);
		atomic_store(&c->back_to_ns, ns);
	}
	if (off > STEP_NS || off < -BACK_NS) {
		draw(c, tsc, ns, nominal(), off < 0);
		return;
	}
	// aim to meet the system's clock in a second; at half the pace at the slowest
	int64_t rate = (int64_t)nominal();
	if (off < -TT_NS / 2)
		off = -TT_NS / 2;
	rate += (int64_t)((__int128)rate * off / TT_NS);
	draw(c, tsc, mine, (uint64_t)rate, 0);
}

int64_t clock_skew_ms(struct clock_line *c) {
	int64_t ns = atomic_exchange(&c->worst_ns, 0);
	return (ns + (ns < 0 ? -500000 : 500000)) / 1000000;
}
