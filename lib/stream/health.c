/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>

#include "message.h"
#include "tt_time.h"

// The queues of an uplink; a number that the device does not tell is null.
static void health_queues(struct tt_buf *b, const struct tt_health_queues *x) {
	tt_buf_printf(b, ",\"queues\":[");
	for (unsigned i = 0; i < x->n; i++) {
		const struct tt_health_queue *q = &x->queues[i];
		tt_buf_printf(b,
			"%s{\"queue\":%u,\"lcore\":%u,\"packets\":%" PRIu64 ",\"errors\":%" PRIu64
			",\"imissed\":",
			i ? "," : "", i, q->lcore, q->packets, q->errors);
		if (x->knows_imissed)
			tt_buf_printf(b, "%" PRIu64 "}", q->imissed);
		else
			tt_buf_printf(b, "null}");
	}
	tt_buf_printf(b, "]");
}

static void health_uplink(struct tt_buf *b, const char *id, const struct tt_tally *t) {
	uint64_t all = 0, lost = t->imissed + t->ierrors + t->rx_nombuf + t->harvest_lost;
	for (unsigned f = 0; f < TT_FATE_N; f++)
		all += t->packets[f];
	tt_buf_printf(b,
		"{\"id\":\"%s\",\"link\":\"%s\",\"packets\":%" PRIu64 ",\"observed\":%" PRIu64
		",\"spilled\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"non_ip\":%" PRIu64
		",\"unassigned\":%" PRIu64 ",\"imissed\":%" PRIu64 ",\"ierrors\":%" PRIu64
		",\"rx_nombuf\":%" PRIu64 ",\"harvest_lost\":%" PRIu64 ",\"loss\":%.6g"
		",\"late\":%" PRIu64 ",\"feed_fragments\":%" PRIu64,
		id, t->link_up ? "up" : "down", all, t->packets[TT_FATE_OBSERVED],
		t->packets[TT_FATE_SPILLED], t->packets[TT_FATE_MALFORMED],
		t->packets[TT_FATE_NON_IP], t->packets[TT_FATE_UNASSIGNED], t->imissed, t->ierrors,
		t->rx_nombuf, t->harvest_lost, 1 - tt_share_received(all, lost), t->late,
		t->feed_fragments);
}

static void health_uplinks(struct tt_buf *b, const struct tt_health *x) {
	tt_buf_printf(b, ",\"uplinks\":[");
	for (unsigned i = 0; i < x->uplink_n; i++) {
		tt_buf_printf(b, "%s", i ? "," : "");
		health_uplink(b, x->uplink_ids[i], &x->uplinks[i]);
		if (x->queues)
			health_queues(b, &x->queues[i]);
		tt_buf_printf(b, "}");
	}
	tt_buf_printf(b, "]");
}

static void health_workers(struct tt_buf *b, const struct tt_health *x) {
	tt_buf_printf(b, ",\"workers\":[");
	for (unsigned i = 0; i < x->worker_n; i++) {
		const struct tt_health_worker *w = &x->workers[i];
		tt_buf_printf(b,
			"%s{\"lcore\":%u,\"busy\":%.4f,\"asleep\":%.4f,\"poll_gap_us\":{"
			"\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64
			",\"p999\":%" PRIu64 ",\"max\":%" PRIu64 "},\"table_used\":%" PRIu64
			",\"table_size\":%" PRIu64 "}",
			i ? "," : "", w->lcore, w->busy, w->asleep, w->gap_us.p50, w->gap_us.p90,
			w->gap_us.p99, w->gap_us.p999, w->gap_us.max, w->used, w->size);
	}
	tt_buf_printf(b, "]");
}

static void health_sensors(struct tt_buf *b, const struct tt_health *x) {
	tt_buf_printf(b, ",\"sensors\":[");
	for (unsigned i = 0; i < x->sensor_n; i++) {
		const struct tt_health_sensor *s = &x->sensors[i];
		char when[TT_RFC3339_LEN];
		tt_buf_printf(b, "%s{\"id\":\"%s\",\"state\":\"%s\",\"last_packet\":", i ? "," : "",
			s->id, tt_state_name(s->state));
		if (s->last_ns)
			tt_buf_printf(b, "\"%s\"}", tt_time_format(s->last_ns / TT_NS, when));
		else
			tt_buf_printf(b, "null}");
	}
	tt_buf_printf(b, "]");
}

void tt_message_health(
	struct tt_buf *b, const struct tt_message_head *h, const struct tt_health *x) {
	message_head(b, h);
	tt_buf_printf(b, ",\"config\":\"sha256:%s\",\"clock_skew_ms\":%" PRId64, x->config,
		x->clock_skew_ms);
	health_uplinks(b, x);
	health_workers(b, x);
	health_sensors(b, x);
	tt_buf_printf(b,
		",\"harvest\":{\"overruns\":%" PRIu64 ",\"late_packets\":%" PRIu64
		",\"lost\":%" PRIu64 "},\"publish\":{\"dropped\":%" PRIu64
		"},\"spool\":{\"batches\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64
		"},\"link\":{\"sent\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"lag_s\":%.1f}}",
		x->overruns, x->late, x->harvest_lost, x->unpublished, x->link.spool_batches,
		x->link.spool_bytes, x->link.lost_batches, x->link.sent, x->link.acked,
		x->link.lag_s);
}

void tt_message_merged_health(struct tt_buf *b, const struct tt_message_head *h,
	const struct tt_health *x, const struct tt_merged *m) {
	const struct tt_link_refused *r = &m->refused;
	message_head(b, h);
	health_uplinks(b, x);
	health_sensors(b, x);
	tt_buf_printf(b, ",\"collector\":{\"lag_s\":%.1f,\"clock_skew_ms\":", m->lag_s);
	if (m->skew_ms)
		tt_buf_printf(b, "%" PRId64, *m->skew_ms);
	else
		tt_buf_printf(b, "null");
	tt_buf_printf(b,
		",\"unanswered\":%" PRIu64 ",\"refused\":{\"keys\":%" PRIu64
		",\"connections\":%" PRIu64 ",\"revoked\":%" PRIu64 ",\"messages\":%" PRIu64
		",\"names\":%" PRIu64 ",\"versions\":%" PRIu64 ",\"batches\":%" PRIu64 "}}}",
		m->unanswered, r->keys, r->connections, r->revoked, r->messages, r->names,
		r->versions, r->batches);
}
