/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "survey.h"

#define BUSY_MS 20000 // readers and the one writer wait for each other at most that long

// Whether the file has the pages that its header counts. A log may hold those that are missing.
static int check_size(
	struct tt_store *s, const uint8_t head[32], int64_t size, struct tt_err *err) {
	int64_t page = head[16] << 8 | head[17], pages = 0;
	char *wal = NULL;
	struct stat st;
	bool logged;

	page = page == 1 ? 65536 : page;
	for (unsigned i = 28; i < 32; i++)
		pages = pages << 8 | head[i];
	if (size >= page * pages && size >= 512)
		return 0;
	if (asprintf(&wal, "%s-wal", s->path) < 0)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	logged = stat(wal, &st) == 0 && st.st_size > 0;
	free(wal);
	return logged ? 0
		      : tt_err_set(err, -EIO, "%s: is cut: %lld bytes, expected %lld", s->path,
				(long long)size, (long long)(page * pages));
}

// Opens the file as any program would, for errors that say what is wrong with it.
static int probe_file(struct tt_store *s, struct tt_err *err) {
	int fd = open(s->path, (s->write ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0640);
	uint8_t head[32] = {0};
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return tt_err_set(err, -errno, "%s: %s", s->path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return tt_err_set(
			err, -EINVAL, "%s: is no regular file, expected a database", s->path);
	}
	n = read(fd, head, sizeof(head));
	close(fd);
	if (n >= 16 && memcmp(head, "SQLite format 3", 16) == 0)
		return check_size(s, head, st.st_size, err);
	if (n == 0 && s->write)
		return 0;
	return tt_err_set(err, -EINVAL, "%s: is no database, expected one of teiten", s->path);
}

// One writer: the lock is on a file beside, because closing any descriptor of the database itself
// would drop the locks that SQLite holds in this process.
static int lock_writer(struct tt_store *s, struct tt_err *err) {
	struct stat a, b;

	if (asprintf(&s->lock_path, "%s-writer", s->path) < 0) {
		s->lock_path = NULL;
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	}
	for (;;) {
		s->lock_fd = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
		if (s->lock_fd < 0)
			return tt_err_set(err, -errno, "%s: %s", s->lock_path, strerror(errno));
		if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
			close(s->lock_fd);
			s->lock_fd = -1;
			return tt_err_set(err, -EBUSY,
				"%s: is being written by another program, expected to be the one",
				s->path);
		}
		// the one before may have removed the name between our open and lock
		if (fstat(s->lock_fd, &a) == 0 && stat(s->lock_path, &b) == 0 &&
			a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			return 0;
		close(s->lock_fd);
	}
}

static void unlock_writer(struct tt_store *s) {
	if (s->lock_fd >= 0) {
		unlink(s->lock_path);
		close(s->lock_fd);
	}
	free(s->lock_path);
}

static int open_db(struct tt_store *s, struct tt_err *err) {
	int flags = s->write	? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
		    : s->beside ? SQLITE_OPEN_READWRITE
				: SQLITE_OPEN_READONLY;
	char *uri = NULL, *wal = NULL;
	int64_t n;

	flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (sqlite3_open_v2(s->path, &s->db, flags, NULL) != SQLITE_OK)
		return db_fail(s, err, "open");
	sqlite3_busy_timeout(s->db, BUSY_MS);
	if (s->write || s->beside ||
		db_int(s, err, "SELECT count(*) FROM sqlite_master", 0, &n) != -EACCES)
		return 0;
	// Where the folder is not writable SQLite cannot share memory with a writer. Nobody can be
	// writing then, unless a log is left over.
	if (asprintf(&wal, "%s-wal", s->path) < 0 || access(wal, F_OK) == 0) {
		free(wal);
		return tt_err_set(err, -EACCES,
			"%s: its folder is not writable and a log is left over, expected either",
			s->path);
	}
	free(wal);
	sqlite3_close(s->db);
	s->db = NULL;
	uri = sqlite3_mprintf("file:%s%s?immutable=1", s->path[0] == '/' ? "" : "./", s->path);
	if (uri == NULL || strpbrk(s->path, "?#%") != NULL ||
		sqlite3_open_v2(uri, &s->db, flags | SQLITE_OPEN_URI, NULL) != SQLITE_OK) {
		sqlite3_free(uri);
		return tt_err_set(err, -EACCES, "%s: cannot be opened", s->path);
	}
	sqlite3_free(uri);
	return 0;
}

int settings_read(struct tt_store *s, const char *timezone, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT (SELECT value FROM setting WHERE name = 'timezone'), "
		"(SELECT value FROM setting WHERE name = 'replay'), (SELECT value FROM secret)");
	const char *tz;
	int rc = 0;

	if (st == NULL)
		return s->rc;
	if (sqlite3_step(st) != SQLITE_ROW) {
		rc = db_fail(s, err, "settings");
	} else if ((tz = (const char *)sqlite3_column_text(st, 0)) == NULL ||
		   sqlite3_column_bytes(st, 2) != sizeof(s->secret)) {
		rc = tt_err_set(
			err, -EINVAL, "%s: has no timezone or secret, expected both", s->path);
	} else if (timezone != NULL && strcmp(timezone, tz) != 0) {
		rc = tt_err_set(err, -EINVAL,
			"%s: has the timezone %s, which never changes; expected %s", s->path, tz,
			timezone);
	} else {
		s->replay = sqlite3_column_int(st, 1) != 0;
		memcpy(s->secret, sqlite3_column_blob(st, 2), sizeof(s->secret));
		s->tz = tt_tz_create(tz, err);
		rc = s->tz == NULL ? tt_err_prefix(err, -errno, "%s", s->path) : 0;
	}
	sqlite3_finalize(st);
	return rc;
}

// Whether that is what the last call stumbled over.
static bool is_damaged(struct tt_store *s) {
	int rc = sqlite3_errcode(s->db) & 0xff;

	return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}

static int set_up(struct tt_store *s, const struct tt_store_conf *conf, struct tt_err *err) {
	struct tt_tz *tz;
	bool fresh;
	int rc;

	if ((rc = probe_file(s, err)) < 0 || (s->write && (rc = lock_writer(s, err)) < 0) ||
		(rc = open_db(s, err)) < 0)
		return rc;
	rc = schema_check(s, &fresh, err);
	if (conf->mode == TT_STORE_VERIFY)
		return rc < 0 && !is_damaged(s) ? rc : 0;
	if (rc < 0)
		return rc;
	if (fresh) {
		const char *name = conf->timezone != NULL ? conf->timezone : "UTC";

		if ((tz = tt_tz_create(name, err)) == NULL)
			return -errno;
		tt_tz_destroy(&tz);
		s->replay = conf->replay;
		if ((rc = schema_create(s, name, err)) < 0)
			return rc;
	}
	if ((rc = settings_read(s, conf->timezone, err)) < 0 ||
		(s->write && (rc = survey_upgrade(s, err)) < 0))
		return rc;
	rc = db_exec(s, err,
		s->write || s->beside
			? "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; "
			  "PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864; "
			  "PRAGMA temp_store = MEMORY"
			: "PRAGMA query_only = ON; PRAGMA cache_size = -65536; "
			  "PRAGMA mmap_size = 4294967296; PRAGMA temp_store = MEMORY");
	if (rc < 0 || (rc = functions_add(s, err)) < 0 || (rc = vtab_add(s, err)) < 0 ||
		(rc = sensors_load(s, err)) < 0)
		return rc;
	return s->write ? fold_start(s, err) : 0;
}

static void release(struct tt_store *s) {
	survey_close_free(s);
	fold_forget(s);
	for (unsigned i = 0; i < ST_N; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close_v2(s->db);
	unlock_writer(s);
	sensors_free(s);
	tt_batch_decoder_destroy(&s->decoder);
	ZSTD_freeCCtx(s->zstd);
	free(s->begun);
	free(s->columns.p);
	free(s->packed.p);
	tt_tz_destroy(&s->tz);
	free(s->path);
	free(s);
}

int tt_store_open(const struct tt_store_conf *conf, struct tt_store **out, struct tt_err *err) {
	struct tt_store *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", conf->path);
	s->lock_fd = -1;
	s->write = conf->mode == TT_STORE_WRITE;
	tt_store_budget(s, BUDGET_ROWS, BUDGET_SKETCHES);
	s->beside = conf->mode == TT_STORE_BESIDE;
	s->path = strdup(conf->path);
	s->decoder = tt_batch_decoder_create();
	if (s->path == NULL || s->decoder == NULL)
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", conf->path);
	else
		rc = set_up(s, conf, err);
	if (rc < 0)
		release(s);
	else
		*out = s;
	return rc;
}

int tt_store_open_input(int rc) {
	switch (rc) {
	case -ENOENT:
	case -ENOTDIR:
	case -EISDIR:
	case -ELOOP:
	case -ENAMETOOLONG:
	case -EACCES:
		return -EINVAL;
	case -EPROTONOSUPPORT:
		return -EIO; // it is one, only not of this version
	default:
		return rc;
	}
}

int tt_store_close(struct tt_store **s, struct tt_err *err) {
	int rc = 0;

	if (*s == NULL)
		return 0;
	if ((*s)->in_tx)
		tt_store_rollback(*s);
	else if ((*s)->write && (rc = tt_store_checkpoint(*s, err)) == 0 && (*s)->replay)
		rc = tt_store_settle(*s, INT64_MAX, 0, err);
	release(*s);
	*s = NULL;
	return rc;
}

struct tt_tz *tt_store_tz(struct tt_store *s) {
	return s->tz;
}

const uint8_t *tt_store_secret(const struct tt_store *s) {
	return s->secret;
}

void tt_store_resolvers(struct tt_store *s, struct tt_regions *regions, const struct tt_asn *asn,
	const struct tt_scanners *scanners) {
	s->regions = regions;
	s->asn = asn;
	map_free(&s->as_named); // its names may be others
	s->scanners = scanners;
}
