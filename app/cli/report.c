/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "query.h"
#include "tt_conf.h"
#include "tt_knowledge.h"
#include "tt_page.h"

// What the command line says, with the storage that its texts need.
struct request {
	struct tt_page_conf conf;
	char country[3], notes[PATH_MAX];
	json_t *config;
	struct tt_services *services;
	struct tt_atlas *atlas;
	struct tt_kev *kev;
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

// The path of an option, else of report.json, "" where neither has it.
static int find_path(const struct args *a, struct request *r, const char *name, char out[PATH_MAX],
	struct tt_err *err) {
	const char *given = arg(a, name);
	const char *path = json_string_value(json_object_get(r->config, name));
	out[0] = '\0';
	if (!given && path)
		return tt_conf_path(arg(a, "config"), path, out, PATH_MAX, err);
	if (given && snprintf(out, PATH_MAX, "%s", given) >= PATH_MAX)
		return tt_err_set(err, -ENAMETOOLONG, "--%s: too long a path", name);
	return 0;
}

static int read_config(const struct args *a, struct request *r, struct tt_err *err) {
	const char *path = arg(a, "config");
	char kev[PATH_MAX], regions[PATH_MAX];
	int rc = 0;
	r->conf.config_name = path;
	if (path)
		rc = tt_conf_load(path, "report", &r->config, err);
	else if (!(r->config = tt_page_config_default(err)))
		rc = -EINVAL;
	r->conf.config = r->config;
	if (!rc)
		rc = find_path(a, r, "notes", r->notes, err);
	if (!rc)
		rc = find_path(a, r, "kev", kev, err);
	if (!rc)
		rc = find_path(a, r, "regions", regions, err);
	if (!rc && *kev && !(r->kev = tt_kev_load(kev, err)))
		rc = -EINVAL;
	if (!rc && *regions && !(r->atlas = tt_atlas_load(regions, err)))
		rc = -EINVAL;
	r->conf.notes = r->notes[0] ? r->notes : NULL;
	r->conf.kev = r->kev;
	r->conf.atlas = r->atlas;
	return rc;
}

// Names of services, of the files that are given.
static int read_services(
	const struct args *a, struct tt_store *s, struct request *r, struct tt_err *err) {
	char path[PATH_MAX], iana[PATH_MAX];
	int rc = find_path(a, r, "services", path, err);
	if (!rc)
		rc = find_path(a, r, "iana", iana, err);
	if (rc)
		return rc;
	r->services = *path ? tt_services_load(path, err) : services_open(a, s, err);
	r->conf.services = r->services;
	if (!r->services)
		return -EINVAL;
	return *iana && (*path || !arg(a, "iana")) ? tt_services_iana(r->services, iana, err) : 0;
}

static int read_texts(const struct args *a, struct request *r, struct tt_err *err) {
	const char *group = arg(a, "group"), *lang = arg(a, "lang"), *to = arg(a, "recipient");
	const char *word = arg(a, "surveyors");
	if (group && !tt_id_valid(group))
		return tt_err_set(
			err, -EINVAL, "--group: '%s', expected 1 to 32 of a-z, 0-9 and -", group);
	if (lang && tt_lang_parse(lang) < 0)
		return tt_err_set(err, -EINVAL, "--lang: '%s', expected en or ja", lang);
	if (to && (!*to || strlen(to) > 256))
		return tt_err_set(
			err, -EINVAL, "--recipient: '%s', expected a name of up to 256 bytes", to);
	if (word && strcmp(word, "with") && strcmp(word, "without") && strcmp(word, "only"))
		return tt_err_set(err, -EINVAL,
			"--surveyors: '%s', expected one of with, without, only", word);
	r->conf.group = group;
	r->conf.surveyors = word;
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
	if (s && (span_read(a, s, &r.conf.from, &r.conf.to, &err) || read_services(a, s, &r, &err)))
		status = complain(USAGE, "report: %s", err.msg);
	if (s && !status)
		status = make(a, s, &r, &err);
	tt_services_destroy(&r.services);
	tt_atlas_destroy(&r.atlas);
	tt_kev_destroy(&r.kev);
	json_decref(r.config);
	tt_store_close(&s, NULL);
	return status;
}
