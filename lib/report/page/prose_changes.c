/* SPDX-License-Identifier: BSD-3-Clause */
// Sentences about what changed: surges, new levels, what took whose place.
#include <stdlib.h>
#include <string.h>

#include "prose.h"

#define BESIDE_DAYS 7 // a fall and a rise that begin so close to each other are told together

struct change {
	struct page *p;
	const json_t *o;
	const char *kind, *of, *section;
	bool is_answer; // of class reflection
};

static const char *text_of(const json_t *o, const char *key) {
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static double number_of(const json_t *o, const char *key) {
	return json_number_value(json_object_get(o, key));
}

// "tcp/23" as the row of a top, which names are made of.
static json_t *service_row(const struct page *p, const char *key) {
	char text[64], *slash, *type;
	uint8_t proto;
	uint16_t port;
	snprintf(text, sizeof(text), "%s", key);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	json_t *row = json_pack("{s:s}", "proto", text);
	if (!slash)
		return row;
	if (!strncmp(text, "icmp", 4)) {
		type = slash;
		json_object_set_new(row, "type", json_integer(atoi(type)));
		return row;
	}
	json_object_set_new(row, "port", json_integer(atoi(slash)));
	if (!tt_service_parse(key, &proto, &port)) {
		const char *name = tt_services_name(p->conf->services, proto, port);
		json_object_set_new(row, "service", name ? json_string(name) : json_null());
	}
	return row;
}

// What a key of changes or drivers is called; `of` is "service", "port", "region", "sensor", ...
const char *thing_name(
	struct page *p, enum tt_lang lang, const char *of, const char *key, char buf[NAME_LEN]) {
	json_t *row = NULL, *sensor;
	size_t i;
	snprintf(buf, NAME_LEN, "%.200s", key);
	if (!strcmp(of, "service") || !strcmp(of, "port")) {
		row = service_row(p, key);
		service_name(lang, row, buf);
	} else if (!strcmp(of, "region")) {
		row = json_pack("{s:s}", "region", key);
		region_name(p, lang, row, buf);
	} else if (!strcmp(of, "sensor")) {
		json_array_foreach(json_object_get(p->doc, "sensors"), i,
			sensor) if (!strcmp(text_of(sensor, "id"), key)) snprintf(buf, NAME_LEN,
			"%.200s", bilingual_text(lang, json_object_get(sensor, "name")));
	}
	if (!strcmp(of, "watch")) {
		json_array_foreach(json_object_get(p->doc, "topics"), i,
			sensor) if (!strcmp(text_of(sensor, "watch"), key)) snprintf(buf, NAME_LEN,
			"%.200s", bilingual_text(lang, json_object_get(sensor, "title")));
	}
	json_decref(row);
	return buf;
}

const char *name_in_text(
	struct page *p, enum tt_lang lang, const char *of, const char *key, char buf[NAME_LEN]) {
	if (strcmp(of, "region"))
		return thing_name(p, lang, of, key, buf);
	json_t *row = json_pack("{s:s}", "region", key);
	region_in_text(p, lang, row, buf);
	json_decref(row);
	return buf;
}

static void subject(const struct change *c, enum tt_lang lang, char out[NAME_LEN * 2]) {
	char name[NAME_LEN];
	bool ja = lang == TT_JA;
	name_in_text(c->p, lang, c->of, text_of(c->o, "key"), name);
	if (!strcmp(c->of, "region"))
		snprintf(out, NAME_LEN * 2, ja ? "%sからのパケット" : "Packets from %s", name);
	else if (!strcmp(c->of, "sensor"))
		snprintf(out, NAME_LEN * 2,
			ja ? "センサー「%s」で観測されたパケット" : "Packets at the sensor %s",
			name);
	else if (c->is_answer)
		snprintf(out, NAME_LEN * 2, ja ? "%sからの応答パケット" : "Answers from %s", name);
	else
		snprintf(out, NAME_LEN * 2, ja ? "%s宛のパケット" : "Packets to %s", name);
}

// The share of a driver, or the least that is sure of it: "34 %", "at least 34 %".
static const char *driver_share(enum tt_lang lang, const json_t *d, char out[NAME_LEN]) {
	bool least = json_is_true(json_object_get(d, "at_least"));
	char share[TT_SHOW_LEN];
	share_text(lang, number_of(d, "share"), share);
	snprintf(out, NAME_LEN, lang == TT_JA ? "%1$s%2$s" : "%2$s%1$s", share,
		!least		? ""
		: lang == TT_JA ? "以上"
				: "at least ");
	return out;
}

// The strongest drivers of a kind, that made more than a tenth each: "US (34 %) and CN (20 %)".
static unsigned list_drivers(
	const struct change *c, enum tt_lang lang, const char *by, char out[NAME_LEN * 2]) {
	const json_t *all = json_object_get(json_object_get(c->o, "drivers"), by), *d;
	size_t i, n = 0, told = 0;
	out[0] = '\0';
	while (told < 3 && number_of(json_array_get(all, told), "share") >= 0.1)
		told++;
	json_array_foreach((json_t *)all, i, d) {
		char name[NAME_LEN], share[NAME_LEN];
		if (i == told)
			break;
		name_in_text(c->p, lang, by, text_of(d, "key"), name);
		n += (size_t)snprintf(out + n, NAME_LEN * 2 - n,
			lang == TT_JA ? "%s%.100s（%.40s）" : "%s%.100s (%.40s)",
			!i		? ""
			: lang == TT_JA ? "、"
			: i + 1 == told ? " and "
					: ", ",
			name, driver_share(lang, d, share));
	}
	return (unsigned)told;
}

// Shares are of what increased. One that made more than half is told alone.
static void add_drivers(const struct change *c, struct tt_buf text[2]) {
	bool ports = !strcmp(c->of, "region");
	const char *by = ports ? "port" : "region";
	const json_t *first =
		json_array_get(json_object_get(json_object_get(c->o, "drivers"), by), 0);
	char list[2][NAME_LEN * 2], name[2][NAME_LEN], share[2][NAME_LEN];
	unsigned n = list_drivers(c, TT_EN, by, list[0]);
	if (!n || !list_drivers(c, TT_JA, by, list[1]))
		return;
	for (unsigned l = 0; l < 2; l++) {
		name_in_text(c->p, l, by, text_of(first, "key"), name[l]);
		driver_share(l, first, share[l]);
	}
	if (number_of(first, "share") > 0.5) {
		tt_buf_printf(&text[0], " Most of the increase %s %s (%s).",
			ports ? "went to" : "came from", name[0], share[0]);
		tt_buf_printf(&text[1], "増加分の%sは%s%sでした。", share[1], name[1],
			ports ? "宛" : "から");
	} else {
		tt_buf_printf(&text[0], " The largest share%s of the increase %s %s.",
			n > 1 ? "s" : "", ports ? "went to" : "came from", list[0]);
		tt_buf_printf(&text[1],
			ports ? "増加分に占める割合が大きい宛先ポート番号は、%sでした。"
			      : "増加分に占める割合が大きい送信元地域は、%sでした。",
			list[1]);
	}
}

// What became known as exploited meanwhile.
static void add_published(const struct change *c, struct tt_buf text[2]) {
	const json_t *e;
	size_t i;
	json_array_foreach(json_object_get(c->o, "published"), i, e) {
		char day[2][NAME_LEN];
		for (unsigned l = 0; l < 2; l++)
			day_name(l, prose_day(c->p, e, "exploited", 0), day[l]);
		tt_buf_printf(&text[0], " CISA listed %s (%s %s) as exploited on %s.",
			text_of(e, "cve"), text_of(e, "vendor"), text_of(e, "product"), day[0]);
		tt_buf_printf(&text[1],
			"対象期間中の%sに、%s（%s "
			"%s）が、悪用の確認された脆弱性としてCISAにより公表されました。",
			day[1], text_of(e, "cve"), text_of(e, "vendor"), text_of(e, "product"));
	}
}

static void add_who(const struct change *c, struct tt_buf text[2]) {
	const json_t *sensors = json_object_get(json_object_get(c->o, "drivers"), "sensor");
	double sources = number_of(c->o, "sources");
	char count[TT_SHOW_LEN], share[TT_SHOW_LEN], name[2][NAME_LEN];
	if (json_is_true(json_object_get(c->o, "few_sources"))) {
		bool least = number_of(c->o, "top_source_share_max") -
				     number_of(c->o, "top_source_share") >=
			     0.0005;
		tt_buf_printf(&text[0], " A single source sent %s%s of these packets.",
			least ? "at least " : "",
			tt_show_share(number_of(c->o, "top_source_share"), share));
		tt_buf_printf(&text[1], "その%s%sは単一の送信元アドレスによるものでした。",
			share_text(TT_JA, number_of(c->o, "top_source_share"), share),
			least ? "以上" : "");
	} else if (json_is_integer(json_object_get(c->o, "sources")) && sources > 0) {
		tt_show_count((uint64_t)sources, count);
		tt_buf_printf(
			&text[0], " They came from %s source%s.", count, sources == 1 ? "" : "s");
		tt_buf_printf(&text[1], "送信元アドレス数は%s個でした。", count);
	}
	if (json_is_true(json_object_get(c->o, "one_sensor")) && strcmp(c->of, "sensor")) {
		const char *id = text_of(json_array_get(sensors, 0), "key");
		for (unsigned l = 0; l < 2; l++)
			thing_name(c->p, l, "sensor", id, name[l]);
		tt_buf_printf(&text[0], " Nearly all of the increase was seen at one sensor, %s.",
			name[0]);
		tt_buf_printf(&text[1], "増加分のほとんどは1台のセンサー「%s」で観測されました。",
			name[1]);
	}
}

// When: from a day on, where it had not ended, else from a day to a day; before the period or not.
static void when(const struct change *c, char en[NAME_LEN], char ja[NAME_LEN]) {
	struct tt_tz *tz = tt_store_tz(c->p->s);
	int64_t first = prose_day(c->p, c->o, "from", 0), last = prose_day(c->p, c->o, "to", -1);
	bool before = first < tt_tz_day(tz, c->p->from);
	char day[2][NAME_LEN];
	if (!json_is_true(json_object_get(c->o, "lasts")) || first == last) {
		prose_span(c->p, c->o, en, ja);
	} else {
		for (unsigned l = 0; l < 2; l++)
			day_name(l, first, day[l]);
		snprintf(en, NAME_LEN, "from %.40s on", day[0]);
		snprintf(ja, NAME_LEN, "%.40s以降", day[1]);
	}
	if (before) {
		size_t n = strlen(en), m = strlen(ja);
		snprintf(
			en + n, NAME_LEN - n, ", before %s began", length_word(c->p, TT_EN, false));
		snprintf(ja + m, NAME_LEN - m, "（対象期間の開始前から）");
	}
}

// "against a usual 45 a day", or what there is in place of a number.
static void usual_text(const struct change *c, bool level, char en[NAME_LEN], char ja[NAME_LEN]) {
	char count[TT_SHOW_LEN];
	uint64_t n = (uint64_t)(number_of(json_object_get(c->o, "usual"), "median") + 0.5);
	tt_show_count(n, count);
	if (!n) {
		snprintf(en, NAME_LEN,
			level ? ", where there had been none" : ", where there are usually none");
		snprintf(ja, NAME_LEN, level ? "（以前は観測なし）" : "（通常は観測なし）");
		return;
	}
	snprintf(en, NAME_LEN, level ? ", against %s before" : ", against a usual %s a day", count);
	snprintf(ja, NAME_LEN, level ? "（以前は%s個）" : "（通常は1日あたり%s個）", count);
}

// Days above or below the usual, and then back.
static void tell_days(const struct change *c, bool up) {
	struct tt_buf text[2] = {TT_BUF_INIT(16384), TT_BUF_INIT(16384)};
	char who[2][NAME_LEN * 2], span[2][NAME_LEN], day[2][NAME_LEN], usual[2][NAME_LEN],
		peak[TT_SHOW_LEN];
	uint64_t n = (uint64_t)number_of(c->o, "peak");
	when(c, span[0], span[1]);
	usual_text(c, false, usual[0], usual[1]);
	tt_show_count(n, peak);
	for (unsigned l = 0; l < 2; l++) {
		subject(c, l, who[l]);
		day_name(l, prose_day(c->p, c->o, "peak_day", 0), day[l]);
	}
	tt_buf_printf(&text[0], "%s %s %s: %s on %s%s.", who[0], up ? "surged" : "dropped", span[0],
		n ? peak : "none", day[0], usual[0]);
	tt_buf_printf(&text[1], "%sは、%s%s、%sには%s個%sを観測しました。", who[1], span[1],
		up ? "急増し" : "一時的に減少し", day[1], peak, usual[1]);
	if (up) {
		add_who(c, text);
		add_drivers(c, text);
		add_published(c, text);
	}
	prose_add(c->p, c->section, text);
}

static double a_day(const json_t *o) {
	double days = number_of(o, "days");
	return days > 0 ? number_of(o, "packets") / days : 0;
}

static void tell_level(const struct change *c, bool up) {
	struct tt_buf text[2] = {TT_BUF_INIT(16384), TT_BUF_INIT(16384)};
	char who[2][NAME_LEN * 2], span[2][NAME_LEN], usual[2][NAME_LEN], now[TT_SHOW_LEN];
	when(c, span[0], span[1]);
	usual_text(c, true, usual[0], usual[1]);
	tt_show_count((uint64_t)(a_day(c->o) + 0.5), now);
	for (unsigned l = 0; l < 2; l++)
		subject(c, l, who[l]);
	tt_buf_printf(&text[0], "%s %s %s: %s a day on average%s.", who[0],
		up ? "rose" : "declined", span[0], now, usual[0]);
	tt_buf_printf(&text[1], "%sは、%s%s、1日あたり平均%s個%sで推移しました。", who[1], span[1],
		up ? "増加し" : "減少し", now, usual[1]);
	if (up) {
		add_drivers(c, text);
		add_published(c, text);
	}
	prose_add(c->p, c->section, text);
}

static bool is_in(const json_t *rows, const char *region, bool newcomer, unsigned top) {
	const json_t *row;
	size_t i;
	json_array_foreach((json_t *)rows, i, row) {
		const json_t *before = json_object_get(row, "previous_rank");
		if (strcmp(text_of(row, "region"), region))
			continue;
		return !newcomer || json_is_string(before) || json_integer_value(before) > top;
	}
	return false;
}

// The region that rose most where another one fell, if it came into the table as that one left it.
static const json_t *successor(struct page *p, const json_t *rows, const json_t *fall) {
	const json_t *best = NULL, *o;
	const json_t *table = json_object_get(json_object_get(p->doc, "table2"), "rows");
	const json_t *left = json_object_get(json_object_get(p->doc, "left"), "regions");
	int64_t day = prose_day(p, fall, "from", 0);
	size_t i;
	if (!is_in(left, text_of(fall, "key"), false, 0))
		return NULL;
	json_array_foreach((json_t *)rows, i,
		o) if (!strcmp(text_of(o, "of"), "region") && !strcmp(text_of(o, "kind"), "rise") &&
		       llabs(prose_day(p, o, "from", 0) - day) <= BESIDE_DAYS &&
		       is_in(table, text_of(o, "key"), true, p->top) &&
		       (!best || number_of(o, "packets") > number_of(best, "packets"))) best = o;
	return best;
}

static void tell_successor(struct page *p, const json_t *fall, const json_t *rise) {
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	char a[2][NAME_LEN], b[2][NAME_LEN], day[2][NAME_LEN];
	for (unsigned l = 0; l < 2; l++) {
		name_in_text(p, l, "region", text_of(fall, "key"), a[l]);
		name_in_text(p, l, "region", text_of(rise, "key"), b[l]);
		day_name(l, prose_day(p, fall, "from", 0), day[l]);
	}
	tt_buf_printf(&text[0], "%s faded from %s on, and %s took its place.", begin_sentence(a[0]),
		day[0], b[0]);
	tt_buf_printf(&text[1],
		"%s以降、%sからのパケットが減少し、代わって%sからのパケットが増加しました。",
		day[1], a[1], b[1]);
	prose_add(p, "regions", text);
}

static void tell(const struct change *c) {
	if (!strcmp(c->kind, "surge"))
		tell_days(c, true);
	else if (!strcmp(c->kind, "dip"))
		tell_days(c, false);
	else if (!strcmp(c->kind, "rise"))
		tell_level(c, true);
	else if (!strcmp(c->kind, "decline"))
		tell_level(c, false);
}

// Whether a list has a text; no list is all.
static bool covers(const json_t *list, const char *text) {
	const json_t *v;
	size_t i;
	json_array_foreach(
		(json_t *)list, i, v) if (!strcmp(json_string_value(v), text)) return true;
	return !json_is_array(list);
}

// The topic that tells a surge of answers already: its watch counts the service and surged on the
// day of the peak. Its figure's number, 0 where there is none.
static unsigned told_as_topic(const struct change *c) {
	const json_t *topic, *s;
	const char *peak = text_of(c->o, "peak_day");
	size_t i, j;
	if (!c->is_answer || strcmp(c->kind, "surge"))
		return 0;
	json_array_foreach(json_object_get(c->p->doc, "topics"), i, topic) {
		const json_t *where = json_object_get(topic, "where");
		if (i >= TOPICS || !covers(json_object_get(where, "class"), "reflection") ||
			!covers(json_object_get(where, "ports"), text_of(c->o, "key")))
			continue;
		json_array_foreach(json_object_get(topic, "surges"), j, s) {
			if (strcmp(text_of(s, "from"), peak) <= 0 &&
				strcmp(peak, text_of(s, "to")) < 0)
				return (unsigned)i + 3;
		}
	}
	return 0;
}

// Once for all surges of a service.
static void refer(const struct change *c, unsigned figure, json_t *referred) {
	struct tt_buf text[2] = {TT_BUF_INIT(4096), TT_BUF_INIT(4096)};
	char what[2][NAME_LEN * 2];
	if (json_object_get(referred, text_of(c->o, "key")))
		return;
	json_object_set_new(referred, text_of(c->o, "key"), json_true());
	for (unsigned l = 0; l < 2; l++)
		subject(c, l, what[l]);
	tt_buf_printf(
		&text[0], "%s surged: see “%s”, Figure %u.", what[0], say(TT_EN, W_TOPICS), figure);
	tt_buf_printf(&text[1], "%sの急増については、「%s」（図%u）に記載しています。", what[1],
		say(TT_JA, W_TOPICS), figure);
	prose_add(c->p, c->section, text);
}

static const char *section_of(const char *of) {
	return !strcmp(of, "service") ? "services" : !strcmp(of, "region") ? "regions" : "sensors";
}

void prose_changes(struct page *p) {
	const json_t *rows = json_object_get(json_object_get(p->doc, "changes"), "rows"), *o, *rise;
	json_t *referred = json_object();
	size_t i;
	json_array_foreach((json_t *)rows, i, o) {
		struct change c = {
			.p = p, .o = o, .kind = text_of(o, "kind"), .of = text_of(o, "of")};
		if (!strcmp(c.of, "watch")) // told as topics
			continue;
		c.section = section_of(c.of);
		c.is_answer = !strcmp(text_of(o, "class"), "reflection");
		unsigned figure = told_as_topic(&c);
		if (figure)
			refer(&c, figure, referred);
		else
			tell(&c);
		if (!strcmp(c.of, "region") && !strcmp(c.kind, "decline") &&
			(rise = successor(p, rows, o)))
			tell_successor(p, o, rise);
	}
	json_decref(referred);
	prose_ranks(p);
}
