/* SPDX-License-Identifier: BSD-3-Clause */
// The analysts' texts: a Markdown file a section, into which figures of the document are put by
// placeholder. cmark-gfm parses them; of its tree only text, emphasis, lists, tables, code and
// links to the web or to mail are let through. Raw HTML is shown as what was typed.
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../pseudonym.h"
#include "page.h"
#include "sections.h"
#include "tt_file.h"

#define NOTE_MAX (1u << 20)

struct note_file {
	struct page *p;
	const char *path;
	int rc;
};

static int complain(struct note_file *f, int line, const char *what, const char *expected) {
	f->rc = tt_err_set(
		f->p->err, -EINVAL, "%s:%d: %s, expected %s", f->path, line, what, expected);
	return f->rc;
}

// ---- placeholders

static const json_t *look_up(const struct page *p, const char *path, size_t len) {
	const json_t *v = p->doc;
	char text[256], *rest = text, *part;
	if (!len || len >= sizeof(text))
		return NULL;
	memcpy(text, path, len);
	text[len] = '\0';
	while (v && (part = strsep(&rest, "."))) {
		char *end;
		unsigned long i = strtoul(part, &end, 10);
		if (!json_is_array(v))
			v = json_object_get(v, part);
		else
			v = isdigit((unsigned char)*part) && !*end ? json_array_get(v, i) : NULL;
	}
	return v;
}

static bool ends(const char *path, size_t len, const char *with) {
	size_t n = strlen(with);
	return len >= n && !memcmp(path + len - n, with, n);
}

// The text of a figure; false where it is none.
static bool show(const struct page *p, const char *path, size_t len, char out[TT_SHOW_LEN * 8]) {
	const json_t *v = look_up(p, path, len);
	if (json_is_integer(v))
		tt_show_count((uint64_t)json_integer_value(v), out);
	else if (json_is_real(v) && (ends(path, len, "_share") || ends(path, len, "completeness")))
		tt_show_share(json_real_value(v), out);
	else if (json_is_real(v))
		show_rate(json_real_value(v), out);
	else if (json_is_string(v))
		snprintf(out, TT_SHOW_LEN * 8, "%s", json_string_value(v));
	else if (json_is_null(v))
		snprintf(out, TT_SHOW_LEN * 8, "–");
	else if (json_is_object(v) && (json_object_get(v, "en") || json_object_get(v, "ja")))
		snprintf(out, TT_SHOW_LEN * 8, "%s", bilingual_text(p->lang, v));
	else
		return false;
	return true;
}

// The next "{{PATH}}"; blanks inside do not count.
static const char *find_mark(const char *text, const char **path, size_t *len, const char **end) {
	const char *at = strstr(text, "{{");
	*end = at ? strstr(at, "}}") : NULL;
	if (!at)
		return NULL;
	const char *stop = *end ? *end : at + strcspn(at, "\n");
	*path = at + 2;
	while (*path < stop && **path == ' ')
		++*path;
	while (stop > *path && stop[-1] == ' ')
		stop--;
	*len = (size_t)(stop - *path);
	*end = *end ? *end + 2 : NULL;
	return at;
}

static int check_marks(struct note_file *f, const char *line, int number) {
	const char *path, *end;
	size_t len;
	char what[320], value[TT_SHOW_LEN * 8];
	for (; find_mark(line, &path, &len, &end); line = end) {
		if (end && show(f->p, path, len, value))
			continue;
		snprintf(what, sizeof(what), "{{%.*s%s", (int)(len > 200 ? 200 : len), path,
			end ? "}}" : " without }}");
		return complain(f, number, what,
			"the path of a figure in report.json, as {{table1.rows.0.packets}}");
	}
	return 0;
}

static char *fill_marks(const struct page *p, const char *text) {
	struct tt_buf b = TT_BUF_INIT(4 * NOTE_MAX);
	const char *path, *end, *at;
	size_t len;
	char value[TT_SHOW_LEN * 8];
	while ((at = find_mark(text, &path, &len, &end)) && end && show(p, path, len, value)) {
		tt_buf_append(&b, text, (size_t)(at - text));
		tt_buf_append(&b, value, strlen(value));
		text = end;
	}
	tt_buf_append(&b, text, strlen(text));
	tt_buf_append(&b, "", 1);
	if (b.rc)
		tt_buf_free(&b);
	return (char *)b.data;
}

// ---- secrecy

static int check_lines(struct note_file *f, char *text) {
	int number = 0;
	for (char *line = text, *next; line && !f->rc; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next = '\0';
		number++;
		check_marks(f, line, number);
		if (!f->rc && f->p->conf->recipient && names_a_sensor(f->p->s, line))
			complain(f, number, "names a sensor or its network",
				"a text that does not, since it is for another recipient");
		if (next)
			*next++ = '\n';
	}
	return f->rc;
}

// ---- the tree

static bool is_web(const char *url) {
	static const char *const ok[] = {"https://", "http://", "mailto:", "#"};
	for (unsigned i = 0; i < sizeof(ok) / sizeof(*ok); i++)
		if (!strncasecmp(url, ok[i], strlen(ok[i])))
			return true;
	return false;
}

// Raw HTML becomes text.
static void make_text(cmark_node *node) {
	bool block = cmark_node_get_type(node) == CMARK_NODE_HTML_BLOCK;
	cmark_node *text = cmark_node_new(CMARK_NODE_TEXT), *as = text;
	cmark_node_set_literal(text, cmark_node_get_literal(node));
	if (block) {
		as = cmark_node_new(CMARK_NODE_PARAGRAPH);
		cmark_node_append_child(as, text);
	}
	cmark_node_replace(node, as);
	cmark_node_free(node);
}

static void fill_literal(struct note_file *f, cmark_node *node) {
	const char *literal = cmark_node_get_literal(node);
	char *text;
	if (!literal || !strstr(literal, "{{"))
		return;
	text = fill_marks(f->p, literal);
	if (text)
		cmark_node_set_literal(node, text);
	else
		f->rc = tt_err_set(f->p->err, -ENOMEM, "%s: no memory", f->path);
	free(text);
}

static void visit(struct note_file *f, cmark_node *node) {
	int line = cmark_node_get_start_line(node);
	switch (cmark_node_get_type(node)) {
	case CMARK_NODE_HTML_BLOCK:
	case CMARK_NODE_HTML_INLINE:
		make_text(node);
		return;
	case CMARK_NODE_IMAGE:
		complain(f, line, "an image", "none: the page loads nothing");
		return;
	case CMARK_NODE_LINK:
		if (!is_web(cmark_node_get_url(node)))
			complain(f, line, "a link that is neither http(s) nor mailto",
				"one of these");
		return;
	case CMARK_NODE_HEADING:
		// the page's own headings are above those of a section's text
		line = cmark_node_get_heading_level(node) + 2;
		cmark_node_set_heading_level(node, line > 6 ? 6 : line);
		return;
	default:
		fill_literal(f, node);
	}
}

// The tree of a text, with tables; the parser owns what they are rendered by.
static cmark_node *parse(cmark_parser *parser, const struct tt_buf *text) {
	cmark_syntax_extension *table = cmark_find_syntax_extension("table");
	if (table)
		cmark_parser_attach_syntax_extension(parser, table);
	cmark_parser_feed(parser, (const char *)text->data, text->len);
	return cmark_parser_finish(parser);
}

static char *render(struct note_file *f, const struct tt_buf *text) {
	cmark_gfm_core_extensions_ensure_registered();
	cmark_parser *parser = cmark_parser_new(CMARK_OPT_VALIDATE_UTF8);
	cmark_node *doc = parse(parser, text);
	cmark_iter *it;
	cmark_node *last = NULL;
	char *html = NULL;
	// raw HTML first, so that placeholders in it are filled as in other text
	for (unsigned pass = 0; !f->rc && pass < 2; pass++) {
		cmark_event_type e;
		last = NULL;
		it = cmark_iter_new(doc);
		while (!f->rc && (e = cmark_iter_next(it)) != CMARK_EVENT_DONE) {
			cmark_node *node = cmark_iter_get_node(it);
			cmark_node_type t = cmark_node_get_type(node);
			bool raw = t == CMARK_NODE_HTML_BLOCK || t == CMARK_NODE_HTML_INLINE;
			if (e != CMARK_EVENT_ENTER || raw != !pass || node == last)
				continue;
			last = raw ? NULL : node;
			visit(f, node);
		}
		cmark_iter_free(it);
		if (!pass)
			cmark_consolidate_text_nodes(doc);
	}
	if (!f->rc)
		html = cmark_render_html(
			doc, CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser));
	cmark_node_free(doc);
	cmark_parser_free(parser);
	return html;
}

int notes_render(struct page *p, const char *path, struct tt_buf *text, char **html) {
	struct note_file f = {.p = p, .path = path};
	*html = NULL;
	if (!text->len || check_lines(&f, (char *)text->data))
		return f.rc;
	*html = render(&f, text);
	if (f.rc) {
		free(*html);
		*html = NULL;
	}
	return f.rc;
}

// ---- files

static int read_note(
	struct page *p, const char *dir, const char *name, const char *section, bool replace) {
	struct tt_buf text = TT_BUF_INIT(NOTE_MAX);
	char path[PATH_MAX + 64], *html = NULL;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int rc = tt_err_input(tt_file_read_text(path, &text, p->err));
	if (!rc)
		rc = notes_render(p, path, &text, &html);
	if (html)
		json_object_set_new(p->notes, section,
			json_pack("{s:s, s:b}", "html", html, "replace", replace));
	free(html);
	tt_buf_free(&text);
	return rc;
}

struct parts {
	char section[TT_ID_LEN + sizeof("watch-")];
	bool replace;
	int lang; // -1: any
};

// Whether a text is of a topic of this report.
static bool is_topic(const struct page *p, const char *section) {
	const json_t *w;
	size_t i;
	json_array_foreach(json_object_get(p->doc, "topics"), i, w) {
		const char *name = json_string_value(json_object_get(w, "watch"));
		if (!strncmp(section, "watch-", 6) && !strcmp(section + 6, name))
			return true;
	}
	return false;
}

// SECTION[.replace][.LANG].md
static bool split_name(const struct page *p, const char *name, struct parts *out) {
	char text[NAME_MAX + 1], *rest = text, *part;
	snprintf(text, sizeof(text), "%s", name);
	*out = (struct parts){.lang = -1};
	part = strsep(&rest, ".");
	if (strlen(part) >= sizeof(out->section) || !(section_exists(part) || is_topic(p, part)))
		return false;
	snprintf(out->section, sizeof(out->section), "%s", part);
	part = strsep(&rest, ".");
	if (part && !strcmp(part, "replace")) {
		out->replace = true;
		part = strsep(&rest, ".");
	}
	if (part && tt_lang_parse(part) >= 0) {
		out->lang = tt_lang_parse(part);
		part = strsep(&rest, ".");
	}
	return part && !strcmp(part, "md") && !rest;
}

static int is_markdown(const struct dirent *e) {
	size_t n = strlen(e->d_name);
	return e->d_name[0] != '.' && n > 3 && !strcmp(e->d_name + n - 3, ".md");
}

static int no_section(const struct page *p, const char *name) {
	char list[320];
	const json_t *w;
	size_t i, n = strlen(section_list(list, sizeof(list)));
	json_array_foreach(json_object_get(p->doc, "topics"), i, w) {
		const char *watch = json_string_value(json_object_get(w, "watch"));
		if (n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, ", watch-%s", watch);
	}
	return tt_err_set(p->err, -EINVAL,
		"%s/%s: is no section's, expected SECTION[.replace][.en|.ja].md with one of %s",
		p->conf->notes, name, list);
}

// Texts of any language, or of the page's; `taken` says which file is a section's.
static int read_pass(
	struct page *p, struct dirent *const *list, int n, bool of_language, json_t *taken) {
	const char *dir = p->conf->notes;
	int rc = 0;
	for (int i = 0; i < n && !rc; i++) {
		const char *name = list[i]->d_name;
		struct parts parts;
		if (!split_name(p, name, &parts))
			return no_section(p, name);
		if (of_language ? parts.lang != (int)p->lang : parts.lang >= 0)
			continue;
		const char *other = json_string_value(json_object_get(taken, parts.section));
		if (other)
			return tt_err_set(p->err, -EINVAL,
				"%s/%s: is the text of %s, and so is %s, expected one of them", dir,
				name, parts.section, other);
		json_object_set_new(taken, parts.section, json_string(name));
		rc = read_note(p, dir, name, parts.section, parts.replace);
	}
	return rc;
}

int notes_read(struct page *p) {
	const char *dir = p->conf->notes;
	struct dirent **list;
	int rc = 0, n;
	p->notes = json_object();
	if (!dir)
		return 0;
	n = scandir(dir, &list, is_markdown, alphasort);
	if (n < 0)
		return tt_err_set(p->err, -EINVAL, "%s: %s, expected a folder of Markdown files",
			dir, strerror(errno));
	// texts of one language come after, and stand instead of, those of any
	for (int pass = 0; pass < 2 && !rc; pass++) {
		json_t *taken = json_object();
		rc = read_pass(p, list, n, pass, taken);
		json_decref(taken);
	}
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return rc;
}
