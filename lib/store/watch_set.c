/* SPDX-License-Identifier: BSD-3-Clause */
// Putting a watches.json in force.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

// Whether two objects ask the same: what they are called and how they are shown may differ.
static bool same_conditions(const json_t *a, const json_t *b) {
	static const char *const keys[] = {
		"where", "sensors", "groups", "surveyors", "plain_source_port", "keep_sources"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
			return false;
	return true;
}

// What the database had of that name: 1 with its conditions the same, 0 with others, -ENOENT.
static int compare(struct tt_store *s, const char *name, const json_t *json, const char *country,
	struct tt_err *err) {
	sqlite3_stmt *st =
		db_prepare(s, err, "SELECT definition, country FROM watch WHERE name = ?");
	json_t *old;
	int rc, step;

	if (st == NULL)
		return s->rc;
	db_bind(st, "t", name);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		old = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
		rc = old != NULL && same_conditions(old, json) &&
		     (country[0] == '\0' ||
			     strcmp((const char *)sqlite3_column_text(st, 1), country) == 0);
		json_decref(old);
	} else {
		rc = step == SQLITE_DONE ? -ENOENT : db_fail(s, err, "watches");
	}
	sqlite3_finalize(st);
	return rc;
}

static int forget_counts(struct tt_store *s, const char *name, struct tt_err *err) {
	static const char *const texts[] = {
		"DELETE FROM watch_day WHERE abs(watch) = (SELECT id FROM watch WHERE name = ?)",
		"DELETE FROM watch_source WHERE abs(watch) = (SELECT id FROM watch WHERE name = "
		"?)"};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < 2; i++) {
		sqlite3_stmt *st = db_prepare(s, err, texts[i]);

		if (st == NULL)
			return s->rc;
		db_bind(st, "t", name);
		rc = db_run(s, st, err, "watches");
		sqlite3_finalize(st);
	}
	return rc;
}

static int run(struct tt_store *s, struct tt_err *err, const char *sql, const char *types,
	const char *name, const char *text, const char *country, int64_t place,
	const struct tt_store_info *info) {
	sqlite3_stmt *st = db_prepare(s, err, sql);
	int rc;

	if (st == NULL)
		return s->rc;
	if (info != NULL)
		db_bind(st, types, name, text, country, place, info->data_from, info->data_to);
	else
		db_bind(st, types, name, text, place);
	rc = db_run(s, st, err, "watches");
	sqlite3_finalize(st);
	return rc;
}

static int put_one(struct tt_store *s, json_t *json, int64_t place, const char *country,
	const struct tt_store_info *info, struct tt_err *err) {
	const char *name = json_string_value(json_object_get(json, "name"));
	int same = compare(s, name, json, country, err), rc = 0;
	char *text;

	if (same < 0 && same != -ENOENT)
		return same;
	if ((text = json_dumps(json, JSON_COMPACT)) == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	if (same == 1)
		rc = run(s, err,
			"UPDATE watch SET definition = ?2, place = ?3, active = 1 WHERE name = ?1",
			"tti", name, text, NULL, place, NULL);
	else if (same == -ENOENT || (rc = forget_counts(s, name, err)) == 0)
		// what is there already was not counted by it
		rc = run(s, err,
			"INSERT INTO watch(name, definition, country, place, gap_from, gap_to, "
			"active) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1) ON CONFLICT(name) DO UPDATE SET "
			"definition = ?2, country = ?3, place = ?4, gap_from = ?5, gap_to = ?6, "
			"active = 1",
			"tttiii", name, text, country, place, info);
	free(text);
	return rc;
}

static int put_all(struct tt_store *s, const json_t *root, struct tt_err *err) {
	const char *country = json_string_value(json_object_get(root, "country"));
	struct tt_store_info info;
	json_t *v;
	size_t i;
	int rc = tt_store_info(s, &info, err);

	if (rc == 0)
		rc = db_exec(s, err, "UPDATE watch SET active = 0");
	// from here on the new ones count what comes
	if (rc == 0)
		rc = db_exec(s, err,
			"UPDATE batch SET watched = 1 WHERE watched = 0 AND boot IN (SELECT id "
			"FROM "
			"boot WHERE NOT hidden)");
	json_array_foreach(json_object_get(root, "watches"), i, v) if (rc == 0) rc =
		put_one(s, v, (int64_t)i, country == NULL ? "" : country, &info, err);
	return rc;
}

int tt_store_watches_set(struct tt_store *s, const json_t *root, struct tt_err *err) {
	int rc;

	// those in force count what there is, before others do
	if ((rc = tt_store_watches_fold(s, err)) < 0 || (rc = db_tx(s, ST_BEGIN, err)) < 0)
		return rc;
	if ((rc = put_all(s, root, err)) == 0)
		rc = db_tx(s, ST_COMMIT, err);
	if (rc < 0 && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_ROLLBACK, NULL);
	return rc;
}
