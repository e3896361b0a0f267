/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "survey.h"
#include "tt_crash.h"

// From segments into tables: once it is settled who was a surveyor on a local day, each row of its
// hours is written once, in the order of the table, and all that is known of an hour decides which
// rows are the heaviest.

#define SETTLE_ROWS 1000000 // at once, of one who

struct pieces {
	struct fold *f;
	int64_t *ids;
	size_t n, cap;
	int64_t last_start;
	struct segment_reader reader;
};

static void pieces_free(struct pieces *p) {
	fold_destroy(&p->f);
	big_free(p->ids, p->cap * sizeof(*p->ids));
	segment_reader_free(&p->reader);
}

static int take(
	struct tt_store *s, struct pieces *p, sqlite3_stmt *st, unsigned who, struct tt_err *err) {
	struct segment g = {.who = who, .start = sqlite3_column_int64(st, 1)};
	long long id = sqlite3_column_int64(st, 0);
	int rc;

	if (big_grow((void **)&p->ids, &p->cap, p->n + 1, sizeof(*p->ids)) < 0)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	rc = segment_read(
		&p->reader, sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2), &g);
	if (rc == 0)
		rc = fold_add_segment(p->f, &g);
	if (rc < 0)
		return tt_err_set(err, rc == -EBADMSG ? -EIO : rc,
			rc == -EBADMSG ? "%s: piece %lld of the rollups cannot be read, expected "
					 "it as it was stored"
				       : "%s: piece %lld of the rollups: no memory",
			s->path, id);
	p->ids[p->n++] = id;
	p->last_start = g.start;
	return 0;
}

// What is to be done with the pieces of one who in [from, to), whole hours.
struct work {
	unsigned who;
	int64_t from, to;
	enum segment_state state; // of the pieces
	bool open;		  // their hour goes on
};

// As many as memory should hold.
static int collect(struct tt_store *s, struct pieces *p, const struct work *w, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT id, start, data FROM segment WHERE state = ? AND who = ? AND start >= ? "
		"AND start < ? ORDER BY start, id");
	int rc = 0, step;

	if (st == NULL)
		return s->rc;
	db_bind(st, "iiii", (int64_t)w->state, (int64_t)w->who, w->from, w->to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		bool full = p->f->n > SETTLE_ROWS || fold_memory(p->f) > FOLD_DUE;

		if (full && sqlite3_column_int64(st, 1) != p->last_start)
			break;
		rc = take(s, p, st, w->who, err);
	}
	if (rc == 0 && step != SQLITE_ROW && step != SQLITE_DONE)
		rc = db_fail(s, err, "rollups");
	sqlite3_finalize(st);
	return rc;
}

static int drop_pieces(struct tt_store *s, const struct pieces *p, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_SEGMENT_DROP, err);
	int rc = 0;

	if (st == NULL)
		return s->rc;
	for (size_t i = 0; rc == 0 && i < p->n; i++) {
		db_bind(st, "i", p->ids[i]);
		rc = db_run(s, st, err, "rollups");
	}
	return rc;
}

static int move(struct tt_store *s, struct pieces *p, const struct work *w, struct tt_err *err) {
	int rc = collect(s, p, w, err);

	if (rc < 0)
		return rc;
	if ((rc = w->open ? fold_cut_open(s, p->f)
			  : fold_cut(p->f, s->budget_rows, s->budget_sketches)) < 0)
		return tt_err_set(err, rc, "%s: no memory", s->path);
	rc = w->state == SEGMENT_JUDGED ? fold_write(s, p->f, err)
					: segments_insert(s, p->f, w->state, err);
	return rc < 0 ? rc : drop_pieces(s, p, err);
}

// Into the tables, or joined to fewer pieces; a transaction.
static int settle(struct tt_store *s, const struct work *w, struct tt_err *err) {
	struct pieces p = {.f = calloc(1, sizeof(*p.f))};
	int rc;

	if (p.f == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	if ((rc = db_tx(s, ST_BEGIN, err)) == 0) {
		TT_CRASH_POINT("store.settle.before");
		if ((rc = move(s, &p, w, err)) == 0) {
			TT_CRASH_POINT("store.settle.commit");
			rc = db_tx(s, ST_COMMIT, err);
			TT_CRASH_POINT("store.settle.after");
		}
		if (rc < 0 && !sqlite3_get_autocommit(s->db))
			db_tx(s, ST_ROLLBACK, NULL);
	}
	pieces_free(&p);
	return rc;
}

// 1: there is some. Days that are settled come first; then hours that are over (at `over`), of
// which a few pieces are left, as questions read them all day; then those of many pieces.
static int find(struct tt_store *s, int64_t over, struct work *w, struct tt_err *err) {
	static const char *const sql[] = {"SELECT who, start FROM segment WHERE state = 2 LIMIT 1",
		"SELECT who, start FROM segment WHERE state = 0 AND start < ?1 GROUP BY who, start "
		"HAVING count(*) > 4 + ?2 + sum(rows) / 32768 LIMIT 1",
		"SELECT who, start FROM segment WHERE state = 0 AND start >= ?1 GROUP BY who, "
		"start HAVING count(*) >= 32 + ?2 + sum(rows) / 32768 LIMIT 1"};
	int step = SQLITE_DONE;

	for (unsigned i = 0; i < 3 && step == SQLITE_DONE; i++) {
		sqlite3_stmt *st = db_prepare(s, err, sql[i]);

		if (st == NULL)
			return s->rc;
		if (i > 0)
			db_bind(st, "ii", over, (int64_t)(s->budget_sketches >> 23));
		if ((step = sqlite3_step(st)) == SQLITE_ROW) {
			int64_t start = sqlite3_column_int64(st, 1);

			*w = (struct work){.who = (unsigned)sqlite3_column_int(st, 0),
				.from = i == 0 ? INT64_MIN : start,
				.to = i == 0 ? INT64_MAX : start + 1,
				.state = i == 0 ? SEGMENT_JUDGED : SEGMENT_ARRIVED,
				.open = i == 2};
		} else if (step != SQLITE_DONE) {
			db_fail(s, err, "rollups");
		}
		sqlite3_finalize(st);
	}
	return step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : s->rc;
}

int tt_store_settle(struct tt_store *s, int64_t before, unsigned ms, struct tt_err *err) {
	int64_t end = tt_mono_ns() + ms * 1000000ll, over = INT64_MAX;
	struct work w = {0};
	int rc;

	if (!s->write || s->in_tx)
		return tt_err_set(err, -EINVAL, "%s: %s", s->path,
			s->write ? "a transaction is open" : "is open for reading");
	if (before <= TT_TIME_MAX)
		over = local_start(s->tz, TT_STEP_HOUR, before);
	for (;;) {
		if ((rc = survey_close(s, before, err)) == 0 && (rc = find(s, over, &w, err)) > 0)
			rc = (rc = settle(s, &w, err)) < 0 ? rc : 1;
		if (rc <= 0)
			return rc;
		if (ms != 0 && tt_mono_ns() >= end)
			return 1;
	}
}

void tt_store_budget(struct tt_store *s, uint32_t rows, uint64_t sketch_bytes) {
	s->budget_rows = rows;
	s->budget_sketches = sketch_bytes;
}
