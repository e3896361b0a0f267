/* SPDX-License-Identifier: BSD-3-Clause */
// The document of a report (DIR/report.json), section by section.
#include <errno.h>
#include <string.h>

#include "../pseudonym.h"
#include "page.h"

#define DPORT_ROWS_MAX 200000000 // more raw observations take too long for a rank beside
#define OBSERVED       ((1u << TT_OBSERVED_CLASS_N) - 1)

static const char *config_text(const struct page *p, const char *key) {
	return json_string_value(json_object_get(p->config, key));
}

static enum tt_surveyors surveyors(const struct page *p) {
	const char *text = p->conf->surveyors ? p->conf->surveyors : config_text(p, "surveyors");
	return !strcmp(text, "without") ? TT_SURVEYORS_WITHOUT
	       : !strcmp(text, "only")	? TT_SURVEYORS_ONLY
					: TT_SURVEYORS_WITH;
}

struct tt_query page_query(const struct page *p, enum tt_by by) {
	struct tt_query q = TT_QUERY_INIT;
	q.by = by;
	q.from = p->from;
	q.to = p->to;
	q.group = p->conf->group;
	q.country = p->any_country && p->country[0] ? p->country : NULL;
	q.surveyors = surveyors(p);
	q.icmp_one = true;
	return q;
}

static json_t *span_json(struct page *p, int64_t from, int64_t to) {
	struct tt_tz *tz = tt_store_tz(p->s);
	char a[TT_RFC3339_LEN], b[TT_RFC3339_LEN], c[TT_RFC3339_LEN], d[TT_RFC3339_LEN];
	int64_t first = tt_tz_day(tz, from), past = tt_tz_day(tz, to);
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "from", tt_time_format(from, a), "to",
		tt_time_format(to, b), "from_day", tt_day_format(first, c), "last_day",
		tt_day_format(past - 1, d), "days", (json_int_t)(past - first));
}

// As many whole months before, or else as many days.
static void find_previous(struct page *p) {
	struct tt_tz *tz = tt_store_tz(p->s);
	int64_t first = tt_tz_day(tz, p->from), past = tt_tz_day(tz, p->to), before = first;
	if (tt_month_start(first) == first && tt_month_start(past) == past)
		for (int64_t m = first; m < past; m = tt_month_next(m))
			before = tt_month_start(before - 1);
	else
		before -= past - first;
	p->previous_from = tt_tz_day_start(tz, before);
	p->previous_to = p->from;
}

// How many sensors the tables are about, had they been up or not. 0 with a message: a country or
// group that no sensor has.
static int count_scope(struct page *p, const struct tt_catalog *c) {
	const char *country = p->any_country && p->country[0] ? p->country : NULL;
	int n = 0, grouped = 0;
	for (unsigned i = 0; i < c->sensor_n; i++) {
		const struct tt_sensor_conf *s = &c->sensors[i];
		grouped += in_group(s, p->conf->group);
		n += in_group(s, p->conf->group) && (!country || !strcmp(s->country, country));
	}
	if (!n && p->conf->group && !grouped)
		tt_err_set(p->err, -EINVAL, "--group: no sensor of %s is in \"%s\"", p->conf->db,
			p->conf->group);
	else if (!n && country)
		tt_err_set(p->err, -EINVAL,
			"%s: no sensor of %s is in %s, expected a country that has some",
			p->conf->country ? "--country" : p->conf->config_name, p->conf->db,
			country);
	return n;
}

static int find_scope(struct page *p) {
	const struct tt_catalog *c = tt_store_catalog(p->s, p->err);
	const char *country = p->conf->country ? p->conf->country : config_text(p, "country");
	struct answer a;
	if (!c)
		return -errno;
	snprintf(p->country, sizeof(p->country), "%.2s", country ? country : "");
	for (unsigned i = 0; i < c->sensor_n; i++)
		p->any_country |= c->sensors[i].country[0] != '\0';
	bool narrowed = p->conf->group || (p->any_country && p->country[0]);
	int known = count_scope(p, c);
	if (!known && narrowed)
		return -EINVAL;
	struct tt_query q = page_query(p, TT_BY_SENSOR);
	q.classes = OBSERVED;
	q.surveyors = TT_SURVEYORS_WITH;
	int rc = ask(p, &q, TT_RANK_RATE, &a);
	if (rc)
		return rc;
	json_t *scope = json_pack("{s:s?, s:s?, s:b, s:i}", "country",
		p->country[0] ? p->country : NULL, "group", p->conf->group, "all_sensors",
		!(p->country[0] && p->any_country) && !p->conf->group, "sensors",
		a.result.row_n ? (int)a.result.row_n : known);
	if (p->conf->recipient && p->conf->group) { // its name may tell whose sensors they are
		struct tt_pseudonyms names = page_names(p);
		char alias[TT_ID_LEN];
		pseudonym_make(p->s, &names, 'g', p->conf->group, alias);
		json_object_set_new(scope, "group", json_string(alias));
	}
	json_object_set_new(p->doc, "scope", scope);
	json_object_set_new(p->doc, "completeness", completeness_json(a.result.completeness));
	answer_free(&a);
	return 0;
}

static int find_heads(struct page *p) {
	static const char *const copied[] = {
		"title", "issuer", "date", "contact", "tlp", "licence"};
	struct tt_store_info info;
	int rc = tt_store_info(p->s, &info, p->err);
	char a[TT_RFC3339_LEN], b[TT_RFC3339_LEN];
	if (rc)
		return rc;
	json_object_set_new(p->doc, "kind", json_string("report-data"));
	json_object_set_new(p->doc, "v", json_integer(1));
	for (unsigned i = 0; i < sizeof(copied) / sizeof(*copied); i++)
		json_object_set(p->doc, copied[i], json_object_get(p->config, copied[i]));
	json_object_set_new(p->doc, "period", span_json(p, p->from, p->to));
	json_object_set_new(p->doc, "previous", span_json(p, p->previous_from, p->previous_to));
	json_object_set_new(p->doc, "timezone", json_string(tt_tz_name(tt_store_tz(p->s))));
	json_object_set_new(p->doc, "class", json_string("scan"));
	json_object_set_new(p->doc, "rank", json_string("rate"));
	json_object_set_new(p->doc, "surveyors", json_string(surveyors_name(surveyors(p))));
	if (surveyors(p) != TT_SURVEYORS_WITH) {
		struct tt_survey_days days;
		rc = tt_store_survey_days(p->s, p->from, p->to, &days, p->err);
		json_object_set_new(p->doc, "surveyor_days", survey_days_json(&days));
	}
	json_object_set_new(p->doc, "recipient",
		p->conf->recipient ? json_string(p->conf->recipient) : json_null());
	bool any = info.data_from != info.data_to;
	json_object_set_new(p->doc, "data",
		json_pack("{s:s?, s:s?}", "from", any ? tt_time_format(info.data_from, a) : NULL,
			"to", any ? tt_time_format(info.data_to, b) : NULL));
	return 0;
}

static int find_overview(struct page *p) {
	struct tt_query q = page_query(p, TT_BY_NONE);
	struct answer all, classes;
	q.classes = OBSERVED;
	int rc = ask(p, &q, TT_RANK_PACKETS, &all);
	if (rc)
		return rc;
	q.by = TT_BY_CLASS;
	rc = ask(p, &q, TT_RANK_PACKETS, &classes);
	if (!rc) {
		json_t *o = top_json(p, &all, TT_BY_NONE, 0);
		json_t *row = json_array_get(json_object_get(o, "rows"), 0);
		if (row) {
			json_object_update(o, row);
			json_object_del(o, "rank");
		}
		json_object_del(o, "rows");
		json_object_del(o, "by");
		json_t *by_class = top_json(p, &classes, TT_BY_CLASS, 0);
		json_object_set(o, "classes", json_object_get(by_class, "rows"));
		json_decref(by_class);
		json_object_set_new(p->doc, "overview", o);
		answer_free(&classes);
	}
	answer_free(&all);
	return rc;
}

// The rank of each row among the destination ports of all classes.
static int add_dport_ranks(struct page *p, json_t *rows) {
	struct tt_query q = page_query(p, TT_BY_DPORT);
	struct answer a;
	json_t *row;
	size_t i;
	json_array_foreach(rows, i, row) json_object_set_new(row, "rank_all_classes", json_null());
	q.raw_rows_limit = DPORT_ROWS_MAX;
	q.classes = OBSERVED;
	int rc = ask(p, &q, TT_RANK_RATE, &a);
	// the destination ports of answers are told by raw batches only
	if (rc == -ENODATA || rc == -E2BIG)
		return 0;
	if (rc)
		return rc;
	json_array_foreach(rows, i, row) {
		for (unsigned j = 0; j < a.ranking.ranked_n; j++) {
			json_t *key = key_json(&a.ranking.rows[j].row->key, TT_BY_DPORT);
			bool equal = key_equals(key, row, TT_BY_DPORT);
			json_decref(key);
			if (!equal)
				continue;
			json_object_set_new(
				row, "rank_all_classes", json_integer(a.ranking.rows[j].rank));
			break;
		}
	}
	answer_free(&a);
	return 0;
}

// What the page calls a row, for texts that name it by placeholder.
static void name_rows(struct page *p, const char *table) {
	json_t *row;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(p->doc, table), "rows"), i, row) {
		char name[2][NAME_LEN];
		for (unsigned l = 0; l < 2; l++)
			json_object_get(row, "region") ? region_name(p, l, row, name[l])
						       : service_name(l, row, name[l]);
		json_object_set_new(
			row, "name", json_pack("{s:s, s:s}", "en", name[0], "ja", name[1]));
	}
}

static void keep_keys(struct page *p, unsigned table, const struct answer *a) {
	p->key_n[table] = a->ranking.ranked_n < p->top ? a->ranking.ranked_n : p->top;
	for (unsigned i = 0; i < p->key_n[table]; i++)
		p->keys[table][i] = a->ranking.rows[i].row->key;
}

static int find_tables(struct page *p) {
	struct tt_query q = page_query(p, TT_BY_PORT);
	struct answer ports, regions;
	int rc = ask(p, &q, TT_RANK_RATE, &ports);
	if (rc)
		return rc;
	q.by = TT_BY_REGION;
	rc = ask(p, &q, TT_RANK_RATE, &regions);
	if (!rc) {
		json_object_set_new(p->doc, "table1", top_json(p, &ports, TT_BY_PORT, p->top));
		json_object_set_new(p->doc, "table2", top_json(p, &regions, TT_BY_REGION, p->top));
		keep_keys(p, 0, &ports);
		keep_keys(p, 1, &regions);
		name_rows(p, "table1");
		name_rows(p, "table2");
		json_object_set_new(p->doc, "ranks", ranks_json(p, &ports, &regions));
		answer_free(&regions);
	}
	answer_free(&ports);
	return rc ? rc
		  : add_dport_ranks(p, json_object_get(json_object_get(p->doc, "table1"), "rows"));
}

static int find_series(struct page *p, unsigned table, enum tt_by by) {
	struct tt_query q = page_query(p, by);
	struct answer a;
	char of[16], figure[16];
	snprintf(of, sizeof(of), "table%u", table + 1);
	snprintf(figure, sizeof(figure), "figure%u", table + 1);
	if (!p->key_n[table])
		return 0;
	q.step = TT_STEP_DAY;
	q.keys = p->keys[table];
	q.key_n = p->key_n[table];
	int rc = ask(p, &q, TT_RANK_RATE, &a);
	if (rc)
		return rc;
	json_object_set_new(p->doc, figure,
		series_json(p, &a, by, json_object_get(json_object_get(p->doc, of), "rows")));
	answer_free(&a);
	return 0;
}

static void title(
	struct page *p, const char *id, const char *measure, const char *en, const char *ja) {
	json_t *o = json_object_get(p->doc, id);
	char text[2][NAME_LEN];
	if (!o)
		return;
	snprintf(text[0], NAME_LEN, en, p->top);
	snprintf(text[1], NAME_LEN, ja, p->top);
	json_object_set_new(o, "title", json_pack("{s:s, s:s}", "en", text[0], "ja", text[1]));
	if (measure)
		json_object_set_new(o, "measure", json_string(measure));
}

static int find_figures(struct page *p) {
	int rc = find_series(p, 0, TT_BY_PORT);
	if (!rc)
		rc = find_series(p, 1, TT_BY_REGION);
	title(p, "table1", NULL, "Top %u services probed", "宛先ポート番号トップ%u");
	title(p, "figure1", "packets", "Packets per day by service, top %u",
		"宛先ポート番号別の観測数の推移（上位%u位）");
	title(p, "table2", NULL, "Top %u source regions", "送信元地域トップ%u");
	title(p, "figure2", "packets", "Packets per day by source region, top %u",
		"送信元地域別の観測数の推移（上位%u位）");
	topics_figures(p);
	return rc;
}

int doc_make(struct page *p) {
	static int (*const parts[])(struct page *) = {find_heads, find_scope, find_overview,
		find_tables, topics_gather, find_figures, previous_apply, families_gather,
		sensors_gather, compare_gather, moves_gather, prose_write};
	int rc = 0;
	p->doc = json_object();
	if (!p->doc)
		return tt_err_set(p->err, -ENOMEM, "report: no memory");
	find_previous(p);
	for (unsigned i = 0; !rc && i < sizeof(parts) / sizeof(*parts); i++)
		rc = parts[i](p);
	return rc;
}
