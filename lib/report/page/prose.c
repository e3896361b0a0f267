/* SPDX-License-Identifier: BSD-3-Clause */
// Sentences, made of the document alone, each in both languages.
#include <stdlib.h>
#include <string.h>

#include "prose.h"

void prose_add(struct page *p, const char *section, struct tt_buf text[2]) {
	json_t *all = json_object_get(p->doc, "sentences"), *list;
	if (!all) {
		all = json_object();
		json_object_set_new(p->doc, "sentences", all);
	}
	list = json_object_get(all, section);
	if (!list) {
		list = json_array();
		json_object_set_new(all, section, list);
	}
	if (text[0].len && text[1].len && !text[0].rc && !text[1].rc)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "en", text[0].data, "ja", text[1].data));
	for (unsigned l = 0; l < 2; l++)
		tt_buf_free(&text[l]);
}

static const json_t *member(const json_t *o, const char *a, const char *b) {
	const json_t *v = json_object_get(o, a);
	return b ? json_object_get(v, b) : v;
}

static json_int_t whole(const json_t *o, const char *key) {
	return json_integer_value(json_object_get(o, key));
}

const char *length_word(const struct page *p, enum tt_lang lang, bool previous) {
	static const enum word before[] = {[LENGTH_DAYS] = W_THE_PREVIOUS_DAYS,
		[LENGTH_MONTH] = W_THE_PREVIOUS_MONTH,
		[LENGTH_QUARTER] = W_THE_PREVIOUS_QUARTER,
		[LENGTH_YEAR] = W_THE_PREVIOUS_YEAR};
	static const enum word now[] = {[LENGTH_DAYS] = W_DAYS,
		[LENGTH_MONTH] = W_MONTH,
		[LENGTH_QUARTER] = W_QUARTER,
		[LENGTH_YEAR] = W_YEAR};
	struct tt_tz *tz = tt_store_tz(p->s);
	enum length length = period_length(tt_tz_day(tz, p->from), tt_tz_day(tz, p->to));
	return say(lang, previous ? before[length] : now[length]);
}

const char *share_text(enum tt_lang lang, double share, char buf[TT_SHOW_LEN]) {
	tt_show_share(share, buf);
	char *blank = lang == TT_JA ? strchr(buf, ' ') : NULL;
	if (blank)
		memmove(blank, blank + 1, strlen(blank));
	return buf;
}

const char *ordinal(json_int_t n, char buf[16]) {
	json_int_t tens = n / 10 % 10, ones = n % 10;
	const char *end = tens == 1   ? "th"
			  : ones == 1 ? "st"
			  : ones == 2 ? "nd"
			  : ones == 3 ? "rd"
				      : "th";
	snprintf(buf, 16, "%lld%s", (long long)n, end);
	return buf;
}

static bool is_ranked(const json_t *row) {
	return json_is_integer(json_object_get(row, "rank"));
}

static const char *row_name(const struct page *p, enum tt_lang lang, const json_t *row,
	const char *section, char buf[NAME_LEN]) {
	return section[0] == 's' ? service_name(lang, row, buf) : region_in_text(p, lang, row, buf);
}

// "(7th in the previous quarter)"; nothing where nothing is known.
static void add_before(
	const struct page *p, enum tt_lang lang, const json_t *row, struct tt_buf *b) {
	const json_t *before = json_object_get(row, "previous_rank");
	const char *period = length_word(p, lang, true);
	char buf[16];
	if (json_is_string(before)) {
		if (lang == TT_JA)
			tt_buf_printf(b, "（%sはTOP%u 外）", period, p->previous_top);
		else
			tt_buf_printf(b, " (outside the top %u in %s)", p->previous_top, period);
	} else if (json_is_integer(before)) {
		json_int_t rank = json_integer_value(before);
		if (lang == TT_JA)
			tt_buf_printf(b, "（%s%lld位）", period, (long long)rank);
		else
			tt_buf_printf(b, " (%s in %s)", ordinal(rank, buf), period);
	}
}

static void first_en(
	const struct page *p, const char *section, const json_t *row, bool same, struct tt_buf *b) {
	char name[NAME_LEN];
	bool service = section[0] == 's';
	row_name(p, TT_EN, row, section, name);
	tt_buf_printf(
		b, service ? "The service probed most was %s" : "Most packets came from %s", name);
	if (same)
		tt_buf_printf(b, ", as in %s", length_word(p, TT_EN, true));
	else
		add_before(p, TT_EN, row, b);
}

static void first_ja(
	const struct page *p, const char *section, const json_t *row, bool same, struct tt_buf *b) {
	char name[NAME_LEN];
	bool service = section[0] == 's';
	row_name(p, TT_JA, row, section, name);
	tt_buf_printf(b,
		service ? "最も多く観測されたのは%s宛のパケット"
			: "最も多く観測されたのは%sを送信元地域とするパケット",
		name);
	if (!same)
		add_before(p, TT_JA, row, b);
	tt_buf_printf(
		b, same ? "で、%sに続き1位でした。" : "でした。", length_word(p, TT_JA, true));
}

// The order of a table, with where each stood before.
static void tell_order(struct page *p, const char *table, const char *section) {
	json_t *rows = json_object_get(json_object_get(p->doc, table), "rows"), *row;
	struct tt_buf text[2] = {TT_BUF_INIT(65536), TT_BUF_INIT(65536)};
	json_t *first = json_array_get(rows, 0);
	unsigned n = 0, told = 0;
	size_t i;
	json_array_foreach(rows, i, row) n += is_ranked(row);
	if (!n)
		return;
	bool same = json_is_integer(json_object_get(first, "previous_rank")) &&
		    whole(first, "previous_rank") == 1;
	first_en(p, section, first, same, &text[0]);
	first_ja(p, section, first, same, &text[1]);
	json_array_foreach(rows, i, row) {
		char en[NAME_LEN], ja[NAME_LEN];
		if (!i || !is_ranked(row))
			continue;
		told++;
		row_name(p, TT_EN, row, section, en);
		row_name(p, TT_JA, row, section, ja);
		tt_buf_printf(&text[0], "%s%s",
			told == 1	? ", followed by "
			: told == n - 1 ? " and "
					: ", ",
			en);
		tt_buf_printf(&text[1], "%s%s", told == 1 ? "次いで、" : "、", ja);
		add_before(p, TT_EN, row, &text[0]);
		add_before(p, TT_JA, row, &text[1]);
	}
	tt_buf_printf(&text[0], ".");
	if (told)
		tt_buf_printf(&text[1], "の順でした。");
	prose_add(p, section, text);
}

static void tell_left(struct page *p, const char *section) {
	json_t *row;
	size_t i;
	json_array_foreach((json_t *)member(p->doc, "left", section), i, row) {
		struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
		const json_t *rank = json_object_get(row, "rank");
		char en[NAME_LEN], ja[NAME_LEN], a[16], b[16];
		json_int_t before = whole(row, "previous_rank");
		row_name(p, TT_EN, row, section, en);
		row_name(p, TT_JA, row, section, ja);
		tt_buf_printf(&text[0], "%s, %s in %s, ", begin_sentence(en), ordinal(before, a),
			length_word(p, TT_EN, true));
		tt_buf_printf(&text[1], "%s%lld位であった%sは、", length_word(p, TT_JA, true),
			(long long)before, ja);
		if (json_is_integer(rank) && json_integer_value(rank) <= p->previous_top) {
			tt_buf_printf(
				&text[0], "fell to %s.", ordinal(json_integer_value(rank), b));
			tt_buf_printf(&text[1], "%lld位に後退しました。",
				(long long)json_integer_value(rank));
		} else {
			tt_buf_printf(&text[0], "left the top %u.", p->previous_top);
			tt_buf_printf(&text[1], "TOP%u 外となりました。", p->previous_top);
		}
		prose_add(p, section, text);
	}
}

// Rows of which one source or one sensor made more than half.
static void tell_marks(struct page *p, const char *table, const char *section) {
	json_t *row;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(p->doc, table), "rows"), i, row) {
		const json_t *source = json_object_get(row, "top_source_share");
		struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
		char en[NAME_LEN], ja[NAME_LEN], share[2][TT_SHOW_LEN];
		if (!is_ranked(row) || json_number_value(source) <= 0.5)
			continue;
		bool least = json_number_value(json_object_get(row, "top_source_share_max")) -
				     json_number_value(source) >=
			     0.0005;
		row_name(p, TT_EN, row, section, en);
		row_name(p, TT_JA, row, section, ja);
		for (unsigned l = 0; l < 2; l++)
			share_text(l, json_number_value(source), share[l]);
		tt_buf_printf(&text[0], "%s%s of the packets %s %s came from a single source.",
			least ? "At least " : "", share[0], section[0] == 's' ? "to" : "from", en);
		tt_buf_printf(&text[1],
			"%s%sのパケットの%s%sは、単一の送信元アドレスからのものでした。", ja,
			section[0] == 's' ? "宛" : "から", share[1], least ? "以上" : "");
		prose_add(p, section, text);
	}
}

static void tell_overview(struct page *p) {
	const json_t *o = json_object_get(p->doc, "overview"), *row;
	struct tt_buf text[2] = {TT_BUF_INIT(65536), TT_BUF_INIT(65536)};
	struct tt_tz *tz = tt_store_tz(p->s);
	char packets[TT_SHOW_LEN], sources[TT_SHOW_LEN], share[TT_SHOW_LEN], share_ja[TT_SHOW_LEN],
		day[4][NAME_LEN];
	json_int_t sensors = whole(json_object_get(p->doc, "scope"), "sensors"), scan = 0;
	int64_t first = tt_tz_day(tz, p->from), last = tt_tz_day(tz, p->to) - 1;
	size_t i;
	if (!whole(o, "packets"))
		return;
	json_array_foreach(json_object_get(o, "classes"), i, row) {
		if (!strcmp(json_string_value(json_object_get(row, "class")), "scan"))
			scan = whole(row, "packets");
	}
	tt_show_count((uint64_t)whole(o, "packets"), packets);
	tt_show_count((uint64_t)whole(o, "sources"), sources);
	share_text(TT_EN, (double)scan / (double)whole(o, "packets"), share);
	share_text(TT_JA, (double)scan / (double)whole(o, "packets"), share_ja);
	tt_buf_printf(&text[0],
		"From %s to %s, %lld sensor%s received %s packets from %s source addresses; %s of "
		"the packets were scans.",
		day_name(TT_EN, first, day[0]), day_name(TT_EN, last, day[1]), (long long)sensors,
		sensors == 1 ? "" : "s", packets, sources, share);
	tt_buf_printf(&text[1],
		"%sから%sまでの間に、%lld台のセンサーが、%s個の送信元アドレスから%s個のパケットを"
		"受信しました。このうち%sがスキャンでした。",
		day_name(TT_JA, first, day[2]), day_name(TT_JA, last, day[3]), (long long)sensors,
		sources, packets, share_ja);
	prose_add(p, "overview", text);
}

static void tell_completeness(struct page *p) {
	const json_t *c = json_object_get(p->doc, "completeness");
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	char share[TT_SHOW_LEN], share_ja[TT_SHOW_LEN];
	if (!json_is_number(c) || json_number_value(c) >= INCOMPLETE)
		return;
	share_text(TT_EN, json_number_value(c), share);
	share_text(TT_JA, json_number_value(c), share_ja);
	tt_buf_printf(&text[0],
		"The observation is incomplete: %s of what was expected could be observed. Counts "
		"are lower bounds; rankings compare packets per address and day of up-time. "
		"Incomplete figures are marked with †.",
		share);
	tt_buf_printf(&text[1],
		"観測は不完全です（完全性%s）。件数は下限値であり、順位は稼働時間あたりの値で比較し"
		"ています。不完全な値には†を付しています。",
		share_ja);
	prose_add(p, "overview", text);
}

// Sensors whose own figures are incomplete, by name.
static void tell_sensors(struct page *p) {
	struct tt_buf text[2] = {TT_BUF_INIT(1 << 20), TT_BUF_INIT(1 << 20)};
	const json_t *s;
	unsigned n = 0;
	size_t i;
	json_array_foreach(json_object_get(p->doc, "sensors"), i, s) {
		const json_t *c = json_object_get(s, "completeness"),
			     *name = json_object_get(s, "name");
		char share[2][TT_SHOW_LEN];
		if (json_is_number(c) && json_number_value(c) >= INCOMPLETE)
			continue;
		for (unsigned l = 0; l < 2; l++) {
			const char *how = json_is_number(c)
						  ? share_text(l, json_number_value(c), share[l])
						  : say(l, W_NO_DATA);
			tt_buf_printf(&text[l], l ? "%s%s（%s）" : "%s%s (%s)",
				n   ? l ? "、" : ", "
				: l ? "観測が不完全なセンサー："
				    : "Sensors whose observation is incomplete: ",
				bilingual_text(l, name), how);
		}
		n++;
	}
	if (n) {
		tt_buf_printf(&text[0], ".");
		tt_buf_printf(&text[1], "。");
	}
	prose_add(p, "sensors", text);
}

int prose_write(struct page *p) {
	knowledge_gather(p);
	tell_overview(p);
	tell_completeness(p);
	tell_sensors(p);
	tell_order(p, "table1", "services");
	tell_left(p, "services");
	tell_marks(p, "table1", "services");
	tell_order(p, "table2", "regions");
	tell_left(p, "regions");
	tell_marks(p, "table2", "regions");
	prose_changes(p);
	prose_topics(p);
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	for (unsigned l = 0; l < 2; l++)
		tt_buf_printf(&text[l], "%s", say(l, W_REQUEST));
	prose_add(p, "requests", text);
	return 0;
}
