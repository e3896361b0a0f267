/* SPDX-License-Identifier: BSD-3-Clause */
// What is not the ordinary case: new flows, a full table, the harvest; and memory.
#include <stdio.h>

#include <rte_common.h>

#include "bench.h"

/// Sums, so that handing out rows is not free.
static void obs_sum(void *arg, const struct tt_obs *o) {
	*(uint64_t *)arg += o->packets;
}

static uint64_t harvest(struct path *p, uint64_t *sum) {
	const struct tt_flow_sink sink = {.obs = obs_sum, .arg = sum};
	uint64_t start = cycles_used();
	tt_flow_switch(p->flow);
	tt_flow_harvest(p->flow, &sink);
	return cycles_used() - start;
}

/// Every packet a flow of its own, up to the budget; then the harvest of them all. The ordinary
/// case is packets of these flows in random order; in the order of their making they are cheaper,
/// as the memory that they need is one after the other.
static void new_flows(struct bench *b, const char *label, uint32_t flows) {
	struct tt_flow_conf conf = bench_conf(flows + BURST);
	struct path *p = path_create(&conf);
	struct traffic once = {0}, known = {0};
	double rate[RUNS_MAX], ratio[RUNS_MAX], in_order[RUNS_MAX], rows[RUNS_MAX];
	if (p && traffic_create(&once, flows, flows, TRAFFIC_ONCE) &&
		traffic_create(&known, flows, flows, TRAFFIC_RANDOM)) {
		double hz = (double)rte_get_tsc_hz();
		for (unsigned r = 0; r < b->runs; r++) {
			uint64_t sum = 0;
			double made = (double)path_run(p, &once) / once.n;
			in_order[r] = (double)path_run(p, &once) / once.n / made;
			ratio[r] = (double)path_run(p, &known) / known.n / made;
			rate[r] = hz / made / 1e6;
			rows[r] = hz / ((double)harvest(p, &sum) / once.n) / 1e6;
			if (sum != 2 * once.n + known.n)
				fprintf(stderr, "teiten-bench: harvest: packets are missing\n");
		}
		const struct {
			const char *name, *unit;
			const double *samples;
			struct bar bar;
		} figures[] = {
			{"new_flows", "M/s", rate, {0}},
			{"new_flows_vs_known", "", ratio, {0.5, "higher"}},
			{"new_flows_vs_known_in_order", "", in_order, {0}},
			{"harvest", "Mobs/s", rows, {0}},
		};
		for (unsigned i = 0; i < RTE_DIM(figures); i++) {
			char name[64];
			snprintf(name, sizeof(name), "%s%s", figures[i].name, label);
			result_add(b, name, figures[i].unit, figures[i].bar, figures[i].samples,
				b->runs);
		}
	}
	traffic_destroy(&once);
	traffic_destroy(&known);
	path_destroy(&p);
}

/// The table is full and every packet is a new source: against packets that have their place.
static void spilled(struct bench *b, uint32_t flows) {
	struct tt_flow_conf conf = bench_conf(flows + BURST);
	struct path *p = path_create(&conf);
	struct traffic once = {0}, more = {0}, known = {0};
	double rate[RUNS_MAX], ratio[RUNS_MAX];
	struct tt_flow_stats st = {0};
	if (p && traffic_create(&known, flows, flows, TRAFFIC_RANDOM) &&
		traffic_create(&once, flows + 8 * BURST, flows + 8 * BURST, TRAFFIC_ONCE) &&
		traffic_create(&more, 1u << 31, flows, TRAFFIC_RANDOM)) {
		path_run(p, &once);
		double hz = (double)rte_get_tsc_hz();
		for (unsigned r = 0; r < b->runs; r++) {
			double ordinary = (double)path_run(p, &known) / known.n;
			double full = (double)path_run(p, &more) / more.n;
			rate[r] = hz / full / 1e6;
			ratio[r] = ordinary / full;
		}
		tt_flow_stats(p->flow, &st);
		if (st.spilled < (uint64_t)more.n * b->runs / 10 * 9)
			fprintf(stderr, "teiten-bench: spill: the table was not full\n");
		result_add(b, "spill_rate", "Mpps", (struct bar){0}, rate, b->runs);
		result_add(b, "spill_vs_known", "", (struct bar){0.5, "higher"}, ratio, b->runs);
	}
	traffic_destroy(&once);
	traffic_destroy(&more);
	traffic_destroy(&known);
	path_destroy(&p);
}

/// Bytes that a worker takes, for each flow that it is configured for and each place to spill.
static double bytes_each(struct tt_flow_conf conf) {
	struct tt_err err;
	struct tt_flow *f = tt_flow_create(&conf, &err);
	if (!f)
		fprintf(stderr, "teiten-bench: memory: %s\n", err.msg);
	double each = f ? (double)tt_flow_memory(f) / (conf.ipv4 + conf.ipv6 + conf.spill) : 0;
	tt_flow_destroy(&f);
	return each;
}

static struct tt_flow_conf sized(uint32_t flows, unsigned family) {
	struct tt_flow_conf conf = bench_conf(family == 4 ? flows : 0);
	conf.ipv6 = family == 6 ? flows : 0;
	return conf;
}

/// The number of flows, of all from `from` to `to`, that takes most bytes for each.
static uint32_t worst_size(uint32_t from, uint32_t to, unsigned family) {
	uint32_t worst = from;
	double most = 0;
	for (uint32_t n = from; n <= to; n++) {
		struct tt_flow_conf conf = sized(n, family);
		double each = (double)tt_flow_estimate(&conf) / (n + conf.spill);
		if (each > most) {
			most = each;
			worst = n;
		}
	}
	return worst;
}

/// Flows that people configure, and the number that takes most; the figure with the bar is the
/// largest of all.
static void memory(struct bench *b, unsigned family, double bar) {
	static const uint32_t sizes[] = {100000, 250000, 500000, 600000, 917504, 1000000, 1500000,
		2000000, 3000000, 4000000};
	char name[64];
	double most = 0;
	for (unsigned i = 0; i <= RTE_DIM(sizes); i++) {
		bool last = i == RTE_DIM(sizes) || (b->quick && sizes[i] > 100000);
		uint32_t n =
			last ? worst_size(sizes[0], i ? sizes[i - 1] : sizes[0], family) : sizes[i];
		double each = bytes_each(sized(n, family));
		snprintf(name, sizeof(name), "memory_per_ipv%u_flow_of_%u", family, n);
		result_add(b, name, "bytes", (struct bar){0}, &each, 1);
		most = each > most ? each : most;
		if (last)
			break;
	}
	snprintf(name, sizeof(name), "memory_per_ipv%u_flow", family);
	result_add(b, name, "bytes", (struct bar){bar, "lower"}, &most, 1);
}

/// What a worker takes whose configuration says nothing about sizes, spill table and all.
static void memory_preset(struct bench *b) {
	struct tt_flow_conf conf = bench_conf(917504);
	conf.ipv6 = 229376;
	conf.spill = 65536;
	double each = bytes_each(conf);
	result_add(b, "memory_per_flow_preset", "bytes", (struct bar){0}, &each, 1);
}

void bench_flow(struct bench *b) {
	uint32_t flows = b->quick ? 7000 : 1000000;
	new_flows(b, "", flows);
	if (!b->quick) // as full as buckets become
		new_flows(b, "_fullest", (1u << 20) / 64 * 61 - BURST);
	spilled(b, flows);
	memory(b, 4, 256);
	memory(b, 6, 300);
	if (!b->quick)
		memory_preset(b);
}
