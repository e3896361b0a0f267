/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static bool given(const char *text) {
	return text != NULL && text[0] != '\0';
}

static bool in_group(const struct tt_sensor_conf *c, const char *group) {
	for (unsigned i = 0; i < c->group_n; i++)
		if (strcmp(c->groups[i], group) == 0)
			return true;
	return false;
}

static bool country_passes(const char *want, const struct tt_sensor_conf *c) {
	if (!given(want))
		return true;
	if (c == NULL || c->country[0] == '\0')
		return false;
	return want[0] == '!' ? strcmp(c->country, want + 1) != 0 : strcmp(c->country, want) == 0;
}

static bool among(const struct tt_query *q, const char *name) {
	for (unsigned i = 0; i < q->sensor_n; i++)
		if (strcmp(q->sensors[i], name) == 0)
			return true;
	return q->sensor_n == 0;
}

// Sensors that the sensor-side filters let through; those that nobody described have no country,
// network or group.
static int match_sensors(struct query *r) {
	const struct tt_query *q = r->q;
	const struct tt_catalog *catalog = tt_store_catalog(r->s, r->err);
	int rc;

	if (catalog == NULL)
		return -errno;
	if ((rc = sensors_load(r->s, r->err)) < 0)
		return rc;
	r->sensor_n = r->s->sensor_n;
	r->sensor_filter = given(q->sensor) || given(q->group) || given(q->network) ||
			   given(q->country) || q->sensor_n > 0;
	r->match = calloc(r->sensor_n + 1, sizeof(*r->match));
	r->conf = calloc(r->sensor_n + 1, sizeof(*r->conf));
	if (r->match == NULL || r->conf == NULL)
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	for (unsigned i = 0; i < catalog->sensor_n; i++) {
		int id = sensor_number(r->s, catalog->sensors[i].id, false, r->err);

		if (id > 0)
			r->conf[id] = &catalog->sensors[i];
	}
	for (uint32_t i = 1; i <= r->sensor_n; i++) {
		const struct tt_sensor_conf *c = r->conf[i];

		r->match[i] = (!given(q->sensor) || strcmp(q->sensor, r->s->sensors[i]) == 0) &&
			      (!given(q->group) || (c != NULL && in_group(c, q->group))) &&
			      (!given(q->network) ||
				      (c != NULL && strcmp(c->network, q->network) == 0)) &&
			      country_passes(q->country, c) && among(q, r->s->sensors[i]);
	}
	return 0;
}

static void prepare_filters(struct query *r) {
	const struct tt_query *q = r->q;
	struct tt_addr first, last;

	r->region_filter = given(q->region);
	for (const char *p = q->region; given(p); p += p[2] == ',' ? 3 : strlen(p)) {
		unsigned region = (unsigned)((uint8_t)p[0] | (uint8_t)p[1] << 8);

		r->regions[region / 64] |= 1ull << (region % 64);
	}
	if (q->has_source) {
		tt_prefix_range(&q->source, &first, &last);
		memcpy(r->first, first.b, 16);
		memcpy(r->last, last.b, 16);
	}
	r->source_filter = r->region_filter || q->has_source || q->asn != 0 || q->tool >= 0 ||
			   q->family != 0 || q->surveyors != TT_SURVEYORS_WITH;
	r->agg.by_source = q->by == TT_BY_SOURCE;
	r->agg.secret = r->s->secret;
	r->agg.v6 = &r->v6;
}

static int make_steps(struct query *r) {
	struct tt_tz *tz = r->s->tz;
	int64_t t;

	if (r->q->step == TT_STEP_NONE || r->from >= r->to)
		return 0;
	r->agg.stepped = true;
	for (t = local_start(tz, r->q->step, r->from);; t = local_next(tz, r->q->step, t)) {
		if (r->step_n == STEPS_MAX)
			return tt_err_set(r->err, -E2BIG,
				"series: more than %u steps, expected a longer step or a shorter "
				"span",
				STEPS_MAX);
		if (big_grow((void **)&r->steps, &r->step_cap, r->step_n + 1u, sizeof(*r->steps)) <
			0)
			return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
		r->steps[r->step_n] = t;
		if (t >= r->to)
			return 0; // the end of the last step, not one of them
		r->step_n++;
	}
}

static int open_span(struct query *r, const struct tt_store_info *info) {
	r->from = r->q->from != 0 ? r->q->from : info->data_from;
	r->to = r->q->to != 0 ? r->q->to : info->data_to;
	if (r->to < r->from)
		r->to = r->from;
	return 0;
}

// Observations in the span that only rollups still know, and those that raw batches hold.
static int count_rows(struct query *r, int64_t *gone, int64_t *there) {
	sqlite3_stmt *st = db_prepare(r->s, r->err,
		"SELECT sum(b.rows * (b.raw = 0)), sum(b.rows * b.raw) FROM batch AS b JOIN boot "
		"ON "
		"boot.id = b.boot WHERE b.rows > 0 AND NOT boot.hidden AND b.epoch_max >= ?1 AND "
		"b.epoch_min < ?2");
	int rc;

	if (st == NULL)
		return r->s->rc;
	db_bind(st, "ii", r->from, r->to);
	rc = sqlite3_step(st) == SQLITE_ROW ? 0 : db_fail(r->s, r->err, "count batches");
	*gone = sqlite3_column_int64(st, 0);
	*there = sqlite3_column_int64(st, 1);
	sqlite3_finalize(st);
	return rc;
}

static int no_data(struct query *r, const struct tt_store_info *info, bool covered) {
	char a[TT_RFC3339_LEN], b[TT_RFC3339_LEN], c[TT_RFC3339_LEN], d[TT_RFC3339_LEN];

	return tt_err_set(r->err, -ENODATA,
		"%s: raw observations are kept from %s to %s, and %s from %s to %s; expected %s",
		r->s->path, tt_time_format(info->raw_from, a), tt_time_format(info->raw_to, b),
		covered ? "rollups of whole local hours"
			: "rollups (by port, region, sensor, class and tool, without these "
			  "filters)",
		tt_time_format(info->data_from, c), tt_time_format(info->data_to, d),
		covered ? "a span of whole hours" : "a span within raw or other filters");
}

// Who is a surveyor by behaviour, where that is asked.
static int read_survey(struct query *r, bool raw) {
	if (r->q->surveyors == TT_SURVEYORS_WITH)
		return 0;
	return raw ? survey_read(r->s, r->from, r->to, &r->survey, r->err)
		   : survey_read_open(r->s, r->from, r->to, &r->survey, r->err);
}

static int64_t later(int64_t a, int64_t b) {
	return a > b ? a : b;
}

// Rollups, what is not folded yet, and days of which raw batches alone know who was a surveyor.
int query_rollups(struct query *r, unsigned kind, unsigned level) {
	const struct survey *v = &r->survey;
	int rc;

	r->from_rollups = r->agg.sketched = true;
	r->agg.unrated = r->q->light && r->q->unrated;
	if ((rc = read_survey(r, false)) < 0 || (rc = rollup_read(r, kind, level)) < 0 ||
		(rc = tt_store_rir(r->s, r->from, r->to, r->rir, r->err)) < 0 ||
		(rc = gather_raw(r, RAW_TAIL, r->from, r->to)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < v->open_n; i++)
		rc = gather_raw(r, RAW_ALL, later(v->open[i].from, r->from),
			v->open[i].to < r->to ? v->open[i].to : r->to);
	return rc;
}

static int read_all(struct query *r, const struct tt_store_info *info) {
	uint64_t limit = r->q->raw_rows_max != 0 ? r->q->raw_rows_max : RAW_ROWS_MAX;
	unsigned kind = 0, level = 0;
	bool covered = rollup_covers(r, &kind), serves = covered && rollup_aligned(r, &level);
	int64_t gone = 0, there = 0;
	int rc = count_rows(r, &gone, &there);

	if (rc < 0)
		return rc;
	if (r->q->read == TT_READ_RAW || r->q->read == TT_READ_AUTO) {
		bool want = r->q->read == TT_READ_AUTO && serves && (uint64_t)there > limit;

		if (gone == 0 && !want && r->q->raw_rows_limit != 0 &&
			(uint64_t)there > r->q->raw_rows_limit)
			return tt_err_set(r->err, -E2BIG,
				"%s: %lld raw observations in the span, expected at most %llu",
				r->s->path, (long long)there,
				(unsigned long long)r->q->raw_rows_limit);
		if (gone == 0 && !want)
			return (rc = read_survey(r, true)) < 0
				       ? rc
				       : gather_raw(r, RAW_ALL, r->from, r->to);
	}
	if (r->q->read == TT_READ_RAW || !serves)
		return no_data(r, info, covered);
	return query_rollups(r, kind, level);
}

// Span, sensors and when they were up.
int query_prepare(struct query *r, struct tt_store_info *info) {
	int rc;

	if ((rc = tt_store_info(r->s, info, r->err)) < 0 || (rc = open_span(r, info)) < 0 ||
		(rc = match_sensors(r)) < 0)
		return rc;
	prepare_filters(r);
	if ((rc = query_sets(r)) < 0 || (rc = query_keys(r)) < 0 || (rc = make_steps(r)) < 0)
		return rc;
	return up_load(r);
}

// Where clocks of probes of these sensors did not simply go on.
static int read_clocks(struct query *r, struct tt_result *out) {
	json_t *list = r->sensor_filter ? json_array() : NULL;
	char *sensors = NULL;

	for (uint32_t i = 1; list != NULL && i <= r->sensor_n; i++)
		if (r->match[i])
			json_array_append_new(list, json_integer((json_int_t)i));
	if (list != NULL)
		sensors = json_dumps(list, JSON_COMPACT);
	int rc = clock_steps_read(r->s, r->from, r->to, sensors, &out->clock, r->err);
	free(sensors);
	json_decref(list);
	return rc;
}

static int answer(struct query *r, struct tt_result *out) {
	struct tt_store_info info;
	int64_t g;
	int rc = query_prepare(r, &info);

	if (rc < 0)
		return rc;
	if (r->q->by == TT_BY_NONE && (g = agg_group(&r->agg, 0)) < 0)
		return -ENOMEM;
	if (r->from < r->to && ((rc = read_all(r, &info)) < 0 || (rc = add_tallies(r)) < 0))
		return rc;
	if ((rc = agg_finish(&r->agg)) < 0)
		return tt_err_set(r->err, rc, "%s: no memory", r->s->path);
	if ((rc = result_build(r, out)) < 0)
		return rc;
	out->raw_from = info.raw_from;
	out->raw_to = info.raw_to;
	return read_clocks(r, out);
}

static int copy_up(struct query *r, struct tt_up *out) {
	*out = (struct tt_up){.from = r->from, .to = r->to, .completeness = r->completeness};
	out->sensors = calloc(r->sensor_n + 1, sizeof(*out->sensors));
	out->starts = calloc(r->step_n + 1, sizeof(*out->starts));
	out->step_completeness = calloc(r->step_n + 1, sizeof(*out->step_completeness));
	if (out->sensors == NULL || out->starts == NULL || out->step_completeness == NULL)
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	if (r->sensor_steps != NULL &&
		(out->sensor_steps = calloc((size_t)(r->sensor_n + 1) * r->step_n,
			 sizeof(*out->sensor_steps))) == NULL)
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	for (; out->step_n < r->step_n; out->step_n++) {
		out->starts[out->step_n] = r->steps[out->step_n];
		out->step_completeness[out->step_n] = r->step_completeness[out->step_n];
	}
	for (uint32_t i = 1; i <= r->sensor_n; i++) {
		struct tt_up_sensor *s = &out->sensors[out->sensor_n];

		if (!r->match[i])
			continue;
		memcpy(s->id, r->s->sensors[i], sizeof(s->id));
		s->addresses = r->up[i].addresses;
		s->up_days = r->up[i].up_days;
		s->completeness = r->up[i].completeness;
		s->in_time = r->up[i].in_time;
		if (out->sensor_steps != NULL)
			memcpy(out->sensor_steps + (size_t)out->sensor_n * r->step_n,
				r->sensor_steps + (size_t)i * r->step_n,
				r->step_n * sizeof(*out->sensor_steps));
		out->sensor_n++;
	}
	return 0;
}

void query_release(struct query *r) {
	agg_free(&r->agg);
	map_free(&r->only);
	map_free(&r->in_set);
	map_free(&r->sets_at);
	big_free(r->sets, r->set_cap * sizeof(*r->sets));
	merge_free(&r->merge);
	ids6_free(&r->v6);
	survey_free(&r->survey);
	up_free(r);
	free(r->match);
	free(r->conf);
	big_free(r->steps, r->step_cap * sizeof(*r->steps));
	free(r);
}

int tt_store_up(
	struct tt_store *s, const struct tt_query *q, struct tt_up *out, struct tt_err *err) {
	struct query *r = calloc(1, sizeof(*r));
	struct tt_store_info info;
	int rc;

	*out = (struct tt_up){0};
	if (r == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	*r = (struct query){.s = s, .q = q, .err = err};
	if ((rc = query_prepare(r, &info)) == 0)
		rc = copy_up(r, out);
	query_release(r);
	return rc;
}

void tt_up_free(struct tt_up *u) {
	free(u->sensors);
	free(u->starts);
	free(u->step_completeness);
	free(u->sensor_steps);
	*u = (struct tt_up){0};
}

int tt_store_query(
	struct tt_store *s, const struct tt_query *q, struct tt_result *out, struct tt_err *err) {
	struct query *r = calloc(1, sizeof(*r));
	bool tx = sqlite3_get_autocommit(s->db);
	int rc;

	*out = (struct tt_result){0};
	if (r == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	*r = (struct query){.s = s, .q = q, .err = err};
	// one state of the database for all that is read
	rc = tx ? db_tx(s, ST_BEGIN_READ, err) : 0;
	if (rc == 0)
		rc = answer(r, out);
	if (tx && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_COMMIT, NULL);
	query_release(r);
	return rc;
}
