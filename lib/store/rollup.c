/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "query.h"

static bool is_by(const struct query *r, unsigned set) {
	return set >> r->q->by & 1;
}
#define BY(x) (1u << TT_BY_##x)

bool rollup_covers(const struct query *r, unsigned *kind) {
	const struct tt_query *q = r->q;
	const unsigned common = BY(SENSOR) | BY(CLASS) | BY(NONE);
	bool service = q->classes & (1u << TT_BACKSCATTER | 1u << TT_REFLECTION);

	if (q->has_source || q->asn != 0 || q->family != 0)
		return false;
	if (q->tool >= 0 && q->by == TT_BY_TOOL)
		return false; // which observations were of both tools is not kept
	if (q->tool >= 0 || q->by == TT_BY_TOOL) {
		*kind = KIND_TOOL;
		return !q->has_port && r->region == 0 && is_by(r, common | BY(TOOL));
	}
	if (q->has_port || is_by(r, BY(PORT) | BY(DPORT))) {
		*kind = KIND_PORT;
		return r->region == 0 && is_by(r, common | BY(PORT) | BY(DPORT)) &&
		       (q->by != TT_BY_DPORT || !service);
	}
	*kind = KIND_REGION;
	return is_by(r, common | BY(REGION));
}

// An open end takes all there is, and so ends where any step does.
bool rollup_aligned(const struct query *r, unsigned *level) {
	static const enum tt_step steps[LEVEL_N] = {TT_STEP_HOUR, TT_STEP_DAY, TT_STEP_MONTH};

	for (unsigned l = LEVEL_N; l-- > 0;) {
		if (r->q->step != TT_STEP_NONE && r->q->step < steps[l])
			continue;
		if ((r->q->from == 0 || local_start(r->s->tz, steps[l], r->from) == r->from) &&
			(r->q->to == 0 || local_start(r->s->tz, steps[l], r->to) == r->to)) {
			*level = l;
			return true;
		}
	}
	return false;
}

// Columns: start, sensor, class, surveyor, packets, bytes, spilled, sources, then the kind's.
enum { R_START, R_SENSOR, R_CLASS, R_SURVEYOR, R_PACKETS, R_BYTES, R_SPILLED, R_SOURCES, R_A, R_B };

static uint16_t column_region(sqlite3_stmt *st) {
	const char *text = (const char *)sqlite3_column_text(st, R_A);

	if (text == NULL || strlen(text) != 2)
		return REGION_NONE;
	return (uint16_t)((uint8_t)text[0] | (uint8_t)text[1] << 8);
}

static bool port_row(const struct query *r, sqlite3_stmt *st, uint64_t *group, bool *total) {
	const struct tt_query *q = r->q;
	int64_t proto = sqlite3_column_int64(st, R_A), port = sqlite3_column_int64(st, R_B);

	*total = proto == 0 && port == PORT_CLASS_TOTAL;
	*group = *total ? GROUP_MIXED : port_group(q, (uint8_t)proto, (uint16_t)port);
	return !q->has_port || (!*total && proto == q->proto && port == q->port);
}

static uint64_t group_of(const struct query *r, sqlite3_stmt *st, uint64_t by_kind) {
	switch (r->q->by) {
	case TT_BY_SENSOR:
		return (uint64_t)sqlite3_column_int64(st, R_SENSOR);
	case TT_BY_CLASS:
		return (uint64_t)sqlite3_column_int64(st, R_CLASS);
	case TT_BY_NONE:
		return 0;
	default:
		return by_kind;
	}
}

static int take_row(struct query *r, unsigned kind, sqlite3_stmt *st, bool only_spilled) {
	const struct tt_query *q = r->q;
	uint64_t key = 0, spilled = (uint64_t)sqlite3_column_int64(st, R_SPILLED);
	int64_t sensor = sqlite3_column_int64(st, R_SENSOR);
	bool surveyor = sqlite3_column_int(st, R_SURVEYOR) != 0, total = false, passes = true;
	struct item it = {
		.packets = (uint64_t)sqlite3_column_int64(st, R_PACKETS),
		.bytes = (uint64_t)sqlite3_column_int64(st, R_BYTES),
		.sensor = (uint16_t)sensor,
	};

	if (sensor > r->sensor_n || !r->match[sensor] ||
		!(q->classes >> sqlite3_column_int(st, R_CLASS) & 1))
		return 0;
	if (kind == KIND_PORT) {
		passes = port_row(r, st, &key, &total);
	} else if (kind == KIND_REGION) {
		key = column_region(st);
		passes = r->region == 0 || key == r->region;
	} else {
		key = (uint64_t)sqlite3_column_int64(st, R_A);
		passes = q->tool < 0 || key == (uint64_t)q->tool;
	}
	if (spilled > 0 && (passes || total || kind == KIND_REGION))
		r->lower_bound = true;
	if (!passes || only_spilled ||
		(q->surveyors != TT_SURVEYORS_WITH &&
			surveyor != (q->surveyors == TT_SURVEYORS_ONLY)))
		return 0;
	it.group = group_of(r, st, key);
	if (r->step_n > 0)
		it.step = query_step(r, sqlite3_column_int64(st, R_START));
	return agg_add_sketch(&r->agg, &it, sqlite3_column_blob(st, R_SOURCES),
		(size_t)sqlite3_column_bytes(st, R_SOURCES));
}

static int read_table(struct query *r, unsigned kind, unsigned level, bool only_spilled) {
	static const enum tt_step steps[LEVEL_N] = {TT_STEP_HOUR, TT_STEP_DAY, TT_STEP_MONTH};
	char sql[256];
	sqlite3_stmt *st;
	int rc = 0, step;

	snprintf(sql, sizeof(sql),
		"SELECT start, sensor, class, surveyor, packets, bytes, spilled, sources, %s FROM "
		"%s_%s WHERE start >= ? AND start < ? %s",
		kind_columns[kind], kind_names[kind], level_names[level],
		only_spilled ? "AND spilled > 0" : "");
	if ((st = db_prepare(r->s, r->err, sql)) == NULL)
		return r->s->rc;
	db_bind(st, "ii", local_start(r->s->tz, steps[level], r->from), r->to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW)
		if ((rc = take_row(r, kind, st, only_spilled)) < 0)
			tt_err_set(r->err, rc == -EBADMSG ? -EIO : rc,
				rc == -EBADMSG ? "%s: a rollup's sketch cannot be read"
					       : "%s: no memory",
				r->s->path);
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(r->s, r->err, "rollups");
	sqlite3_finalize(st);
	return rc;
}

int rollup_read(struct query *r, unsigned kind, unsigned level) {
	int rc = read_table(r, kind, level, false);

	// tools are told by source, so their tables do not know of spilled packets
	return rc < 0 || kind != KIND_TOOL ? rc : read_table(r, KIND_REGION, level, true);
}

int rollup_rir(struct query *r) {
	sqlite3_stmt *st = db_prepare(r->s, r->err,
		"SELECT DISTINCT rir FROM batch WHERE rows > 0 AND epoch_max >= ? AND "
		"epoch_min < ?");
	int rc, step;

	if (st == NULL)
		return r->s->rc;
	db_bind(st, "ii", r->from, r->to);
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		dates_add(r->rir, (const char *)sqlite3_column_text(st, 0));
	rc = step == SQLITE_DONE ? 0 : db_fail(r->s, r->err, "batches");
	sqlite3_finalize(st);
	return rc;
}
