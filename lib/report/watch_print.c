/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "findings.h"
#include "report.h"

static const char *day_text(struct tt_tz *tz, int64_t sec, char buf[TT_RFC3339_LEN]) {
	return tt_day_format(tt_tz_day(tz, sec), buf);
}

// ---- CSV: a row a day of the whole (by empty) and of each part

static void csv_days(FILE *out, struct tt_tz *tz, const struct tt_watch_result *r, const char *by,
	const char *key, const struct tt_watch_day *days) {
	char day[TT_RFC3339_LEN];
	for (unsigned i = 0; i < r->counts.day_n; i++) {
		const struct tt_watch_day *d = &days[i], *p = &r->counts.plain_days[i];
		bool whole = !by[0];
		tt_print_csv_text(out, by);
		fputc(',', out);
		tt_print_csv_text(out, key);
		fprintf(out, ",%s", day_text(tz, d->start, day));
		if (d->known)
			fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%g", d->packets,
				d->bytes, d->sources, d->sources_error);
		else
			fputs(",,,,", out);
		if (d->completeness >= 0)
			fprintf(out, ",%.6g", d->completeness);
		else
			fputc(',', out);
		if (whole && r->info.has_plain && p->known)
			fprintf(out, ",%" PRIu64 ",%" PRIu64, p->packets, p->sources);
		else
			fputs(",,", out);
		fprintf(out, ",%s,%s\r\n",
			!whole		   ? ""
			: r->surge_days[i] ? "1"
					   : "0",
			tt_tz_name(tz));
	}
}

static void print_csv(FILE *out, struct tt_tz *tz, const struct tt_watch_result *r) {
	fputs("by,key,day,packets,bytes,sources,sources_error,completeness,plain_packets,"
	      "plain_sources,surge,timezone\r\n",
		out);
	csv_days(out, tz, r, "", "", r->counts.days);
	for (unsigned i = 0; i < r->counts.part_n; i++)
		csv_days(out, tz, r, tt_watch_by_name(r->counts.parts[i].by),
			r->counts.parts[i].key, r->counts.parts[i].days);
}

// ---- for people

static void add_count(struct tt_grid *g, bool known, uint64_t v) {
	char text[TT_SHOW_LEN];
	tt_grid_add(g, known ? tt_show_count(v, text) : "-");
}

static int print_days(FILE *out, struct tt_tz *tz, const struct tt_watch_result *r) {
	unsigned cols = r->info.has_plain ? 7 : 5;
	struct tt_grid *g = tt_grid_create(cols);
	char text[TT_RFC3339_LEN], share[TT_SHOW_LEN];
	if (!g)
		return -ENOMEM;
	static const char *const titles[] = {
		"day", "packets", "sources", "complete", "", "plain packets", "plain sources"};
	tt_grid_left(g, 0);
	tt_grid_left(g, 4);
	for (unsigned i = 0; i < cols; i++)
		tt_grid_add(g, titles[i]);
	for (unsigned i = 0; i < r->counts.day_n; i++) {
		const struct tt_watch_day *d = &r->counts.days[i], *p = &r->counts.plain_days[i];
		tt_grid_add(g, day_text(tz, d->start, text));
		add_count(g, d->known, d->packets);
		add_count(g, d->known, d->sources);
		tt_grid_add(g, d->known ? tt_show_share(d->completeness, share) : "no data");
		tt_grid_add(g, r->surge_days[i] ? "surge" : "");
		if (r->info.has_plain) {
			add_count(g, p->known, p->packets);
			add_count(g, p->known, p->sources);
		}
	}
	int rc = r->counts.day_n ? tt_grid_print(g, out) : 0;
	tt_grid_destroy(&g);
	return rc;
}

static int print_parts(FILE *out, const struct tt_watch_result *r) {
	char text[TT_SHOW_LEN];
	const struct tt_watch_counts *c = &r->counts;
	int rc = 0;
	for (unsigned i = 0; !rc && i < c->part_n;) {
		enum tt_watch_by by = c->parts[i].by;
		struct tt_grid *g = tt_grid_create(4);
		if (!g)
			return -ENOMEM;
		tt_grid_left(g, 0);
		tt_grid_add(g, tt_watch_by_name(by));
		tt_grid_add(g, "packets");
		tt_grid_add(g, "share");
		tt_grid_add(g, "sources");
		for (unsigned n = 0; i < c->part_n && c->parts[i].by == by; i++, n++) {
			const struct tt_watch_part *p = &c->parts[i];
			if (n == 10)
				continue; // all of them in JSON and CSV
			tt_grid_add(g, p->key);
			add_count(g, true, p->packets);
			tt_grid_add(
				g, tt_show_share(c->whole.packets ? (double)p->packets /
									    (double)c->whole.packets
								  : -1,
					   text));
			add_count(g, true, p->sources);
		}
		fputc('\n', out);
		rc = tt_grid_print(g, out);
		tt_grid_destroy(&g);
	}
	return rc;
}

static int print_seen(FILE *out, const struct tt_watch_surge *s) {
	struct tt_grid *g = tt_grid_create(6);
	static const char *const titles[] = {"network", "addresses", "up", "expected", "seen", ""};
	char text[TT_SHOW_LEN];
	if (!g)
		return -ENOMEM;
	tt_grid_left(g, 0);
	tt_grid_left(g, 5);
	for (unsigned i = 0; i < 6; i++)
		tt_grid_add(g, titles[i]);
	for (unsigned i = 0; i < s->seen_n; i++) {
		const struct tt_seen *x = &s->seen[i];
		tt_grid_add(g, x->key);
		tt_grid_add(g, x->addresses < 0 ? "-" : show_rate(x->addresses, text));
		tt_grid_add(g, tt_show_share(x->up_share, text));
		tt_grid_add(g, x->expected < 0 ? "-" : show_rate(x->expected, text));
		tt_grid_add(g, tt_show_count(x->seen, text));
		tt_grid_add(g, x->saw ? "saw it" : "did not see it");
	}
	int rc = tt_grid_print(g, out);
	tt_grid_destroy(&g);
	return rc;
}

static void print_traits(FILE *out, const struct tt_watch_surge *s) {
	char text[TT_SHOW_LEN];
	fprintf(out, "packets of %.0f bytes on average", s->mean_size);
	for (unsigned i = 0; i < s->trait_n; i++)
		fprintf(out, "%s%s %s", i ? ", " : "; ", s->traits[i].key,
			tt_show_share(
				s->packets ? (double)s->traits[i].packets / (double)s->packets : -1,
				text));
	fputc('\n', out);
}

static int print_surge(FILE *out, struct tt_tz *tz, const struct tt_watch_surge *s) {
	char from[TT_RFC3339_LEN], last[TT_RFC3339_LEN], a[TT_SHOW_LEN], b[TT_SHOW_LEN],
		c[TT_SHOW_LEN];
	fprintf(out, "\nSurge of %s to %s: %s packets of %s sources, at most %s a day",
		day_text(tz, s->from, from), day_text(tz, s->to - 1, last),
		tt_show_count(s->packets, a), tt_show_count(s->sources, b),
		tt_show_count(s->peak, c));
	if (s->usual.days)
		fprintf(out, " (usual: %s)", show_rate(s->usual.median, a));
	fputc('\n', out);
	print_traits(out, s);
	int rc = print_seen(out, s);
	if (s->exclusive == TT_EXCLUSIVE_YES)
		fprintf(out, "Only the sensors in %s saw it.\n", s->only);
	else if (s->exclusive == TT_EXCLUSIVE_NO)
		fputs("Sensors in several networks saw it.\n", out);
	else
		fprintf(out, "Whether only one network saw it is not decided: %s.\n", s->why);
	return rc;
}

static void print_verdicts(FILE *out, const struct tt_watch_verdicts *v) {
	if (!v->annotated && !v->unknown)
		return;
	fprintf(out,
		"\nVerdicts made elsewhere: %" PRIu64 " sources, %" PRIu64 " open, %" PRIu64
		" not; %" PRIu64 " about addresses that were not seen\n",
		v->annotated, v->open, v->closed, v->unknown);
	for (unsigned i = 0; i < v->product_n; i++)
		fprintf(out, "  %s: %" PRIu64 "\n",
			v->products[i].name[0] ? v->products[i].name : "(product not given)",
			v->products[i].sources);
}

static int print_table(FILE *out, struct tt_tz *tz, const struct tt_watch_result *r) {
	const struct tt_watch_counts *c = &r->counts;
	char from[TT_RFC3339_LEN], to[TT_RFC3339_LEN], a[TT_SHOW_LEN], b[TT_SHOW_LEN];
	int rc;
	fprintf(out, "%s: %s\n", r->info.name, r->info.title_en);
	if (c->from >= c->to)
		fprintf(out, "no data (%s)\n", r->timezone);
	else
		fprintf(out, "%s to %s (%s), completeness %s%s%s\n", day_text(tz, c->from, from),
			day_text(tz, c->to, to), r->timezone, tt_show_share(c->completeness, a),
			r->rir[0] ? ", regions of " : "", r->rir);
	if (r->gap_from < r->gap_to)
		fprintf(out,
			"Not counted: %s to %s, which was there before the watch; teiten watch "
			"backfill counts it.\n",
			tt_show_time(r->gap_from, a), tt_show_time(r->gap_to, b));
	if (c->lower_bound)
		fputs("Counts are lower bounds: some packets were counted without their source "
		      "(flow table full).\n",
			out);
	print_survey_days(&c->survey, out);
	fprintf(out, "%s packets of %s sources\n\n", tt_show_count(c->whole.packets, a),
		tt_show_count(c->whole.sources, b));
	rc = print_days(out, tz, r);
	if (!rc)
		rc = print_parts(out, r);
	for (unsigned i = 0; !rc && i < r->surge_n; i++)
		rc = print_surge(out, tz, &r->surges[i]);
	if (!rc && r->info.has_surge && !r->surge_n)
		fputs("\nNo surges.\n", out);
	print_verdicts(out, &r->verdicts);
	return rc;
}

int print_json_document(FILE *out, json_t *o) {
	int rc = o ? json_dumpf(o, out, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : -1;
	fputc('\n', out);
	json_decref(o);
	return rc ? -ENOMEM : 0;
}

int tt_report_watch(struct tt_store *s, const char *name, int64_t from, int64_t to,
	const struct tt_pseudonyms *names, enum tt_format format, FILE *out, struct tt_err *err) {
	struct tt_watch_result r;
	struct tt_tz *tz = tt_store_tz(s);
	int rc = tt_watch_find(s, name, from, to, &r, err);
	if (!rc && names->recipient && (rc = tt_watch_hide(s, names, &r, err)))
		tt_watch_result_free(&r);
	if (rc)
		return rc;
	if (format == TT_FORMAT_JSON)
		rc = print_json_document(out, tt_watch_json(s, &r));
	else if (format == TT_FORMAT_CSV)
		print_csv(out, tz, &r);
	else
		rc = print_table(out, tz, &r);
	if (rc)
		tt_err_set(err, rc, "printing: %s", strerror(-rc));
	tt_watch_result_free(&r);
	return rc;
}
