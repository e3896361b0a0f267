/* SPDX-License-Identifier: BSD-3-Clause */
// What outsiders can do to a telescope: aim at the hash, and overload the epoch. (That they fill
// the table is in bench_flow.c.)
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_hash.h>

#include "traffic_frame.h"
#include "tt_time.h"

/// CRC32 is linear: for every destination port there is exactly one source address that gives a key
/// any hash value that one likes. Columns of the map from sources to hashes, in echelon form.
struct solver {
	uint32_t hash[32], src[32]; // row with highest bit i of hash, and the sources that make it
};

static uint32_t hash_of(const struct rte_hash *h, uint32_t src, uint16_t port) {
	struct traffic_key k = {.src = src, .epoch = TRAFFIC_EPOCH, .port = port, .proto = 6};
	return rte_hash_hash(h, &k);
}

static bool solver_init(struct solver *s, const struct rte_hash *h) {
	*s = (struct solver){0};
	uint32_t zero = hash_of(h, 0, 0);
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t src = 1u << bit, hash = hash_of(h, src, 0) ^ zero;
		while (hash && s->hash[31 - __builtin_clz(hash)]) {
			unsigned top = 31u - (unsigned)__builtin_clz(hash);
			hash ^= s->hash[top];
			src ^= s->src[top];
		}
		if (!hash)
			return false;
		s->hash[31 - __builtin_clz(hash)] = hash;
		s->src[31 - __builtin_clz(hash)] = src;
	}
	return true;
}

/// The source that together with this port hashes to `wanted`.
static uint32_t solve(
	const struct solver *s, const struct rte_hash *h, uint16_t port, uint32_t wanted) {
	uint32_t src = 0, rest = wanted ^ hash_of(h, 0, port);
	for (unsigned top = 32; top-- > 0;)
		if (rest >> top & 1) {
			rest ^= s->hash[top];
			src ^= s->src[top];
		}
	return src;
}

/// n packets of new flows on ports 1 to n of the first sensor, all with one CRC32 or with any.
static bool stream_create(struct traffic *t, const struct rte_hash *h, uint32_t n, bool aimed) {
	struct solver s;
	if (!solver_init(&s, h) || !traffic_create(t, n, n, TRAFFIC_ONCE))
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		uint16_t port = (uint16_t)(i + 1);
		uint32_t src = solve(&s, h, port, aimed ? 0x12345678 : i * 0x9e3779b1u);
		uint8_t *f = t->frames[i];
		traffic_frame(f, 0, i);
		memcpy(f + 26, &src, 4);
		f[36] = (uint8_t)(port >> 8);
		f[37] = (uint8_t)port;
		t->keys[i] = (struct traffic_key){
			.src = src, .epoch = TRAFFIC_EPOCH, .port = port, .proto = 6};
	}
	return true;
}

/// Cycles of each insert of a stream's keys into a table with DPDK's own hash.
static double bare_inserts(struct rte_hash *h, const struct traffic *t) {
	rte_hash_reset(h);
	uint64_t start = cycles_used();
	for (uint32_t i = 0; i < t->n; i++)
		rte_hash_add_key(h, &t->keys[i]);
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
	struct rte_hash *h = bare_create(65536);
	struct traffic aimed = {0}, any = {0};
	double ours[RUNS_MAX], unkeyed[RUNS_MAX], cycles[RUNS_MAX];
	if (p && h && stream_create(&aimed, h, n, true) && stream_create(&any, h, n, false)) {
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

/// The harvester, as a probe has it: on another thread.
struct harvester {
	struct tt_flow *flow;
	_Atomic bool stop; // written by the worker
};

static void *harvest_on(void *arg) {
	struct harvester *h = arg;
	const struct tt_flow_sink none = {0};
	while (!atomic_load_explicit(&h->stop, memory_order_relaxed))
		if (!tt_flow_harvest(h->flow, &none))
			thread_nap();
	return NULL;
}

/// Every epoch's flows are all new, and as many as the table holds.
static void churn(struct bench *b) {
	uint32_t flows = b->quick ? 7000 : 1000000;
	struct tt_flow_conf conf = bench_conf(flows + BURST);
	struct path *p = path_create(&conf);
	struct traffic once = {0}, random = {0};
	double ratio[RUNS_MAX], spilled[RUNS_MAX];
	struct harvester h = {.flow = p ? p->flow : NULL};
	pthread_t thread;
	if (p && traffic_create(&once, flows, flows, TRAFFIC_ONCE) &&
		traffic_create(&random, flows, flows, TRAFFIC_RANDOM) &&
		!pthread_create(&thread, NULL, harvest_on, &h)) {
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
		atomic_store(&h.stop, true);
		pthread_join(thread, NULL);
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
