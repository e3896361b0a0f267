/* SPDX-License-Identifier: BSD-3-Clause */
// The stages of a report, and its folder.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "page.h"
#include "sections.h"
#include "tt_conf.h"
#include "tt_file.h"

json_t *tt_page_config_default(struct tt_err *err) {
	static const char text[] = "{\"kind\":\"report\",\"v\":1}";
	json_t *root = NULL;
	tt_conf_loads(text, strlen(text), "report.json", "report", &root, err);
	return root;
}

static int make_folder(const char *path, struct tt_err *err) {
	struct stat st;
	if (!mkdir(path, 0755) || (errno == EEXIST && !stat(path, &st) && S_ISDIR(st.st_mode)))
		return 0;
	return tt_err_set(err, -errno, "%s: %s, expected a folder", path, strerror(errno));
}

// DIR with those above it, and the two below.
static int make_folders(const char *out, struct tt_err *err) {
	char path[PATH_MAX + 64];
	int rc = 0;
	if (snprintf(path, sizeof(path), "%s", out) >= (int)sizeof(path) - 64)
		return tt_err_set(err, -ENAMETOOLONG, "%s: %s", out, strerror(ENAMETOOLONG));
	for (char *slash = strchr(path + 1, '/'); slash && !rc; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		rc = make_folder(path, err);
		*slash = '/';
	}
	static const char *const below[] = {"", "/tables", "/figures"};
	for (unsigned i = 0; i < 3 && !rc; i++) {
		snprintf(path, sizeof(path), "%.*s%s", PATH_MAX - 64, out, below[i]);
		rc = make_folder(path, err);
	}
	return rc;
}

static int write_figures(struct page *p) {
	char path[PATH_MAX + 64], id[16];
	int rc = 0;
	for (unsigned i = 0; i < FIGURES && !rc; i++) {
		struct tt_buf b = TT_BUF_INIT(PAGE_MAX);
		snprintf(path, sizeof(path), "%s/figures/%s.svg", p->conf->out, figure_id(i, id));
		if (!p->svg[i].len) { // of an earlier report
			unlink(path);
			continue;
		}
		tt_buf_printf(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
		tt_buf_append(&b, p->svg[i].data, p->svg[i].len);
		rc = b.rc ? tt_err_set(p->err, b.rc, "%s: %s", path, strerror(-b.rc))
			  : tt_file_write(path, b.data, b.len, 0644, p->err);
		tt_buf_free(&b);
	}
	return rc;
}

static int write_doc(struct page *p) {
	char path[PATH_MAX + 64];
	char *text = json_dumps(p->doc, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
	if (!text)
		return tt_err_set(p->err, -ENOMEM, "report.json: no memory");
	snprintf(path, sizeof(path), "%s/report.json", p->conf->out);
	int rc = tt_file_write(path, text, strlen(text), 0644, p->err);
	free(text);
	return rc;
}

static int write_page(struct page *p) {
	struct tt_buf b = TT_BUF_INIT(PAGE_MAX);
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/report.html", p->conf->out);
	int rc = page_html(p, &b);
	if (!rc)
		rc = tt_file_write(path, b.data, b.len, 0644, p->err);
	tt_buf_free(&b);
	return rc;
}

static int choose(struct page *p) {
	const char *lang = p->conf->lang;
	if (!lang)
		lang = json_string_value(
			json_array_get(json_object_get(p->config, "languages"), 0));
	int l = tt_lang_parse(lang ? lang : "en");
	if (l < 0)
		return tt_err_set(p->err, -EINVAL, "language '%s', expected en or ja", lang);
	p->lang = (enum tt_lang)l;
	p->top = (unsigned)json_integer_value(json_object_get(p->config, "top"));
	p->previous_top = (unsigned)json_integer_value(json_object_get(p->config, "previous_top"));
	return 0;
}

static void release(struct page *p) {
	for (unsigned i = 0; i < FIGURES; i++)
		tt_buf_free(&p->svg[i]);
	json_decref(p->notes);
	json_decref(p->doc);
	free(p->logo);
}

int tt_page_make(struct tt_store *s, const struct tt_page_conf *conf, struct tt_err *err) {
	struct page p = {.s = s,
		.conf = conf,
		.err = err,
		.config = conf->config,
		.from = conf->from,
		.to = conf->to};
	int rc = choose(&p);
	if (!rc)
		rc = logo_read(&p);
	if (!rc)
		rc = doc_make(&p);
	if (!rc)
		rc = notes_read(&p);
	if (!rc)
		rc = figures_draw(&p);
	if (!rc)
		rc = make_folders(conf->out, err);
	if (!rc)
		rc = write_figures(&p);
	if (!rc)
		rc = tables_write(&p, conf->out);
	if (!rc)
		rc = write_doc(&p);
	if (!rc)
		rc = write_page(&p);
	if (!rc && conf->publish)
		rc = previous_publish(&p);
	release(&p);
	return rc;
}
