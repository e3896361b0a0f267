/* SPDX-License-Identifier: BSD-3-Clause */
// Sentences about what watches counted: how much, on which days it surged, which networks saw it.
#include <string.h>

#include "page.h"
#include "prose.h"

static const char *text_of(const json_t *o, const char *key) {
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static uint64_t count_of(const json_t *o, const char *key) {
	return (uint64_t)json_number_value(json_object_get(o, key));
}

int64_t prose_day(struct page *p, const json_t *o, const char *key, int shift) {
	int64_t sec = 0;
	struct tt_tz *tz = tt_store_tz(p->s);
	const char *text = json_string_value(json_object_get(o, key));
	if (!text || tt_tz_parse_time(tz, text, &sec, NULL))
		return 0;
	return tt_tz_day(tz, sec) + shift;
}

void prose_span(struct page *p, const json_t *o, char en[NAME_LEN], char ja[NAME_LEN]) {
	int64_t first = prose_day(p, o, "from", 0), last = prose_day(p, o, "to", -1);
	char a[2][NAME_LEN], b[2][NAME_LEN];
	for (unsigned l = 0; l < 2; l++) {
		day_name(l, first, a[l]);
		day_name(l, last, b[l]);
	}
	if (first == last) {
		snprintf(en, NAME_LEN, "on %.40s", a[TT_EN]);
		snprintf(ja, NAME_LEN, "%.40sに", a[TT_JA]);
	} else {
		snprintf(en, NAME_LEN, "from %.40s to %.40s (%d days)", a[TT_EN], b[TT_EN],
			(int)(last - first + 1));
		snprintf(ja, NAME_LEN, "%.40sから%.40sにかけて（%d日間）", a[TT_JA], b[TT_JA],
			(int)(last - first + 1));
	}
}

static const char *unit(enum tt_lang lang, const char *measure) {
	static const char *const words[3][2] = {{"source addresses", "個の送信元アドレス"},
		{"bytes", "バイト"}, {"packets", "個のパケット"}};
	return words[!strcmp(measure, "sources") ? 0 : !strcmp(measure, "bytes") ? 1 : 2][lang];
}

static void tell_total(struct page *p, const json_t *w, const char *section) {
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	const json_t *title = json_object_get(w, "title");
	char packets[TT_SHOW_LEN], sources[TT_SHOW_LEN];
	tt_show_count(count_of(w, "packets"), packets);
	tt_show_count(count_of(w, "sources"), sources);
	if (!json_is_number(json_object_get(w, "completeness")) && !count_of(w, "packets")) {
		for (unsigned l = 0; l < 2; l++)
			tt_buf_printf(&text[l], "%s", say(l, W_NO_PERIOD));
	} else if (!count_of(w, "packets")) {
		tt_buf_printf(&text[0], "No such packets were observed.");
		tt_buf_printf(&text[1], "「%s」に該当するパケットは観測されませんでした。",
			bilingual_text(TT_JA, title));
	} else {
		tt_buf_printf(&text[0], "In %s, %s such packet%s came from %s source address%s.",
			length_word(p, TT_EN, false), packets,
			count_of(w, "packets") == 1 ? "" : "s", sources,
			count_of(w, "sources") == 1 ? "" : "es");
		tt_buf_printf(&text[1],
			"%sには、「%s」に該当するパケットを、%s個の送信元アドレスから%s個観測しま"
			"した。",
			length_word(p, TT_JA, false), bilingual_text(TT_JA, title), sources,
			packets);
	}
	prose_add(p, section, text);
}

static void tell_surge(struct page *p, const json_t *w, const json_t *s, const char *section) {
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	const char *measure = text_of(w, "measure");
	const json_t *usual = json_object_get(s, "usual");
	char span[2][NAME_LEN], peak[TT_SHOW_LEN], median[TT_SHOW_LEN], day[2][NAME_LEN];
	prose_span(p, s, span[0], span[1]);
	tt_show_count(count_of(s, "peak"), peak);
	tt_show_count(
		(uint64_t)(json_number_value(json_object_get(usual, "median")) + 0.5), median);
	for (unsigned l = 0; l < 2; l++)
		day_name(l, prose_day(p, s, "peak_day", 0), day[l]);
	tt_buf_printf(
		&text[0], "It surged %s: %s %s on %s", span[0], peak, unit(TT_EN, measure), day[0]);
	tt_buf_printf(
		&text[1], "%s急増し、%sには%s%s", span[1], day[1], peak, unit(TT_JA, measure));
	if (json_is_object(usual) && json_number_value(json_object_get(usual, "median")) < 0.5) {
		tt_buf_printf(&text[0], ", where there are usually none");
		tt_buf_printf(&text[1], "（通常は観測なし）");
	} else if (json_is_object(usual)) {
		tt_buf_printf(&text[0], ", against a usual %s a day", median);
		tt_buf_printf(&text[1], "（通常は1日あたり%s個）", median);
	}
	tt_buf_printf(&text[0], ".");
	tt_buf_printf(&text[1], "を観測しました。");
	prose_add(p, section, text);
}

// Networks that were up and did not see it, with what they would have seen; negative: not told.
static void list_others(
	const json_t *s, char names[2][NAME_LEN], double *expected, uint64_t *seen) {
	const json_t *network;
	size_t i, n[2] = {0, 0}, left = 0;
	json_array_foreach(json_object_get(s, "networks"), i, network) left +=
		json_is_false(json_object_get(network, "saw"));
	names[0][0] = names[1][0] = '\0';
	*expected = 0;
	*seen = 0;
	json_array_foreach(json_object_get(s, "networks"), i, network) {
		if (json_is_true(json_object_get(network, "saw")))
			continue;
		left--;
		for (unsigned l = 0; l < 2; l++)
			if (n[l] < NAME_LEN - 80)
				n[l] += (size_t)snprintf(names[l] + n[l], NAME_LEN - n[l],
					"%s%.64s",
					!n[l]	     ? ""
					: l == TT_JA ? "、"
					: left	     ? ", "
						     : " and ",
					text_of(network, "network"));
		const json_t *want = json_object_get(network, "expected");
		*expected = json_is_null(want) || *expected < 0
				    ? -1
				    : *expected + json_number_value(want);
		*seen += count_of(network, "seen");
	}
}

// Why a surge's exclusivity is not decided, as judge_exclusive() did; "" where it is not told.
static const char *reason_ja(const json_t *s, char buf[NAME_LEN]) {
	const json_t *networks = json_object_get(s, "networks"), *n;
	char share[TT_SHOW_LEN];
	unsigned saw = 0;
	size_t i;
	buf[0] = '\0';
	if (!*text_of(s, "why"))
		return buf;
	json_array_foreach((json_t *)networks, i, n) saw += json_is_true(json_object_get(n, "saw"));
	if (!saw)
		return "いずれのネットワークでも観測が確認できないため、";
	if (json_array_size(networks) == 1)
		return "ほかのネットワークにセンサーがないため、";
	json_array_foreach((json_t *)networks, i, n) {
		double up = json_number_value(json_object_get(n, "up"));
		if (json_is_true(json_object_get(n, "saw")))
			continue;
		if (up < INCOMPLETE)
			snprintf(buf, NAME_LEN, "%.64sに稼働率が%sにとどまるセンサーがあるため、",
				text_of(n, "network"), share_text(TT_JA, up, share));
		else if (json_is_null(json_object_get(n, "expected")))
			snprintf(buf, NAME_LEN, "%.64sでの期待値が少ないため、",
				text_of(n, "network"));
		else
			snprintf(buf, NAME_LEN, "%.64sでの期待値が%.1f個と少ないため、",
				text_of(n, "network"),
				json_number_value(json_object_get(n, "expected")));
		return buf;
	}
	return buf;
}

// Answers to packets that sensors did not send tell that their addresses were used by others.
static bool answers_only(const json_t *w) {
	const json_t *classes = json_object_get(w, "class"), *v;
	size_t i;
	json_array_foreach((json_t *)classes, i, v) {
		if (strcmp(json_string_value(v), "reflection") &&
			strcmp(json_string_value(v), "backscatter"))
			return false;
	}
	return json_array_size(classes) > 0;
}

static void tell_who(struct page *p, const json_t *w, const json_t *s, const char *section) {
	struct tt_buf text[2] = {TT_BUF_INIT(8192), TT_BUF_INIT(8192)};
	const char *verdict = text_of(s, "exclusive"), *only = text_of(s, "only"),
		   *why = text_of(s, "why");
	char others[2][NAME_LEN], reason[NAME_LEN], want[2][TT_SHOW_LEN + 8] = {"", ""};
	char count[TT_SHOW_LEN], got[TT_SHOW_LEN];
	double expected;
	uint64_t seen;
	list_others(s, others, &expected, &seen);
	if (expected >= 0) {
		tt_show_count((uint64_t)(expected + 0.5), count);
		snprintf(want[0], sizeof(want[0]), "%s ", count);
		snprintf(want[1], sizeof(want[1]), "%s個", count);
	}
	tt_show_count(seen, got);
	if (!strcmp(verdict, "yes")) {
		tt_buf_printf(&text[0],
			"Only sensors in the network %s saw the surge. Those in %s were up: had it "
			"come to all addresses alike, %spackets would have reached them, and %s "
			"did.",
			only, others[0], want[0], seen ? got : "none");
		tt_buf_printf(&text[1],
			"この急増は、ネットワーク「%s」のセンサーのみで観測されました。%"
			"sのセンサーも稼働しており、すべてのアドレスに等しく届いていれば%"
			"sを観測したはずですが、",
			only, others[1], expected >= 0 ? want[1] : "パケット");
		if (seen)
			tt_buf_printf(&text[1], "実際の観測数は%s個でした。", got);
		else
			tt_buf_printf(&text[1], "実際には観測されませんでした。");
		if (answers_only(w)) {
			tt_buf_printf(&text[0],
				" The addresses of %s were most likely being spoofed.", only);
			tt_buf_printf(&text[1],
				"このことから、%"
				"sのアドレスが送信元として詐称されていたと考えられます。",
				only);
		}
	} else if (!strcmp(verdict, "no")) {
		tt_buf_printf(&text[0], "Sensors of several networks saw it.");
		tt_buf_printf(&text[1], "複数のネットワークのセンサーで観測されました。");
	} else {
		tt_buf_printf(&text[0], "Whether only some networks saw it cannot be told%s%s.",
			*why ? ": " : "", why);
		tt_buf_printf(&text[1],
			"%s特定のネットワークのみで観測されたかどうかは判断できません。",
			reason_ja(s, reason));
	}
	prose_add(p, section, text);
}

static void tell_traits(struct page *p, const json_t *s, const char *section) {
	struct tt_buf text[2] = {TT_BUF_INIT(8192), TT_BUF_INIT(8192)};
	static const struct {
		const char *trait, *en, *ja;
	} told[] = {{"dns_dnssec", "had DNSSEC records", "DNSSECのレコードを含むもの"},
		{"dns_over_512", "were larger than 512 bytes", "512バイトを超えるもの"},
		{"dns_any", "answered the query type ANY", "クエリタイプANYへの応答"},
		{"ntp_monlist", "answered monlist", "monlistへの応答"}};
	const json_t *trait;
	unsigned n = 0;
	size_t i;
	for (unsigned t = 0; t < sizeof(told) / sizeof(*told); t++) {
		json_array_foreach(json_object_get(s, "traits"), i, trait) {
			double part = json_number_value(json_object_get(trait, "share"));
			char share[2][TT_SHOW_LEN];
			if (strcmp(text_of(trait, "trait"), told[t].trait) || part < 0.05)
				continue;
			tt_buf_printf(&text[0], "%s%s %s", n ? ", " : "Of its packets, ",
				share_text(TT_EN, part, share[0]), told[t].en);
			tt_buf_printf(&text[1], "%s%sが%s", n ? "、" : "パケットのうち、",
				share_text(TT_JA, part, share[1]), told[t].ja);
			n++;
		}
	}
	double size = json_number_value(json_object_get(s, "mean_size"));
	tt_buf_printf(&text[0],
		n ? "; a packet was %.0f bytes on average." : "A packet was %.0f bytes on average.",
		size);
	tt_buf_printf(
		&text[1], "%sパケットの平均サイズは%.0fバイトでした。", n ? "でした。" : "", size);
	prose_add(p, section, text);
}

static void tell_verdicts(struct page *p, const json_t *w, const char *section) {
	const json_t *v = json_object_get(w, "verdicts");
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	char all[TT_SHOW_LEN], open[TT_SHOW_LEN];
	if (!count_of(v, "annotated"))
		return;
	tt_show_count(count_of(v, "annotated"), all);
	tt_show_count(count_of(v, "open"), open);
	tt_buf_printf(&text[0], "Of %s sources that were examined, %s were found open.", all, open);
	tt_buf_printf(&text[1], "調査した%s個の送信元アドレスのうち、%s個が応答可能な状態でした。",
		all, open);
	prose_add(p, section, text);
}

void prose_topics(struct page *p) {
	json_t *w, *s;
	size_t i, j;
	json_array_foreach(json_object_get(p->doc, "topics"), i, w) {
		char section[64];
		snprintf(section, sizeof(section), "topic-%.40s", text_of(w, "watch"));
		tell_total(p, w, section);
		json_array_foreach(json_object_get(w, "surges"), j, s) {
			tell_surge(p, w, s, section);
			tell_who(p, w, s, section);
			tell_traits(p, s, section);
		}
		tell_verdicts(p, w, section);
	}
}
