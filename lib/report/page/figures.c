/* SPDX-License-Identifier: BSD-3-Clause */
// The figures of the document as charts.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

// What one chart points to while it is drawn.
struct drawing {
	struct chart chart;
	char id[16], title[NAME_LEN * 2];
	char labels[CHART_LINES][NAME_LEN];
	double *values; // line by line
	double *completeness;
	int64_t *days;
};

static double value_of(const json_t *point, const char *measure) {
	const json_t *v = json_object_get(point, measure);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

static void fill_point(struct page *p, struct drawing *d, unsigned line, unsigned i,
	const json_t *point, const char *measure) {
	const json_t *complete = json_object_get(point, "completeness");
	int64_t start = 0;
	d->values[line * d->chart.n + i] = value_of(point, measure);
	if (line)
		return;
	(void)tt_time_parse(json_string_value(json_object_get(point, "start")), &start);
	d->days[i] = tt_tz_day(tt_store_tz(p->s), start);
	d->completeness[i] = json_is_number(complete) ? json_number_value(complete) : -1;
}

static void label_line(struct page *p, struct drawing *d, unsigned line, const json_t *row) {
	const json_t *key = json_object_get(row, "key");
	const json_t *label = json_object_get(row, "label");
	if (label)
		snprintf(d->labels[line], NAME_LEN, "%s", bilingual_text(p->lang, label));
	else if (json_object_get(key, "region"))
		region_name(p, p->lang, key, d->labels[line]);
	else
		service_name(p->lang, key, d->labels[line]);
	d->chart.lines[line].label = d->labels[line];
	d->chart.lines[line].values = d->values + line * d->chart.n;
}

enum word measure_word(const char *measure) {
	return !strcmp(measure, "sources") ? W_Y_SOURCES
	       : !strcmp(measure, "bytes") ? W_Y_BYTES
					   : W_Y_PACKETS;
}

static int prepare(struct page *p, unsigned number, struct drawing *d) {
	const json_t *figure = json_object_get(p->doc, figure_id(number, d->id)), *point, *row;
	const json_t *rows = json_object_get(figure, "rows");
	const char *measure = json_string_value(json_object_get(figure, "measure"));
	size_t i, j;
	if (!json_array_size(rows) || !measure)
		return 0;
	d->chart.n = (unsigned)json_array_size(json_object_get(json_array_get(rows, 0), "points"));
	d->chart.line_n = (unsigned)json_array_size(rows);
	if (d->chart.line_n > CHART_LINES)
		d->chart.line_n = CHART_LINES;
	size_t n = d->chart.n;
	d->values = calloc(d->chart.line_n * n + 1, sizeof(*d->values));
	d->completeness = calloc(n + 1, sizeof(*d->completeness));
	d->days = calloc(n + 1, sizeof(*d->days));
	if (!d->values || !d->completeness || !d->days)
		return tt_err_set(p->err, -ENOMEM, "figures: no memory");
	json_array_foreach((json_t *)rows, i, row) {
		if (i == d->chart.line_n)
			break;
		label_line(p, d, (unsigned)i, row);
		json_array_foreach(json_object_get(row, "points"), j, point) if (j < n)
			fill_point(p, d, (unsigned)i, (unsigned)j, point, measure);
	}
	d->chart.id = d->id;
	d->chart.lang = p->lang;
	snprintf(d->title, sizeof(d->title), "%s",
		bilingual_text(p->lang, json_object_get(figure, "title")));
	d->chart.title = d->title;
	d->chart.y = say(p->lang, measure_word(measure));
	d->chart.shade = say(p->lang, W_INCOMPLETE_DAYS);
	d->chart.days = d->days;
	d->chart.completeness = d->completeness;
	return 0;
}

static void release(struct drawing *d) {
	free(d->values);
	free(d->completeness);
	free(d->days);
}

const char *figure_id(unsigned i, char buf[16]) {
	snprintf(buf, 16, "figure%u", i + 1);
	return buf;
}

// Whether there is anything to draw: a day without data has no value.
static bool has_values(const struct drawing *d) {
	for (size_t i = 0; i < (size_t)d->chart.line_n * d->chart.n; i++)
		if (isfinite(d->values[i]))
			return true;
	return false;
}

int figures_draw(struct page *p) {
	struct drawing *d = calloc(FIGURES, sizeof(*d));
	struct chart *charts = calloc(FIGURES, sizeof(*charts));
	struct tt_buf out[FIGURES];
	unsigned of[FIGURES], n = 0;
	int rc = d && charts ? 0 : tt_err_set(p->err, -ENOMEM, "figures: no memory");
	for (unsigned i = 0; !rc && i < FIGURES; i++) {
		p->svg[i] = (struct tt_buf)TT_BUF_INIT(PAGE_MAX);
		rc = prepare(p, i, &d[i]);
		if (rc || !has_values(&d[i]))
			continue;
		charts[n] = d[i].chart;
		out[n] = p->svg[i];
		of[n++] = i;
	}
	if (!rc)
		rc = chart_draw(charts, n, out, p->err);
	for (unsigned i = 0; i < n; i++)
		p->svg[of[i]] = out[i];
	for (unsigned i = 0; d && i < FIGURES; i++)
		release(&d[i]);
	free(d);
	free(charts);
	return rc;
}
