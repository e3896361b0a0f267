/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "survey.h"
#include "tt_crash.h"

int tt_store_begin(struct tt_store *s, struct tt_err *err) {
	int rc;

	if (!s->write || s->in_tx)
		return tt_err_set(err, -EINVAL, "%s: %s", s->path,
			s->write ? "a transaction is open" : "is open for reading");
	rc = db_tx(s, ST_BEGIN, err);
	s->in_tx = rc == 0;
	return rc;
}

int tt_store_commit(struct tt_store *s, struct tt_err *err) {
	int rc;

	if (!s->in_tx)
		return tt_err_set(err, -EINVAL, "%s: no transaction is open", s->path);
	TT_CRASH_POINT("store.commit.before");
	rc = db_tx(s, ST_COMMIT, err);
	TT_CRASH_POINT("store.commit.after");
	if (rc < 0)
		tt_store_rollback(s);
	s->in_tx = false;
	return rc;
}

void tt_store_rollback(struct tt_store *s) {
	if (!s->in_tx)
		return;
	if (!sqlite3_get_autocommit(s->db))
		db_tx(s, ST_ROLLBACK, NULL);
	s->in_tx = false;
	// numbers and sums in memory may be of what is gone
	s->boot.id = 0;
	sensors_free(s);
	(void)sensors_load(s, NULL);
	fold_forget(s);
	s->tail_unknown = true;
}

static int find_boot(struct tt_store *s, const struct tt_batch_head *h, struct tt_err *err) {
	sqlite3_stmt *st;
	int rc, state;

	if (s->boot.id != 0 && strcmp(s->boot.boot, h->boot) == 0 &&
		strcmp(s->boot.probe, h->probe) == 0)
		return 0;
	s->boot.id = 0;
	if ((state = file_of_boot(s, h->boot, err)) < 0)
		return state;
	if ((st = db_st(s, ST_BOOT_GET, err)) == NULL)
		return s->rc;
	db_bind(st, "tt", h->boot, h->probe);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		s->boot.id = sqlite3_column_int64(st, 0);
		s->boot.hidden = sqlite3_column_int(st, 1) != 0;
	}
	sqlite3_reset(st);
	if (rc == SQLITE_DONE) {
		if ((st = db_st(s, ST_BOOT_ADD, err)) == NULL)
			return s->rc;
		s->boot.hidden = state == 1;
		db_bind(st, "ttii", h->probe, h->boot, (int64_t)h->epoch_s,
			(int64_t)s->boot.hidden);
		if ((rc = db_run(s, st, err, "boot")) < 0)
			return rc;
		s->boot.id = sqlite3_last_insert_rowid(s->db);
	} else if (rc != SQLITE_ROW) {
		return db_fail(s, err, "boot");
	}
	memcpy(s->boot.probe, h->probe, sizeof(s->boot.probe));
	memcpy(s->boot.boot, h->boot, sizeof(s->boot.boot));
	return 0;
}

// 1: new, *id is its number; 0: there already.
static int add_batch(
	struct tt_store *s, const struct tt_batch_head *h, int64_t *id, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_BATCH_ADD, err);
	int64_t rows = h->obs_n;
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, "iiiiiitii", s->boot.id, (int64_t)h->seq, (int64_t)h->epoch_s, h->epoch_min,
		h->epoch_max, rows, "", (int64_t)(rows > 0), (int64_t)(rows == 0));
	if ((rc = db_run(s, st, err, "batch")) < 0)
		return rc;
	*id = sqlite3_last_insert_rowid(s->db);
	return sqlite3_changes(s->db) > 0;
}

static int add_raw(struct tt_store *s, int64_t id, const void *msg, size_t len, size_t derived,
	const char *rir, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_RAW_ADD, err);
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, "ibb", id, msg, (int)len, (const void *)s->packed.p, (int)derived);
	if ((rc = db_run(s, st, err, "batch")) < 0 || rir[0] == '\0')
		return rc;
	if ((st = db_st(s, ST_BATCH_RIR, err)) == NULL)
		return s->rc;
	db_bind(st, "ti", rir, id);
	return db_run(s, st, err, "batch");
}

static int add_tallies(struct tt_store *s, const struct tt_batch_view *v, struct tt_err *err) {
	sqlite3_stmt *st = v->head.tally_n == 0 ? NULL : db_st(s, ST_TALLY_ADD, err);
	int rc = 0;

	if (st == NULL)
		return v->head.tally_n == 0 ? 0 : s->rc;
	for (uint32_t i = 0; rc == 0 && i < v->head.tally_n; i++) {
		const struct tt_tally *t = &v->tallies[i];
		int k = 6;

		db_bind(st, "iitii", t->epoch, s->boot.id, v->uplinks[t->uplink],
			(int64_t)v->head.epoch_s, (int64_t)t->link_up);
		for (int f = 0; f < TT_FATE_N; f++) {
			sqlite3_bind_int64(st, k++, (int64_t)t->packets[f]);
			sqlite3_bind_int64(st, k++, (int64_t)t->bytes[f]);
		}
		sqlite3_bind_int64(st, k++, (int64_t)t->imissed);
		sqlite3_bind_int64(st, k++, (int64_t)t->ierrors);
		sqlite3_bind_int64(st, k++, (int64_t)t->rx_nombuf);
		sqlite3_bind_int64(st, k++, (int64_t)t->harvest_lost);
		sqlite3_bind_int64(st, k++, (int64_t)t->spool_lost);
		sqlite3_bind_int64(st, k++, (int64_t)t->late);
		sqlite3_bind_int64(st, k++, (int64_t)t->feed_fragments);
		rc = db_run(s, st, err, "tally");
	}
	return rc;
}

// The clock of the probe went from one time to another. `next`: the boot that began with it.
static int add_clock_step(struct tt_store *s, const json_t *doc, struct tt_err *err) {
	const char *from = json_string_value(json_object_get(doc, "from"));
	const char *to = json_string_value(json_object_get(doc, "to"));
	const char *next = json_string_value(json_object_get(doc, "boot"));
	sqlite3_stmt *st = db_st(s, ST_CLOCK_STEP, err);
	int64_t before, after;

	if (st == NULL)
		return s->rc;
	if (from == NULL || to == NULL || tt_time_parse(from, &before) < 0 ||
		tt_time_parse(to, &after) < 0)
		return tt_err_set(err, -EBADMSG,
			"document in a batch of %s: clock_step, expected \"from\" and \"to\" in "
			"RFC 3339",
			s->boot.probe);
	db_bind(st, "iii", s->boot.id, before, after);
	if (next != NULL && strcmp(next, s->boot.boot) != 0)
		sqlite3_bind_text(st, 4, next, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 4);
	return db_run(s, st, err, "clock");
}

static int act_on_meta(struct tt_store *s, const struct tt_batch_view *v, struct tt_err *err) {
	json_error_t e;
	json_t *doc;
	const char *type;
	int rc = 0;

	if (v->meta == NULL)
		return 0;
	doc = json_loadb(v->meta, v->head.meta_len, JSON_REJECT_DUPLICATES, &e);
	if (doc == NULL)
		return tt_err_set(err, -EBADMSG, "document in a batch of %s: %s, expected JSON",
			v->head.probe, e.text);
	type = json_string_value(json_object_get(doc, "type"));
	if (type != NULL && strcmp(type, "catalog") == 0)
		rc = sensors_describe(s, v->head.probe, s->boot.id, doc, err);
	else if (type != NULL && strcmp(type, "clock_step") == 0)
		rc = add_clock_step(s, doc, err);
	else if (type != NULL && strcmp(type, "file_end") == 0)
		rc = file_end(s, &v->head, doc, err);
	json_decref(doc);
	return rc;
}

static int put_parts(struct tt_store *s, const struct tt_batch_view *v, const void *msg, size_t len,
	struct tt_err *err) {
	struct derived d;
	uint16_t *map = NULL;
	char rir[TT_RIR_LEN] = "";
	size_t derived = 0;
	int64_t id = 0;
	int rc;

	if ((rc = find_boot(s, &v->head, err)) < 0 || (rc = add_batch(s, &v->head, &id, err)) <= 0)
		return rc;
	if ((rc = raw_sensor_map(s, v, true, &map, err)) < 0)
		return rc;
	if (v->head.obs_n > 0 && (rc = derive(s, v, &d, &derived, rir, err)) == 0)
		rc = add_raw(s, id, msg, len, derived, rir, err);
	if (rc == 0)
		rc = survey_note(s, id, v, err);
	if (rc == 0 && v->head.obs_n > 0)
		rc = as_names_add(s, d.asn, v->head.obs_n, err);
	if (rc == 0)
		rc = add_tallies(s, v, err);
	for (uint32_t i = 0; rc == 0 && i < v->head.state_n; i++)
		rc = uptime_put(s, s->boot.id, map[v->states[i].sensor], v->head.epoch_s,
			&v->states[i], err);
	if (rc == 0 && v->head.obs_n > 0)
		fold_put(s, id, v, &d, map);
	if (rc == 0)
		rc = act_on_meta(s, v, err);
	if (rc == 0 && s->boot.hidden)
		rc = file_try_complete(s, &v->head, err);
	free(map);
	return rc < 0 ? rc : 1;
}

int tt_store_put(struct tt_store *s, const void *msg, size_t len, struct tt_err *err) {
	struct tt_batch_view v;
	bool own = !s->in_tx;
	int rc, end;

	if ((rc = tt_batch_decode(s->decoder, msg, len, &v, err)) < 0 ||
		(own && (rc = tt_store_begin(s, err)) < 0))
		return rc;
	if (!own && (rc = db_exec(s, err, "SAVEPOINT put")) < 0)
		return rc;
	TT_CRASH_POINT("store.put.before");
	rc = put_parts(s, &v, msg, len, err);
	TT_CRASH_POINT("store.put.after");
	if (rc >= 0) {
		end = own ? tt_store_commit(s, err) : db_exec(s, err, "RELEASE put");
		return end < 0 ? end : rc;
	}
	// one bad batch must not take the others of its transaction with it
	if (own || sqlite3_get_autocommit(s->db)) {
		tt_store_rollback(s);
	} else {
		sqlite3_exec(s->db, "ROLLBACK TO put; RELEASE put", NULL, NULL, NULL);
		s->boot.id = 0;
		sensors_free(s);
		(void)sensors_load(s, NULL);
		fold_forget(s);
		s->tail_unknown = true;
	}
	return rc;
}
