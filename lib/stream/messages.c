/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_messages.h"

#include <inttypes.h>
#include <stdio.h>

#include "tt_names.h"
#include "tt_time.h"

const char *tt_state_name(enum tt_state state) {
	static const char *const names[] = {"up", "silent", "down"};
	return names[state];
}

void tt_topic_format(
	char out[TT_TOPIC_LEN], const char *stream, const char *probe, const char *sensor) {
	snprintf(out, TT_TOPIC_LEN, "%s.%s.%s%s", stream, probe, sensor ? sensor : "",
		sensor ? "." : "");
}

// Ids need no escaping: [a-z0-9-]{1,32}.
static void head(struct tt_buf *b, const struct tt_message_head *h) {
	char start[TT_RFC3339_LEN], end[TT_RFC3339_LEN];
	tt_buf_printf(b, "{\"v\":1,\"probe\":\"%s\",\"boot\":\"%s\",\"seq\":%" PRIu64, h->probe,
		h->boot, h->seq);
	if (h->sensor)
		tt_buf_printf(b, ",\"sensor\":\"%s\"", h->sensor);
	tt_buf_printf(b, ",\"start\":\"%s\",\"end\":\"%s\"", tt_time_format(h->start, start),
		tt_time_format(h->end, end));
}

void tt_message_live(struct tt_buf *b, const struct tt_message_head *h,
	const uint64_t packets[TT_OBSERVED_CLASS_N], const uint64_t bytes[TT_OBSERVED_CLASS_N]) {
	head(b, h);
	for (unsigned c = 0; c < TT_OBSERVED_CLASS_N; c++)
		tt_buf_printf(b, "%s\"%s\":{\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
			c ? "," : ",\"classes\":{", tt_class_name(c), packets[c], bytes[c]);
	tt_buf_printf(b, "}}");
}

static void counts(struct tt_buf *b, const struct tt_fold_sum *s, bool sources) {
	tt_buf_printf(b, "\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64, s->packets, s->bytes);
	if (sources)
		tt_buf_printf(b, ",\"sources\":%" PRIu64, s->sources);
}

static void list(
	struct tt_buf *b, const struct tt_fold *fold, unsigned slot, enum tt_fold_kind kind) {
	const char *name = kind == TT_FOLD_PORTS ? "ports" : "regions";
	struct tt_fold_row top[TT_FOLD_TOP];
	struct tt_fold_sum other;
	unsigned n = tt_fold_top(fold, slot, kind, top, &other);
	tt_buf_printf(b, ",\"%s\":[", name);
	for (unsigned i = 0; i < n; i++) {
		char proto[8];
		tt_buf_printf(b, "%s{\"class\":\"%s\",", i ? "," : "", tt_class_name(top[i].class));
		if (kind == TT_FOLD_PORTS)
			tt_buf_printf(b, "\"proto\":\"%s\",\"port\":%u,",
				tt_proto_format(top[i].proto, proto), top[i].port);
		else
			tt_buf_printf(b, "\"region\":\"%s\",", top[i].region);
		counts(b, &top[i].sum, true);
		tt_buf_printf(b, "}");
	}
	tt_buf_printf(b, "],\"%s_other\":{", name);
	counts(b, &other, false);
	tt_buf_printf(b, "}");
}

void tt_message_stats(struct tt_buf *b, const struct tt_message_head *h, enum tt_state state,
	double completeness, const char *rir, const struct tt_fold *fold, unsigned slot) {
	head(b, h);
	tt_buf_printf(b, ",\"state\":\"%s\",\"completeness\":%.6g%s", tt_state_name(state),
		completeness, completeness == (int)completeness ? ".0" : "");
	if (*rir)
		tt_buf_printf(b, ",\"rir\":\"%s\"", rir);
	else
		tt_buf_printf(b, ",\"rir\":null");
	tt_buf_printf(b, ",\"sources_lower_bound\":%s",
		tt_fold_lower_bound(fold, slot) ? "true" : "false");
	for (unsigned c = 0; c < TT_OBSERVED_CLASS_N; c++) {
		struct tt_fold_sum s = tt_fold_class(fold, slot, c);
		tt_buf_printf(b, "%s\"%s\":{", c ? "," : ",\"classes\":{", tt_class_name(c));
		counts(b, &s, true);
		tt_buf_printf(b, "}");
	}
	tt_buf_printf(b, "}");
	list(b, fold, slot, TT_FOLD_PORTS);
	list(b, fold, slot, TT_FOLD_REGIONS);
	tt_buf_printf(b, "}");
}

static void health_uplinks(struct tt_buf *b, const struct tt_health *x) {
	tt_buf_printf(b, ",\"uplinks\":[");
	for (unsigned i = 0; i < x->uplink_n; i++) {
		const struct tt_tally *t = &x->uplinks[i];
		uint64_t all = 0;
		for (unsigned f = 0; f < TT_FATE_N; f++)
			all += t->packets[f];
		tt_buf_printf(b,
			"%s{\"id\":\"%s\",\"link\":\"%s\",\"packets\":%" PRIu64
			",\"observed\":%" PRIu64 ",\"spilled\":%" PRIu64 ",\"malformed\":%" PRIu64
			",\"non_ip\":%" PRIu64 ",\"unassigned\":%" PRIu64 ",\"imissed\":%" PRIu64
			",\"ierrors\":%" PRIu64 ",\"rx_nombuf\":%" PRIu64
			",\"feed_fragments\":%" PRIu64 "}",
			i ? "," : "", x->uplink_ids[i], t->link_up ? "up" : "down", all,
			t->packets[TT_FATE_OBSERVED], t->packets[TT_FATE_SPILLED],
			t->packets[TT_FATE_MALFORMED], t->packets[TT_FATE_NON_IP],
			t->packets[TT_FATE_UNASSIGNED], t->imissed, t->ierrors, t->rx_nombuf,
			t->feed_fragments);
	}
	tt_buf_printf(b, "]");
}

static void health_workers(struct tt_buf *b, const struct tt_health *x) {
	tt_buf_printf(b, ",\"workers\":[");
	for (unsigned i = 0; i < x->worker_n; i++) {
		const struct tt_health_worker *w = &x->workers[i];
		tt_buf_printf(b,
			"%s{\"lcore\":%u,\"busy\":%.4f,\"poll_gap_us\":{\"p99\":%" PRIu64
			",\"max\":%" PRIu64 "},\"table_used\":%" PRIu64 ",\"table_size\":%" PRIu64
			"}",
			i ? "," : "", w->lcore, w->busy, w->gap_p99_us, w->gap_max_us, w->used,
			w->size);
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
	head(b, h);
	tt_buf_printf(b, ",\"config\":\"sha256:%s\",\"clock_skew_ms\":%" PRId64, x->config,
		x->clock_skew_ms);
	health_uplinks(b, x);
	health_workers(b, x);
	health_sensors(b, x);
	tt_buf_printf(b,
		",\"harvest\":{\"overruns\":%" PRIu64 ",\"late_packets\":%" PRIu64
		"},\"spool\":{\"batches\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64
		"},\"link\":{\"sent\":%" PRIu64 ",\"acked\":%" PRIu64 ",\"lag_s\":%.1f}}",
		x->overruns, x->late, x->link.spool_batches, x->link.spool_bytes,
		x->link.lost_batches, x->link.sent, x->link.acked, x->link.lag_s);
}

void tt_message_merged_health(struct tt_buf *b, const struct tt_message_head *h,
	const struct tt_health *x, const struct tt_merged *m) {
	const struct tt_link_refused *r = &m->refused;
	head(b, h);
	health_uplinks(b, x);
	health_sensors(b, x);
	tt_buf_printf(b, ",\"collector\":{\"lag_s\":%.1f,\"clock_skew_ms\":", m->lag_s);
	if (m->skew_ms)
		tt_buf_printf(b, "%" PRId64, *m->skew_ms);
	else
		tt_buf_printf(b, "null");
	tt_buf_printf(b,
		",\"refused\":{\"keys\":%" PRIu64 ",\"connections\":%" PRIu64
		",\"revoked\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"names\":%" PRIu64
		",\"versions\":%" PRIu64 ",\"batches\":%" PRIu64 "}}}",
		r->keys, r->connections, r->revoked, r->messages, r->names, r->versions,
		r->batches);
}
