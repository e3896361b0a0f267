/* SPDX-License-Identifier: BSD-3-Clause */
#include "message.h"

#include <inttypes.h>
#include <stdio.h>

#include "tt_names.h"
#include "tt_time.h"

const char *tt_state_name(enum tt_state state) {
	static const char *const names[] = {"up", "silent", "down"};
	return names[state];
}

double tt_completeness(const struct tt_sensor_state *s) {
	return s->state == TT_STATE_UP ? tt_share_received(s->received, s->lost) : 0;
}

double tt_share_received(uint64_t received, uint64_t lost) {
	double all = (double)received + (double)lost;
	return all > 0 ? (double)received / all : 1;
}

void tt_topic_format(
	char out[TT_TOPIC_LEN], const char *stream, const char *probe, const char *sensor) {
	snprintf(out, TT_TOPIC_LEN, "%s.%s.%s%s", stream, probe, sensor ? sensor : "",
		sensor ? "." : "");
}

// Ids need no escaping: [a-z0-9-]{1,32}.
void message_head(struct tt_buf *b, const struct tt_message_head *h) {
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
	message_head(b, h);
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
	message_head(b, h);
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
