/* SPDX-License-Identifier: BSD-3-Clause */
#include "merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tt_file.h"
#include "tt_log.h"
#include "tt_messages.h"
#include "tt_region.h"
#include "tt_time.h"
#include "tt_wire.h"

enum {
	PROBES_MAX = 256, // more are stored, but have no streams here
	OPEN_MAX = 8,	  // epochs of a probe that may wait for their end; the oldest makes room
	SPARE_SLOTS = 64, // sensors that may be added while an epoch is open
	ROWS_MAX = 65536, // ports and regions by sensor and class that an epoch remembers
	UPLINKS_MAX = 64,
};

struct staged {
	struct staged *next;
	size_t len;
	uint8_t data[];
};

/// An epoch of a probe that is not closed yet.
struct epoch {
	bool used;
	int64_t start;
	struct tt_fold *fold;
	unsigned slots;
	struct tt_tally uplinks[UPLINKS_MAX];
	unsigned uplink_n;
};

/// A probe, and the number of the last message by topic.
struct source {
	char probe[TT_ID_LEN];
	uint64_t health_seq;
	struct {
		char id[TT_ID_LEN];
		uint64_t seq;
	} * sensors;
	unsigned sensor_n;
	struct epoch open[OPEN_MAX];
};

struct merge {
	struct tt_pub *pub;
	struct tt_link_server *server;
	char boot[TT_BOOT_LEN]; // of this collector: a subscriber counts its losses by boot and seq
	struct tt_batch_decoder *decoder;
	struct staged *head, **tail;
	struct source *sources[PROBES_MAX];
	unsigned source_n;
	struct tt_buf buf;
	uint16_t *slot_of; // of the batch's sensors: index in source.sensors
	unsigned slot_cap;
	uint64_t lost; // messages that could not be sent
};

struct merge *merge_create(struct tt_pub *pub, struct tt_link_server *server) {
	struct merge *m = calloc(1, sizeof(*m));
	uint64_t boot;
	if (!m)
		return NULL;
	m->pub = pub;
	m->server = server;
	m->tail = &m->head;
	m->buf.max = 1 << 20;
	m->decoder = tt_batch_decoder_create();
	if (!m->decoder)
		merge_destroy(&m);
	tt_random(&boot, sizeof(boot));
	if (m)
		snprintf(m->boot, sizeof(m->boot), "%016" PRIx64, boot);
	return m;
}

void merge_destroy(struct merge **mp) {
	struct merge *m = *mp;
	if (!m)
		return;
	merge_rollback(m);
	for (unsigned i = 0; i < m->source_n; i++) {
		for (unsigned e = 0; e < OPEN_MAX; e++)
			tt_fold_destroy(&m->sources[i]->open[e].fold);
		free(m->sources[i]->sensors);
		free(m->sources[i]);
	}
	tt_batch_decoder_destroy(&m->decoder);
	tt_buf_free(&m->buf);
	free(m->slot_of);
	free(m);
	*mp = NULL;
}

void merge_stage(struct merge *m, const void *msg, size_t len) {
	struct staged *s = malloc(sizeof(*s) + len);
	if (!s)
		return; // the streams are a service; the store has it
	s->next = NULL;
	s->len = len;
	memcpy(s->data, msg, len);
	*m->tail = s;
	m->tail = &s->next;
}

void merge_rollback(struct merge *m) {
	while (m->head) {
		struct staged *s = m->head;
		m->head = s->next;
		free(s);
	}
	m->tail = &m->head;
}

static struct source *find_source(struct merge *m, const char *probe) {
	for (unsigned i = 0; i < m->source_n; i++)
		if (!strcmp(m->sources[i]->probe, probe))
			return m->sources[i];
	if (m->source_n == PROBES_MAX)
		return NULL;
	struct source *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	memcpy(s->probe, probe, strlen(probe));
	m->sources[m->source_n++] = s;
	return s;
}

// The place of a sensor among those of its probe, kept for good: the topics count on.
static int slot(struct source *s, const char *id, unsigned hint) {
	if (hint < s->sensor_n && !strcmp(s->sensors[hint].id, id))
		return (int)hint;
	for (unsigned i = 0; i < s->sensor_n; i++)
		if (!strcmp(s->sensors[i].id, id))
			return (int)i;
	if (s->sensor_n == TT_NO_SENSOR)
		return -1;
	void *p = realloc(s->sensors, (s->sensor_n + 1) * sizeof(*s->sensors));
	if (!p)
		return -1;
	s->sensors = p;
	memset(&s->sensors[s->sensor_n], 0, sizeof(*s->sensors));
	memcpy(s->sensors[s->sensor_n].id, id, strlen(id));
	return (int)s->sensor_n++;
}

static int map_sensors(struct merge *m, struct source *s, const struct tt_batch_view *v) {
	unsigned n = v->head.sensor_n;
	if (n > m->slot_cap) {
		uint16_t *p = realloc(m->slot_of, n * sizeof(*p));
		if (!p)
			return -1;
		m->slot_of = p;
		m->slot_cap = n;
	}
	for (unsigned i = 0; i < n; i++) {
		int at = slot(s, v->sensors[i], i);
		m->slot_of[i] = at < 0 ? TT_NO_SENSOR : (uint16_t)at;
	}
	return 0;
}

static struct epoch *find_epoch(struct source *s, int64_t start) {
	struct epoch *e = &s->open[0];
	for (unsigned i = 0; i < OPEN_MAX; i++) {
		struct epoch *x = &s->open[i];
		if (x->used && x->start == start)
			return x;
		// a free one, else the oldest
		if (e->used && (!x->used || x->start < e->start))
			e = x;
	}
	if (e->fold && e->slots < s->sensor_n)
		tt_fold_destroy(&e->fold);
	if (!e->fold) {
		e->slots = s->sensor_n + SPARE_SLOTS;
		e->fold = tt_fold_create(e->slots, ROWS_MAX);
	} else {
		tt_fold_reset(e->fold);
	}
	e->used = e->fold != NULL;
	e->start = start;
	e->uplink_n = 0;
	memset(e->uplinks, 0, sizeof(e->uplinks));
	for (unsigned i = 0; i < UPLINKS_MAX; i++)
		e->uplinks[i].link_up = 1;
	return e->used ? e : NULL;
}

static void fold_rows(struct merge *m, struct source *s, const struct tt_batch_view *v,
	struct tt_regions *regions) {
	const struct tt_region *region = NULL;
	struct epoch *e = NULL;
	struct tt_obs o;
	for (uint32_t i = 0; i < v->head.obs_n; i++) {
		tt_batch_row(v, i, &o);
		if (!e || e->start != o.epoch) {
			e = find_epoch(s, o.epoch);
			region = tt_regions_at(regions, o.epoch);
		}
		if (!e)
			return;
		o.sensor = m->slot_of[o.sensor];
		tt_fold_add(e->fold, &o, tt_region_of(region, o.family, o.src));
	}
}

static void add_tally(struct tt_tally *sum, const struct tt_tally *t) {
	sum->link_up &= t->link_up; // down in part of an epoch is down
	for (unsigned f = 0; f < TT_FATE_N; f++) {
		sum->packets[f] += t->packets[f];
		sum->bytes[f] += t->bytes[f];
	}
	sum->imissed += t->imissed;
	sum->ierrors += t->ierrors;
	sum->rx_nombuf += t->rx_nombuf;
	sum->harvest_lost += t->harvest_lost;
	sum->spool_lost += t->spool_lost;
	sum->late += t->late;
	sum->feed_fragments += t->feed_fragments;
}

static void fold_tallies(struct source *s, const struct tt_batch_view *v) {
	for (uint32_t i = 0; i < v->head.tally_n; i++) {
		const struct tt_tally *t = &v->tallies[i];
		struct epoch *e = t->uplink < UPLINKS_MAX ? find_epoch(s, t->epoch) : NULL;
		if (!e)
			continue;
		add_tally(&e->uplinks[t->uplink], t);
		if (e->uplink_n <= t->uplink)
			e->uplink_n = t->uplink + 1u;
	}
}

static void send(struct merge *m, const char *stream, const char *probe, const char *sensor) {
	char topic[TT_TOPIC_LEN];
	tt_topic_format(topic, stream, probe, sensor);
	if (m->buf.rc || tt_pub_send(m->pub, topic, (const char *)m->buf.data, m->buf.len))
		m->lost++;
}

static void send_stats(struct merge *m, struct source *s, const struct epoch *e,
	const struct tt_sensor_state *st, uint32_t epoch_s, const char *rir) {
	unsigned at = m->slot_of[st->sensor];
	if (at >= e->slots)
		return;
	struct tt_message_head h = {.probe = s->probe,
		.boot = m->boot,
		.sensor = s->sensors[at].id,
		.seq = ++s->sensors[at].seq,
		.start = e->start,
		.end = e->start + epoch_s};
	tt_buf_reset(&m->buf);
	tt_message_stats(&m->buf, &h, st->state, tt_completeness(st), rir, e->fold, at);
	send(m, "stats", s->probe, h.sensor);
}

static void send_health(struct merge *m, struct source *s, const struct epoch *e,
	const struct tt_batch_view *v, const struct tt_health_sensor *sensors, unsigned sensor_n) {
	const char *ids[UPLINKS_MAX];
	unsigned n = e->uplink_n < v->head.uplink_n ? e->uplink_n : v->head.uplink_n;
	for (unsigned i = 0; i < n; i++)
		ids[i] = v->uplinks[i];
	struct tt_health x = {.uplink_ids = ids,
		.uplinks = e->uplinks,
		.uplink_n = n,
		.sensors = sensors,
		.sensor_n = sensor_n};
	struct tt_message_head h = {.probe = s->probe,
		.boot = m->boot,
		.seq = ++s->health_seq,
		.start = e->start,
		.end = e->start + v->head.epoch_s};
	tt_buf_reset(&m->buf);
	struct tt_merged merged = {.lag_s = (double)tt_now_ns() / TT_NS - (double)h.end};
	int64_t skew_ms;
	if (tt_link_server_skew_ms(m->server, s->probe, &skew_ms) == 0)
		merged.skew_ms = &skew_ms;
	merged.unanswered = tt_link_server_unanswered(m->server);
	tt_link_server_refused(m->server, &merged.refused);
	tt_pub_refused(m->pub, &merged.refused);
	tt_message_merged_health(&m->buf, &h, &x, &merged);
	send(m, "health", s->probe, NULL);
}

// States come once the probe has sent everything else of the epoch.
static void close_epochs(struct merge *m, struct source *s, const struct tt_batch_view *v,
	struct tt_regions *regions) {
	uint32_t n = 0;
	// what a spool gave up stands behind, and closes nothing
	while (n < v->head.state_n && v->states[n].state != TT_STATE_UNTOLD)
		n++;
	struct tt_health_sensor *sensors = malloc((n ? n : 1) * sizeof(*sensors));
	for (uint32_t i = 0, from = 0; sensors && i < n; i++) {
		const struct tt_sensor_state *st = &v->states[i];
		struct epoch *e = find_epoch(s, st->epoch);
		if (!e)
			break;
		sensors[i] = (struct tt_health_sensor){v->sensors[st->sensor], st->state, 0};
		send_stats(m, s, e, st, v->head.epoch_s,
			tt_region_date(tt_regions_at(regions, st->epoch)));
		if (i + 1 < n && v->states[i + 1].epoch == st->epoch)
			continue;
		send_health(m, s, e, v, &sensors[from], i + 1 - from);
		e->used = false;
		from = i + 1;
	}
	free(sensors);
}

void merge_commit(struct merge *m, struct tt_regions *regions) {
	for (struct staged *b = m->head; b; b = b->next) {
		struct tt_batch_view v;
		if (tt_batch_decode(m->decoder, b->data, b->len, &v, NULL))
			continue;
		struct source *s = find_source(m, v.head.probe);
		if (!s || map_sensors(m, s, &v))
			continue;
		fold_rows(m, s, &v, regions);
		fold_tallies(s, &v);
		close_epochs(m, s, &v, regions);
	}
	merge_rollback(m);
}
