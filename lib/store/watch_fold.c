/* SPDX-License-Identifier: BSD-3-Clause */
// Counting what was not counted, and backfilling. Batches say themselves (`watched`) whether the
// watches in force have counted them, in the transaction that holds the counts.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

#define PIECE (128u << 20) // bytes of counts in memory before they are written

int folder_prepare(struct folder *f) {
	f->day = db_prepare(f->s, f->err,
		"INSERT INTO watch_day(watch, start, dim, key, packets, bytes, spilled, sources) "
		"VALUES(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET packets = packets + "
		"excluded.packets, bytes = bytes + excluded.bytes, spilled = spilled + "
		"excluded.spilled, sources = sketch_union(sources, excluded.sources)");
	f->source = db_prepare(f->s, f->err,
		"INSERT INTO watch_source(watch, start, source, region, asn, packets, bytes, "
		"first_us, last_us, traits, proto, port, other_port, varied) VALUES(?1, ?2, ?3, "
		"?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO UPDATE SET "
		"packets = packets + ?6, bytes = bytes + ?7, region = iif(?8 < first_us, ?4, "
		"region), asn = iif(?8 < first_us, ?5, asn), proto = iif(?8 < first_us, ?11, "
		"proto), port = iif(?8 < first_us, ?12, port), first_us = min(first_us, ?8), "
		"last_us = max(last_us, ?9), traits = traits | ?10, varied = varied | ?14 | "
		"(other_port IS NOT NULL AND ?13 IS NOT NULL AND other_port != ?13), "
		"other_port = coalesce(other_port, ?13)");
	f->mark = db_prepare(f->s, f->err, "UPDATE batch SET watched = 1 WHERE id = ?");
	return f->day == NULL || f->source == NULL || f->mark == NULL ? f->s->rc : 0;
}

static int write_row(struct folder *f, const struct watch_row *r, uint8_t *blob, size_t cap) {
	size_t n = 0;

	if (r->sketch != NULL) {
		n = tt_sketch_encode(r->sketch, blob, cap);
	} else if (r->hash != 0) {
		tt_sketch_encode_one(r->hash, blob);
		n = TT_SKETCH_ONE;
	}
	db_bind(f->day, "iiiiiiib", f->w.w[WATCH_OF(r->key)].id, f->c.days[WATCH_SLOT(r->key)],
		(int64_t)WATCH_DIM(r->key), (int64_t)WATCH_VAL(r->key), (int64_t)r->packets,
		(int64_t)r->bytes, (int64_t)r->spilled, blob, (int)n);
	if (n == 0)
		sqlite3_bind_null(f->day, 8);
	return db_run(f->s, f->day, f->err, "watches");
}

static int write_source(struct folder *f, unsigned watch, const struct tt_watch_source *s) {
	sqlite3_stmt *st = f->source;

	db_bind(st, "iibtiiiiiiii", f->w.w[watch].id, s->day, s->source.b,
		s->source.family == 4 ? 4 : 16, s->region, (int64_t)s->asn, (int64_t)s->packets,
		(int64_t)s->bytes, s->first_us, s->last_us, (int64_t)s->traits, (int64_t)s->proto,
		(int64_t)s->port);
	if (s->has_other_port)
		sqlite3_bind_int64(st, 13, s->other_port);
	else
		sqlite3_bind_null(st, 13);
	sqlite3_bind_int(st, 14, s->other_port_varied);
	return db_run(f->s, st, f->err, "watches");
}

static int keep_countries(struct folder *f) {
	sqlite3_stmt *st = db_prepare(
		f->s, f->err, "UPDATE watch SET country = ? WHERE id = ? AND country = ''");
	int rc = st == NULL ? f->s->rc : 0;

	for (unsigned i = 0; rc == 0 && i < f->w.n; i++) {
		if (f->w.w[i].country[0] == '\0')
			continue;
		db_bind(st, "ti", f->w.w[i].country, f->w.w[i].id);
		rc = db_run(f->s, st, f->err, "watches");
	}
	sqlite3_finalize(st);
	return rc;
}

// Writes what is counted; marks the batches up to where the cursor is.
int folder_write(struct folder *f) {
	uint8_t blob[8192];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < f->c.n; i++)
		rc = write_row(f, &f->c.rows[i], blob, sizeof(blob));
	for (size_t i = 0; rc == 0 && i < f->c.source_n; i++)
		rc = write_source(f, f->c.sources[i].watch, &f->c.sources[i].s);
	for (; rc == 0 && f->marked < f->raw.at; f->marked++) {
		db_bind(f->mark, "i", f->raw.list[f->marked].id);
		rc = db_run(f->s, f->mark, f->err, "watches");
	}
	watch_count_free(&f->c);
	return rc;
}

static int read_all(struct folder *f, int64_t from) {
	int rc = 0, more = 1;

	while (rc == 0 && more > 0) {
		if ((more = raw_next(&f->raw, f->err)) < 0)
			return more;
		if (more > 0 && (rc = watch_count_batch(&f->c, f->s, &f->w, &f->raw, from,
					 INT64_MAX, &f->survey)) < 0)
			return tt_err_set(f->err, rc, "%s: no memory for watches", f->s->path);
		if (more == 0 || watch_count_memory(&f->c) > PIECE)
			rc = folder_write(f);
	}
	return rc;
}

void folder_close(struct folder *f) {
	sqlite3_finalize(f->day);
	sqlite3_finalize(f->source);
	sqlite3_finalize(f->mark);
	watch_count_free(&f->c);
	watches_free(&f->w);
	survey_free(&f->survey);
	raw_close(&f->raw);
}

// Who was a surveyor on the days that are settled; others are counted anew when they are.
static int read_survey(struct folder *f) {
	struct tt_store_info info;
	int rc;

	if (!f->w.surveyors || f->raw.list_n == 0)
		return 0;
	if ((rc = tt_store_info(f->s, &info, f->err)) < 0)
		return rc;
	return survey_read_settled(f->s, f->raw.list[0].epoch_min, info.raw_to, &f->survey, f->err);
}

// In one transaction: counts raw batches from `from` on, those not watched yet, or all.
static int fold(struct folder *f, int64_t from, enum raw_which which) {
	int rc = keep_countries(f);

	if (rc == 0 && (rc = folder_prepare(f)) == 0 &&
		(rc = raw_open(f->s, &f->raw, from, INT64_MAX, which, f->err)) == 0 &&
		(rc = read_survey(f)) == 0)
		rc = read_all(f, from);
	return rc;
}

int tt_store_watches_fold(struct tt_store *s, struct tt_err *err) {
	struct folder f = {.s = s, .err = err};
	int64_t n;
	int rc = db_int(s, err, "SELECT count(*) FROM watch WHERE active", 0, &n);

	if (rc < 0)
		return rc;
	if (n == 0)
		return 0; // watches_set marks what was there before
	if ((rc = db_int(s, err,
		     "SELECT count(*) FROM batch JOIN boot ON boot.id = batch.boot WHERE watched = "
		     "0 AND NOT hidden",
		     0, &n)) < 0 ||
		n == 0)
		return rc;
	if ((rc = watches_load(s, NULL, &f.w, err)) < 0)
		return rc;
	if ((rc = db_tx(s, ST_BEGIN, err)) == 0)
		rc = db_end(s, fold(&f, INT64_MIN, RAW_UNWATCHED), err);
	folder_close(&f);
	return rc;
}

static int gone(struct tt_store *s, int64_t from, int64_t *n, struct tt_err *err) {
	char sql[160];

	snprintf(sql, sizeof(sql),
		"SELECT count(*) FROM batch JOIN boot ON boot.id = batch.boot WHERE rows > 0 AND "
		"raw = 0 AND NOT hidden AND epoch_max >= %lld",
		(long long)from);
	return db_int(s, err, sql, 0, n);
}

static int forget_from(struct folder *f, int64_t from) {
	static const char *const texts[] = {"DELETE FROM watch_day WHERE watch = ? AND start >= ?",
		"DELETE FROM watch_source WHERE watch = ? AND start >= ?",
		// what is staged was counted before
		"DELETE FROM watch_day WHERE watch = -?1 AND start >= ?2",
		"DELETE FROM watch_source WHERE watch = -?1 AND start >= ?2",
		// what lies before is as unknown as it was
		"UPDATE watch SET gap_to = max(gap_from, min(gap_to, ?2)) WHERE id = ?1"};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < sizeof(texts) / sizeof(texts[0]); i++) {
		sqlite3_stmt *st = db_prepare(f->s, f->err, texts[i]);

		if (st == NULL)
			return f->s->rc;
		db_bind(st, "ii", f->w.w[0].id, from);
		rc = db_run(f->s, st, f->err, "watches");
		sqlite3_finalize(st);
	}
	return rc;
}

int tt_store_watch_backfill(struct tt_store *s, const char *name, int64_t from, int64_t *raw_from,
	int64_t *raw_to, struct tt_err *err) {
	struct folder f = {.s = s, .err = err};
	int64_t day = local_start(s->tz, TT_STEP_DAY, from), missing = 0;
	char text[TT_RFC3339_LEN], at[TT_RFC3339_LEN];
	struct tt_store_info info;
	int rc;

	if ((rc = tt_store_watches_fold(s, err)) < 0 || (rc = watches_load(s, name, &f.w, err)) < 0)
		return rc;
	if ((rc = tt_store_info(s, &info, err)) == 0 && (rc = gone(s, day, &missing, err)) == 0 &&
		missing > 0)
		rc = tt_err_set(err, -ENODATA,
			"%s: raw observations from %s on are not all there (the oldest is of %s), "
			"expected a later begin",
			s->path, tt_time_format(day, text), tt_time_format(info.raw_from, at));
	if (rc == 0 && (rc = db_tx(s, ST_BEGIN, err)) == 0) {
		if ((rc = forget_from(&f, day)) == 0)
			rc = fold(&f, day, RAW_ALL);
		rc = db_end(s, rc, err);
	}
	*raw_from = info.raw_from > day ? info.raw_from : day;
	*raw_to = info.raw_to;
	folder_close(&f);
	return rc;
}
