/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int ascending(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

void result_heading(void) {
	printf("%-32s %10s %10s %10s  %-10s %s\n", "figure", "median", "min", "max", "unit", "bar");
}

static bool holds(struct bar bar, double x) {
	return strcmp(bar.better, "lower") ? x >= bar.value : x <= bar.value;
}

void result_add(struct bench *b, const char *name, const char *unit, struct bar bar,
	const double *samples, unsigned n) {
	double s[RUNS_MAX];
	n = n < RUNS_MAX ? n : RUNS_MAX;
	if (b->quick) // says nothing about speed
		bar.better = NULL;
	memcpy(s, samples, n * sizeof(*s));
	qsort(s, n, sizeof(*s), ascending);
	double median = n % 2 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
	printf("%-32s %10.4g %10.4g %10.4g  %-10s", name, median, s[0], s[n - 1],
		*unit ? unit : "ratio");
	if (bar.better)
		printf(" %s %g: %s", strcmp(bar.better, "lower") ? "at least" : "at most",
			bar.value, holds(bar, median) ? "holds" : "MISSED");
	printf("\n");
	fflush(stdout);
	json_t *r = json_pack("{s:s, s:f, s:f, s:f, s:i}", "name", name, *unit ? "value" : "ratio",
		median, "min", s[0], "max", s[n - 1], "runs", (int)n);
	if (*unit)
		json_object_set_new(r, "unit", json_string(unit));
	if (bar.better) {
		json_object_set_new(r, "bar", json_real(bar.value));
		json_object_set_new(r, "better", json_string(bar.better));
	}
	json_array_append_new(b->results, r);
}

int result_write(const struct bench *b, const char *path) {
	json_t *all = json_pack("{s:o, s:O}", "machine", machine_json(b), "results", b->results);
	int rc = json_dump_file(all, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) ? -EIO : 0;
	json_decref(all);
	return rc;
}
