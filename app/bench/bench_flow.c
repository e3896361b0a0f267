/* SPDX-License-Identifier: BSD-3-Clause */
// What is not the ordinary case: new flows, a full table, the harvest; and memory.
#include <stdio.h>

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
static void new_flows(struct bench *b, uint32_t flows) {
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
		result_add(b, "new_flows", "M/s", (struct bar){0}, rate, b->runs);
		result_add(
			b, "new_flows_vs_known", "", (struct bar){0.5, "higher"}, ratio, b->runs);
		result_add(
			b, "new_flows_vs_known_in_order", "", (struct bar){0}, in_order, b->runs);
		result_add(b, "harvest", "Mobs/s", (struct bar){0}, rows, b->runs);
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

static void memory(struct bench *b, const char *name, uint32_t v4, uint32_t v6, double bar) {
	struct tt_flow_conf conf = bench_conf(v4);
	conf.ipv6 = v6;
	struct tt_flow *f = tt_flow_create(&conf, NULL);
	if (f) {
		double each = (double)tt_flow_memory(f) / (v4 + v6);
		result_add(b, name, "bytes", (struct bar){bar, bar > 0 ? "lower" : NULL}, &each, 1);
	}
	tt_flow_destroy(&f);
}

void bench_flow(struct bench *b) {
	uint32_t flows = b->quick ? 7000 : 1000000, filled = b->quick ? 57344 : 917504;
	new_flows(b, flows);
	spilled(b, flows);
	// 7/8 of a power of two, where the table is used best, and a round number
	memory(b, "memory_per_ipv4_flow", filled, 0, 256);
	memory(b, "memory_per_ipv6_flow", 0, filled, 300);
	memory(b, "memory_per_ipv4_flow_1m", b->quick ? 70000 : 1000000, 0, 0);
}
