/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow_impl.h"
#include "flow_model.h"
#include "flow_test_eal.h"
#include "tt_hash.h"
#include "tt_time.h"

#define UPLINKS 3
#define SENSORS 5

static const struct tt_flow_conf ample = {
	.socket = -1,
	.epoch_s = 60,
	.ipv4 = 50000,
	.ipv6 = 20000,
	.spill = 1000,
	.tallies = 2000,
	.sensors = SENSORS,
	.uplinks = UPLINKS,
	.secret = "not so secret",
};

static uint64_t seed;

static uint32_t rnd(uint32_t n) {
	seed += 0x9e3779b97f4a7c15;
	return (uint32_t)((tt_mix64(seed) >> 32) * n >> 32);
}

/// What random traffic is made of.
struct traffic {
	uint32_t sources, ports; // distinct ones
	int64_t start;		 // seconds
	uint32_t span_s;
};

static void random_packet(const struct traffic *t, struct tt_pkt *p, int64_t *ns, uint32_t *len) {
	*p = (struct tt_pkt){.sensor = TT_NO_SENSOR};
	uint32_t src = rnd(t->sources);
	p->class = rnd(20) ? (uint8_t)rnd(TT_OBSERVED_CLASS_N) : (uint8_t)(TT_MALFORMED + rnd(2));
	p->family = rnd(3) ? 4 : 6;
	memcpy(p->src, &src, 4);
	if (p->family == 6)
		memset(p->src + 4, 0x20, 12);
	uint32_t dst = rnd(256);
	memcpy(p->dst, &dst, 4);
	p->proto = rnd(2) ? 6 : 17;
	p->port = (uint16_t)rnd(t->ports);
	p->has_ports = rnd(4) > 0;
	p->other_port = p->has_ports ? (uint16_t)(1000 + rnd(2)) : 0;
	p->ttl = (uint8_t)rnd(256);
	p->tcp_flags = (uint8_t)(1u << rnd(8));
	p->traits = 1u << rnd(TT_TRAIT_N);
	p->tools = rnd(2) ? (uint8_t)rnd(8) : 0;
	p->testable = rnd(2) > 0;
	p->syn_sample = rnd(3) == 0;
	p->window = p->syn_sample ? (uint16_t)rnd(65536) : 0;
	p->opt_hash = p->syn_sample ? rnd(UINT32_MAX) : 0;
	p->feed_fragment = rnd(10) == 0;
	if (rnd(10))
		p->sensor = (uint16_t)rnd(SENSORS);
	*ns = (t->start + rnd(t->span_s)) * TT_NS + rnd(1000000000);
	*len = 60 + rnd(1440);
}

/// One flow table under test, with what went in and what came out.
struct bench {
	struct tt_flow *flow;
	struct tt_flow_conf conf;
	struct model in, out;
	struct tt_flow_sink sink;
};

static void bench_open(struct bench *b, const struct tt_flow_conf *conf) {
	*b = (struct bench){.conf = *conf};
	struct tt_err err;
	b->flow = tt_flow_create(conf, &err);
	if (!b->flow)
		fail_msg("%s", err.msg);
	b->sink = (struct tt_flow_sink){model_obs, model_tally, &b->out};
}

static void bench_close(struct bench *b) {
	tt_flow_destroy(&b->flow);
	assert_null(b->flow);
	model_free(&b->in);
	model_free(&b->out);
}

/// Adds all packets, harvesting where the table asks for it.
static void add(struct bench *b, unsigned uplink, const struct tt_pkt *p, const int64_t *ns,
	const uint32_t *len, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		model_packet(&b->in, b->conf.epoch_s, b->conf.sensors, (uint16_t)uplink, &p[i],
			ns[i], len[i]);
	for (unsigned done = 0; done < n;) {
		done += tt_flow_add(b->flow, uplink, p + done, ns + done, len + done, n - done);
		if (done < n)
			assert_int_equal(tt_flow_harvest(b->flow, &b->sink), 1);
	}
}

static void drain(struct bench *b) {
	tt_flow_harvest(b->flow, &b->sink);
	assert_true(tt_flow_switch(b->flow));
	assert_int_equal(tt_flow_harvest(b->flow, &b->sink), 1);
	assert_int_equal(tt_flow_harvest(b->flow, &b->sink), 0);
	assert_true(tt_flow_idle(b->flow));
}

static void add_random(struct bench *b, const struct traffic *t, unsigned bursts) {
	for (unsigned i = 0; i < bursts; i++) {
		struct tt_pkt p[64];
		int64_t ns[64];
		uint32_t len[64];
		unsigned n = 1 + rnd(64);
		for (unsigned k = 0; k < n; k++) {
			if (k && rnd(4) == 0) { // the same flow again in the burst
				p[k] = p[rnd(k)];
				ns[k] = ns[k - 1];
				len[k] = 60 + rnd(40);
			} else {
				random_packet(t, &p[k], &ns[k], &len[k]);
			}
		}
		add(b, rnd(UPLINKS), p, ns, len, n);
	}
}

static void assert_same_tallies(struct bench *b) {
	assert_int_equal(b->in.tally_n, b->out.tally_n);
	for (size_t i = 0; i < b->in.tally_n; i++) {
		const struct tt_tally *x = &b->in.tallies[i], *y = &b->out.tallies[i];
		assert_int_equal(x->epoch, y->epoch);
		assert_int_equal(x->uplink, y->uplink);
		assert_int_equal(x->feed_fragments, y->feed_fragments);
		for (unsigned f = 0; f < TT_FATE_OBSERVED; f++) {
			assert_int_equal(x->packets[f], y->packets[f]);
			assert_int_equal(x->bytes[f], y->bytes[f]);
		}
		assert_int_equal(x->packets[TT_FATE_OBSERVED],
			y->packets[TT_FATE_OBSERVED] + y->packets[TT_FATE_SPILLED]);
		assert_int_equal(x->bytes[TT_FATE_OBSERVED],
			y->bytes[TT_FATE_OBSERVED] + y->bytes[TT_FATE_SPILLED]);
	}
}

static void assert_same_obs(const struct tt_obs *x, const struct tt_obs *y) {
	assert_int_equal(model_key_cmp(x, y), 0);
	assert_int_equal(x->flags, y->flags);
	assert_int_equal(x->packets, y->packets);
	assert_int_equal(x->bytes, y->bytes);
	assert_int_equal(x->first_us, y->first_us);
	assert_int_equal(x->last_us, y->last_us);
	assert_int_equal(x->traits, y->traits);
	for (unsigned t = 0; t < TT_TOOL_N; t++)
		assert_int_equal(x->matches[t], y->matches[t]);
	assert_int_equal(x->tested, y->tested);
	assert_int_equal(x->opt_hash, y->opt_hash);
	assert_int_equal(x->window, y->window);
	assert_int_equal(x->other_port, y->other_port);
	assert_int_equal(x->tcp_flags, y->tcp_flags);
	assert_int_equal(x->ttl_min, y->ttl_min);
	assert_int_equal(x->ttl_max, y->ttl_max);
	assert_in_range(__builtin_popcountll(y->dst_bitmap), 1, x->packets < 64 ? x->packets : 64);
}

/// Everything that went in came out, field by field.
static void assert_same(struct bench *b) {
	model_fold(&b->in, MODEL_FLOW, true);
	model_fold(&b->out, MODEL_FLOW, true);
	assert_same_tallies(b);
	assert_int_equal(b->in.n, b->out.n);
	for (size_t i = 0; i < b->in.n; i++) {
		assert_same_obs(&b->in.rows[i].obs, &b->out.rows[i].obs);
	}
}

/// As assert_same, but packets may have been counted without their source, service or both.
static void assert_same_but_spilled(struct bench *b, bool epochs) {
	uint64_t packets[TT_FATE_N], bytes[TT_FATE_N], spilled[2] = {0};
	bool totals = false;
	model_tally_sum(&b->out, packets, bytes);
	for (size_t i = 0; i < b->out.n; i++) {
		const struct tt_obs *o = &b->out.rows[i].obs;
		assert_true(o->packets > 0);
		if (!(o->flags & TT_OBS_SPILLED)) {
			assert_true(o->family == 4 || o->family == 6);
			continue;
		}
		assert_int_equal(o->family, 0);
		totals |= (o->flags & TT_OBS_CLASS_TOTAL) != 0;
		spilled[0] += o->packets;
		spilled[1] += o->bytes;
	}
	assert_int_equal(spilled[0], packets[TT_FATE_SPILLED]);
	assert_int_equal(spilled[1], bytes[TT_FATE_SPILLED]);
	enum model_key key = totals ? MODEL_CLASS : MODEL_SERVICE;
	for (size_t i = 0; !epochs && i < b->in.n; i++)
		b->in.rows[i].obs.epoch = 0;
	for (size_t i = 0; !epochs && i < b->out.n; i++)
		b->out.rows[i].obs.epoch = 0;
	model_fold(&b->in, key, epochs);
	model_fold(&b->out, key, epochs);
	assert_same_tallies(b);
	assert_int_equal(b->in.n, b->out.n);
	for (size_t i = 0; i < b->in.n; i++) {
		const struct tt_obs *x = &b->in.rows[i].obs, *y = &b->out.rows[i].obs;
		assert_int_equal(model_key_cmp(x, y), 0);
		assert_int_equal(x->packets, y->packets);
		assert_int_equal(x->bytes, y->bytes);
		if (epochs) {
			assert_int_equal(x->first_us, y->first_us);
			assert_int_equal(x->last_us, y->last_us);
		}
	}
}

static void every_packet_comes_out_once(void **state) {
	(void)state;
	const uint32_t epochs[] = {1, 60, 3600};
	for (unsigned e = 0; e < 3; e++) {
		seed = e;
		struct bench b;
		struct tt_flow_conf c = ample;
		c.epoch_s = epochs[e];
		c.wait_when_full = e == 1;
		bench_open(&b, &c);
		add_random(&b, &(struct traffic){300, 4, 1734490000, 300}, 1000);
		struct tt_flow_stats st;
		tt_flow_stats(b.flow, &st);
		assert_int_equal(st.spilled, 0);
		drain(&b);
		assert_same(&b);
		bench_close(&b);
	}
}

static void waiting_tables_of_any_size_lose_nothing(void **state) {
	(void)state;
	const uint32_t sizes[] = {0, 8, 15, 100};
	for (unsigned i = 0; i < 4; i++) {
		seed = 10 + i;
		struct bench b;
		struct tt_flow_conf c = ample;
		c.ipv4 = c.ipv6 = sizes[i];
		c.wait_when_full = true;
		bench_open(&b, &c);
		add_random(&b, &(struct traffic){200, 3, 0, 400}, 300);
		drain(&b);
		assert_same(&b);
		bench_close(&b);
	}
}

static void spilling_loses_no_packet(void **state) {
	(void)state;
	const struct {
		uint32_t flows, spill, ports;
	} cases[] = {{0, 60000, 50}, {8, 60000, 5}, {100, 20, 50}, {8, 0, 5}, {0, 1, 60000}};
	for (unsigned i = 0; i < 5; i++) {
		seed = 20 + i;
		struct bench b;
		struct tt_flow_conf c = ample;
		c.ipv4 = c.ipv6 = cases[i].flows;
		c.spill = cases[i].spill;
		bench_open(&b, &c);
		// six epochs: the rows of class totals do, so that each epoch keeps its own
		add_random(&b, &(struct traffic){500, cases[i].ports, 1734490000, 300}, 500);
		drain(&b);
		assert_true(b.flow->spilled > 1000);
		assert_same_but_spilled(&b, true);
		bench_close(&b);
	}
}

static void full_tallies_wait_or_fold(void **state) {
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		seed = 30 + i;
		struct bench b;
		struct tt_flow_conf c = ample;
		c.tallies = i & 1 ? 0 : 7;
		c.wait_when_full = i < 2;
		bench_open(&b, &c);
		add_random(&b, &(struct traffic){100, 3, 1000000, 3000}, 200);
		drain(&b);
		if (i < 2) {
			assert_same(&b);
		} else {
			assert_true(b.flow->switches > 0);
			// observations keep their epoch, tallies only their uplink
			model_fold(&b.in, MODEL_FLOW, false);
			model_fold(&b.out, MODEL_FLOW, false);
			assert_same_tallies(&b);
			assert_int_equal(b.in.n, b.out.n);
		}
		bench_close(&b);
	}
}

static void spilling_replay_keeps_epochs(void **state) {
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		seed = 40 + i;
		struct bench b;
		struct tt_flow_conf c = ample;
		c.ipv4 = c.ipv6 = c.spill = 0;
		c.tallies = i ? 20000 : 5;
		c.epoch_s = 1;
		c.keep_epochs = true;
		bench_open(&b, &c);
		add_random(&b, &(struct traffic){1000, 100, 5000, 3000}, 500);
		assert_true(b.flow->waits > 0);
		drain(&b);
		assert_same_but_spilled(&b, true);
		bench_close(&b);
	}
}

static void live_probe_never_waits(void **state) {
	(void)state;
	seed = 50;
	struct bench b;
	struct tt_flow_conf c = ample;
	c.ipv4 = c.ipv6 = c.spill = c.tallies = 0;
	c.epoch_s = 1;
	bench_open(&b, &c);
	// nobody harvests: both tables fill, then everything is folded
	for (unsigned i = 0; i < 3000; i++) {
		struct tt_pkt p;
		int64_t ns;
		uint32_t len;
		random_packet(&(struct traffic){1000, 100, 5000, 3000}, &p, &ns, &len);
		model_packet(&b.in, c.epoch_s, c.sensors, 0, &p, ns, len);
		assert_int_equal(tt_flow_add(b.flow, 0, &p, &ns, &len, 1), 1);
	}
	assert_int_equal(b.flow->switches, 1);
	assert_int_equal(b.flow->waits, 0);
	drain(&b);
	assert_same_but_spilled(&b, false);
	bench_close(&b);
}

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
	struct bench b;
	struct tt_flow_conf c = ample;
	c.ipv4 = c.ipv6 = 8;
	c.wait_when_full = true;
	bench_open(&b, &c);
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
	bench_close(&b);
}

static void full_table_knows_duplicates_of_a_burst(void **state) {
	(void)state;
	struct bench b;
	struct tt_flow_conf c = ample;
	c.ipv4 = 8;
	bench_open(&b, &c);
	unsigned places = b.flow->half[0].v4.budget;
	for (unsigned i = 0; i < places - 1; i++)
		assert_true(add_one(b.flow, simple(i), 0));
	// the last place goes to 1000; its duplicates find it, 1001 is spilled
	struct tt_pkt p[4] = {simple(1000), simple(1001), simple(1000), simple(1000)};
	int64_t ns[4] = {0};
	uint32_t len[4] = {60, 60, 60, 60};
	assert_int_equal(tt_flow_add(b.flow, 0, p, ns, len, 4), 4);
	drain(&b);
	assert_int_equal(b.out.n, places + 1);
	assert_int_equal(b.out.rows[places - 1].obs.packets, 3);
	assert_int_equal(b.out.rows[places].obs.packets, 1);
	assert_int_equal(b.out.rows[places].obs.flags, TT_OBS_SPILLED);
	bench_close(&b);
}

static void table_takes_its_whole_budget_again_and_again(void **state) {
	(void)state;
	struct bench b;
	struct tt_flow_conf c = ample;
	c.ipv4 = 3584;
	bench_open(&b, &c);
	uint32_t budget = b.flow->half[0].v4.budget;
	assert_int_equal(budget, 3584); // fills 4096 slots to 7/8
	// few are emptied by key, many by reset, in both tables
	const uint32_t rounds[] = {budget, 5, budget, 111, 112, 1, budget, budget, 64, 65};
	for (unsigned r = 0; r < 10; r++) {
		for (uint32_t i = 0; i < rounds[r]; i++)
			assert_true(add_one(b.flow, simple(i * 7919 + r), r));
		assert_int_equal(b.flow->spilled, 0);
		assert_int_equal(b.flow->used4, rounds[r]);
		b.out.n = 0;
		drain(&b);
		assert_int_equal(b.out.n, rounds[r]);
		for (unsigned h = 0; h < 2; h++)
			assert_int_equal(rte_hash_count(b.flow->half[h].v4.hash), 0);
	}
	bench_close(&b);
}

static void values_add_up(void **state) {
	(void)state;
	struct bench b;
	bench_open(&b, &ample);
	struct tt_pkt p[3] = {simple(9), simple(9), simple(9)};
	p[0].ttl = 60, p[1].ttl = 50, p[2].ttl = 70;
	p[0].tcp_flags = 2, p[1].tcp_flags = 1, p[2].tcp_flags = 8;
	p[0].has_ports = 0; // the first packet says nothing about the other port
	p[1].other_port = 1234, p[2].other_port = 1234;
	p[1].syn_sample = 1, p[1].window = 1024, p[1].opt_hash = 77;
	p[2].syn_sample = 1, p[2].window = 2048, p[2].opt_hash = 78;
	p[2].tools = 1 << TT_TOOL_MIRAI, p[1].testable = p[2].testable = 1;
	p[0].traits = TT_TRAIT_TCP_NO_OPTIONS, p[2].traits = TT_TRAIT_TCP_WINDOWS;
	int64_t ns[3] = {90 * TT_NS + 500000, 61 * TT_NS, 119 * TT_NS + 999999999};
	uint32_t len[3] = {60, 1500, 40};
	assert_int_equal(tt_flow_add(b.flow, 2, p, ns, len, 3), 3);
	drain(&b);
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
	bench_close(&b);
}

static void other_port_varied_is_told(void **state) {
	(void)state;
	struct bench b;
	bench_open(&b, &ample);
	struct tt_pkt p = simple(1);
	add_one(b.flow, p, 0);
	p.other_port++;
	add_one(b.flow, p, 1);
	p.other_port--;
	add_one(b.flow, p, 2);
	drain(&b);
	assert_int_equal(b.out.rows[0].obs.other_port, 4000);
	assert_int_equal(b.out.rows[0].obs.flags, TT_OBS_OTHER_PORT | TT_OBS_OTHER_PORT_VARIED);
	bench_close(&b);
}

static void narrow_counters_saturate(void **state) {
	(void)state;
	struct bench b;
	bench_open(&b, &ample);
	struct tt_pkt p = simple(1);
	p.testable = 1;
	p.tools = 7;
	add_one(b.flow, p, 0);
	struct flow_table *t = &b.flow->half[0].v4;
	struct flow_value *v = &t->values[t->list[0]];
	v->tested = v->matches[0] = v->matches[1] = UINT32_MAX - 1;
	for (unsigned i = 0; i < 3; i++)
		add_one(b.flow, p, 0);
	drain(&b);
	const struct tt_obs *o = &b.out.rows[0].obs;
	assert_int_equal(o->tested, UINT32_MAX);
	assert_int_equal(o->matches[0], UINT32_MAX);
	assert_int_equal(o->matches[1], UINT32_MAX);
	assert_int_equal(o->matches[2], 4);
	assert_int_equal(o->packets, 4);
	bench_close(&b);
}

static void bitmap_estimates_destinations_under_the_secret(void **state) {
	(void)state;
	uint64_t seen[2][2];
	for (unsigned s = 0; s < 2; s++) {
		struct bench b;
		struct tt_flow_conf c = ample;
		c.secret[0] = (uint8_t)s;
		bench_open(&b, &c);
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
		drain(&b);
		for (unsigned i = 0; i < 2; i++)
			seen[s][i] = b.out.rows[i].obs.dst_bitmap;
		assert_in_range(__builtin_popcountll(seen[s][0]), 12, 20);
		assert_int_equal(__builtin_popcountll(seen[s][1]), 64);
		bench_close(&b);
	}
	assert_true(seen[0][0] != seen[1][0]);
}

static void broken_clocks_count_at_the_ends_of_time(void **state) {
	(void)state;
	struct bench b;
	struct tt_flow_conf c = ample;
	c.epoch_s = 1;
	bench_open(&b, &c);
	struct tt_pkt p[5];
	for (unsigned i = 0; i < 5; i++)
		p[i] = simple(1);
	const int64_t ns[5] = {
		INT64_MIN, -1, INT64_MAX, TT_TIME_MAX * TT_NS + 5, TT_TIME_MAX * TT_NS};
	const uint32_t len[5] = {60, 60, 60, 60, 60};
	add(&b, 0, p, ns, len, 5);
	drain(&b);
	model_fold(&b.out, MODEL_FLOW, true);
	assert_int_equal(b.out.n, 2);
	assert_int_equal(b.out.rows[0].obs.epoch, 0);
	assert_int_equal(b.out.rows[0].obs.packets, 2);
	assert_int_equal(b.out.rows[1].obs.epoch, TT_TIME_MAX);
	assert_int_equal(b.out.rows[1].obs.packets, 3);
	assert_same(&b);
	bench_close(&b);
}

static void late_packets_are_told_only_where_asked_for(void **state) {
	(void)state;
	for (unsigned mark = 0; mark < 2; mark++) {
		struct bench b;
		struct tt_flow_conf c = ample;
		c.mark_late = mark;
		bench_open(&b, &c);
		const int64_t at[] = {600, 599, 601, 0, 660, 659, 661};
		for (unsigned i = 0; i < 7; i++)
			add_one(b.flow, simple(i), at[i]);
		struct tt_flow_stats st;
		tt_flow_stats(b.flow, &st);
		assert_int_equal(st.late, mark ? 3 : 0);
		drain(&b);
		uint64_t late = 0;
		for (size_t i = 0; i < b.out.tally_n; i++)
			late += b.out.tallies[i].late;
		assert_int_equal(late, mark ? 3 : 0);
		bench_close(&b);
	}
}

static void live_counters_hold_observed_and_spilled(void **state) {
	(void)state;
	seed = 60;
	struct bench b;
	struct tt_flow_conf c = ample;
	c.ipv4 = 100;
	bench_open(&b, &c);
	add_random(&b, &(struct traffic){1000, 3, 1000, 60}, 100);
	drain(&b);
	model_fold(&b.in, MODEL_CLASS, true);
	uint64_t want[SENSORS][TT_OBSERVED_CLASS_N] = {0};
	for (size_t i = 0; i < b.in.n; i++)
		want[b.in.rows[i].obs.sensor][b.in.rows[i].obs.class] += b.in.rows[i].obs.packets;
	for (uint16_t s = 0; s < SENSORS; s++) {
		const struct tt_live *l = tt_flow_live(b.flow, s);
		for (unsigned k = 0; k < TT_OBSERVED_CLASS_N; k++) {
			assert_int_equal(l->packets[k], want[s][k]);
			assert_true(l->bytes[k] >= 60 * want[s][k]);
		}
		assert_in_range(l->last_ns, 1000 * TT_NS, 1061 * TT_NS);
	}
	assert_null(tt_flow_live(b.flow, SENSORS));
	bench_close(&b);
}

/// The worker of the concurrent test; the harvester is the test's own thread.
struct worker {
	struct bench *b;
	_Atomic bool done;
	unsigned bursts;
};

static void *work(void *arg) {
	struct worker *w = arg;
	struct bench *b = w->b;
	for (unsigned i = 0; i < w->bursts; i++) {
		struct tt_pkt p[64];
		int64_t ns[64];
		uint32_t len[64];
		for (unsigned k = 0; k < 64; k++) {
			random_packet(
				&(struct traffic){3000, 3, i / 16, 60}, &p[k], &ns[k], &len[k]);
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
		seed = 70 + i;
		struct bench b;
		struct tt_flow_conf c = ample;
		c.ipv4 = c.ipv6 = i ? 1000 : 20;
		c.tallies = 50;
		c.wait_when_full = c.keep_epochs = i;
		bench_open(&b, &c);
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
			assert_same(&b);
		else
			assert_same_but_spilled(&b, false);
		bench_close(&b);
	}
}

static void memory_is_accounted_for(void **state) {
	(void)state;
	const struct { uint32_t v4, v6, most; } cases[] = {{57344, 0, 256}, {0, 57344, 300}};
	for (unsigned i = 0; i < 2; i++) {
		struct tt_flow_conf c = ample;
		c.ipv4 = cases[i].v4;
		c.ipv6 = cases[i].v6;
		c.spill = c.tallies = 0;
		struct tt_flow *f = tt_flow_create(&c, NULL);
		assert_non_null(f);
		size_t took = tt_flow_memory(f), said = tt_flow_estimate(&c);
		assert_in_range(took, said / 10 * 9, said);
		assert_in_range(took / 57344, 100, cases[i].most);
		tt_flow_destroy(&f);
	}
	struct tt_flow *f = tt_flow_create(&ample, NULL);
	assert_in_range(
		tt_flow_memory(f), tt_flow_estimate(&ample) / 10 * 9, tt_flow_estimate(&ample));
	tt_flow_destroy(&f);
}

static void impossible_wishes_are_refused_with_a_message(void **state) {
	(void)state;
	struct tt_err err;
	struct tt_flow_conf c = ample;
	c.epoch_s = 7;
	assert_null(tt_flow_create(&c, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.msg, "divisor of 3600"));
	c = ample;
	c.ipv4 = 4000000;
	assert_null(tt_flow_create(&c, &err));
	assert_int_equal(errno, ENOMEM);
	assert_non_null(strstr(err.msg, "4000000 IPv4"));
	c.ipv4 = UINT32_MAX;
	assert_null(tt_flow_create(&c, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.msg, "flow.ipv4"));
	c = ample;
	c.uplinks = 0;
	assert_null(tt_flow_create(&c, &err));
	tt_flow_destroy(NULL);
	// nothing of the failures stays behind
	for (unsigned i = 0; i < 100; i++) {
		struct tt_flow *f[2] = {tt_flow_create(&ample, &err), tt_flow_create(&ample, &err)};
		assert_non_null(f[0]);
		assert_non_null(f[1]);
		tt_flow_destroy(&f[0]);
		tt_flow_destroy(&f[1]);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_comes_out_once),
		cmocka_unit_test(waiting_tables_of_any_size_lose_nothing),
		cmocka_unit_test(spilling_loses_no_packet),
		cmocka_unit_test(full_tallies_wait_or_fold),
		cmocka_unit_test(spilling_replay_keeps_epochs),
		cmocka_unit_test(live_probe_never_waits),
		cmocka_unit_test(waiting_worker_stops_until_harvested),
		cmocka_unit_test(full_table_knows_duplicates_of_a_burst),
		cmocka_unit_test(table_takes_its_whole_budget_again_and_again),
		cmocka_unit_test(values_add_up),
		cmocka_unit_test(other_port_varied_is_told),
		cmocka_unit_test(narrow_counters_saturate),
		cmocka_unit_test(bitmap_estimates_destinations_under_the_secret),
		cmocka_unit_test(broken_clocks_count_at_the_ends_of_time),
		cmocka_unit_test(late_packets_are_told_only_where_asked_for),
		cmocka_unit_test(live_counters_hold_observed_and_spilled),
		cmocka_unit_test(worker_and_harvester_share_without_loss),
		cmocka_unit_test(memory_is_accounted_for),
		cmocka_unit_test(impossible_wishes_are_refused_with_a_message),
	};
	return cmocka_run_group_tests(tests, test_eal, NULL);
}
