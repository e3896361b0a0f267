/* SPDX-License-Identifier: BSD-3-Clause */
// What a probe says of itself when an epoch ends: the health message, and totals for telemetry.
#include <rte_cycles.h>

#include "counter.h"
#include "harvest.h"
#include "probe.h"

static uint64_t to_us(uint64_t cycles) {
	return (uint64_t)((__uint128_t)cycles * 1000000 / rte_get_tsc_hz());
}

static uint64_t load(const _Atomic uint64_t *c) {
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void look_at_polls(const struct polls *p, struct tt_health_worker *out) {
	uint64_t total = load(&p->total), busy = load(&p->busy), asleep = load(&p->asleep);
	out->gap_us.p50 = to_us(polls_percentile(p, 0.5));
	out->gap_us.p90 = to_us(polls_percentile(p, 0.9));
	out->gap_us.p99 = to_us(polls_percentile(p, 0.99));
	out->gap_us.p999 = to_us(polls_percentile(p, 0.999));
	out->gap_us.max = to_us(load(&p->longest));
	out->busy = counter_share(busy, total > busy ? total - busy : 0, 0);
	out->asleep = counter_share(asleep, total > asleep ? total - asleep : 0, 0);
}

static struct tt_health_worker look_at(struct harvester *h, unsigned i, uint64_t *overruns) {
	struct worker *w = &h->probe->workers[i];
	struct worker_seen *seen = &h->seen[i];
	struct tt_flow_stats flow;
	tt_flow_stats(w->flow, &flow);
	uint64_t over = load(&w->stats.overruns);
	unsigned turn = atomic_load_explicit(&w->stats.turn, memory_order_acquire);
	struct tt_health_worker out = {
		.lcore = w->lcore, .used = seen->rows, .size = (uint64_t)flow.size4 + flow.size6};
	if (turn != seen->turn)
		look_at_polls(&w->stats.polls[(turn - 1) & 1], &out);
	*overruns += over - seen->overruns;
	seen->turn = turn;
	seen->overruns = over;
	seen->rows = 0;
	return out;
}

static struct tt_health_queues look_at_queues(
	struct harvester *h, unsigned u, struct tt_health_queue queues[UPLINK_QUEUES_MAX]) {
	const struct uplink *up = &h->probe->uplinks[u];
	const struct losses *lost = &h->losses[u];
	for (unsigned q = 0; q < up->plan.queues; q++) {
		const struct source *s = up->sources[q];
		uint64_t packets = load(&s->packets);
		queues[q] = (struct tt_health_queue){.lcore = s->worker->lcore,
			.packets = packets - h->queue_packets[u][q],
			.errors = lost->queue_errors[q],
			.imissed = lost->queue_imissed[q]};
		h->queue_packets[u][q] = packets;
	}
	return (struct tt_health_queues){queues, up->plan.queues, lost->by_queue};
}

static uint64_t unpublished(struct harvester *h) {
	struct publisher *p = &h->probe->publisher;
	pthread_mutex_lock(&p->lock);
	uint64_t n = p->dropped - h->unpublished;
	h->unpublished = p->dropped;
	pthread_mutex_unlock(&p->lock);
	return n;
}

void harvest_health(struct harvester *h, struct tt_message_head *head) {
	static struct tt_health_queue queue[UPLINK_MAX][UPLINK_QUEUES_MAX]; // one harvester
	struct probe *p = h->probe;
	struct tt_health_worker workers[WORKER_MAX];
	struct tt_health_queues queues[UPLINK_MAX];
	const char *ids[UPLINK_MAX];
	struct tt_health x = {.config = h->rules->sha256,
		.clock_skew_ms = clock_skew_ms(&p->clock),
		.uplink_ids = ids,
		.uplinks = h->epochs[0].tallies,
		.queues = queues,
		.uplink_n = p->uplink_n,
		.workers = workers,
		.worker_n = p->worker_n,
		.sensors = h->health_sensors,
		.sensor_n = h->rules->catalog->sensor_n,
		.unpublished = unpublished(h)};
	for (unsigned i = 0; i < p->uplink_n; i++) {
		ids[i] = p->uplinks[i].conf->id;
		x.late += h->epochs[0].tallies[i].late;
		x.harvest_lost += h->epochs[0].tallies[i].harvest_lost;
		queues[i] = look_at_queues(h, i, queue[i]);
	}
	for (unsigned i = 0; i < p->worker_n; i++)
		workers[i] = look_at(h, i, &x.overruns);
	if (p->sender.link)
		tt_link_client_stats(p->sender.link, &x.link);
	totals_add(&p->totals, head->end, &x, h->lost_ever);
	char topic[TT_TOPIC_LEN];
	tt_topic_format(topic, "health", p->config.probe, NULL);
	head->seq = ++h->health_seq;
	tt_buf_reset(&h->buf);
	tt_message_health(&h->buf, head, &x);
	publish_later(&p->publisher, topic, &h->buf);
}
