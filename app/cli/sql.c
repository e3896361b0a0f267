/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "tt_print.h"

// Rows as they come. A table is printed at the end, because only then are the widths known.
struct sink {
	enum tt_format format;
	uint64_t rows;
	struct tt_grid *grid;
	char *numbers; // by column: all values so far were numbers or null
};

#define TABLE_ROWS 100000 // a table holds its rows in memory

static void json_row(struct sink *k, int n, const char *const *names, const char *const *values,
	const char *types) {
	fputs(k->rows ? ",\n{" : "\n{", stdout);
	for (int i = 0; i < n; i++) {
		if (i)
			putchar(',');
		tt_print_json_text(stdout, names[i]);
		putchar(':');
		if (types[i] == 'n')
			fputs("null", stdout);
		else if (types[i] == 'i')
			fputs(values[i], stdout);
		else if (types[i] == 'r' && strcasestr(values[i], "inf"))
			fputs("null", stdout); // JSON has no infinity
		else if (types[i] == 'r')
			fputs(values[i], stdout);
		else
			tt_print_json_text(stdout, values[i]);
	}
	putchar('}');
}

static void csv_row(int n, const char *const *values) {
	for (int i = 0; i < n; i++) {
		if (i)
			putchar(',');
		if (values[i])
			tt_print_csv_text(stdout, values[i]);
	}
	fputs("\r\n", stdout);
}

static int head(struct sink *k, int n, const char *const *names) {
	if (k->format == TT_FORMAT_JSON) {
		putchar('[');
		return 0;
	}
	if (k->format == TT_FORMAT_CSV) {
		csv_row(n, names);
		return 0;
	}
	k->grid = tt_grid_create((unsigned)n);
	k->numbers = malloc((size_t)n);
	if (!k->grid || !k->numbers)
		return -errno;
	memset(k->numbers, 1, (size_t)n);
	for (int i = 0; i < n; i++)
		tt_grid_add(k->grid, names[i]);
	return 0;
}

static int on_row(
	void *arg_, int n, const char *const *names, const char *const *values, const char *types) {
	struct sink *k = arg_;
	if (!values)
		return head(k, n, names);
	if (ferror(stdout))
		return -EIO;
	if (k->format == TT_FORMAT_JSON) {
		json_row(k, n, names, values, types);
	} else if (k->format == TT_FORMAT_CSV) {
		csv_row(n, values);
	} else {
		if (k->rows == TABLE_ROWS)
			return -E2BIG;
		for (int i = 0; i < n; i++) {
			tt_grid_add(k->grid, values[i] ? values[i] : "");
			k->numbers[i] = k->numbers[i] && strchr("irn", types[i]);
			if (!k->numbers[i])
				tt_grid_left(k->grid, (unsigned)i);
		}
	}
	k->rows++;
	return 0;
}

static int finish(struct sink *k, int rc, struct tt_err *err) {
	if (rc == -E2BIG && k->rows == TABLE_ROWS)
		tt_err_set(err, rc, "more than %d rows: use --format csv or json, or LIMIT",
			TABLE_ROWS);
	if (!rc && k->format == TT_FORMAT_JSON)
		fputs("]\n", stdout);
	if (!rc && k->grid)
		rc = tt_grid_print(k->grid, stdout);
	tt_grid_destroy(&k->grid);
	free(k->numbers);
	if (rc && ferror(stdout))
		return FAILED; // main says why
	return rc ? complain(FAILED, "sql: %s", err->msg[0] ? err->msg : strerror(-rc)) : DONE;
}

int run_sql(const struct args *a) {
	struct sink k = {.format = TT_FORMAT_TABLE};
	struct tt_err err = {0};
	int status = DONE;
	if (format_read(a, &k.format, &err))
		return complain(USAGE, "sql: %s", err.msg);
	struct tt_store *s = open_db(a, &status);
	if (!s)
		return status;
	int rc = tt_store_sql(s, a->operands[0], on_row, &k, &err);
	status = finish(&k, rc, &err);
	tt_store_close(&s, NULL);
	return status;
}
