/* SPDX-License-Identifier: BSD-3-Clause */
// What was published about the services of the table: beside the figures, not their explanation.
#include <string.h>

#include "prose.h"
#include "sections.h"
#include "tt_knowledge.h"

static bool says_something(const json_t *o) {
	static const char *const keys[] = {"products", "malware", "cves"};
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (json_array_size(json_object_get(o, keys[i])))
			return true;
	return json_is_object(json_object_get(o, "about"));
}

void knowledge_gather(struct page *p) {
	const json_t *rows = json_object_get(json_object_get(p->doc, "table1"), "rows"), *row;
	json_t *list = json_array();
	size_t i;
	json_array_foreach((json_t *)rows, i, row) {
		const char *proto = json_string_value(json_object_get(row, "proto"));
		const json_t *port = json_object_get(row, "port");
		if (!proto || !json_is_integer(port))
			continue;
		json_t *o = tt_service_json(p->conf->services, p->conf->kev,
			(uint8_t)tt_proto_parse(proto), (uint16_t)json_integer_value(port));
		if (o && says_something(o))
			json_array_append(list, o);
		json_decref(o);
	}
	json_object_set_new(p->doc, "knowledge", list);
	json_object_set_new(
		p->doc, "kev", p->conf->kev ? json_string(tt_kev_date(p->conf->kev)) : json_null());
}

static void join(struct tt_buf *b, const json_t *list) {
	const json_t *v;
	size_t i;
	tt_buf_printf(b, "<td>");
	json_array_foreach((json_t *)list, i, v) html_printf(
		b, "%s%s", i ? ", " : "", json_is_string(v) ? json_string_value(v) : "");
	tt_buf_printf(b, json_array_size(list) ? "</td>" : "–</td>");
}

#define CVES 4 // of a service, the latest first; report.json has all

static void join_cves(struct page *p, struct tt_buf *b, const json_t *list) {
	const json_t *period = json_object_get(p->doc, "period"), *v;
	const char *from = json_string_value(json_object_get(period, "from_day"));
	const char *last = json_string_value(json_object_get(period, "last_day"));
	size_t i, n = json_array_size(list);
	tt_buf_printf(b, "<td>");
	json_array_foreach((json_t *)list, i, v) {
		const char *since = json_string_value(json_object_get(v, "exploited"));
		bool now = since && strcmp(since, from) >= 0 && strcmp(since, last) <= 0;
		if (i == CVES) {
			html_printf(b, ", … (%u)", (unsigned)(n - CVES));
			break;
		}
		html_printf(b,
			now ? "%s<b class=\"cve\">%s%s%s%s</b>"
			    : "%s<span class=\"cve\">%s%s%s%s</span>",
			i ? ", " : "", json_string_value(json_object_get(v, "cve")),
			since ? " (" : "", since ? since : "", since ? ")" : "");
	}
	tt_buf_printf(b, n ? "</td>" : "–</td>");
}

void write_knowledge(struct page *p, struct tt_buf *b) {
	const enum word words[] = {
		W_PORT, W_KNOWN, W_MALWARE, p->conf->kev ? W_EXPLOITED : W_VULNERABILITIES};
	const json_t *list = json_object_get(p->doc, "knowledge"), *o;
	size_t i;
	if (!json_array_size(list))
		return;
	table_begin(p, b, "knowledge", say(p->lang, W_PUBLISHED), words, "tttt");
	json_array_foreach((json_t *)list, i, o) {
		char name[NAME_LEN];
		const char *about = bilingual_text(p->lang, json_object_get(o, "about"));
		html_printf(b, "<tr><td>%s</td>", service_name(p->lang, o, name));
		if (*about)
			html_printf(b, "<td>%s</td>", about);
		else
			join(b, json_object_get(o, "products"));
		join(b, json_object_get(o, "malware"));
		join_cves(p, b, json_object_get(o, "cves"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
	html_printf(b, "<p class=\"small\">%s%s%s</p>\n", say(p->lang, W_KNOWLEDGE_NOTE),
		p->conf->kev && p->lang == TT_EN ? " " : "",
		p->conf->kev ? say(p->lang, W_PUBLISHED_NOTE) : "");
}
