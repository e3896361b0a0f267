/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "tt_conf.h"
#include "tt_findings.h"
#include "tt_print.h"

struct ask { // a subcommand on its way
	const struct args *a;
	struct tt_store *s;
	const char *name;
	int64_t from, to;
	enum tt_format format;
	struct tt_pseudonyms names;
};

static int list(const struct ask *k, struct tt_err *err) {
	struct tt_watch_list l;
	char from[TT_SHOW_LEN], to[TT_SHOW_LEN];
	int rc = tt_store_watches(k->s, &l, err);
	if (!rc && k->format == TT_FORMAT_JSON) {
		rc = print_json(l.json, JSON_INDENT(1));
	} else if (!rc) {
		for (unsigned i = 0; i < l.n; i++) {
			const struct tt_watch_info *w = &l.watches[i];
			printf("%s: %s", w->name, w->title_en);
			if (w->missing_from < w->missing_to)
				printf(" (not counted: %s to %s)",
					tt_show_time(w->missing_from, from),
					tt_show_time(w->missing_to, to));
			putchar('\n');
		}
	}
	tt_watch_list_free(&l);
	return rc;
}

static int show(const struct ask *k, struct tt_err *err) {
	// the answer appears whole
	char *text = NULL;
	size_t len = 0;
	int rc = known_watch(k->a, k->s, k->name, err);
	if (rc)
		return rc;
	FILE *out = open_memstream(&text, &len);
	rc = out ? tt_report_watch(k->s, k->name, k->from, k->to, &k->names, k->format, out, err)
		 : -ENOMEM;
	if (out && fclose(out) && !rc)
		rc = tt_err_set(err, -ENOMEM, "the answer: %s", strerror(ENOMEM));
	if (!rc)
		fwrite(text, 1, len, stdout);
	free(text);
	return rc;
}

struct sink {
	const struct ask *k;
	bool any;
	int64_t day; // of the row before, and the sets that judged it
	char rir[TT_RIR_LEN];
	struct tt_err *err;
};

static void print_traits(uint32_t traits, const char *sep) {
	bool any = false;
	for (unsigned i = 0; i < TT_TRAIT_N; i++)
		if (traits >> i & 1) {
			printf("%s%s", any ? sep : "", tt_trait_name(i));
			any = true;
		}
}

// Rows as CSV, or as JSON objects in a list.
static int print_source(void *arg, const struct tt_watch_source *s) {
	struct sink *k = arg;
	bool json = k->k->format == TT_FORMAT_JSON;
	const char *q = json ? "\"" : "";
	char addr[TT_ADDR_STRLEN], day[TT_RFC3339_LEN], first[TT_RFC3339_LEN], last[TT_RFC3339_LEN];
	char proto[8], other[8] = "", asn[12] = "";
	struct tt_tz *tz = tt_store_tz(k->k->s);
	int rc = 0;
	if (!k->any || s->day != k->day)
		rc = tt_store_rir(k->k->s, s->day, tt_tz_day_start(tz, tt_tz_day(tz, s->day) + 1),
			k->rir, k->err);
	k->day = s->day;
	if (rc)
		return rc;
	if (s->has_other_port)
		snprintf(other, sizeof(other), "%u", s->other_port);
	if (s->asn)
		snprintf(asn, sizeof(asn), "%u", s->asn);
	if (json && !other[0])
		strcpy(other, "null");
	if (json && !asn[0])
		strcpy(asn, "null");
	printf(json ? "%s{\"day\":\"%s\",\"source\":\"%s\",\"region\":\"%s\",\"asn\":%s,"
		      "\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64
		      ",\"first\":\"%s\",\"last\":\"%s\",\"proto\":\"%s\",\"port\":%u,"
		      "\"other_port\":%s,\"other_port_varied\":%s,\"traits\":%s"
		    : "%s%s,%s,%s,%s,%" PRIu64 ",%" PRIu64 ",%s,%s,%s,%u,%s,%s,%s",
		!json	 ? ""
		: k->any ? ",\n"
			 : "\n",
		tt_day_format(tt_tz_day(tz, s->day), day), tt_addr_format(&s->source, addr),
		s->region, asn, s->packets, s->bytes,
		tt_time_format_ns(s->first_us * 1000, 6, first),
		tt_time_format_ns(s->last_us * 1000, 6, last), tt_proto_format(s->proto, proto),
		s->port, other,
		json		       ? s->other_port_varied ? "true" : "false"
		: s->other_port_varied ? "1"
				       : "0",
		q);
	print_traits(s->traits, " ");
	const char *rir = json && !k->rir[0] ? "null" : k->rir;
	q = json ? (k->rir[0] ? "\"" : "") : strchr(k->rir, ',') ? "\"" : "";
	printf(json ? "\",\"timezone\":\"%s\",\"rir\":%s%s%s}" : ",%s,%s%s%s\r\n", tt_tz_name(tz),
		q, rir, q);
	k->any = true;
	return 0;
}

static int sources(const struct ask *k, struct tt_err *err) {
	struct sink sink = {.k = k, .err = err};
	bool json = k->format == TT_FORMAT_JSON;
	int rc = known_watch(k->a, k->s, k->name, err);
	if (rc)
		return rc;
	fputs(json ? "["
		   : "day,source,region,asn,packets,bytes,first,last,proto,port,other_port,"
		     "other_port_varied,traits,timezone,rir\r\n",
		stdout);
	rc = tt_store_watch_sources(k->s, k->name, k->from, k->to, print_source, &sink, err);
	if (json)
		fputs("]\n", stdout);
	return rc;
}

static bool in_file(const json_t *root, const char *name) {
	json_t *w;
	size_t i;
	json_array_foreach(json_object_get(root, "watches"), i,
		w) if (!strcmp(json_string_value(json_object_get(w, "name")), name)) return true;
	return false;
}

static int put_in_force(const struct ask *k, struct tt_err *err) {
	const char *path = arg(k->a, "watches");
	json_t *root = NULL;
	int rc = path ? tt_err_input(tt_conf_load(path, "watches", &root, err)) : 0;
	if (!rc && root && !in_file(root, k->name))
		rc = tt_err_set(err, -EINVAL, "%s: has no watch %s, expected the one to count",
			path, k->name);
	if (!rc && root)
		rc = tt_store_watches_set(k->s, root, err);
	json_decref(root);
	return rc;
}

static int backfill(const struct ask *k, struct tt_err *err) {
	char from[TT_RFC3339_LEN], to[TT_RFC3339_LEN];
	int64_t raw_from, raw_to;
	int rc = put_in_force(k, err);
	if (!rc)
		rc = known_watch(k->a, k->s, k->name, err);
	if (!rc)
		rc = tt_store_watch_backfill(k->s, k->name, k->from, &raw_from, &raw_to, err);
	if (!rc)
		printf("%s: counted anew from %s to %s\n", k->name, tt_time_format(raw_from, from),
			tt_time_format(raw_to, to));
	return rc;
}

static const struct {
	const char *name;
	bool named, writes, told, csv; // told: may be for a recipient
	int (*run)(const struct ask *k, struct tt_err *err);
} subs[] = {
	{"list", false, false, false, false, list},
	{"show", true, false, true, true, show},
	{"sources", true, false, true, true, sources},
	{"backfill", true, true, false, false, backfill},
};

static int find_sub(const struct args *a) {
	for (unsigned i = 0; i < sizeof(subs) / sizeof(*subs); i++)
		if (!strcmp(subs[i].name, a->operands[0]))
			return a->operand_n == (subs[i].named ? 2 : 1) ? (int)i : -1;
	return -1;
}

int run_watch(const struct args *a) {
	struct ask k = {.a = a};
	struct tt_err err = {0};
	json_t *report = NULL;
	int i = find_sub(a), status = DONE;
	if (i < 0)
		return complain(
			USAGE, "watch: expected list, show NAME, sources NAME or backfill NAME");
	if (subs[i].writes && !arg(a, "from"))
		return complain(USAGE, "watch backfill: expected --from T");
	if (!subs[i].writes && arg(a, "watches"))
		return complain(USAGE, "watch %s: --watches is for backfill", subs[i].name);
	if (!subs[i].told && arg(a, "recipient"))
		return complain(
			USAGE, "watch %s: --recipient is for show and sources", subs[i].name);
	if (subs[i].named && !tt_id_valid(a->operands[1]))
		return complain(
			USAGE, "watch: '%s', expected 1 to 32 of a-z, 0-9 and -", a->operands[1]);
	if (format_read(a, &k.format, &err))
		return complain(USAGE, "watch: %s", err.msg);
	if (!subs[i].csv && k.format == TT_FORMAT_CSV)
		return complain(USAGE, "watch %s: --format: 'csv', expected one of table, json",
			subs[i].name);
	if (names_read(a, &k.names, &report, &err))
		return complain(USAGE, "watch: %s", err.msg);
	k.name = subs[i].named ? a->operands[1] : NULL;
	k.s = subs[i].writes ? open_db_for_writing(a, &status) : open_db(a, &status);
	if (k.s && span_read(a, k.s, &k.from, &k.to, &err)) {
		status = complain(USAGE, "watch: %s", err.msg);
	} else if (k.s) {
		struct progress *p = progress_start("teiten: reading %s", arg(a, "db"));
		int rc = subs[i].run(&k, &err);
		progress_stop(&p);
		if (rc)
			status = complain(rc == -EINVAL ? USAGE : FAILED, "watch: %s", err.msg);
	}
	if (k.s && tt_store_close(&k.s, &err) && !status)
		status = complain(FAILED, "watch: %s", err.msg);
	json_decref(report);
	return status;
}

int run_annotate(const struct args *a) {
	const char *path = a->operands[0], *watch = arg(a, "watch");
	struct tt_err err = {0};
	struct tt_verdict *v = NULL;
	size_t n = 0;
	int status = DONE;
	struct tt_store *s = open_db_for_writing(a, &status);
	if (!s)
		return status;
	int rc = tt_err_input(tt_verdicts_read(tt_store_tz(s), path, &v, &n, &err));
	if (rc) {
		status = complain(rc == -EINVAL ? USAGE : FAILED, "annotate: %s", err.msg);
	} else if ((rc = known_watch(a, s, watch, &err)) ||
		   (rc = tt_store_verdicts_put(s, watch, v, n, &err))) {
		status = complain(rc == -EINVAL ? USAGE : FAILED, "annotate: %s", err.msg);
	} else {
		printf("%s: %zu verdict%s\n", path, n, n == 1 ? "" : "s");
	}
	free(v);
	if (tt_store_close(&s, &err) && !status)
		status = complain(FAILED, "annotate: %s", err.msg);
	return status;
}
