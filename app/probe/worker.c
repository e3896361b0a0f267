/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker.h"

#include <errno.h>
#include <unistd.h>

#include "probe.h"
#include "tt_time.h"

// How long a worker naps that waits for the harvester.
#define WAIT_US 50

// Catalogue indexes to slots, where a reload has made them differ.
static void map_slots(const struct rules *r, struct tt_pkt *pkts, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		if (pkts[i].sensor != TT_NO_SENSOR)
			pkts[i].sensor = r->slot_of[pkts[i].sensor];
}

void worker_count(
	struct worker *w, const struct rules *rules, unsigned uplink, const struct burst *b) {
	const unsigned n = b->n;
	tt_packet_parse(&rules->packet, b->frames, w->pkts, n);
	tt_sensors_resolve(rules->sensors, &rules->packet, uplink, b->frames, w->pkts, n);
	if (!rules->identity)
		map_slots(rules, w->pkts, n);
	for (unsigned done = 0; done < n;) {
		done += tt_flow_add(
			w->flow, uplink, w->pkts + done, b->ns + done, b->len + done, n - done);
		if (done == n || atomic_load_explicit(&w->probe->abort, memory_order_relaxed))
			return;
		usleep(WAIT_US);
	}
}

int worker_capture_mbufs(struct worker *w, struct rte_mempool *pool) {
	return rte_pktmbuf_alloc_bulk(pool, w->read.mbufs, BURST);
}

unsigned worker_capture(
	struct worker *w, const struct rules *rules, struct reader *reader, unsigned uplink) {
	unsigned n = reader_take(reader, w->recs, BURST);
	if (n == 0)
		return 0;
	struct worker_job *job = &w->job;
	struct burst *b = &w->read;
	b->n = n;
	for (unsigned i = 0; i < n; i++) {
		const struct tt_capture_rec *rec = &w->recs[i];
		struct rte_mbuf *m = b->mbufs[i];
		// an external buffer that nobody frees: the map outlives the burst
		uint16_t len = rec->caplen > UINT16_MAX ? UINT16_MAX : (uint16_t)rec->caplen;
		m->buf_addr = (void *)(uintptr_t)rec->data;
		m->buf_len = len;
		m->data_off = 0;
		m->data_len = len;
		m->pkt_len = len;
		b->frames[i] = (struct tt_frame){
			rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, rec->len, rec->link};
		b->ns[i] = rec->ns;
		b->len[i] = rec->len;
		job->bytes += rec->len;
		if (job->packets + i == 0 || rec->ns < job->first_ns)
			job->first_ns = rec->ns;
		if (job->packets + i == 0 || rec->ns > job->last_ns)
			job->last_ns = rec->ns;
	}
	job->packets += n;
	worker_count(w, rules, uplink, b);
	return n;
}

// A capture has entered another epoch: rows of those before will hardly grow, so they are handed
// over while there are more packets to read. Not for few rows, of which a capture of a quarter has
// many.
static void enter_epoch(struct worker *w, int64_t *epoch_end) {
	int64_t length = (int64_t)w->probe->config.epoch_s * TT_NS;
	struct tt_flow_stats t;
	tt_flow_stats(w->flow, &t);
	if (t.used4 + t.used6 < (t.size4 + t.size6) / 16 || tt_flow_switch(w->flow))
		*epoch_end = w->job.last_ns - w->job.last_ns % length + length;
}

// One capture after the other: reads its share, switches its tables away, says done.
int worker_replay(void *arg) {
	struct worker *w = arg;
	struct probe *p = w->probe;
	const struct rules *rules = atomic_load(&p->rules.current);
	for (uint64_t seen = 0; job_wait(&p->jobs, &seen);) {
		int64_t epoch_end = 0;
		w->job = (struct worker_job){0};
		while (!atomic_load_explicit(&p->abort, memory_order_relaxed) &&
			worker_capture(w, rules, &p->jobs.reader, 0))
			if (w->job.last_ns >= epoch_end)
				enter_epoch(w, &epoch_end);
		while (!tt_flow_switch(w->flow))
			usleep(WAIT_US);
		atomic_store_explicit(&w->done, true, memory_order_release);
	}
	return 0;
}
