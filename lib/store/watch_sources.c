/* SPDX-License-Identifier: BSD-3-Clause */
// The sources that a watch keeps, and what others said about them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

static void column_addr(sqlite3_stmt *st, int column, struct tt_addr *out) {
	int n = sqlite3_column_bytes(st, column);

	*out = (struct tt_addr){.family = n == 4 ? 4 : 6};
	if (n == 4 || n == 16)
		memcpy(out->b, sqlite3_column_blob(st, column), (size_t)n);
}

static void column_source(sqlite3_stmt *st, struct tt_watch_source *s) {
	*s = (struct tt_watch_source){.day = sqlite3_column_int64(st, 0),
		.asn = (uint32_t)sqlite3_column_int64(st, 3),
		.packets = (uint64_t)sqlite3_column_int64(st, 4),
		.bytes = (uint64_t)sqlite3_column_int64(st, 5),
		.first_us = sqlite3_column_int64(st, 6),
		.last_us = sqlite3_column_int64(st, 7),
		.traits = (uint32_t)sqlite3_column_int64(st, 8),
		.proto = (uint8_t)sqlite3_column_int(st, 9),
		.port = (uint16_t)sqlite3_column_int(st, 10),
		.other_port = (uint16_t)sqlite3_column_int(st, 11),
		.has_other_port = sqlite3_column_type(st, 11) != SQLITE_NULL,
		.other_port_varied = sqlite3_column_int(st, 12) != 0};
	column_addr(st, 1, &s->source);
	snprintf(s->region, sizeof(s->region), "%s", (const char *)sqlite3_column_text(st, 2));
}

static int by_day(const void *x, const void *y) {
	const struct watch_source *a = x, *b = y;

	if (a->s.day != b->s.day)
		return a->s.day < b->s.day ? -1 : 1;
	if (a->s.source.family != b->s.source.family)
		return a->s.source.family < b->s.source.family ? -1 : 1;
	return memcmp(a->s.source.b, b->s.source.b, 16);
}

// Sources of days that are not settled, in order, where the watch asks about surveyors.
static int count_open(struct tt_store *s, const struct watches *w, int64_t from, int64_t to,
	struct watch_count *c, struct survey *survey, struct tt_err *err) {
	struct tt_store_info info;
	int rc;

	*survey = (struct survey){0};
	if (!w->surveyors || !w->w[0].keep_sources)
		return 0;
	if ((rc = tt_store_info(s, &info, err)) < 0)
		return rc;
	from = from > info.data_from ? from : local_start(s->tz, TT_STEP_DAY, info.data_from);
	if (local_start(s->tz, TT_STEP_DAY, from) != from)
		from = local_next(s->tz, TT_STEP_DAY, local_start(s->tz, TT_STEP_DAY, from));
	rc = watch_count_open(
		c, s, w, from, to == 0 || to > info.data_to ? info.data_to : to, survey, err);
	if (rc == 0 && c->source_n > 0)
		qsort(c->sources, c->source_n, sizeof(*c->sources), by_day);
	return rc;
}

// Sources of batches that are not counted yet come with the next fold, in a few seconds.
int tt_store_watch_sources(struct tt_store *s, const char *name, int64_t from, int64_t to,
	tt_watch_source_fn *fn, void *arg, struct tt_err *err) {
	struct tt_watch_source one;
	struct watch_count c = {0};
	struct survey survey;
	struct watches w;
	sqlite3_stmt *st = NULL;
	size_t at = 0;
	int step = SQLITE_DONE, rc = watches_load(s, name, &w, err);

	if (rc < 0)
		return rc;
	if ((rc = count_open(s, &w, from, to, &c, &survey, err)) < 0)
		goto out;
	st = db_prepare(s, err,
		"SELECT start, source, region, asn, packets, bytes, first_us, last_us, traits, "
		"proto, port, other_port, varied FROM watch_source WHERE watch = ?1 AND start >= "
		"?2 AND (?3 = 0 OR start < ?3) ORDER BY start, length(source), source");
	rc = st == NULL ? s->rc : 0;
	if (rc == 0)
		db_bind(st, "iii", w.w[0].id, from, to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		column_source(st, &one);
		if (survey_is_open(&survey, one.day))
			continue;
		for (; rc == 0 && at < c.source_n && c.sources[at].s.day < one.day; at++)
			rc = fn(arg, &c.sources[at].s);
		if (rc == 0)
			rc = fn(arg, &one);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "watches");
	for (; rc == 0 && at < c.source_n; at++)
		rc = fn(arg, &c.sources[at].s);
	sqlite3_finalize(st);
out:
	watch_count_free(&c);
	survey_free(&survey);
	watches_free(&w);
	return rc;
}

static int put_verdict(struct tt_store *s, sqlite3_stmt *st, int64_t watch,
	const struct tt_verdict *v, struct tt_err *err) {
	db_bind(st, "ibiitt", watch, v->source.b, v->source.family == 4 ? 4 : 16, v->day,
		(int64_t)v->open, v->product, v->note);
	return db_run(s, st, err, "verdicts");
}

int tt_store_verdicts_put(struct tt_store *s, const char *watch, const struct tt_verdict *v,
	size_t n, struct tt_err *err) {
	struct watches w;
	sqlite3_stmt *st = NULL;
	int rc = watches_load(s, watch, &w, err);

	if (rc < 0)
		return rc;
	if ((rc = db_tx(s, ST_BEGIN, err)) == 0) {
		st = db_prepare(s, err,
			"INSERT OR REPLACE INTO verdict(watch, source, day, open, product, note) "
			"VALUES(?, ?, ?, ?, ?, ?)");
		rc = st == NULL ? s->rc : 0;
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = put_verdict(s, st, w.w[0].id, &v[i], err);
		sqlite3_finalize(st);
		if (rc == 0)
			rc = db_tx(s, ST_COMMIT, err);
		if (rc < 0 && !sqlite3_get_autocommit(s->db))
			db_tx(s, ST_ROLLBACK, NULL);
	}
	watches_free(&w);
	return rc;
}

int tt_store_verdicts(struct tt_store *s, const char *watch, int64_t from, int64_t to,
	tt_verdict_fn *fn, void *arg, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT source, day, open, product, note FROM verdict WHERE watch = (SELECT id "
		"FROM watch WHERE name = ?1) AND day >= ?2 AND (?3 = 0 OR day < ?3) ORDER BY "
		"length(source), source, day");
	int step = SQLITE_DONE, rc = 0;

	if (st == NULL)
		return s->rc;
	db_bind(st, "tii", watch, from, to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		struct tt_verdict v = {
			.day = sqlite3_column_int64(st, 1), .open = sqlite3_column_int(st, 2) != 0};

		column_addr(st, 0, &v.source);
		snprintf(v.product, sizeof(v.product), "%s",
			(const char *)sqlite3_column_text(st, 3));
		snprintf(v.note, sizeof(v.note), "%s", (const char *)sqlite3_column_text(st, 4));
		rc = fn(arg, &v);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "verdicts");
	sqlite3_finalize(st);
	return rc;
}
