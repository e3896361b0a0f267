/* SPDX-License-Identifier: BSD-3-Clause */
// What watches found, for the report's period and sensors.
#include <errno.h>
#include <string.h>

#include "../findings.h"
#include "page.h"

static int add_watch(struct page *p, const char *name, json_t *topics) {
	struct tt_watch_result r;
	int rc = tt_watch_find(p->s, name, p->from, p->to, &r, p->err);
	if (!rc && p->conf->recipient) {
		struct tt_pseudonyms names = page_names(p);
		rc = tt_watch_hide(p->s, &names, &r, p->err);
	}
	if (!rc) {
		json_t *o = tt_watch_json(p->s, &r);
		json_object_set(o, "where", json_object_get(r.info.settings, "where"));
		json_object_set(o, "breakdown", json_object_get(r.info.settings, "by"));
		json_array_append_new(topics, o);
	}
	tt_watch_result_free(&r);
	return rc;
}

int topics_gather(struct page *p) {
	const json_t *chosen = json_object_get(p->config, "watches"), *name;
	json_t *topics = json_array();
	struct tt_watch_list list;
	size_t i;
	int rc = tt_store_watches(p->s, &list, p->err);
	json_object_set_new(p->doc, "topics", topics);
	json_array_foreach((json_t *)chosen, i, name) {
		bool known = rc != 0;
		for (unsigned j = 0; j < list.n && !known; j++)
			known = !strcmp(list.watches[j].name, json_string_value(name));
		if (!known)
			rc = tt_err_set(p->err, -EINVAL,
				"%s: $.watches[%zu]: is \"%s\", expected a watch that %s has",
				p->conf->config_name, i, json_string_value(name), p->conf->db);
		else if (!rc)
			rc = add_watch(p, json_string_value(name), topics);
	}
	for (unsigned j = 0; !rc && !json_is_array(chosen) && j < list.n && j < TOPICS; j++)
		rc = add_watch(p, list.watches[j].name, topics);
	tt_watch_list_free(&list);
	return rc;
}

// Each watch is a figure, from 3 on.
static json_t *watch_line(
	struct page *p, const json_t *watch, const char *prefix, const json_t *label) {
	json_t *points = json_array(), *day;
	char text[TT_RFC3339_LEN], key[2][24];
	int64_t start;
	size_t i;
	snprintf(key[0], sizeof(key[0]), "%spackets", prefix);
	snprintf(key[1], sizeof(key[1]), "%ssources", prefix);
	json_array_foreach(json_object_get(watch, "days"), i, day) {
		const char *of = json_string_value(json_object_get(day, "day"));
		if (tt_tz_parse_time(tt_store_tz(p->s), of, &start, p->err))
			continue;
		json_array_append_new(
			points, json_pack("{s:s, s:O?, s:O?, s:O?, s:O?}", "start",
					tt_time_format(start, text), "packets",
					json_object_get(day, key[0]), "sources",
					json_object_get(day, key[1]), "bytes",
					*prefix ? NULL : json_object_get(day, "bytes"),
					"completeness", json_object_get(day, "completeness")));
	}
	return json_pack("{s:{}, s:O, s:o}", "key", "label", label, "points", points);
}

static void add_figure(struct page *p, unsigned number, const json_t *watch) {
	const json_t *title = json_object_get(watch, "title");
	const char *measure = json_string_value(json_object_get(watch, "measure"));
	const json_t *plain = json_object_get(watch, "plain");
	const char *port = json_string_value(json_object_get(plain, "source_port"));
	bool sources = !strcmp(measure, "sources");
	json_t *rows = json_array(), *label;
	char id[16], text[2][NAME_LEN], shown[NAME_LEN];
	snprintf(id, sizeof(id), "figure%u", number);
	if (port) {
		port_name(port, shown);
		snprintf(text[0], NAME_LEN, "all packets from source port %.40s", shown);
		snprintf(text[1], NAME_LEN, "送信元ポート%.40sの全パケット", shown);
		label = json_pack("{s:s, s:s}", "en", text[0], "ja", text[1]);
		json_array_append_new(rows, watch_line(p, watch, "plain_", label));
		json_decref(label);
	}
	json_array_append_new(rows, watch_line(p, watch, "", title));
	for (unsigned l = 0; l < 2; l++)
		snprintf(text[l], NAME_LEN, l ? "%.180s：%sの推移" : "%.180s: %s per day",
			bilingual_text(l, title),
			l	  ? sources ? "送信元アドレス数" : "観測数"
			: sources ? "sources"
				  : measure);
	json_object_set_new(p->doc, id,
		json_pack("{s:{s:s, s:s}, s:O, s:O, s:s, s:O, s:o}", "title", "en", text[0], "ja",
			text[1], "watch", json_object_get(watch, "watch"), "measure",
			json_object_get(watch, "measure"), "step", "day", "completeness",
			json_object_get(watch, "completeness"), "rows", rows));
}

void topics_figures(struct page *p) {
	json_t *watch;
	size_t i;
	json_array_foreach(json_object_get(p->doc, "topics"), i, watch) if (i < TOPICS)
		add_figure(p, (unsigned)i + 3, watch);
}
