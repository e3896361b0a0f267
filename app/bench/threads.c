/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include <unistd.h>

#include "bench.h"

void thread_nap(void) {
	usleep(100);
}

void thread_bind(unsigned cpu) {
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void row_sum(void *arg, const struct tt_obs *o) {
	struct harvester *h = arg;
	h->rows++;
	h->packets += o->packets;
}

static void *harvest_on(void *arg) {
	struct harvester *h = arg;
	const struct tt_flow_sink sink = {.obs = row_sum, .arg = h};
	while (!atomic_load_explicit(&h->stop, memory_order_relaxed)) {
		if (tt_flow_harvest(h->flow, &sink))
			atomic_fetch_add(&h->done, 1);
		else
			thread_nap();
	}
	return NULL;
}

static void *harvest_bound(void *arg) {
	thread_bind(1);
	return harvest_on(arg);
}

bool harvester_start(struct harvester *h, struct tt_flow *flow, bool bound) {
	*h = (struct harvester){.flow = flow};
	return !pthread_create(&h->thread, NULL, bound ? harvest_bound : harvest_on, h);
}

void harvester_stop(struct harvester *h) {
	atomic_store(&h->stop, true);
	pthread_join(h->thread, NULL);
}
