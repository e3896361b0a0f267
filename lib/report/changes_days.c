/* SPDX-License-Identifier: BSD-3-Clause */
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES 500 // of each period, by packets
#define KNOWN	   0.9 // completeness of a day that says something when it is low

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
static void fill_days(const struct tt_row *row, const struct table *t, struct series_day *d) {
	for (unsigned i = 0; i < t->r.point_n; i++) {
		d[i].value = (double)row->points[i].packets;
		d[i].known = row->points[i].known && row->points[i].completeness >= KNOWN;
		d[i].weekend = t->weekend[i];
	}
}

static enum tt_change_kind kind_of(const struct run *r) {
	if (r->direction > 0)
		return r->level ? TT_CHANGE_RISE : TT_CHANGE_SURGE;
	return r->level ? TT_CHANGE_DECLINE : TT_CHANGE_DIP;
}

static void describe(struct search *f, const struct tt_row *row, const struct series_day *d,
	const struct run *r, struct tt_change *c) {
	double sum = 0, complete = 0;
	unsigned known = 0, days = 0;
	bool peaked = false;
	c->from = row->points[r->first].start;
	c->to = tt_tz_day_start(f->tz, tt_tz_day(f->tz, row->points[r->last].start) + 1);
	c->settled = row->points[r->settled].start;
	c->lasts = r->lasts;
	c->usual = r->usual;
	if (r->usual_days) {
		c->usual_from = row->points[r->usual_first].start;
		c->usual_days = r->usual_days;
	}
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

static int add_run(struct search *f, enum tt_change_of of, enum tt_by by, enum tt_class class,
	const struct tt_row *row, const struct series_day *d, const struct run *r) {
	struct tt_change *c = change_add(f, kind_of(r), of, class);
	if (!c)
		return tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	c->key = row->key;
	change_label(f, by, &row->key, c->label);
	describe(f, row, d, r, c);
	return 0;
}

static int look_at(struct search *f, enum tt_change_of of, enum tt_by by, enum tt_class class,
	const struct tt_row *row, const struct table *t) {
	unsigned n = t->r.point_n, run_n = 0;
	struct series_day *d = calloc(n + 1, sizeof(*d));
	struct run *runs = NULL;
	int rc = 0;
	if (!d)
		return tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	fill_days(row, t, d);
	if (usual_find(d, n, t->lead, &f->limits, &runs, &run_n))
		rc = tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	for (unsigned i = 0; !rc && i < run_n; i++)
		rc = add_run(f, of, by, class, row, d, &runs[i]);
	free(runs);
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
		struct tt_change *c = change_add(
			f, s->level ? TT_CHANGE_RISE : TT_CHANGE_SURGE, TT_OF_WATCH, TT_SCAN);
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
