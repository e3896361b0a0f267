/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "fold.h"
#include "tt_crash.h"

// From segments into tables: once an hour is over, each of its rows is written once, in the order
// of the table, and all that is known of the hour decides which rows are the heaviest.

#define SETTLE_ROWS 1000000 // at once, of one who
#define JOIN_ROWS   8	    // times the budget, for an hour that is not over
#define JOIN_BYTES  4

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

// Pieces of one who in [from, to), whole hours, as many as memory should hold.
static int collect(struct tt_store *s, struct pieces *p, unsigned who, int64_t from, int64_t to,
	struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT id, start, data FROM segment WHERE who = ? AND start >= ? AND start < ? "
		"ORDER BY start, id");
	int rc = 0, step;

	if (st == NULL)
		return s->rc;
	db_bind(st, "iii", (int64_t)who, from, to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		bool full = p->f->n > SETTLE_ROWS || fold_memory(p->f) > FOLD_DUE;

		if (full && sqlite3_column_int64(st, 1) != p->last_start)
			break;
		rc = take(s, p, st, who, err);
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

static int move(struct tt_store *s, struct pieces *p, unsigned who, int64_t from, int64_t to,
	bool join, struct tt_err *err) {
	uint32_t rows = s->budget_rows;
	uint64_t bytes = s->budget_sketches;
	int rc;

	if ((rc = collect(s, p, who, from, to, err)) < 0)
		return rc;
	rc = join ? fold_cut(p->f, rows > UINT32_MAX / JOIN_ROWS ? rows : rows * JOIN_ROWS,
			    bytes * JOIN_BYTES)
		  : fold_cut(p->f, rows, bytes);
	if (rc < 0)
		return tt_err_set(err, rc, "%s: no memory", s->path);
	rc = join ? segments_insert(s, p->f, err) : fold_write(s, p->f, err);
	return rc < 0 ? rc : drop_pieces(s, p, err);
}

// One who's hours in [from, to) into the tables, or joined to fewer pieces; a transaction.
static int settle(
	struct tt_store *s, unsigned who, int64_t from, int64_t to, bool join, struct tt_err *err) {
	struct pieces p = {.f = calloc(1, sizeof(*p.f))};
	int rc;

	if (p.f == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	if ((rc = db_tx(s, ST_BEGIN, err)) == 0) {
		TT_CRASH_POINT("store.settle.before");
		if ((rc = move(s, &p, who, from, to, join, err)) == 0) {
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

// 1: there is one. Hours that are over come first; then those of many pieces.
static int find(
	struct tt_store *s, int64_t over, unsigned *who, int64_t *start, struct tt_err *err) {
	static const char *const sql[] = {"SELECT who, start FROM segment WHERE start < ? LIMIT 1",
		"SELECT who, start FROM segment WHERE start >= ? GROUP BY who, start HAVING "
		"count(*) >= 32 + sum(rows) / 32768 LIMIT 1"};
	int step = SQLITE_DONE;

	for (unsigned i = 0; i < 2 && step == SQLITE_DONE; i++) {
		sqlite3_stmt *st = db_prepare(s, err, sql[i]);

		if (st == NULL)
			return s->rc;
		db_bind(st, "i", over);
		if ((step = sqlite3_step(st)) == SQLITE_ROW) {
			*who = (unsigned)sqlite3_column_int(st, 0);
			*start = sqlite3_column_int64(st, 1);
		} else if (step != SQLITE_DONE) {
			db_fail(s, err, "rollups");
		}
		sqlite3_finalize(st);
	}
	return step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : s->rc;
}

int tt_store_settle(struct tt_store *s, int64_t before, unsigned ms, struct tt_err *err) {
	int64_t end = tt_mono_ns() + ms * 1000000ll, over = INT64_MAX, start = 0;
	unsigned who = 0;
	int rc;

	if (!s->write || s->in_tx)
		return tt_err_set(err, -EINVAL, "%s: %s", s->path,
			s->write ? "a transaction is open" : "is open for reading");
	if (before <= TT_TIME_MAX)
		over = local_start(s->tz, TT_STEP_HOUR, before);
	while ((rc = find(s, over, &who, &start, err)) > 0) {
		bool join = start >= over;

		if ((rc = settle(s, who, join ? start : INT64_MIN, join ? start + 1 : over, join,
			     err)) < 0)
			return rc;
		if (ms != 0 && tt_mono_ns() >= end)
			return 1;
	}
	return rc;
}

void tt_store_budget(struct tt_store *s, uint32_t rows, uint64_t sketch_bytes) {
	s->budget_rows = rows;
	s->budget_sketches = sketch_bytes;
}
