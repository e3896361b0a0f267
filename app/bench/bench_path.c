/* SPDX-License-Identifier: BSD-3-Clause */
// The whole path of a worker against the one thing in it that nobody can do without: a bare bulk
// lookup of the same keys in the same order.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_hash.h>
#include <rte_prefetch.h>

#include "traffic_frame.h"
#include "tt_time.h"

struct tt_flow_conf bench_conf(uint32_t ipv4) {
	return (struct tt_flow_conf){
		.socket = -1,
		.epoch_s = 3600,
		.ipv4 = ipv4,
		.spill = 4096,
		.tallies = 16,
		.sensors = TRAFFIC_SENSORS,
		.uplinks = 1,
		.secret = "teiten-bench",
	};
}

/// Two sensors side by side, as traffic_frame sends to them, or traffic_frame6.
static struct tt_sensors *sensors_create(bool ipv6, struct tt_err *err) {
	char json[256];
	int n = snprintf(json, sizeof(json),
		"{\"kind\":\"sensors\",\"v\":1,\"sensors\":["
		"{\"id\":\"low\",\"match\":{\"prefixes\":[\"%s\"]}},"
		"{\"id\":\"high\",\"match\":{\"prefixes\":[\"%s\"]}}]}",
		ipv6 ? "2001:db8::/33" : "198.18.0.0/17",
		ipv6 ? "2001:db8:8000::/33" : "198.18.128.0/17");
	const char *uplink = "up0";
	struct tt_catalog *c = tt_catalog_loads(json, (size_t)n, "bench", err);
	struct tt_sensors *s = c ? tt_sensors_create(c, &uplink, 1, false, err) : NULL;
	tt_catalog_destroy(&c);
	return s;
}

struct path *path_create(const struct tt_flow_conf *conf) {
	struct tt_err err;
	struct path *p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	tt_packet_conf_init(&p->conf);
	p->sensors = sensors_create(conf->ipv4 == 0, &err);
	p->flow = p->sensors ? tt_flow_create(conf, &err) : NULL;
	if (!p->flow) {
		fprintf(stderr, "teiten-bench: %s\n", err.msg);
		path_destroy(&p);
		return NULL;
	}
	for (unsigned i = 0; i < BURST; i++) {
		p->ns[i] = TRAFFIC_SECONDS * TT_NS + i;
		p->frames[i].link = TT_LINK_ETHERNET;
	}
	return p;
}

void path_destroy(struct path **p) {
	if (!*p)
		return;
	tt_flow_destroy(&(*p)->flow);
	tt_sensors_destroy(&(*p)->sensors);
	free(*p);
	*p = NULL;
}

void path_receive(struct path *p, const struct traffic *t, uint32_t at) {
	for (unsigned i = 0; i < BURST; i++) {
		p->frames[i].data = traffic_frame_at(t, at + i);
		p->ns[i] += BURST;
	}
}

/// Asks for the headers of a poll's next burst before this one is counted, as a worker does.
static void path_ask(const struct traffic *t, uint32_t at) {
	uint32_t next = at + BURST;
	if (next % (POLL_BURSTS * BURST) == 0 || next >= t->n)
		return;
	for (unsigned i = 0; i < BURST; i++)
		rte_prefetch1(traffic_frame_at(t, next + i));
}

uint64_t cycles_used(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	double ns = (double)t.tv_sec * TT_NS + (double)t.tv_nsec;
	return (uint64_t)(ns * (double)rte_get_tsc_hz() / TT_NS);
}

void path_begin(struct path *p, const struct traffic *t) {
	for (unsigned i = 0; i < BURST; i++)
		p->len[i] = p->frames[i].caplen = p->frames[i].len = t->len;
}

uint64_t path_run(struct path *p, const struct traffic *t) {
	path_begin(p, t);
	uint64_t start = cycles_used();
	for (uint32_t at = 0; at < t->n; at += BURST) {
		path_receive(p, t, at);
		path_ask(t, at);
		tt_packet_parse(&p->conf, p->frames, p->pkts, BURST);
		tt_sensors_resolve(p->sensors, &p->conf, 0, p->frames, p->pkts, BURST);
		tt_flow_add(p->flow, 0, p->pkts, p->ns, p->len, BURST);
	}
	return cycles_used() - start;
}

void path_run_stages(struct path *p, const struct traffic *t) {
	path_begin(p, t);
	p->parse = p->resolve = 0;
	memset(tt_flow_cycles, 0, sizeof(tt_flow_cycles));
	uint64_t last = rte_rdtsc();
	for (uint32_t at = 0; at < t->n; at += BURST) {
		path_receive(p, t, at);
		path_ask(t, at);
		tt_packet_parse(&p->conf, p->frames, p->pkts, BURST);
		uint64_t parsed = rte_rdtsc();
		tt_sensors_resolve(p->sensors, &p->conf, 0, p->frames, p->pkts, BURST);
		uint64_t resolved = rte_rdtsc();
		tt_flow_add_timed(p->flow, 0, p->pkts, p->ns, p->len, BURST);
		p->parse += parsed - last;
		p->resolve += resolved - parsed;
		last = rte_rdtsc();
	}
}

/// A table as the flow table's, hashed by DPDK's own hash.
struct rte_hash *bare_create(uint32_t entries, uint32_t key_len) {
	struct rte_hash_parameters conf = {
		.name = "bare",
		.entries = entries,
		.key_len = key_len,
		.socket_id = -1,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	return rte_hash_create(&conf);
}

/// ahead: asks for the next burst's keys, as the path does for frames.
static uint64_t bare_run(struct rte_hash *h, const struct traffic *t, bool ahead, uint64_t *found) {
	uint64_t start = cycles_used();
	for (uint32_t at = 0; at < t->n; at += BURST) {
		const void *keys[BURST];
		int32_t pos[BURST];
		for (unsigned i = 0; i < BURST; i++)
			keys[i] = traffic_key_at(t, at + i);
		for (unsigned i = 0; ahead && at + BURST < t->n && i < BURST * t->key_len; i += 64)
			rte_prefetch0((const uint8_t *)traffic_key_at(t, at + BURST) + i);
		rte_hash_lookup_bulk(h, keys, BURST, pos);
		*found += pos[0] >= 0;
	}
	return cycles_used() - start;
}

typedef bool stream_create(struct traffic *t, uint32_t, uint32_t, enum traffic_order);

static bool fill(struct path *p, struct rte_hash *h, stream_create *create, uint32_t flows) {
	struct traffic once;
	if (!create(&once, flows, flows, TRAFFIC_ONCE))
		return false;
	path_run(p, &once);
	for (uint32_t i = 0; i < once.n; i++)
		rte_hash_add_key(h, traffic_key_at(&once, i));
	traffic_destroy(&once);
	return true;
}

static void compare(struct bench *b, const char *label, struct bar bar, struct path *p,
	struct rte_hash *h, const struct traffic *t) {
	double ratio[RUNS_MAX], full[RUNS_MAX], bare[RUNS_MAX], stage[5][RUNS_MAX], mpps[RUNS_MAX],
		ahead[RUNS_MAX];
	uint64_t found = 0;
	for (unsigned r = 0; r < b->runs; r++) {
		bare[r] = (double)bare_run(h, t, false, &found) / t->n;
		full[r] = (double)path_run(p, t) / t->n;
		ratio[r] = full[r] / bare[r];
		mpps[r] = (double)rte_get_tsc_hz() / full[r] / 1e6;
		ahead[r] = full[r] * t->n / (double)bare_run(h, t, true, &found);
		path_run_stages(p, t);
		stage[0][r] = (double)p->parse / t->n;
		stage[1][r] = (double)p->resolve / t->n;
		for (unsigned s = 0; s < TT_FLOW_STEPS; s++)
			stage[2 + s][r] = (double)tt_flow_cycles[s] / t->n;
	}
	struct tt_flow_stats st;
	tt_flow_stats(p->flow, &st);
	if (found != 2ull * b->runs * (t->n / BURST) || st.spilled)
		fprintf(stderr, "teiten-bench: %s: not all flows were in the table\n", label);
	const struct {
		const char *name, *unit;
		const double *samples;
		struct bar bar;
	} rows[] = {
		{"classify_vs_hash", "", ratio, bar},
		{"classify_vs_hash_ahead", "", ahead, {0}},
		{"classify", "cycles", full, {0}},
		{"classify_rate", "Mpps", mpps, {0}},
		{"hash_lookup", "cycles", bare, {0}},
		{"stage_parse", "cycles", stage[0], {0}},
		{"stage_sensor", "cycles", stage[1], {0}},
		{"stage_key", "cycles", stage[2], {0}},
		{"stage_lookup", "cycles", stage[3], {0}},
		{"stage_update", "cycles", stage[4], {0}},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s_%s", rows[i].name, label);
		result_add(b, name, rows[i].unit, rows[i].bar, rows[i].samples, b->runs);
	}
}

/// A working set that the path is measured with.
struct set {
	const char *label;
	uint32_t flows;
	enum traffic_order order;
	bool ipv6;
	struct bar bar; // of the path against the bare lookup
};

static void measure(struct bench *b, const struct set *set) {
	stream_create *create = set->ipv6 ? traffic_create6 : traffic_create;
	struct tt_flow_conf conf = bench_conf(set->ipv6 ? 0 : set->flows + BURST);
	conf.ipv6 = set->ipv6 ? set->flows + BURST : 0;
	struct path *p = path_create(&conf);
	struct tt_flow_stats size = {0};
	if (p)
		tt_flow_stats(p->flow, &size);
	struct rte_hash *h = bare_create(set->ipv6 ? size.slots6 : size.slots4, // as many buckets
		set->ipv6 ? sizeof(struct traffic_key6) : sizeof(struct traffic_key));
	struct traffic t = {0};
	if (p && h && fill(p, h, create, set->flows) &&
		create(&t, set->flows, b->quick ? 1u << 14 : 1u << 21, set->order))
		compare(b, set->label, set->bar, p, h, &t);
	traffic_destroy(&t);
	rte_hash_free(h);
	path_destroy(&p);
}

void bench_path(struct bench *b) {
	// the promise is about a million flows; of 999 thousand the buckets are as full as they get
	static const struct set sets[] = {
		{"1k", 1000, TRAFFIC_RANDOM, false, {0}},
		{"ipv6_1k", 1000, TRAFFIC_RANDOM, true, {0}},
		{"100k", 100000, TRAFFIC_RANDOM, false, {0}},
		{"1m", 1000000, TRAFFIC_RANDOM, false, {1.5, "lower"}},
		{"1k_zipf", 1000, TRAFFIC_ZIPF, false, {0}},
		{"100k_zipf", 100000, TRAFFIC_ZIPF, false, {0}},
		{"1m_zipf", 1000000, TRAFFIC_ZIPF, false, {1.5, "lower"}},
		{"4m_zipf", 4000000, TRAFFIC_ZIPF, false, {0}},
		{"999k", 999296, TRAFFIC_RANDOM, false, {0}},
		{"4m", 4000000, TRAFFIC_RANDOM, false, {0}},
		{"ipv6_100k", 100000, TRAFFIC_RANDOM, true, {0}},
		{"ipv6_1m", 1000000, TRAFFIC_RANDOM, true, {2, "lower"}},
	};
	for (unsigned i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		if (!b->quick || sets[i].flows <= 10000)
			measure(b, &sets[i]);
}
