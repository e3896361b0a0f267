/* SPDX-License-Identifier: BSD-3-Clause */
// The section about sensors: who they are, what each saw, domestic against overseas.
#include <string.h>

#include "page.h"
#include "sections.h"

static void text(struct tt_buf *b, const json_t *v) {
	html_printf(b, "<td>%s</td>", json_is_string(v) ? json_string_value(v) : "–");
}

static void cell_country(struct page *p, struct tt_buf *b, const char *code) {
	json_t *row = json_pack("{s:s}", "region", code ? code : "");
	char name[NAME_LEN];
	html_printf(b, "<td>%s</td>", code && *code ? region_name(p, p->lang, row, name) : "–");
	json_decref(row);
}

static void write_list(struct page *p, struct tt_buf *b, const json_t *sensors) {
	static const enum word words[] = {
		W_SENSOR, W_COUNTRY, W_NETWORK, W_PACKETS, W_COMPLETENESS};
	const json_t *s;
	size_t i;
	table_begin(p, b, "sensor-list", say(p->lang, W_SENSOR_LIST), words, "tttnn");
	json_array_foreach((json_t *)sensors, i, s) {
		html_printf(
			b, "<tr><td>%s</td>", bilingual_text(p->lang, json_object_get(s, "name")));
		cell_country(p, b, json_string_value(json_object_get(s, "country")));
		text(b, json_object_get(s, "network"));
		cell_count(b, json_object_get(s, "packets"));
		cell_share(p, b, json_object_get(s, "completeness"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
}

static void write_side(
	struct page *p, struct tt_buf *b, const char *which, enum word name, bool domestic) {
	static const enum word words[2][5] = {
		{W_RANK_OVERSEAS, W_PORT, W_RATE_OVERSEAS, W_RANK_DOMESTIC, W_RATE_DOMESTIC},
		{W_RANK_DOMESTIC, W_PORT, W_RATE_DOMESTIC, W_RANK_OVERSEAS, W_RATE_OVERSEAS}};
	const json_t *side = json_object_get(json_object_get(p->doc, "compare"), which), *row;
	const json_t *rows = json_object_get(side, "rows");
	const json_t *complete = json_object_get(side, "completeness");
	char id[32], caption[NAME_LEN];
	size_t i;
	snprintf(id, sizeof(id), "compare-%s", which);
	snprintf(caption, sizeof(caption), "%s%s%s%s", say(p->lang, name), say(p->lang, W_COLON),
		say(p->lang, W_RATE),
		json_is_real(complete) && json_real_value(complete) < INCOMPLETE ? "†" : "");
	if (!json_array_size(rows)) {
		html_printf(b, "<p class=\"warn\" id=\"%s\">%s%s%s</p>\n", id, caption,
			say(p->lang, W_COLON),
			say(p->lang, json_is_null(complete) ? W_NO_DATA : W_NO_ROWS));
		return;
	}
	table_begin(p, b, id, caption, words[domestic], "ntnnn");
	json_array_foreach((json_t *)rows, i, row) {
		char service[NAME_LEN];
		tt_buf_printf(b, "<tr>");
		cell_count(b, json_object_get(row, "rank"));
		html_printf(b, "<td>%s</td>", service_name(p->lang, row, service));
		cell_rate(b, json_object_get(row, "rate"));
		cell_count(b, json_object_get(row, "other_rank"));
		cell_rate(b, json_object_get(row, "other_rate"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
}

static void write_one(struct page *p, struct tt_buf *b, const json_t *sensor) {
	static const enum word words[] = {W_RANK, W_PORT, W_PACKETS, W_RATE_SHORT};
	const json_t *rows = json_object_get(sensor, "rows"), *row;
	const char *name = bilingual_text(p->lang, json_object_get(sensor, "name"));
	char id[80];
	size_t i;
	snprintf(id, sizeof(id), "sensor-%s", json_string_value(json_object_get(sensor, "id")));
	tt_buf_printf(b, "<div class=\"sensor\">\n");
	table_begin(p, b, id, name, words, p->conf->recipient ? "ntn" : "ntnn");
	json_array_foreach((json_t *)rows, i, row) {
		char service[NAME_LEN];
		if (!json_is_integer(json_object_get(row, "rank")))
			continue;
		tt_buf_printf(b, "<tr>");
		cell_count(b, json_object_get(row, "rank"));
		html_printf(b, "<td>%s</td>", service_name(p->lang, row, service));
		cell_count(b, json_object_get(row, "packets"));
		if (!p->conf->recipient)
			cell_rate(b, json_object_get(row, "rate"));
		tt_buf_printf(b, "</tr>\n");
	}
	if (!json_array_size(rows))
		html_printf(b, "<tr><td colspan=\"4\">%s</td></tr>\n",
			say(p->lang, json_is_null(json_object_get(sensor, "completeness"))
					     ? W_NO_DATA
					     : W_NO_ROWS));
	table_end(b);
	tt_buf_printf(b, "</div>\n");
}

void write_sensors(struct page *p, struct tt_buf *b) {
	const json_t *sensors = json_object_get(p->doc, "sensors"), *s;
	size_t i;
	if (json_is_object(json_object_get(p->doc, "compare"))) {
		html_printf(b, "<h3>%s</h3>\n", say(p->lang, W_COMPARE));
		write_side(p, b, "domestic", W_DOMESTIC, true);
		write_side(p, b, "overseas", W_OVERSEAS, false);
	}
	if (!json_array_size(sensors)) {
		html_printf(b, "<p>%s</p>\n", say(p->lang, W_NO_SENSORS));
		return;
	}
	write_list(p, b, sensors);
	html_printf(b, "<h3>%s</h3>\n<div class=\"sensors\">\n", say(p->lang, W_EACH_TOP));
	json_array_foreach((json_t *)sensors, i, s) write_one(p, b, s);
	tt_buf_printf(b, "</div>\n");
}
