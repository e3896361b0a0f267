/* SPDX-License-Identifier: BSD-3-Clause */
// Ranks of the period before: frozen when that was published, brought by a file, or computed by the
// same method over that period's sensors and regions.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "tt_file.h"

#define DEPTH	 100 // ranks that a report keeps for the one after it, or more
#define FILE_MAX (256u << 20)

static unsigned depth(const struct page *p) {
	return p->previous_top > DEPTH ? p->previous_top : DEPTH;
}

static json_t *list_ranks(const struct page *p, const struct answer *a, enum tt_by by) {
	json_t *list = json_array();
	for (unsigned i = 0; i < a->ranking.ranked_n && i < depth(p); i++) {
		json_t *row = key_json(&a->ranking.rows[i].row->key, by);
		json_object_set_new(row, "rank", json_integer(a->ranking.rows[i].rank));
		json_array_append_new(list, row);
	}
	return list;
}

json_t *ranks_json(const struct page *p, const struct answer *ports, const struct answer *regions) {
	return json_pack("{s:i, s:o, s:o}", "depth", (int)depth(p), "services",
		list_ranks(p, ports, TT_BY_PORT), "regions", list_ranks(p, regions, TT_BY_REGION));
}

// What a report that others may compare with says of itself.
static json_t *frozen_json(const struct page *p) {
	json_t *o = json_object();
	static const char *const keys[] = {"period", "timezone", "scope", "class", "rank",
		"surveyors", "completeness", "ranks"};
	json_object_set_new(o, "kind", json_string("report-data"));
	json_object_set_new(o, "v", json_integer(1));
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		json_object_set(o, keys[i], json_object_get(p->doc, keys[i]));
	// the database is the operator's own: what is frozen serves whatever recipient
	json_t *scope = json_copy(json_object_get(p->doc, "scope"));
	json_object_set_new(
		scope, "group", p->conf->group ? json_string(p->conf->group) : json_null());
	json_object_set_new(o, "scope", scope);
	return o;
}

// Frozen ranks are found by the days they are of and by what was counted.
static void frozen_name(const struct page *p, int64_t from, int64_t to, char *out, size_t size) {
	struct tt_tz *tz = tt_store_tz(p->s);
	char a[TT_RFC3339_LEN], b[TT_RFC3339_LEN];
	const char *group = p->conf->group;
	snprintf(out, size, "published:%s..%s country=%s group=%s surveyors=%s",
		tt_day_format(tt_tz_day(tz, from), a), tt_day_format(tt_tz_day(tz, to), b),
		p->country[0] ? p->country : "*", group ? group : "*",
		json_string_value(json_object_get(p->doc, "surveyors")));
}

int previous_publish(struct page *p) {
	struct tt_store_conf conf = {.path = p->conf->db, .mode = TT_STORE_BESIDE};
	struct tt_store *s = NULL;
	char name[256];
	json_t *o = frozen_json(p);
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return tt_err_set(p->err, -ENOMEM, "%s: no memory", p->conf->db);
	frozen_name(p, p->from, p->to, name, sizeof(name));
	int rc = tt_store_open(&conf, &s, p->err);
	if (!rc)
		rc = tt_store_document_put(s, name, text, p->err);
	tt_store_close(&s, NULL);
	free(text);
	return rc;
}

static const json_t *at(const json_t *root, const char *a, const char *b) {
	const json_t *o = json_object_get(root, a);
	return b ? json_object_get(o, b) : o;
}

static int wrong(struct page *p, const char *name, const char *path, const json_t *is,
	const char *expected) {
	char *text = is ? json_dumps(is, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	int rc = tt_err_set(p->err, -EINVAL, "%s: %s: is %.80s, expected %s", name, path,
		text ? text : "missing", expected);
	free(text);
	return rc;
}

// What a row of ranks is of, as a text to compare; "" where it is none. The caller frees it.
static char *key_text(const json_t *row) {
	json_t *key = json_is_integer(json_object_get(row, "rank")) ? json_copy((json_t *)row)
								    : json_object();
	json_object_del(key, "rank");
	char *text = json_dumps(key, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(key);
	return text;
}

// Lists of ranks are read back as they were written; what they hold decides sentences only.
static int check_ranks(struct page *p, const char *name, const json_t *o, const char *what) {
	const json_t *list = at(o, "ranks", what), *row;
	json_t *seen = json_object();
	char path[48];
	size_t i;
	snprintf(path, sizeof(path), "$.ranks.%s", what);
	int rc = json_is_array(list) ? 0 : wrong(p, name, path, list, "a list of ranks");
	json_array_foreach((json_t *)list, i, row) {
		char *key = rc ? NULL : key_text(row);
		if (!key)
			break;
		snprintf(path, sizeof(path), "$.ranks.%s[%zu]", what, i);
		if (!strcmp(key, "{}"))
			rc = wrong(p, name, path, row, "an object with a rank");
		else if (json_object_get(seen, key))
			rc = wrong(p, name, path, row, "each once");
		json_object_set_new(seen, key, json_true());
		free(key);
	}
	json_decref(seen);
	return rc;
}

static int check_frozen(struct page *p, const char *name, const json_t *o) {
	static const char *const same[][2] = {{"scope", "country"}, {"scope", "group"},
		{"timezone", NULL}, {"class", NULL}, {"rank", NULL}, {"surveyors", NULL}};
	const char *kind = json_string_value(json_object_get(o, "kind"));
	char path[48], expected[200];
	int64_t to;
	if (!kind || strcmp(kind, "report-data"))
		return wrong(p, name, "$.kind", json_object_get(o, "kind"),
			"\"report-data\" (the report.json that teiten report wrote)");
	if (json_integer_value(json_object_get(o, "v")) != 1)
		return wrong(p, name, "$.v", json_object_get(o, "v"), "1");
	for (unsigned i = 0; i < sizeof(same) / sizeof(*same); i++) {
		const json_t *is = at(o, same[i][0], same[i][1]);
		const json_t *mine = at(p->doc, same[i][0], same[i][1]);
		const char *value = json_string_value(is);
		bool own = i == 1 && value && p->conf->group && !strcmp(value, p->conf->group);
		char *text;
		if (own || (is && json_equal(is, mine)))
			continue;
		text = json_dumps(mine, JSON_ENCODE_ANY);
		snprintf(path, sizeof(path), "$.%s%s%s", same[i][0], same[i][1] ? "." : "",
			same[i][1] ? same[i][1] : "");
		snprintf(expected, sizeof(expected), "%s, as in this report", text ? text : "");
		free(text);
		return wrong(p, name, path, is, expected);
	}
	for (unsigned i = 0; i < 2; i++) {
		const char *key = i ? "to" : "from";
		const char *t = json_string_value(at(o, "period", key));
		snprintf(path, sizeof(path), "$.period.%s", key);
		if (!t || tt_time_parse(t, &to))
			return wrong(p, name, path, at(o, "period", key), "a time");
	}
	if (to > p->from)
		return wrong(p, name, "$.period.to", at(o, "period", "to"),
			"a period that ends before this report's begins");
	int rc = check_ranks(p, name, o, "services");
	rc = rc ? rc : check_ranks(p, name, o, "regions");
	if (rc)
		return rc;
	if (json_integer_value(at(o, "ranks", "depth")) < p->previous_top)
		return wrong(p, name, "$.ranks.depth", at(o, "ranks", "depth"),
			"previous_top of report.json or more");
	return 0;
}

static int read_file(struct page *p, json_t **out) {
	struct tt_buf text = TT_BUF_INIT(FILE_MAX);
	json_error_t e;
	int rc = tt_err_input(tt_file_read(p->conf->previous, &text, p->err));
	if (!rc) {
		*out = json_loadb(text.data ? (const char *)text.data : "", text.len,
			JSON_REJECT_DUPLICATES, &e);
		rc = *out ? check_frozen(p, p->conf->previous, *out)
			  : tt_err_set(p->err, -EINVAL, "%s:%d:%d: %s, expected JSON",
				    p->conf->previous, e.line, e.column, e.text);
	}
	tt_buf_free(&text);
	return rc;
}

// 1 with *out, 0 where nothing was published.
static int read_published(struct page *p, json_t **out) {
	char name[256], *text = NULL;
	frozen_name(p, p->previous_from, p->previous_to, name, sizeof(name));
	int rc = tt_store_document_get(p->s, name, &text, p->err);
	if (rc <= 0)
		return rc;
	*out = json_loads(text, 0, NULL);
	free(text);
	snprintf(name, sizeof(name), "%.180s, what was published", p->conf->db);
	rc = *out ? check_frozen(p, name, *out) : wrong(p, name, "$", NULL, "JSON");
	return rc ? rc : 1;
}

static int compute(struct page *p, json_t **out) {
	struct answer ports, regions;
	struct tt_query q = page_query(p, TT_BY_PORT);
	q.from = p->previous_from;
	q.to = p->previous_to;
	int rc = ask(p, &q, TT_RANK_RATE, &ports);
	if (rc)
		return rc;
	q.by = TT_BY_REGION;
	rc = ask(p, &q, TT_RANK_RATE, &regions);
	if (!rc) {
		bool data = ports.result.completeness >= 0 || ports.result.row_n;
		*out = json_pack("{s:o, s:o}", "completeness",
			completeness_json(ports.result.completeness), "ranks",
			data ? ranks_json(p, &ports, &regions) : json_null());
		answer_free(&regions);
	}
	answer_free(&ports);
	return rc;
}

static void apply(struct page *p, const char *table, enum tt_by by, const json_t *list) {
	json_t *row, *other;
	size_t i, j;
	json_array_foreach(json_object_get(json_object_get(p->doc, table), "rows"), i, row) {
		json_t *value = list && !json_is_null(json_object_get(row, "rank"))
					? json_string("outside")
					: json_null();
		json_array_foreach((json_t *)list, j, other) {
			json_int_t rank = json_integer_value(json_object_get(other, "rank"));
			if (rank > p->previous_top || !key_equals(row, other, by))
				continue;
			json_decref(value);
			value = json_integer(rank);
			break;
		}
		json_object_set_new(row, "previous_rank", value);
	}
}

// Adds the name that is registered.
static void name_service(struct page *p, json_t *row) {
	const char *proto = json_string_value(json_object_get(row, "proto"));
	const json_t *port = json_object_get(row, "port");
	int number = proto ? tt_proto_parse(proto) : -1;
	const char *name = NULL;
	if (number < 0)
		return;
	if (json_is_integer(port))
		name = tt_services_name(
			p->conf->services, (uint8_t)number, (uint16_t)json_integer_value(port));
	json_object_set_new(row, "service", name ? json_string(name) : json_null());
}

static json_t *rank_of(const json_t *list, const json_t *key, enum tt_by by) {
	json_t *row;
	size_t i;
	json_array_foreach((json_t *)list, i, row) if (key_equals(row, key, by)) return json_incref(
		json_object_get(row, "rank"));
	return json_null();
}

// What was in the table before and is no more, with where it stands now.
static json_t *find_left(
	struct page *p, const char *table, const char *what, enum tt_by by, const json_t *before) {
	const json_t *rows = json_object_get(json_object_get(p->doc, table), "rows");
	const json_t *now = json_object_get(json_object_get(p->doc, "ranks"), what);
	json_t *left = json_array(), *old, *row;
	size_t i, j;
	json_array_foreach((json_t *)before, i, old) {
		bool there = json_integer_value(json_object_get(old, "rank")) > p->top;
		json_array_foreach((json_t *)rows, j, row) there |= key_equals(row, old, by);
		if (there)
			continue;
		row = json_copy(old);
		json_object_set(row, "previous_rank", json_object_get(old, "rank"));
		json_object_set_new(row, "rank", rank_of(now, old, by));
		name_service(p, row);
		json_array_append_new(left, row);
	}
	return left;
}

int previous_apply(struct page *p) {
	json_t *o = NULL, *prev = json_object_get(p->doc, "previous");
	const char *source = "computed";
	int rc;
	if (p->conf->previous) {
		source = "file";
		rc = read_file(p, &o);
	} else if ((rc = read_published(p, &o)) != 0) {
		source = "published";
	} else {
		rc = compute(p, &o);
	}
	if (rc >= 0) {
		const json_t *ranks = json_object_get(o, "ranks"),
			     *period = json_object_get(o, "period");
		bool known = json_is_object(ranks);
		if (period)
			json_object_update(prev, (json_t *)period);
		json_object_set_new(prev, "source", json_string(source));
		json_object_set_new(prev, "known", json_boolean(known));
		json_object_set(prev, "completeness", json_object_get(o, "completeness"));
		apply(p, "table1", TT_BY_PORT, json_object_get(ranks, "services"));
		apply(p, "table2", TT_BY_REGION, json_object_get(ranks, "regions"));
		json_object_set_new(p->doc, "left",
			json_pack("{s:o, s:o}", "services",
				find_left(p, "table1", "services", TT_BY_PORT,
					json_object_get(ranks, "services")),
				"regions",
				find_left(p, "table2", "regions", TT_BY_REGION,
					json_object_get(ranks, "regions"))));
		rc = 0;
	}
	json_decref(o);
	return rc;
}
