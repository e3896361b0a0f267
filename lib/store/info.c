/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "store.h"

static void widen(struct tt_store_info *i, int64_t from, int64_t to) {
	if (from >= to)
		return;
	if (i->data_from == i->data_to) {
		i->data_from = from;
		i->data_to = to;
		return;
	}
	i->data_from = from < i->data_from ? from : i->data_from;
	i->data_to = to > i->data_to ? to : i->data_to;
}

static int read_info(struct tt_store *s, struct tt_store_info *out, struct tt_err *err) {
	static const char sql[] =
		"WITH shown AS MATERIALIZED (SELECT id FROM boot WHERE NOT hidden) "
		"SELECT min(CASE WHEN raw THEN epoch_min END), "
		"max(CASE WHEN raw THEN epoch_max + b.epoch_s END), min(epoch_min), "
		"max(epoch_max + b.epoch_s), count(*), sum(rows), sum(folded = 0), 0 FROM batch AS "
		"b "
		"JOIN boot ON boot.id = b.boot WHERE b.rows > 0 AND NOT boot.hidden UNION ALL "
		"SELECT 0, 0, min(epoch), max(epoch + tally.epoch_s), 0, 0, 0, 1 FROM tally JOIN "
		"boot "
		"ON boot.id = tally.boot WHERE NOT boot.hidden UNION ALL "
		"SELECT 0, 0, min(start), max(\"end\"), 0, 0, 0, 2 FROM uptime JOIN boot ON "
		"boot.id = "
		"uptime.boot WHERE NOT boot.hidden";
	sqlite3_stmt *st = db_prepare(s, err, sql);
	int64_t pages, unused, size;
	int step, rc;

	*out = (struct tt_store_info){.replay = s->replay};
	if (st == NULL)
		return s->rc;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		widen(out, sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3));
		if (sqlite3_column_int(st, 7) != 0)
			continue;
		out->raw_from = sqlite3_column_int64(st, 0);
		out->raw_to = sqlite3_column_int64(st, 1);
		out->batches = (uint64_t)sqlite3_column_int64(st, 4);
		out->observations = (uint64_t)sqlite3_column_int64(st, 5);
		out->unfolded = (uint64_t)sqlite3_column_int64(st, 6);
	}
	sqlite3_finalize(st);
	if (step != SQLITE_DONE)
		return db_fail(s, err, "spans");
	if ((rc = db_int(s, err, "PRAGMA page_count", 0, &pages)) < 0 ||
		(rc = db_int(s, err, "PRAGMA freelist_count", 0, &unused)) < 0 ||
		(rc = db_int(s, err, "PRAGMA page_size", 0, &size)) < 0)
		return rc;
	out->disk_bytes = (uint64_t)((pages - unused) * size);
	return 0;
}

// Spans are read from whole tables. Who only reads keeps them until somebody else commits.
int tt_store_info(struct tt_store *s, struct tt_store_info *out, struct tt_err *err) {
	int64_t version;
	int rc = db_int(s, err, "PRAGMA data_version", 0, &version);

	if (rc < 0)
		return rc;
	if (s->write)
		return read_info(s, out, err);
	if (s->info_version != version) {
		if ((rc = read_info(s, &s->info, err)) < 0)
			return rc;
		s->info_version = version;
	}
	*out = s->info;
	return 0;
}
