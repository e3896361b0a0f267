/* SPDX-License-Identifier: BSD-3-Clause */
// Traffic by tool, which packets themselves tell, and by malware family, which the services tell
// that it is known to target: rankings like those of services and regions.
#include <string.h>

#include "page.h"
#include "sections.h"

#define FAMILY_TOP 10

static json_t *previous_json(const struct ranked *r) {
	return r->previous == PREVIOUS_RANK	 ? json_integer(r->previous_rank)
	       : r->previous == PREVIOUS_OUTSIDE ? json_string("outside")
						 : json_null();
}

static json_t *ranking_json(struct page *p, struct answer *now, enum tt_by by) {
	json_t *o = top_json(p, now, by, FAMILY_TOP), *row;
	size_t i;
	json_array_foreach(json_object_get(o, "rows"), i, row)
		json_object_set_new(row, "previous_rank", previous_json(&now->ranking.rows[i]));
	return o;
}

static int gather(struct page *p, enum tt_by by, const char *id) {
	struct tt_query q = page_query(p, by);
	struct answer now, before;
	q.sets = tt_services_malware(p->conf->services, &q.set_n);
	int rc = ask(p, &q, TT_RANK_RATE, &now);
	if (rc)
		return rc;
	q.from = p->previous_from;
	q.to = p->previous_to;
	rc = ask(p, &q, TT_RANK_RATE, &before);
	if (!rc) {
		rc = rank_compare(&now.ranking, &before.ranking,
			before.result.completeness >= 0 || before.result.row_n, by);
		answer_free(&before);
	}
	if (!rc)
		json_object_set_new(p->doc, id, ranking_json(p, &now, by));
	answer_free(&now);
	return rc;
}

int families_gather(struct page *p) {
	int rc = gather(p, TT_BY_TOOL, "tools");
	return rc ? rc : gather(p, TT_BY_MALWARE, "malware");
}

static void cell_matches(struct tt_buf *b, const json_t *row) {
	const json_t *k = json_object_get(row, "matches"), *n = json_object_get(row, "of");
	char x[TT_SHOW_LEN], y[TT_SHOW_LEN];
	if (!json_is_integer(k) || !json_is_integer(n)) {
		html_printf(b, "<td class=\"n\">–</td>");
		return;
	}
	html_printf(b, "<td class=\"n\">%s / %s</td>",
		tt_show_count((uint64_t)json_integer_value(k), x),
		tt_show_count((uint64_t)json_integer_value(n), y));
}

static const char *tool_name(const char *id) {
	static const char *const names[] = {"ZMap", "Masscan", "Mirai"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcasecmp(names[i], id))
			return names[i];
	return id;
}

// "tcp/23 tcp/2323" as the other tables write them.
static void cell_services(struct tt_buf *b, const char *services) {
	char one[32], shown[NAME_LEN];
	tt_buf_printf(b, "<td>");
	for (size_t n; (n = strcspn(services, " ")); services += n + (services[n] == ' ')) {
		snprintf(one, sizeof(one), "%.*s", (int)n, services);
		html_printf(b, services[n] ? "%s, " : "%s", port_name(one, shown));
	}
	tt_buf_printf(b, "</td>");
}

static void write_rows(struct page *p, struct tt_buf *b, const json_t *rows, bool tools) {
	const json_t *row;
	size_t i;
	json_array_foreach((json_t *)rows, i, row) {
		html_printf(b, "<tr>");
		cell_count(b, json_object_get(row, "rank"));
		html_printf(b, "<td>%s</td>",
			tools ? tool_name(json_string_value(json_object_get(row, "tool")))
			      : json_string_value(json_object_get(row, "malware")));
		if (!tools)
			cell_services(b, json_string_value(json_object_get(row, "services")));
		cell_previous(p, b, row);
		cell_rate(b, json_object_get(row, "rate"));
		cell_count(b, json_object_get(row, "packets"));
		cell_count(b, json_object_get(row, "sources"));
		if (tools)
			cell_matches(b, row);
		html_printf(b, "</tr>\n");
	}
}

void write_families(struct page *p, struct tt_buf *b) {
	const enum word tools[] = {
		W_RANK, W_TOOL, previous_word(p), W_RATE_HEAD, W_PACKETS, W_SOURCES, W_MATCHES};
	const enum word malware[] = {W_RANK, W_FAMILY, W_FAMILY_SERVICES, previous_word(p),
		W_RATE_HEAD, W_PACKETS, W_SOURCES};
	for (unsigned i = 0; i < 2; i++) {
		const char *id = i ? "malware" : "tools";
		const json_t *rows = json_object_get(json_object_get(p->doc, id), "rows");
		if (!json_array_size(rows))
			continue;
		table_begin(p, b, id, say(p->lang, i ? W_FAMILIES : W_TOOLS), i ? malware : tools,
			i ? "nttnnnn" : "ntnnnnn");
		write_rows(p, b, rows, !i);
		table_end(b);
		html_printf(b, "<p class=\"small\">%s</p>\n",
			say(p->lang, i ? W_FAMILIES_NOTE : W_TOOLS_NOTE));
	}
}
