/* SPDX-License-Identifier: BSD-3-Clause */
// Speed of the store on plausible observations: Zipf ports with 5 % over all of them, 200 thousand
// sources, 30 sensors. store_bench [DB [ROWS [EPOCHS [EVERY [x [x]]]]]]; prints CPU time, a line a
// figure.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tt_hash.h"
#include "tt_store.h"
#include "tt_wire.h"

#define SENSORS 30
#define SOURCES 200000u
#define FROM	1734480000ll

struct message {
	void *p;
	size_t len;
};

// Of this process, so that others on the machine do not count; waiting for the disk does not
// either.
static double now(void) {
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

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

static struct message *encode(uint64_t rows, uint32_t epochs, unsigned *n) {
	static const char *const uplinks[] = {"up0"};
	char names[SENSORS][8];
	const char *ids[SENSORS];
	struct tt_batch *b = tt_batch_create();
	struct message *m = calloc(rows / 30000 + 16 + epochs, sizeof(*m));
	const void *p;
	struct tt_obs o;

	for (unsigned i = 0; i < SENSORS; i++) {
		snprintf(names[i], sizeof(names[i]), "s%02u", i);
		ids[i] = names[i];
	}
	for (uint64_t i = 0; i < rows;) {
		tt_batch_begin(b, "bench", "00112233445566aa", 60, ids, SENSORS, uplinks, 1);
		for (; i < rows; i++) {
			draw(i, &o);
			o.epoch = FROM + (int64_t)(i * epochs / rows) * 60;
			if (tt_batch_add_obs(b, &o) < 0)
				break;
		}
		tt_batch_encode(b, *n + 1, &p, &m[*n].len);
		m[*n].p = malloc(m[*n].len);
		memcpy(m[*n].p, p, m[*n].len);
		++*n;
	}
	tt_batch_destroy(&b);
	return m;
}

static void ask(
	struct tt_store *s, const char *name, enum tt_by by, enum tt_read read, uint64_t rows) {
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	struct tt_err err;
	double t = now();

	q.by = by;
	q.read = read;
	q.classes = (1u << TT_OBSERVED_CLASS_N) - 1;
	if (tt_store_query(s, &q, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	t = now() - t;
	printf("%-24s %8.3f s %8.2f M rows/s (%u groups)\n", name, t, (double)rows / t / 1e6,
		r.row_n);
	tt_result_free(&r);
}

static int count_row(
	void *arg, int n, const char *const *names, const char *const *values, const char *types) {
	return 0;
}

static void ask_sql(struct tt_store *s, const char *name, const char *sql, uint64_t rows) {
	struct tt_err err;
	double t = now();

	if (tt_store_sql(s, sql, count_row, NULL, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	t = now() - t;
	printf("%-24s %8.3f s %8.2f M rows/s\n", name, t, (double)rows / t / 1e6);
}

int main(int argc, char **argv) {
	const char *path = argc > 1 ? argv[1] : "/tmp/teiten-store-bench.db";
	uint64_t rows = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
	uint32_t epochs = argc > 3 ? (uint32_t)atoi(argv[3]) : 2;
	// a checkpoint every so many batches (0: one at the end); a sixth argument: as replay does
	// it
	unsigned every = argc > 4 ? (unsigned)atoi(argv[4]) : 0;
	struct tt_store_conf conf = {.path = path, .mode = TT_STORE_WRITE, .replay = argc > 6};
	struct tt_store *s;
	struct tt_err err;
	struct stat st;
	unsigned n = 0;
	struct message *m = encode(rows, epochs, &n);
	double t, put, checkpoints = 0;

	unlink(path);
	if (tt_store_open(&conf, &s, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	t = now();
	for (unsigned i = 0; i < n; i++) {
		if (i % 8 == 0 && tt_store_begin(s, &err) < 0)
			return 1;
		if (tt_store_put(s, m[i].p, m[i].len, &err) != 1) {
			fprintf(stderr, "%s\n", err.msg);
			return 1;
		}
		if ((i % 8 == 7 || i == n - 1) && tt_store_commit(s, &err) < 0)
			return 1;
		if (every > 0 && i % every == every - 1) {
			double c = now();

			if (tt_store_checkpoint(s, &err) < 0)
				return 1;
			c = now() - c;
			t += c;
			checkpoints += c;
		}
	}
	put = now() - t;
	printf("%-24s %8.3f s %8.2f M rows/s\n", "put and fold", put, (double)rows / put / 1e6);
	t = now();
	if (tt_store_checkpoint(s, &err) < 0)
		return 1;
	t = now() - t + checkpoints;
	printf("%-24s %8.3f s\n", "checkpoints", t);
	printf("%-24s %8.3f s %8.2f M rows/s\n", "durable, all of it", put + t,
		(double)rows / (put + t) / 1e6);
	stat(path, &st);
	printf("%-24s %8.1f bytes an observation\n", "database", (double)st.st_size / (double)rows);
	if (argc > 5) // only what writes
		return tt_store_close(&s, NULL);
	ask(s, "by class, raw", TT_BY_CLASS, TT_READ_RAW, rows);
	ask(s, "by sensor, raw", TT_BY_SENSOR, TT_READ_RAW, rows);
	ask(s, "by port, raw", TT_BY_PORT, TT_READ_RAW, rows);
	ask(s, "by source, raw", TT_BY_SOURCE, TT_READ_RAW, rows);
	ask(s, "by tool, raw", TT_BY_TOOL, TT_READ_RAW, rows);
	ask(s, "by dport, raw", TT_BY_DPORT, TT_READ_RAW, rows);
	ask(s, "by port, rollups", TT_BY_PORT, TT_READ_ROLLUPS, rows);
	ask(s, "by sensor, rollups", TT_BY_SENSOR, TT_READ_ROLLUPS, rows);
	ask_sql(s, "sql count", "SELECT count(*) FROM observation", rows);
	ask_sql(s, "sql sum where", "SELECT sum(packets) FROM observation WHERE port = 17", rows);
	ask_sql(s, "sql group", "SELECT sensor, sum(packets) FROM observation GROUP BY 1", rows);
	tt_store_close(&s, NULL);
	return 0;
}
