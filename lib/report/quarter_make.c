/* SPDX-License-Identifier: BSD-3-Clause */
// A database of a large quarter and the one before, written row by row into the rollups.
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "quarter.h"
#include "tt_hash.h"
#include "tt_sketch.h"
#include "tt_store.h"

#define SENSORS	  100
#define HEAD	  250 // services that every sensor sees every day, by Zipf
#define TAIL	  90  // and such as it sees on this day only
#define REGIONS	  200
#define SURVEYORS 100 // by behaviour, each day

static sqlite3 *db;

void die(const char *what) {
	fprintf(stderr, "quarter_bench: %s\n", what);
	exit(1);
}

static void sql(const char *text) {
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepared(const char *text) {
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	return st;
}

// ---- one row of a sensor's day; of both ports and regions

struct row {
	unsigned port, sources, surveyor;
	uint64_t packets, seed;
};

static struct row port_row(unsigned sensor, unsigned day, unsigned i) {
	uint64_t r = tt_mix64((uint64_t)sensor << 32 | day << 16 | i), h = tt_mix64(r);
	struct row x = {.seed = r};
	if (i < HEAD) {
		x.port = (unsigned)(tt_mix64(i) & 0xffff);
		x.packets = 20000 / (i + 1) + 1 + r % 20;
		x.sources = 300 / (i + 1) + 1;
	} else {
		x.port = (unsigned)(h & 0xffff);
		x.packets = 1 + r % 3;
		x.sources = 1;
		x.surveyor = i % 3 == 0;
	}
	return x;
}

static struct row region_row(unsigned sensor, unsigned day, unsigned i) {
	uint64_t r = tt_mix64((uint64_t)sensor << 32 | day << 16 | (i + 1000));
	return (struct row){.port = i,
		.seed = r,
		.packets = 60000 / (i + 1) + r % 50 + 1,
		.sources = 500 / (i + 1) + 1};
}

// The same few thousand come again.
static uint64_t source(const struct row *x, unsigned j) {
	return tt_mix64(x->port * 8192ull + (x->seed + j) % 4096) | 1;
}

static void add_sources(struct tt_sketch *s, const struct row *x) {
	for (unsigned j = 0; j < x->sources; j++)
		tt_sketch_add(s, source(x, j));
}

// ---- what is heaviest in it, as docs/store.md says

static size_t leb(uint8_t *p, uint64_t v) {
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

// An AS, or a row's other thing: a region of a service, a service of a region.
static uint64_t key_of(const struct row *x, unsigned dim, bool port, unsigned j) {
	uint64_t r = tt_mix64(x->port * 8ull + dim * 4 + j);
	if (dim == 0)
		return source(x, j);
	if (dim == 1)
		return 1 + r % 65000;
	return port ? ('A' + r % 26) << 8 | ('A' + r / 26 % 26) : 6 << 16 | (r & 0xffff);
}

// One source did one thing; of more the first has a fifth, the next a tenth and a twentieth, and
// what had no counter and was taken from all is an eighth.
static size_t heaviest(const struct row *x, bool port, uint64_t sources, uint8_t *out) {
	static const unsigned parts[3] = {5, 10, 20};
	unsigned counters = sources < 3 ? (unsigned)sources : 3;
	size_t n = 1;
	out[0] = 2;
	if (sources == 1) {
		out[0] = 1;
		n += leb(out + n, key_of(x, 1, port, 0));
		return n + leb(out + n, key_of(x, 2, port, 0));
	}
	for (unsigned dim = 0; dim < 3; dim++) {
		n += leb(out + n, x->packets / 8);
		out[n++] = (uint8_t)counters;
		for (unsigned j = 0; j < counters; j++) {
			n += leb(out + n, key_of(x, dim, port, j));
			n += leb(out + n, x->packets / parts[j] + 1);
		}
	}
	return n;
}

static void put(sqlite3_stmt *st, int64_t start, unsigned sensor, bool port, const struct row *x,
	struct tt_sketch *s) {
	static uint8_t blob[8192], heavy[256];
	char region[2] = {(char)('A' + x->port / 26), (char)('A' + x->port % 26)};
	size_t n = tt_sketch_encode(s, blob, sizeof(blob));
	size_t heavy_n = heaviest(x, port, tt_sketch_count(s), heavy);
	sqlite3_bind_int64(st, 1, start);
	sqlite3_bind_int(st, 2, (int)sensor);
	if (port)
		sqlite3_bind_int(st, 3, (int)x->port);
	else
		sqlite3_bind_text(st, 3, region, 2, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, (int64_t)x->packets);
	sqlite3_bind_int64(st, 5, (int64_t)x->packets * 60);
	sqlite3_bind_blob(st, 6, blob, (int)n, SQLITE_STATIC);
	sqlite3_bind_blob(st, 7, heavy, (int)heavy_n, SQLITE_STATIC);
	sqlite3_bind_int(st, 8, (int)x->surveyor);
	if (sqlite3_step(st) != SQLITE_DONE)
		die(sqlite3_errmsg(db));
	sqlite3_reset(st);
}

#define PORT_SQL                                                                                   \
	"INSERT OR IGNORE INTO port_%s(start, sensor, class, proto, port, surveyor, packets, "     \
	"bytes, spilled, sources, heaviest) VALUES(?1, ?2, 0, 6, ?3, ?8, ?4, ?5, 0, ?6, ?7)"
#define REGION_SQL                                                                                 \
	"INSERT INTO region_%s(start, sensor, class, region, surveyor, packets, bytes, spilled, "  \
	"sources, heaviest) VALUES(?1, ?2, 0, ?3, ?8, ?4, ?5, 0, ?6, ?7)"

static sqlite3_stmt *into(const char *format, const char *level) {
	char text[512];
	snprintf(text, sizeof(text), format, level);
	return prepared(text);
}

static void fill_days(void) {
	sqlite3_stmt *ports = into(PORT_SQL, "day"), *regions = into(REGION_SQL, "day");
	struct tt_sketch *s = tt_sketch_create();
	sql("BEGIN");
	for (unsigned day = 0; day < 2 * DAYS; day++)
		for (unsigned sensor = 1; sensor <= SENSORS; sensor++)
			for (unsigned i = 0; i < HEAD + TAIL + REGIONS; i++) {
				bool port = i < HEAD + TAIL;
				struct row x = port ? port_row(sensor, day, i)
						    : region_row(sensor, day, i - HEAD - TAIL);
				tt_sketch_reset(s);
				add_sources(s, &x);
				put(port ? ports : regions, FROM + (int64_t)day * DAY, sensor, port,
					&x, s);
			}
	sql("COMMIT");
	sqlite3_finalize(ports);
	sqlite3_finalize(regions);
	tt_sketch_destroy(&s);
}

struct sum {
	uint64_t packets, seed;
	struct tt_sketch *s;
};

static void write_sums(
	struct sum *sums, unsigned n, sqlite3_stmt *st, int64_t start, unsigned sensor, bool port) {
	for (unsigned i = 0; i < n; i++) {
		struct row x = {.port = i, .packets = sums[i].packets, .seed = sums[i].seed};
		if (!sums[i].s)
			continue;
		put(st, start, sensor, port, &x, sums[i].s);
		tt_sketch_destroy(&sums[i].s);
		sums[i].packets = 0;
	}
}

static void sum_row(struct sum *sums, const struct row *x) {
	struct sum *m = &sums[x->port];
	if (!m->s)
		m->s = tt_sketch_create();
	m->packets += x->packets;
	m->seed = x->seed;
	add_sources(m->s, x);
}

static void fill_months(void) {
	static const unsigned lengths[] = {31, 31, 30, 31, 30, 31};
	sqlite3_stmt *ports = into(PORT_SQL, "month"), *regions = into(REGION_SQL, "month");
	struct sum *p = calloc(65536, sizeof(*p)), *r = calloc(REGIONS, sizeof(*r));
	unsigned first = 0;
	sql("BEGIN");
	for (unsigned month = 0; month < 6; first += lengths[month++])
		for (unsigned sensor = 1; sensor <= SENSORS; sensor++) {
			int64_t start = FROM + (int64_t)first * DAY;
			for (unsigned day = first; day < first + lengths[month]; day++) {
				for (unsigned i = 0; i < HEAD + TAIL; i++) {
					struct row x = port_row(sensor, day, i);
					sum_row(p, &x);
				}
				for (unsigned i = 0; i < REGIONS; i++) {
					struct row x = region_row(sensor, day, i);
					sum_row(r, &x);
				}
			}
			write_sums(p, 65536, ports, start, sensor, true);
			write_sums(r, REGIONS, regions, start, sensor, false);
		}
	sql("COMMIT");
	sqlite3_finalize(ports);
	sqlite3_finalize(regions);
	free(p);
	free(r);
}

// Each of these hours has the day's rows, with a tenth of the packets and one source: what makes
// the file as large.
static void fill_hours(uint64_t rows) {
	char text[400];
	sql("BEGIN");
	for (unsigned hour = 0; rows > 0 && hour < 24; hour++) {
		snprintf(text, sizeof(text),
			"INSERT INTO port_hour SELECT start + %u, sensor, class, proto, port, "
			"surveyor, packets / 10 + 1, bytes / 10, 0, substr(sources, 1, 9), "
			"iif(substr(heaviest, 1, 1) = x'01', heaviest, x'01f4f703d09401') "
			"FROM port_day WHERE start >= %lld LIMIT %llu",
			hour * 3600, (long long)QUARTER, (unsigned long long)rows);
		sql(text);
		uint64_t n = (uint64_t)sqlite3_changes64(db);
		rows -= n < rows ? n : rows;
	}
	sql("COMMIT");
}

static void fill_frame(void) {
	char text[600];
	sql("BEGIN");
	for (unsigned i = 1; i <= SENSORS; i++) {
		snprintf(text, sizeof(text),
			"INSERT INTO sensor VALUES(%u, 's%03u', "
			"'{\"id\":\"s%03u\",\"country\":\"%s\","
			"\"network\":\"net%u\",\"groups\":[\"g%u\"],\"addresses\":%u}')",
			i, i, i, i % 2 ? "JP" : "SG", i % 7, i % 10, 1u << i % 9);
		sql(text);
		snprintf(text, sizeof(text),
			"INSERT INTO uptime VALUES(%u, 1, %lld, %lld, 0, 1000000, 0)", i,
			(long long)FROM, (long long)FROM + 2 * DAYS * DAY);
		sql(text);
	}
	sql("INSERT INTO boot(id, probe, boot, epoch_s, hidden) VALUES(1, 'bench', "
	    "'00112233445566aa', 60, 0)");
	for (unsigned day = 0; day < 2 * DAYS; day++) {
		int64_t start = FROM + (int64_t)day * DAY;
		snprintf(text, sizeof(text),
			"INSERT INTO batch(boot, seq, epoch_s, epoch_min, epoch_max, rows, rir, "
			"raw, "
			"folded, watched) VALUES(1, %u, 60, %lld, %lld, 30000000, '2024-09-30', 0, "
			"1, 1)",
			day + 1, (long long)start, (long long)start + DAY - 60);
		sql(text);
		snprintf(text, sizeof(text),
			"INSERT INTO survey VALUES(%lld, 1, 10, %u, %lld, 0);"
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
			"%u) INSERT INTO surveyor SELECT %lld, cast(char(1 + i / 120, 1 + i %% "
			"120, 1 + %u, 9) AS BLOB), 5000, 60, 80, 20000 FROM n",
			(long long)start, SURVEYORS, (long long)start + DAY + 300, SURVEYORS,
			(long long)start, day % 120);
		sql(text);
	}
	sql("COMMIT");
}

void quarter_make(const char *path, uint64_t hourly) {
	struct tt_store_conf conf = {.path = path, .mode = TT_STORE_WRITE, .timezone = "UTC"};
	struct tt_store *s;
	struct tt_err err = {0};
	if (tt_store_open(&conf, &s, &err) || tt_store_close(&s, &err))
		die(err.msg);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		die("cannot open the database");
	sql("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA journal_mode = OFF");
	fill_frame();
	fill_days();
	fill_months();
	fill_hours(hourly);
	sql("PRAGMA journal_mode = WAL");
	sqlite3_close(db);
}
