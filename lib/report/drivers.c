/* SPDX-License-Identifier: BSD-3-Clause */
// Who drove a change: parts of its span compared with days that were usual, exactly from raw
// observations and rollups, or by what rollups know of the heaviest in their rows: what is told
// then is the least that is sure.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "changes.h"

#define SPAN_DAYS     28      // of a change, at most, that are looked at
#define SETTLED_LEAST 7	      // days since a new level was reached
#define SHARE_LEAST   0.05    // of the change, that a driver makes
#define RAW_MOST      4000000 // observations read where rollups do not know
#define ONE_SENSOR    0.9
#define AGREES	      0.5 // of the excess told, that the days compared have to show
#define FEW_SOURCES   0.5

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

// Equals by their key; sensors by what they are called, so that a recipient's names tell no other
// order, and what is cut off neither.
static int by_share(const void *x, const void *y) {
	const struct tt_driver *a = x, *b = y;
	if (a->share != b->share)
		return a->share < b->share ? 1 : -1;
	return a->by == TT_BY_SENSOR ? strcmp(a->label, b->label)
				     : rank_key_cmp(&a->key, &b->key, a->by);
}

struct taker {
	struct search *f;
	struct tt_change *c;
	enum tt_by by;
	bool less;    // a decline
	double total; // of all parts that went the way of the change
	double scale; // days now / days before
	bool at_least;
};

// How much more (of a decline: less) a part has than usual.
static double excess(const struct taker *t, uint64_t now, uint64_t before) {
	double more = (double)now - (double)before * t->scale;
	return t->less ? -more : more;
}

// more_of_it: what is surely the key's of the change.
static int take(const struct taker *t, const struct tt_row_key *key, uint64_t now, uint64_t before,
	double more_of_it) {
	struct tt_change *c = t->c;
	struct tt_driver d = {.by = t->by, .key = *key, .packets = now, .at_least = t->at_least};
	// nobody's
	if ((t->by == TT_BY_ASN && !key->asn) || (t->by == TT_BY_SOURCE && !key->source.family))
		return 0;
	d.usual = (double)before * t->scale;
	d.share = more_of_it / t->total;
	if (d.share < SHARE_LEAST)
		return 0;
	change_label(t->f, t->by, key, d.label);
	struct tt_driver *more = realloc(c->drivers, (c->driver_n + 1) * sizeof(*more));
	if (!more)
		return tt_err_set(t->f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	c->drivers = more;
	more[c->driver_n++] = d;
	return 0;
}

// Takes all parts, or only adds up what they have more than usual.
static int each_part(struct taker *t, const struct parts *p, bool add_up) {
	int rc = 0;
	for (unsigned i = 0; !rc && i < p->now.row_n + p->before.row_n; i++) {
		bool is_now = i < p->now.row_n;
		const struct tt_row *row =
			is_now ? &p->now.rows[i] : &p->before.rows[i - p->now.row_n];
		const struct tt_row *other = find(is_now ? &p->before : &p->now, &row->key, t->by);
		uint64_t now = is_now ? row->packets : 0;
		uint64_t before = !is_now ? row->packets : other ? other->packets : 0;
		if (!is_now && other)
			continue;
		double more = excess(t, now, before);
		if (add_up)
			t->total += more > 0 ? more : 0;
		else
			rc = take(t, &row->key, now, before, more);
	}
	return rc;
}

// ---- from what rollups know of the heaviest: bounds

static uint64_t counted(const struct tt_heaviest *h, const struct tt_row_key *k, enum tt_by by) {
	for (unsigned i = 0; i < h->row_n; i++)
		if (!rank_key_cmp(&h->rows[i].key, k, by))
			return h->rows[i].packets;
	return 0;
}

// All that increased (of a decline: became less) is no more than what is there less what surely was
// there before.
static double most_total(
	const struct taker *t, const struct tt_heaviest *now, const struct tt_heaviest *before) {
	double total = t->less ? (double)before->packets * t->scale : (double)now->packets;
	for (unsigned i = 0; i < now->row_n; i++) {
		double n = (double)now->rows[i].packets;
		double b = (double)counted(before, &now->rows[i].key, t->by) * t->scale;
		total -= n < b ? n : b;
	}
	return total;
}

// The least that a key can have added to a rise, or left of a decline.
static int take_bounds(
	struct taker *t, const struct tt_heaviest *now, const struct tt_heaviest *before) {
	const struct tt_heaviest *more = t->less ? before : now;
	double now_slack = (double)now->slack, before_slack = (double)before->slack * t->scale;
	double slack = t->less ? now_slack : before_slack;
	unsigned first = t->c->driver_n;
	int rc = 0;
	t->at_least = now->slack || before->slack;
	t->total = most_total(t, now, before);
	for (unsigned i = 0; !rc && t->total > 0 && i < more->row_n; i++) {
		const struct tt_row_key *key = &more->rows[i].key;
		uint64_t n = counted(now, key, t->by), b = counted(before, key, t->by);
		rc = take(t, key, n, b, excess(t, n, b) - slack);
	}
	// so much is open that a driver may go unnamed
	if (t->c->driver_n == first && now_slack + before_slack > FEW_SOURCES * t->total)
		t->c->unknown |= 1u << t->by;
	return rc;
}

static int drivers_bounded(
	struct search *f, struct taker *t, const struct span *now, const struct span *before) {
	struct tt_query q = query_of(f, t->c, t->by, now);
	struct tt_heaviest a = {0}, b = {0};
	struct tt_err ignored = {0};
	int rc =
		t->by == TT_BY_SOURCE ? -ENODATA : tt_store_heaviest(f->s, &q, t->by, &a, &ignored);
	if (!rc) {
		q = query_of(f, t->c, t->by, before);
		rc = tt_store_heaviest(f->s, &q, t->by, &b, &ignored);
	}
	if (rc == -ENODATA) {
		t->c->unknown |= 1u << t->by;
		rc = 0;
	} else if (rc) {
		*f->err = ignored;
	} else {
		rc = take_bounds(t, &a, &b);
	}
	tt_heaviest_free(&a);
	tt_heaviest_free(&b);
	return rc;
}

// Drivers of one kind; the largest few stay.
static int drivers_by(struct search *f, struct tt_change *c, enum tt_by by, const struct span *now,
	const struct span *before, bool less) {
	struct taker t = {f, c, by, less, 0, (double)now->days / before->days, false};
	unsigned first = c->driver_n;
	struct parts p = {0};
	int rc = ask_both(f, c, by, now, before, &p);
	if (!rc)
		rc = each_part(&t, &p, true);
	if (!rc && t.total > 0)
		rc = each_part(&t, &p, false);
	else if (rc > 0)
		rc = drivers_bounded(f, &t, now, before);
	free_parts(&p);
	if (c->driver_n > first)
		qsort(&c->drivers[first], c->driver_n - first, sizeof(*c->drivers), by_share);
	if (c->driver_n > first + TT_DRIVERS)
		c->driver_n = first + TT_DRIVERS;
	return rc;
}

static int count_sources(struct search *f, struct tt_change *c, const struct span *before) {
	struct span all = {c->from, c->to, c->days};
	struct parts p = {0};
	int rc = ask_both(f, c, TT_BY_NONE, &all, before, &p);
	if (!rc && p.now.row_n) {
		c->sources = (int64_t)p.now.rows[0].sources;
		c->sources_usual = p.before.row_n ? (int64_t)p.before.rows[0].sources : 0;
		c->top_source_share = p.now.rows[0].top_source_share;
		c->top_source_share_max = p.now.rows[0].top_source_share_max;
		c->few_sources = c->top_source_share > FEW_SOURCES;
	}
	free_parts(&p);
	return rc < 0 ? rc : 0;
}

// Whether the days compared show the change that is told: only then can their parts tell who drove
// it.
static int compare(struct search *f, const struct tt_change *c, const struct span *now,
	const struct span *before, bool less, bool *shown) {
	struct parts p = {0};
	int rc = ask_both(f, c, TT_BY_NONE, now, before, &p);
	*shown = false;
	if (!rc && (p.now.row_n || less)) {
		double packets = p.now.row_n ? (double)p.now.rows[0].packets : 0;
		double usual = p.before.row_n ? (double)p.before.rows[0].packets : 0;
		double want = ((double)c->value / c->days - c->usual.median) * now->days * AGREES;
		usual *= (double)now->days / before->days;
		*shown = less ? packets - usual < want && packets * f->limits.factor <= usual
			      : packets - usual > want && packets >= f->limits.factor * usual;
	}
	free_parts(&p);
	return rc < 0 ? rc : 0;
}

// Days of a change, and those that are usual; false where there are none.
static bool spans(
	const struct search *f, const struct tt_change *c, struct span *now, struct span *before) {
	int64_t first = tt_tz_day(f->tz, c->from), past = tt_tz_day(f->tz, c->to);
	// what came with a new level, rather than on the way to it
	if (past - tt_tz_day(f->tz, c->settled) >= SETTLED_LEAST)
		first = tt_tz_day(f->tz, c->settled);
	now->days = past - first < SPAN_DAYS ? (unsigned)(past - first) : SPAN_DAYS;
	now->from = tt_tz_day_start(f->tz, first);
	now->to = tt_tz_day_start(f->tz, first + now->days);
	if (!c->usual_days)
		return false;
	before->days = c->usual_days;
	before->from = c->usual_from;
	before->to = tt_tz_day_start(f->tz, tt_tz_day(f->tz, c->usual_from) + c->usual_days);
	return true;
}

int change_drivers(struct search *f, struct tt_change *c) {
	static const enum tt_by bys[][5] = {
		[TT_OF_SERVICE] = {TT_BY_SENSOR, TT_BY_REGION, TT_BY_ASN, TT_BY_SOURCE, TT_BY_NONE},
		[TT_OF_REGION] = {TT_BY_SENSOR, TT_BY_PORT, TT_BY_ASN, TT_BY_SOURCE, TT_BY_NONE},
		[TT_OF_SENSOR] = {TT_BY_PORT, TT_BY_REGION, TT_BY_ASN, TT_BY_SOURCE, TT_BY_NONE},
	};
	bool less = c->kind == TT_CHANGE_DECLINE || c->kind == TT_CHANGE_DIP, shown = false;
	struct span now, before;
	if (!spans(f, c, &now, &before))
		return 0;
	int rc = count_sources(f, c, &before);
	if (!rc)
		rc = compare(f, c, &now, &before, less, &shown);
	for (const enum tt_by *by = bys[c->of]; !rc && shown && *by != TT_BY_NONE; by++)
		rc = drivers_by(f, c, *by, &now, &before, less);
	for (unsigned i = 0; i < c->driver_n; i++)
		if (c->drivers[i].by == TT_BY_SENSOR && f->panel_n > 1)
			c->one_sensor |= c->drivers[i].share >= ONE_SENSOR;
	return rc;
}
