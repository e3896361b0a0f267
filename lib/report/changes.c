/* SPDX-License-Identifier: BSD-3-Clause */
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pseudonym.h"

#define PANEL_SHARE 0.8 // of the longest up-time: below that a sensor is not compared
#define DRIVEN_MAX  40	// changes whose drivers are looked for, the largest
#define ECHO_SHARE  0.5 // of a change: more makes it that of one service, region or sensor

const char *tt_change_kind_name(enum tt_change_kind k) {
	static const char *const names[] = {
		"surge", "rise", "decline", "dip", "newcomer", "leaver"};
	return names[k];
}

const char *tt_change_of_name(enum tt_change_of o) {
	static const char *const names[] = {"service", "region", "sensor", "watch"};
	return names[o];
}

struct tt_change *change_add(
	struct search *f, enum tt_change_kind kind, enum tt_change_of of, enum tt_class class) {
	struct tt_changes *out = f->out;
	if (out->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct tt_change *more = realloc(out->rows, cap * sizeof(*more));
		if (!more)
			return NULL;
		out->rows = more;
		f->cap = cap;
	}
	struct tt_change *c = &out->rows[out->n++];
	*c = (struct tt_change){.kind = kind,
		.of = of,
		.class = class,
		.factor = -1,
		.completeness = -1,
		.sources = -1,
		.sources_usual = -1,
		.top_source_share = -1,
		.top_source_share_max = -1};
	return c;
}

void change_label(
	struct search *f, enum tt_by by, const struct tt_row_key *key, char label[TT_SHOW_LEN]) {
	struct cell cell;
	key_label(by, key, &cell);
	snprintf(label, TT_SHOW_LEN, "%.*s", TT_SHOW_LEN - 1, cell.text);
	if (by == TT_BY_SENSOR && f->conf->names.recipient)
		pseudonym_put(f->s, &f->conf->names, 's', label, TT_SHOW_LEN);
}

struct tt_query search_query(const struct search *f, enum tt_by by, enum tt_class class) {
	struct tt_query q = TT_QUERY_INIT;
	q.by = by;
	q.classes = 1u << class;
	q.icmp_one = by == TT_BY_PORT;
	q.country = f->conf->country;
	q.group = f->conf->group;
	q.network = f->conf->network;
	q.sensor = f->conf->sensor;
	q.surveyors = f->conf->surveyors;
	q.from = f->out->from;
	q.to = f->out->to;
	q.sensors = f->panel;
	q.sensor_n = f->panel_n;
	return q;
}

// ---- the spans

static int local_date(struct tt_tz *tz, int64_t sec, int *y, int *m, int *d) {
	tt_civil_from_days(tt_tz_day(tz, sec), y, m, d);
	return tt_tz_day_start(tz, tt_tz_day(tz, sec)) == sec && *d == 1;
}

// As many months before, where the period is made of months; else as many days.
static void previous_span(struct search *f) {
	struct tt_changes *out = f->out;
	int y, m, d, y2, m2, d2;
	int64_t first = tt_tz_day(f->tz, out->from), end = tt_tz_day(f->tz, out->to);
	out->previous_from = f->conf->previous_from;
	out->previous_to = f->conf->previous_to;
	if (out->previous_from || out->previous_to)
		return;
	out->previous_to = out->from;
	if (local_date(f->tz, out->from, &y, &m, &d) && local_date(f->tz, out->to, &y2, &m2, &d2)) {
		int months = y * 12 + m - 1 - ((y2 - y) * 12 + m2 - m);
		out->previous_from =
			tt_tz_day_start(f->tz, tt_civil_days(months / 12, months % 12 + 1, 1));
	} else {
		out->previous_from = tt_tz_day_start(f->tz, first - (end - first));
	}
}

static int open_span(struct search *f) {
	struct tt_store_info info;
	struct tt_changes *out = f->out;
	int rc = tt_store_info(f->s, &info, f->err);
	if (rc)
		return rc;
	out->from = f->conf->from ? f->conf->from : info.data_from;
	out->to = f->conf->to ? f->conf->to : info.data_to;
	// whole local days
	out->from = tt_tz_day_start(f->tz, tt_tz_day(f->tz, out->from));
	if (tt_tz_day_start(f->tz, tt_tz_day(f->tz, out->to)) != out->to)
		out->to = tt_tz_day_start(f->tz, tt_tz_day(f->tz, out->to) + 1);
	if (out->to < out->from)
		out->to = out->from;
	previous_span(f);
	f->past = tt_tz_day_start(f->tz, tt_tz_day(f->tz, out->from) - USUAL_DAYS);
	// what rollups keep by month begins with months
	int64_t month = tt_month_start(tt_tz_day(f->tz, f->past));
	f->past = tt_tz_day_start(f->tz, month);
	return 0;
}

// ---- the sensors

// Sums over sensors move when a sensor comes or goes: only those that were up nearly as long as
// the longest are compared with their own past.
static int make_panel(struct search *f) {
	struct tt_query q = search_query(f, TT_BY_NONE, TT_SCAN);
	struct tt_changes *out = f->out;
	struct tt_up u;
	double longest = 0;
	q.from = f->past;
	int rc = tt_store_up(f->s, &q, &u, f->err);
	for (unsigned i = 0; !rc && i < u.sensor_n; i++)
		if (u.sensors[i].up_days > longest)
			longest = u.sensors[i].up_days;
	if (!rc) {
		f->panel = calloc(u.sensor_n + 1, sizeof(*f->panel));
		out->left_out = calloc(u.sensor_n + 1, sizeof(*out->left_out));
		rc = f->panel && out->left_out ? 0 : -ENOMEM;
		if (rc)
			tt_err_set(f->err, rc, "changes: %s", strerror(-rc));
	}
	for (unsigned i = 0; !rc && i < u.sensor_n; i++) {
		const struct tt_up_sensor *s = &u.sensors[i];
		if (s->up_days <= 0)
			continue;
		if (s->up_days < PANEL_SHARE * longest) {
			memcpy(out->left_out[out->left_out_n++], s->id, TT_ID_LEN);
			continue;
		}
		f->panel[f->panel_n] = strdup(s->id);
		if (!f->panel[f->panel_n++])
			rc = tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	}
	tt_up_free(&u);
	return rc;
}

static int complete(struct search *f) {
	struct tt_query q = search_query(f, TT_BY_NONE, TT_SCAN);
	struct tt_changes *out = f->out;
	struct tt_up u;
	q.sensor_n = 0;
	int rc = tt_store_up(f->s, &q, &u, f->err);
	out->completeness = u.completeness;
	tt_up_free(&u);
	q.from = out->previous_from;
	q.to = out->previous_to;
	if (!rc)
		rc = tt_store_up(f->s, &q, &u, f->err);
	else
		return rc;
	out->previous_completeness = u.completeness;
	out->previous_known = u.completeness >= 0;
	tt_up_free(&u);
	q.from = f->past;
	q.to = out->from;
	if (!rc)
		rc = tt_store_up(f->s, &q, &u, f->err);
	else
		return rc;
	out->past_completeness = u.completeness;
	tt_up_free(&u);
	return rc ? rc : tt_store_rir(f->s, out->from, out->to, out->rir, f->err);
}

// ---- the whole

static int in_order(const void *x, const void *y) {
	const struct tt_change *a = x, *b = y;
	if ((a->kind >= TT_CHANGE_NEWCOMER) != (b->kind >= TT_CHANGE_NEWCOMER))
		return a->kind >= TT_CHANGE_NEWCOMER ? 1 : -1;
	if (a->of != b->of)
		return a->of < b->of ? -1 : 1;
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strcmp(a->label, b->label);
}

static int by_size(const void *x, const void *y) {
	const struct tt_change *const *a = x, *const *b = y;
	double p = (double)(*a)->value - (*a)->usual.median * (*a)->days;
	double q = (double)(*b)->value - (*b)->usual.median * (*b)->days;
	p = p < 0 ? -p : p;
	q = q < 0 ? -q : q;
	return p != q ? (p < q ? 1 : -1) : in_order(*a, *b);
}

static int drive_all(struct search *f) {
	struct tt_change **order = calloc(f->out->n + 1, sizeof(struct tt_change *));
	unsigned n = 0;
	int rc = 0;
	if (!order)
		return tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
	for (unsigned i = 0; i < f->out->n; i++)
		if (f->out->rows[i].kind < TT_CHANGE_NEWCOMER && f->out->rows[i].of != TT_OF_WATCH)
			order[n++] = &f->out->rows[i];
	if (n)
		qsort(order, n, sizeof(*order), by_size);
	for (unsigned i = 0; !rc && i < n && i < DRIVEN_MAX; i++)
		rc = change_drivers(f, order[i]);
	free(order);
	return rc;
}

// ---- what one service did, seen from elsewhere

static bool is_down(const struct tt_change *c) {
	return c->kind == TT_CHANGE_DECLINE || c->kind == TT_CHANGE_DIP;
}

static double driver_share(const struct tt_change *c, enum tt_by by, const struct tt_row_key *key) {
	for (unsigned i = 0; i < c->driver_n; i++)
		if (c->drivers[i].by == by && !rank_key_cmp(&c->drivers[i].key, key, by))
			return c->drivers[i].share;
	return 0;
}

// Whether a region's or a sensor's change is but its part of a service's, that came from all
// regions, or to all sensors: it is told once, of the service.
static bool is_echo(const struct tt_changes *all, const struct tt_change *c) {
	enum tt_by by = c->of == TT_OF_REGION ? TT_BY_REGION : TT_BY_SENSOR;
	if (c->kind >= TT_CHANGE_NEWCOMER || (c->of != TT_OF_REGION && c->of != TT_OF_SENSOR))
		return false;
	for (unsigned i = 0; i < all->n; i++) {
		const struct tt_change *s = &all->rows[i];
		if (s->of == TT_OF_SERVICE && s->class == c->class && is_down(s) == is_down(c) &&
			s->from < c->to && c->from < s->to &&
			driver_share(c, TT_BY_PORT, &s->key) > ECHO_SHARE &&
			driver_share(s, by, &c->key) <= ECHO_SHARE)
			return true;
	}
	return false;
}

static void drop_echoes(struct tt_changes *all) {
	unsigned n = 0;
	// services stand before, and stay
	for (unsigned i = 0; i < all->n; i++) {
		if (is_echo(all, &all->rows[i]))
			free(all->rows[i].drivers);
		else
			all->rows[n++] = all->rows[i];
	}
	all->n = n;
}

// ---- names

static int by_alias(const void *x, const void *y) {
	return strcmp(x, y);
}

// What is left of sensors' own names; labels have the recipient's from the beginning, so that no
// order and no limit is by others.
static void hide_sensors(struct search *f) {
	struct tt_changes *out = f->out;
	for (unsigned i = 0; i < out->n; i++) {
		struct tt_change *c = &out->rows[i];
		if (c->of == TT_OF_SENSOR)
			c->key.sensor[0] = '\0';
		else if (c->of == TT_OF_WATCH && names_a_sensor(f->s, c->label))
			pseudonym_put(f->s, &f->conf->names, 'w', c->label, sizeof(c->label));
		for (unsigned j = 0; j < c->driver_n; j++)
			if (c->drivers[j].by == TT_BY_SENSOR)
				c->drivers[j].key.sensor[0] = '\0';
	}
	for (unsigned i = 0; i < out->left_out_n; i++)
		pseudonym_put(f->s, &f->conf->names, 's', out->left_out[i], TT_ID_LEN);
	if (out->left_out_n)
		qsort(out->left_out, out->left_out_n, TT_ID_LEN, by_alias);
}

static int search(struct search *f) {
	int rc = open_span(f);
	if (rc || f->out->from == f->out->to)
		return rc;
	if (!(rc = make_panel(f)) && !(rc = complete(f)) && f->panel_n) {
		rc = changes_days(f, TT_OF_SERVICE, TT_BY_PORT, TT_SCAN);
		if (!rc)
			rc = changes_days(f, TT_OF_SERVICE, TT_BY_PORT, TT_REFLECTION);
		if (!rc)
			rc = changes_days(f, TT_OF_REGION, TT_BY_REGION, TT_SCAN);
		if (!rc)
			rc = changes_days(f, TT_OF_SENSOR, TT_BY_SENSOR, TT_SCAN);
		if (!rc)
			rc = changes_watches(f);
		if (!rc)
			rc = drive_all(f);
		if (!rc)
			drop_echoes(f->out);
	}
	if (!rc)
		rc = changes_ranks(f, TT_OF_SERVICE, TT_BY_PORT);
	if (!rc)
		rc = changes_ranks(f, TT_OF_REGION, TT_BY_REGION);
	f->out->surveyors = f->conf->surveyors;
	if (!rc && f->conf->surveyors != TT_SURVEYORS_WITH)
		rc = tt_store_survey_days(f->s, f->past, f->out->to, &f->out->survey, f->err);
	if (!rc && f->conf->names.recipient)
		hide_sensors(f);
	if (!rc && f->out->n)
		qsort(f->out->rows, f->out->n, sizeof(*f->out->rows), in_order);
	return rc;
}

int tt_changes_find(struct tt_store *s, const struct tt_changes_conf *conf, struct tt_changes *out,
	struct tt_err *err) {
	struct search f = {.s = s,
		.conf = conf,
		.out = out,
		.err = err,
		.tz = tt_store_tz(s),
		.limits = {.min_excess = conf->min_count > 0 ? conf->min_count : 20,
			.deviations = conf->deviations > 0 ? conf->deviations : 5,
			.factor = conf->factor > 1 ? conf->factor : 1.5,
			.passing = 2,
			.down = true}};
	*out = (struct tt_changes){
		.completeness = -1, .previous_completeness = -1, .past_completeness = -1};
	int rc = search(&f);
	for (unsigned i = 0; i < f.panel_n; i++)
		free((char *)(uintptr_t)f.panel[i]);
	free(f.panel);
	if (rc)
		tt_changes_free(out);
	return rc;
}

void tt_changes_free(struct tt_changes *c) {
	for (unsigned i = 0; i < c->n; i++)
		free(c->rows[i].drivers);
	free(c->rows);
	free(c->left_out);
	*c = (struct tt_changes){0};
}
