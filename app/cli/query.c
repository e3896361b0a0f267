/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tt_atlas.h"
#include "tt_buf.h"
#include "tt_log.h"

struct word {
	const char *name;
	int value;
};

// The value of a word, or -1 with a message that lists the words.
static int pick(
	const struct word *words, const char *option, const char *text, struct tt_err *err) {
	char list[200] = "";
	for (const struct word *w = words; w->name; w++) {
		if (!strcmp(w->name, text))
			return w->value;
		size_t n = strlen(list);
		snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", w->name);
	}
	return tt_err_set(err, -1, "--%s: '%s', expected one of %s", option, text, list);
}

static const struct word by_words[] = {{"port", TT_BY_PORT}, {"dport", TT_BY_DPORT},
	{"region", TT_BY_REGION}, {"sensor", TT_BY_SENSOR}, {"source", TT_BY_SOURCE},
	{"asn", TT_BY_ASN}, {"class", TT_BY_CLASS}, {"tool", TT_BY_TOOL},
	{"malware", TT_BY_MALWARE}, {NULL}};
static const struct word rank_words[] = {
	{"packets", TT_RANK_PACKETS}, {"rate", TT_RANK_RATE}, {"sources", TT_RANK_SOURCES}, {NULL}};
static const struct word format_words[] = {
	{"table", TT_FORMAT_TABLE}, {"json", TT_FORMAT_JSON}, {"csv", TT_FORMAT_CSV}, {NULL}};
static const struct word step_words[] = {
	{"hour", TT_STEP_HOUR}, {"day", TT_STEP_DAY}, {"month", TT_STEP_MONTH}, {NULL}};
static const struct word surveyor_words[] = {{"with", TT_SURVEYORS_WITH},
	{"without", TT_SURVEYORS_WITHOUT}, {"only", TT_SURVEYORS_ONLY}, {NULL}};
static const struct word read_words[] = {
	{"auto", TT_READ_AUTO}, {"raw", TT_READ_RAW}, {"rollups", TT_READ_ROLLUPS}, {NULL}};
static const struct word icmp_words[] = {{"types", 0}, {"one", 1}, {NULL}};
static const struct word family_words[] = {{"4", 4}, {"6", 6}, {NULL}};

#define OBSERVED ((1u << TT_OBSERVED_CLASS_N) - 1)
#define EVERY	 ((1u << TT_CLASS_N) - 1)

static int read_classes(const char *text, enum tt_by by, uint32_t *out, struct tt_err *err) {
	char name[24];
	// what has neither port nor source is counted by class only
	uint32_t all = by == TT_BY_CLASS ? EVERY : OBSERVED;
	if (!text) {
		*out = by == TT_BY_CLASS || by == TT_BY_DPORT ? all : 1u << TT_SCAN;
		return 0;
	}
	*out = 0;
	for (;;) {
		size_t n = strcspn(text, ",");
		snprintf(name, sizeof(name), "%.*s", (int)n, text);
		int c = n < sizeof(name) ? tt_class_parse(name) : -1;
		if (!strcmp(name, "all"))
			*out |= all;
		else if (c < 0)
			return tt_err_set(err, -EINVAL,
				"--class: '%.*s', expected scan, backscatter, reflection, other, "
				"fragment, malformed, non_ip or all, separated by commas",
				(int)n, text);
		else
			*out |= 1u << c;
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

// Two letters; of sensors also those of every other country, behind '!'.
static int read_country(const struct args *a, const char *option, char *out, struct tt_err *err) {
	const char *text = arg(a, option);
	if (!text)
		return 0;
	if (text[0] == '!' && !strcmp(option, "country")) {
		*out++ = '!';
		text++;
	}
	bool unknown = !strcmp(text, "--") && !strcmp(option, "region");
	if (!unknown && (strlen(text) != 2 || !isalpha(text[0]) || !isalpha(text[1])))
		return tt_err_set(err, -EINVAL, "--%s: '%s', expected two letters of ISO 3166%s",
			option, text, strcmp(option, "region") ? "" : ", or -- for unknown");
	for (int i = 0; i < 2; i++)
		out[i] = (char)toupper((unsigned char)text[i]);
	return 0;
}

static int add_region(const char *text, size_t n, char *out, size_t size, struct tt_err *err) {
	size_t at = strlen(out);
	if (n != 2 || (memcmp(text, "--", 2) && (!isalpha((unsigned char)text[0]) ||
							!isalpha((unsigned char)text[1]))))
		return tt_err_set(err, -EINVAL,
			"--region: '%.*s', expected two letters of ISO 3166, -- for unknown, or a "
			"group of --regions",
			(int)n, text);
	if (at + 4 > size)
		return tt_err_set(err, -EINVAL, "--region: more than %zu regions", size / 3);
	snprintf(out + at, size - at, "%s%c%c", at ? "," : "", toupper((unsigned char)text[0]),
		toupper((unsigned char)text[1]));
	return 0;
}

// Codes and names of groups, with commas between.
static int read_regions(const struct args *a, char *out, size_t size, struct tt_err *err) {
	const char *text = arg(a, "region"), *file = arg(a, "regions");
	struct tt_atlas *atlas = file && text ? tt_atlas_load(file, err) : NULL;
	int rc = file && text && !atlas ? -EINVAL : 0;
	out[0] = '\0';
	while (!rc && text) {
		size_t n = strcspn(text, ",");
		char name[TT_ID_LEN];
		snprintf(name, sizeof(name), "%.*s", (int)n, text);
		const struct tt_region_group *g = n > 2 ? tt_atlas_group(atlas, name) : NULL;
		for (unsigned i = 0; g && !rc && i < g->region_n; i++)
			rc = add_region(g->regions[i], 2, out, size, err);
		if (!g)
			rc = add_region(text, n, out, size, err);
		text = text[n] ? text + n + 1 : NULL;
	}
	tt_atlas_destroy(&atlas);
	return rc;
}

static int read_id(const struct args *a, const char *option, const char **out, struct tt_err *err) {
	const char *text = arg(a, option);
	if (text && !tt_id_valid(text))
		return tt_err_set(err, -EINVAL, "--%s: '%s', expected 1 to 32 of a-z, 0-9 and -",
			option, text);
	*out = text;
	return 0;
}

static int read_source(const char *text, struct tt_query *q, struct tt_err *err) {
	int rc = tt_prefix_parse(text, &q->source);
	if (rc)
		return tt_err_set(err, -EINVAL, "--source: '%s', expected %s", text,
			rc == -EDOM ? "zero bits past the prefix length"
				    : "an address or a prefix, as 192.0.2.0/24");
	q->has_source = true;
	return 0;
}

static int read_numbers(const struct args *a, struct tt_query *q, struct tt_err *err) {
	const char *text = arg(a, "asn");
	uint64_t v = 0;
	if (text && number(!strncasecmp(text, "AS", 2) ? text + 2 : text, 1, UINT32_MAX, &v))
		return tt_err_set(err, -EINVAL, "--asn: '%s', expected 1 to 4294967295", text);
	q->asn = (uint32_t)v;
	text = arg(a, "tool");
	if (text && (q->tool = tt_tool_parse(text)) < 0)
		return tt_err_set(
			err, -EINVAL, "--tool: '%s', expected zmap, masscan or mirai", text);
	text = arg(a, "family");
	if (text && (q->family = pick(family_words, "family", text, err)) < 0)
		return -EINVAL;
	return 0;
}

static int read_filters(const struct args *a, struct question *out, struct tt_err *err) {
	struct tt_query *q = &out->conf.query;
	const char *text;
	int rc = read_classes(arg(a, "class"), q->by, &q->classes, err);
	if (!rc && (text = arg(a, "port"))) {
		if (tt_service_parse(text, &q->proto, &q->port))
			return tt_err_set(err, -EINVAL,
				"--port: '%s', expected protocol/port, as tcp/8728 or icmp/8",
				text);
		q->has_port = true;
	}
	if (!rc && (text = arg(a, "source")))
		rc = read_source(text, q, err);
	if (!rc)
		rc = read_regions(a, out->region, sizeof(out->region), err);
	if (!rc)
		rc = read_country(a, "country", out->country, err);
	if (!rc)
		rc = read_id(a, "sensor", &q->sensor, err);
	if (!rc)
		rc = read_id(a, "group", &q->group, err);
	if (!rc)
		rc = read_numbers(a, q, err);
	if (rc)
		return rc;
	q->region = out->region;
	q->country = out->country;
	q->network = arg(a, "network");
	int v = (text = arg(a, "surveyors")) ? pick(surveyor_words, "surveyors", text, err) : 0;
	if (v < 0)
		return -EINVAL;
	q->surveyors = (enum tt_surveyors)v;
	return 0;
}

int span_read(
	const struct args *a, struct tt_store *s, int64_t *from, int64_t *to, struct tt_err *err) {
	struct tt_tz *tz = tt_store_tz(s);
	const char *f = arg(a, "from"), *t = arg(a, "to"), *p = arg(a, "period");
	int rc = 0;
	*from = *to = 0;
	if (p && (f || t))
		return tt_err_set(err, -EINVAL, "--period stands instead of --from and --to");
	if (p) {
		rc = tt_tz_parse_period(tz, p, from, to, err);
		return rc ? tt_err_prefix(err, -EINVAL, "--period") : 0;
	}
	if (!f && !t)
		return 0;
	if (f)
		rc = tt_tz_parse_time(tz, f, from, err);
	if (rc)
		return tt_err_prefix(err, -EINVAL, "--from");
	if (t)
		rc = tt_tz_parse_time(tz, t, to, err);
	if (rc)
		return tt_err_prefix(err, -EINVAL, "--to");
	if (f && t && *from >= *to)
		return tt_err_set(err, -EINVAL, "--to must be after --from");
	return 0;
}

static int read_previous(
	const struct args *a, struct tt_store *s, struct question *q, struct tt_err *err) {
	const char *text = arg(a, "previous");
	if (!text)
		return 0;
	q->previous = q->conf.query;
	if (tt_tz_parse_period(tt_store_tz(s), text, &q->previous.from, &q->previous.to, err))
		return tt_err_prefix(err, -EINVAL, "--previous");
	q->conf.previous = &q->previous;
	return 0;
}

int format_read(const struct args *a, enum tt_format *out, struct tt_err *err) {
	const char *text = arg(a, "format");
	int v = text ? pick(format_words, "format", text, err) : TT_FORMAT_TABLE;
	if (v < 0)
		return -EINVAL;
	*out = (enum tt_format)v;
	return 0;
}

static int read_shape(const struct args *a, struct question *q, struct tt_err *err) {
	const char *text = arg(a, "by");
	uint64_t n = 10;
	int v = text ? pick(by_words, "by", text, err) : TT_BY_NONE;
	if (v < 0)
		return -EINVAL;
	q->conf.query.by = (enum tt_by)v;
	v = (text = arg(a, "rank")) ? pick(rank_words, "rank", text, err) : 0;
	if (v < 0)
		return -EINVAL;
	q->conf.rank = (enum tt_rank)v;
	v = (text = arg(a, "icmp")) ? pick(icmp_words, "icmp", text, err) : 0;
	if (v < 0)
		return -EINVAL;
	q->conf.query.icmp_one = v;
	v = (text = arg(a, "read")) ? pick(read_words, "read", text, err) : TT_READ_AUTO;
	if (v < 0)
		return -EINVAL;
	q->conf.query.read = (enum tt_read)v;
	v = (text = arg(a, "step")) ? pick(step_words, "step", text, err) : TT_STEP_DAY;
	if (v < 0)
		return -EINVAL;
	q->conf.query.step = (enum tt_step)v;
	if ((text = arg(a, "number")) && number(text, 0, UINT_MAX, &n))
		return tt_err_set(err, -EINVAL, "-n: '%s', expected a number, 0 for all", text);
	q->conf.n = (unsigned)n;
	return format_read(a, &q->conf.format, err);
}

// Families of malware are services.json's.
static int read_malware(const struct args *a, struct question *q, struct tt_err *err) {
	struct tt_query *query = &q->conf.query;
	const char *name = arg(a, "malware");
	query->sets = tt_services_malware(q->services, &query->set_n);
	query->set = name ? tt_services_malware_find(q->services, name) : NULL;
	if (!query->set_n && (name || query->by == TT_BY_MALWARE))
		return tt_err_set(err, -EINVAL,
			"--%s: services.json names no malware, expected some of a service",
			name ? "malware" : "by malware");
	if (query->set || !name)
		return 0;
	struct tt_buf b = TT_BUF_INIT(400);
	for (unsigned i = 0; i < query->set_n; i++)
		tt_buf_printf(&b, "%s%s", i ? ", " : "", query->sets[i].name);
	tt_err_set(err, -EINVAL, "--malware: '%.64s', expected one that services.json names: %s",
		name, b.rc ? "there are many" : (const char *)b.data);
	tt_buf_free(&b);
	return -EINVAL;
}

int names_read(
	const struct args *a, struct tt_pseudonyms *names, json_t **report, struct tt_err *err) {
	const char *to = arg(a, "recipient"), *config = arg(a, "config");
	*names = (struct tt_pseudonyms){to, NULL};
	*report = NULL;
	if (to && (!*to || strlen(to) > 256))
		return tt_err_set(
			err, -EINVAL, "--recipient: '%s', expected a name of up to 256 bytes", to);
	int rc = config ? tt_conf_load(config, "report", report, err) : 0;
	names->key = json_string_value(json_object_get(*report, "pseudonym_key"));
	return rc;
}

int question_read(
	const struct args *a, struct tt_store *s, struct question *q, struct tt_err *err) {
	memset(q, 0, sizeof(*q));
	q->conf.query = (struct tt_query)TT_QUERY_INIT;
	int rc = read_shape(a, q, err);
	if (!rc)
		rc = names_read(a, &q->conf.names, &q->report, err);
	if (!rc)
		rc = read_filters(a, q, err);
	if (!rc && s)
		rc = span_read(a, s, &q->conf.query.from, &q->conf.query.to, err);
	if (!rc && s) {
		q->services = services_open(a, s, err);
		q->conf.services = q->services;
		rc = q->services ? read_malware(a, q, err) : -EINVAL;
	}
	if (!rc && s)
		rc = read_previous(a, s, q, err);
	if (!rc && s && arg(a, "kev")) {
		q->conf.kev = q->kev = tt_kev_load(arg(a, "kev"), err);
		rc = q->kev ? 0 : -EINVAL;
	}
	return rc;
}

void question_free(struct question *q) {
	tt_services_destroy(&q->services);
	tt_kev_destroy(&q->kev);
	json_decref(q->report);
}

// Beside an installed program, or in the tree that it was built in.
static const char *installed_services(char *buf, size_t len) {
	static const char *const places[] = {"../share/teiten", "../../config"};
	char dir[PATH_MAX];
	if (program_dir(dir, sizeof(dir)))
		return NULL;
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (snprintf(buf, len, "%s/%s/services.json", dir, places[i]) < (int)len &&
			!access(buf, R_OK))
			return buf;
	return NULL;
}

static struct tt_services *services_load(
	const struct args *a, struct tt_store *s, struct tt_err *err) {
	char path[PATH_MAX + 64], *text;
	const char *given = arg(a, "services");
	if (given)
		return tt_services_load(given, err);
	int rc = s ? tt_store_document_get(s, "services", &text, err) : 0;
	if (rc < 0)
		return NULL;
	if (!rc)
		return tt_services_load(installed_services(path, sizeof(path)), err);
	struct tt_services *services = tt_services_loads(text, arg(a, "db"), err);
	free(text);
	return services;
}

struct tt_services *services_open(const struct args *a, struct tt_store *s, struct tt_err *err) {
	struct tt_services *services = services_load(a, s, err);
	if (services && tt_services_fault(services))
		tt_log(TT_WARN, "%s: %s", a->command->name, tt_services_fault(services));
	if (services && arg(a, "iana") && tt_services_iana(services, arg(a, "iana"), err))
		tt_services_destroy(&services);
	return services;
}
