/* SPDX-License-Identifier: BSD-3-Clause */
// References, and the notes on method and data.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prose.h"
#include "sections.h"

struct note {
	const char *en, *ja;
};

static void item(struct page *p, struct tt_buf *b, const struct note *n) {
	html_printf(b, "<li>%s</li>\n", p->lang == TT_JA ? n->ja : n->en);
}

void note_marks(struct tt_buf *b, const enum method_note *notes, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		tt_buf_printf(b, "<sup><a href=\"#note-%u\">%s%u</a></sup>", notes[i] + 1,
			i ? "," : "", notes[i] + 1);
}

static const struct note always[] = {
	// in the order of enum method_note
	{"Names of services are those that the IANA registry has for a port. They do not prove "
	 "that "
	 "the packets spoke that protocol.",
		"サービス名はIANAがポート番号に登録している名称であり、パケットが実際にそのプロトコ"
		"ル"
		"によるものであることを示すものではありません。"},
	{"Tables and figures of services and source regions count packets of the class scan: TCP "
	 "connection attempts and probes, UDP packets that answer nothing, and echo, timestamp, "
	 "information and mask requests of ICMP. All ICMP packets are one row, and all of "
	 "ICMPv6 another.",
		"宛先ポート番号と送信元地域の表・図は、分類「スキャン」のパケット（TCPの接続試行と"
		"探索、"
		"応答ではないUDP、ICMPのエコー・タイムスタンプ・情報・アドレスマスク要求）を数えて"
		"います。ICMPとICMPv6は、それぞれ1行にまとめています。"},
	{"Rankings are by the rate: the mean over the sensors of packets per address and day of "
	 "up-time. Retransmissions count as they arrive.",
		"順位は、センサーごとの「稼働日1日・1アドレスあたりのパケット数」の平均によります。"
		"再送"
		"されたパケットも到着した数だけ数えています。"},
	{"The source region is where a registry (RIR) first registered the address; it is not a "
	 "geolocation, and source addresses may be spoofed.",
		"送信元地域は、地域インターネットレジストリ（RIR）がそのアドレスを最初に登録した国"
		"・地域"
		"であり、位置情報ではありません。また、送信元アドレスは詐称されている可能性がありま"
		"す。"},
	{"Completeness is the share of the expected observation that took place: up-time of the "
	 "sensors over expected time, less known losses. Where it is under 90 %, figures are "
	 "marked "
	 "with † and days are shaded. A missing day is no data, not zero.",
		"観測の完全性は、期待される観測のうち実際に行われた割合（センサーの稼働時間と既知の"
		"損失"
		"から算出）です。90%"
		"未満の値には†を付し、図では該当日を網掛けしています。データのない日は"
		"0件とはみなしません。"},
	{"‡ marks rows of which one sensor, § rows of which one source made more than half of the "
	 "packets.",
		"‡は1台のセンサー、§は1つの送信元アドレスがパケットの過半を占める行を示します。"},
};

static void previous_note(struct page *p, struct tt_buf *b) {
	const json_t *prev = json_object_get(p->doc, "previous");
	const char *source = json_string_value(json_object_get(prev, "source"));
	static const struct note none = {
		"There is no data of the period before: its ranks are shown as –.",
		"前の期間のデータがないため、その順位は「–」としています。"};
	static const struct note notes[] = {
		{"Previous ranks are computed by the same method, over that period's sensors and "
		 "registration data.",
			"前の期間の順位は、当時のセンサーと割り当て情報により同じ方法で算出していま"
			"す。"},
		{"Previous ranks are those that were published then.",
			"前の期間の順位は、当時公表した値です。"},
		{"Previous ranks are those of the earlier report that was given.",
			"前の期間の順位は、指定された過去のレポートの値です。"}};
	if (!json_is_true(json_object_get(prev, "known")))
		item(p, b, &none);
	else
		item(p, b,
			&notes[!strcmp(source, "published") ? 1
				: !strcmp(source, "file")   ? 2
							    : 0]);
	const json_t *c = json_object_get(prev, "completeness");
	char share[TT_SHOW_LEN];
	if (!json_is_number(c) || json_number_value(c) >= INCOMPLETE)
		return;
	share_text(p->lang, json_number_value(c), share);
	html_printf(b,
		p->lang == TT_JA ? "<li>前の期間の観測の完全性は%sです。</li>\n"
				 : "<li>The observation of the period before was only %s "
				   "complete.</li>\n",
		share);
}

static const char *country_name(const struct page *p, const char *country, char buf[NAME_LEN]) {
	json_t *row = json_pack("{s:s}", "region", country);
	region_in_text(p, p->lang, row, buf);
	json_decref(row);
	return buf;
}

static void scope_note(struct page *p, struct tt_buf *b) {
	static const struct note no_country = {
		"No sensor has a country: all of them make the tables and figures.",
		"国・地域が設定されたセンサーがないため、すべてのセンサーを表・図の対象としています"
		"。"};
	const json_t *topic;
	char name[NAME_LEN];
	bool ja = p->lang == TT_JA;
	size_t i;
	if (p->country[0] && !p->any_country)
		item(p, b, &no_country);
	else if (p->country[0])
		html_printf(b,
			ja ? "<li>表1・表2および図1・図2は%sのセンサーを対象としています。</li>\n"
			   : "<li>Tables 1 and 2 and Figures 1 and 2 are about sensors in "
			     "%s.</li>\n",
			country_name(p, p->country, name));
	json_array_foreach(json_object_get(p->doc, "topics"), i, topic) {
		const char *country = json_string_value(json_object_get(topic, "country"));
		if (country && i < TOPICS) // whatever the country of the tables
			html_printf(b,
				ja ? "<li>図%uは%"
				     "sを送信元地域とする、全センサーでの観測を対象としています。"
				     "</li>\n"
				   : "<li>Figure %u is about sources registered in %s, at all "
				     "sensors.</li>\n",
				(unsigned)i + 3, country_name(p, country, name));
	}
}

// Days on which it is not settled who probed many ports.
static void survey_note(struct page *p, struct tt_buf *b) {
	const json_t *days = json_object_get(p->doc, "surveyor_days");
	json_int_t running = json_integer_value(json_object_get(days, "running"));
	json_int_t listed = json_integer_value(json_object_get(days, "listed"));
	bool ja = p->lang == TT_JA;
	if (running)
		html_printf(b,
			ja ? "<li>調査目的のスキャナーの判定が確定していない日が%"
			     "d日あり、値が変わることが"
			     "あります。</li>\n"
			   : "<li>Days on which it is not settled yet who is a survey scanner, so "
			     "that figures may change: %d.</li>\n",
			(int)running);
	if (listed)
		html_printf(b,
			ja ? "<li>%"
			     "d日については、一覧にあるスキャナーのみを調査目的のスキャナーとしてい"
			     "ます。"
			     "</li>\n"
			   : "<li>Days on which only lists tell survey scanners, because who "
			     "probed many ports was not settled: %d.</li>\n",
			(int)listed);
}

// The largest error of a number of sources anywhere in the document.
static double worst_error(const json_t *v) {
	double worst = json_number_value(json_object_get(v, "sources_error"));
	const json_t *of;
	const char *key;
	size_t i;
	json_array_foreach((json_t *)v, i, of) worst = fmax(worst, worst_error(of));
	json_object_foreach((json_t *)v, key, of) worst = fmax(worst, worst_error(of));
	return worst;
}

static void data_notes(struct page *p, struct tt_buf *b) {
	const json_t *o = json_object_get(p->doc, "overview");
	const char *zone = json_string_value(json_object_get(p->doc, "timezone"));
	const char *rir =
		json_string_value(json_object_get(json_object_get(p->doc, "table2"), "rir"));
	const char *surveyors = json_string_value(json_object_get(p->doc, "surveyors"));
	double error = worst_error(p->doc);
	char share[TT_SHOW_LEN];
	bool ja = p->lang == TT_JA;
	html_printf(b, ja ? "<li>日付は%sによります。</li>\n" : "<li>Days are those of %s.</li>\n",
		zone);
	if (rir)
		html_printf(b,
			ja ? "<li>割り当て情報は%sのものです。</li>\n"
			   : "<li>Registration data are of %s.</li>\n",
			rir);
	if (error > 0) {
		share_text(p->lang, error, share);
		html_printf(b,
			ja ? "<li>送信元アドレス数の一部は推定値です（相対標準誤差%"
			     "s）。同じ対象でも、集計方法によりこの程度の差が生じることがあります。"
			     "</li>\n"
			   : "<li>Some numbers of source addresses are estimates, with a relative "
			     "standard error of %s: the same sources may differ by as much from "
			     "table to table.</li>\n",
			share);
	}
	if (json_is_true(json_object_get(o, "sources_lower_bound")))
		html_printf(b, "<li>%s</li>\n",
			ja ? "一部のパケットは送信元を記録できなかったため、送信元アドレス数は下限"
			     "値です。"
			   : "Some packets were counted without their source: numbers of sources "
			     "are lower bounds.");
	if (strcmp(surveyors, "with"))
		html_printf(b, "<li>%s</li>\n",
			!strcmp(surveyors, "without")
				? ja ? "既知の調査目的のスキャナーは除いています。"
				     : "Known survey scanners are left out."
			: ja ? "既知の調査目的のスキャナーのみを数えています。"
			     : "Only known survey scanners are counted.");
	survey_note(p, b);
}

static void recipient_notes(struct page *p, struct tt_buf *b) {
	static const struct note notes[] = {
		{"Sensors and networks are named by pseudonyms that are this recipient's own.",
			"センサーとネットワークの名称は、提供先ごとに固有の仮名です。"},
		{"What would tell how many addresses a sensor has is left out (–): rates of a "
		 "single sensor, and what networks of a single one were expected to see.",
			"センサーのアドレス数が分かる値（1台のセンサーのみの、1アドレスあたりの"
			"パケット数と、1台のみのネットワークの期待値）は「–」としています。"}};
	for (unsigned i = 0; p->conf->recipient && i < 2; i++)
		item(p, b, &notes[i]);
}

#define CLOCK_ITEMS 5 // of steps of clocks; report.json has more

static int64_t time_of(const json_t *o, const char *key) {
	int64_t t = 0;
	(void)tt_time_parse(json_string_value(json_object_get(o, key)), &t);
	return t;
}

static void clock_item(struct page *p, struct tt_buf *b, const json_t *step) {
	const char *probe = json_string_value(json_object_get(step, "probe"));
	int64_t before = time_of(step, "before"), after = time_of(step, "after");
	char at[TT_SHOW_LEN], by[TT_SHOW_LEN];
	bool back = after < before;
	tt_show_time(before, at);
	tt_show_count((uint64_t)llabs(after - before), by);
	if (p->lang == TT_JA)
		html_printf(b, "<li>プローブ「%s」の時計は、%sに%s秒%s</li>\n", probe, at, by,
			back ? "戻されました。重複した時間帯は、稼働時間として1回だけ数えています。"
			     : "進みました。この間のデータはありません。");
	else
		html_printf(b, "<li>The clock of the probe %s %s by %s s at %s: %s</li>\n", probe,
			back ? "was set back" : "jumped ahead", by, at,
			back ? "that time came twice, and counts once as up-time."
			     : "there is no data of that while.");
}

// Whoever compares counts over time has to know where time itself did not simply go on.
static void clock_notes(struct page *p, struct tt_buf *b) {
	const json_t *steps = json_object_get(p->doc, "clock_steps"), *step;
	json_int_t more = json_integer_value(json_object_get(p->doc, "clock_steps_other"));
	size_t i;
	json_array_foreach((json_t *)steps, i, step) {
		if (i < CLOCK_ITEMS)
			clock_item(p, b, step);
		else
			more++;
	}
	if (more)
		html_printf(b,
			p->lang == TT_JA ? "<li>"
					   "このほかにも、プローブの時計が連続しなかった箇所があり"
					   "ます（%d回）。</li>\n"
					 : "<li>There are more such steps of clocks: %d.</li>\n",
			(int)more);
}

void write_method(struct page *p, struct tt_buf *b) {
	tt_buf_printf(b, "<ol class=\"method\">\n");
	for (unsigned i = 0; i < sizeof(always) / sizeof(*always); i++)
		html_printf(b, "<li id=\"note-%u\">%s</li>\n", i + 1,
			p->lang == TT_JA ? always[i].ja : always[i].en);
	scope_note(p, b);
	previous_note(p, b);
	data_notes(p, b);
	clock_notes(p, b);
	recipient_notes(p, b);
	tt_buf_printf(b, "</ol>\n");
}

void write_references(struct page *p, struct tt_buf *b) {
	static const struct note titles[] = {
		{"IANA: Service Name and Transport Protocol Port Number Registry",
			"IANA: Service Name and Transport Protocol Port Number Registry"},
		{"NRO: RIR Statistics, delegation files of the registries",
			"NRO: RIR Statistics（各地域インターネットレジストリの割り当て情報）"}};
	static const char *const links[] = {
		"https://www.iana.org/assignments/service-names-port-numbers/",
		"https://www.nro.net/about/rirs/statistics/"};
	tt_buf_printf(b, "<ul>\n");
	for (unsigned i = 0; i < 2; i++)
		html_printf(b, "<li>%s<br><a href=\"%s\" rel=\"noreferrer\">%s</a></li>\n",
			p->lang == TT_JA ? titles[i].ja : titles[i].en, links[i], links[i]);
	tt_buf_printf(b, "</ul>\n");
}
