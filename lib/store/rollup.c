/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
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
		return !q->has_port && q->set == NULL && !r->region_filter &&
		       is_by(r, common | BY(TOOL));
	}
	if (q->has_port || q->set != NULL || is_by(r, BY(PORT) | BY(DPORT) | BY(MALWARE))) {
		*kind = KIND_PORT;
		return !r->region_filter && is_by(r, common | BY(PORT) | BY(DPORT) | BY(MALWARE)) &&
		       (q->by != TT_BY_DPORT || !service);
	}
	*kind = KIND_REGION;
	return is_by(r, common | BY(REGION));
}

// An open end takes all there is, and so ends where any step does.
bool rollup_aligned(const struct query *r, unsigned *level) {
	for (unsigned l = LEVEL_N; l-- > 0;) {
		if (r->q->step != TT_STEP_NONE && r->q->step < level_steps[l])
			continue;
		if ((r->q->from == 0 ||
			    local_start(r->s->tz, level_steps[l], r->from) == r->from) &&
			(r->q->to == 0 || local_start(r->s->tz, level_steps[l], r->to) == r->to)) {
			*level = l;
			return true;
		}
	}
	return false;
}

// A row of a table or a segment; key without the hour's slot.
struct row {
	int64_t start;
	uint64_t key, packets, bytes, spilled;
	const void *sources, *heaviest;
	size_t len, heaviest_len;
};

// The service of a row, and whether it stands for services that were not told apart.
static bool port_row(struct query *r, const struct row *row, uint64_t *group, bool *total) {
	const struct tt_query *q = r->q;
	unsigned proto = ROW_A(row->key), port = ROW_B(row->key);
	bool rest = proto == 0 && port == PORT_REST;

	*total = rest || (proto == 0 && port == PORT_CLASS_TOTAL);
	*group = *total ? GROUP_MIXED : port_group(q, (uint8_t)proto, (uint16_t)port);
	if (rest)
		r->rest_packets += row->packets;
	if (*total)
		return !q->has_port && q->set == NULL && q->by != TT_BY_MALWARE;
	return service_passes(r, (uint8_t)proto, (uint16_t)port);
}

static uint64_t group_of(const struct query *r, const struct row *row, uint64_t by_kind) {
	switch (r->q->by) {
	case TT_BY_SENSOR:
		return ROW_WHO(row->key);
	case TT_BY_CLASS:
		return ROW_CLASS(row->key);
	case TT_BY_NONE:
		return 0;
	default:
		return by_kind;
	}
}

static int read_heavy(const struct row *row, struct heavy *h) {
	return heavy_decode(h, row->heaviest, row->heaviest_len, row->sources, row->len,
		row->packets - row->spilled);
}

static int take_item(struct query *r, const struct row *row, const struct item *it) {
	struct heavy h;
	int rc;

	if (!query_wants(r, it->group))
		return 0;
	if (r->q->light)
		return agg_add_light(&r->agg, it);
	if ((rc = agg_add_sketch(&r->agg, it, row->sources, row->len)) < 0 ||
		(rc = read_heavy(row, &h)) < 0)
		return rc;
	return agg_add_tops(&r->agg, it, &h.of[HEAVY_SOURCE], row->spilled);
}

static int take_heaviest(struct query *r, const struct row *row) {
	struct heaviest *out = r->heaviest;
	const struct counters *c;
	struct heavy h;
	int rc = read_heavy(row, &h);

	if (rc < 0)
		return rc;
	c = &h.of[out->dim];
	out->packets += row->packets;
	out->slack += c->slack + row->spilled;
	for (unsigned i = 0; i < c->n; i++) {
		uint64_t *v = map_at(&out->counts, c->key[i]);

		if (v == NULL)
			return -ENOMEM;
		*v += c->packets[i];
	}
	return 0;
}

static int take_sets(struct query *r, const struct row *row, struct item *it) {
	uint8_t proto = (uint8_t)ROW_A(row->key);
	uint16_t port = (uint16_t)ROW_B(row->key);
	int64_t set;
	int rc = 0;

	for (unsigned n = 0; rc == 0 && (set = query_set(r, proto, port, n)) >= 0; n++) {
		it->group = (uint64_t)set;
		rc = take_item(r, row, it);
	}
	return rc;
}

static int take_row(struct query *r, const struct row *row, bool only_spilled) {
	const struct tt_query *q = r->q;
	unsigned who = ROW_WHO(row->key), kind = ROW_KIND(row->key), b = ROW_B(row->key);
	bool surveyor = ROW_SURVEYOR(row->key), total = false, passes = true;
	struct item it = {.packets = row->packets, .bytes = row->bytes, .sensor = (uint16_t)who};
	uint64_t key = 0;

	if (who > r->sensor_n || !r->match[who] || !(q->classes >> ROW_CLASS(row->key) & 1))
		return 0;
	if (kind == KIND_PORT) {
		passes = port_row(r, row, &key, &total);
	} else if (kind == KIND_REGION) {
		key = (b & 0xff) << 8 | b >> 8;
		passes = region_passes(r, (unsigned)key);
	} else {
		key = b;
		passes = q->tool < 0 || key == (uint64_t)q->tool;
	}
	if (row->spilled > 0 && (passes || total || kind == KIND_REGION))
		r->lower_bound = true;
	if (!passes || only_spilled ||
		(q->surveyors != TT_SURVEYORS_WITH &&
			surveyor != (q->surveyors == TT_SURVEYORS_ONLY)))
		return 0;
	if (r->heaviest != NULL)
		return take_heaviest(r, row);
	if (r->step_n > 0)
		it.step = query_step(r, row->start);
	if (q->by == TT_BY_MALWARE)
		return take_sets(r, row, &it);
	it.group = group_of(r, row, key);
	return take_item(r, row, &it);
}

static int row_failed(struct query *r, int rc) {
	return tt_err_set(r->err, rc == -EBADMSG ? -EIO : rc,
		rc == -EBADMSG ? "%s: a rollup cannot be read, expected it as it was stored"
			       : "%s: no memory",
		r->s->path);
}

// Two letters, or a number.
static unsigned column_part(sqlite3_stmt *st, int column, char part) {
	const uint8_t *text;

	if (part != 'W' && part != 'B')
		return (unsigned)sqlite3_column_int(st, column);
	text = sqlite3_column_text(st, column);
	return text == NULL || sqlite3_column_bytes(st, column) != 2
		       ? REGION_NONE
		       : (unsigned)text[0] << 8 | text[1];
}

// Columns: start, surveyor, packets, bytes, spilled, sources, heaviest, then the key's.
static struct row table_row(sqlite3_stmt *st, unsigned kind, bool light) {
	struct row row = {.start = sqlite3_column_int64(st, 0),
		.packets = (uint64_t)sqlite3_column_int64(st, 2),
		.bytes = (uint64_t)sqlite3_column_int64(st, 3),
		.spilled = (uint64_t)sqlite3_column_int64(st, 4)};
	const char *parts = rollups[kind].parts;
	unsigned v[4] = {0}; // who, class, a, b

	if (!light) {
		row.sources = sqlite3_column_blob(st, 5);
		row.len = (size_t)sqlite3_column_bytes(st, 5);
		row.heaviest = sqlite3_column_blob(st, 6);
		row.heaviest_len = (size_t)sqlite3_column_bytes(st, 6);
	}
	for (int i = 0; parts[i] != '\0'; i++) {
		unsigned part = parts[i] == 'w' || parts[i] == 'W' ? 0
				: parts[i] == 'c'		   ? 1
				: parts[i] == 'a'		   ? 2
								   : 3;

		v[part] = column_part(st, 7 + i, parts[i]);
	}
	row.key = row_key(kind, v[0] & 0xffff, v[1] & 7, v[2] & 0xff, v[3] & 0xffff,
		sqlite3_column_int(st, 1) != 0);
	return row;
}

static int take_rows(struct query *r, sqlite3_stmt *st, unsigned kind, bool only_spilled) {
	int rc = 0, step = SQLITE_DONE;

	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		struct row row = table_row(st, kind, r->q->light);

		if ((rc = take_row(r, &row, only_spilled)) < 0)
			row_failed(r, rc);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(r->s, r->err, "rollups");
	return rc;
}

// Whether most sensors are filtered out: those that are left are then read by the tables' keys.
static bool few_sensors(const struct query *r) {
	uint32_t n = 0;

	for (uint32_t i = 1; i <= r->sensor_n; i++)
		n += r->match[i];
	return 2 * n <= r->sensor_n;
}

static int take_few(
	struct query *r, sqlite3_stmt *st, unsigned kind, unsigned level, bool spilled) {
	const enum tt_step step = level_steps[level];
	int rc = 0;

	for (int64_t t = local_start(r->s->tz, step, r->from); rc == 0 && t < r->to;
		t = local_next(r->s->tz, step, t))
		for (uint32_t i = 1; rc == 0 && i <= r->sensor_n; i++) {
			if (!r->match[i])
				continue;
			db_bind(st, "ii", t, (int64_t)i);
			rc = take_rows(r, st, kind, spilled);
			sqlite3_reset(st);
		}
	return rc;
}

static int read_table(struct query *r, unsigned kind, unsigned level, bool only_spilled) {
	// an index of counts alone is a small part of the table
	bool counts = r->q->light && kind == KIND_PORT && level_steps[level] == TT_STEP_MONTH;
	bool few = few_sensors(r);
	char sql[320];
	sqlite3_stmt *st;
	int rc;

	snprintf(sql, sizeof(sql),
		"SELECT start, surveyor, packets, bytes, spilled, %s, %s FROM %s_%s %s WHERE %s %s",
		r->q->light ? "NULL, NULL" : "sources, heaviest", rollups[kind].columns,
		rollups[kind].name, level_names[level],
		counts ? "INDEXED BY port_month_counts" : "",
		few ? "start = ? AND sensor = ?" : "start >= ? AND start < ?",
		only_spilled ? "AND spilled > 0" : "");
	if ((st = db_prepare(r->s, r->err, sql)) == NULL)
		return r->s->rc;
	if (few) {
		rc = take_few(r, st, kind, level, only_spilled);
	} else {
		db_bind(st, "ii", local_start(r->s->tz, level_steps[level], r->from), r->to);
		rc = take_rows(r, st, kind, only_spilled);
	}
	sqlite3_finalize(st);
	return rc;
}

static int take_segment(struct query *r, const struct segment *g, unsigned kind, bool spilled_too) {
	const uint8_t *sketch = g->sketches, *heaviest = g->heavies;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < g->n; i++) {
		struct row row = {.start = g->start,
			.key = (uint64_t)g->who << 32 | g->key[i],
			.packets = g->packets[i],
			.bytes = g->bytes[i],
			.spilled = g->spilled[i],
			.sources = sketch,
			.len = g->sketch_len[i],
			.heaviest = heaviest,
			.heaviest_len = g->heavy_len == NULL ? 0 : g->heavy_len[i]};

		if (ROW_KIND(row.key) == kind)
			rc = take_row(r, &row, false);
		else if (spilled_too && ROW_KIND(row.key) == KIND_REGION && row.spilled > 0)
			rc = take_row(r, &row, true);
		sketch += row.len;
		heaviest += row.heaviest_len;
	}
	return rc;
}

// What checkpoints wrote of hours that are not in the tables yet.
static int read_segments(struct query *r, unsigned kind, bool spilled_too) {
	sqlite3_stmt *st = db_prepare(r->s, r->err,
		"SELECT start, who, data FROM segment WHERE state != 1 AND start >= ? AND start < "
		"?");
	struct segment_reader reader = {0};
	int rc = 0, step;

	if (st == NULL)
		return r->s->rc;
	db_bind(st, "ii", local_start(r->s->tz, TT_STEP_HOUR, r->from), r->to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		struct segment g = {.start = sqlite3_column_int64(st, 0),
			.who = (unsigned)sqlite3_column_int(st, 1) & 0xffff};

		if (survey_is_open(&r->survey, g.start))
			continue; // raw batches tell
		rc = segment_read(&reader, sqlite3_column_blob(st, 2),
			(size_t)sqlite3_column_bytes(st, 2), &g);
		if (rc < 0 || (rc = take_segment(r, &g, kind, spilled_too)) < 0)
			row_failed(r, rc);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(r->s, r->err, "rollups");
	sqlite3_finalize(st);
	segment_reader_free(&reader);
	return rc;
}

int rollup_take(struct query *r, sqlite3_stmt *st, unsigned kind) {
	return take_rows(r, st, kind, false);
}

int rollup_read(struct query *r, unsigned kind, unsigned level) {
	// tools are told by source, so their tables do not know of spilled packets
	bool spilled_too = kind == KIND_TOOL;
	int rc = rollup_seek(r, kind, level);

	if (rc == 0)
		rc = read_table(r, kind, level, false);
	if (rc >= 0 && spilled_too)
		rc = read_table(r, KIND_REGION, level, true);
	return rc < 0 ? rc : read_segments(r, kind, spilled_too);
}
