/* SPDX-License-Identifier: BSD-3-Clause */
// Surveyors by behaviour: a source that probes more than so many ports in a local day (class scan,
// TCP and UDP, at all sensors together). A day is settled when it is over, so that a source's first
// packets of it count as its last do.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "survey.h"

#define PAIRS_MAX (64u << 20) // sources and ports of a day that are told apart
#define SRC_V6	  (1ull << 32)

int survey_ports(struct tt_store *s, unsigned *out, struct tt_err *err) {
	char *text = NULL;
	int rc = tt_store_document_get(s, "surveyors", &text, err);
	json_t *doc = rc > 0 ? json_loads(text, 0, NULL) : NULL;

	*out = (unsigned)json_integer_value(json_object_get(doc, "ports_per_day"));
	json_decref(doc);
	free(text);
	return rc < 0 ? rc : 0;
}

// What is known of one day while its batches are read.
struct day {
	struct map pairs;  // source, protocol and port
	struct map counts; // ports by source
	struct ids6 v6;
	int64_t from, to;
	unsigned limit;
};

static int64_t number_of(struct ids6 *v6, uint8_t family, const uint8_t src[16]) {
	int64_t id;

	if (family == 4)
		return (int64_t)((uint32_t)src[0] << 24 | (uint32_t)src[1] << 16 |
				 (uint32_t)src[2] << 8 | src[3]);
	id = ids6_at(v6, src);
	return id < 0 ? id : (int64_t)(SRC_V6 | (uint64_t)id);
}

static int count_row(struct day *d, const struct tt_batch_view *v, uint32_t i) {
	int64_t src = number_of(&d->v6, v->family[i], v->src[i]);
	uint64_t *n, *seen;

	if (src < 0 || (n = map_at(&d->counts, (uint64_t)src)) == NULL)
		return -ENOMEM;
	// more need not be told apart of whoever is a surveyor already
	if (*n > d->limit)
		return 0;
	if (d->pairs.n >= PAIRS_MAX)
		return -E2BIG;
	seen = map_at(
		&d->pairs, (uint64_t)src << 17 | (uint64_t)(v->proto[i] == 17) << 16 | v->port[i]);
	if (seen == NULL)
		return -ENOMEM;
	*n += *seen == 0;
	*seen = 1;
	return 0;
}

static int count_batch(struct day *d, const struct tt_batch_view *v) {
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;

		if (v->class[i] == TT_SCAN && v->family[i] != 0 && epoch >= d->from &&
			epoch < d->to && (v->proto[i] == 6 || v->proto[i] == 17))
			rc = count_row(d, v, i);
	}
	return rc;
}

static uint64_t key_of(const struct survey *v, int64_t day, uint64_t src) {
	return (uint64_t)(day - v->first) << 33 | src;
}

static int keep(struct survey *out, struct day *d, int64_t day) {
	for (uint64_t i = 0; i < d->counts.size; i++) {
		const struct map_slot *slot = &d->counts.slots[i];
		uint64_t src = slot->key1 - 1, *v;
		int64_t id;

		if (slot->key1 == 0 || slot->val <= d->limit)
			continue;
		if (src & SRC_V6) {
			if ((id = ids6_at(&out->v6, d->v6.addr[(uint32_t)src])) < 0)
				return -ENOMEM;
			src = SRC_V6 | (uint64_t)id;
		}
		if ((v = map_at(&out->set, key_of(out, day, src))) == NULL)
			return -ENOMEM;
		*v = slot->val;
	}
	return 0;
}

static int read_day(struct tt_store *s, struct survey *out, int64_t day, struct tt_err *err) {
	struct day d = {.from = tt_tz_day_start(s->tz, day),
		.to = tt_tz_day_start(s->tz, day + 1),
		.limit = out->limit};
	struct raw_cursor c;
	int rc = raw_open(s, &c, d.from, d.to, false, err), more;

	if (rc < 0)
		return rc;
	while (rc == 0 && (more = raw_next(&c, err)) != 0)
		rc = more < 0 ? more : count_batch(&d, &c.v);
	raw_close(&c);
	if (rc == 0)
		rc = keep(out, &d, day);
	if (rc == -E2BIG)
		tt_err_set(
			err, rc, "%s: more than %u sources and ports in a day", s->path, PAIRS_MAX);
	else if (rc == -ENOMEM)
		tt_err_set(err, rc, "%s: no memory for the surveyors of a day", s->path);
	map_free(&d.pairs);
	map_free(&d.counts);
	ids6_free(&d.v6);
	return rc;
}

int survey_read(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err) {
	int64_t last;
	int rc;

	*out = (struct survey){.tz = s->tz};
	if ((rc = survey_ports(s, &out->limit, err)) < 0 || out->limit == 0 || from >= to)
		return rc;
	out->first = tt_tz_day(s->tz, from);
	last = tt_tz_day(s->tz, to - 1);
	for (int64_t day = out->first; rc == 0 && day <= last; day++)
		rc = read_day(s, out, day, err);
	return rc;
}

bool survey_has(struct survey *v, int64_t time, uint8_t family, const uint8_t src[16]) {
	int64_t id;

	if (v->set.n == 0 || family == 0)
		return false;
	if (time < v->from || time >= v->to) {
		v->day = tt_tz_day(v->tz, time);
		v->from = tt_tz_day_start(v->tz, v->day);
		v->to = tt_tz_day_start(v->tz, v->day + 1);
	}
	if (family == 6 && (id = ids6_find(&v->v6, src)) < 0)
		return false;
	if (family != 6)
		id = number_of(NULL, 4, src);
	return map_find(&v->set,
		       key_of(v, v->day, family == 6 ? SRC_V6 | (uint64_t)id : (uint64_t)id)) !=
	       NULL;
}

void survey_free(struct survey *v) {
	map_free(&v->set);
	ids6_free(&v->v6);
}
