/* SPDX-License-Identifier: BSD-3-Clause */
// sketch_bench --runs N --json FILE: unions a second, and errors at large numbers of sources
// against the number that was added.
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tt_sketch.h"

#define MANY   256   // sketches of 4 KiB: a megabyte, as they come out of a table
#define UNIONS 65536 // a measurement
#define LARGE  100000000u
#define SETS   4
#define VALUES 64

struct figure {
	const char *name, *better, *unit;
	double bar;
	double values[VALUES];
	unsigned n;
};

static uint64_t hash_of(unsigned set, uint32_t v4) {
	uint8_t secret[16] = {(uint8_t)set, 's', 'k', 'e', 't', 'c', 'h'};
	uint8_t src[16] = {
		(uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8), (uint8_t)v4};

	return tt_sketch_hash(secret, 4, src);
}

static double now(void) {
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void die(const char *what) {
	fprintf(stderr, "sketch_bench: %s\n", what);
	exit(1);
}

static void add(struct figure *f, double value) {
	if (f->n < VALUES)
		f->values[f->n++] = value;
}

static void unions(struct figure *objects, struct figure *encoded, unsigned runs) {
	static uint8_t blobs[MANY][8192];
	struct tt_sketch *s[MANY], *into = tt_sketch_create();
	size_t len = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		s[i] = tt_sketch_create();
		for (uint32_t k = 0; s[i] != NULL && k < 3000; k++)
			tt_sketch_add(s[i], hash_of(0, i * 1000 + k));
		if (s[i] == NULL || into == NULL)
			die("no memory");
		len = tt_sketch_encode(s[i], blobs[i], sizeof(blobs[i]));
	}
	for (unsigned r = 0; r < runs; r++) {
		double t = now();

		for (unsigned i = 0; i < UNIONS; i++)
			tt_sketch_merge(into, s[i % MANY]);
		add(objects, UNIONS / (now() - t));
		t = now();
		for (unsigned i = 0; i < UNIONS; i++)
			if (tt_sketch_merge_encoded(into, blobs[i % MANY], len) < 0)
				die("a sketch is refused");
		add(encoded, UNIONS / (now() - t));
		if (tt_sketch_count(into) < 200000)
			die("a union is wrong");
	}
	for (unsigned i = 0; i < MANY; i++)
		tt_sketch_destroy(&s[i]);
	tt_sketch_destroy(&into);
}

// One value a set: the largest error at half decades from 1 to 100 million, in standard errors.
static void errors(struct figure *worst, struct figure *rate) {
	for (unsigned set = 0; set < SETS; set++) {
		struct tt_sketch *s = tt_sketch_create();
		double most = 0, t = now(), spent = 0;
		uint32_t n = 0;

		for (unsigned half = 0; s != NULL && half <= 16; half++) {
			uint32_t target = (uint32_t)lround(pow(10, half / 2.0));

			for (; n < target; n++)
				tt_sketch_add(s, hash_of(set + 1, n));
			spent = now() - t;
			double off = fabs((double)tt_sketch_count(s) / n - 1);

			// exact counts have no error at all
			if (tt_sketch_error(s) == 0 && off > 0)
				most = INFINITY;
			else if (tt_sketch_error(s) > 0)
				most = fmax(most, off / tt_sketch_error(s));
		}
		if (n != LARGE)
			die("no memory");
		add(worst, most);
		add(rate, n / spent);
		tt_sketch_destroy(&s);
	}
}

static int by_value(const void *x, const void *y) {
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static void print(FILE *out, struct figure *f, const char *sep) {
	qsort(f->values, f->n, sizeof(*f->values), by_value);
	fprintf(out, "%s\n{\"name\":\"%s\",\"value\":%.6g,", sep, f->name, f->values[f->n / 2]);
	if (f->bar > 0)
		fprintf(out, "\"bar\":%g,", f->bar);
	fprintf(out, "\"better\":\"%s\",\"unit\":\"%s\",\"min\":%.6g,\"max\":%.6g,\"runs\":%u}",
		f->better, f->unit, f->values[0], f->values[f->n - 1], f->n);
}

int main(int argc, char **argv) {
	static const struct option options[] = {{"runs", required_argument, NULL, 'r'},
		{"json", required_argument, NULL, 'j'}, {0}};
	struct figure f[] = {
		{.name = "sketch_union", .better = "higher", .unit = "1/s", .bar = 1e6},
		{.name = "sketch_union_encoded", .better = "higher", .unit = "1/s", .bar = 1e6},
		{.name = "sketch_error_100m", .better = "lower", .unit = "std errors", .bar = 4},
		{.name = "sketch_add", .better = "higher", .unit = "1/s"},
	};
	const char *json = NULL;
	unsigned runs = 7;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			runs = (unsigned)atoi(optarg);
		else if (opt == 'j')
			json = optarg;
		else
			return 2;
	}
	FILE *out = json != NULL ? fopen(json, "we") : stdout;

	if (out == NULL || runs == 0)
		die("usage: sketch_bench [--runs N] [--json FILE]");
	unions(&f[0], &f[1], runs > VALUES ? VALUES : runs);
	errors(&f[2], &f[3]);
	fprintf(out, "{\"machine\":{},\"results\":[");
	for (unsigned i = 0; i < 4; i++)
		print(out, &f[i], i == 0 ? "" : ",");
	fprintf(out, "\n]}\n");
	return fclose(out) == 0 ? 0 : 1;
}
