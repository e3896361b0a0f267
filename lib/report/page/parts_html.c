/* SPDX-License-Identifier: BSD-3-Clause */
// What a topic was made of: the parts that its watch counts by, and what others found its sources
// to be.
#include <ctype.h>
#include <string.h>

#include "prose.h"
#include "sections.h"

#define PARTS 10 // of each that the page shows; all of them are in the CSV

static const struct kind {
	const char *by;
	enum word word;
	const char *of; // thing_name's, NULL: as it is written
} kinds[] = {{"sensor", W_SENSOR, "sensor"}, {"network", W_NETWORK, NULL}, {"group", W_GROUP, NULL},
	{"country", W_SENSOR_COUNTRY, "region"}, {"region", W_REGION, "region"},
	{"port", W_SERVICE, "port"}, {"asn", W_ORIGIN, NULL}, {"tool", W_TOOL, NULL},
	{"trait", W_TRAIT, NULL}};

static const struct {
	const char *trait, *text[2];
} traits[] = {{"dns_over_512", {"larger than 512 bytes", "512バイト超"}},
	{"dns_over_1232", {"larger than 1,232 bytes", "1,232バイト超"}},
	{"dns_tc", {"truncated (TC)", "切り詰め（TC）"}},
	{"dns_ra", {"recursion available (RA)", "再帰可（RA）"}},
	{"dns_aa", {"authoritative (AA)", "権威応答（AA）"}}, {"dns_edns", {"EDNS", "EDNS"}},
	{"dns_do", {"DNSSEC OK (DO)", "DNSSEC OK（DO）"}},
	{"dns_dnssec", {"DNSSEC records", "DNSSECのレコード"}},
	{"dns_any", {"query type ANY", "クエリタイプANY"}},
	{"dns_rcode", {"error (rcode)", "エラー応答（rcode）"}},
	{"ntp_monlist", {"NTP monlist", "NTP monlist"}},
	{"ntp_control", {"NTP control", "NTP制御メッセージ"}},
	{"tcp_no_options", {"TCP without options", "TCPオプションなし"}},
	{"tcp_df_clear", {"DF clear", "DFなし"}},
	{"tcp_windows", {"TCP options as of Windows", "Windows形式のTCPオプション"}},
	{"unverified", {"cut before it could be verified", "確認前に切り詰め"}},
	{"reflector_port", {"from an amplifier's port", "増幅に使われるポートから"}}};

static const char *part_name(
	struct page *p, const struct kind *k, const char *key, char buf[NAME_LEN]) {
	if (k->of)
		return thing_name(p, p->lang, k->of, key, buf);
	for (unsigned i = 0; i < sizeof(traits) / sizeof(*traits); i++)
		if (k->word == W_TRAIT && !strcmp(traits[i].trait, key))
			return traits[i].text[p->lang];
	if (k->word == W_ORIGIN && !strcmp(key, "--"))
		return say(p->lang, W_UNKNOWN);
	return key;
}

static void cell_part(struct page *p, struct tt_buf *b, const json_t *part, const json_t *whole) {
	double all = json_number_value(whole);
	char text[TT_SHOW_LEN];
	html_printf(b, "<td class=\"n\">%s</td>",
		all > 0 ? share_text(p->lang, json_number_value(part) / all, text) : "–");
}

static void write_more(struct page *p, struct tt_buf *b, size_t n, unsigned cols) {
	if (n > PARTS)
		html_printf(b,
			p->lang == TT_JA
				? "<tr class=\"rest\"><td colspan=\"%u\">ほか%u件</td></tr>\n"
				: "<tr class=\"rest\"><td colspan=\"%u\">%u more</td></tr>\n",
			cols, (unsigned)(n - PARTS));
}

// "Packets by trait of packets".
static void caption_by(const struct page *p, enum word by, char out[NAME_LEN]) {
	const char *of = say(p->lang, by);
	char small[NAME_LEN];
	snprintf(small, sizeof(small), "%c%s", tolower((unsigned char)of[0]), of + 1);
	snprintf(out, NAME_LEN, p->lang == TT_JA ? "%s別のパケット数" : "Packets by %s", small);
}

static void write_kind(struct page *p, struct tt_buf *b, const json_t *w, const struct kind *k) {
	const enum word words[] = {k->word, W_PACKETS, W_SHARE, W_SOURCES};
	const json_t *list = json_object_get(json_object_get(w, "by"), k->by), *part;
	char id[80], caption[NAME_LEN], name[NAME_LEN];
	size_t i;
	if (!json_array_size(list))
		return;
	snprintf(id, sizeof(id), "by-%s-%.40s", k->by,
		json_string_value(json_object_get(w, "watch")));
	caption_by(p, k->word, caption);
	tt_buf_printf(b, "<div class=\"sensor\">\n");
	table_begin(p, b, id, caption, words, "tnnn");
	json_array_foreach((json_t *)list, i, part) {
		const char *key = json_string_value(json_object_get(part, "key"));
		if (i == PARTS)
			break;
		html_printf(b, "<tr><td>%s</td>", part_name(p, k, key, name));
		cell_count(b, json_object_get(part, "packets"));
		cell_part(p, b, json_object_get(part, "packets"), json_object_get(w, "packets"));
		cell_count(b, json_object_get(part, "sources"));
		tt_buf_printf(b, "</tr>\n");
	}
	write_more(p, b, json_array_size(list), 4);
	table_end(b);
	tt_buf_printf(b, "</div>\n");
}

static void write_products(struct page *p, struct tt_buf *b, const json_t *w) {
	static const enum word words[] = {W_PRODUCT, W_SOURCES, W_SHARE};
	const json_t *verdicts = json_object_get(w, "verdicts"), *o;
	const json_t *list = json_object_get(verdicts, "products");
	char id[80];
	size_t i;
	if (!json_array_size(list))
		return;
	snprintf(id, sizeof(id), "products-%.40s", json_string_value(json_object_get(w, "watch")));
	tt_buf_printf(b, "<div class=\"sensor\">\n");
	table_begin(p, b, id, say(p->lang, W_PRODUCTS), words, "tnn");
	json_array_foreach((json_t *)list, i, o) {
		const char *name = json_string_value(json_object_get(o, "product"));
		if (i == PARTS)
			break;
		html_printf(b, "<tr><td>%s</td>", *name ? name : say(p->lang, W_NOT_GIVEN));
		cell_count(b, json_object_get(o, "sources"));
		cell_part(p, b, json_object_get(o, "sources"), json_object_get(verdicts, "open"));
		tt_buf_printf(b, "</tr>\n");
	}
	write_more(p, b, json_array_size(list), 3);
	table_end(b);
	tt_buf_printf(b, "</div>\n");
}

void write_parts(struct page *p, struct tt_buf *b, const json_t *w) {
	const json_t *asked = json_object_get(w, "breakdown"), *by;
	size_t i;
	if (!json_number_value(json_object_get(w, "packets")))
		return;
	tt_buf_printf(b, "<div class=\"sensors\">\n");
	json_array_foreach((json_t *)asked, i, by) {
		for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
			if (!strcmp(kinds[k].by, json_string_value(by)))
				write_kind(p, b, w, &kinds[k]);
	}
	write_products(p, b, w);
	tt_buf_printf(b, "</div>\n");
}
