/* SPDX-License-Identifier: BSD-3-Clause */
// Sections of the page: overview, services, regions, topics.
#include <math.h>
#include <string.h>

#include "prose.h"
#include "sections.h"

static const json_t *part(const struct page *p, const char *a, const char *b) {
	const json_t *o = json_object_get(p->doc, a);
	return b ? json_object_get(o, b) : o;
}

void cell_count(struct tt_buf *b, const json_t *v) {
	char text[TT_SHOW_LEN];
	if (json_is_integer(v))
		tt_show_count((uint64_t)json_integer_value(v), text);
	html_printf(b, "<td class=\"n\">%s</td>", json_is_integer(v) ? text : "–");
}

void cell_rate(struct tt_buf *b, const json_t *v) {
	char text[TT_SHOW_LEN];
	double d = json_number_value(v);
	if (json_is_number(v) && d >= 0 && d < 1e15 && d == floor(d))
		tt_show_count((uint64_t)d, text);
	else if (json_is_number(v))
		show_rate(d, text);
	html_printf(b, "<td class=\"n\">%s</td>", json_is_number(v) ? text : "–");
}

void cell_share(struct page *p, struct tt_buf *b, const json_t *v) {
	char text[TT_SHOW_LEN];
	double share = json_number_value(v);
	if (json_is_number(v))
		share_text(p->lang, share, text);
	html_printf(b, "<td class=\"n\">%s%s</td>",
		json_is_number(v) ? text : say(p->lang, W_NO_DATA),
		json_is_number(v) && share < INCOMPLETE ? "†" : "");
}

void write_sentences(struct page *p, struct tt_buf *b, const char *section) {
	const json_t *list = part(p, "sentences", section), *s;
	size_t i;
	json_array_foreach((json_t *)list, i, s)
		html_printf(b, "<p>%s</p>\n", bilingual_text(p->lang, s));
}

const char *scope_name(const struct page *p, enum tt_lang lang, char buf[NAME_LEN]) {
	const json_t *scope = part(p, "scope", NULL);
	const char *group = json_string_value(json_object_get(scope, "group"));
	int n = (int)json_integer_value(json_object_get(scope, "sensors"));
	json_t *region = json_pack("{s:s}", "region", p->country);
	char country[NAME_LEN] = "";
	if (p->country[0] && p->any_country)
		region_in_text(p, lang, region, country);
	json_decref(region);
	if (lang == TT_JA)
		snprintf(buf, NAME_LEN, "%.100s%sセンサー%d台%s%.40s%s", country,
			*country ? "の" : "", n, group ? "（グループ " : "", group ? group : "",
			group ? "）" : "");
	else
		snprintf(buf, NAME_LEN, "%d sensor%s%s%.100s%s%.40s%s", n, n == 1 ? "" : "s",
			*country ? " in " : "", country, group ? " (group " : "",
			group ? group : "", group ? ")" : "");
	return buf;
}

static void key_figure(
	struct page *p, struct tt_buf *b, const char *id, const json_t *v, enum word label) {
	char text[TT_SHOW_LEN];
	if (json_is_integer(v))
		tt_show_count((uint64_t)json_integer_value(v), text);
	else if (json_is_real(v))
		share_text(p->lang, json_real_value(v), text);
	html_printf(b, "<div><b id=\"key-%s\">%s%s</b><span>", id, json_is_number(v) ? text : "–",
		json_is_real(v) && json_real_value(v) < INCOMPLETE ? "†" : "");
	html_heading(b, say(p->lang, label));
	tt_buf_printf(b, "</span></div>\n");
}

static enum word class_word(const char *class) {
	static const struct {
		const char *name;
		enum word word;
	} words[] = {{"scan", W_CLASS_SCAN}, {"backscatter", W_CLASS_BACKSCATTER},
		{"reflection", W_CLASS_REFLECTION}, {"other", W_CLASS_OTHER},
		{"fragment", W_CLASS_FRAGMENT}};
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].name, class))
			return words[i].word;
	return W_CLASS_OTHER;
}

void table_begin(struct page *p, struct tt_buf *b, const char *id, const char *caption,
	const enum word *words, const char *kinds) {
	table_begin_noted(p, b, id, caption, words, kinds, NULL, 0);
}

void table_begin_noted(struct page *p, struct tt_buf *b, const char *id, const char *caption,
	const enum word *words, const char *kinds, const enum method_note *notes, unsigned n) {
	html_printf(b, "<table id=\"%s\">\n<caption>%s", id, caption);
	note_marks(b, notes, n);
	tt_buf_printf(b, "</caption>\n<thead><tr>");
	for (unsigned i = 0; kinds[i]; i++) {
		tt_buf_printf(b,
			kinds[i] == 'n' ? "<th class=\"n\" scope=\"col\">" : "<th scope=\"col\">");
		html_heading(b, say(p->lang, words[i]));
		tt_buf_printf(b, "</th>");
	}
	tt_buf_printf(b, "</tr></thead>\n<tbody>\n");
}

void table_end(struct tt_buf *b) {
	tt_buf_printf(b, "</tbody></table>\n");
}

void write_overview(struct page *p, struct tt_buf *b) {
	static const enum word words[] = {W_CLASS, W_PACKETS, W_BYTES, W_SOURCES};
	const json_t *o = part(p, "overview", NULL), *row;
	size_t i;
	if (!json_integer_value(json_object_get(o, "packets")) &&
		json_is_null(json_object_get(o, "completeness"))) {
		html_printf(
			b, "<p class=\"warn\" id=\"nothing\">%s</p>\n", say(p->lang, W_NOTHING));
		return;
	}
	tt_buf_printf(b, "<div class=\"keys\">\n");
	key_figure(p, b, "packets", json_object_get(o, "packets"), W_PACKETS);
	key_figure(p, b, "sources", json_object_get(o, "sources"), W_SOURCES);
	key_figure(p, b, "sensors", part(p, "scope", "sensors"), W_SENSOR_COUNT);
	key_figure(p, b, "completeness", json_object_get(o, "completeness"), W_COMPLETENESS);
	tt_buf_printf(b, "</div>\n");
	table_begin(p, b, "classes", say(p->lang, W_CLASSES), words, "tnnn");
	json_array_foreach((json_t *)json_object_get(o, "classes"), i, row) {
		const char *class = json_string_value(json_object_get(row, "class"));
		html_printf(b, "<tr><td>%s</td>", say(p->lang, class_word(class)));
		cell_count(b, json_object_get(row, "packets"));
		cell_count(b, json_object_get(row, "bytes"));
		cell_count(b, json_object_get(row, "sources"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
}

enum word previous_word(const struct page *p) {
	static const enum word words[] = {[LENGTH_DAYS] = W_PREVIOUS_DAYS,
		[LENGTH_MONTH] = W_PREVIOUS_MONTH,
		[LENGTH_QUARTER] = W_PREVIOUS_QUARTER,
		[LENGTH_YEAR] = W_PREVIOUS_YEAR};
	struct tt_tz *tz = tt_store_tz(p->s);
	return words[period_length(tt_tz_day(tz, p->from), tt_tz_day(tz, p->to))];
}

void cell_previous(struct page *p, struct tt_buf *b, const json_t *row) {
	const json_t *v = json_object_get(row, "previous_rank");
	char text[64];
	if (json_is_string(v)) {
		snprintf(text, sizeof(text), p->lang == TT_JA ? "TOP%u 外" : "outside top %u",
			p->previous_top);
		html_printf(b, "<td class=\"n\">%s</td>", text);
	} else {
		cell_count(b, v);
	}
}

static void cell_name(struct page *p, struct tt_buf *b, const json_t *row, bool service) {
	char name[NAME_LEN];
	double source = json_number_value(json_object_get(row, "top_source_share"));
	double sensor = json_number_value(json_object_get(row, "top_sensor_share"));
	int sensors = (int)json_integer_value(part(p, "scope", "sensors"));
	html_printf(b, "<td>%s%s%s</td>",
		service ? service_name(p->lang, row, name) : region_name(p, p->lang, row, name),
		sensors > 1 && sensor > 0.5 ? "‡" : "", source > 0.5 ? "§" : "");
}

static void table_caption(
	struct page *p, const char *id, enum word word, unsigned number, char *out, size_t size) {
	snprintf(out, size, "%s%u%s%s%s", say(p->lang, word), number, say(p->lang, W_COLON),
		bilingual_text(p->lang, part(p, id, "title")),
		json_is_real(part(p, id, "completeness")) &&
				json_real_value(part(p, id, "completeness")) < INCOMPLETE
			? "†"
			: "");
}

static void write_ranking(struct page *p, struct tt_buf *b, unsigned number, bool service) {
	const enum word words[] = {W_RANK, service ? W_PORT : W_REGION, previous_word(p),
		W_RATE_HEAD, W_PACKETS, W_SOURCES};
	char id[16], caption[2 * NAME_LEN];
	const json_t *row, *rows;
	size_t i;
	snprintf(id, sizeof(id), "table%u", number);
	rows = part(p, id, "rows");
	table_caption(p, id, W_TABLE, number, caption, sizeof(caption));
	if (!json_array_size(rows)) {
		html_printf(b, "<p class=\"warn\" id=\"%s\">%s%s%s</p>\n", id, caption,
			say(p->lang, W_COLON),
			say(p->lang, json_is_null(part(p, id, "completeness")) ? W_NO_PERIOD
									       : W_NO_ROWS));
		return;
	}
	const enum method_note names[] = {NOTE_NAMES, NOTE_CLASS, NOTE_RANK};
	const enum method_note regions[] = {NOTE_CLASS, NOTE_RANK, NOTE_REGION};
	table_begin_noted(p, b, id, caption, words, "ntnnnn", service ? names : regions, 3);
	json_array_foreach((json_t *)rows, i, row) {
		bool ranked = json_is_integer(json_object_get(row, "rank"));
		tt_buf_printf(b, ranked ? "<tr>" : "<tr class=\"rest\">");
		cell_count(b, json_object_get(row, "rank"));
		cell_name(p, b, row, service);
		cell_previous(p, b, row);
		cell_rate(b, json_object_get(row, "rate"));
		cell_count(b, json_object_get(row, "packets"));
		cell_count(b, json_object_get(row, "sources"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
}

void write_figure(struct page *p, struct tt_buf *b, unsigned number) {
	struct tt_buf *svg = &p->svg[number - 1];
	char id[16], caption[2 * NAME_LEN];
	snprintf(id, sizeof(id), "figure%u", number);
	if (!svg->len)
		return;
	table_caption(p, id, W_FIGURE, number, caption, sizeof(caption));
	html_printf(b, "<figure id=\"%s\">\n<figcaption>%s</figcaption>\n", id, caption);
	tt_buf_append(b, svg->data, svg->len);
	tt_buf_printf(b, "</figure>\n");
}

void write_services(struct page *p, struct tt_buf *b) {
	write_ranking(p, b, 1, true);
	write_figure(p, b, 1);
	write_knowledge(p, b);
	write_families(p, b);
}

void write_regions(struct page *p, struct tt_buf *b) {
	if (json_array_size(part(p, "table2", "rows")) && json_is_null(part(p, "table2", "rir")))
		html_printf(b, "<p class=\"warn\" id=\"no-regions\">%s</p>\n",
			say(p->lang, W_NO_REGIONS));
	write_ranking(p, b, 2, false);
	write_figure(p, b, 2);
}
