/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow_impl.h"
#include "flow_rig.h"
#include "flow_test_eal.h"
#include "tt_time.h"

static void every_packet_comes_out_once(void **state) {
	(void)state;
	const uint32_t epochs[] = {1, 60, 3600};
	for (unsigned e = 0; e < 3; e++) {
		rig_seed = e;
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.epoch_s = epochs[e];
		c.wait_when_full = e == 1;
		rig_open(&b, &c);
		rig_add_random(&b, &(struct rig_traffic){300, 4, 1734490000, 300}, 1000);
		struct tt_flow_stats st;
		tt_flow_stats(b.flow, &st);
		assert_int_equal(st.spilled, 0);
		rig_drain(&b);
		rig_assert_same(&b);
		rig_close(&b);
	}
}

/// Hashes that fall together: all keys of one burst's chain, or a few buckets with few tags.
static void hash4_poor(const struct hasher *h, const struct key4 *k, uint32_t *sigs, unsigned n) {
	(void)h;
	for (unsigned i = 0; i < n; i++)
		sigs[i] = (k[i].src & 3) << 16 | (k[i].port & 1);
}

static void hash6_poor(const struct hasher *h, const struct key6 *k, uint32_t *sigs, unsigned n) {
	(void)h;
	(void)k;
	memset(sigs, 0, n * sizeof(*sigs));
}

static void peeking_finds_what_rte_hash_finds(void **state) {
	(void)state;
	// with the buckets read and without; with keys spread and piled up in chains
	for (unsigned i = 0; i < 8; i++) {
		rig_seed = 80 + i;
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.ipv4 = c.ipv6 = i & 4 ? 120 : 8000;
		c.spill = 20000;
		rig_open(&b, &c);
		for (unsigned half = 0; half < 2; half++) {
			struct flow_half *h = &b.flow->half[half];
#if defined(__SSE2__)
			assert_non_null(h->v4.buckets);
			assert_non_null(h->v6.buckets);
#endif
			if (i & 1)
				h->v4.buckets = h->v6.buckets = NULL;
		}
		if (i & 2) {
			b.flow->hasher.hash4 = hash4_poor;
			b.flow->hasher.hash6 = hash6_poor;
		}
		rig_add_random(&b, &(struct rig_traffic){20, 2, 1734490000, 120}, 400);
		rig_drain(&b);
		if (i & 4) {
			assert_true(b.flow->spilled > 100);
			rig_assert_same_but_spilled(&b, true);
		} else {
			assert_int_equal(b.flow->spilled, 0);
			rig_assert_same(&b);
		}
		rig_close(&b);
	}
}

static void waiting_tables_of_any_size_lose_nothing(void **state) {
	(void)state;
	const uint32_t sizes[] = {0, 8, 15, 100};
	for (unsigned i = 0; i < 4; i++) {
		rig_seed = 10 + i;
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.ipv4 = c.ipv6 = sizes[i];
		c.wait_when_full = true;
		rig_open(&b, &c);
		rig_add_random(&b, &(struct rig_traffic){200, 3, 0, 400}, 300);
		rig_drain(&b);
		rig_assert_same(&b);
		rig_close(&b);
	}
}

static void spilling_loses_no_packet(void **state) {
	(void)state;
	const struct {
		uint32_t flows, spill, ports;
	} cases[] = {{0, 60000, 50}, {8, 60000, 5}, {100, 20, 50}, {8, 0, 5}, {0, 1, 60000}};
	for (unsigned i = 0; i < 5; i++) {
		rig_seed = 20 + i;
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.ipv4 = c.ipv6 = cases[i].flows;
		c.spill = cases[i].spill;
		rig_open(&b, &c);
		// six epochs: the rows of class totals do, so that each epoch keeps its own
		rig_add_random(
			&b, &(struct rig_traffic){500, cases[i].ports, 1734490000, 300}, 500);
		rig_drain(&b);
		assert_true(b.flow->spilled > 1000);
		rig_assert_same_but_spilled(&b, true);
		rig_close(&b);
	}
}

static void full_tallies_wait_or_fold(void **state) {
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		rig_seed = 30 + i;
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.tallies = i & 1 ? 0 : 7;
		c.wait_when_full = i < 2;
		rig_open(&b, &c);
		rig_add_random(&b, &(struct rig_traffic){100, 3, 1000000, 3000}, 200);
		rig_drain(&b);
		if (i < 2) {
			rig_assert_same(&b);
		} else {
			assert_true(b.flow->switches > 0);
			// observations keep their epoch, tallies only their uplink
			model_fold(&b.in, MODEL_FLOW, false);
			model_fold(&b.out, MODEL_FLOW, false);
			rig_assert_same_tallies(&b);
			assert_int_equal(b.in.n, b.out.n);
		}
		rig_close(&b);
	}
}

static void spilling_replay_keeps_epochs(void **state) {
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		rig_seed = 40 + i;
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.ipv4 = c.ipv6 = c.spill = 0;
		c.tallies = i ? 20000 : 5;
		c.epoch_s = 1;
		c.keep_epochs = true;
		rig_open(&b, &c);
		rig_add_random(&b, &(struct rig_traffic){1000, 100, 5000, 3000}, 500);
		assert_true(b.flow->waits > 0);
		rig_drain(&b);
		rig_assert_same_but_spilled(&b, true);
		rig_close(&b);
	}
}

static void live_probe_never_waits(void **state) {
	(void)state;
	rig_seed = 50;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.ipv4 = c.ipv6 = c.spill = c.tallies = 0;
	c.epoch_s = 1;
	rig_open(&b, &c);
	// nobody harvests: both tables fill, then everything is folded
	for (unsigned i = 0; i < 3000; i++) {
		struct tt_pkt p;
		int64_t ns;
		uint32_t len;
		rig_packet(&(struct rig_traffic){1000, 100, 5000, 3000}, &p, &ns, &len);
		model_packet(&b.in, c.epoch_s, c.sensors, 0, &p, ns, len);
		assert_int_equal(tt_flow_add(b.flow, 0, &p, &ns, &len, 1), 1);
	}
	assert_int_equal(b.flow->switches, 1);
	assert_int_equal(b.flow->waits, 0);
	rig_drain(&b);
	rig_assert_same_but_spilled(&b, false);
	rig_close(&b);
}

static void live_counters_hold_observed_and_spilled(void **state) {
	(void)state;
	rig_seed = 60;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.ipv4 = 100;
	rig_open(&b, &c);
	rig_add_random(&b, &(struct rig_traffic){1000, 3, 1000, 60}, 100);
	rig_drain(&b);
	model_fold(&b.in, MODEL_CLASS, true);
	uint64_t want[RIG_SENSORS][TT_OBSERVED_CLASS_N] = {0};
	for (size_t i = 0; i < b.in.n; i++)
		want[b.in.rows[i].obs.sensor][b.in.rows[i].obs.class] += b.in.rows[i].obs.packets;
	for (uint16_t s = 0; s < RIG_SENSORS; s++) {
		const struct tt_live *l = tt_flow_live(b.flow, s);
		for (unsigned k = 0; k < TT_OBSERVED_CLASS_N; k++) {
			assert_int_equal(l->packets[k], want[s][k]);
			assert_true(l->bytes[k] >= 60 * want[s][k]);
		}
		assert_in_range(l->last_ns, 1000 * TT_NS, 1061 * TT_NS);
	}
	assert_null(tt_flow_live(b.flow, RIG_SENSORS));
	rig_close(&b);
}

static void a_clock_set_back_leaves_no_packet_in_the_future(void **state) {
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	struct tt_flow_stats st;
	c.mark_late = true;
	rig_open(&b, &c);
	rig_add_random(&b, &(struct rig_traffic){1000, 3, 1020, 30}, 100);
	rig_drain(&b);
	tt_flow_set_back(b.flow, 600 * TT_NS);
	for (uint16_t s = 0; s < RIG_SENSORS; s++)
		assert_in_range(tt_flow_live(b.flow, s)->last_ns, 420 * TT_NS, 451 * TT_NS);
	rig_add_random(&b, &(struct rig_traffic){1000, 3, 420, 30}, 100);
	rig_drain(&b);
	tt_flow_stats(b.flow, &st);
	assert_int_equal(st.late, 0);
	rig_close(&b);
}

/// The worker of the concurrent test; the harvester is the test's own thread.
struct worker {
	struct rig *b;
	_Atomic bool done;
	unsigned bursts;
};

static void *work(void *arg) {
	struct worker *w = arg;
	struct rig *b = w->b;
	for (unsigned i = 0; i < w->bursts; i++) {
		struct tt_pkt p[64];
		int64_t ns[64];
		uint32_t len[64];
		for (unsigned k = 0; k < 64; k++) {
			rig_packet(
				&(struct rig_traffic){3000, 3, i / 16, 60}, &p[k], &ns[k], &len[k]);
			model_packet(
				&b->in, b->conf.epoch_s, b->conf.sensors, 1, &p[k], ns[k], len[k]);
		}
		for (unsigned n = 0; n < 64;)
			n += tt_flow_add(b->flow, 1, p + n, ns + n, len + n, 64 - n);
		if (i % 50 == 0)
			tt_flow_switch(b->flow);
	}
	while (!tt_flow_switch(b->flow))
		;
	atomic_store(&w->done, true);
	return NULL;
}

static void worker_and_harvester_share_without_loss(void **state) {
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		rig_seed = 70 + i;
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.ipv4 = c.ipv6 = i ? 1000 : 20;
		c.tallies = 50;
		c.wait_when_full = c.keep_epochs = i;
		rig_open(&b, &c);
		struct worker w = {.b = &b, .bursts = 2000};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
		while (!atomic_load(&w.done) || !tt_flow_idle(b.flow)) {
			struct tt_flow_stats st;
			tt_flow_stats(b.flow, &st);
			tt_flow_live(b.flow, 0);
			tt_flow_harvest(b.flow, &b.sink);
		}
		pthread_join(thread, NULL);
		assert_int_equal(tt_flow_harvest(b.flow, &b.sink), 0);
		if (i)
			rig_assert_same(&b);
		else
			rig_assert_same_but_spilled(&b, false);
		rig_close(&b);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_comes_out_once),
		cmocka_unit_test(a_clock_set_back_leaves_no_packet_in_the_future),
		cmocka_unit_test(peeking_finds_what_rte_hash_finds),
		cmocka_unit_test(waiting_tables_of_any_size_lose_nothing),
		cmocka_unit_test(spilling_loses_no_packet),
		cmocka_unit_test(full_tallies_wait_or_fold),
		cmocka_unit_test(spilling_replay_keeps_epochs),
		cmocka_unit_test(live_probe_never_waits),
		cmocka_unit_test(live_counters_hold_observed_and_spilled),
		cmocka_unit_test(worker_and_harvester_share_without_loss),
	};
	return cmocka_run_group_tests(tests, test_eal, NULL);
}
