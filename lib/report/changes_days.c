/* SPDX-License-Identifier: BSD-3-Clause */
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES   500 // of each period, by packets
#define KNOWN	     0.9 // completeness of a day that says something when it is low
#define SURGE_FACTOR 2	 // times the usual on one day
#define LEVEL_LASTS  14	 // days to the end of the period that make a new level
#define LEVEL_ANYHOW 28	 // days that make one, whatever comes after

struct table { // days of the rows that are looked at
	struct tt_result r;
	struct tt_row_key *keys;
	unsigned key_n, lead; // days before the period
	bool *weekend;	      // of each day
};

// The largest rows of a period.
static int add_candidates(struct search *f, struct tt_query *q, struct table *t) {
	struct tt_result r = {0};
	struct ranking k = {0};
	q->light = true;
	int rc = tt_store_query(f->s, q, &r, f->err);
	if (rc)
		return rc;
	rc = rank_rows(r.rows, r.row_n, q->by, TT_RANK_PACKETS, &k);
	if (!rc && !(t->keys = realloc(t->keys, (t->key_n + CANDIDATES) * sizeof(*t->keys))))
		rc = -ENOMEM;
	for (unsigned i = 0; !rc && i < k.ranked_n && i < CANDIDATES; i++) {
		const struct tt_row_key *key = &k.rows[i].row->key;
		unsigned j = 0;
		while (j < t->key_n && rank_key_cmp(&t->keys[j], key, q->by))
			j++;
		if (j == t->key_n)
			t->keys[t->key_n++] = *key;
	}
	if (rc)
		tt_err_set(f->err, rc, "changes: %s", strerror(-rc));
	rank_free(&k);
	tt_result_free(&r);
	return rc;
}

static int load(struct search *f, struct tt_query *q, struct table *t) {
	int rc = add_candidates(f, q, t);
	if (!rc && f->out->previous_known) {
		q->from = f->out->previous_from;
		q->to = f->out->previous_to;
		rc = add_candidates(f, q, t);
	}
	if (rc || !t->key_n)
		return rc;
	q->from = f->past;
	q->to = f->out->to;
	q->step = TT_STEP_DAY;
	q->keys = t->keys;
	q->key_n = t->key_n;
	rc = tt_store_query(f->s, q, &t->r, f->err);
	if (!rc && !(t->weekend = calloc(t->r.point_n + 1, sizeof(*t->weekend))))
		rc = tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	for (unsigned i = 0; !rc && t->r.row_n && i < t->r.point_n; i++) {
		int64_t start = t->r.rows[0].points[i].start;
		t->lead += start < f->out->from;
		t->weekend[i] = is_weekend(tt_tz_day(f->tz, start));
	}
	return rc;
}

static void free_table(struct table *t) {
	tt_result_free(&t->r);
	free(t->keys);
	free(t->weekend);
}

// Of a sensor its own up-time, of others that of all that are compared.
static int fill_known(struct search *f, const struct tt_row *row, enum tt_by by,
	const struct table *t, struct series_day *d) {
	unsigned n = t->r.point_n;
	struct tt_query q = search_query(f, by, TT_SCAN);
	struct tt_up u;
	for (unsigned i = 0; i < n; i++) {
		d[i].value = (double)row->points[i].packets;
		d[i].known = row->points[i].known && row->points[i].completeness >= KNOWN;
		d[i].weekend = t->weekend[i];
	}
	if (by != TT_BY_SENSOR)
		return 0;
	q.from = f->past;
	q.step = TT_STEP_DAY;
	q.sensor = row->key.sensor;
	int rc = tt_store_up(f->s, &q, &u, f->err);
	for (unsigned i = 0; !rc && i < n && i < u.step_n; i++)
		d[i].known = u.step_completeness[i] >= KNOWN;
	tt_up_free(&u);
	return rc;
}

static enum tt_change_kind kind_of(const struct run *r) {
	unsigned days = r->last - r->first + 1;
	bool level = (r->lasts && days >= LEVEL_LASTS) || days >= LEVEL_ANYHOW;
	if (r->direction > 0)
		return level ? TT_CHANGE_RISE : TT_CHANGE_SURGE;
	return level ? TT_CHANGE_DECLINE : TT_CHANGE_DIP;
}

// What passes has to double on one of its days (or halve) where a new level need not.
static bool is_large(const struct series_day *d, unsigned n, const struct run *r) {
	struct tt_usual u = usual_of(d, n, r->first);
	for (unsigned i = r->first; i <= r->last; i++)
		if (d[i].odd && (r->direction > 0 ? d[i].value >= SURGE_FACTOR * u.median
						  : d[i].value * SURGE_FACTOR <= u.median))
			return true;
	return false;
}

static void describe(struct search *f, const struct tt_row *row, const struct series_day *d,
	unsigned n, const struct run *r, struct tt_change *c) {
	double sum = 0, complete = 0;
	unsigned known = 0, days = 0;
	bool peaked = false;
	c->from = row->points[r->first].start;
	c->to = tt_tz_day_start(f->tz, tt_tz_day(f->tz, row->points[r->last].start) + 1);
	c->lasts = r->lasts;
	c->usual = usual_of(d, n, r->first);
	for (unsigned i = r->first; i <= r->last; i++) {
		const struct tt_point *p = &row->points[i];
		if (p->completeness >= 0) {
			complete += p->completeness;
			known++;
		}
		if (!p->known)
			continue;
		days++;
		sum += d[i].value;
		if (!peaked || (r->direction > 0 ? p->packets > c->peak : p->packets < c->peak)) {
			c->peak = p->packets;
			c->peak_day = p->start;
			peaked = true;
		}
	}
	c->days = r->last - r->first + 1;
	c->value = (uint64_t)sum;
	c->completeness = known ? complete / c->days : -1;
	if (c->usual.median > 0 && days)
		c->factor = sum / days / c->usual.median;
}

static int look_at(struct search *f, enum tt_change_of of, enum tt_by by, enum tt_class class,
	const struct tt_row *row, const struct table *t) {
	unsigned n = t->r.point_n, at = t->lead;
	struct series_day *d = calloc(n + 1, sizeof(*d));
	struct cell label;
	struct run r;
	if (!d)
		return tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	int rc = fill_known(f, row, by, t, d);
	// a rare thing is told by what surges; only what is usually there can decline
	if (!rc)
		usual_mark(d, n, 0, &f->limits, true);
	while (!rc && usual_run(d, n, &at, &r)) {
		if (kind_of(&r) == TT_CHANGE_SURGE || kind_of(&r) == TT_CHANGE_DIP)
			if (!is_large(d, n, &r))
				continue;
		struct tt_change *c = change_add(f, kind_of(&r), of, class);
		if (!c) {
			rc = tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
			break;
		}
		c->key = row->key;
		key_label(by, &row->key, &label);
		snprintf(c->label, sizeof(c->label), "%.*s", (int)sizeof(c->label) - 1, label.text);
		describe(f, row, d, n, &r, c);
	}
	free(d);
	return rc;
}

int changes_days(struct search *f, enum tt_change_of of, enum tt_by by, enum tt_class class) {
	struct tt_query q = search_query(f, by, class);
	struct table t = {0};
	// a sensor is compared with itself
	if (by == TT_BY_SENSOR)
		q.sensor_n = 0;
	int rc = load(f, &q, &t);
	for (unsigned i = 0; !rc && i < t.r.row_n; i++)
		rc = look_at(f, of, by, class, &t.r.rows[i], &t);
	free_table(&t);
	return rc;
}

// ---- watches say themselves what a surge is

static int add_watch(struct search *f, const struct tt_watch_result *r) {
	for (unsigned i = 0; i < r->surge_n; i++) {
		const struct tt_watch_surge *s = &r->surges[i];
		struct tt_change *c = change_add(f, TT_CHANGE_SURGE, TT_OF_WATCH, TT_SCAN);
		if (!c)
			return tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
		snprintf(c->watch, sizeof(c->watch), "%s", r->info.name);
		snprintf(c->label, sizeof(c->label), "%s", r->info.name);
		c->from = s->from;
		c->to = s->to;
		c->days = s->days;
		c->peak = s->peak;
		c->peak_day = s->peak_day;
		c->usual = s->usual;
		c->value = s->packets;
		c->sources = (int64_t)s->sources;
		c->completeness = r->counts.completeness;
		c->lasts = s->to >= r->counts.to;
	}
	return 0;
}

int changes_watches(struct search *f) {
	struct tt_watch_list list;
	int rc = tt_store_watches(f->s, &list, f->err);
	for (unsigned i = 0; !rc && i < list.n; i++) {
		struct tt_watch_result r;
		if (!list.watches[i].has_surge)
			continue;
		rc = tt_watch_find(
			f->s, list.watches[i].name, f->out->from, f->out->to, &r, f->err);
		if (!rc)
			rc = add_watch(f, &r);
		tt_watch_result_free(&r);
	}
	tt_watch_list_free(&list);
	return rc;
}
