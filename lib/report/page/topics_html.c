/* SPDX-License-Identifier: BSD-3-Clause */
// The section of topics: each watch with its figure, its surges and who saw them.
#include <ctype.h>
#include <string.h>

#include "prose.h"
#include "sections.h"

static void cell_day(
	struct page *p, struct tt_buf *b, const json_t *o, const char *key, int shift) {
	char text[TT_RFC3339_LEN];
	html_printf(b, "<td class=\"d\">%s</td>", tt_day_format(prose_day(p, o, key, shift), text));
}

// "Surges: source addresses per day".
static void surges_caption(const struct page *p, const json_t *w, char out[NAME_LEN]) {
	const char *measure = json_string_value(json_object_get(w, "measure"));
	const char *unit = say(p->lang, measure_word(measure));
	snprintf(out, NAME_LEN, "%s%s%c%s", say(p->lang, W_SURGES), say(p->lang, W_COLON),
		tolower((unsigned char)unit[0]), unit + 1);
}

static void write_surges(struct page *p, struct tt_buf *b, const json_t *w) {
	static const enum word words[] = {
		W_FIRST_DAY, W_LAST_DAY, W_PEAK_DAY, W_PEAK, W_USUAL, W_PACKETS, W_SOURCES};
	const json_t *surges = json_object_get(w, "surges"), *s;
	char id[64], caption[NAME_LEN];
	size_t i;
	surges_caption(p, w, caption);
	snprintf(id, sizeof(id), "surges-%.40s", json_string_value(json_object_get(w, "watch")));
	if (!json_array_size(surges))
		return;
	table_begin(p, b, id, caption, words, "tttnnnn");
	json_array_foreach((json_t *)surges, i, s) {
		tt_buf_printf(b, "<tr>");
		cell_day(p, b, s, "from", 0);
		cell_day(p, b, s, "to", -1);
		cell_day(p, b, s, "peak_day", 0);
		cell_count(b, json_object_get(s, "peak"));
		cell_rate(b, json_object_get(json_object_get(s, "usual"), "median"));
		cell_count(b, json_object_get(s, "packets"));
		cell_count(b, json_object_get(s, "sources"));
		tt_buf_printf(b, "</tr>\n");
	}
	table_end(b);
}

// Expected against seen, network by network, of all surges together.
static void write_networks(struct page *p, struct tt_buf *b, const json_t *w) {
	static const enum word words[] = {
		W_FIRST_DAY, W_NETWORK, W_UP, W_EXPECTED, W_SEEN, W_ADDRESSES};
	bool addresses = !p->conf->recipient;
	const json_t *s, *n;
	char id[64];
	size_t i, j;
	snprintf(id, sizeof(id), "seen-%.40s", json_string_value(json_object_get(w, "watch")));
	if (!json_array_size(json_object_get(w, "surges")))
		return;
	table_begin(p, b, id, say(p->lang, W_WHO_SAW), words, addresses ? "ttnnnn" : "ttnnn");
	json_array_foreach(json_object_get(w, "surges"), i, s) {
		json_array_foreach(json_object_get(s, "networks"), j, n) {
			tt_buf_printf(b, "<tr>");
			cell_day(p, b, s, "from", 0);
			html_printf(
				b, "<td>%s</td>", json_string_value(json_object_get(n, "network")));
			cell_share(p, b, json_object_get(n, "up"));
			cell_rate(b, json_object_get(n, "expected"));
			cell_count(b, json_object_get(n, "seen"));
			if (addresses)
				cell_rate(b, json_object_get(n, "addresses"));
			tt_buf_printf(b, "</tr>\n");
		}
	}
	table_end(b);
}

static void write_topic(struct page *p, struct tt_buf *b, const json_t *w, unsigned number) {
	const char *name = json_string_value(json_object_get(w, "watch"));
	const json_t *note = json_object_get(p->notes, "topics");
	char section[64], own[64];
	snprintf(own, sizeof(own), "watch-%.40s", name);
	snprintf(section, sizeof(section), "topic-%.40s", name);
	html_printf(b, "<h3 id=\"%s\">%s</h3>\n", section,
		bilingual_text(p->lang, json_object_get(w, "title")));
	if (json_is_object(json_object_get(w, "not_counted")))
		html_printf(b, "<p class=\"warn\">%s</p>\n", say(p->lang, W_NOT_COUNTED));
	write_texts(p, b, json_is_true(json_object_get(note, "replace")) ? NULL : section, own);
	write_figure(p, b, number);
	write_surges(p, b, w);
	write_networks(p, b, w);
	write_parts(p, b, w);
}

void write_topics(struct page *p, struct tt_buf *b) {
	const json_t *topics = json_object_get(p->doc, "topics"), *w;
	size_t i;
	if (!json_array_size(topics))
		html_printf(b, "<p>%s</p>\n", say(p->lang, W_NO_TOPICS));
	json_array_foreach((json_t *)topics, i, w) write_topic(p, b, w, (unsigned)i + 3);
}
