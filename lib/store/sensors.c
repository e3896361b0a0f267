/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

static uint32_t name_home(const struct tt_store *s, const char *name) {
	uint64_t h = 0;

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ull;
	return (uint32_t)(tt_mix64(h) & (s->sensor_size - 1));
}

// The slot of a name: its own, or the free one where it belongs.
static uint32_t *name_slot(struct tt_store *s, const char *name) {
	uint32_t i = name_home(s, name);

	while (s->sensor_slots[i] != 0 && strcmp(s->sensors[s->sensor_slots[i]], name) != 0)
		i = (i + 1) & (s->sensor_size - 1);
	return &s->sensor_slots[i];
}

// Numbers are given by this store, from 1 without holes.
static int remember(struct tt_store *s, int64_t id, const char *name) {
	uint32_t size = s->sensor_size == 0 ? 64 : s->sensor_size;

	if (id != s->sensor_n + 1 || id > SENSOR_ID_MAX || strlen(name) >= TT_ID_LEN)
		return -EINVAL;
	while ((uint64_t)id * 2 >= size)
		size *= 2;
	if (size != s->sensor_size || s->sensors == NULL) {
		void *names = realloc(s->sensors, (size / 2 + 1) * TT_ID_LEN);
		uint32_t *slots = calloc(size, sizeof(*slots));

		if (names != NULL)
			s->sensors = names;
		if (names == NULL || slots == NULL) {
			free(slots);
			return -ENOMEM;
		}
		free(s->sensor_slots);
		s->sensor_slots = slots;
		s->sensor_size = size;
		for (uint32_t i = 1; i <= s->sensor_n; i++)
			*name_slot(s, s->sensors[i]) = i;
	}
	s->sensor_n = (uint32_t)id;
	snprintf(s->sensors[id], TT_ID_LEN, "%s", name);
	*name_slot(s, name) = (uint32_t)id;
	return 0;
}

int sensors_load(struct tt_store *s, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_SENSORS, err);
	int rc, step;

	if (st == NULL)
		return s->rc;
	db_bind(st, "i", (int64_t)s->sensor_n);
	for (rc = 0; rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW;) {
		rc = remember(
			s, sqlite3_column_int64(st, 0), (const char *)sqlite3_column_text(st, 1));
		if (rc < 0)
			tt_err_set(err, rc, "%s: table sensor: row %u is not as expected", s->path,
				s->sensor_n + 1);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "sensors");
	sqlite3_reset(st);
	return rc;
}

int sensor_number(struct tt_store *s, const char *name, bool create, struct tt_err *err) {
	sqlite3_stmt *st;
	int64_t id = s->sensor_n + 1;
	int rc;

	if (s->sensor_size != 0 && *name_slot(s, name) != 0)
		return (int)*name_slot(s, name);
	if (!create)
		return 0;
	if (id > SENSOR_ID_MAX)
		return tt_err_set(err, -ENOSPC, "%s: sensor %s: expected at most %d in all",
			s->path, name, SENSOR_ID_MAX);
	if ((st = db_st(s, ST_SENSOR_ADD, err)) == NULL)
		return s->rc;
	db_bind(st, "it", id, name);
	if ((rc = db_run(s, st, err, "sensor")) < 0)
		return rc;
	if ((rc = remember(s, id, name)) < 0)
		return tt_err_set(err, rc, "%s: sensor %s: no memory", s->path, name);
	return (int)id;
}

void sensors_free(struct tt_store *s) {
	free(s->sensors);
	free(s->sensor_slots);
	tt_catalog_destroy(&s->catalog);
	s->sensors = NULL;
	s->sensor_slots = NULL;
	s->sensor_n = s->sensor_size = 0;
}

// What rules match is not kept: addresses of sensors are secret, and nothing here needs them.
static char *description(const json_t *sensor, double addresses) {
	json_t *copy = json_copy((json_t *)sensor);
	char *text;

	json_object_del(copy, "match");
	json_object_set_new(copy, "addresses", json_real(addresses));
	text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(copy);
	return text;
}

static int describe_one(struct tt_store *s, const struct tt_catalog *c, unsigned i, json_t *ids,
	struct tt_err *err) {
	int id = sensor_number(s, c->sensors[i].id, true, err), rc;
	sqlite3_stmt *st = db_st(s, ST_SENSOR_DESCRIBE, err);
	char *text;

	if (id < 0 || st == NULL)
		return id < 0 ? id : s->rc;
	text = description(
		json_array_get(json_object_get(c->json, "sensors"), i), c->sensors[i].addresses);
	if (text == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	db_bind(st, "ti", text, (int64_t)id);
	rc = db_run(s, st, err, "sensor");
	free(text);
	json_array_append_new(ids, json_integer(id));
	return rc;
}

// An empty list of sensors means all of this catalogue, and has to say so beside others.
static int put_maintenance(
	struct tt_store *s, const char *probe, const struct tt_catalog *c, struct tt_err *err) {
	json_t *list = json_deep_copy(json_object_get(c->json, "maintenance")), *m, *all;
	sqlite3_stmt *st = db_st(s, ST_MAINTENANCE_SET, err);
	size_t i;
	char *text;
	int rc;

	if (list == NULL)
		list = json_array();
	json_array_foreach(list, i, m) {
		if (json_array_size(json_object_get(m, "sensors")) > 0)
			continue;
		all = json_array();
		for (unsigned j = 0; j < c->sensor_n; j++)
			json_array_append_new(all, json_string(c->sensors[j].id));
		json_object_set_new(m, "sensors", all);
	}
	text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(list);
	if (text == NULL || st == NULL) {
		free(text);
		return st == NULL ? s->rc : tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	}
	db_bind(st, "tt", probe, text);
	rc = db_run(s, st, err, "maintenance");
	free(text);
	return rc;
}

int sensors_describe(
	struct tt_store *s, const char *probe, int64_t boot, json_t *doc, struct tt_err *err) {
	char *text = json_dumps(json_object_get(doc, "sensors"), JSON_COMPACT | JSON_ENCODE_ANY);
	struct tt_catalog *c = NULL;
	sqlite3_stmt *st;
	json_t *ids;
	int rc = 0;

	if (text != NULL)
		c = tt_catalog_loads(text, strlen(text), "catalogue in a batch", err);
	free(text);
	if (c == NULL)
		return text == NULL ? tt_err_set(err, -EBADMSG, "catalogue without sensors")
				    : -EBADMSG;
	ids = json_array();
	for (unsigned i = 0; rc == 0 && i < c->sensor_n; i++)
		rc = describe_one(s, c, i, ids, err);
	if (rc == 0)
		rc = put_maintenance(s, probe, c, err);
	text = json_dumps(ids, JSON_COMPACT);
	json_decref(ids);
	if (rc == 0 && text == NULL)
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	if (rc == 0 && (st = db_st(s, ST_BOOT_SENSORS, err)) != NULL) {
		db_bind(st, "ti", text, boot);
		rc = db_run(s, st, err, "boot");
	}
	free(text);
	tt_catalog_destroy(&c);
	tt_catalog_destroy(&s->catalog);
	return rc;
}

// All descriptions as one file. Rules that no packet could tell apart are refused in a file, so
// each gets one of its own in place of what was not kept.
static int union_json(
	struct tt_store *s, json_t *sensors, json_t *maintenance, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(
		s, err, "SELECT description FROM sensor WHERE description IS NOT NULL ORDER BY id");
	int step, n = 0;
	json_t *j;

	if (st == NULL)
		return s->rc;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		char uplink[16];

		j = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
		snprintf(uplink, sizeof(uplink), "s%d", n++);
		json_object_set_new(j, "match", json_pack("{s:s}", "uplink", uplink));
		json_array_append_new(sensors, j);
	}
	sqlite3_finalize(st);
	if (step != SQLITE_DONE)
		return db_fail(s, err, "sensors");
	if ((st = db_prepare(s, err, "SELECT spans FROM maintenance ORDER BY probe")) == NULL)
		return s->rc;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		j = json_loads((const char *)sqlite3_column_text(st, 0), 0, NULL);
		json_array_extend(maintenance, j);
		json_decref(j);
	}
	sqlite3_finalize(st);
	return step == SQLITE_DONE ? 0 : db_fail(s, err, "maintenance");
}

const struct tt_catalog *tt_store_catalog(struct tt_store *s, struct tt_err *err) {
	json_t *root = NULL, *sensors = json_array(), *maintenance = json_array();
	int64_t version;
	char *text = NULL;
	int rc = db_int(s, err, "PRAGMA data_version", 0, &version);

	if (rc == 0 && s->catalog != NULL && version == s->catalog_version)
		goto out;
	tt_catalog_destroy(&s->catalog);
	if (rc == 0)
		rc = union_json(s, sensors, maintenance, err);
	if (rc == 0 && json_array_size(sensors) == 0) {
		s->catalog = calloc(1, sizeof(*s->catalog));
	} else if (rc == 0) {
		root = json_pack("{s:s, s:i, s:O, s:O}", "kind", "sensors", "v", 1, "sensors",
			sensors, "maintenance", maintenance);
		text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
		if (text != NULL)
			s->catalog = tt_catalog_loads(text, strlen(text), s->path, err);
	}
	s->catalog_version = version;
	if (s->catalog == NULL && rc == 0)
		rc = -errno;
out:
	free(text);
	json_decref(root);
	json_decref(sensors);
	json_decref(maintenance);
	errno = -rc;
	return rc < 0 ? NULL : s->catalog;
}
