/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

int raw_sensor_map(struct tt_store *s, const struct tt_batch_view *v, bool create, uint16_t **map,
	struct tt_err *err) {
	uint16_t *m = realloc(*map, (v->head.sensor_n + 1u) * sizeof(*m));

	if (m == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	*map = m;
	for (unsigned i = 0; i < v->head.sensor_n; i++) {
		int id = sensor_number(s, v->sensors[i], create, err);

		// another process may have added it since
		if (id == 0 && (id = sensors_load(s, err)) == 0)
			id = sensor_number(s, v->sensors[i], false, err);
		if (id < 0)
			return id;
		m[i] = (uint16_t)id;
	}
	return 0;
}

static int list_batches(
	struct raw_cursor *c, int64_t from, int64_t to, enum raw_which which, struct tt_err *err) {
	static const char *const conditions[] = {[RAW_ALL] = "b.rows > 0",
		[RAW_TAIL] = "b.folded = 0",
		[RAW_UNWATCHED] = "b.watched = 0",
		[RAW_NOTED] = "b.id IN (SELECT batch FROM unjudged WHERE start = ?1)",
		[RAW_NOT_TAKEN] = ("b.watched AND b.id IN (SELECT batch FROM unjudged WHERE start "
				   "= ?1 AND NOT taken)")};
	char sql[320];
	sqlite3_stmt *st;
	int step;

	snprintf(sql, sizeof(sql),
		"SELECT b.id, b.epoch_min, b.rows, b.folded FROM batch AS b JOIN boot ON boot.id = "
		"b.boot "
		"WHERE %s AND b.raw AND NOT boot.hidden AND b.epoch_max >= ?1 AND b.epoch_min < ?2 "
		"ORDER BY b.epoch_min, b.id",
		conditions[which]);
	if ((st = db_prepare(c->s, err, sql)) == NULL)
		return c->s->rc;
	db_bind(st, "ii", from, to);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		if (big_grow((void **)&c->list, &c->list_cap, c->list_n + 1, sizeof(*c->list)) < 0)
			break;
		c->list[c->list_n].id = sqlite3_column_int64(st, 0);
		c->list[c->list_n].folded = sqlite3_column_int(st, 3) != 0;
		c->list[c->list_n++].epoch_min = sqlite3_column_int64(st, 1);
		c->rows += (uint64_t)sqlite3_column_int64(st, 2);
	}
	sqlite3_finalize(st);
	if (step == SQLITE_ROW)
		return tt_err_set(err, -ENOMEM, "%s: no memory", c->s->path);
	return step == SQLITE_DONE ? 0 : db_fail(c->s, err, "list batches");
}

int raw_open(struct tt_store *s, struct raw_cursor *c, int64_t from, int64_t to,
	enum raw_which which, struct tt_err *err) {
	int rc;

	*c = (struct raw_cursor){.s = s, .part = TT_BATCH_ROWS};
	if ((rc = list_batches(c, from, to, which, err)) == 0) {
		c->decoder = tt_batch_decoder_create();
		c->st = db_prepare(s, err,
			"SELECT b.rir, r.message, r.derived FROM batch AS b JOIN raw AS r ON "
			"r.batch = b.id WHERE b.id = ?");
		if (c->decoder == NULL)
			rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
		else if (c->st == NULL)
			rc = s->rc;
	}
	if (rc < 0)
		raw_close(c);
	return rc;
}

int raw_next(struct raw_cursor *c, struct tt_err *err) {
	const char *rir;
	int rc;

	if (c->at == c->list_n)
		return 0;
	c->id = c->list[c->at++].id;
	sqlite3_reset(c->st);
	db_bind(c->st, "i", c->id);
	rc = sqlite3_step(c->st);
	if (rc == SQLITE_DONE)
		return tt_err_set(err, -EIO, "%s: raw batch %lld is not there, expected it",
			c->s->path, (long long)c->id);
	if (rc != SQLITE_ROW)
		return db_fail(c->s, err, "read batches");
	rir = (const char *)sqlite3_column_text(c->st, 0);
	snprintf(c->rir, sizeof(c->rir), "%s", rir == NULL ? "" : rir);
	rc = tt_batch_decode_part(c->decoder, sqlite3_column_blob(c->st, 1),
		(size_t)sqlite3_column_bytes(c->st, 1), c->part, &c->v, err);
	if (rc == 0 && c->part != TT_BATCH_KEYS)
		rc = derived_read(&c->buf, sqlite3_column_blob(c->st, 2),
			(size_t)sqlite3_column_bytes(c->st, 2), c->v.head.obs_n, &c->d);
	if (rc == 0 && c->part != TT_BATCH_KEYS)
		rc = raw_sensor_map(c->s, &c->v, false, &c->sensor, err);
	if (rc < 0)
		return tt_err_set(err, rc == -ENOMEM ? rc : -EIO,
			"%s: raw batch %lld cannot be read, expected it as it was stored",
			c->s->path, (long long)c->id);
	return 1;
}

void raw_close(struct raw_cursor *c) {
	sqlite3_finalize(c->st);
	tt_batch_decoder_destroy(&c->decoder);
	big_free(c->list, c->list_cap * sizeof(*c->list));
	free(c->buf.p);
	free(c->sensor);
	*c = (struct raw_cursor){0};
}
