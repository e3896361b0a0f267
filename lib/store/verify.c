/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "fold.h"

// What of a database can be read, for one that is damaged. SQLite's own check finds pages that are
// wrong; blobs have checksums of their own.

#define MESSAGES_MAX 5

static void say(struct tt_store_damage *d, const char *what) {
	size_t n = strlen(d->what);

	if (d->problems++ < MESSAGES_MAX)
		snprintf(d->what + n, sizeof(d->what) - n, "%s%s", n > 0 ? "; " : "", what);
}

static int quick_check(struct tt_store *s, struct tt_store_damage *d, struct tt_err *err) {
	sqlite3_stmt *st = NULL;
	int step = SQLITE_DONE;

	if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(100)", -1, &st, NULL) != SQLITE_OK) {
		say(d, sqlite3_errmsg(s->db));
		return 0;
	}
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		char text[160];

		snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(st, 0));
		text[strcspn(text, "\n")] = '\0';
		if (strcmp(text, "ok") != 0)
			say(d, text);
	}
	if (step == SQLITE_NOMEM)
		db_fail(s, err, "check");
	else if (step != SQLITE_DONE)
		say(d, sqlite3_errmsg(s->db));
	sqlite3_finalize(st);
	return step == SQLITE_NOMEM ? s->rc : 0;
}

// Batches one by one, so that one that cannot be read does not hide the others.
static int read_batches(struct tt_store *s, struct tt_store_damage *d, struct tt_err *err) {
	struct tt_err why = {0};
	struct raw_cursor c;
	int rc, more;

	if ((rc = raw_open(s, &c, INT64_MIN, INT64_MAX, RAW_ALL, &why)) < 0) {
		say(d, why.msg);
		return rc == -ENOMEM ? tt_err_set(err, rc, "%s", why.msg) : 0;
	}
	c.part = TT_BATCH_ALL;
	while ((more = raw_next(&c, &why)) != 0) {
		d->batches++;
		d->batches_read += more > 0;
		if (more < 0)
			say(d, why.msg);
	}
	raw_close(&c);
	return 0;
}

// The last columns of a rollup's row: packets, bytes, spilled, sources, what is heaviest.
static bool sketch_reads(struct tt_sketch *sk, sqlite3_stmt *st) {
	int last = sqlite3_column_count(st) - 1, sources = last - 1;
	uint64_t packets =
		(uint64_t)(sqlite3_column_int64(st, last - 4) - sqlite3_column_int64(st, last - 2));
	const void *blob = sqlite3_column_blob(st, sources);
	size_t len = (size_t)sqlite3_column_bytes(st, sources);
	struct heavy h;

	tt_sketch_reset(sk);
	return tt_sketch_merge_encoded(sk, blob, len) >= 0 &&
	       heavy_decode(&h, sqlite3_column_blob(st, last),
		       (size_t)sqlite3_column_bytes(st, last), blob, len, packets) >= 0;
}

// `sk`: of a rollup.
static void read_rows(
	struct tt_store *s, struct tt_store_damage *d, const char *table, struct tt_sketch *sk) {
	sqlite3_stmt *st = NULL;
	char text[192];
	uint64_t bad = 0;
	int step;

	snprintf(text, sizeof(text), "SELECT * FROM %s", table);
	d->tables++;
	if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL) != SQLITE_OK) {
		say(d, sqlite3_errmsg(s->db));
		return;
	}
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		bad += sk != NULL && !sketch_reads(sk, st);
	d->tables_read += step == SQLITE_DONE && bad == 0;
	if (step != SQLITE_DONE || bad > 0) {
		snprintf(text, sizeof(text), "%s: %s", table,
			step != SQLITE_DONE ? sqlite3_errmsg(s->db) : "counts of sources");
		say(d, text);
	}
	sqlite3_finalize(st);
}

static void read_pieces(struct tt_store *s, struct tt_store_damage *d) {
	struct segment_reader reader = {0};
	sqlite3_stmt *st = NULL;
	struct segment g;

	if (sqlite3_prepare_v2(s->db, "SELECT data FROM segment", -1, &st, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(st) == SQLITE_ROW)
		if (segment_read(&reader, sqlite3_column_blob(st, 0),
			    (size_t)sqlite3_column_bytes(st, 0), &g) < 0)
			say(d, "a piece of the rollups cannot be read");
	sqlite3_finalize(st);
	segment_reader_free(&reader);
}

int tt_store_verify(struct tt_store *s, struct tt_store_damage *out, struct tt_err *err) {
	static const char *const others[] = {
		"setting", "sensor", "boot", "batch", "tally", "uptime", "segment"};
	struct tt_sketch *sk = tt_sketch_create();
	char table[32];
	int rc;

	*out = (struct tt_store_damage){0};
	if (sk == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	if (settings_read(s, NULL, NULL) < 0)
		say(out, "the settings cannot be read");
	if (sensors_load(s, NULL) < 0)
		say(out, "the sensors cannot be read");
	if ((rc = quick_check(s, out, err)) < 0 || (rc = read_batches(s, out, err)) < 0) {
		tt_sketch_destroy(&sk);
		return rc;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		read_rows(s, out, others[i], NULL);
	for (unsigned k = 0; k < KIND_N; k++) {
		for (unsigned l = 0; l < LEVEL_N; l++) {
			snprintf(table, sizeof(table), "%s_%s", rollups[k].name, level_names[l]);
			read_rows(s, out, table, sk);
		}
	}
	read_pieces(s, out);
	tt_sketch_destroy(&sk);
	return out->problems > 0;
}
