/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <string.h>

#include "report.h"

void tt_print_json_text(FILE *out, const char *text) {
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

void json_cell(FILE *out, const struct cell *c) {
	char buf[40];
	switch (c->kind) {
	case CELL_UINT:
		fprintf(out, "%" PRIu64, c->u);
		return;
	case CELL_REAL:
		// always a real for readers that tell them from integers
		snprintf(buf, sizeof(buf), "%.15g", c->d);
		fprintf(out, "%s%s", buf, strpbrk(buf, ".e") ? "" : ".0");
		return;
	case CELL_TEXT:
		tt_print_json_text(out, c->text);
		return;
	case CELL_BOOL:
		fputs(c->u ? "true" : "false", out);
		return;
	case CELL_ABSENT:
	case CELL_NULL:
		break;
	}
	fputs("null", out);
}

void json_cells(FILE *out, const struct column *const *cols, unsigned n, const struct view *v,
	const struct ranked *r) {
	const char *sep = "";
	for (unsigned i = 0; i < n; i++) {
		struct cell c = {.kind = CELL_NULL};
		cols[i]->fill(v, r, &c);
		if (c.kind == CELL_ABSENT)
			continue;
		fprintf(out, "%s\"%s\":", sep, cols[i]->name);
		json_cell(out, &c);
		sep = ",";
	}
}

static void json_time(FILE *out, const char *name, int64_t sec, bool known) {
	char buf[TT_RFC3339_LEN];
	if (known)
		fprintf(out, "\"%s\":\"%s\",", name, tt_time_format(sec, buf));
	else
		fprintf(out, "\"%s\":null,", name);
}

void print_surveyors_json(const struct tt_query *q, const struct tt_result *r, FILE *out) {
	if (q->surveyors != TT_SURVEYORS_WITH)
		fprintf(out,
			",\"surveyors\":\"%s\",\"surveyor_days\":{\"settled\":%u,\"running\":%u,"
			"\"listed\":%u}",
			surveyors_name(q->surveyors), r->survey.settled, r->survey.running,
			r->survey.listed);
}

void print_clock_steps_json(const struct tt_clock_steps *c, FILE *out) {
	json_t *o = json_object(), *v;
	const char *key;
	tt_clock_steps_json(c, o);
	json_object_foreach(o, key, v) {
		fprintf(out, ",\"%s\":", key);
		json_dumpf(v, out, JSON_COMPACT | JSON_ENCODE_ANY);
	}
	json_decref(o);
}

void print_bounds_json(const struct tt_result *res, FILE *out) {
	fprintf(out, ",\"sources_lower_bound\":%s", res->sources_lower_bound ? "true" : "false");
	if (res->rest_packets > 0)
		fprintf(out, ",\"rest_packets\":%" PRIu64, res->rest_packets);
	fputs(",\"rir\":", out);
	if (res->rir_date[0])
		tt_print_json_text(out, res->rir_date);
	else
		fputs("null", out);
}

void print_top_json(const struct top_view *t, FILE *out) {
	const struct tt_result *res = t->result;
	const struct column *cols[COLUMN_MAX];
	unsigned n = columns_top(t->view.by, t->conf->previous != NULL, t->view.kev != NULL, cols);
	bool span = res->from != res->to; // an empty database has none
	struct cell c = {.kind = CELL_NULL};
	fprintf(out, "{\"by\":\"%s\",", by_name(t->view.by));
	json_time(out, "from", res->from, span);
	json_time(out, "to", res->to, span);
	fputs("\"timezone\":", out);
	tt_print_json_text(out, t->timezone);
	fputs(",\"completeness\":", out);
	if (res->completeness >= 0)
		cell_real(&c, res->completeness);
	json_cell(out, &c);
	print_bounds_json(res, out);
	print_surveyors_json(&t->conf->query, res, out);
	print_clock_steps_json(&res->clock, out);
	fputs(",\"rows\":[", out);
	for (unsigned i = 0; i < t->ranking->n; i++) {
		fputs(i ? ",\n{" : "\n{", out);
		json_cells(out, cols, n, &t->view, &t->ranking->rows[i]);
		fputc('}', out);
	}
	fputs("]}\n", out);
}
