/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "probe.h"
#include "tt_time.h"
#include "worker.h"

// Empty polls before a worker begins to nap, and the longest nap, which is reached after two idle
// seconds: rings hold more than comes in that time unless traffic leaps from nothing to millions.
#define SPINS	   1000
#define NAP_MAX_US 500

static void count(_Atomic uint64_t *c, uint64_t n) {
	// one writer: no locked instruction
	uint64_t now = atomic_load_explicit(c, memory_order_relaxed);
	atomic_store_explicit(c, now + n, memory_order_relaxed);
}

// mbufs of one burst have arrived by now: one time for all of them.
static void count_burst(
	struct worker *w, const struct rules *rules, unsigned uplink, unsigned n, int64_t now) {
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = w->rx[i];
		rte_prefetch0(rte_pktmbuf_mtod(m, const void *));
		w->frames[i] = (struct tt_frame){rte_pktmbuf_mtod(m, const uint8_t *),
			rte_pktmbuf_data_len(m), rte_pktmbuf_pkt_len(m), TT_LINK_ETHERNET};
		w->ns[i] = now;
		w->len[i] = rte_pktmbuf_pkt_len(m);
	}
	worker_count(w, rules, uplink, n);
	rte_pktmbuf_free_bulk(w->rx, n);
}

// A capture is read as fast as the tables allow, without holding up the ports of this worker.
static unsigned poll_capture(struct worker *w, const struct rules *rules, const struct source *s) {
	struct tt_flow_stats t;
	tt_flow_stats(w->flow, &t);
	if ((t.used4 + BURST > t.size4 || t.used6 + BURST > t.size6) && !tt_flow_switch(w->flow))
		return 0;
	return worker_capture(w, rules, s->reader, s->uplink);
}

static unsigned poll_sources(struct worker *w, const struct rules *rules) {
	unsigned all = 0;
	for (unsigned i = 0; i < w->source_n; i++) {
		const struct source *s = &w->sources[i];
		if (s->reader) {
			all += poll_capture(w, rules, s);
			continue;
		}
		unsigned n = rte_eth_rx_burst(s->port, s->queue, w->rx, BURST);
		if (n)
			count_burst(w, rules, s->uplink, n, clock_now(&w->probe->clock));
		all += n;
	}
	return all;
}

// Switches the tables when the clock enters another epoch.
static void watch_epoch(struct worker *w, int64_t *epoch, bool *late) {
	int64_t length = w->probe->config.epoch_s;
	int64_t now = clock_now(&w->probe->clock) / TT_NS;
	now -= now % length;
	if (now == *epoch)
		return;
	if (tt_flow_switch(w->flow)) {
		*epoch = now;
		*late = false;
		atomic_store_explicit(&w->closed, now, memory_order_release);
	} else if (!*late) {
		*late = true; // the harvester still has the other one: asked again with the next
			      // poll
		count(&w->stats.overruns, 1);
	}
}

static void idle(unsigned polls) {
	if (polls < SPINS) {
		rte_pause();
		return;
	}
	unsigned us = 5 + (polls - SPINS) / 16;
	usleep(us < NAP_MAX_US ? us : NAP_MAX_US);
}

static void measure(struct worker *w, uint64_t start, uint64_t *last, unsigned n) {
	uint64_t gap = start - *last;
	count(&w->stats.gap[gap_bucket(gap)], 1);
	count(&w->stats.total_tsc, gap);
	if (gap > atomic_load_explicit(&w->stats.gap_max, memory_order_relaxed))
		atomic_store_explicit(&w->stats.gap_max, gap, memory_order_relaxed);
	if (n)
		count(&w->stats.busy_tsc, rte_rdtsc() - start);
	*last = start;
}

int worker_live(void *arg) {
	struct worker *w = arg;
	struct probe *p = w->probe;
	struct rte_rcu_qsbr *readers = p->rules.readers;
	int64_t epoch = atomic_load(&w->closed);
	bool late = false;
	unsigned empty = 0;
	prctl(PR_SET_TIMERSLACK, 1000ul);
	rte_rcu_qsbr_thread_register(readers, w->index);
	rte_rcu_qsbr_thread_online(readers, w->index);
	uint64_t last = rte_rdtsc();
	for (bool stop = false;;) {
		uint64_t start = rte_rdtsc();
		unsigned n = poll_sources(
			w, atomic_load_explicit(&p->rules.current, memory_order_acquire));
		measure(w, start, &last, n);
		watch_epoch(w, &epoch, &late);
		rte_rcu_qsbr_quiescent(readers, w->index);
		// what is in the rings at the end is still taken, once
		if (stop)
			break;
		stop = atomic_load_explicit(&p->stop, memory_order_relaxed) &&
		       (n == 0 || w->last_polls++ > 1000);
		empty = n ? 0 : empty + 1;
		if (empty)
			idle(empty);
	}
	rte_rcu_qsbr_thread_offline(readers, w->index);
	rte_rcu_qsbr_thread_unregister(readers, w->index);
	while (!tt_flow_switch(w->flow))
		usleep(100);
	atomic_store_explicit(&w->done, true, memory_order_release);
	return 0;
}
