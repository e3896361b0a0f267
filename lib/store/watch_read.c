/* SPDX-License-Identifier: BSD-3-Clause */
// Rows of watch_day, and batches that are not counted yet, into the days and parts of an answer.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch_read.h"

static int part_at(struct reader *r, unsigned by, uint64_t id, const char *key, struct part **out) {
	uint64_t *v = map_at(&r->at, (uint64_t)by << 40 | id);

	if (v == NULL)
		return -ENOMEM;
	if (*v == 0) {
		struct part *p;

		if (big_grow((void **)&r->parts, &r->cap, r->n + 1, sizeof(*r->parts)) < 0)
			return -ENOMEM;
		p = &r->parts[r->n];
		p->p.by = (enum tt_watch_by)by;
		p->p.completeness = -1;
		snprintf(p->p.key, sizeof(p->p.key), "%s", key);
		if ((p->days = calloc(r->up.step_n + 1, sizeof(*p->days))) == NULL)
			return -ENOMEM;
		*v = ++r->n;
	}
	*out = &r->parts[*v - 1];
	return 0;
}

static int cell_add(struct cell *c, const struct watch_row *row) {
	c->packets += row->packets;
	c->bytes += row->bytes;
	if (row->sketch == NULL && row->hash == 0)
		return 0;
	if (c->sketch == NULL && (c->sketch = tt_sketch_create()) == NULL)
		return -ENOMEM;
	return row->sketch != NULL ? tt_sketch_merge(c->sketch, row->sketch)
				   : tt_sketch_add(c->sketch, row->hash);
}

static int add(struct part *p, unsigned day, const struct watch_row *row) {
	int rc = cell_add(&p->all, row);

	return rc < 0 ? rc : cell_add(&p->days[day], row);
}

static int sensor_of_network(const struct reader *r, unsigned sensor) {
	for (unsigned i = 1; i < sensor; i++)
		if (r->conf[i] != NULL &&
			strcmp(r->conf[i]->network, r->conf[sensor]->network) == 0)
			return (int)i;
	return (int)sensor;
}

static int sensor_of_country(const struct reader *r, unsigned sensor) {
	for (unsigned i = 1; i < sensor; i++)
		if (r->conf[i] != NULL &&
			strcmp(r->conf[i]->country, r->conf[sensor]->country) == 0)
			return (int)i;
	return (int)sensor;
}

static uint64_t group_id(const struct reader *r, unsigned sensor, const char *group) {
	for (unsigned i = 1; i <= sensor; i++)
		for (unsigned g = 0; r->conf[i] != NULL && g < r->conf[i]->group_n; g++)
			if (strcmp(r->conf[i]->groups[g], group) == 0)
				return (uint64_t)i << 16 | g;
	return 0;
}

typedef int part_fn(struct reader *r, struct part *p, const void *arg);

// Calls fn for each part that a sensor belongs to.
static int each_of_sensor(struct reader *r, unsigned sensor, part_fn *fn, const void *arg) {
	const struct tt_sensor_conf *c = r->conf[sensor];
	struct part *p;
	int rc = 0;

	if (r->bys >> TT_WATCH_BY_SENSOR & 1 &&
		(rc = part_at(r, TT_WATCH_BY_SENSOR, sensor, r->s->sensors[sensor], &p)) == 0)
		rc = fn(r, p, arg);
	if (rc == 0 && c != NULL && c->network[0] != '\0' && r->bys >> TT_WATCH_BY_NETWORK & 1 &&
		(rc = part_at(r, TT_WATCH_BY_NETWORK, (uint64_t)sensor_of_network(r, sensor),
			 c->network, &p)) == 0)
		rc = fn(r, p, arg);
	if (rc == 0 && c != NULL && c->country[0] != '\0' && r->bys >> TT_WATCH_BY_COUNTRY & 1 &&
		(rc = part_at(r, TT_WATCH_BY_COUNTRY, (uint64_t)sensor_of_country(r, sensor),
			 c->country, &p)) == 0)
		rc = fn(r, p, arg);
	for (unsigned g = 0;
		rc == 0 && c != NULL && r->bys >> TT_WATCH_BY_GROUP & 1 && g < c->group_n; g++)
		if ((rc = part_at(r, TT_WATCH_BY_GROUP, group_id(r, sensor, c->groups[g]),
			     c->groups[g], &p)) == 0)
			rc = fn(r, p, arg);
	return rc;
}

static int describe_part(struct reader *r, struct part *p, const void *arg) {
	const struct tt_up_sensor *u = arg;
	const struct tt_up_account *days = r->up.sensor_steps + (u - r->up.sensors) * r->up.step_n;

	if (p->up == NULL && (p->up = calloc(r->up.step_n + 1, sizeof(*p->up))) == NULL)
		return -ENOMEM;
	for (unsigned d = 0; d < r->up.step_n; d++)
		tt_up_add(&p->up[d], &days[d]);
	p->p.sensor_n++;
	p->p.addresses += u->addresses;
	p->p.address_days += u->addresses * u->up_days;
	// the least known sensor is what a part can be relied upon
	if (p->p.sensor_n == 1 || u->completeness < p->p.completeness)
		p->p.completeness = u->completeness;
	return 0;
}

// Sensors that saw nothing are parts too, in their time.
static int describe_sensors(struct reader *r) {
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < r->up.sensor_n; i++) {
		int id = sensor_number(r->s, r->up.sensors[i].id, false, r->err);

		if (id > 0 && (r->up.sensors[i].in_time || r->up.sensors[i].up_days > 0))
			rc = each_of_sensor(r, (unsigned)id, describe_part, &r->up.sensors[i]);
	}
	return rc;
}

struct addition {
	unsigned day;
	const struct watch_row *row;
};

static int add_to_part(struct reader *r, struct part *p, const void *arg) {
	const struct addition *a = arg;

	(void)r;
	return add(p, a->day, a->row);
}

static void dim_key(enum watch_dim dim, uint32_t v, char key[64]) {
	char proto[8];

	switch (dim) {
	case DIM_REGION:
		snprintf(key, 64, "%c%c", (char)(v & 0xff), (char)(v >> 8));
		break;
	case DIM_PORT:
		tt_proto_format((uint8_t)(v >> 16), proto);
		if (tt_proto_is_icmp((uint8_t)(v >> 16)))
			snprintf(key, 64, "%s/%u/%u", proto, v >> 8 & 0xff, v & 0xff);
		else
			snprintf(key, 64, "%s/%u", proto, v & 0xffff);
		break;
	case DIM_ASN:
		snprintf(key, 64, v != 0 ? "AS%u" : "--", v);
		break;
	case DIM_TOOL:
		snprintf(key, 64, "%s", tt_tool_name((enum tt_tool)v));
		break;
	default:
		snprintf(key, 64, "%s", tt_trait_name(v));
	}
}

static int take_row(struct reader *r, const struct watch_row *row) {
	static const int bys[] = {[DIM_SENSOR] = -1,
		[DIM_PLAIN] = -1,
		[DIM_REGION] = TT_WATCH_BY_REGION,
		[DIM_PORT] = TT_WATCH_BY_PORT,
		[DIM_ASN] = TT_WATCH_BY_ASN,
		[DIM_TOOL] = TT_WATCH_BY_TOOL,
		[DIM_TRAIT] = TT_WATCH_BY_TRAIT};
	int64_t start = r->c.days[WATCH_SLOT(row->key)];
	enum watch_dim dim = WATCH_DIM(row->key);
	uint32_t v = WATCH_VAL(row->key);
	struct addition a = {0, row};
	struct part *p;
	char key[64];
	int rc;

	while (a.day < r->up.step_n && r->up.starts[a.day] != start)
		a.day++;
	if (a.day == r->up.step_n)
		return 0;
	if (dim == DIM_PLAIN)
		return add(&r->parts[PART_PLAIN], a.day, row);
	if (dim == DIM_SENSOR) {
		r->lower_bound |= row->spilled > 0;
		if ((rc = add(&r->parts[PART_WHOLE], a.day, row)) < 0 || v > r->s->sensor_n)
			return rc;
		return each_of_sensor(r, v, add_to_part, &a);
	}
	if (!(r->bys >> bys[dim] & 1))
		return 0;
	dim_key(dim, v, key);
	rc = part_at(r, (unsigned)bys[dim], v, key, &p);
	return rc < 0 ? rc : add(p, a.day, row);
}

static int load_rows(struct reader *r, int64_t from, int64_t to) {
	sqlite3_stmt *st = db_prepare(r->s, r->err,
		"SELECT start, dim, key, packets, bytes, spilled, sources FROM watch_day WHERE "
		"watch = ? AND start >= ? AND start < ?");
	int step = SQLITE_ROW, rc = 0;

	if (st == NULL)
		return r->s->rc;
	db_bind(st, "iii", r->w.w[0].id, from, to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t start = sqlite3_column_int64(st, 0), slot;
		struct watch_row *row;

		if (survey_is_open(&r->survey, start))
			continue;
		slot = watch_day(&r->c, r->s->tz, start);
		row = slot < 0 ? NULL
			       : watch_row(&r->c, WATCH_KEY(0, slot, sqlite3_column_int(st, 1),
							  sqlite3_column_int64(st, 2)));
		if (row == NULL) {
			rc = -ENOMEM;
			break;
		}
		row->packets += (uint64_t)sqlite3_column_int64(st, 3);
		row->bytes += (uint64_t)sqlite3_column_int64(st, 4);
		row->spilled += (uint64_t)sqlite3_column_int64(st, 5);
		if (sqlite3_column_type(st, 6) != SQLITE_NULL)
			rc = watch_row_sketch(&r->c, row, sqlite3_column_blob(st, 6),
				(size_t)sqlite3_column_bytes(st, 6));
	}
	if (rc < 0)
		tt_err_set(r->err, rc, "%s: counts of a watch cannot be read", r->s->path);
	else if (step != SQLITE_DONE)
		rc = db_fail(r->s, r->err, "watches");
	sqlite3_finalize(st);
	return rc;
}

// Batches that are not counted yet, less those of days that were counted from raw.
static int load_tail(struct reader *r, int64_t from, int64_t to) {
	const struct survey *v = &r->survey;
	struct survey settled = {0};
	int rc = 0;

	if (!r->w.w[0].active)
		return 0;
	if (r->w.surveyors)
		rc = survey_read_settled(r->s, from, to, &settled, r->err);
	for (int64_t t = from, end; rc == 0 && t < to; t = end) {
		bool open = survey_is_open(v, t);

		for (end = t; end < to && survey_is_open(v, end) == open;)
			end = v->open_n == 0 ? to : local_next(r->s->tz, TT_STEP_DAY, end);
		if (!open)
			rc = watch_count_raw(
				&r->c, r->s, &r->w, RAW_UNWATCHED, t, end, &settled, r->err);
	}
	survey_free(&settled);
	return rc;
}

// When the watch's sensors were up, by local day.
static int load_up(struct reader *r, int64_t from, int64_t to) {
	const char **ids = calloc(r->s->sensor_n + 1, sizeof(*ids));
	struct tt_query q = TT_QUERY_INIT;
	int rc = 0;

	if (ids == NULL)
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	q.by = TT_BY_SENSOR;
	q.step = TT_STEP_DAY;
	q.from = from;
	q.to = to;
	for (uint32_t i = 1; i <= r->w.sensor_n; i++)
		if (r->w.w[0].sensors[i])
			ids[q.sensor_n++] = r->s->sensors[i];
	if (q.sensor_n == 0)
		ids[q.sensor_n++] = ""; // none, not all
	q.sensors = ids;
	rc = tt_store_up(r->s, &q, &r->up, r->err);
	free(ids);
	return rc;
}

static int load_conf(struct reader *r) {
	r->catalog = tt_store_catalog(r->s, r->err);
	if (r->catalog == NULL)
		return -errno;
	if ((r->conf = calloc(r->s->sensor_n + 1, sizeof(*r->conf))) == NULL)
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	for (unsigned i = 0; i < r->catalog->sensor_n; i++) {
		int id = sensor_number(r->s, r->catalog->sensors[i].id, false, r->err);

		if (id > 0)
			r->conf[id] = &r->catalog->sensors[i];
	}
	return 0;
}

static int read_counts(
	struct reader *r, const char *name, int64_t from, int64_t to, struct tt_watch_counts *out) {
	struct tt_store_info info;
	struct part *p;
	int rc;

	if ((rc = watches_load(r->s, name, &r->w, r->err)) < 0 ||
		(rc = tt_store_info(r->s, &info, r->err)) < 0 || (rc = load_conf(r)) < 0)
		return rc;
	from = local_start(r->s->tz, TT_STEP_DAY, from != 0 ? from : info.data_from);
	to = to != 0 ? to : info.data_to;
	if (local_start(r->s->tz, TT_STEP_DAY, to) != to)
		to = local_next(r->s->tz, TT_STEP_DAY, local_start(r->s->tz, TT_STEP_DAY, to));
	if ((rc = load_up(r, from, to > from ? to : from)) < 0)
		return rc;
	if ((rc = part_at(r, TT_WATCH_BY_N, PART_WHOLE, "", &p)) < 0 ||
		(rc = part_at(r, TT_WATCH_BY_N, PART_PLAIN, "", &p)) < 0 ||
		(rc = describe_sensors(r)) < 0)
		return tt_err_set(r->err, rc, "%s: no memory", r->s->path);
	if ((rc = watch_count_open(&r->c, r->s, &r->w, from, to, &r->survey, r->err)) < 0 ||
		(rc = load_rows(r, from, to)) < 0 || (rc = load_tail(r, from, to)) < 0)
		return rc;
	for (size_t i = 0; i < r->c.n; i++)
		if ((rc = take_row(r, &r->c.rows[i])) < 0)
			return tt_err_set(r->err, rc, "%s: no memory", r->s->path);
	return watch_answer(r, out);
}

static void close_reader(struct reader *r) {
	for (size_t i = 0; i < r->n; i++) {
		for (unsigned d = 0; d < r->up.step_n; d++)
			tt_sketch_destroy(&r->parts[i].days[d].sketch);
		tt_sketch_destroy(&r->parts[i].all.sketch);
		free(r->parts[i].days);
		free(r->parts[i].up);
	}
	big_free(r->parts, r->cap * sizeof(*r->parts));
	map_free(&r->at);
	watch_count_free(&r->c);
	watches_free(&r->w);
	survey_free(&r->survey);
	tt_up_free(&r->up);
	free(r->conf);
}

int tt_store_watch_read(struct tt_store *s, const char *name, int64_t from, int64_t to,
	unsigned bys, struct tt_watch_counts *out, struct tt_err *err) {
	struct reader r = {.s = s, .err = err, .bys = bys};
	bool tx = sqlite3_get_autocommit(s->db);
	int rc = tx ? db_tx(s, ST_BEGIN_READ, err) : 0;

	*out = (struct tt_watch_counts){0};
	if (rc == 0)
		rc = read_counts(&r, name, from, to, out);
	if (tx && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_COMMIT, NULL);
	close_reader(&r);
	return rc;
}

void tt_watch_counts_free(struct tt_watch_counts *c) {
	free(c->days);
	free(c->parts);
	*c = (struct tt_watch_counts){0};
}
