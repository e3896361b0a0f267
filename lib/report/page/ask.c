/* SPDX-License-Identifier: BSD-3-Clause */
// Answers of the store as the JSON that `teiten top` and `teiten series` print.
#include <errno.h>
#include <math.h>
#include <string.h>

#include "page.h"

int ask(struct page *p, const struct tt_query *q, enum tt_rank rank, struct answer *a) {
	memset(a, 0, sizeof(*a));
	int rc = tt_store_query(p->s, q, &a->result, p->err);
	if (rc < 0)
		return rc;
	struct tt_pseudonyms names = page_names(p);
	rc = rank_hidden(p->s, q, &names, rank, &a->result, &a->ranking, p->err);
	if (rc)
		answer_free(a);
	return rc;
}

void answer_free(struct answer *a) {
	rank_free(&a->ranking);
	tt_result_free(&a->result);
}

static json_t *cell_json(const struct cell *c) {
	switch (c->kind) {
	case CELL_UINT:
		return json_integer((json_int_t)c->u);
	case CELL_REAL:
		return json_real(c->d);
	case CELL_TEXT:
		return json_string(c->text);
	case CELL_BOOL:
		return json_boolean(c->u);
	case CELL_ABSENT:
	case CELL_NULL:
		break;
	}
	return json_null();
}

static json_t *cells_json(const struct column *const *cols, unsigned n, const struct view *v,
	const struct ranked *r) {
	json_t *row = json_object();
	for (unsigned i = 0; i < n; i++) {
		struct cell c = {.kind = CELL_NULL};
		cols[i]->fill(v, r, &c);
		if (c.kind != CELL_ABSENT)
			json_object_set_new(row, cols[i]->name, cell_json(&c));
	}
	return row;
}

json_t *key_json(const struct tt_row_key *k, enum tt_by by) {
	const struct column *cols[COLUMN_MAX];
	unsigned n = columns_key(by, cols);
	struct view v = {.by = by};
	struct tt_row row = {.key = *k};
	struct ranked r = {.row = &row};
	return cells_json(cols, n, &v, &r);
}

bool key_equals(const json_t *a, const json_t *b, enum tt_by by) {
	static const char *const of_port[] = {"proto", "port", "type", "code", NULL};
	static const char *const of_region[] = {"region", NULL};
	for (const char *const *k = by == TT_BY_REGION ? of_region : of_port; *k; k++) {
		const json_t *x = json_object_get(a, *k), *y = json_object_get(b, *k);
		bool none = !x || json_is_null(x);
		if (none != (!y || json_is_null(y)) || (!none && !json_equal(x, y)))
			return false;
	}
	return true;
}

json_t *completeness_json(double c) {
	return c < 0 || !isfinite(c) ? json_null() : json_real(c);
}

static json_t *time_json(int64_t sec) {
	char buf[TT_RFC3339_LEN];
	return json_string(tt_time_format(sec, buf));
}

json_t *top_json(struct page *p, const struct answer *a, enum tt_by by, unsigned n) {
	const struct column *cols[COLUMN_MAX];
	unsigned col_n = columns_top(by, false, false, cols);
	struct view v = {.by = by, .services = p->conf->services};
	const struct tt_result *r = &a->result;
	json_t *rows = json_array();
	for (unsigned i = 0; i < a->ranking.n; i++)
		if (i >= a->ranking.ranked_n || !n || i < n)
			json_array_append_new(
				rows, cells_json(cols, col_n, &v, &a->ranking.rows[i]));
	return json_pack("{s:s?, s:o, s:o, s:s, s:o, s:b, s:o, s:o}", "by", by_name(by), "from",
		time_json(r->from), "to", time_json(r->to), "timezone",
		tt_tz_name(tt_store_tz(p->s)), "completeness", completeness_json(r->completeness),
		"sources_lower_bound", r->sources_lower_bound, "rir",
		r->rir_date[0] ? json_string(r->rir_date) : json_null(), "rows", rows);
}

static json_t *point_json(const struct tt_row *row, const struct tt_point *pt) {
	json_t *o = json_object();
	json_object_set_new(o, "start", time_json(pt->start));
	json_object_set_new(
		o, "packets", pt->known ? json_integer((json_int_t)pt->packets) : json_null());
	json_object_set_new(
		o, "bytes", pt->known ? json_integer((json_int_t)pt->bytes) : json_null());
	json_object_set_new(o, "sources",
		pt->known && row->has_sources ? json_integer((json_int_t)pt->sources)
					      : json_null());
	json_object_set_new(
		o, "completeness", pt->known ? completeness_json(pt->completeness) : json_null());
	json_object_set_new(o, "sources_error",
		pt->known && row->has_sources ? json_real(pt->sources_error) : json_null());
	return o;
}

static json_t *points_json(const struct answer *a, const struct tt_row *row) {
	json_t *points = json_array();
	for (unsigned j = 0; j < a->result.point_n; j++)
		json_array_append_new(points, point_json(row, &row->points[j]));
	return points;
}

// Only the rows of the table: a day's smaller rows are not looked at.
json_t *series_json(struct page *p, const struct answer *a, enum tt_by by, const json_t *rows) {
	json_t *out = json_array(), *row;
	size_t i;
	if (by == TT_BY_NONE) {
		for (unsigned j = 0; j < a->result.row_n; j++)
			json_array_append_new(out, json_pack("{s:{}, s:o}", "key", "points",
							   points_json(a, &a->result.rows[j])));
	}
	json_array_foreach((json_t *)rows, i, row) {
		if (!json_is_integer(json_object_get(row, "rank"))) // listed only
			continue;
		for (unsigned j = 0; j < a->result.row_n; j++) {
			json_t *key = key_json(&a->result.rows[j].key, by);
			if (key_equals(key, row, by)) {
				json_t *name = json_object_get(row, "service");
				if (name)
					json_object_set(key, "service", name);
				json_array_append_new(
					out, json_pack("{s:o, s:o}", "key", key, "points",
						     points_json(a, &a->result.rows[j])));
				break;
			}
			json_decref(key);
		}
	}
	return json_pack("{s:o, s:s, s:s, s:o}", "by",
		by == TT_BY_NONE ? json_null() : json_string(by_name(by)), "step", "day",
		"timezone", tt_tz_name(tt_store_tz(p->s)), "rows", out);
}
