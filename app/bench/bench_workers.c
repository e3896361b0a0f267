/* SPDX-License-Identifier: BSD-3-Clause */
// Two workers against one: what they cost each other where each has a core.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

/// A worker with a table, a stream and a core of its own.
struct worker {
	struct path *path;
	struct traffic traffic;
	unsigned cpu;
	double cycles; // of the last pass
	pthread_barrier_t *start;
};

static void *work(void *arg) {
	struct worker *w = arg;
	thread_bind(w->cpu);
	pthread_barrier_wait(w->start);
	w->cycles = (double)path_run(w->path, &w->traffic);
	return NULL;
}

/// One pass of n workers at once.
static bool pass(struct worker *w, unsigned n) {
	pthread_barrier_t start;
	pthread_t thread[2];
	unsigned begun = 0;
	pthread_barrier_init(&start, NULL, n);
	for (; begun < n; begun++) {
		w[begun].start = &start;
		if (pthread_create(&thread[begun], NULL, work, &w[begun]))
			break;
	}
	if (begun < n) // what has begun would wait for ever
		return false;
	for (unsigned i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&start);
	return true;
}

static bool worker_create(struct worker *w, unsigned i, uint32_t flows, uint32_t packets) {
	struct tt_flow_conf conf = bench_conf(flows + BURST);
	struct traffic once = {0};
	conf.worker = i;
	*w = (struct worker){.cpu = i, .path = path_create(&conf)};
	bool ok = w->path && traffic_create(&w->traffic, flows, packets, TRAFFIC_RANDOM) &&
		  traffic_create(&once, flows, flows, TRAFFIC_ONCE);
	if (ok)
		path_run(w->path, &once);
	traffic_destroy(&once);
	return ok;
}

void bench_workers(struct bench *b) {
	uint32_t flows = b->quick ? 7000 : 1000000, packets = b->quick ? 1u << 14 : 1u << 21;
	struct worker w[2] = {0};
	double ratio[RUNS_MAX];
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		fprintf(stderr, "teiten-bench: workers: needs two cores\n");
		return;
	}
	bool ok =
		worker_create(&w[0], 0, flows, packets) && worker_create(&w[1], 1, flows, packets);
	for (unsigned r = 0; ok && r < b->runs; r++) {
		ok = pass(w, 1);
		double alone = w[0].cycles;
		ok = ok && pass(w, 2);
		ratio[r] = alone / w[0].cycles + alone / w[1].cycles;
	}
	if (ok)
		result_add(
			b, "two_workers_vs_one", "", (struct bar){1.8, "higher"}, ratio, b->runs);
	for (unsigned i = 0; i < 2; i++) {
		traffic_destroy(&w[i].traffic);
		path_destroy(&w[i].path);
	}
}
