/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "query.h"
#include "tt_conf.h"
#include "tt_page.h"

// What the command line says, with the storage that its texts need.
struct request {
	struct tt_page_conf conf;
	char country[3], notes[PATH_MAX];
	json_t *config;
	struct tt_services *services;
	struct tt_atlas *atlas;
};

static int read_country(const struct args *a, struct request *r, struct tt_err *err) {
	const char *text = arg(a, "country");
	if (!text)
		return 0;
	if (strlen(text) != 2 || !isalpha(text[0]) || !isalpha(text[1]))
		return tt_err_set(
			err, -EINVAL, "--country: '%s', expected two letters of ISO 3166", text);
	for (int i = 0; i < 2; i++)
		r->country[i] = (char)toupper((unsigned char)text[i]);
	r->conf.country = r->country;
	return 0;
}

static int read_config(const struct args *a, struct request *r, struct tt_err *err) {
	const char *path = arg(a, "config"), *notes;
	int rc;
	r->conf.config_name = path;
	if (path) {
		rc = tt_conf_load(path, "report", &r->config, err);
		if (rc)
			return rc;
	} else if (!(r->config = tt_page_config_default(err))) {
		return -EINVAL;
	}
	r->conf.config = r->config;
	if (arg(a, "regions") && !(r->atlas = tt_atlas_load(arg(a, "regions"), err)))
		return -EINVAL;
	r->conf.atlas = r->atlas;
	r->conf.notes = arg(a, "notes");
	notes = json_string_value(json_object_get(r->config, "notes"));
	if (r->conf.notes || !notes)
		return 0;
	r->conf.notes = r->notes;
	return tt_conf_path(path, notes, r->notes, sizeof(r->notes), err);
}

static int read_texts(const struct args *a, struct request *r, struct tt_err *err) {
	const char *group = arg(a, "group"), *lang = arg(a, "lang"), *to = arg(a, "recipient");
	if (group && !tt_id_valid(group))
		return tt_err_set(
			err, -EINVAL, "--group: '%s', expected 1 to 32 of a-z, 0-9 and -", group);
	if (lang && tt_lang_parse(lang) < 0)
		return tt_err_set(err, -EINVAL, "--lang: '%s', expected en or ja", lang);
	if (to && (!*to || strlen(to) > 256))
		return tt_err_set(
			err, -EINVAL, "--recipient: '%s', expected a name of up to 256 bytes", to);
	r->conf.group = group;
	r->conf.lang = lang;
	r->conf.recipient = to;
	r->conf.previous = arg(a, "previous");
	r->conf.publish = arg(a, "publish") != NULL;
	r->conf.out = arg(a, "output");
	r->conf.db = arg(a, "db");
	return read_country(a, r, err);
}

static int make(const struct args *a, struct tt_store *s, struct request *r, struct tt_err *err) {
	struct progress *p = progress_start("teiten: reporting on %s", arg(a, "db"));
	int rc = tt_page_make(s, &r->conf, err);
	progress_stop(&p);
	if (rc)
		return complain(rc == -EINVAL ? USAGE : FAILED, "report: %s", err->msg);
	printf("%s/report.html\n", r->conf.out);
	return DONE;
}

int run_report(const struct args *a) {
	struct request r = {0};
	struct tt_err err = {0};
	struct tt_store *s = NULL;
	int status = DONE;
	if (read_texts(a, &r, &err) || read_config(a, &r, &err))
		status = complain(USAGE, "report: %s", err.msg);
	if (!status)
		s = open_db(a, &status);
	if (s && (span_read(a, s, &r.conf.from, &r.conf.to, &err) ||
			 !(r.services = services_open(a, s, &err))))
		status = complain(USAGE, "report: %s", err.msg);
	r.conf.services = r.services;
	if (s && !status)
		status = make(a, s, &r, &err);
	tt_services_destroy(&r.services);
	tt_atlas_destroy(&r.atlas);
	json_decref(r.config);
	tt_store_close(&s, NULL);
	return status;
}
