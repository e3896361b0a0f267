/* SPDX-License-Identifier: BSD-3-Clause */
// Which local days have batches that are not in what was settled of them.
#include <errno.h>

#include "survey.h"

static int note_day(struct tt_store *s, int64_t start, int64_t batch, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_UNJUDGED_ADD, err);

	if (st == NULL)
		return s->rc;
	db_bind(st, "ii", start, batch);
	return db_run(s, st, err, "batch");
}

int survey_note(
	struct tt_store *s, int64_t batch, const struct tt_batch_view *v, struct tt_err *err) {
	int64_t from = 0, to = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;

		if (epoch >= from && epoch < to)
			continue;
		from = local_start(s->tz, TT_STEP_DAY, epoch);
		to = local_next(s->tz, TT_STEP_DAY, from);
		rc = note_day(s, from, batch, err);
	}
	return rc;
}

// All raw batches, or those that rollups do not hold.
static int note_all(struct tt_store *s, bool all, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT id, epoch_min, epoch_max FROM batch WHERE rows > 0 AND raw AND (folded = 0 "
		"OR ?)");
	int step = SQLITE_DONE, rc = 0;

	if (st == NULL)
		return s->rc;
	db_bind(st, "i", (int64_t)all);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 0), last = sqlite3_column_int64(st, 2);
		int64_t t = local_start(s->tz, TT_STEP_DAY, sqlite3_column_int64(st, 1));

		for (; rc == 0 && t <= last; t = local_next(s->tz, TT_STEP_DAY, t))
			rc = note_day(s, t, id, err);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "batches");
	sqlite3_finalize(st);
	return rc;
}

static int note_in_tx(struct tt_store *s, bool all, const char *then, struct tt_err *err) {
	int rc = db_tx(s, ST_BEGIN, err);

	if (rc < 0)
		return rc;
	if ((rc = note_all(s, all, err)) == 0 && (rc = db_exec(s, err, then)) == 0)
		rc = db_tx(s, ST_COMMIT, err);
	if (rc < 0 && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_ROLLBACK, NULL);
	return rc;
}

int survey_note_unfolded(struct tt_store *s, struct tt_err *err) {
	return note_in_tx(s, false, "", err);
}

int survey_upgrade(struct tt_store *s, struct tt_err *err) {
	int64_t missing;
	int rc = db_int(s, err, "SELECT count(*) FROM setting WHERE name = 'unjudged_missing'", 0,
		&missing);

	return rc < 0 || missing == 0
		       ? rc
		       : note_in_tx(s, true, "DELETE FROM setting WHERE name = 'unjudged_missing'",
				 err);
}
