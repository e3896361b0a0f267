/* SPDX-License-Identifier: BSD-3-Clause */
// How long questions over a large quarter take: 100 sensors, 5 million rows by day, 50 million by
// hour, raw batches gone. quarter_bench --runs N --json FILE [--hourly ROWS] [--keep DB]
// [--only TEXT]: figures with that in their names.
#include <ftw.h>
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "quarter.h"
#include "tt_findings.h"
#include "tt_page.h"

#define RUNS 64

static const char *path;
static char dir[] = "/var/tmp/teiten-quarter-XXXXXX"; // of its own, removed at the end

struct figure {
	const char *name;
	double bar;
	void (*ask)(struct tt_store *s, FILE *out);
	double seconds[RUNS];
	double cpu; // least, for a machine that is shared
};

static void top(struct tt_store *s, FILE *out, enum tt_by by, enum tt_rank rank, bool previous,
	const char *country) {
	struct tt_top_conf c = {
		.query = TT_QUERY_INIT, .n = 10, .rank = rank, .format = TT_FORMAT_JSON};
	struct tt_query p;
	struct tt_err err = {0};
	c.query.by = by;
	c.query.icmp_one = true;
	c.query.country = country;
	c.query.from = QUARTER;
	c.query.to = QUARTER + DAYS * DAY;
	p = c.query;
	p.from = FROM;
	p.to = QUARTER;
	c.previous = previous ? &p : NULL;
	if (tt_report_top(s, &c, out, &err))
		die(err.msg);
}

static void top_ports(struct tt_store *s, FILE *out) {
	top(s, out, TT_BY_PORT, TT_RANK_PACKETS, false, NULL);
}

static void top_ports_rate(struct tt_store *s, FILE *out) {
	top(s, out, TT_BY_PORT, TT_RANK_RATE, false, "JP");
}

static void top_regions(struct tt_store *s, FILE *out) {
	top(s, out, TT_BY_REGION, TT_RANK_RATE, true, NULL);
}

static void top_sensors(struct tt_store *s, FILE *out) {
	top(s, out, TT_BY_SENSOR, TT_RANK_PACKETS, false, NULL);
}

static void series(struct tt_store *s, FILE *out, enum tt_by by) {
	struct tt_top_conf c = {.query = TT_QUERY_INIT, .n = 10, .format = TT_FORMAT_JSON};
	struct tt_err err = {0};
	c.query.by = by;
	c.query.step = TT_STEP_DAY;
	c.query.from = QUARTER;
	c.query.to = QUARTER + DAYS * DAY;
	if (tt_report_series(s, &c, out, &err))
		die(err.msg);
}

static void series_ports(struct tt_store *s, FILE *out) {
	series(s, out, TT_BY_PORT);
}

static void series_regions(struct tt_store *s, FILE *out) {
	series(s, out, TT_BY_REGION);
}

static void changes(struct tt_store *s, FILE *out) {
	struct tt_changes_conf c = {
		.from = QUARTER, .to = QUARTER + DAYS * DAY, .rank = TT_RANK_RATE};
	struct tt_err err = {0};
	if (tt_report_changes(s, &c, TT_FORMAT_JSON, NULL, NULL, out, &err))
		die(err.msg);
}

static void page(struct tt_store *s, FILE *out) {
	struct tt_err err = {0};
	json_t *config = tt_page_config_default(&err);
	char folder[64];
	snprintf(folder, sizeof(folder), "%s/report", dir);
	struct tt_page_conf c = {.db = path,
		.from = QUARTER,
		.to = QUARTER + DAYS * DAY,
		.country = "JP",
		.lang = "en",
		.config = config,
		.out = folder};
	if (!config || tt_page_make(s, &c, &err))
		die(err.msg);
	json_decref(config);
}

static struct figure figures[] = {{"quarter/top-port", 1, top_ports, {0}},
	{"quarter/top-port-rate", 1, top_ports_rate, {0}},
	{"quarter/top-region-previous", 1, top_regions, {0}},
	{"quarter/top-sensor", 1, top_sensors, {0}}, {"quarter/series-port", 1, series_ports, {0}},
	{"quarter/series-region", 1, series_regions, {0}}, {"quarter/changes", 30, changes, {0}},
	{"quarter/report", 30, page, {0}}};
#define FIGURES (sizeof(figures) / sizeof(*figures))

static atomic_bool ended;
static double most_memory; // MB; the sampler's until it is joined

// Memory of its own: pages of the database that are mapped are the system's cache.
static void *sample(void *arg) {
	const struct timespec pause = {.tv_nsec = 5000000};
	while (!atomic_load(&ended)) {
		long size, resident = 0, shared = 0;
		FILE *f = fopen("/proc/self/statm", "re");
		if (f && fscanf(f, "%ld %ld %ld", &size, &resident, &shared) == 3) {
			double mb =
				(double)(resident - shared) * (double)sysconf(_SC_PAGESIZE) / 1e6;
			most_memory = mb > most_memory ? mb : most_memory;
		}
		if (f)
			fclose(f);
		nanosleep(&pause, NULL);
	}
	return arg;
}

static int by_value(const void *x, const void *y) {
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static int64_t cpu_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * TT_NS + t.tv_nsec;
}

static void measure(unsigned runs, const char *only) {
	struct tt_store_conf conf = {.path = path, .mode = TT_STORE_READ};
	struct tt_err err = {0};
	FILE *null = fopen("/dev/null", "we");
	for (unsigned run = 0; null && run < runs; run++)
		for (size_t i = 0; i < FIGURES; i++) {
			struct tt_store *s;
			int64_t begin = tt_mono_ns(), cpu = cpu_ns();
			if (!strstr(figures[i].name, only))
				continue;
			if (tt_store_open(&conf, &s, &err))
				die(err.msg);
			figures[i].ask(s, null);
			tt_store_close(&s, NULL);
			figures[i].seconds[run] = (double)(tt_mono_ns() - begin) / 1e9;
			cpu = cpu_ns() - cpu;
			if (!run || (double)cpu / 1e9 < figures[i].cpu)
				figures[i].cpu = (double)cpu / 1e9;
		}
	fclose(null);
}

static void print_figure(FILE *f, const char *sep, const char *name, double value, double bar,
	double min, double max, unsigned runs, const char *unit) {
	fprintf(f,
		"%s\n{\"name\":\"%s\",\"value\":%.6g,\"bar\":%g,\"better\":\"lower\",\"min\":%.6g,"
		"\"max\":%.6g,\"runs\":%u,\"unit\":\"%s\"}",
		sep, name, value, bar, min, max, runs, unit);
	printf("%-32s %10.3f %s (at most %g)\n", name, value, unit, bar);
}

static void report(const char *file, unsigned runs, double memory, const char *only) {
	const char *sep = "";
	FILE *f = fopen(file, "we");
	if (!f)
		die("the JSON file cannot be written");
	fputs("{\"machine\":{},\"results\":[", f);
	for (size_t i = 0; i < FIGURES; i++) {
		double *v = figures[i].seconds;
		if (!strstr(figures[i].name, only))
			continue;
		qsort(v, runs, sizeof(*v), by_value);
		print_figure(f, sep, figures[i].name, v[runs / 2], figures[i].bar, v[0],
			v[runs - 1], runs, "s");
		printf("%32s %10.3f s of CPU time\n", "", figures[i].cpu);
		sep = ",";
	}
	print_figure(f, sep, "quarter/memory", memory, 512, memory, memory, 1, "MB");
	fputs("]}\n", f);
	if (fclose(f))
		die("the JSON file cannot be written");
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *at) {
	return remove(name);
}

int main(int argc, char **argv) {
	static const struct option options[] = {{"runs", 1, NULL, 'r'}, {"json", 1, NULL, 'j'},
		{"hourly", 1, NULL, 'h'}, {"keep", 1, NULL, 'k'}, {"only", 1, NULL, 'o'},
		{NULL, 0, NULL, 0}};
	const char *json = "/dev/null", *keep = NULL, *only = "";
	uint64_t hourly = 50000000;
	unsigned runs = 3;
	char own[64];
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'r')
			runs = (unsigned)atoi(optarg);
		else if (c == 'j')
			json = optarg;
		else if (c == 'h')
			hourly = strtoull(optarg, NULL, 10);
		else if (c == 'k')
			keep = optarg;
		else if (c == 'o')
			only = optarg;
		else
			return 2;
	}
	runs = runs < 1 ? 1 : runs > RUNS ? RUNS : runs;
	if (!mkdtemp(dir))
		die("no temporary folder");
	snprintf(own, sizeof(own), "%s/quarter.db", dir);
	path = keep ? keep : own;
	if (!keep || access(keep, F_OK))
		quarter_make(path, hourly);
	malloc_trim(0); // what making took is none of the questions' memory
	pthread_t sampler;
	if (pthread_create(&sampler, NULL, sample, NULL))
		die("no thread");
	measure(runs, only);
	atomic_store(&ended, true);
	pthread_join(sampler, NULL);
	report(json, runs, most_memory, only);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
