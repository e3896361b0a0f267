/* SPDX-License-Identifier: BSD-3-Clause */
// How services, regions, days and periods are called in each language.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "page.h"

int tt_lang_parse(const char *text) {
	return !strcmp(text, "en") ? TT_EN : !strcmp(text, "ja") ? TT_JA : -1;
}

const char *say(enum tt_lang lang, enum word w) {
	static const char *const words[][2] = {
#define ROW(id, en, ja) [W_##id] = {en, ja},
		WORDS(ROW)
#undef ROW
	};
	return words[w][lang];
}

const char *bilingual_text(enum tt_lang lang, const json_t *texts) {
	static const char *const keys[] = {"en", "ja"};
	if (json_is_string(texts))
		return json_string_value(texts);
	const char *own = json_string_value(json_object_get(texts, keys[lang]));
	const char *other = json_string_value(json_object_get(texts, keys[!lang]));
	return own && *own ? own : other ? other : "";
}

static void upper(char *text) {
	for (; *text; text++)
		*text = (char)toupper((unsigned char)*text);
}

const char *service_name(enum tt_lang lang, const json_t *row, char buf[NAME_LEN]) {
	const char *proto = json_string_value(json_object_get(row, "proto"));
	const char *name = json_string_value(json_object_get(row, "service"));
	const json_t *port = json_object_get(row, "port"), *type = json_object_get(row, "type");
	char up[16];
	if (!proto) {
		snprintf(buf, NAME_LEN, "%s", say(lang, W_MIXED_PORTS));
		return buf;
	}
	snprintf(up, sizeof(up), "%s", proto);
	upper(up);
	if (!strcmp(proto, "icmp6"))
		snprintf(up, sizeof(up), "ICMPv6");
	if (json_is_integer(type)) // a type is there in rows of ICMP only
		snprintf(buf, NAME_LEN, "%s %s %d", up, say(lang, W_ICMP_TYPE),
			(int)json_integer_value(type));
	else if (!json_is_integer(port))
		snprintf(buf, NAME_LEN, "%s", up);
	else if (strcmp(proto, "tcp") && strcmp(proto, "udp"))
		snprintf(buf, NAME_LEN, "%s %s", say(lang, W_PROTOCOL), proto);
	else if (name)
		snprintf(buf, NAME_LEN, lang == TT_JA ? "%.64s（%d/%s）" : "%.64s (%d/%s)", name,
			(int)json_integer_value(port), up);
	else
		snprintf(buf, NAME_LEN, "%d/%s", (int)json_integer_value(port), up);
	return buf;
}

const char *port_name(const char *service, char buf[NAME_LEN]) {
	const char *slash = strchr(service, '/');
	char proto[16];
	snprintf(proto, sizeof(proto), "%.*s", slash ? (int)(slash - service) : 0, service);
	upper(proto);
	snprintf(buf, NAME_LEN, slash ? "%.16s/%s" : "%.16s%s", slash ? slash + 1 : service, proto);
	return buf;
}

const char *region_name(
	const struct page *p, enum tt_lang lang, const json_t *row, char buf[NAME_LEN]) {
	const char *code = json_string_value(json_object_get(row, "region"));
	if (!code || !strcmp(code, "--"))
		snprintf(buf, NAME_LEN, "%s", say(lang, W_REGION_UNKNOWN));
	else
		snprintf(buf, NAME_LEN, lang == TT_JA ? "%.200s（%.8s）" : "%.200s (%.8s)",
			tt_atlas_name(p->conf->atlas, code, lang), code);
	return buf;
}

// Whether an English name stands with an article in a sentence: "the United States".
static bool takes_article(const char *name, size_t n) {
	static const char *const starts[] = {"United ", "Isle of ", "British ", "French Southern"};
	static const char *const ends[] = {" Islands", " Republic", " Territory", " Territories",
		"Netherlands", "Philippines", "Bahamas", "Maldives", "Gambia", "Comoros"};
	for (unsigned i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (!strncmp(name, starts[i], strlen(starts[i])))
			return true;
	for (unsigned i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (n >= strlen(ends[i]) &&
			!strncmp(name + n - strlen(ends[i]), ends[i], strlen(ends[i])))
			return true;
	return false;
}

const char *region_in_text(
	const struct page *p, enum tt_lang lang, const json_t *row, char buf[NAME_LEN]) {
	region_name(p, lang, row, buf);
	const char *code = strstr(buf, " (");
	if (lang != TT_EN || !code || !takes_article(buf, (size_t)(code - buf)))
		return buf;
	memmove(buf + 4, buf, strnlen(buf, NAME_LEN - 5) + 1);
	buf[NAME_LEN - 1] = '\0';
	memcpy(buf, "the ", 4);
	return buf;
}

const char *begin_sentence(char buf[NAME_LEN]) {
	if (!strncmp(buf, "the ", 4))
		buf[0] = 'T';
	return buf;
}

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
	"August", "September", "October", "November", "December"};

const char *day_name(enum tt_lang lang, int64_t day, char buf[NAME_LEN]) {
	int y, m, d;
	tt_civil_from_days(day, &y, &m, &d);
	if (lang == TT_JA)
		snprintf(buf, NAME_LEN, "%d年%d月%d日", y, m, d);
	else
		snprintf(buf, NAME_LEN, "%d %s %d", d, months[m - 1], y);
	return buf;
}

const char *day_short(enum tt_lang lang, int month, int day, char buf[16]) {
	if (lang == TT_JA)
		snprintf(buf, 16, "%u/%u", (unsigned)month % 100, (unsigned)day % 100);
	else
		snprintf(buf, 16, "%u %.3s", (unsigned)day % 100, months[month - 1]);
	return buf;
}

enum length period_length(int64_t from, int64_t to) {
	int y, m, d, y2, m2, d2;
	tt_civil_from_days(from, &y, &m, &d);
	tt_civil_from_days(to, &y2, &m2, &d2);
	if (d != 1 || d2 != 1)
		return LENGTH_DAYS;
	int n = (y2 - y) * 12 + m2 - m;
	if (n == 1)
		return LENGTH_MONTH;
	if (n == 3 && m % 3 == 1)
		return LENGTH_QUARTER;
	return n == 12 && m == 1 ? LENGTH_YEAR : LENGTH_DAYS;
}

// `to` is past the last day.
const char *period_name(enum tt_lang lang, int64_t from, int64_t to, char buf[NAME_LEN]) {
	int y, m, d, y2, m2, d2;
	tt_civil_from_days(from, &y, &m, &d);
	tt_civil_from_days(to - 1, &y2, &m2, &d2);
	bool ja = lang == TT_JA;
	switch (period_length(from, to)) {
	case LENGTH_YEAR:
		snprintf(buf, NAME_LEN, ja ? "%d年" : "%d", y);
		break;
	case LENGTH_QUARTER:
		if (ja)
			snprintf(buf, NAME_LEN, "%d年%d月～%d月", y, m, m2);
		else
			snprintf(buf, NAME_LEN, "%s to %s %d", months[m - 1], months[m2 - 1], y);
		break;
	case LENGTH_MONTH:
		if (ja)
			snprintf(buf, NAME_LEN, "%d年%d月", y, m);
		else
			snprintf(buf, NAME_LEN, "%s %d", months[m - 1], y);
		break;
	case LENGTH_DAYS:
		if (ja)
			snprintf(buf, NAME_LEN, "%d年%d月%d日～%d年%d月%d日", y, m, d, y2, m2, d2);
		else
			snprintf(buf, NAME_LEN, "%d %s %d to %d %s %d", d, months[m - 1], y, d2,
				months[m2 - 1], y2);
		break;
	}
	return buf;
}
