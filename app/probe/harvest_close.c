/* SPDX-License-Identifier: BSD-3-Clause */
// Closing an epoch: losses, states of sensors, stats.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harvest.h"
#include "probe.h"
#include "tt_log.h"
#include "tt_time.h"

static int64_t last_packet(const struct probe *p, unsigned slot) {
	int64_t last = 0;
	for (unsigned i = 0; i < p->worker_n; i++) {
		int64_t ns = atomic_load_explicit(
			&tt_flow_live(p->workers[i].flow, (uint16_t)slot)->last_ns,
			memory_order_relaxed);
		last = ns > last ? ns : last;
	}
	return last;
}

// Rows that could not be sent are of no uplink that one could name: shared out by what each
// received in the epoch, so that none lost more than it had.
static void share_out(struct harvester *h, uint64_t lost) {
	struct probe *p = h->probe;
	struct tt_tally *sums = h->epochs[0].tallies;
	uint64_t all = 0;
	for (unsigned u = 0; u < p->uplink_n; u++)
		all += tally_packets(&sums[u]);
	for (unsigned u = 0; u < p->uplink_n && all; u++) {
		uint64_t mine = tally_packets(&sums[u]);
		sums[u].harvest_lost = (uint64_t)((__uint128_t)lost * mine / all);
		lost -= sums[u].harvest_lost;
		all -= mine;
	}
}

// What the devices and the harvest lost goes into a tally of its own; readers add.
static void tally_losses(struct harvester *h) {
	struct probe *p = h->probe;
	share_out(h, p->sender.lost - h->lost);
	h->lost = p->sender.lost;
	for (unsigned u = 0; u < p->uplink_n; u++) {
		struct tt_tally *sum = &h->epochs[0].tallies[u];
		struct losses *lost = &h->losses[u];
		uplink_losses(&p->uplinks[u], lost, &h->lost_ever[u]);
		sum->link_up = uplink_was_up(&p->uplinks[u]);
		sum->imissed = lost->imissed;
		sum->ierrors = lost->ierrors;
		sum->rx_nombuf = lost->rx_nombuf;
		struct tt_tally row = {.epoch = h->epochs[0].start,
			.uplink = (uint16_t)u,
			.link_up = sum->link_up,
			.imissed = lost->imissed,
			.ierrors = lost->ierrors,
			.rx_nombuf = lost->rx_nombuf,
			.harvest_lost = sum->harvest_lost};
		sender_tally(&p->sender, &row);
	}
}

// The state of a sensor in the epoch that ends, with what its uplinks received and lost.
static struct tt_sensor_state judge(
	const struct harvester *h, const struct tt_sensor_conf *s, unsigned slot, int64_t last_ns) {
	const struct probe *p = h->probe;
	const struct open_epoch *e = &h->epochs[0];
	struct tt_sensor_state out = {.epoch = e->start, .sensor = (uint16_t)slot};
	bool up = false;
	for (unsigned u = 0; u < p->uplink_n; u++) {
		const struct tt_tally *t = &e->tallies[u];
		if (s->rule.uplink[0] && strcmp(s->rule.uplink, p->uplinks[u].conf->id) != 0)
			continue;
		up |= t->link_up;
		for (unsigned f = 0; f < TT_FATE_N; f++)
			out.received += t->packets[f];
		out.lost += t->imissed + t->ierrors + t->rx_nombuf + t->harvest_lost;
	}
	int64_t silent_ns = (e->start + p->config.epoch_s - (int64_t)s->silent_after_s) * TT_NS;
	// a quiet epoch is up only as long as a packet within silent_after_s vouches for it
	bool heard = last_ns != 0 &&
		     last_ns >= (silent_ns < e->start * TT_NS ? silent_ns : e->start * TT_NS);
	out.state = !up ? TT_STATE_DOWN : heard ? TT_STATE_UP : TT_STATE_SILENT;
	return out;
}

static int make_room(struct harvester *h, unsigned n) {
	if (n <= h->state_cap)
		return 0;
	struct tt_sensor_state *states = realloc(h->states, n * sizeof(*states));
	if (states)
		h->states = states;
	struct tt_health_sensor *sensors = realloc(h->health_sensors, n * sizeof(*sensors));
	if (sensors)
		h->health_sensors = sensors;
	if (!states || !sensors)
		return -ENOMEM;
	h->state_cap = n;
	return 0;
}

static void publish_stats(struct harvester *h, const struct tt_message_head *common) {
	struct probe *p = h->probe;
	const struct tt_catalog *c = h->rules->catalog;
	for (unsigned i = 0; i < c->sensor_n; i++) {
		const struct tt_sensor_state *s = &h->states[i];
		struct tt_message_head head = *common;
		char topic[TT_TOPIC_LEN];
		head.sensor = c->sensors[i].id;
		head.seq = ++h->stats_seq[s->sensor];
		tt_topic_format(topic, "stats", p->config.probe, head.sensor);
		tt_buf_reset(&h->buf);
		tt_message_stats(&h->buf, &head, s->state, tt_completeness(s),
			tt_region_date(h->rules->region), h->epochs[0].fold, s->sensor);
		publish_later(&p->publisher, topic, &h->buf);
	}
}

void harvest_close(struct harvester *h) {
	struct probe *p = h->probe;
	const struct rules *r = h->rules;
	struct tt_message_head head = {.probe = p->config.probe,
		.boot = h->boot,
		.start = h->epochs[0].start,
		.end = h->epochs[0].start + p->config.epoch_s};
	tally_losses(h);
	if (make_room(h, r->catalog->sensor_n) || !harvest_fold(h, &h->epochs[0])) {
		tt_log(TT_ERR, "out of memory: an epoch has no stats");
		return;
	}
	for (unsigned i = 0; i < r->catalog->sensor_n; i++) {
		const struct tt_sensor_conf *s = &r->catalog->sensors[i];
		int64_t last = last_packet(p, r->slot_of[i]);
		h->states[i] = judge(h, s, r->slot_of[i], last);
		h->health_sensors[i] =
			(struct tt_health_sensor){s->id, (enum tt_state)h->states[i].state, last};
		totals_sensor(&p->totals, r->slot_of[i], &h->states[i]);
		sender_state(&p->sender, &h->states[i]);
	}
	publish_stats(h, &head);
	harvest_health(h, &head);
}
