/* SPDX-License-Identifier: BSD-3-Clause */
// What watches that ask about surveyors counted of a day, counted anew by its verdicts: staged
// under the watch's negative number until the day is settled, with a row that says it is.
#include <errno.h>
#include <stdlib.h>

#include "watch.h"

#define STAGED_DIM (-1)
#define PIECE	   (64u << 20) // bytes of counts in memory before they are staged

struct watch_recount {
	struct folder f;
};

static bool counts_day(const struct watch *w, const struct survey_day *d) {
	return w->surveyors != TT_SURVEYORS_WITH &&
	       !(w->gap_from < w->gap_to && w->gap_from < d->end && w->gap_to > d->start);
}

// Leaves only those that count the day; 1 where there are some.
static int load(struct folder *f, const struct survey_day *d) {
	unsigned n = 0;
	int rc = watches_load(f->s, NULL, &f->w, f->err);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < f->w.n; i++) {
		struct watch one = f->w.w[i];

		if (!counts_day(&one, d))
			continue;
		f->w.w[i] = f->w.w[n];
		f->w.w[n++] = one;
	}
	watches_drop(&f->w, n);
	return n > 0;
}

int watch_recount_begin(struct tt_store *s, const struct survey_day *d, struct watch_recount **out,
	struct tt_err *err) {
	struct watch_recount *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (r == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	r->f = (struct folder){.s = s, .err = err};
	if ((rc = load(&r->f, d)) <= 0) {
		watch_recount_free(&r);
		return rc;
	}
	for (unsigned i = 0; rc > 0 && i < r->f.w.n; i++) {
		struct watch *w = &r->f.w.w[i];

		w->id = -w->id;
		rc = db_run_sql(s, err, "watches",
			     "INSERT OR REPLACE INTO watch_day(watch, start, dim, key, packets, "
			     "bytes, spilled) VALUES(?, ?, -1, 0, 0, 0, 0)",
			     w->id, d->start) < 0
			     ? s->rc
			     : 1;
	}
	if (rc > 0)
		*out = r;
	else
		watch_recount_free(&r);
	return rc < 0 ? rc : 0;
}

int watch_recount_add(struct watch_recount *r, const struct raw_cursor *raw,
	const struct survey_day *d, struct survey *survey) {
	return watch_count_batch(&r->f.c, r->f.s, &r->f.w, raw, d->start, d->end, survey);
}

bool watch_recount_due(const struct watch_recount *r) {
	return r != NULL && watch_count_memory(&r->f.c) > PIECE;
}

int watch_recount_write(struct watch_recount *r, struct tt_err *err) {
	int rc = 0;

	r->f.err = err;
	if (r->f.day == NULL)
		rc = folder_prepare(&r->f);
	return rc < 0 ? rc : folder_write(&r->f);
}

void watch_recount_free(struct watch_recount **r) {
	if (*r == NULL)
		return;
	folder_close(&(*r)->f);
	free(*r);
	*r = NULL;
}

// Batches that watches counted while the day was being settled.
static int add_rest(struct folder *f, const struct survey_day *d) {
	int rc;

	for (unsigned i = 0; i < f->w.n; i++)
		f->w.w[i].id = -f->w.w[i].id;
	if ((rc = survey_read_settled(f->s, d->start, d->end, &f->survey, f->err)) == 0 &&
		(rc = watch_count_raw(&f->c, f->s, &f->w, RAW_NOT_TAKEN, d->start, d->end,
			 &f->survey, f->err)) == 0 &&
		(rc = folder_prepare(f)) == 0)
		rc = folder_write(f);
	for (unsigned i = 0; i < f->w.n; i++)
		f->w.w[i].id = -f->w.w[i].id;
	return rc;
}

static int exchange(struct folder *f, int64_t watch, int64_t start) {
	static const char *const texts[] = {
		"DELETE FROM watch_day WHERE watch = -?1 AND start = ?2 AND dim = -1",
		"DELETE FROM watch_day WHERE watch = ?1 AND start = ?2",
		"DELETE FROM watch_source WHERE watch = ?1 AND start = ?2",
		"UPDATE watch_day SET watch = ?1 WHERE watch = -?1 AND start = ?2",
		"UPDATE watch_source SET watch = ?1 WHERE watch = -?1 AND start = ?2"};
	sqlite3_stmt *st = db_prepare(f->s, f->err,
		"SELECT 1 FROM watch_day WHERE watch = -?1 AND start = ?2 AND dim = ?3");
	int rc, staged;

	if (st == NULL)
		return f->s->rc;
	db_bind(st, "iii", watch, start, (int64_t)STAGED_DIM);
	staged = sqlite3_step(st);
	rc = staged == SQLITE_ROW || staged == SQLITE_DONE ? 0 : db_fail(f->s, f->err, "watches");
	sqlite3_finalize(st);
	for (size_t i = 0; staged == SQLITE_ROW && rc == 0 && i < sizeof(texts) / sizeof(texts[0]);
		i++)
		rc = db_run_sql(f->s, f->err, "watches", texts[i], watch, start);
	return rc;
}

int watch_recount_finish(struct tt_store *s, const struct survey_day *d, struct tt_err *err) {
	struct folder f = {.s = s, .err = err};
	int rc = load(&f, d);

	if (rc > 0 && (rc = add_rest(&f, d)) == 0)
		for (unsigned i = 0; rc == 0 && i < f.w.n; i++)
			rc = exchange(&f, f.w.w[i].id, d->start);
	folder_close(&f);
	return rc < 0 ? rc
		      : db_exec(s, err,
				"DELETE FROM watch_day WHERE watch < 0;"
				"DELETE FROM watch_source WHERE watch < 0");
}
