/* SPDX-License-Identifier: BSD-3-Clause */
// CSV as RFC 4180 has it: CRLF, fields with comma, quote or line end in quotes; null is empty.
#include <inttypes.h>
#include <string.h>

#include "report.h"

void tt_print_csv_text(FILE *out, const char *text) {
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void csv_head(FILE *out, const struct column *const *cols, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? "," : "", cols[i]->name);
}

void csv_cells(FILE *out, const struct column *const *cols, unsigned n, const struct view *v,
	const struct ranked *r) {
	for (unsigned i = 0; i < n; i++) {
		struct cell c = {.kind = CELL_NULL};
		cols[i]->fill(v, r, &c);
		if (i)
			fputc(',', out);
		if (c.kind == CELL_TEXT)
			tt_print_csv_text(out, c.text);
		else if (c.kind != CELL_NULL && c.kind != CELL_ABSENT)
			json_cell(out, &c);
	}
}

void print_top_csv(const struct top_view *t, FILE *out) {
	const struct column *cols[COLUMN_MAX];
	unsigned n = columns_top(t->view.by, t->conf->previous != NULL, t->view.kev != NULL, cols);
	csv_head(out, cols, n);
	fputs("\r\n", out);
	for (unsigned i = 0; i < t->ranking->n; i++) {
		csv_cells(out, cols, n, &t->view, &t->ranking->rows[i]);
		fputs("\r\n", out);
	}
}
