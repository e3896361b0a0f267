/* SPDX-License-Identifier: BSD-3-Clause */
// What outsiders can do to a telescope: aim at the hash, and overload the epoch. (That they fill
// the table is in bench_flow.c.)
#include <stdio.h>
#include <string.h>

#include <rte_hash.h>

#include "traffic_frame.h"
#include "tt_aim.h"
#include "tt_time.h"

/// n packets of new flows on ports 1 to n of the first sensor, all with one CRC32 or with any.
static bool stream_create(struct traffic *t, uint32_t n, bool aimed) {
	struct tt_aim aim;
	if (!tt_aim_init(&aim) || !traffic_create(t, n, n, TRAFFIC_ONCE))
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		uint16_t port = (uint16_t)(i + 1);
		uint32_t wanted = aimed ? 0x12345678 : i * 0x9e3779b1u;
		struct tt_aim_key key = {.epoch = TRAFFIC_EPOCH, .port = port, .proto = 6};
		uint32_t src = tt_aim_solve(&aim, key, wanted);
		uint8_t *f = traffic_frame_at(t, i);
		traffic_frame(f, 0, i);
		memcpy(f + 26, &src, 4);
		f[36] = (uint8_t)(port >> 8);
		f[37] = (uint8_t)port;
		*(struct traffic_key *)traffic_key_at(t, i) = (struct traffic_key){
			.src = src, .epoch = TRAFFIC_EPOCH, .port = port, .proto = 6};
	}
	return true;
}

/// Cycles of each insert of a stream's keys into a table with DPDK's own hash.
static double bare_inserts(struct rte_hash *h, const struct traffic *t) {
	rte_hash_reset(h);
	uint64_t start = cycles_used();
	for (uint32_t i = 0; i < t->n; i++)
		rte_hash_add_key(h, traffic_key_at(t, i));
	return (double)(cycles_used() - start) / t->n;
}

/// The same flows new in a path, which is empty again afterwards.
static double path_inserts(struct path *p, const struct traffic *t) {
	const struct tt_flow_sink none = {0};
	double cycles = (double)path_run(p, t) / t->n;
	tt_flow_switch(p->flow);
	tt_flow_harvest(p->flow, &none);
	return cycles;
}

static void collisions(struct bench *b) {
	uint32_t n = b->quick ? 512 : 8192;
	struct tt_flow_conf conf = bench_conf(65536);
	struct path *p = path_create(&conf);
	struct rte_hash *h = bare_create(65536, sizeof(struct traffic_key));
	struct traffic aimed = {0}, any = {0};
	double ours[RUNS_MAX], unkeyed[RUNS_MAX], cycles[RUNS_MAX];
	if (p && h && stream_create(&aimed, n, true) && stream_create(&any, n, false)) {
		path_inserts(p, &any);
		for (unsigned r = 0; r < b->runs; r++) {
			ours[r] = path_inserts(p, &any) / path_inserts(p, &aimed);
			cycles[r] = bare_inserts(h, &aimed);
			unkeyed[r] = bare_inserts(h, &any) / cycles[r];
		}
		result_add(b, "aimed_vs_any", "", (struct bar){0.5, "higher"}, ours, b->runs);
		result_add(b, "aimed_vs_any_unkeyed_hash", "", (struct bar){0}, unkeyed, b->runs);
		result_add(
			b, "aimed_insert_unkeyed_hash", "cycles", (struct bar){0}, cycles, b->runs);
	}
	traffic_destroy(&aimed);
	traffic_destroy(&any);
	rte_hash_free(h);
	path_destroy(&p);
}

/// Every epoch's flows are all new, and as many as the table holds.
static void churn(struct bench *b) {
	uint32_t flows = b->quick ? 7000 : 1000000;
	struct tt_flow_conf conf = bench_conf(flows + BURST);
	struct path *p = path_create(&conf);
	struct traffic once = {0}, random = {0};
	double ratio[RUNS_MAX], spilled[RUNS_MAX];
	struct harvester h;
	if (p && traffic_create(&once, flows, flows, TRAFFIC_ONCE) &&
		traffic_create(&random, flows, flows, TRAFFIC_RANDOM) &&
		harvester_start(&h, p->flow, false)) {
		path_run(p, &once);
		for (unsigned r = 0; r < b->runs; r++) {
			struct tt_flow_stats before, after;
			tt_flow_stats(p->flow, &before);
			double known = (double)path_run(p, &random);
			tt_flow_switch(p->flow); // a harvester that is late leaves the full table
			for (unsigned i = 0; i < BURST; i++)
				p->ns[i] += 3600 * TT_NS;
			ratio[r] = known / (double)path_run(p, &once);
			tt_flow_stats(p->flow, &after);
			spilled[r] = (double)(after.spilled - before.spilled) / once.n;
		}
		harvester_stop(&h);
		result_add(
			b, "new_epoch_vs_known", "", (struct bar){0.5, "higher"}, ratio, b->runs);
		result_add(b, "new_epoch_spilled", "share", (struct bar){0}, spilled, b->runs);
	}
	traffic_destroy(&once);
	traffic_destroy(&random);
	path_destroy(&p);
}

void bench_attack(struct bench *b) {
	collisions(b);
	churn(b);
}
