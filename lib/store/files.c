/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "tt_file.h"

// States of a file: "started" (its batches are hidden), "complete", "removed" (a later try took
// its place; batches that still come are refused).

int file_of_boot(struct tt_store *s, const char *boot, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_FILE_OF_BOOT, err);
	const char *state;
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, "t", boot);
	rc = sqlite3_step(st);
	if (rc == SQLITE_DONE) {
		rc = 0;
	} else if (rc != SQLITE_ROW) {
		rc = db_fail(s, err, "file");
	} else {
		state = (const char *)sqlite3_column_text(st, 0);
		if (strcmp(state, "removed") == 0)
			rc = tt_err_set(err, -ESTALE,
				"%s: boot %s: its capture was begun again, expected the later one",
				s->path, boot);
		else
			rc = strcmp(state, "complete") == 0 ? 2 : 1;
	}
	sqlite3_reset(st);
	return rc;
}

static int64_t get_int(const json_t *doc, const char *key) {
	return json_integer_value(json_object_get(doc, key));
}

// Replay: every sensor of the catalogue is up from the start of the first to the end of the last
// epoch; without a catalogue those that the batch names are.
static int up_from_file(struct tt_store *s, int64_t boot, int64_t epoch_s, int64_t first_ns,
	int64_t last_ns, struct tt_err *err) {
	int64_t from = first_ns / TT_NS, to = last_ns / TT_NS;
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT j.value FROM boot, json_each(boot.sensors) AS j WHERE boot.id = ? "
		"UNION SELECT u.id FROM sensor AS u, boot WHERE boot.id = ?1 AND boot.sensors IS "
		"NULL");
	int rc = 0, step;

	if (st == NULL)
		return s->rc;
	// times in the data are held within what 32 bits can say
	from = from < 0 ? 0 : from > TT_TIME_MAX ? TT_TIME_MAX : from;
	to = to < from ? from : to > TT_TIME_MAX ? TT_TIME_MAX : to;
	from -= from % epoch_s;
	to += epoch_s - to % epoch_s;
	db_bind(st, "i", boot);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW)
		rc = uptime_add(s, boot, sqlite3_column_int(st, 0), from, to, err);
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "up-time");
	sqlite3_finalize(st);
	return rc;
}

int file_end(struct tt_store *s, const struct tt_batch_head *h, json_t *doc, struct tt_err *err) {
	int64_t first = get_int(doc, "first_ns"), last = get_int(doc, "last_ns");
	sqlite3_stmt *st = db_st(s, ST_FILE_END, err);
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, "iiiiit", (int64_t)h->seq, first, last, get_int(doc, "packets"),
		get_int(doc, "bytes"), h->boot);
	if ((rc = db_run(s, st, err, "file")) < 0 || get_int(doc, "packets") == 0)
		return rc;
	return up_from_file(s, s->boot.id, h->epoch_s, first, last, err);
}

static int mark_complete(struct tt_store *s, const struct tt_batch_head *h, struct tt_err *err) {
	sqlite3_stmt *show = db_st(s, ST_BOOT_SHOW, err), *done = db_st(s, ST_FILE_COMPLETE, err);
	int rc;

	if (show == NULL || done == NULL)
		return s->rc;
	db_bind(show, "i", s->boot.id);
	if ((rc = db_run(s, show, err, "boot")) < 0)
		return rc;
	db_bind(done, "it", tt_now_ns() / TT_NS, h->boot);
	return db_run(s, done, err, "file");
}

int file_try_complete(struct tt_store *s, const struct tt_batch_head *h, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err, "SELECT last_seq FROM file WHERE boot = ?");
	int64_t last_seq = 0, n = 0, with_rows = 0;
	int rc = 0;

	if (st == NULL)
		return s->rc;
	db_bind(st, "t", h->boot);
	if (sqlite3_step(st) == SQLITE_ROW)
		last_seq = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	if (last_seq == 0)
		return 0;
	if ((st = db_st(s, ST_BATCH_COUNT, err)) == NULL)
		return s->rc;
	db_bind(st, "i", s->boot.id);
	if (sqlite3_step(st) == SQLITE_ROW) {
		n = sqlite3_column_int64(st, 0);
		with_rows = sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	if (n != last_seq)
		return 0; // batches before the last are still on their way
	if ((rc = mark_complete(s, h, err)) < 0)
		return rc;
	s->boot.hidden = false;
	fold_file_complete(s, s->boot.id, with_rows);
	return 0;
}

// What an interrupted try left. It was hidden, so no rollup knows of it.
static int remove_try(struct tt_store *s, const char *sha256, struct tt_err *err) {
	static const char *const sql[] = {
		"DELETE FROM unjudged WHERE batch IN (SELECT batch.id FROM batch, boot, file WHERE "
		"batch.boot = boot.id AND boot.boot = file.boot AND file.state = 'started' AND "
		"file.sha256 = ?)",
		"DELETE FROM raw WHERE batch IN (SELECT batch.id FROM batch, boot, file WHERE "
		"batch.boot = boot.id AND boot.boot = file.boot AND file.state = 'started' AND "
		"file.sha256 = ?)",
		"DELETE FROM batch WHERE boot IN (SELECT boot.id FROM boot, file WHERE boot.boot = "
		"file.boot AND file.state = 'started' AND file.sha256 = ?)",
		"DELETE FROM tally WHERE boot IN (SELECT boot.id FROM boot, file WHERE boot.boot = "
		"file.boot AND file.state = 'started' AND file.sha256 = ?)",
		"DELETE FROM uptime WHERE boot IN (SELECT boot.id FROM boot, file WHERE boot.boot "
		"= "
		"file.boot AND file.state = 'started' AND file.sha256 = ?)",
		"UPDATE file SET state = 'removed' WHERE state = 'started' AND sha256 = ?",
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(sql) / sizeof(sql[0]); i++) {
		sqlite3_stmt *st = db_prepare(s, err, sql[i]);

		if (st == NULL)
			return s->rc;
		db_bind(st, "t", sha256);
		rc = db_run(s, st, err, "remove an interrupted capture");
		sqlite3_finalize(st);
	}
	s->boot.id = 0;
	return rc;
}

static int is_complete(struct tt_store *s, const char *sha256, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(
		s, err, "SELECT 1 FROM file WHERE sha256 = ? AND state = 'complete' LIMIT 1");
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, "t", sha256);
	rc = sqlite3_step(st);
	rc = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : db_fail(s, err, "file");
	sqlite3_finalize(st);
	return rc;
}

static int remember_begun(struct tt_store *s, const char *sha256, struct tt_err *err) {
	size_t n = s->begun == NULL ? 0 : strlen(s->begun), more = strlen(sha256) + 2;
	char *p = realloc(s->begun, n + more);

	if (p == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	snprintf(p + n, more, "%s ", sha256);
	s->begun = p;
	return 1;
}

int tt_store_file_begin(struct tt_store *s, const char *sha256, const char *name, uint64_t size,
	bool again, char boot[17], struct tt_err *err) {
	sqlite3_stmt *st;
	uint8_t id[8];
	int rc;

	if (s->in_tx)
		return tt_err_set(err, -EINVAL, "%s: a transaction is open", s->path);
	// the same content twice in one command: the first is being read, the second is in already
	if (strstr(s->begun == NULL ? "" : s->begun, sha256) != NULL)
		return 0;
	if (!again && (rc = is_complete(s, sha256, err)) != 0)
		return rc < 0 ? rc : 0;
	tt_random(id, sizeof(id));
	for (unsigned i = 0; i < sizeof(id); i++)
		snprintf(boot + 2 * i, 3, "%02x", id[i]);
	if ((rc = db_tx(s, ST_BEGIN, err)) < 0)
		return rc;
	rc = remove_try(s, sha256, err);
	if (rc == 0) {
		st = db_prepare(s, err,
			"INSERT INTO file(boot, sha256, name, size, state, started) "
			"VALUES(?, ?, ?, ?, 'started', ?)");
		rc = st == NULL ? s->rc : 0;
	}
	if (rc == 0) {
		db_bind(st, "tttii", boot, sha256, name, (int64_t)size, tt_now_ns() / TT_NS);
		rc = db_run(s, st, err, "file");
		sqlite3_finalize(st);
	}
	if (rc == 0)
		rc = db_tx(s, ST_COMMIT, err);
	if (rc < 0)
		db_tx(s, ST_ROLLBACK, NULL);
	return rc < 0 ? rc : remember_begun(s, sha256, err);
}
