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

/// Two sensors side by side, as traffic_frame sends to them.
static struct tt_sensors *sensors_create(struct tt_err *err) {
	static const char json[] =
		"{\"kind\":\"sensors\",\"v\":1,\"sensors\":["
		"{\"id\":\"low\",\"match\":{\"prefixes\":[\"198.18.0.0/17\"]}},"
		"{\"id\":\"high\",\"match\":{\"prefixes\":[\"198.18.128.0/17\"]}}]}";
	const char *uplink = "up0";
	struct tt_catalog *c = tt_catalog_loads(json, sizeof(json) - 1, "bench", err);
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
	p->sensors = sensors_create(&err);
	p->flow = p->sensors ? tt_flow_create(conf, &err) : NULL;
	if (!p->flow) {
		fprintf(stderr, "teiten-bench: %s\n", err.msg);
		path_destroy(&p);
		return NULL;
	}
	for (unsigned i = 0; i < BURST; i++) {
		p->ns[i] = TRAFFIC_SECONDS * TT_NS + i;
		p->len[i] = FRAME_LEN;
		p->frames[i] = (struct tt_frame){
			.caplen = FRAME_LEN, .len = FRAME_LEN, .link = TT_LINK_ETHERNET};
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
		p->frames[i].data = t->frames[at + i];
		p->ns[i] += BURST;
	}
}

/// Asks for the headers of a poll's next burst before this one is counted, as a worker does.
static void path_ask(const struct traffic *t, uint32_t at) {
	uint32_t next = at + BURST;
	if (next % (POLL_BURSTS * BURST) == 0 || next >= t->n)
		return;
	for (unsigned i = 0; i < BURST; i++)
		rte_prefetch1(t->frames[next + i]);
}

uint64_t cycles_used(void) {
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	double ns = (double)t.tv_sec * TT_NS + (double)t.tv_nsec;
	return (uint64_t)(ns * (double)rte_get_tsc_hz() / TT_NS);
}

uint64_t path_run(struct path *p, const struct traffic *t) {
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
	p->parse = p->resolve = p->count = 0;
	uint64_t last = rte_rdtsc();
	for (uint32_t at = 0; at < t->n; at += BURST) {
		path_receive(p, t, at);
		path_ask(t, at);
		tt_packet_parse(&p->conf, p->frames, p->pkts, BURST);
		uint64_t parsed = rte_rdtsc();
		tt_sensors_resolve(p->sensors, &p->conf, 0, p->frames, p->pkts, BURST);
		uint64_t resolved = rte_rdtsc();
		tt_flow_add(p->flow, 0, p->pkts, p->ns, p->len, BURST);
		p->parse += parsed - last;
		p->resolve += resolved - parsed;
		last = rte_rdtsc();
		p->count += last - resolved;
	}
}

/// A table as the flow table's, hashed by DPDK's own hash.
struct rte_hash *bare_create(uint32_t entries) {
	struct rte_hash_parameters conf = {
		.name = "bare",
		.entries = entries,
		.key_len = sizeof(struct traffic_key),
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
			keys[i] = &t->keys[at + i];
		for (unsigned i = 0; ahead && at + BURST < t->n && i < BURST; i += 4)
			rte_prefetch0(&t->keys[at + BURST + i]); // four to a line
		rte_hash_lookup_bulk(h, keys, BURST, pos);
		*found += pos[0] >= 0;
	}
	return cycles_used() - start;
}

static bool fill(struct path *p, struct rte_hash *h, uint32_t flows) {
	struct traffic once;
	if (!traffic_create(&once, flows, flows, TRAFFIC_ONCE))
		return false;
	path_run(p, &once);
	for (uint32_t i = 0; i < once.n; i++)
		rte_hash_add_key(h, &once.keys[i]);
	traffic_destroy(&once);
	return true;
}

static void compare(struct bench *b, const char *label, struct path *p, struct rte_hash *h,
	const struct traffic *t) {
	double ratio[RUNS_MAX], full[RUNS_MAX], bare[RUNS_MAX], stage[3][RUNS_MAX], mpps[RUNS_MAX],
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
		stage[2][r] = (double)p->count / t->n;
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
		// the promise is about a million flows
		{"classify_vs_hash", "", ratio, {1.5, strcmp(label, "1m") ? NULL : "lower"}},
		{"classify_vs_hash_ahead", "", ahead, {0}},
		{"classify", "cycles", full, {0}},
		{"classify_rate", "Mpps", mpps, {0}},
		{"hash_lookup", "cycles", bare, {0}},
		{"stage_parse", "cycles", stage[0], {0}},
		{"stage_sensor", "cycles", stage[1], {0}},
		{"stage_flow", "cycles", stage[2], {0}},
	};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s_%s", rows[i].name, label);
		result_add(b, name, rows[i].unit, rows[i].bar, rows[i].samples, b->runs);
	}
}

void bench_path(struct bench *b) {
	static const struct {
		const char *label;
		uint32_t flows;
		enum traffic_order order;
	} sets[] = {
		{"1k", 1000, TRAFFIC_RANDOM},
		{"100k", 100000, TRAFFIC_RANDOM},
		{"1m", 1000000, TRAFFIC_RANDOM},
		{"1m_zipf", 1000000, TRAFFIC_ZIPF},
		{"4m", 4000000, TRAFFIC_RANDOM},
	};
	for (unsigned i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		uint32_t flows = sets[i].flows;
		if (b->quick && flows > 10000)
			break;
		struct tt_flow_conf conf = bench_conf(flows + BURST);
		struct path *p = path_create(&conf);
		struct tt_flow_stats size = {0};
		if (p)
			tt_flow_stats(p->flow, &size);
		struct rte_hash *h = bare_create(size.slots4); // as many buckets
		struct traffic t = {0};
		if (p && h && fill(p, h, flows) &&
			traffic_create(&t, flows, b->quick ? 1u << 14 : 1u << 21, sets[i].order))
			compare(b, sets[i].label, p, h, &t);
		traffic_destroy(&t);
		rte_hash_free(h);
		path_destroy(&p);
	}
}
