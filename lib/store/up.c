/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

// How long an epoch may be over before its absence counts: the probe closes and sends it first.
#define GRACE_S 120

struct span {
	int64_t from, to;
};
struct spans {
	struct span *s;
	size_t n, cap;
};
struct loader {
	struct query *r;
	const struct tt_catalog *catalog;
	int64_t *first; // start of the first up-time of each sensor, INT64_MAX: none
	int64_t clip;	// nothing is expected from then on
	struct spans up, expected, good;
	struct tt_up_account all, *steps, *own; // own: steps of the sensor at hand, or NULL
};

static int push(struct spans *l, int64_t from, int64_t to) {
	if (from >= to)
		return 0;
	// sorted by start: what overlaps or touches grows the last one
	if (l->n > 0 && from <= l->s[l->n - 1].to) {
		if (to > l->s[l->n - 1].to)
			l->s[l->n - 1].to = to;
		return 0;
	}
	if (big_grow((void **)&l->s, &l->cap, l->n + 1, sizeof(*l->s)) < 0)
		return -ENOMEM;
	l->s[l->n++] = (struct span){from, to};
	return 0;
}

// Takes [from, to) out of the list.
static int cut(struct spans *l, int64_t from, int64_t to) {
	struct spans out = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		struct span a = l->s[i];

		if (from >= a.to || to <= a.from) {
			rc = push(&out, a.from, a.to);
			continue;
		}
		rc = push(&out, a.from, from < a.to ? from : a.to);
		if (rc == 0)
			rc = push(&out, to > a.from ? to : a.from, a.to);
	}
	big_free(l->s, l->cap * sizeof(*l->s));
	*l = out;
	return rc;
}

static void swap(struct spans *x, struct spans *y) {
	struct spans z = *x;

	*x = *y;
	*y = z;
}

enum sum { SUM_UP, SUM_GOOD, SUM_EXPECTED };

static void credit(struct tt_up_account *a, enum sum what, double seconds) {
	if (what == SUM_UP)
		a->up += seconds;
	else if (what == SUM_GOOD)
		a->good += seconds;
	else
		a->expected += seconds;
}

static void account_span(struct loader *l, enum sum what, int64_t from, int64_t to) {
	const struct query *r = l->r;

	credit(&l->all, what, (double)(to - from));
	if (r->step_n == 0)
		return;
	for (uint32_t i = query_step(r, from); i < r->step_n && r->steps[i] < to; i++) {
		int64_t a = from > r->steps[i] ? from : r->steps[i];
		int64_t b = to < r->steps[i + 1] ? to : r->steps[i + 1];

		credit(&l->steps[i], what, (double)(b - a));
		if (l->own != NULL)
			credit(&l->own[i], what, (double)(b - a));
	}
}

static void lose(struct tt_up_account *a, double received, double lost) {
	a->received += received;
	a->lost += lost;
}

static void account_loss(struct loader *l, int64_t from, int64_t to, double received, double lost) {
	const struct query *r = l->r;
	int64_t a = from > r->from ? from : r->from, b = to < r->to ? to : r->to;
	double part = (double)(b - a) / (double)(to - from);

	lose(&l->all, received * part, lost * part);
	for (uint32_t i = r->step_n == 0 ? 0 : query_step(r, a); i < r->step_n && r->steps[i] < b;
		i++) {
		int64_t c = a > r->steps[i] ? a : r->steps[i];
		int64_t d = b < r->steps[i + 1] ? b : r->steps[i + 1];

		part = (double)(d - c) / (double)(to - from);
		lose(&l->steps[i], received * part, lost * part);
		if (l->own != NULL)
			lose(&l->own[i], received * part, lost * part);
	}
}

// What two sorted lists share.
static int meet(const struct spans *x, const struct spans *y, struct spans *out) {
	int rc = 0;

	out->n = 0;
	for (size_t i = 0, j = 0; rc == 0 && i < x->n && j < y->n;) {
		struct span a = x->s[i], b = y->s[j];

		rc = push(out, a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to);
		if (a.to < b.to)
			i++;
		else
			j++;
	}
	return rc;
}

// Takes a sensor's maintenance out of what is expected.
static int leave_out_maintenance(struct loader *l, const char *name) {
	struct tt_tz *tz = l->r->s->tz;
	int64_t from, to;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < l->catalog->maintenance_n; i++) {
		const struct tt_maintenance *m = &l->catalog->maintenance[i];
		bool named = m->sensor_n == 0;

		for (unsigned j = 0; j < m->sensor_n && !named; j++)
			named = strcmp(m->sensors[j], name) == 0;
		if (named && tt_tz_parse_time(tz, m->from, &from, NULL) == 0 &&
			tt_tz_parse_time(tz, m->to, &to, NULL) == 0)
			rc = cut(&l->expected, from, to);
	}
	return rc;
}

// `since` to `until` less maintenance, within what is asked. A capture expects what it holds.
static int expect(struct loader *l, uint32_t sensor) {
	struct query *r = l->r;
	const struct tt_sensor_conf *conf = r->conf[sensor];
	struct tt_tz *tz = r->s->tz;
	int64_t from = r->s->replay ? r->from : l->first[sensor], to = INT64_MAX;
	int rc;

	if (conf != NULL && conf->since[0] != '\0')
		(void)tt_tz_parse_time(tz, conf->since, &from, NULL);
	if (conf != NULL && conf->until[0] != '\0')
		(void)tt_tz_parse_time(tz, conf->until, &to, NULL);
	from = from > r->from ? from : r->from;
	to = to < r->to ? to : r->to;
	to = r->s->replay || to < l->clip ? to : l->clip;
	l->expected.n = 0;
	if ((rc = push(&l->expected, from, to)) == 0 && r->s->replay &&
		(rc = meet(&l->up, &l->expected, &l->good)) == 0)
		swap(&l->expected, &l->good);
	r->up[sensor].in_time = l->expected.n > 0;
	if (rc == 0)
		rc = leave_out_maintenance(l, r->s->sensors[sensor]);
	return rc;
}

static double account_spans(struct loader *l, enum sum what, const struct spans *of) {
	double seconds = 0;

	for (size_t i = 0; i < of->n; i++) {
		account_span(l, what, of->s[i].from, of->s[i].to);
		seconds += (double)(of->s[i].to - of->s[i].from);
	}
	return seconds;
}

static void begin_sensor(struct loader *l, uint32_t sensor) {
	const struct query *r = l->r;

	l->own = r->sensor_steps != NULL ? r->sensor_steps + (size_t)sensor * r->step_n : NULL;
}

static int close_sensor(struct loader *l, uint32_t sensor) {
	struct query *r = l->r;
	const struct tt_sensor_conf *conf = r->conf[sensor];
	double seconds, good, expected;
	int rc = expect(l, sensor);

	begin_sensor(l, sensor);
	if (rc < 0 || (rc = meet(&l->up, &l->expected, &l->good)) < 0)
		return rc;
	// a capture cannot tell: a sensor was up when it should have been
	seconds = account_spans(l, SUM_UP, r->s->replay ? &l->good : &l->up);
	expected = account_spans(l, SUM_EXPECTED, &l->expected);
	good = account_spans(l, SUM_GOOD, &l->good);
	r->up[sensor].up_days = seconds / 86400;
	r->up[sensor].addresses = conf != NULL && conf->addresses > 0 ? conf->addresses : 1;
	r->up[sensor].completeness = expected > 0 ? good / expected : -1;
	r->rated_n += seconds > 0;
	l->up.n = 0;
	return 0;
}

static int load_first(struct loader *l) {
	struct tt_store *s = l->r->s;
	sqlite3_stmt *st = db_prepare(s, l->r->err,
		"SELECT u.sensor, min(u.start), max(u.\"end\") FROM uptime AS u JOIN boot ON "
		"boot.id = "
		"u.boot WHERE NOT boot.hidden GROUP BY u.sensor");
	int64_t now = tt_now_ns() / TT_NS - GRACE_S;
	int step;

	if (st == NULL)
		return l->r->s->rc;
	l->clip = now;
	for (uint32_t i = 0; i <= l->r->sensor_n; i++)
		l->first[i] = INT64_MAX;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t sensor = sqlite3_column_int64(st, 0), end = sqlite3_column_int64(st, 2);

		if (sensor >= 1 && sensor <= l->r->sensor_n)
			l->first[sensor] = sqlite3_column_int64(st, 1);
		l->clip = end > l->clip ? end : l->clip;
	}
	sqlite3_finalize(st);
	return step == SQLITE_DONE ? 0 : db_fail(s, l->r->err, "up-time");
}

static int load_spans(struct loader *l) {
	struct query *r = l->r;
	sqlite3_stmt *st = db_prepare(r->s, r->err,
		"SELECT u.sensor, u.start, u.\"end\", u.state, u.received, u.lost FROM uptime AS u "
		"JOIN boot ON boot.id = u.boot WHERE NOT boot.hidden AND u.start < ?2 AND "
		"u.\"end\" > ?1 ORDER BY u.sensor, u.start");
	uint32_t next = 1;
	int step, rc = 0;

	if (st == NULL)
		return l->r->s->rc;
	db_bind(st, "ii", r->from, r->to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		uint32_t sensor = (uint32_t)sqlite3_column_int64(st, 0);
		int64_t from = sqlite3_column_int64(st, 1), to = sqlite3_column_int64(st, 2);

		if (sensor > r->sensor_n || from >= to)
			continue;
		for (; rc == 0 && next < sensor; next++)
			rc = r->match[next] ? close_sensor(l, next) : 0;
		if (!r->match[sensor])
			continue;
		begin_sensor(l, sensor);
		account_loss(l, from, to, (double)sqlite3_column_int64(st, 4),
			(double)sqlite3_column_int64(st, 5));
		if (rc == 0 && sqlite3_column_int(st, 3) == TT_STATE_UP)
			rc = push(&l->up, from > r->from ? from : r->from, to < r->to ? to : r->to);
	}
	for (; rc == 0 && next <= r->sensor_n; next++)
		rc = r->match[next] ? close_sensor(l, next) : 0;
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(r->s, r->err, "up-time");
	else if (rc < 0)
		tt_err_set(r->err, rc, "%s: no memory", r->s->path);
	sqlite3_finalize(st);
	return rc;
}

double tt_up_completeness(const struct tt_up_account *a) {
	double c;

	if (a->up <= 0)
		return -1;
	// up where nothing was expected, as in a maintenance that went well
	c = a->expected > 0 ? a->good / a->expected : 1;
	if (a->lost > 0)
		c *= a->received > 0 ? a->received / (a->received + a->lost) : 0;
	return c > 1 ? 1 : c;
}

void tt_up_add(struct tt_up_account *to, const struct tt_up_account *a) {
	to->up += a->up;
	to->good += a->good;
	to->expected += a->expected;
	lose(to, a->received, a->lost);
}

// What is asked by sensor has steps of each.
static int make_steps(struct query *r) {
	size_t n = (size_t)(r->sensor_n + 1) * r->step_n;

	r->step_completeness = calloc(r->step_n + 1, sizeof(*r->step_completeness));
	if (r->q->by != TT_BY_SENSOR || n == 0)
		return r->step_completeness != NULL ? 0 : -ENOMEM;
	if (n > POINTS_MAX)
		return -E2BIG;
	r->sensor_steps = calloc(n, sizeof(*r->sensor_steps));
	return r->step_completeness != NULL && r->sensor_steps != NULL ? 0 : -ENOMEM;
}

int up_load(struct query *r) {
	struct loader l = {.r = r};
	int rc = -ENOMEM;

	l.catalog = tt_store_catalog(r->s, r->err);
	if (l.catalog == NULL)
		return -errno;
	l.first = calloc(r->sensor_n + 1, sizeof(*l.first));
	l.steps = calloc(r->step_n + 1, sizeof(*l.steps));
	r->up = calloc(r->sensor_n + 1, sizeof(*r->up));
	if (l.first != NULL && l.steps != NULL && r->up != NULL)
		rc = make_steps(r);
	if (rc == -E2BIG)
		too_long(r, r->sensor_n);
	else if (rc < 0)
		tt_err_set(r->err, rc, "%s: no memory", r->s->path);
	else if ((rc = load_first(&l)) == 0)
		rc = load_spans(&l);
	if (rc == 0) {
		r->completeness = tt_up_completeness(&l.all);
		for (uint32_t i = 0; i < r->step_n; i++)
			r->step_completeness[i] = tt_up_completeness(&l.steps[i]);
	}
	big_free(l.up.s, l.up.cap * sizeof(*l.up.s));
	big_free(l.expected.s, l.expected.cap * sizeof(*l.expected.s));
	big_free(l.good.s, l.good.cap * sizeof(*l.good.s));
	free(l.first);
	free(l.steps);
	return rc;
}

void up_free(struct query *r) {
	free(r->up);
	free(r->step_completeness);
	free(r->sensor_steps);
}
