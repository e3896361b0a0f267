/* SPDX-License-Identifier: BSD-3-Clause */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tt_crash.h"
#include "tt_sqlite.h"

#define SPOOL_ID      0x7474736c // "ttsl"
#define SPOOL_VERSION 1

struct spool {
	sqlite3 *db;
	sqlite3_stmt *put, *replace, *read, *delete;
	char *path;
};

static int sql_err(struct spool *s, struct tt_err *err, const char *what) {
	int code = s->db ? sqlite3_errcode(s->db) & 0xff : SQLITE_NOMEM;
	int rc = code == SQLITE_FULL	 ? -ENOSPC
		 : code == SQLITE_BUSY	 ? -EBUSY
		 : code == SQLITE_NOTADB ? -EINVAL
		 : code == SQLITE_NOMEM	 ? -ENOMEM
					 : -EIO;
	if (code == SQLITE_BUSY)
		return tt_err_set(err, rc, "%s: spool is used by another process", s->path);
	int e = code == SQLITE_IOERR ? tt_sqlite_errno(s->db) : 0;
	if (e)
		return tt_err_set(err, rc, "%s: spool: %s: %s", s->path, what, strerror(e));
	return tt_err_set(err, rc, "%s: spool: %s: %s", s->path, what,
		s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static int number(sqlite3 *db, const char *sql, int64_t *out) {
	sqlite3_stmt *q;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL))
		return -1;
	int rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return rc == SQLITE_ROW ? 0 : -1;
}

// settles that the file is a spool of ours, and of this version, before anything is written
static int check_file(struct spool *s, struct tt_err *err) {
	int64_t id, version, tables;
	if (number(s->db, "PRAGMA application_id", &id) ||
		number(s->db, "PRAGMA user_version", &version) ||
		number(s->db, "SELECT count(*) FROM sqlite_schema", &tables))
		return sql_err(s, err, "cannot be read");
	if (!tables)
		return 0;
	if (id != SPOOL_ID)
		return tt_err_set(err, -EINVAL, "%s: is no spool of teiten", s->path);
	if (version != SPOOL_VERSION)
		return tt_err_set(err, -EPROTONOSUPPORT,
			"%s: spool of version %" PRId64 ", expected %d", s->path, version,
			SPOOL_VERSION);
	return 0;
}

static int prepare(struct spool *s, struct tt_err *err) {
	char version[64];
	snprintf(version, sizeof(version), "PRAGMA application_id=%d;PRAGMA user_version=%d;",
		SPOOL_ID, SPOOL_VERSION);
	static const char setup[] =
		"PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
		"PRAGMA journal_size_limit=16777216;BEGIN IMMEDIATE;"
		"CREATE TABLE IF NOT EXISTS batch(id INTEGER PRIMARY KEY,boot INTEGER NOT NULL,"
		"seq INTEGER NOT NULL,packets INTEGER NOT NULL,at_ns INTEGER NOT NULL,"
		"data BLOB NOT NULL,UNIQUE(boot,seq));";
	if (sqlite3_exec(s->db, setup, NULL, NULL, NULL) ||
		sqlite3_exec(s->db, version, NULL, NULL, NULL) ||
		sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL))
		return sql_err(s, err, "cannot be set up");
	if (sqlite3_prepare_v2(s->db,
		    "INSERT INTO batch(boot,seq,packets,at_ns,data) VALUES(?,?,?,?,?)", -1, &s->put,
		    NULL) ||
		sqlite3_prepare_v2(s->db, "UPDATE batch SET packets=0,data=? WHERE id=?", -1,
			&s->replace, NULL) ||
		sqlite3_prepare_v2(
			s->db, "SELECT data FROM batch WHERE id=?", -1, &s->read, NULL) ||
		sqlite3_prepare_v2(s->db, "DELETE FROM batch WHERE id=?", -1, &s->delete, NULL))
		return sql_err(s, err, "cannot be set up");
	return 0;
}

struct spool *spool_open(const char *path, struct tt_err *err) {
	struct spool *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;
	if (s)
		s->path = strdup(path);
	if (!s || !s->path) {
		tt_err_set(err, rc, "%s: out of memory", path);
		goto fail;
	}
	// created here, so that nobody else can read what it will hold
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = tt_err_set(err, -errno, "%s: spool: %s", path, strerror(errno));
		goto fail;
	}
	close(fd);
	rc = -EIO;
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, NULL)) {
		rc = sql_err(s, err, "cannot be opened");
		goto fail;
	}
	rc = check_file(s, err);
	if (!rc)
		rc = prepare(s, err);
	if (!rc)
		return s;
fail:
	spool_close(&s);
	errno = -rc;
	return NULL;
}

void spool_close(struct spool **sp) {
	struct spool *s = *sp;
	if (!s)
		return;
	sqlite3_finalize(s->put);
	sqlite3_finalize(s->replace);
	sqlite3_finalize(s->read);
	sqlite3_finalize(s->delete);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
	*sp = NULL;
}

int spool_load(struct spool *s, struct queue *q, struct tt_err *err) {
	sqlite3_stmt *st;
	int rc;
	if (sqlite3_prepare_v2(s->db,
		    "SELECT id,boot,seq,packets,at_ns,length(data) FROM batch ORDER BY id", -1, &st,
		    NULL))
		return sql_err(s, err, "cannot be read");
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct item *it = calloc(1, sizeof(*it));
		if (!it) {
			rc = SQLITE_NOMEM;
			break;
		}
		it->spool_id = sqlite3_column_int64(st, 0);
		it->boot = (uint64_t)sqlite3_column_int64(st, 1);
		it->seq = (uint64_t)sqlite3_column_int64(st, 2);
		it->packets = (uint64_t)sqlite3_column_int64(st, 3);
		it->thin = !it->packets;
		it->created_ns = sqlite3_column_int64(st, 4);
		it->len = (size_t)sqlite3_column_int64(st, 5);
		queue_append(q, it);
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? 0 : sql_err(s, err, "cannot be read");
}

int spool_put(struct spool *s, struct item *it, const void *data, struct tt_err *err) {
	sqlite3_mutex_enter(sqlite3_db_mutex(s->db));
	sqlite3_bind_int64(s->put, 1, (int64_t)it->boot);
	sqlite3_bind_int64(s->put, 2, (int64_t)it->seq);
	sqlite3_bind_int64(s->put, 3, (int64_t)it->packets);
	sqlite3_bind_int64(s->put, 4, it->created_ns);
	sqlite3_bind_blob(s->put, 5, data, (int)it->len, SQLITE_STATIC);
	TT_CRASH_POINT("spool.put.before");
	int rc = sqlite3_step(s->put) == SQLITE_DONE ? 0 : sql_err(s, err, "cannot be written");
	TT_CRASH_POINT("spool.put.after");
	it->spool_id = sqlite3_last_insert_rowid(s->db);
	sqlite3_reset(s->put);
	sqlite3_clear_bindings(s->put);
	sqlite3_mutex_leave(sqlite3_db_mutex(s->db));
	return rc;
}

int spool_replace(struct spool *s, int64_t id, const void *data, size_t len) {
	sqlite3_bind_blob(s->replace, 1, data, (int)len, SQLITE_STATIC);
	sqlite3_bind_int64(s->replace, 2, id);
	int rc = sqlite3_step(s->replace) == SQLITE_DONE ? 0 : -EIO;
	sqlite3_reset(s->replace);
	sqlite3_clear_bindings(s->replace);
	return rc;
}

int spool_read(struct spool *s, struct item *it, struct tt_err *err) {
	int rc = 0;
	sqlite3_mutex_enter(sqlite3_db_mutex(s->db));
	sqlite3_bind_int64(s->read, 1, it->spool_id);
	if (sqlite3_step(s->read) != SQLITE_ROW ||
		(size_t)sqlite3_column_bytes(s->read, 0) != it->len)
		rc = sql_err(s, err, "a batch cannot be read");
	else if (!(it->data = malloc(it->len ? it->len : 1)))
		rc = tt_err_set(err, -ENOMEM, "%s: out of memory", s->path);
	else
		memcpy(it->data, sqlite3_column_blob(s->read, 0), it->len);
	sqlite3_reset(s->read);
	sqlite3_mutex_leave(sqlite3_db_mutex(s->db));
	return rc;
}

int spool_begin(struct spool *s) {
	// held to the end: an insertion of another thread must not fall into this transaction
	sqlite3_mutex_enter(sqlite3_db_mutex(s->db));
	return sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) ? -EIO : 0;
}

int spool_delete(struct spool *s, int64_t id) {
	sqlite3_bind_int64(s->delete, 1, id);
	int rc = sqlite3_step(s->delete) == SQLITE_DONE ? 0 : -EIO;
	sqlite3_reset(s->delete);
	return rc;
}

int spool_end(struct spool *s) {
	TT_CRASH_POINT("spool.forget.before");
	int rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) ? -EIO : 0;
	TT_CRASH_POINT("spool.forget.after");
	if (rc) // the rows stay and are sent again after a restart
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_mutex_leave(sqlite3_db_mutex(s->db));
	return rc;
}
