/* SPDX-License-Identifier: BSD-3-Clause */
// Speed of the store on plausible observations: Zipf ports with 5 % over all of them, 200 thousand
// sources, 30 sensors, 100 thousand delegated ranges.
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fold.h"
#include "tt_hash.h"

#define SENSORS	 30
#define SOURCES	 200000u
#define FROM	 1734480000ll
#define RUNS_MAX 31
#define TX	 8 // batches a transaction, as many as a collector finds in its socket

static const char help[] = "usage: store_bench [--runs N] [--json FILE] [--rows N] [--dir DIR]\n"
			   "Measures the store on one core, with the database in DIR (/tmp).\n";

struct message {
	void *p;
	size_t len;
};
struct bench {
	unsigned runs;
	uint64_t rows;
	char path[256], dir[256];
	struct message *m;
	unsigned n, half; // half: the batch in which the second hour begins
	struct tt_regions *regions;
	json_t *results;
};

static void die(const struct tt_err *err) {
	fprintf(stderr, "store_bench: %s\n", err->msg);
	exit(1);
}

static double seconds(clockid_t clock) {
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall(void) {
	return seconds(CLOCK_MONOTONIC);
}

static double cpu(void) {
	return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static int ascending(const void *x, const void *y) {
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

// bar 0: none. unit NULL: a ratio.
static void result(struct bench *b, const char *name, const char *unit, double bar, double *v) {
	unsigned n = b->runs;
	double median;
	json_t *r;

	qsort(v, n, sizeof(*v), ascending);
	median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
	printf("%-32s %10.4g %10.4g %10.4g %s\n", name, median, v[0], v[n - 1],
		bar == 0	? ""
		: median >= bar ? "holds"
				: "MISSED");
	fflush(stdout);
	r = json_pack("{s:s, s:f, s:f, s:f, s:i}", "name", name, unit != NULL ? "value" : "ratio",
		median, "min", v[0], "max", v[n - 1], "runs", (int)n);
	if (unit != NULL)
		json_object_set_new(r, "unit", json_string(unit));
	if (bar != 0) {
		json_object_set_new(r, "bar", json_real(bar));
		json_object_set_new(r, "better", json_string("higher"));
	}
	json_array_append_new(b->results, r);
}

// ---- what is stored

static void draw(uint64_t i, struct tt_obs *o) {
	uint64_t r = tt_mix64(i * 0x9e3779b97f4a7c15ull + 1), q = tt_mix64(r);
	uint32_t src = (uint32_t)(q % SOURCES) * 7919u + 0x0b000000u;

	memset(o, 0, sizeof(*o));
	o->family = 4;
	for (unsigned b = 0; b < 4; b++)
		o->src[b] = (uint8_t)(src >> (24 - 8 * b));
	o->sensor = (uint16_t)((r >> 40) % SENSORS);
	o->class = r % 10 == 0 ? TT_BACKSCATTER : TT_SCAN;
	o->proto = r % 7 == 0 ? 17 : 6;
	// 1/x over 1,000 ports, and 5 % over all of them
	o->port =
		(r >> 8) % 20 == 0
			? (uint16_t)(r >> 20)
			: (uint16_t)((unsigned)exp((double)(q >> 40) / (1 << 24) * log(1000)) * 17);
	o->packets = 1 + (q >> 20) % 5;
	o->bytes = o->packets * 60;
	o->first_us = (uint32_t)(r % 60000000);
	o->last_us = o->first_us;
	o->flags = TT_OBS_OTHER_PORT;
	o->other_port = (uint16_t)(q >> 30);
	o->tested = o->class == TT_SCAN && o->proto == 6 ? (uint32_t)o->packets : 0;
	o->matches[TT_TOOL_MIRAI] = q % 6 == 0 ? o->tested : 0;
	o->ttl_min = o->ttl_max = (uint8_t)(40 + q % 20);
}

// An epoch of a minute has a million. Half of it is of one hour and half of the next, so that days
// and months have rows already when the second one is closed.
static void encode(struct bench *b) {
	static const char *const uplinks[] = {"up0"};
	char names[SENSORS][8];
	const char *ids[SENSORS];
	struct tt_batch *batch = tt_batch_create();
	const void *p;
	struct tt_obs o;

	b->m = calloc(b->rows / 30000 + 64, sizeof(*b->m));
	for (unsigned i = 0; i < SENSORS; i++) {
		snprintf(names[i], sizeof(names[i]), "s%02u", i);
		ids[i] = names[i];
	}
	for (uint64_t i = 0; i < b->rows;) {
		tt_batch_begin(batch, "bench", "00112233445566aa", 60, ids, SENSORS, uplinks, 1);
		for (; i < b->rows; i++) {
			draw(i, &o);
			o.epoch =
				FROM + (int64_t)(i / 1000000 % 60) * 60 + (i >= b->rows / 2) * 3600;
			if (tt_batch_add_obs(batch, &o) < 0)
				break;
		}
		if (b->half == 0 && i >= b->rows / 2)
			b->half = b->n;
		tt_batch_encode(batch, b->n + 1, &p, &b->m[b->n].len);
		b->m[b->n].p = malloc(b->m[b->n].len);
		memcpy(b->m[b->n].p, p, b->m[b->n].len);
		b->n++;
	}
	tt_batch_destroy(&batch);
}

// Ranges of 16,384 addresses each, under the sources.
static void load_regions(struct bench *b) {
	static const char *const cc[] = {"JP", "US", "CN", "BG", "DE", "BR", "IN", "NL"};
	char path[300];
	struct tt_err err;
	FILE *f;

	snprintf(path, sizeof(path), "%s/delegated-apnic-latest", b->dir);
	if ((f = fopen(path, "w")) == NULL) {
		tt_err_set(&err, -errno, "%s: %s", path, strerror(errno));
		die(&err);
	}
	fprintf(f,
		"2|apnic|20241217|100000|19830101|20241217|+0000\napnic|*|ipv4|*|100000|summary\n");
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t a = 0x0b000000u + i * 16384;

		fprintf(f, "apnic|%s|ipv4|%u.%u.%u.%u|16384|20100101|allocated\n",
			cc[tt_mix64(i) % 8], a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	}
	fclose(f);
	b->regions = tt_regions_load(b->dir, FROM, NULL, NULL, NULL, &err);
	unlink(path);
	if (b->regions == NULL)
		die(&err);
}

// ---- storing

enum stage { S_PUT, S_COMMIT, S_CHECKPOINT, S_SETTLE, S_N };

static void remove_db(const struct bench *b) {
	static const char *const ends[] = {"", "-wal", "-shm", "-writer"};
	char path[300];

	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", b->path, ends[i]);
		unlink(path);
	}
}

static struct tt_store *fresh(const struct bench *b) {
	struct tt_store_conf conf = {.path = b->path, .mode = TT_STORE_WRITE};
	struct tt_store *s;
	struct tt_err err;

	remove_db(b);
	if (tt_store_open(&conf, &s, &err) < 0)
		die(&err);
	tt_store_resolvers(s, b->regions, NULL, NULL);
	return s;
}

static void done(int rc, double t[S_N], enum stage stage, double *at, const struct tt_err *err) {
	double now = cpu();

	if (rc < 0)
		die(err);
	t[stage] += now - *at;
	*at = now;
}

// As the collector does it: transactions, checkpoints when they are due, the hour closed at the
// end.
static struct tt_store *store_all(const struct bench *b, double t[S_N], double *took) {
	struct tt_store *s = fresh(b);
	struct tt_err err = {0};
	double start = wall(), at = cpu();
	bool open = false;

	for (unsigned i = 0; i < b->n; i++) {
		if (!open && tt_store_begin(s, &err) < 0)
			die(&err);
		open = true;
		done(tt_store_put(s, b->m[i].p, b->m[i].len, &err), t, S_PUT, &at, &err);
		if (i % TX != TX - 1 && i != b->n - 1 && i != b->half)
			continue;
		done(tt_store_commit(s, &err), t, S_COMMIT, &at, &err);
		open = false;
		if (tt_store_due(s) || i == b->half)
			done(tt_store_checkpoint(s, &err), t, S_CHECKPOINT, &at, &err);
		if (i == b->half)
			done(tt_store_settle(s, FROM + 3600, 0, &err), t, S_SETTLE, &at, &err);
	}
	done(tt_store_checkpoint(s, &err), t, S_CHECKPOINT, &at, &err);
	done(tt_store_settle(s, INT64_MAX, 0, &err), t, S_SETTLE, &at, &err);
	*took = wall() - start;
	return s;
}

// After a checkpoint the store begins another fold of the same size.
static void renew(struct fold **f) {
	size_t rows = (*f)->n;

	fold_destroy(f);
	*f = fold_create(rows);
}

// The parts of a put, each alone: decoding, resolving, folding with and without sources.
static void parts_of_put(const struct bench *b, double part[4]) {
	struct tt_store *s = fresh(b);
	struct fold *with = fold_create(0), *without = fold_create(0);
	uint16_t *map = NULL;
	struct tt_err err = {0};

	for (unsigned i = 0; i < b->n; i++) {
		struct tt_batch_view v;
		char rir[TT_RIR_LEN] = "";
		struct derived d;
		double at = cpu();
		size_t len;

		done(tt_batch_decode(s->decoder, b->m[i].p, b->m[i].len, &v, &err), part, 0, &at,
			&err);
		if (raw_sensor_map(s, &v, true, &map, &err) < 0)
			die(&err);
		at = cpu();
		done(derive(s, &v, &d, &len, rir, &err), part, 1, &at, &err);
		done(fold_view(with, s, &v, &d, map, NULL), part, 2, &at, &err);
		memset((void *)(uintptr_t)v.family, 0, v.head.obs_n); // the decoder's memory
		at = cpu();
		done(fold_view(without, s, &v, &d, map, NULL), part, 3, &at, &err);
		if (fold_due(with) || i == b->half) {
			renew(&with);
			renew(&without);
		}
	}
	free(map);
	fold_destroy(&with);
	fold_destroy(&without);
	tt_store_close(&s, NULL);
}

// ---- asking, in CPU time of this process

static int count_row(
	void *arg, int n, const char *const *names, const char *const *values, const char *types) {
	return 0;
}

static double ask_sql(const struct bench *b, struct tt_store *s, const char *sql) {
	struct tt_err err;
	double t = cpu();

	if (tt_store_sql(s, sql, count_row, NULL, &err) < 0)
		die(&err);
	return (double)b->rows / (cpu() - t) / 1e6;
}

static double ask(const struct bench *b, struct tt_store *s, enum tt_by by, enum tt_read read) {
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	struct tt_err err;
	double t = cpu();

	q.by = by;
	q.read = read;
	q.classes = (1u << TT_OBSERVED_CLASS_N) - 1;
	if (tt_store_query(s, &q, &r, &err) < 0)
		die(&err);
	t = cpu() - t;
	tt_result_free(&r);
	return (double)b->rows / t / 1e6;
}

static void measure(struct bench *b) {
	static const char *const sql[3] = {"SELECT count(*) FROM observation",
		"SELECT sum(packets) FROM observation",
		"SELECT count(*) FROM observation WHERE port = 17 AND packets > 1"};
	static const char *const names[12] = {"store durable, with rollups", "store, CPU alone",
		"share: decode", "share: regions, AS", "share: fold rollups",
		"share: ... of it sketches", "share: insert, compress", "share: commit",
		"share: checkpoints", "share: close hour", "top by source, raw",
		"top by sensor, raw"};
	static const char *const sql_names[3] = {
		"observation: count", "observation: sum", "observation: filter"};
	double v[12][RUNS_MAX], sq[3][RUNS_MAX], rows = (double)b->rows / 1e6;

	for (unsigned run = 0; run < b->runs; run++) {
		double t[S_N] = {0}, part[4] = {0}, took, all;
		struct tt_store *s = store_all(b, t, &took);

		all = t[S_PUT] + t[S_COMMIT] + t[S_CHECKPOINT] + t[S_SETTLE];
		v[10][run] = ask(b, s, TT_BY_SOURCE, TT_READ_RAW);
		v[11][run] = ask(b, s, TT_BY_SENSOR, TT_READ_RAW);
		for (unsigned i = 0; i < 3; i++)
			sq[i][run] = ask_sql(b, s, sql[i]);
		tt_store_close(&s, NULL);
		parts_of_put(b, part);
		v[0][run] = rows / took;
		v[1][run] = rows / all;
		for (unsigned i = 0; i < 3; i++)
			v[2 + i][run] = part[i] / all;
		v[5][run] = (part[2] - part[3]) / all;
		v[6][run] = (t[S_PUT] - part[0] - part[1] - part[2]) / all;
		v[7][run] = t[S_COMMIT] / all;
		v[8][run] = t[S_CHECKPOINT] / all;
		v[9][run] = t[S_SETTLE] / all;
	}
	for (unsigned i = 0; i < 12; i++)
		result(b, names[i], i >= 2 && i < 10 ? NULL : "M obs/s",
			i == 0	  ? 1
			: i == 10 ? 5
				  : 0,
			v[i]);
	for (unsigned i = 0; i < 3; i++)
		result(b, sql_names[i], "M rows/s", 10, sq[i]);
}

static int options(struct bench *b, int argc, char **argv, const char **json) {
	static const struct option list[] = {{"runs", required_argument, NULL, 'r'},
		{"json", required_argument, NULL, 'j'}, {"rows", required_argument, NULL, 'n'},
		{"dir", required_argument, NULL, 'd'}, {0}};
	const char *dir = "/tmp";

	for (int c; (c = getopt_long(argc, argv, "", list, NULL)) != -1;) {
		if (c == 'r')
			b->runs = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'j')
			*json = optarg;
		else if (c == 'n')
			b->rows = strtoull(optarg, NULL, 10);
		else if (c == 'd')
			dir = optarg;
		else
			return -EINVAL;
	}
	if (optind < argc || b->runs < 1 || b->runs > RUNS_MAX || b->rows < 1)
		return -EINVAL;
	snprintf(b->dir, sizeof(b->dir), "%s/teiten-store-bench-XXXXXX", dir);
	if (mkdtemp(b->dir) == NULL)
		return -errno;
	return snprintf(b->path, sizeof(b->path), "%s/t.db", b->dir) < (int)sizeof(b->path)
		       ? 0
		       : -ENAMETOOLONG;
}

int main(int argc, char **argv) {
	struct bench b = {.runs = 7, .rows = 12000000};
	const char *json = NULL;
	json_t *all;
	int rc;

	if (options(&b, argc, argv, &json) < 0) {
		fputs(help, stderr);
		return 2;
	}
	b.results = json_array();
	load_regions(&b);
	encode(&b);
	measure(&b);
	remove_db(&b);
	rmdir(b.dir);
	all = json_pack("{s:{}, s:o}", "machine", "results", b.results);
	rc = json == NULL ? 0 : json_dump_file(all, json, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(all);
	tt_regions_destroy(&b.regions);
	for (unsigned i = 0; i < b.n; i++)
		free(b.m[i].p);
	free(b.m);
	return rc == 0 ? 0 : 1;
}
