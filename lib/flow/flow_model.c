/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_model.h"

#include <stdlib.h>
#include <string.h>

#include "tt_time.h"

static void *grow(void *p, size_t n, size_t *cap, size_t size) {
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 1024;
	p = realloc(p, *cap * size);
	if (!p)
		abort();
	return p;
}

void model_free(struct model *m) {
	free(m->rows);
	free(m->tallies);
	*m = (struct model){0};
}

void model_obs(void *model, const struct tt_obs *o) {
	struct model *m = model;
	m->rows = grow(m->rows, m->n, &m->cap, sizeof(*m->rows));
	m->rows[m->n] = (struct model_row){*o, m->n};
	m->n++;
}

void model_tally(void *model, const struct tt_tally *t) {
	struct model *m = model;
	m->tallies = grow(m->tallies, m->tally_n, &m->tally_cap, sizeof(*m->tallies));
	m->tallies[m->tally_n++] = *t;
}

static enum tt_fate fate_of(const struct tt_pkt *p, uint16_t sensors) {
	switch (p->class) {
	case TT_NON_IP:
		return TT_FATE_NON_IP;
	case TT_MALFORMED:
		return TT_FATE_MALFORMED;
	default:
		return p->sensor == TT_NO_SENSOR || p->sensor >= sensors ? TT_FATE_UNASSIGNED
									 : TT_FATE_OBSERVED;
	}
}

void model_packet(struct model *m, uint32_t epoch_s, uint16_t sensors, uint16_t uplink,
	const struct tt_pkt *p, int64_t ns, uint32_t len) {
	int64_t us = ns < 0 ? 0 : ns / 1000;
	if (us > TT_TIME_MAX * 1000000)
		us = TT_TIME_MAX * 1000000;
	int64_t epoch = us / 1000000 / epoch_s * epoch_s;
	enum tt_fate fate = fate_of(p, sensors);
	struct tt_tally t = {.epoch = epoch, .uplink = uplink};
	t.packets[fate] = 1;
	t.bytes[fate] = len;
	t.feed_fragments = p->feed_fragment;
	model_tally(m, &t);
	if (fate != TT_FATE_OBSERVED)
		return;
	struct tt_obs o = {
		.epoch = epoch,
		.sensor = p->sensor,
		.port = p->port,
		.family = p->family,
		.class = p->class,
		.proto = p->proto,
		.packets = 1,
		.bytes = len,
		.first_us = (uint32_t)(us - epoch * 1000000),
		.last_us = (uint32_t)(us - epoch * 1000000),
		.traits = p->traits,
		.tested = p->testable,
		.tcp_flags = p->tcp_flags,
		.ttl_min = p->ttl,
		.ttl_max = p->ttl,
		.dst_bitmap = 0,
	};
	memcpy(o.src, p->src, 16);
	for (unsigned i = 0; i < TT_TOOL_N; i++)
		o.matches[i] = p->tools >> i & 1;
	if (p->has_ports) {
		o.flags |= TT_OBS_OTHER_PORT;
		o.other_port = p->other_port;
	}
	if (p->syn_sample) {
		o.flags |= TT_OBS_SYN_SAMPLE;
		o.window = p->window;
		o.opt_hash = p->opt_hash;
	}
	model_obs(m, &o);
}

#define CMP(field)                                                                                 \
	if (a->field != b->field)                                                                  \
	return a->field < b->field ? -1 : 1

int model_key_cmp(const struct tt_obs *a, const struct tt_obs *b) {
	CMP(epoch);
	CMP(sensor);
	CMP(class);
	CMP(proto);
	CMP(port);
	CMP(family);
	return memcmp(a->src, b->src, 16);
}

static int row_cmp(const void *x, const void *y) {
	const struct model_row *a = x, *b = y;
	int c = model_key_cmp(&a->obs, &b->obs);
	return c ? c : a->seq < b->seq ? -1 : 1;
}

static int tally_cmp(const void *x, const void *y) {
	const struct tt_tally *a = x, *b = y;
	CMP(epoch);
	CMP(uplink);
	return 0;
}

static void add(struct tt_obs *a, const struct tt_obs *b) {
	a->packets += b->packets;
	a->bytes += b->bytes;
	a->first_us = b->first_us < a->first_us ? b->first_us : a->first_us;
	a->last_us = b->last_us > a->last_us ? b->last_us : a->last_us;
	a->traits |= b->traits;
	a->tested += b->tested;
	for (unsigned i = 0; i < TT_TOOL_N; i++)
		a->matches[i] += b->matches[i];
	a->dst_bitmap |= b->dst_bitmap;
	a->tcp_flags |= b->tcp_flags;
	a->ttl_min = b->ttl_min < a->ttl_min ? b->ttl_min : a->ttl_min;
	a->ttl_max = b->ttl_max > a->ttl_max ? b->ttl_max : a->ttl_max;
	if (a->flags & b->flags & TT_OBS_OTHER_PORT && a->other_port != b->other_port)
		a->flags |= TT_OBS_OTHER_PORT_VARIED;
	if (!(a->flags & TT_OBS_OTHER_PORT))
		a->other_port = b->other_port;
	if (!(a->flags & TT_OBS_SYN_SAMPLE)) {
		a->window = b->window;
		a->opt_hash = b->opt_hash;
	}
	a->flags |= b->flags;
}

static void project(struct tt_obs *o, enum model_key key) {
	if (key == MODEL_FLOW)
		return;
	memset(o->src, 0, sizeof(o->src));
	o->family = 0;
	if (key == MODEL_CLASS)
		o->proto = 0, o->port = 0;
}

void model_fold(struct model *m, enum model_key key, bool epochs) {
	for (size_t i = 0; i < m->n; i++)
		project(&m->rows[i].obs, key);
	if (m->n)
		qsort(m->rows, m->n, sizeof(*m->rows), row_cmp);
	size_t out = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (out && !model_key_cmp(&m->rows[out - 1].obs, &m->rows[i].obs))
			add(&m->rows[out - 1].obs, &m->rows[i].obs);
		else
			m->rows[out++] = m->rows[i];
	}
	m->n = out;
	for (size_t i = 0; i < m->tally_n && !epochs; i++)
		m->tallies[i].epoch = 0;
	if (m->tally_n)
		qsort(m->tallies, m->tally_n, sizeof(*m->tallies), tally_cmp);
	out = 0;
	for (size_t i = 0; i < m->tally_n; i++) {
		struct tt_tally *t = &m->tallies[i];
		if (!out || tally_cmp(&m->tallies[out - 1], t)) {
			m->tallies[out++] = *t;
			continue;
		}
		struct tt_tally *a = &m->tallies[out - 1];
		for (unsigned f = 0; f < TT_FATE_N; f++) {
			a->packets[f] += t->packets[f];
			a->bytes[f] += t->bytes[f];
		}
		a->late += t->late;
		a->feed_fragments += t->feed_fragments;
	}
	m->tally_n = out;
}

void model_tally_sum(
	const struct model *m, uint64_t packets[TT_FATE_N], uint64_t bytes[TT_FATE_N]) {
	memset(packets, 0, TT_FATE_N * sizeof(*packets));
	memset(bytes, 0, TT_FATE_N * sizeof(*bytes));
	for (size_t i = 0; i < m->tally_n; i++)
		for (unsigned f = 0; f < TT_FATE_N; f++) {
			packets[f] += m->tallies[i].packets[f];
			bytes[f] += m->tallies[i].bytes[f];
		}
}
