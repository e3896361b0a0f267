/* SPDX-License-Identifier: BSD-3-Clause */
// Sentences of the section of changes: who came into the tops and who left them, and what there was
// to compare with.
#include <string.h>

#include "prose.h"

// Rows of one kind of thing that came into one top, or left it.
struct movers {
	const char *of, *kind;
	json_int_t top;
};

static const char *text_of(const json_t *o, const char *key) {
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static json_int_t whole(const json_t *o, const char *key) {
	return json_integer_value(json_object_get(o, key));
}

// "7th", "not seen"; 2 ranks in a row: now, and in the period before.
static void rank_text(struct page *p, enum tt_lang lang, const json_t *o, char out[NAME_LEN]) {
	json_int_t now = whole(o, "rank"), before = whole(o, "previous_rank");
	const char *period = length_word(p, lang, true);
	char a[2][16];
	if (lang == TT_JA) {
		int n = now ? snprintf(out, NAME_LEN, "%lld位、", (long long)now)
			    : snprintf(out, NAME_LEN, "観測なし、");
		if (before)
			snprintf(out + n, NAME_LEN - (size_t)n, "%s%lld位", period,
				(long long)before);
		else
			snprintf(out + n, NAME_LEN - (size_t)n, "%sは観測なし", period);
		return;
	}
	snprintf(out, NAME_LEN, "%s, %s in %s", now ? ordinal(now, a[0]) : "no longer seen",
		before ? ordinal(before, a[1]) : "not seen", period);
}

static void add_mover(struct page *p, enum tt_lang lang, const json_t *o, bool first, bool last,
	struct tt_buf *b) {
	char name[NAME_LEN], rank[NAME_LEN];
	name_in_text(p, lang, text_of(o, "of"), text_of(o, "key"), name);
	rank_text(p, lang, o, rank);
	if (lang == TT_JA)
		tt_buf_printf(b, "%s%s（%s）", first ? "" : "、", name, rank);
	else
		tt_buf_printf(b, "%s%s (%s)", first ? "" : last ? " and " : ", ", name, rank);
}

static bool is_mover(const struct movers *m, const json_t *o) {
	return whole(o, "top") == m->top && !strcmp(text_of(o, "of"), m->of) &&
	       !strcmp(text_of(o, "kind"), m->kind);
}

static void tell_movers(struct page *p, const json_t *rows, const struct movers *m) {
	struct tt_buf text[2] = {TT_BUF_INIT(16384), TT_BUF_INIT(16384)};
	bool service = !strcmp(m->of, "service"), came = !strcmp(m->kind, "newcomer");
	unsigned n = 0, told = 0;
	const json_t *o;
	size_t i;
	json_array_foreach((json_t *)rows, i, o) n += is_mover(m, o);
	if (!n)
		return;
	tt_buf_printf(&text[0], "%s the top %d %s: ", came ? "New in" : "No longer in", (int)m->top,
		service ? "services" : "source regions");
	tt_buf_printf(&text[1], "%sのTOP%d%s、", service ? "宛先ポート番号" : "送信元地域",
		(int)m->top, came ? "に新たに入ったのは" : "から外れたのは");
	json_array_foreach((json_t *)rows, i, o) {
		if (!is_mover(m, o))
			continue;
		told++;
		for (unsigned l = 0; l < 2; l++)
			add_mover(p, l, o, told == 1, told == n, &text[l]);
	}
	tt_buf_printf(&text[0], ".");
	tt_buf_printf(&text[1], "でした。");
	prose_add(p, "changes", text);
}

// Where nothing lies before, little can be said.
static void tell_compared(struct page *p, const json_t *changes) {
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	if (json_is_null(json_object_get(changes, "completeness")))
		return;
	if (json_is_null(json_object_get(changes, "past_completeness"))) {
		tt_buf_printf(&text[0],
			"There is no data before %s to compare with: its days were compared with "
			"one another only.",
			length_word(p, TT_EN, false));
		tt_buf_printf(&text[1],
			"対象期間より前に比較できるデータがないため、期間内の日どうしのみを比較し"
			"ています。");
	} else if (json_is_null(json_object_get(changes, "previous_completeness"))) {
		tt_buf_printf(&text[0], "There is no data of %s to compare ranks with.",
			length_word(p, TT_EN, true));
		tt_buf_printf(&text[1], "%sのデータがないため、順位は比較していません。",
			length_word(p, TT_JA, true));
	}
	prose_add(p, "changes", text);
}

void prose_ranks(struct page *p) {
	const json_t *changes = json_object_get(p->doc, "changes");
	const json_t *rows = json_object_get(changes, "rows");
	tell_compared(p, changes);
	for (unsigned i = 0; i < 8; i++)
		tell_movers(p, rows,
			&(struct movers){i & 4 ? "region" : "service",
				i & 1 ? "leaver" : "newcomer", i & 2 ? 10 : 5});
}
