/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "report.h"

static const char *step_name(enum tt_step step) {
	return step == TT_STEP_HOUR ? "hour" : step == TT_STEP_MONTH ? "month" : "day";
}

struct point_cells {
	struct cell packets, bytes, sources, error, completeness;
};

// A step in which nobody looked has no values: no zeros.
static void fill_point(const struct tt_row *r, const struct tt_point *p, struct point_cells *c) {
	memset(c, 0, sizeof(*c));
	c->packets.kind = c->bytes.kind = c->sources.kind = c->error.kind = c->completeness.kind =
		CELL_NULL;
	if (!p->known)
		return;
	cell_uint(&c->packets, p->packets);
	cell_uint(&c->bytes, p->bytes);
	if (r->has_sources) {
		cell_uint(&c->sources, p->sources);
		cell_real(&c->error, p->sources_error);
	}
	if (p->completeness >= 0)
		cell_real(&c->completeness, p->completeness);
}

void print_series_json(const struct top_view *t, FILE *out) {
	const struct column *cols[COLUMN_MAX];
	unsigned n = columns_key(t->view.by, cols);
	char start[TT_RFC3339_LEN];
	struct cell by = {.kind = CELL_NULL};
	cell_text(&by, by_name(t->view.by));
	fputs("{\"by\":", out);
	json_cell(out, &by);
	fprintf(out, ",\"step\":\"%s\",\"timezone\":", step_name(t->conf->query.step));
	tt_print_json_text(out, t->timezone);
	print_bounds_json(t->result, out);
	print_surveyors_json(&t->conf->query, t->result, out);
	print_clock_steps_json(&t->result->clock, out);
	fputs(",\"rows\":[", out);
	for (unsigned i = 0; i < t->ranking->n; i++) {
		const struct tt_row *r = t->ranking->rows[i].row;
		fputs(i ? ",\n{\"key\":{" : "\n{\"key\":{", out);
		json_cells(out, cols, n, &t->view, &t->ranking->rows[i]);
		fputs("},\"points\":[", out);
		for (unsigned j = 0; j < t->result->point_n; j++) {
			struct point_cells c;
			fill_point(r, &r->points[j], &c);
			fprintf(out, "%s{\"start\":\"%s\",\"packets\":", j ? "," : "",
				tt_time_format(r->points[j].start, start));
			json_cell(out, &c.packets);
			fputs(",\"bytes\":", out);
			json_cell(out, &c.bytes);
			fputs(",\"sources\":", out);
			json_cell(out, &c.sources);
			fputs(",\"completeness\":", out);
			json_cell(out, &c.completeness);
			fputs(",\"sources_error\":", out);
			json_cell(out, &c.error);
			fputc('}', out);
		}
		fputs("]}", out);
	}
	fputs("]}\n", out);
}

static void csv_cell(FILE *out, const struct cell *c) {
	fputc(',', out);
	if (c->kind != CELL_NULL)
		json_cell(out, c);
}

void print_series_csv(const struct top_view *t, FILE *out) {
	const struct column *cols[COLUMN_MAX];
	unsigned n = columns_key(t->view.by, cols);
	char start[TT_RFC3339_LEN];
	csv_head(out, cols, n);
	fprintf(out, "%sstart,packets,bytes,sources,completeness,sources_error\r\n", n ? "," : "");
	for (unsigned i = 0; i < t->ranking->n; i++) {
		const struct tt_row *r = t->ranking->rows[i].row;
		for (unsigned j = 0; j < t->result->point_n; j++) {
			struct point_cells c;
			fill_point(r, &r->points[j], &c);
			csv_cells(out, cols, n, &t->view, &t->ranking->rows[i]);
			fprintf(out, "%s%s", n ? "," : "",
				tt_time_format(r->points[j].start, start));
			csv_cell(out, &c.packets);
			csv_cell(out, &c.bytes);
			csv_cell(out, &c.sources);
			csv_cell(out, &c.completeness);
			csv_cell(out, &c.error);
			fputs("\r\n", out);
		}
	}
}

static void show_start(enum tt_step step, int64_t start, char buf[TT_SHOW_LEN]) {
	time_t t = (time_t)start;
	struct tm tm;
	const char *fmt = step == TT_STEP_HOUR	  ? "%Y-%m-%d %H:%M"
			  : step == TT_STEP_MONTH ? "%Y-%m"
						  : "%Y-%m-%d";
	if (!localtime_r(&t, &tm) || !strftime(buf, TT_SHOW_LEN, fmt, &tm))
		snprintf(buf, TT_SHOW_LEN, "?");
}

static void show_value(const struct top_view *t, const struct tt_row *r, const struct tt_point *p,
	char buf[TT_SHOW_LEN]) {
	bool sources = t->conf->rank == TT_RANK_SOURCES;
	if (!p->known || (sources && !r->has_sources))
		snprintf(buf, TT_SHOW_LEN, "-");
	else
		tt_show_count(sources ? p->sources : p->packets, buf);
}

#define TABLE_ROWS 20 // what still fits beside each other on a wide terminal

// Steps run down, what is counted runs across.
int print_series_table(const struct top_view *t, FILE *out) {
	const struct ranking *rk = t->ranking;
	unsigned cols = rk->n < TABLE_ROWS ? rk->n : TABLE_ROWS;
	bool sources = t->conf->rank == TT_RANK_SOURCES;
	char what[96], text[TT_SHOW_LEN];
	snprintf(what, sizeof(what), "%s per %s%s%s", sources ? "Sources" : "Packets",
		step_name(t->conf->query.step), t->view.by == TT_BY_NONE ? "" : " by ",
		t->view.by == TT_BY_NONE ? "" : by_name(t->view.by));
	print_head(t, what, out);
	if (!rk->n) {
		fputs("no packets\n", out);
		return 0;
	}
	struct tt_grid *g = tt_grid_create(cols + 2);
	if (!g)
		return -ENOMEM;
	tt_grid_left(g, 0);
	tt_grid_add(g, step_name(t->conf->query.step));
	for (unsigned i = 0; i < cols; i++) {
		struct cell c;
		key_label(t->view.by, &rk->rows[i].row->key, &c);
		tt_grid_add(g, c.text);
	}
	tt_grid_add(g, "complete");
	for (unsigned j = 0; j < t->result->point_n; j++) {
		const struct tt_point *first = &rk->rows[0].row->points[j];
		double complete = t->result->step_completeness[j];
		show_start(t->conf->query.step, first->start, text);
		tt_grid_add(g, text);
		for (unsigned i = 0; i < cols; i++) {
			show_value(t, rk->rows[i].row, &rk->rows[i].row->points[j], text);
			tt_grid_add(g, text);
		}
		tt_grid_add(g,
			complete >= 0 || first->known ? tt_show_share(complete, text) : "no data");
	}
	int rc = tt_grid_print(g, out);
	tt_grid_destroy(&g);
	if (cols < rk->n)
		fprintf(out, "\n%u more in --format json or csv\n", rk->n - cols);
	return rc;
}
