/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "store.h"
#include "tt_sqlite.h"

static const char *const texts[ST_N] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_BEGIN_READ] = "BEGIN",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_SENSORS] = "SELECT id, name FROM sensor WHERE id > ? ORDER BY id",
	[ST_SENSOR_ADD] = "INSERT INTO sensor(id, name) VALUES(?, ?)",
	[ST_SENSOR_DESCRIBE] = "UPDATE sensor SET description = ? WHERE id = ?",
	[ST_MAINTENANCE_SET] = "INSERT OR REPLACE INTO maintenance(probe, spans) VALUES(?, ?)",
	[ST_BOOT_GET] = "SELECT id, hidden FROM boot WHERE boot = ? AND probe = ?",
	[ST_BOOT_ADD] = "INSERT INTO boot(probe, boot, epoch_s, hidden) VALUES(?, ?, ?, ?)",
	[ST_BOOT_SHOW] = "UPDATE boot SET hidden = 0 WHERE id = ?",
	[ST_BOOT_SENSORS] = "UPDATE boot SET sensors = ? WHERE id = ?",
	[ST_FILE_OF_BOOT] = "SELECT state FROM file WHERE boot = ?",
	[ST_FILE_END] = "UPDATE file SET last_seq = ?, first_ns = ?, last_ns = ?, packets = ?, "
			"bytes = ? WHERE boot = ?",
	[ST_FILE_COMPLETE] = "UPDATE file SET state = 'complete', completed = ? WHERE boot = ?",
	[ST_BATCH_ADD] = "INSERT OR IGNORE INTO batch(boot, seq, epoch_s, epoch_min, epoch_max, "
			 "rows, rir, raw, folded, watched) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
			 "?9, ?6 = 0)",
	[ST_BATCH_RIR] = "UPDATE batch SET rir = ? WHERE id = ?",
	[ST_BATCH_COUNT] = "SELECT count(*), sum(rows > 0), max(seq) FROM batch WHERE boot = ?",
	[ST_RAW_ADD] = "INSERT INTO raw(batch, message, derived) VALUES(?, ?, ?)",
	[ST_CLOCK_STEP] = "INSERT OR REPLACE INTO clock_step(boot, before, after, next) "
			  "VALUES(?, ?, ?, ?)",
	[ST_AS_NAME] = "INSERT OR REPLACE INTO as_name(number, name) VALUES(?, ?)",
	[ST_TALLY_ADD] =
		"INSERT INTO tally VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
		"ON CONFLICT DO UPDATE SET link_up = min(link_up, excluded.link_up), "
		"non_ip = non_ip + excluded.non_ip, "
		"non_ip_bytes = non_ip_bytes + excluded.non_ip_bytes, "
		"malformed = malformed + excluded.malformed, "
		"malformed_bytes = malformed_bytes + excluded.malformed_bytes, "
		"unassigned = unassigned + excluded.unassigned, "
		"unassigned_bytes = unassigned_bytes + excluded.unassigned_bytes, "
		"observed = observed + excluded.observed, "
		"observed_bytes = observed_bytes + excluded.observed_bytes, "
		"spilled = spilled + excluded.spilled, "
		"spilled_bytes = spilled_bytes + excluded.spilled_bytes, "
		"imissed = imissed + excluded.imissed, ierrors = ierrors + excluded.ierrors, "
		"rx_nombuf = rx_nombuf + excluded.rx_nombuf, "
		"harvest_lost = harvest_lost + excluded.harvest_lost, "
		"spool_lost = spool_lost + excluded.spool_lost, late = late + excluded.late, "
		"feed_fragments = feed_fragments + excluded.feed_fragments",
	[ST_UP_LAST] =
		"SELECT start, \"end\", state, lost, received FROM uptime WHERE sensor = ? AND "
		"boot = ? AND start <= ? ORDER BY start DESC LIMIT 1",
	[ST_UP_EXTEND] = "UPDATE uptime SET \"end\" = ?, received = received + ? WHERE "
			 "sensor = ? AND boot = ? AND start = ?",
	[ST_UP_ADD] = "INSERT OR REPLACE INTO uptime(sensor, boot, start, \"end\", state, "
		      "received, lost) VALUES(?, ?, ?, ?, ?, ?, ?)",
	[ST_FOLDED] = "UPDATE batch SET folded = 1 WHERE id = ?",
	[ST_SEGMENT_ADD] =
		"INSERT INTO segment(start, who, rows, data, state) VALUES(?, ?, ?, ?, ?)",
	[ST_SEGMENT_DROP] = "DELETE FROM segment WHERE id = ?",
	[ST_UNJUDGED_ADD] = "INSERT OR IGNORE INTO unjudged(start, batch) VALUES(?, ?)",
};

static int errno_of(struct tt_store *s, int rc) {
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return EACCES;
	case SQLITE_AUTH:
		return EPERM;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
		return EINVAL;
	case SQLITE_IOERR:
		// so arrive a file system that went read-only, quota and file size limits
		return tt_sqlite_errno(s->db) == EROFS ? EROFS
		       : rc == SQLITE_IOERR_WRITE      ? ENOSPC
						       : EIO;
	}
	return EIO;
}

int db_fail(struct tt_store *s, struct tt_err *err, const char *what) {
	int rc = sqlite3_extended_errcode(s->db), e = errno_of(s, rc);

	s->rc = -e;
	if (e == ENOSPC)
		return tt_err_set(
			err, -e, "%s: %s: no space left, or the file may not grow", s->path, what);
	if (e == EROFS)
		return tt_err_set(err, -e, "%s: %s: %s", s->path, what, strerror(e));
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
		return tt_err_set(err, -e,
			"%s: %s: the file is damaged (%s); `teiten check` says what can be read",
			s->path, what, sqlite3_errstr(rc));
	return tt_err_set(err, -e, "%s: %s: %s", s->path, what, sqlite3_errmsg(s->db));
}

sqlite3_stmt *db_prepare(struct tt_store *s, struct tt_err *err, const char *sql) {
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v3(s->db, sql, -1, 0, &st, NULL) != SQLITE_OK) {
		db_fail(s, err, "prepare");
		return NULL;
	}
	return st;
}

sqlite3_stmt *db_st(struct tt_store *s, enum st which, struct tt_err *err) {
	if (s->st[which] == NULL &&
		sqlite3_prepare_v3(s->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
			&s->st[which], NULL) != SQLITE_OK)
		db_fail(s, err, "prepare");
	return s->st[which];
}

void db_bind(sqlite3_stmt *st, const char *types, ...) {
	va_list ap;
	int i = 1;

	va_start(ap, types);
	for (; *types != '\0'; types++, i++) {
		if (*types == 'i') {
			sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
		} else if (*types == 't') {
			sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
		} else {
			const void *p = va_arg(ap, const void *);

			sqlite3_bind_blob(st, i, p, va_arg(ap, int), SQLITE_STATIC);
		}
	}
	va_end(ap);
}

int db_run(struct tt_store *s, sqlite3_stmt *st, struct tt_err *err, const char *what) {
	int rc;

	do {
		rc = sqlite3_step(st);
	} while (rc == SQLITE_ROW);
	rc = rc == SQLITE_DONE ? 0 : db_fail(s, err, what);
	sqlite3_reset(st);
	return rc;
}

int db_exec(struct tt_store *s, struct tt_err *err, const char *sql) {
	char what[64];

	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	snprintf(what, sizeof(what), "%.*s", (int)strcspn(sql, "(;"), sql);
	return db_fail(s, err, what);
}

int db_tx(struct tt_store *s, enum st which, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, which, err);

	return st == NULL ? s->rc : db_run(s, st, err, texts[which]);
}

int db_end(struct tt_store *s, int rc, struct tt_err *err) {
	if (rc == 0)
		rc = db_tx(s, ST_COMMIT, err);
	if (rc < 0 && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_ROLLBACK, NULL);
	return rc;
}

int db_run_sql(struct tt_store *s, struct tt_err *err, const char *what, const char *sql, int64_t a,
	int64_t b) {
	sqlite3_stmt *st = db_prepare(s, err, sql);
	int rc;

	if (st == NULL)
		return s->rc;
	sqlite3_bind_int64(st, 1, a);
	sqlite3_bind_int64(st, 2, b);
	rc = db_run(s, st, err, what);
	sqlite3_finalize(st);
	return rc;
}

int db_int(struct tt_store *s, struct tt_err *err, const char *sql, int64_t none, int64_t *out) {
	sqlite3_stmt *st = db_prepare(s, err, sql);
	int rc;

	if (st == NULL)
		return s->rc;
	rc = sqlite3_step(st);
	*out = none;
	if (rc == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
		*out = sqlite3_column_int64(st, 0);
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(s, err, "read");
	sqlite3_finalize(st);
	return rc;
}
