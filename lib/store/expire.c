/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "store.h"

#define AT_ONCE 1024 // batches a call, so that the clock that calls comes back

static int drop(struct tt_store *s, int64_t id, struct tt_err *err) {
	sqlite3_stmt *raw = db_prepare(s, err, "DELETE FROM raw WHERE batch = ?");
	sqlite3_stmt *mark = db_prepare(s, err, "UPDATE batch SET raw = 0 WHERE id = ?");
	int rc;

	if (raw != NULL && mark != NULL) {
		db_bind(raw, "i", id);
		db_bind(mark, "i", id);
		if ((rc = db_run(s, raw, err, "expire")) == 0)
			rc = db_run(s, mark, err, "expire");
	} else {
		rc = s->rc;
	}
	sqlite3_finalize(raw);
	sqlite3_finalize(mark);
	return rc;
}

// Oldest first; `excess` bytes are to go whatever their age.
static int drop_all(struct tt_store *s, int64_t before, int64_t excess, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT b.id, b.epoch_max + b.epoch_s, length(r.message) + length(r.derived), "
		"EXISTS(SELECT 1 FROM unjudged WHERE unjudged.batch = b.id) FROM "
		"batch AS b JOIN boot ON boot.id = b.boot JOIN raw AS r ON r.batch = b.id WHERE "
		"b.rows > 0 AND b.raw AND b.folded AND NOT boot.hidden ORDER BY b.epoch_min, b.id "
		"LIMIT ?");
	int64_t ids[AT_ONCE];
	int n = 0, rc = 0, step;

	if (st == NULL)
		return s->rc;
	db_bind(st, "i", (int64_t)AT_ONCE);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		bool kept = sqlite3_column_int64(st, 1) > before || sqlite3_column_int(st, 3);

		if (kept && excess <= 0)
			continue; // a longer batch before a shorter one, or a day to be settled
		ids[n++] = sqlite3_column_int64(st, 0);
		excess -= sqlite3_column_int64(st, 2);
	}
	rc = step == SQLITE_DONE ? 0 : db_fail(s, err, "expire");
	sqlite3_finalize(st);
	for (int i = 0; rc == 0 && i < n; i++)
		rc = drop(s, ids[i], err);
	return rc < 0 ? rc : n;
}

int tt_store_expire(struct tt_store *s, int64_t before, uint64_t max_bytes, struct tt_err *err) {
	struct tt_store_info info;
	int64_t excess = 0;
	int rc, n;

	if (s->replay)
		return 0;
	// what is not folded yet would be lost to the rollups
	if ((rc = tt_store_checkpoint(s, err)) < 0 || (rc = tt_store_info(s, &info, err)) < 0)
		return rc;
	if (max_bytes != 0 && info.disk_bytes > max_bytes)
		excess = (int64_t)(info.disk_bytes - max_bytes);
	if ((rc = db_tx(s, ST_BEGIN, err)) < 0)
		return rc;
	n = drop_all(s, before, excess, err);
	rc = n < 0 ? n : db_tx(s, ST_COMMIT, err);
	if (rc < 0 && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_ROLLBACK, NULL);
	return rc < 0 ? rc : n;
}
