/* SPDX-License-Identifier: BSD-3-Clause */
// Who drove a change: parts of its span compared with as many usual days before it.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"

#define SPAN_DAYS   28	    // of a change, at most, that are looked at
#define SHARE_LEAST 0.05    // of the change, that a driver makes
#define RAW_MOST    4000000 // observations read where rollups do not know
#define ONE_SENSOR  0.9
#define FEW_SOURCES 0.5

struct span {
	int64_t from, to;
	unsigned days;
};

struct parts {
	struct tt_result now, before;
};

// The change as a filter.
static struct tt_query query_of(
	const struct search *f, const struct tt_change *c, enum tt_by by, const struct span *s) {
	struct tt_query q = search_query(f, by, c->class);
	q.from = s->from;
	q.to = s->to;
	q.raw_rows_limit = RAW_MOST;
	if (c->of == TT_OF_SERVICE) {
		q.has_port = true;
		q.proto = c->key.proto;
		q.port = c->key.port;
	} else if (c->of == TT_OF_REGION) {
		q.region = c->key.region;
	} else if (c->of == TT_OF_SENSOR) {
		q.sensor = c->key.sensor;
		q.sensor_n = 0;
	}
	return q;
}

// What cannot be told (-ENODATA, -E2BIG) is no failure: 1.
static int ask(struct search *f, const struct tt_query *q, struct tt_result *r) {
	struct tt_err ignored = {0};
	int rc = tt_store_query(f->s, q, r, &ignored);
	if (rc == -ENODATA || rc == -E2BIG)
		return 1;
	if (rc)
		*f->err = ignored;
	return rc;
}

static int ask_both(struct search *f, const struct tt_change *c, enum tt_by by,
	const struct span *now, const struct span *before, struct parts *p) {
	struct tt_query q = query_of(f, c, by, now);
	int rc = ask(f, &q, &p->now);
	if (rc)
		return rc;
	q = query_of(f, c, by, before);
	return ask(f, &q, &p->before);
}

static void free_parts(struct parts *p) {
	tt_result_free(&p->now);
	tt_result_free(&p->before);
}

static const struct tt_row *find(
	const struct tt_result *r, const struct tt_row_key *k, enum tt_by by) {
	for (unsigned i = 0; i < r->row_n; i++)
		if (!rank_key_cmp(&r->rows[i].key, k, by))
			return &r->rows[i];
	return NULL;
}

static int by_share(const void *x, const void *y) {
	const struct tt_driver *a = x, *b = y;
	return (a->share < b->share) - (a->share > b->share);
}

struct taker {
	struct search *f;
	struct tt_change *c;
	enum tt_by by;
	double total; // of the change, negative for declines
	double scale; // days now / days before
};

static int take(const struct taker *t, const struct tt_row *row, uint64_t now, uint64_t before) {
	struct tt_change *c = t->c;
	struct tt_driver d = {.by = t->by, .key = row->key, .packets = now};
	struct cell label;
	// nobody's
	if ((t->by == TT_BY_ASN && !row->key.asn) ||
		(t->by == TT_BY_SOURCE && !row->key.source.family))
		return 0;
	d.usual = (double)before * t->scale;
	d.share = ((double)now - d.usual) / t->total;
	if (d.share < SHARE_LEAST)
		return 0;
	d.share = d.share > 1 ? 1 : d.share;
	key_label(t->by, &row->key, &label);
	snprintf(d.label, sizeof(d.label), "%.*s", (int)sizeof(d.label) - 1, label.text);
	struct tt_driver *more = realloc(c->drivers, (c->driver_n + 1) * sizeof(*more));
	if (!more)
		return tt_err_set(t->f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	c->drivers = more;
	more[c->driver_n++] = d;
	return 0;
}

// Drivers of one kind; the largest few stay.
static int drivers_by(struct search *f, struct tt_change *c, enum tt_by by, const struct span *now,
	const struct span *before, double total) {
	struct taker t = {f, c, by, total, (double)now->days / before->days};
	unsigned first = c->driver_n;
	struct parts p = {0};
	int rc = ask_both(f, c, by, now, before, &p);
	for (unsigned i = 0; !rc && i < p.now.row_n; i++) {
		const struct tt_row *row = &p.now.rows[i], *b = find(&p.before, &row->key, by);
		rc = take(&t, row, row->packets, b ? b->packets : 0);
	}
	// what is gone drives a decline
	for (unsigned i = 0; !rc && total < 0 && i < p.before.row_n; i++) {
		const struct tt_row *row = &p.before.rows[i];
		if (!find(&p.now, &row->key, by))
			rc = take(&t, row, 0, row->packets);
	}
	free_parts(&p);
	if (c->driver_n > first)
		qsort(&c->drivers[first], c->driver_n - first, sizeof(*c->drivers), by_share);
	if (c->driver_n > first + TT_DRIVERS)
		c->driver_n = first + TT_DRIVERS;
	return rc < 0 ? rc : 0;
}

static int count_sources(struct search *f, struct tt_change *c, const struct span *now,
	const struct span *before, double *total) {
	struct parts p = {0};
	int rc = ask_both(f, c, TT_BY_NONE, now, before, &p);
	*total = 0;
	if (!rc && p.now.row_n && p.before.row_n) {
		const struct tt_row *a = &p.now.rows[0], *b = &p.before.rows[0];
		*total = (double)a->packets - (double)b->packets * now->days / before->days;
		c->sources = (int64_t)a->sources;
		c->sources_usual = (int64_t)b->sources;
		c->top_source_share = a->top_source_share;
		c->few_sources = a->top_source_share > FEW_SOURCES;
	}
	free_parts(&p);
	return rc < 0 ? rc : 0;
}

// As many days before the change as it has, at least a week.
static void spans(
	const struct search *f, const struct tt_change *c, struct span *now, struct span *before) {
	int64_t first = tt_tz_day(f->tz, c->from);
	now->days = c->days < SPAN_DAYS ? c->days : SPAN_DAYS;
	now->from = c->from;
	now->to = tt_tz_day_start(f->tz, first + now->days);
	before->days = now->days < 7 ? 7 : now->days;
	before->from = tt_tz_day_start(f->tz, first - before->days);
	before->to = c->from;
}

int change_drivers(struct search *f, struct tt_change *c) {
	static const enum tt_by bys[][5] = {
		[TT_OF_SERVICE] = {TT_BY_SENSOR, TT_BY_REGION, TT_BY_ASN, TT_BY_SOURCE, TT_BY_NONE},
		[TT_OF_REGION] = {TT_BY_SENSOR, TT_BY_PORT, TT_BY_ASN, TT_BY_SOURCE, TT_BY_NONE},
		[TT_OF_SENSOR] = {TT_BY_PORT, TT_BY_REGION, TT_BY_ASN, TT_BY_SOURCE, TT_BY_NONE},
	};
	struct span now, before;
	double total;
	spans(f, c, &now, &before);
	int rc = count_sources(f, c, &now, &before, &total);
	// a decline is driven by what became less
	if (rc || total == 0 ||
		(total < 0) != (c->kind == TT_CHANGE_DECLINE || c->kind == TT_CHANGE_DIP))
		return rc;
	for (const enum tt_by *by = bys[c->of]; !rc && *by != TT_BY_NONE; by++)
		rc = drivers_by(f, c, *by, &now, &before, total);
	for (unsigned i = 0; i < c->driver_n; i++)
		if (c->drivers[i].by == TT_BY_SENSOR && f->panel_n > 1)
			c->one_sensor |= c->drivers[i].share >= ONE_SENSOR;
	return rc;
}
