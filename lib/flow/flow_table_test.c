/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow_impl.h"
#include "flow_rig.h"
#include "flow_test_eal.h"
#include "tt_time.h"

static struct tt_pkt simple(uint32_t src) {
	struct tt_pkt p = {.class = TT_SCAN,
		.family = 4,
		.proto = 6,
		.ttl = 64,
		.port = 23,
		.other_port = 4000,
		.has_ports = 1,
		.sensor = 1};
	memcpy(p.src, &src, 4);
	return p;
}

/// Adds one packet at a time of seconds; whether it was counted.
static bool add_one(struct tt_flow *f, struct tt_pkt p, int64_t sec) {
	int64_t ns = sec * TT_NS;
	uint32_t len = 60;
	return tt_flow_add(f, 0, &p, &ns, &len, 1) == 1;
}

static void waiting_worker_stops_until_harvested(void **state) {
	(void)state;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.ipv4 = c.ipv6 = 8;
	c.wait_when_full = true;
	rig_open(&b, &c);
	const unsigned places = b.flow->half[0].v4.budget;
	struct tt_pkt p[64];
	int64_t ns[64] = {0};
	uint32_t len[64];
	for (unsigned i = 0; i < 64; i++) {
		p[i] = simple(i);
		len[i] = 60;
	}
	// the first table, the second by an early switch, and no more
	assert_int_equal(tt_flow_add(b.flow, 0, p, ns, len, 64), 2 * places);
	assert_int_equal(tt_flow_add(b.flow, 0, p + 2 * places, ns, len, 1), 0);
	assert_false(tt_flow_switch(b.flow));
	assert_false(tt_flow_idle(b.flow));
	// what is in the table still counts
	assert_int_equal(tt_flow_add(b.flow, 0, p + places, ns, len, places), places);
	struct tt_flow_stats st;
	tt_flow_stats(b.flow, &st);
	assert_int_equal(st.waits, 2);
	assert_int_equal(st.switches, 1);
	assert_int_equal(st.used4, places);
	assert_int_equal(tt_flow_harvest(b.flow, &b.sink), 1);
	assert_int_equal(b.out.n, places);
	assert_int_equal(tt_flow_add(b.flow, 0, p + 2 * places, ns, len, 1), 1);
	rig_close(&b);
}

static void full_table_knows_duplicates_of_a_burst(void **state) {
	(void)state;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.ipv4 = 8;
	rig_open(&b, &c);
	unsigned places = b.flow->half[0].v4.budget;
	for (unsigned i = 0; i < places - 1; i++)
		assert_true(add_one(b.flow, simple(i), 0));
	// the last place goes to 1000; its duplicates find it, 1001 is spilled
	struct tt_pkt p[4] = {simple(1000), simple(1001), simple(1000), simple(1000)};
	int64_t ns[4] = {0};
	uint32_t len[4] = {60, 60, 60, 60};
	assert_int_equal(tt_flow_add(b.flow, 0, p, ns, len, 4), 4);
	rig_drain(&b);
	assert_int_equal(b.out.n, places + 1);
	assert_int_equal(b.out.rows[places - 1].obs.packets, 3);
	assert_int_equal(b.out.rows[places].obs.packets, 1);
	assert_int_equal(b.out.rows[places].obs.flags, TT_OBS_SPILLED);
	rig_close(&b);
}

/// All rows of a table are free, and rte_hash has no more of them than the budget.
static void assert_all_free(const struct flow_table *t) {
	assert_int_equal(t->used, 0);
	assert_int_equal(t->n_ahead, 0);
	assert_int_equal(rte_ring_count(t->free), t->budget);
}

/// Fills and empties both tables, few rows (by key) and many (by reset) in turn.
static void fill_again_and_again(uint32_t budget) {
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.ipv4 = budget;
	rig_open(&b, &c);
	assert_int_equal(b.flow->half[0].v4.budget, budget);
	const uint32_t few = budget / 32 - 1;
	const uint32_t rounds[] = {budget, 5, budget, few, few + 1, 1, budget, budget, 64, 65};
	for (unsigned r = 0; r < 10; r++) {
		for (uint32_t i = 0; i < rounds[r]; i++)
			assert_true(add_one(b.flow, simple(i * 7919 + r), r));
		assert_int_equal(b.flow->spilled, 0);
		assert_int_equal(b.flow->used4, rounds[r]);
		b.out.n = 0;
		rig_drain(&b);
		assert_int_equal(b.out.n, rounds[r]);
		for (unsigned h = 0; h < 2; h++)
			assert_all_free(&b.flow->half[h].v4);
	}
	rig_close(&b);
}

static void table_takes_its_whole_budget_again_and_again(void **state) {
	(void)state;
	fill_again_and_again(3904); // of 4096 entries, as full as buckets get
	fill_again_and_again(3905); // of 8192 entries, for which rte_hash has to have 4097 rows
}

/// Few values, so that most keys are in chains.
static void hash4_few(const struct hasher *h, const struct key4 *k, uint32_t *sigs, unsigned n) {
	(void)h;
	for (unsigned i = 0; i < n; i++)
		sigs[i] = (k[i].src & 3) * 0x10003;
}

/// Each row's key leads rte_hash to that row, and no other row has it.
static void assert_rte_hash_agrees(struct tt_flow *f, const struct flow_table *t) {
	uint32_t n = 0;
	for (uint32_t pos = table_next(t, 0); pos < t->budget; pos = table_next(t, pos + 1)) {
		uint32_t sig;
		n++;
		struct key4 key; // rows are not aligned as keys are
		memcpy(&key, table_key(t, pos), sizeof(key));
		f->hasher.hash4(&f->hasher, &key, &sig, 1);
		assert_int_equal(rte_hash_lookup_with_hash(t->hash, &key, sig), pos);
	}
	assert_int_equal(n, t->used);
}

static void rte_hash_agrees_with_every_new_flow(void **state) {
	(void)state;
	for (unsigned few = 0; few < 2; few++) {
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.ipv4 = few ? 120 : 3904; // of 4096 slots: many are moved, some in chains
		rig_open(&b, &c);
		if (few)
			b.flow->hasher.hash4 = hash4_few;
		const struct flow_table *t = &b.flow->half[0].v4;
		for (uint32_t at = 0; at < t->budget; at += 20) {
			// every flow twice in a burst, and one of an earlier burst again
			struct tt_pkt p[41];
			int64_t ns[41] = {0};
			uint32_t len[41], n = RTE_MIN(20u, t->budget - at);
			for (unsigned i = 0; i <= 2 * n; i++) {
				p[i] = simple(i < 2 * n ? at + i % n : at / 2);
				len[i] = 60;
			}
			assert_int_equal(tt_flow_add(b.flow, 0, p, ns, len, 2 * n + 1), 2 * n + 1);
			assert_int_equal(t->used, at + n);
		}
		assert_int_equal(t->used, t->budget);
		assert_int_equal(b.flow->spilled, 0);
		assert_rte_hash_agrees(b.flow, t);
		rig_close(&b);
	}
}

static void chains_emptied_by_key_leave_nothing_behind(void **state) {
	(void)state;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.ipv4 = 4000;
	rig_open(&b, &c);
	b.flow->hasher.hash4 = hash4_few;
	for (uint32_t round = 0; round < 6; round++) {
		const struct flow_table *t = &b.flow->half[b.flow->current].v4;
		for (uint32_t i = 0; i < 240; i++) // 120 flows, 30 of each hash
			assert_true(add_one(b.flow, simple(round * 60 + i % 120), round));
		assert_int_equal(t->used, 120);
		assert_true(table_few(t));
		assert_rte_hash_agrees(b.flow, t);
		b.out.n = 0;
		rig_drain(&b);
		assert_int_equal(b.out.n, 120);
		assert_all_free(t);
	}
	rig_close(&b);
}

static void values_add_up(void **state) {
	(void)state;
	struct rig b;
	rig_open(&b, &rig_conf);
	struct tt_pkt p[3] = {simple(9), simple(9), simple(9)};
	p[0].ttl = 60, p[1].ttl = 50, p[2].ttl = 70;
	p[0].tcp_flags = 2, p[1].tcp_flags = 1, p[2].tcp_flags = 8;
	p[0].has_ports = p[0].other_port = 0; // nothing about the other port
	p[1].other_port = 1234, p[2].other_port = 1234;
	p[1].syn_sample = 1, p[1].window = 1024, p[1].opt_hash = 77;
	p[2].syn_sample = 1, p[2].window = 2048, p[2].opt_hash = 78;
	p[2].tools = 1 << TT_TOOL_MIRAI, p[1].testable = p[2].testable = 1;
	p[0].traits = TT_TRAIT_TCP_NO_OPTIONS, p[2].traits = TT_TRAIT_TCP_WINDOWS;
	int64_t ns[3] = {90 * TT_NS + 500000, 61 * TT_NS, 119 * TT_NS + 999999999};
	uint32_t len[3] = {60, 1500, 40};
	assert_int_equal(tt_flow_add(b.flow, 2, p, ns, len, 3), 3);
	rig_drain(&b);
	assert_int_equal(b.out.n, 1);
	const struct tt_obs *o = &b.out.rows[0].obs;
	assert_int_equal(o->epoch, 60);
	assert_int_equal(o->packets, 3);
	assert_int_equal(o->bytes, 1600);
	assert_int_equal(o->first_us, 1000000);
	assert_int_equal(o->last_us, 59999999);
	assert_int_equal(o->ttl_min, 50);
	assert_int_equal(o->ttl_max, 70);
	assert_int_equal(o->tcp_flags, 11);
	assert_int_equal(o->other_port, 1234);
	assert_int_equal(o->flags, TT_OBS_OTHER_PORT | TT_OBS_SYN_SAMPLE);
	assert_int_equal(o->window, 1024);
	assert_int_equal(o->opt_hash, 77);
	assert_int_equal(o->matches[TT_TOOL_MIRAI], 1);
	assert_int_equal(o->matches[TT_TOOL_ZMAP], 0);
	assert_int_equal(o->tested, 2);
	assert_int_equal(o->traits, TT_TRAIT_TCP_NO_OPTIONS | TT_TRAIT_TCP_WINDOWS);
	assert_int_equal(__builtin_popcountll(o->dst_bitmap), 1);
	assert_int_equal(b.out.tally_n, 1);
	assert_int_equal(b.out.tallies[0].uplink, 2);
	rig_close(&b);
}

static void other_port_varied_is_told(void **state) {
	(void)state;
	struct rig b;
	rig_open(&b, &rig_conf);
	struct tt_pkt p = simple(1);
	add_one(b.flow, p, 0);
	p.other_port++;
	add_one(b.flow, p, 1);
	p.other_port--;
	add_one(b.flow, p, 2);
	rig_drain(&b);
	assert_int_equal(b.out.rows[0].obs.other_port, 4000);
	assert_int_equal(b.out.rows[0].obs.flags, TT_OBS_OTHER_PORT | TT_OBS_OTHER_PORT_VARIED);
	rig_close(&b);
}

static void narrow_counters_saturate(void **state) {
	(void)state;
	struct rig b;
	rig_open(&b, &rig_conf);
	struct tt_pkt p = simple(1);
	p.testable = 1;
	p.tools = 7;
	add_one(b.flow, p, 0);
	struct flow_table *t = &b.flow->half[0].v4;
	struct flow_value *v = table_value(t, table_next(t, 0));
	struct flow_rare *r = table_rare(t, table_next(t, 0));
	v->packets = UINT32_MAX - 1; // all of which could be tested
	r->matches[0] = r->matches[1] = UINT32_MAX - 1;
	for (unsigned i = 0; i < 3; i++)
		add_one(b.flow, p, 0);
	rig_drain(&b);
	const struct tt_obs *o = &b.out.rows[0].obs;
	assert_int_equal(o->tested, UINT32_MAX);
	assert_int_equal(o->matches[0], UINT32_MAX);
	assert_int_equal(o->matches[1], UINT32_MAX);
	assert_int_equal(o->matches[2], 4);
	assert_int_equal(o->packets, UINT32_MAX + 2ull);
	rig_close(&b);
}

static void wide_counters_pass_32_bits(void **state) {
	(void)state;
	struct rig b;
	rig_open(&b, &rig_conf);
	struct tt_pkt p = simple(1);
	p.testable = 1;
	add_one(b.flow, p, 0);
	struct flow_table *t = &b.flow->half[0].v4;
	table_value(t, table_next(t, 0))->bytes = UINT32_MAX - 100;
	table_high(t, table_next(t, 0))->packets = 2;
	p.testable = 0;
	for (unsigned i = 0; i < 3; i++) // of 60 bytes
		add_one(b.flow, p, 0);
	rig_drain(&b);
	const struct tt_obs *o = &b.out.rows[0].obs;
	assert_int_equal(o->bytes, UINT32_MAX - 100ull + 3 * 60);
	assert_int_equal(o->packets, (2ull << 32) + 4);
	assert_int_equal(o->tested, UINT32_MAX);
	rig_close(&b);
}

static void untestable_packets_pass_32_bits(void **state) {
	(void)state;
	struct rig b;
	rig_open(&b, &rig_conf);
	struct tt_pkt p = simple(1);
	p.testable = 1;
	add_one(b.flow, p, 0);
	struct flow_table *t = &b.flow->half[0].v4;
	table_high(t, table_next(t, 0))->packets = 1;
	table_rare(t, table_next(t, 0))->unlike = UINT32_MAX;
	p.testable = 0;
	for (unsigned i = 0; i < 3; i++)
		add_one(b.flow, p, 0);
	rig_drain(&b);
	assert_int_equal(b.out.rows[0].obs.packets, (1ull << 32) + 4);
	assert_int_equal(b.out.rows[0].obs.tested, 2); // the others: 2^32 + 2
	rig_close(&b);
}

static void spilled_counters_pass_32_bits(void **state) {
	(void)state;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.ipv4 = 8;
	rig_open(&b, &c);
	const uint32_t places = b.flow->half[0].v4.budget;
	for (uint32_t i = 0; i <= places; i++)
		assert_true(add_one(b.flow, simple(i), 0));
	struct flow_table *t = &b.flow->half[0].spill;
	assert_int_equal(t->used, 1);
	table_value(t, table_next(t, 0))->bytes = UINT32_MAX - 100;
	for (uint32_t i = 0; i < 3; i++) // of 60 bytes
		assert_true(add_one(b.flow, simple(1000 + i), 0));
	rig_drain(&b);
	assert_int_equal(b.out.rows[places].obs.flags, TT_OBS_SPILLED);
	assert_int_equal(b.out.rows[places].obs.bytes, UINT32_MAX - 100ull + 3 * 60);
	assert_int_equal(b.out.rows[places].obs.packets, 4);
	rig_close(&b);
}

static void bitmap_estimates_destinations_under_the_secret(void **state) {
	(void)state;
	uint64_t seen[2][2];
	for (unsigned s = 0; s < 2; s++) {
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.secret[0] = (uint8_t)s;
		rig_open(&b, &c);
		for (unsigned i = 0; i < 1000; i++) {
			struct tt_pkt p = simple(1);
			if (i < 20) { // 20 destinations: 64 (1 - (1 - 1/64)^20) = 17.3 bits
				      // expected
				p.dst[3] = (uint8_t)i;
				add_one(b.flow, p, 0);
			}
			p = simple(2);
			memcpy(p.dst, &i, 4);
			add_one(b.flow, p, 0);
		}
		rig_drain(&b);
		for (unsigned i = 0; i < 2; i++)
			seen[s][i] = b.out.rows[i].obs.dst_bitmap;
		assert_in_range(__builtin_popcountll(seen[s][0]), 12, 20);
		assert_int_equal(__builtin_popcountll(seen[s][1]), 64);
		rig_close(&b);
	}
	assert_true(seen[0][0] != seen[1][0]);
}

static void broken_clocks_count_at_the_ends_of_time(void **state) {
	(void)state;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.epoch_s = 1;
	rig_open(&b, &c);
	struct tt_pkt p[5];
	for (unsigned i = 0; i < 5; i++)
		p[i] = simple(1);
	const int64_t ns[5] = {
		INT64_MIN, -1, INT64_MAX, TT_TIME_MAX * TT_NS + 5, TT_TIME_MAX * TT_NS};
	const uint32_t len[5] = {60, 60, 60, 60, 60};
	rig_add(&b, 0, p, ns, len, 5);
	rig_drain(&b);
	model_fold(&b.out, MODEL_FLOW, true);
	assert_int_equal(b.out.n, 2);
	assert_int_equal(b.out.rows[0].obs.epoch, 0);
	assert_int_equal(b.out.rows[0].obs.packets, 2);
	assert_int_equal(b.out.rows[1].obs.epoch, TT_TIME_MAX);
	assert_int_equal(b.out.rows[1].obs.packets, 3);
	rig_assert_same(&b);
	rig_close(&b);
}

static void late_packets_are_told_only_where_asked_for(void **state) {
	(void)state;
	for (unsigned mark = 0; mark < 2; mark++) {
		struct rig b;
		struct tt_flow_conf c = rig_conf;
		c.mark_late = mark;
		rig_open(&b, &c);
		const int64_t at[] = {600, 599, 601, 0, 660, 659, 661};
		for (unsigned i = 0; i < 7; i++)
			add_one(b.flow, simple(i), at[i]);
		struct tt_flow_stats st;
		tt_flow_stats(b.flow, &st);
		assert_int_equal(st.late, mark ? 3 : 0);
		rig_drain(&b);
		uint64_t late = 0;
		for (size_t i = 0; i < b.out.tally_n; i++)
			late += b.out.tallies[i].late;
		assert_int_equal(late, mark ? 3 : 0);
		rig_close(&b);
	}
}

static void without_sensors_everything_is_unassigned(void **state) {
	(void)state;
	struct rig b;
	struct tt_flow_conf c = rig_conf;
	c.sensors = 0;
	rig_open(&b, &c);
	rig_add_random(&b, &(struct rig_traffic){10, 3, 0, 60}, 10);
	rig_drain(&b);
	assert_int_equal(b.out.n, 0);
	rig_assert_same(&b);
	rig_close(&b);
}

static void memory_is_accounted_for(void **state) {
	(void)state;
	// round numbers, buckets that are as full as they get, and one flow more than that
	const uint32_t sizes[] = {50000, 57344, 62464, 62465, 65536};
	for (unsigned i = 0; i < 2 * RTE_DIM(sizes); i++) {
		struct tt_flow_conf c = rig_conf;
		uint32_t n = sizes[i / 2];
		c.ipv4 = i % 2 ? 0 : n;
		c.ipv6 = i % 2 ? n : 0;
		c.spill = c.tallies = 0;
		struct tt_flow *f = tt_flow_create(&c, NULL);
		assert_non_null(f);
		size_t took = tt_flow_memory(f), said = tt_flow_estimate(&c);
		assert_in_range(took, said / 10 * 9, said);
		assert_in_range(took / n, 100, i % 2 ? 299 : 255); // below 300 and 256
		tt_flow_destroy(&f);
	}
	struct tt_flow *f = tt_flow_create(&rig_conf, NULL);
	assert_in_range(tt_flow_memory(f), tt_flow_estimate(&rig_conf) / 10 * 9,
		tt_flow_estimate(&rig_conf));
	tt_flow_destroy(&f);
}

static void impossible_wishes_are_refused_with_a_message(void **state) {
	(void)state;
	struct tt_err err;
	struct tt_flow_conf c = rig_conf;
	c.epoch_s = 7;
	assert_null(tt_flow_create(&c, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.msg, "divisor of 3600"));
	c = rig_conf;
	c.ipv4 = 4000000;
	assert_null(tt_flow_create(&c, &err));
	assert_int_equal(errno, ENOMEM);
	assert_non_null(strstr(err.msg, "4000000 IPv4"));
	c.ipv4 = UINT32_MAX;
	assert_null(tt_flow_create(&c, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.msg, "flow.ipv4"));
	c = rig_conf;
	c.uplinks = 0;
	assert_null(tt_flow_create(&c, &err));
	tt_flow_destroy(NULL);
	// nothing of the failures stays behind
	for (unsigned i = 0; i < 100; i++) {
		struct tt_flow *f[2] = {
			tt_flow_create(&rig_conf, &err), tt_flow_create(&rig_conf, &err)};
		assert_non_null(f[0]);
		assert_non_null(f[1]);
		tt_flow_destroy(&f[0]);
		tt_flow_destroy(&f[1]);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waiting_worker_stops_until_harvested),
		cmocka_unit_test(full_table_knows_duplicates_of_a_burst),
		cmocka_unit_test(table_takes_its_whole_budget_again_and_again),
		cmocka_unit_test(rte_hash_agrees_with_every_new_flow),
		cmocka_unit_test(chains_emptied_by_key_leave_nothing_behind),
		cmocka_unit_test(values_add_up),
		cmocka_unit_test(other_port_varied_is_told),
		cmocka_unit_test(narrow_counters_saturate),
		cmocka_unit_test(wide_counters_pass_32_bits),
		cmocka_unit_test(untestable_packets_pass_32_bits),
		cmocka_unit_test(spilled_counters_pass_32_bits),
		cmocka_unit_test(bitmap_estimates_destinations_under_the_secret),
		cmocka_unit_test(broken_clocks_count_at_the_ends_of_time),
		cmocka_unit_test(late_packets_are_told_only_where_asked_for),
		cmocka_unit_test(without_sensors_everything_is_unassigned),
		cmocka_unit_test(memory_is_accounted_for),
		cmocka_unit_test(impossible_wishes_are_refused_with_a_message),
	};
	return cmocka_run_group_tests(tests, test_eal, NULL);
}
