/* SPDX-License-Identifier: BSD-3-Clause */
// Surveyors by behaviour: a source that probes more than so many ports in a local day (class scan,
// TCP and UDP, at all sensors together). A day is settled when it is over, so that a source's first
// packets of it count as its last do; until then raw batches tell.
#include "survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SRC_V6 (1ull << 32)

int survey_ports(struct tt_store *s, unsigned *out, struct tt_err *err) {
	char *text = NULL;
	int rc = tt_store_document_get(s, "surveyors", &text, err);
	json_t *doc = rc > 0 ? json_loads(text, 0, NULL) : NULL;

	*out = (unsigned)json_integer_value(json_object_get(doc, "ports_per_day"));
	json_decref(doc);
	free(text);
	return rc < 0 ? rc : 0;
}

int survey_day_read(struct tt_store *s, int64_t start, struct survey_day *out, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT v.state, v.ports_per_day, v.surveyors, v.settled, v.last_segment, "
		"EXISTS(SELECT 1 FROM unjudged AS u JOIN batch AS b ON b.id = u.batch JOIN boot ON "
		"boot.id = b.boot WHERE u.start = ?1 AND NOT boot.hidden), NOT EXISTS(SELECT 1 "
		"FROM batch AS b INDEXED BY batch_gone JOIN boot ON boot.id = b.boot WHERE b.raw = "
		"0 AND b.rows > 0 AND b.epoch_max >= ?1 AND b.epoch_min < ?2 AND NOT boot.hidden) "
		"FROM (SELECT 1) LEFT JOIN survey AS v ON v.start = ?1");
	int rc;

	*out = (struct survey_day){.start = start, .end = local_next(s->tz, TT_STEP_DAY, start)};
	if (st == NULL)
		return s->rc;
	db_bind(st, "ii", start, out->end);
	rc = sqlite3_step(st) == SQLITE_ROW ? 0 : db_fail(s, err, "surveyors");
	out->state = sqlite3_column_type(st, 0) == SQLITE_NULL
			     ? SURVEY_OPEN
			     : (enum survey_state)sqlite3_column_int(st, 0);
	out->ports_per_day = (unsigned)sqlite3_column_int(st, 1);
	out->surveyors = sqlite3_column_int64(st, 2);
	out->settled = sqlite3_column_int64(st, 3);
	out->last_segment = sqlite3_column_int64(st, 4);
	out->pending = sqlite3_column_int(st, 5) != 0;
	out->whole = sqlite3_column_int(st, 6) != 0;
	sqlite3_finalize(st);
	return rc;
}

static uint64_t v4_number(const uint8_t src[16]) {
	return (uint32_t)src[0] << 24 | (uint32_t)src[1] << 16 | (uint32_t)src[2] << 8 | src[3];
}

static uint64_t key_of(const struct survey *v, int64_t day, uint64_t src) {
	return (uint64_t)(day - v->first) << 33 | src;
}

int survey_add(struct survey *v, int64_t day, uint8_t family, const uint8_t src[16]) {
	int64_t id = family == 6 ? ids6_at(&v->v6, src) : (int64_t)v4_number(src);
	uint64_t *n;

	if (id < 0 || (n = map_at(&v->set,
			       key_of(v, day, (family == 6 ? SRC_V6 : 0) | (uint64_t)id))) == NULL)
		return -ENOMEM;
	*n = 1;
	return 0;
}

// What was settled of a day.
static int load_day(
	struct tt_store *s, const struct survey_day *d, struct survey *out, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err, "SELECT source FROM surveyor WHERE start = ?");
	int64_t day = tt_tz_day(s->tz, d->start);
	int step = SQLITE_DONE, rc = 0;

	if (st == NULL)
		return s->rc;
	db_bind(st, "i", d->start);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		int n = sqlite3_column_bytes(st, 0);
		uint8_t src[16] = {0};

		if (n != 4 && n != 16)
			continue;
		memcpy(src, sqlite3_column_blob(st, 0), (size_t)n);
		if ((rc = survey_add(out, day, n == 4 ? 4 : 6, src)) < 0)
			tt_err_set(err, rc, "%s: no memory for the surveyors of a day", s->path);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "surveyors");
	sqlite3_finalize(st);
	return rc;
}

// Tells them from the raw batches of a whole day.
static int judge_day(struct tt_store *s, const struct survey_day *d, unsigned limit,
	struct survey *out, struct tt_err *err) {
	struct raw_cursor raw;
	struct judge j = {.out = out,
		.raw = &raw,
		.day = tt_tz_day(s->tz, d->start),
		.from = d->start,
		.to = d->end,
		.limit = limit};
	int rc = limit == 0 ? 0 : raw_open(s, &raw, d->start, d->end, RAW_ALL, err);

	if (rc < 0 || limit == 0)
		return rc;
	while ((rc = judge_step(&j, err)) > 0)
		;
	judge_free(&j);
	raw_close(&raw);
	return rc;
}

typedef int day_fn(struct tt_store *s, const struct survey_day *d, unsigned limit,
	struct survey *out, struct tt_err *err);

static int read_days(struct tt_store *s, int64_t from, int64_t to, day_fn *fn, struct survey *out,
	struct tt_err *err) {
	struct survey_day d;
	unsigned limit;
	int rc;

	*out = (struct survey){.tz = s->tz};
	if (from >= to)
		return 0;
	if ((rc = survey_ports(s, &limit, err)) < 0)
		return rc;
	out->first = tt_tz_day(s->tz, from);
	for (int64_t t = local_start(s->tz, TT_STEP_DAY, from); rc == 0 && t < to; t = d.end)
		if ((rc = survey_day_read(s, t, &d, err)) == 0)
			rc = fn(s, &d, limit, out, err);
	return rc;
}

static bool is_settled(const struct survey_day *d) {
	return d->state == SURVEY_SETTLED && !d->pending;
}

static int read_any(struct tt_store *s, const struct survey_day *d, unsigned limit,
	struct survey *out, struct tt_err *err) {
	int rc = -E2BIG;

	if (d->state == SURVEY_OPEN && !d->pending)
		return 0; // there is nothing
	if (is_settled(d)) {
		out->days.settled++;
		return load_day(s, d, out, err);
	}
	if (d->whole && (rc = judge_day(s, d, limit, out, err)) != -E2BIG) {
		out->days.running++;
		return rc;
	}
	out->days.listed++;
	return d->state == SURVEY_SETTLED || d->state == SURVEY_LATE ? load_day(s, d, out, err) : 0;
}

static int add_open(struct survey *out, const struct survey_day *d) {
	if (big_grow((void **)&out->open, &out->open_cap, out->open_n + 1, sizeof(*out->open)) < 0)
		return -ENOMEM;
	out->open[out->open_n].from = d->start;
	out->open[out->open_n++].to = d->end;
	return 0;
}

// Whether rollups lack batches of a day, though it is settled: a capture is not folded before it is
// large.
static int has_tail(struct tt_store *s, const struct survey_day *d, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT EXISTS(SELECT 1 FROM batch WHERE folded = 0 AND epoch_max >= ? AND "
		"epoch_min < ?)");
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, "ii", d->start, d->end);
	rc = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int(st, 0)
					    : db_fail(s, err, "batches");
	sqlite3_finalize(st);
	return rc;
}

static int read_open(struct tt_store *s, const struct survey_day *d, unsigned limit,
	struct survey *out, struct tt_err *err) {
	bool open = d->state == SURVEY_OPEN || d->state == SURVEY_FIRST;
	int rc = -E2BIG;

	if (d->state == SURVEY_OPEN && !d->pending)
		return 0;
	if (is_settled(d)) {
		out->days.settled++;
		rc = has_tail(s, d, err);
		return rc > 0 ? load_day(s, d, out, err) : rc; // rollups know the rest
	}
	if (open && d->whole && (rc = judge_day(s, d, limit, out, err)) != -E2BIG) {
		out->days.running++;
		return rc < 0 ? rc : add_open(out, d);
	}
	out->days.listed++;
	return 0;
}

static int read_settled(struct tt_store *s, const struct survey_day *d, unsigned limit,
	struct survey *out, struct tt_err *err) {
	(void)limit;
	return d->surveyors > 0 ? load_day(s, d, out, err) : 0;
}

int survey_read(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err) {
	return read_days(s, from, to, read_any, out, err);
}

int survey_read_open(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err) {
	return read_days(s, from, to, read_open, out, err);
}

int survey_read_settled(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err) {
	return read_days(s, from, to, read_settled, out, err);
}

static int count_day(struct tt_store *s, const struct survey_day *d, unsigned limit,
	struct survey *out, struct tt_err *err) {
	bool open = d->state == SURVEY_OPEN || d->state == SURVEY_FIRST;

	(void)s, (void)limit, (void)err;
	if (d->state == SURVEY_OPEN && !d->pending)
		return 0;
	*(is_settled(d)		   ? &out->days.settled
		: open && d->whole ? &out->days.running
				   : &out->days.listed) += 1;
	return 0;
}

int tt_store_survey_days(struct tt_store *s, int64_t from, int64_t to, struct tt_survey_days *out,
	struct tt_err *err) {
	struct survey v = {0};
	struct tt_store_info info;
	int rc = tt_store_info(s, &info, err);

	*out = (struct tt_survey_days){0};
	if (rc < 0)
		return rc;
	from = from > info.data_from ? from : info.data_from;
	to = to != 0 && to < info.data_to ? to : info.data_to;
	rc = read_days(s, from, to, count_day, &v, err);
	*out = v.days;
	survey_free(&v);
	return rc;
}

uint64_t *survey_find(struct survey *v, int64_t time, uint8_t family, const uint8_t src[16]) {
	int64_t id;

	if (v->set.n == 0 || family == 0)
		return NULL;
	if (time < v->from || time >= v->to) {
		v->day = tt_tz_day(v->tz, time);
		v->from = tt_tz_day_start(v->tz, v->day);
		v->to = tt_tz_day_start(v->tz, v->day + 1);
	}
	if (v->day < v->first)
		return NULL;
	if (family == 6 && (id = ids6_find(&v->v6, src)) < 0)
		return NULL;
	if (family != 6)
		id = (int64_t)v4_number(src);
	return map_find(&v->set, key_of(v, v->day, (family == 6 ? SRC_V6 : 0) | (uint64_t)id));
}

bool survey_has(struct survey *v, int64_t time, uint8_t family, const uint8_t src[16]) {
	return survey_find(v, time, family, src) != NULL;
}

bool survey_is_open(const struct survey *v, int64_t time) {
	for (size_t i = 0; i < v->open_n; i++)
		if (time >= v->open[i].from && time < v->open[i].to)
			return true;
	return false;
}

void survey_free(struct survey *v) {
	map_free(&v->set);
	ids6_free(&v->v6);
	big_free(v->open, v->open_cap * sizeof(*v->open));
	*v = (struct survey){0};
}
