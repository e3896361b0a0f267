/* SPDX-License-Identifier: BSD-3-Clause */
// An analyst's Markdown, whatever it is: the HTML of it has only the tags that a text needs, each
// with no attribute but a link's.
#include <stdlib.h>
#include <string.h>

#include "page/page.h"

static const char *const allowed[] = {"p", "h3", "h4", "h5", "h6", "strong", "em", "code", "pre",
	"ul", "ol", "li", "blockquote", "hr", "br", "a", "table", "thead", "tbody", "tr", "th",
	"td"};

static int is_allowed(const char *tag, size_t len) {
	for (unsigned i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (strlen(allowed[i]) == len && !memcmp(allowed[i], tag, len))
			return 1;
	return 0;
}

// cmark's own attributes: the start of a list, the language of a code block, a link's address and
// title, the side that a column leans to.
static int attributes_ok(const char *tag, const char *end) {
	static const char *const ok[] = {
		" start=\"", " class=\"language-", " href=\"", " title=\"", " align=\"", " /"};
	const char *at = tag + strcspn(tag, " >");
	while (at < end) {
		size_t n = 0;
		for (unsigned i = 0; i < sizeof(ok) / sizeof(*ok); i++)
			if (!strncmp(at, ok[i], strlen(ok[i])))
				n = strlen(ok[i]);
		if (!n)
			return 0;
		at += n;
		if (at[-1] != '/')
			at += strcspn(at, "\"") + 1;
	}
	return 1;
}

static void check(const char *html) {
	for (const char *at = html; (at = strchr(at, '<')); at++) {
		const char *tag = at[1] == '/' ? at + 2 : at + 1, *end = strchr(at, '>');
		if (!end || !is_allowed(tag, strcspn(tag, " >")) || !attributes_ok(tag, end))
			abort();
	}
	if (strstr(html, "javascript:") && strstr(html, "href=\"javascript:"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	if (memchr(data, '\0', len)) // refused where files are read
		return 0;
	struct tt_page_conf conf = {0};
	struct tt_err err = {0};
	struct page p = {.conf = &conf, .err = &err};
	struct tt_buf text = TT_BUF_INIT(1 << 20);
	char *html = NULL;
	p.doc = json_pack("{s:[{s:i, s:s}]}", "rows", "packets", 7, "name", "<b>*x*</b>");
	if (tt_buf_append(&text, data, len) || notes_render(&p, "note.md", &text, &html)) {
		if (!err.msg[0])
			abort();
	} else if (html) {
		check(html);
	}
	free(html);
	json_decref(p.doc);
	tt_buf_free(&text);
	return 0;
}
