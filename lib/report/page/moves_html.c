/* SPDX-License-Identifier: BSD-3-Clause */
// The table of all changes.
#include <string.h>

#include "prose.h"
#include "sections.h"

static enum word kind_word(const char *kind) {
	static const struct {
		const char *name;
		enum word word;
	} words[] = {{"surge", W_SURGE}, {"rise", W_RISE}, {"decline", W_DECLINE}, {"dip", W_DIP},
		{"newcomer", W_NEWCOMER}, {"leaver", W_LEAVER}};
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].name, kind))
			return words[i].word;
	return W_SURGE;
}

static void cell_day(
	struct page *p, struct tt_buf *b, const json_t *o, const char *key, int shift) {
	char text[TT_RFC3339_LEN];
	html_printf(b, "<td class=\"d\">%s</td>", tt_day_format(prose_day(p, o, key, shift), text));
}

static void cell_thing(struct page *p, struct tt_buf *b, const json_t *o) {
	const char *of = json_string_value(json_object_get(o, "of"));
	const char *class = json_string_value(json_object_get(o, "class"));
	char name[NAME_LEN];
	thing_name(p, p->lang, of, json_string_value(json_object_get(o, "key")), name);
	html_printf(b, "<td>%s%s</td>", name,
		class && !strcmp(class, "reflection") ? say(p->lang, W_ANSWERS) : "");
}

// Whether it is about ranks.
static bool is_move(const json_t *o) {
	return json_object_get(o, "top") != NULL;
}

// What happened, of ranks in which top.
static void cell_kind(struct page *p, struct tt_buf *b, const json_t *o) {
	const char *text = say(p->lang, kind_word(json_string_value(json_object_get(o, "kind"))));
	int top = (int)json_integer_value(json_object_get(o, "top"));
	if (!top)
		html_printf(b, "<td class=\"d\">%s</td>", text);
	else if (p->lang == TT_JA)
		html_printf(b, "<td class=\"d\">TOP%d%s</td>", top, text);
	else
		html_printf(b, "<td class=\"d\">%s %d</td>", text, top);
}

static void write_moves(struct page *p, struct tt_buf *b, const json_t *rows) {
	const enum word words[] = {W_WHAT, W_CHANGE, W_RANK, previous_word(p)};
	const json_t *o;
	size_t i;
	table_begin(p, b, "moves-list", say(p->lang, W_MOVES_LIST), words, "ttnn");
	json_array_foreach((json_t *)rows, i, o) {
		if (!is_move(o))
			continue;
		tt_buf_printf(b, "<tr>");
		cell_thing(p, b, o);
		cell_kind(p, b, o);
		cell_count(b, json_object_get(o, "rank"));
		cell_count(b, json_object_get(o, "previous_rank"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
}

static void write_days(struct page *p, struct tt_buf *b, const json_t *rows) {
	static const enum word words[] = {
		W_WHAT, W_CHANGE, W_FIRST_DAY, W_LAST_DAY, W_EXTREME, W_USUAL};
	const json_t *o;
	size_t i;
	table_begin(p, b, "changes-list", say(p->lang, W_CHANGES_LIST), words, "ttttnn");
	json_array_foreach((json_t *)rows, i, o) {
		if (is_move(o))
			continue;
		tt_buf_printf(b, "<tr>");
		cell_thing(p, b, o);
		cell_kind(p, b, o);
		cell_day(p, b, o, "from", 0);
		if (json_is_true(json_object_get(o, "lasts")))
			html_printf(b, "<td>%s</td>", say(p->lang, W_LASTS));
		else
			cell_day(p, b, o, "to", -1);
		cell_count(b, json_object_get(o, "peak"));
		cell_rate(b, json_object_get(json_object_get(o, "usual"), "median"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
}

void write_changes(struct page *p, struct tt_buf *b) {
	const json_t *changes = json_object_get(p->doc, "changes"), *o;
	const json_t *rows = json_object_get(changes, "rows");
	bool data = !json_is_null(json_object_get(changes, "completeness"));
	bool past = !json_is_null(json_object_get(changes, "past_completeness"));
	size_t i, moves = 0;
	json_array_foreach((json_t *)rows, i, o) moves += is_move(o);
	if (json_array_size(rows) > moves)
		write_days(p, b, rows);
	else
		html_printf(b, "<p id=\"changes-list\">%s</p>\n",
			say(p->lang, !data  ? W_NOTHING
				     : past ? W_NO_CHANGES
					    : W_NO_ODD_DAYS));
	if (moves)
		write_moves(p, b, rows);
}
