/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "changes.h"
#include "findings.h"
#include "tt_knowledge.h"

struct known {
	const struct tt_services *services;
	const struct tt_kev *kev; // NULL: none
};

static bool ranks(const struct tt_change *c) {
	return c->kind >= TT_CHANGE_NEWCOMER;
}

static json_t *count_or_null(int64_t v) {
	return v >= 0 ? json_integer(v) : json_null();
}

static json_t *real_or_null(double v) {
	return v >= 0 ? json_real(v) : json_null();
}

static json_t *rank_or_null(unsigned rank) {
	return rank ? json_integer(rank) : json_null();
}

static json_t *drivers_json(const struct tt_change *c) {
	json_t *o = json_object();
	for (unsigned i = 0; i < c->driver_n; i++) {
		const struct tt_driver *d = &c->drivers[i];
		json_t *list = json_object_get(o, by_name(d->by));
		if (!list) {
			list = json_array();
			json_object_set_new(o, by_name(d->by), list);
		}
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:f, s:f, s:b}", "key", d->label, "packets",
				      (json_int_t)d->packets, "usual", d->usual, "share", d->share,
				      "at_least", d->at_least));
	}
	return o;
}

static const enum tt_by driven_by[] = {
	TT_BY_SENSOR, TT_BY_PORT, TT_BY_REGION, TT_BY_ASN, TT_BY_SOURCE};
#define DRIVEN_BY (sizeof(driven_by) / sizeof(*driven_by))

static json_t *unknown_json(unsigned unknown) {
	json_t *list = json_array();
	for (unsigned i = 0; i < DRIVEN_BY; i++)
		if (unknown >> driven_by[i] & 1)
			json_array_append_new(list, json_string(by_name(driven_by[i])));
	return list;
}

// null where it may be or not.
static json_t *few_json(const struct tt_change *c) {
	bool open = c->top_source_share < 0 ||
		    (c->top_source_share <= HALF && c->top_source_share_max > HALF);
	return open ? json_null() : json_boolean(c->few_sources);
}

static void set_days(json_t *o, struct tt_tz *tz, const struct tt_change *c) {
	json_object_set_new(o, "days", json_integer(c->days));
	json_object_set_new(o, "lasts", json_boolean(c->lasts));
	json_object_set_new(o, "peak_day", json_day_of(tz, c->peak_day));
	json_object_set_new(o, "peak", json_integer((json_int_t)c->peak));
	json_object_set_new(o, "usual", json_usual(&c->usual));
	json_object_set_new(o, "factor", real_or_null(c->factor));
	json_object_set_new(o, "sources", count_or_null(c->sources));
	json_object_set_new(o, "sources_usual", count_or_null(c->sources_usual));
	json_object_set_new(o, "top_source_share", real_or_null(c->top_source_share));
	json_object_set_new(o, "top_source_share_max", real_or_null(c->top_source_share_max));
	json_object_set_new(o, "few_sources", few_json(c));
	json_object_set_new(o, "one_sensor", json_boolean(c->one_sensor));
	json_object_set_new(o, "drivers", drivers_json(c));
	json_object_set_new(o, "drivers_unknown", unknown_json(c->unknown));
}

static const char *service_name(const struct tt_change *c, const struct tt_services *services) {
	if (c->of != TT_OF_SERVICE || c->key.mixed || c->key.all_types)
		return NULL;
	return tt_services_name(services, c->key.proto, c->key.port);
}

// What was published in the period about a service that rose; NULL without a catalogue, and of
// other changes.
static json_t *published(
	struct tt_tz *tz, const struct tt_changes *r, const struct tt_change *c, struct known k) {
	char from[TT_RFC3339_LEN], to[TT_RFC3339_LEN];
	if (!k.kev || c->of != TT_OF_SERVICE || c->key.mixed || c->key.all_types ||
		(c->kind != TT_CHANGE_SURGE && c->kind != TT_CHANGE_RISE &&
			c->kind != TT_CHANGE_NEWCOMER))
		return NULL;
	return tt_service_published(k.services, k.kev, c->key.proto, c->key.port,
		tt_day_format(tt_tz_day(tz, r->from), from),
		tt_day_format(tt_tz_day(tz, r->to), to));
}

static json_t *change_json(
	struct tt_tz *tz, const struct tt_changes *r, const struct tt_change *c, struct known k) {
	const char *name = service_name(c, k.services);
	json_t *o = json_pack("{s:s, s:s, s:s}", "kind", tt_change_kind_name(c->kind), "of",
		tt_change_of_name(c->of), "key", c->label);
	if (c->of == TT_OF_SERVICE)
		json_object_set_new(o, "service", name ? json_string(name) : json_null());
	if (c->of != TT_OF_WATCH)
		json_object_set_new(o, "class", json_string(tt_class_name(c->class)));
	json_object_set_new(o, "from", json_day_of(tz, c->from));
	json_object_set_new(o, "to", json_day_of(tz, c->to));
	json_object_set_new(o, "packets", json_integer((json_int_t)c->value));
	json_object_set_new(o, "completeness", real_or_null(c->completeness));
	json_object_set_new(o, "published", published(tz, r, c, k)); // none: NULL is not set
	if (!ranks(c)) {
		set_days(o, tz, c);
		return o;
	}
	json_object_set_new(o, "top", json_integer(c->top));
	json_object_set_new(o, "rank", rank_or_null(c->rank));
	json_object_set_new(o, "previous_rank", rank_or_null(c->previous_rank));
	return o;
}

json_t *tt_changes_json(struct tt_store *s, const struct tt_changes *r,
	const struct tt_services *services, const struct tt_kev *kev) {
	struct tt_tz *tz = tt_store_tz(s);
	json_t *o = json_object(), *rows = json_array(), *left = json_array();
	bool span = r->from < r->to;
	json_object_set_new(o, "from", span ? json_time_of(r->from) : json_null());
	json_object_set_new(o, "to", span ? json_time_of(r->to) : json_null());
	json_object_set_new(
		o, "previous_from", span ? json_time_of(r->previous_from) : json_null());
	json_object_set_new(o, "previous_to", span ? json_time_of(r->previous_to) : json_null());
	json_object_set_new(o, "timezone", json_string(tt_tz_name(tz)));
	json_object_set_new(o, "completeness", real_or_null(r->completeness));
	json_object_set_new(o, "previous_completeness", real_or_null(r->previous_completeness));
	json_object_set_new(o, "past_completeness", real_or_null(r->past_completeness));
	json_object_set_new(o, "rir", r->rir[0] ? json_string(r->rir) : json_null());
	for (unsigned i = 0; i < r->left_out_n; i++)
		json_array_append_new(left, json_string(r->left_out[i]));
	json_object_set_new(o, "sensors_left_out", left);
	if (r->surveyors != TT_SURVEYORS_WITH) {
		json_object_set_new(o, "surveyors", json_string(surveyors_name(r->surveyors)));
		json_object_set_new(o, "surveyor_days", survey_days_json(&r->survey));
	}
	for (unsigned i = 0; i < r->n; i++)
		json_array_append_new(
			rows, change_json(tz, r, &r->rows[i], (struct known){services, kev}));
	json_object_set_new(o, "rows", rows);
	return o;
}

// ---- CSV

static void csv_drivers(FILE *out, const struct tt_change *c) {
	char text[1024];
	size_t n = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < c->driver_n && n < sizeof(text) - 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %s %s%.3f", i ? "; " : "",
			by_name(c->drivers[i].by), c->drivers[i].label,
			c->drivers[i].at_least ? ">=" : "", c->drivers[i].share);
	tt_print_csv_text(out, text);
}

static void csv_published(FILE *out, json_t *list) {
	struct tt_buf b = TT_BUF_INIT(4096);
	json_t *e;
	size_t i;
	json_array_foreach(list, i, e) tt_buf_printf(&b, "%s%s %s", i ? "; " : "",
		json_string_value(json_object_get(e, "cve")),
		json_string_value(json_object_get(e, "exploited")));
	tt_print_csv_text(out, b.len ? (const char *)b.data : "");
	tt_buf_free(&b);
	json_decref(list);
}

static void csv_real(FILE *out, double v) {
	if (v >= 0)
		fprintf(out, "%.6g", v);
	fputc(',', out);
}

static void csv_rank(FILE *out, unsigned rank) {
	if (rank)
		fprintf(out, "%u", rank);
	fputc(',', out);
}

static void print_csv(FILE *out, struct tt_tz *tz, const struct tt_changes *r, struct known k) {
	char from[TT_RFC3339_LEN], to[TT_RFC3339_LEN], peak[TT_RFC3339_LEN];
	fputs("kind,of,class,key,from,to,days,lasts,packets,usual,deviation,factor,peak_day,peak,"
	      "completeness,top,rank,previous_rank,sources,top_source_share,one_sensor,drivers,"
	      "top_source_share_max,drivers_unknown,timezone",
		out);
	fputs(k.kev ? ",published\r\n" : "\r\n", out);
	for (unsigned i = 0; i < r->n; i++) {
		const struct tt_change *c = &r->rows[i];
		bool days = !ranks(c);
		fprintf(out, "%s,%s,%s,%s,%s,%s,", tt_change_kind_name(c->kind),
			tt_change_of_name(c->of),
			c->of == TT_OF_WATCH ? "" : tt_class_name(c->class), c->label,
			tt_day_format(tt_tz_day(tz, c->from), from),
			tt_day_format(tt_tz_day(tz, c->to), to));
		if (days)
			fprintf(out, "%u,%d,", c->days, c->lasts);
		else
			fputs(",,", out);
		fprintf(out, "%" PRIu64 ",", c->value);
		csv_real(out, c->usual.days ? c->usual.median : -1);
		csv_real(out, c->usual.days ? c->usual.deviation : -1);
		csv_real(out, c->factor);
		if (days)
			fprintf(out, "%s,%" PRIu64 ",",
				tt_day_format(tt_tz_day(tz, c->peak_day), peak), c->peak);
		else
			fputs(",,", out);
		csv_real(out, c->completeness);
		csv_rank(out, c->top);
		csv_rank(out, c->rank);
		csv_rank(out, c->previous_rank);
		if (c->sources >= 0)
			fprintf(out, "%" PRId64, c->sources);
		fputc(',', out);
		csv_real(out, c->top_source_share);
		fprintf(out, "%s,", !days ? "" : c->one_sensor ? "1" : "0");
		csv_drivers(out, c);
		fputc(',', out);
		csv_real(out, c->top_source_share_max);
		for (unsigned j = 0, n = 0; j < DRIVEN_BY; j++)
			if (c->unknown >> driven_by[j] & 1)
				fprintf(out, "%s%s", n++ ? " " : "", by_name(driven_by[j]));
		fprintf(out, ",%s", tt_tz_name(tz));
		if (k.kev) {
			fputc(',', out);
			csv_published(out, published(tz, r, c, k));
		}
		fputs("\r\n", out);
	}
}

// ---- for people

static void add_drivers(struct tt_buf *b, const struct tt_change *c) {
	char share[TT_SHOW_LEN];
	enum tt_by last = TT_BY_NONE;
	unsigned n = 0;
	for (unsigned i = 0; i < c->driver_n; i++) {
		const struct tt_driver *d = &c->drivers[i];
		n = d->by == last ? n + 1 : 0;
		// one source that makes little is no news
		if (n >= 3 || (d->by == TT_BY_SOURCE && !c->few_sources))
			continue;
		tt_buf_printf(b, "%s%s %s%s", b->len ? ", " : "", d->label, d->at_least ? "≥" : "",
			tt_show_share(d->share, share));
		last = d->by;
	}
}

static void print_unknown(FILE *out, const struct tt_changes *r) {
	unsigned unknown = 0, n = 0;
	for (unsigned i = 0; i < r->n; i++)
		unknown |= r->rows[i].unknown;
	for (unsigned i = 0; i < DRIVEN_BY; i++)
		if (unknown >> driven_by[i] & 1)
			fprintf(out, "%s%s",
				n++ ? ", "
				    : "Not known of some, which raw observations do not cover or "
				      "are too many for: what drove them by ",
				by_name(driven_by[i]));
	if (n)
		fputc('\n', out);
}

static int print_days(FILE *out, struct tt_tz *tz, const struct tt_changes *r) {
	static const char *const titles[] = {"change", "of", "from", "to", "packets", "usual/day",
		"times", "sources", "driven by"};
	struct tt_grid *g = tt_grid_create(9);
	char text[TT_RFC3339_LEN + TT_SHOW_LEN], what[96];
	unsigned n = 0;
	if (!g)
		return -ENOMEM;
	for (unsigned i = 0; i < 9; i++) {
		if (i < 4 || i == 8)
			tt_grid_left(g, i);
		tt_grid_add(g, titles[i]);
	}
	for (unsigned i = 0; i < r->n; i++) {
		const struct tt_change *c = &r->rows[i];
		struct tt_buf b = TT_BUF_INIT(4096);
		if (ranks(c))
			continue;
		n++;
		snprintf(what, sizeof(what), "%s%s",
			c->of == TT_OF_SERVICE && c->class != TT_SCAN ? "reflection " : "",
			c->label);
		tt_grid_add(g, tt_change_kind_name(c->kind));
		tt_grid_add(g, what);
		tt_grid_add(g, tt_day_format(tt_tz_day(tz, c->from), text));
		tt_grid_add(g, c->lasts ? "lasts" : tt_day_format(tt_tz_day(tz, c->to - 1), text));
		tt_grid_add(g, tt_show_count(c->value, text));
		tt_grid_add(g, c->usual.days ? show_rate(c->usual.median, text) : "-");
		tt_grid_add(g, c->factor >= 0 ? show_rate(c->factor, text) : "-");
		tt_grid_add(g, c->sources >= 0 ? tt_show_count((uint64_t)c->sources, text) : "-");
		add_drivers(&b, c);
		tt_grid_add(g, b.len ? (char *)b.data : "");
		tt_buf_free(&b);
	}
	int rc = n ? tt_grid_print(g, out) : 0;
	print_unknown(out, r);
	if (!n)
		fputs(r->past_completeness < 0 ? "no day stands out from the others\n"
					       : "no surges and no new levels\n",
			out);
	tt_grid_destroy(&g);
	return rc;
}

// "tcp/8291: CVE-2018-14847 (MikroTik RouterOS), exploited since 2021-12-01": each service once.
static void print_published(
	FILE *out, struct tt_tz *tz, const struct tt_changes *r, struct known k) {
	json_t *told = json_object(), *e;
	size_t i;
	for (unsigned n = 0; n < r->n; n++) {
		json_t *list = published(tz, r, &r->rows[n], k);
		if (json_array_size(list) && !json_object_get(told, r->rows[n].label))
			json_array_foreach(list, i, e)
				fprintf(out, "%s%s: %s (%s %s), exploited since %s\n",
					json_object_size(told) || i ? "" : "\n", r->rows[n].label,
					json_string_value(json_object_get(e, "cve")),
					json_string_value(json_object_get(e, "vendor")),
					json_string_value(json_object_get(e, "product")),
					json_string_value(json_object_get(e, "exploited")));
		if (json_array_size(list))
			json_object_set_new(told, r->rows[n].label, json_true());
		json_decref(list);
	}
	json_decref(told);
}

static int print_ranks(FILE *out, const struct tt_changes *r) {
	struct tt_grid *g = tt_grid_create(5);
	static const char *const titles[] = {"", "of", "top", "rank", "before"};
	char text[TT_SHOW_LEN];
	unsigned n = 0;
	if (!g)
		return -ENOMEM;
	tt_grid_left(g, 0);
	tt_grid_left(g, 1);
	for (unsigned i = 0; i < 5; i++)
		tt_grid_add(g, titles[i]);
	for (unsigned i = 0; i < r->n; i++) {
		const struct tt_change *c = &r->rows[i];
		if (!ranks(c))
			continue;
		n++;
		tt_grid_add(g, tt_change_kind_name(c->kind));
		tt_grid_add(g, c->label);
		tt_grid_add(g, tt_show_count(c->top, text));
		tt_grid_add(g, c->rank ? tt_show_count(c->rank, text) : "-");
		tt_grid_add(g, c->previous_rank ? tt_show_count(c->previous_rank, text) : "-");
	}
	fputc('\n', out);
	int rc = n ? tt_grid_print(g, out) : 0;
	if (!n)
		fputs(r->previous_known ? "nobody new in the top 5 and 10, and nobody gone\n"
					: "no data before to compare ranks with\n",
			out);
	tt_grid_destroy(&g);
	return rc;
}

static int print_table(FILE *out, struct tt_tz *tz, const struct tt_changes *r, struct known k) {
	char from[TT_SHOW_LEN], to[TT_SHOW_LEN], share[TT_SHOW_LEN];
	if (r->from == r->to) {
		fprintf(out, "no data (%s)\n", tt_tz_name(tz));
		return 0;
	}
	if (r->completeness < 0) {
		fprintf(out, "no data of %s to %s (%s)\n", tt_show_time(r->from, from),
			tt_show_time(r->to, to), tt_tz_name(tz));
		return 0;
	}
	fprintf(out, "Changes of %s to %s (%s), completeness %s", tt_show_time(r->from, from),
		tt_show_time(r->to, to), tt_tz_name(tz), tt_show_share(r->completeness, share));
	fprintf(out, "; before: %s to %s, %s\n", tt_show_time(r->previous_from, from),
		tt_show_time(r->previous_to, to),
		r->previous_known ? tt_show_share(r->previous_completeness, share) : "no data");
	if (r->rir[0])
		fprintf(out, "Regions of %s.\n", r->rir);
	for (unsigned i = 0; i < r->left_out_n; i++)
		fprintf(out, "%s%s%s",
			i ? ", " : "Not compared, not up long enough: ", r->left_out[i],
			i + 1 == r->left_out_n ? "\n" : "");
	if (r->surveyors != TT_SURVEYORS_WITH)
		fprintf(out, "Surveyors %s.\n",
			r->surveyors == TT_SURVEYORS_ONLY ? "only" : "left out");
	print_survey_days(&r->survey, out);
	if (r->past_completeness < 0)
		fputs("No data before to compare with: days are compared with one another only\n",
			out);
	fputc('\n', out);
	int rc = print_days(out, tz, r);
	if (!rc)
		rc = print_ranks(out, r);
	print_published(out, tz, r, k);
	return rc;
}

int tt_report_changes(struct tt_store *s, const struct tt_changes_conf *conf, enum tt_format format,
	const struct tt_services *services, const struct tt_kev *kev, FILE *out,
	struct tt_err *err) {
	const struct known k = {services, kev};
	struct tt_tz *tz = tt_store_tz(s);
	struct tt_changes r;
	int rc = tt_changes_find(s, conf, &r, err);
	if (rc)
		return rc;
	if (format == TT_FORMAT_JSON)
		rc = print_json_document(out, tt_changes_json(s, &r, services, kev));
	else if (format == TT_FORMAT_CSV)
		print_csv(out, tz, &r, k);
	else
		rc = print_table(out, tz, &r, k);
	if (rc)
		tt_err_set(err, rc, "printing: %s", strerror(-rc));
	tt_changes_free(&r);
	return rc;
}
