/* SPDX-License-Identifier: BSD-3-Clause */
// The page: its head, cover and contents, and its sections in order.
#include <errno.h>
#include <string.h>

#include "page.h"
#include "sections.h"

static const struct section {
	const char *id;
	enum word title;
	void (*write)(struct page *p, struct tt_buf *b); // NULL: sentences and notes only
} sections[] = {{"overview", W_OVERVIEW, write_overview}, {"services", W_SERVICES, write_services},
	{"regions", W_REGIONS, write_regions}, {"topics", W_TOPICS, write_topics},
	{"changes", W_CHANGES, write_changes}, {"sensors", W_SENSORS, write_sensors},
	{"requests", W_REQUESTS, NULL}, {"references", W_REFERENCES, write_references},
	{"method", W_METHOD, write_method}};
#define SECTION_N (sizeof(sections) / sizeof(*sections))

bool section_exists(const char *id) {
	for (unsigned i = 0; i < SECTION_N; i++)
		if (!strcmp(sections[i].id, id))
			return true;
	return false;
}

const char *section_list(char *out, size_t size) {
	size_t n = 0;
	out[0] = '\0';
	for (unsigned i = 0; i < SECTION_N && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", sections[i].id);
	return out;
}

static const char *lang_code(const struct page *p) {
	return p->lang == TT_JA ? "ja" : "en";
}

static const char *title_of(const struct page *p) {
	const char *given = bilingual_text(p->lang, json_object_get(p->doc, "title"));
	return *given ? given : say(p->lang, W_TITLE);
}

static void write_head(struct page *p, struct tt_buf *b) {
	struct tt_tz *tz = tt_store_tz(p->s);
	const char *tlp = json_string_value(json_object_get(p->doc, "tlp"));
	char hash[64], period[NAME_LEN];
	style_hash(hash);
	period_name(p->lang, tt_tz_day(tz, p->from), tt_tz_day(tz, p->to), period);
	html_printf(b, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
		lang_code(p));
	tt_buf_printf(b,
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'\">\n",
		hash);
	html_printf(b,
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n"
		"<meta name=\"generator\" content=\"teiten %s\">\n<title>%s – %s</title>\n<style>",
		TT_VERSION, title_of(p), period);
	tt_buf_append(b, page_style, strlen(page_style));
	html_printf(b, "</style>\n</head>\n<body data-tlp=\"%s\">\n", tlp ? tlp : "");
}

static void fact(struct page *p, struct tt_buf *b, enum word name, const char *value) {
	if (value && *value)
		html_printf(b, "<dt>%s</dt><dd>%s</dd>\n", say(p->lang, name), value);
}

static void write_data_dates(struct page *p, struct tt_buf *b) {
	const json_t *data = json_object_get(p->doc, "data");
	struct tt_tz *tz = tt_store_tz(p->s);
	char text[2 * NAME_LEN + 16], day[2][NAME_LEN];
	int64_t t[2];
	for (unsigned i = 0; i < 2; i++) {
		const char *at = json_string_value(json_object_get(data, i ? "to" : "from"));
		if (!at || tt_time_parse(at, &t[i])) {
			fact(p, b, W_DATA_DATES, say(p->lang, W_NO_DATA));
			return;
		}
		day_name(p->lang, tt_tz_day(tz, t[i] - i), day[i]);
	}
	snprintf(text, sizeof(text), "%s%s%s", day[0], say(p->lang, W_TO), day[1]);
	fact(p, b, W_DATA_DATES, text);
}

static void write_date(struct page *p, struct tt_buf *b) {
	const char *date = json_string_value(json_object_get(p->doc, "date"));
	struct tt_tz *tz = tt_store_tz(p->s);
	char day[NAME_LEN];
	int64_t at;
	if (date && !tt_tz_parse_time(tz, date, &at, NULL))
		fact(p, b, W_DATE, day_name(p->lang, tt_tz_day(tz, at), day));
}

static void write_contact(struct page *p, struct tt_buf *b) {
	static const char *const parts[] = {"name", "email", "url"};
	const json_t *contact = json_object_get(p->doc, "contact");
	bool any = false;
	for (unsigned i = 0; i < 3; i++) {
		const char *text = bilingual_text(p->lang, json_object_get(contact, parts[i]));
		if (!*text)
			continue;
		if (!any)
			html_printf(b, "<dt>%s</dt><dd>%s", say(p->lang, W_CONTACT), text);
		else
			html_printf(b, "<br>%s", text);
		any = true;
	}
	tt_buf_printf(b, any ? "</dd>\n" : "");
}

static void write_cover(struct page *p, struct tt_buf *b) {
	const char *tlp = json_string_value(json_object_get(p->doc, "tlp"));
	struct tt_tz *tz = tt_store_tz(p->s);
	char period[NAME_LEN], scope[NAME_LEN];
	period_name(p->lang, tt_tz_day(tz, p->from), tt_tz_day(tz, p->to), period);
	tt_buf_printf(b, "<header class=\"cover\">\n");
	write_logo(p, b);
	html_printf(b, "<h1>%s</h1>\n<p class=\"period\">%s</p>\n", title_of(p), period);
	const char *issuer = bilingual_text(p->lang, json_object_get(p->doc, "issuer"));
	if (*issuer)
		html_printf(b, "<p class=\"issuer\">%s</p>\n", issuer);
	tt_buf_printf(b, "<dl class=\"facts\">\n");
	write_date(p, b);
	fact(p, b, W_SCOPE, scope_name(p, p->lang, scope));
	write_data_dates(p, b);
	fact(p, b, W_TIMEZONE, json_string_value(json_object_get(p->doc, "timezone")));
	fact(p, b, W_RIR_DATE,
		json_string_value(json_object_get(json_object_get(p->doc, "table2"), "rir")));
	fact(p, b, W_RECIPIENT, p->conf->recipient);
	write_contact(p, b);
	fact(p, b, W_LICENCE, bilingual_text(p->lang, json_object_get(p->doc, "licence")));
	if (tlp)
		html_printf(b, "<dt>TLP</dt><dd><span class=\"tlp tlp-%s\">TLP:%s</span></dd>\n",
			tlp, tlp);
	tt_buf_printf(b, "</dl>\n</header>\n");
}

static void write_list(struct page *p, struct tt_buf *b, const char *prefix, enum word word) {
	char id[16];
	for (unsigned i = 1; i <= FIGURES; i++) {
		snprintf(id, sizeof(id), "%s%u", prefix, i);
		const json_t *title = json_object_get(json_object_get(p->doc, id), "title");
		if (title && (word != W_FIGURE || p->svg[i - 1].len))
			html_printf(b, "<li><a href=\"#%s\">%s%u%s%s</a></li>\n", id,
				say(p->lang, word), i, say(p->lang, W_COLON),
				bilingual_text(p->lang, title));
	}
}

static void write_contents(struct page *p, struct tt_buf *b) {
	html_printf(b, "<nav>\n<h2>%s</h2>\n<ol>\n", say(p->lang, W_CONTENTS));
	for (unsigned i = 0; i < SECTION_N; i++)
		html_printf(b, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id,
			say(p->lang, sections[i].title));
	tt_buf_printf(b, "</ol>\n<ul>\n");
	write_list(p, b, "table", W_TABLE);
	write_list(p, b, "figure", W_FIGURE);
	tt_buf_printf(b, "</ul>\n</nav>\n");
}

void write_texts(struct page *p, struct tt_buf *b, const char *sentences, const char *section) {
	const json_t *note = json_object_get(p->notes, section);
	const char *html = json_string_value(json_object_get(note, "html"));
	if (sentences && !json_is_true(json_object_get(note, "replace")))
		write_sentences(p, b, sentences);
	if (html)
		tt_buf_printf(b, "<div class=\"note\">\n%s</div>\n", html);
}

static void write_section(struct page *p, struct tt_buf *b, unsigned i) {
	html_printf(b, "<section id=\"%s\">\n<h2>%u. %s</h2>\n", sections[i].id, i + 1,
		say(p->lang, sections[i].title));
	write_texts(p, b, sections[i].id, sections[i].id);
	if (sections[i].write)
		sections[i].write(p, b);
	tt_buf_printf(b, "</section>\n");
}

int page_html(struct page *p, struct tt_buf *b) {
	write_head(p, b);
	write_cover(p, b);
	write_contents(p, b);
	tt_buf_printf(b, "<main>\n");
	for (unsigned i = 0; i < SECTION_N; i++)
		write_section(p, b, i);
	tt_buf_printf(b, "</main>\n</body>\n</html>\n");
	return b->rc ? tt_err_set(p->err, b->rc, "page: %s", strerror(-b->rc)) : 0;
}
