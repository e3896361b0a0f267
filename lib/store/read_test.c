/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store.h"
#include "tt_buf.h"
#include "tt_file.h"
#include "tt_region.h"
#include "tt_time.h"
#include "world.h"

#define FROM 1734480000ll // 2024-12-18T00:00:00Z

static struct tt_err err;

struct answer {
	char text[4096]; // values with blanks between, rows with newlines
	char types[64];
	unsigned rows, columns;
};

static int take(
	void *arg, int n, const char *const *names, const char *const *values, const char *types) {
	struct answer *a = arg;

	a->columns = (unsigned)n;
	if (values == NULL)
		return 0;
	snprintf(a->types, sizeof(a->types), "%.*s", n, types);
	a->rows++;
	for (int i = 0; i < n; i++) {
		size_t at = strlen(a->text);

		snprintf(a->text + at, sizeof(a->text) - at, "%s%s",
			values[i] == NULL ? "null" : values[i], i == n - 1 ? "\n" : " ");
	}
	return 0;
}

static struct answer ask(struct tt_store *s, const char *sql) {
	struct answer a = {0};

	if (tt_store_sql(s, sql, take, &a, &err) != 0)
		fail_msg("%s: %s", sql, err.msg);
	return a;
}

static void the_observation_table_shows_every_column(void **state) {
	struct world *w = world_create(1);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_obs o = {.epoch = FROM + 60,
		.src = {192, 0, 2, 1},
		.family = 4,
		.sensor = 1,
		.class = TT_SCAN,
		.proto = 6,
		.port = 23,
		.flags = TT_OBS_OTHER_PORT | TT_OBS_SYN_SAMPLE,
		.packets = 3,
		.bytes = 180,
		.first_us = 1500000,
		.last_us = 2500000,
		.traits = TT_TRAIT_TCP_NO_OPTIONS | TT_TRAIT_TCP_DF_CLEAR,
		.matches = {1, 2, 3},
		.tested = 3,
		.dst_bitmap = 5,
		.opt_hash = 7,
		.window = 5840,
		.other_port = 40000,
		.tcp_flags = 2,
		.ttl_min = 47,
		.ttl_max = 49};
	struct tt_obs spilled = {.epoch = FROM,
		.class = TT_REFLECTION,
		.proto = 17,
		.port = 53,
		.flags = TT_OBS_SPILLED,
		.packets = 9,
		.bytes = 540};

	world_begin(w);
	world_add(w, &o);
	world_add(w, &spilled);
	world_put(w, s, true);
	assert_string_equal(ask(s, "SELECT * FROM observation ORDER BY epoch DESC").text,
		"1734480060 2024-12-18T00:01:00Z 2024-12-18T00:01:01.500000Z "
		"2024-12-18T00:01:02.500000Z tokyo 5692161d100b05e5 jp-b 192.0.2.1 4 scan tcp 23 3 "
		"180 40000 0 -- null 0 tcp_no_options,tcp_df_clear 1 2 3 3 2 2 47 49 5840 7 0\n"
		"1734480000 2024-12-18T00:00:00Z 2024-12-18T00:00:00.000000Z "
		"2024-12-18T00:00:00.000000Z tokyo 5692161d100b05e5 jp-a null 0 reflection udp 53 "
		"9 "
		"540 null 0 -- null 0  0 0 0 0 0 0 0 0 null null 1\n");
	world_close(&s);
	world_destroy(&w);
}

static void bounds_on_epochs_give_what_a_full_read_gives(void **state) {
	static const char *const bounds[] = {"epoch >= 1734483600", "epoch > 1734483600",
		"epoch < 1734483600", "epoch <= 1734483600", "epoch = 1734483600",
		"epoch BETWEEN 1734483600 AND 1734490800", "epoch > 1734483600.5",
		"epoch < 1734483599.5", "epoch >= '1734483600'", "epoch > 'x'", "epoch < 'x'",
		"epoch IN (1734483600, 1734483660, 3)", "epoch IS NULL", "epoch > NULL",
		"epoch <= 9223372036854775807", "epoch >= -9223372036854775808",
		"1734483600 < epoch AND epoch < 1734490800 AND epoch > 5"};
	struct world *w = world_create(2);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);

	for (unsigned h = 0; h < 6; h++)
		world_fill(w, s, 300, 150, FROM + h * 3600, FROM + (h + 1) * 3600);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		char a[256], b[256];

		snprintf(a, sizeof(a), "SELECT count(*), sum(packets) FROM observation WHERE %s",
			bounds[i]);
		// the same on a table of its own, which no bound is pushed into
		snprintf(b, sizeof(b),
			"WITH t AS MATERIALIZED (SELECT epoch, packets FROM observation) "
			"SELECT count(*), sum(packets) FROM t WHERE %s",
			bounds[i]);
		assert_string_equal(ask(s, a).text, ask(s, b).text);
	}
	assert_string_equal(ask(s, "SELECT count(*) FROM observation").text, "1800\n");
	world_close(&s);
	world_destroy(&w);
}

static void sql_reads_and_nothing_else(void **state) {
	static const char *const refused[] = {"DELETE FROM batch",
		"INSERT INTO setting VALUES(1, 2)", "UPDATE sensor SET name = 'x'",
		"DROP TABLE raw", "CREATE TABLE t(a)", "CREATE TEMP TABLE t(a)",
		"ATTACH '/tmp/x.db' AS x", "VACUUM INTO '/tmp/x.db'",
		"PRAGMA journal_mode = DELETE", "PRAGMA writable_schema = 1",
		"PRAGMA user_version = 3", "SELECT load_extension('x')", "SELECT value FROM secret",
		"SELECT 1; DELETE FROM batch", "SELECT 1; SELECT 2", "", " ; ", "SELEC 1",
		"BEGIN IMMEDIATE", "ROLLBACK", "COMMIT", "EXPLAIN DELETE FROM batch",
		"DELETE FROM observation", "REINDEX", "ANALYZE"};
	struct world *w = world_create(3);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL), *r;
	struct answer a;

	world_fill(w, s, 100, 50, FROM, FROM + 3600);
	r = world_open(w, TT_STORE_READ, NULL);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (tt_store_sql(s, refused[i], take, &a, &err) == 0 ||
			tt_store_sql(r, refused[i], take, &a, &err) == 0)
			fail_msg("not refused: %s", refused[i]);
		assert_true(strlen(err.msg) > 0 && strchr(err.msg, '\n') == NULL);
	}
	assert_int_equal(ask(r, "SELECT count(*) FROM raw;  ").rows, 1);
	assert_string_equal(
		ask(r, "SELECT 1, 2.5, 'x', x'00ff', null").text, "1 2.5 x 00ff null\n");
	assert_string_equal(ask(r, "SELECT 1, 2.5, 'x', x'00ff', null").types, "irtbn");
	a = ask(r, "SELECT epoch AS e, port FROM observation WHERE 0");
	assert_int_equal(a.columns, 2);
	assert_int_equal(a.rows, 0);
	assert_true(ask(r, "PRAGMA table_info(batch)").rows > 5);
	// it still writes
	world_fill(w, s, 100, 50, FROM, FROM + 3600);
	world_close(&r);
	world_close(&s);
	world_destroy(&w);
}

static void sketch_functions_count_over_rows(void **state) {
	struct world *w = world_create(4);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct answer want, got;

	world_fill(w, s, 2000, 500, FROM, FROM + 7200);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(tt_store_settle(s, INT64_MAX, 0, &err), 0);
	want = ask(s, "SELECT class, port, sum(packets), count(DISTINCT source) FROM observation "
		      "GROUP BY "
		      "class, port ORDER BY class, port");
	got = ask(s,
		"SELECT CASE class WHEN 0 THEN 'scan' WHEN 1 THEN 'backscatter' WHEN 2 THEN "
		"'reflection' WHEN 3 THEN 'other' ELSE 'fragment' END AS c, port, sum(packets), "
		"sketch_count(sketch_merge(sources)) FROM port_hour GROUP BY class, port "
		"ORDER BY c, port");
	assert_true(want.rows > 20);
	assert_string_equal(got.text, want.text);
	assert_string_equal(
		ask(s, "SELECT sketch_count(null), sketch_error(null), sketch_merge(1) FROM batch "
		       "WHERE 0")
			.text,
		"null null null\n");
	assert_int_not_equal(tt_store_sql(s, "SELECT sketch_count('x')", take, &got, &err), 0);
	world_close(&s);
	world_destroy(&w);
}

static void everything_known_of_a_source_is_shown(void **state) {
	struct world *w = world_create(5);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	struct tt_obs o = {.epoch = FROM,
		.src = {192, 0, 2, 1},
		.family = 4,
		.class = TT_SCAN,
		.proto = 6,
		.port = 23,
		.packets = 4,
		.bytes = 240,
		.first_us = 1000000,
		.last_us = 59000000,
		.traits = TT_TRAIT_TCP_NO_OPTIONS,
		.matches = {0, 0, 3},
		.tested = 4,
		.ttl_min = 40,
		.ttl_max = 41};
	struct tt_addr a = {.b = {192, 0, 2, 1}, .family = 4};
	json_t *j;

	world_begin(w);
	world_add(w, &o);
	o.epoch += 18 * 3600; // the day after, in Japan
	o.sensor = 1;
	world_add(w, &o);
	o.port = 80;
	o.packets = 1;
	o.matches[TT_TOOL_MIRAI] = 0;
	o.tested = 1;
	world_add(w, &o);
	o.src[3] = 2;
	world_add(w, &o);
	world_put(w, s, true);
	j = tt_store_show(s, &a, 0, 0, &err);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "source")), "192.0.2.1");
	assert_int_equal(json_integer_value(json_object_get(j, "packets")), 9);
	assert_string_equal(
		json_string_value(json_object_get(j, "first")), "2024-12-18T00:00:01.000000Z");
	assert_int_equal(json_integer_value(json_object_get(j, "days_active")), 2);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(j, "days"), 1)), "2024-12-19");
	assert_int_equal(json_array_size(json_object_get(j, "services")), 3);
	assert_int_equal(json_array_size(json_object_get(j, "tools")), 1);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(j, "tools"), 0), "matches")),
		6);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(j, "tools"), 0), "of")),
		9);
	json_decref(j);
	j = tt_store_show(s, &a, FROM + 3600, 0, &err);
	assert_int_equal(json_integer_value(json_object_get(j, "packets")), 5);
	json_decref(j);
	a.b[3] = 77;
	j = tt_store_show(s, &a, 0, 0, &err);
	assert_int_equal(json_integer_value(json_object_get(j, "packets")), 0);
	assert_true(json_is_null(json_object_get(j, "first")));
	json_decref(j);
	world_close(&s);
	world_destroy(&w);
}

// A minute before and one after ZMap stopped saying so by ip.id, in raw and in rollups.
static void tools_are_told_by_the_rules_of_their_time(void **state) {
	const int64_t end = 1710979200; // 2024-03-21T00:00:00Z
	struct world *w = world_create(5);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_obs o = {.epoch = end - 60,
		.src = {192, 0, 2, 1},
		.family = 4,
		.class = TT_SCAN,
		.proto = 6,
		.port = 23,
		.packets = 4,
		.bytes = 240,
		.matches = {4, 4, 4},
		.tested = 4};
	struct tt_addr a = {.b = {192, 0, 2, 1}, .family = 4};
	json_t *j, *zmap;

	world_begin(w);
	world_add(w, &o);
	o.epoch = end;
	o.packets = o.tested = o.matches[0] = o.matches[1] = o.matches[2] = 3;
	world_add(w, &o);
	world_put(w, s, true);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	for (int read = 0; read < 2; read++) {
		struct tt_query q = TT_QUERY_INIT;
		struct tt_result r;

		q.by = TT_BY_TOOL;
		q.read = read == 0 ? TT_READ_RAW : TT_READ_ROLLUPS;
		assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
		assert_int_equal(r.row_n, TT_TOOL_N);
		for (size_t i = 0; i < r.row_n; i++) {
			unsigned n = r.rows[i].key.tool == TT_TOOL_ZMAP ? 4 : 7;

			assert_int_equal(r.rows[i].packets, n);
			assert_int_equal(r.rows[i].from_raw, read == 0);
			assert_int_equal(r.rows[i].tool_tested, read == 0 ? n : 0);
		}
		tt_result_free(&r);
	}
	for (int later = 0; later < 2; later++) {
		j = tt_store_show(s, &a, later ? end : 0, later ? 0 : end, &err);
		zmap = json_array_get(json_object_get(j, "tools"), TT_TOOL_ZMAP);
		assert_int_equal(
			json_integer_value(json_object_get(zmap, "matches")), later ? 0 : 4);
		assert_int_equal(
			json_integer_value(json_object_get(zmap, "later_matches")), later ? 3 : 0);
		assert_int_equal(json_is_true(json_object_get(zmap, "verdict")), !later);
		assert_int_equal(json_is_true(json_object_get(zmap, "weak_hint")), later);
		assert_true(later ? json_real_value(json_object_get(zmap, "confidence")) == 0
				  : json_real_value(json_object_get(zmap, "confidence")) > 0.999);
		json_decref(j);
	}
	world_close(&s);
	world_destroy(&w);
}

static void write_file(const char *dir, const char *name, const char *text) {
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

// Regions, origin AS and surveyors are resolved when a batch is stored, and stay.
static void sources_keep_what_they_were_resolved_to(void **state) {
	struct world *w = world_create(6);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	char dir[128], path[192];
	struct tt_regions *region;
	struct tt_asn *asn;
	struct tt_scanners *scanners;

	snprintf(dir, sizeof(dir), "%s/rir", w->dir);
	mkdir(dir, 0755);
	write_file(dir, "delegated-apnic-latest",
		"2|apnic|20241217|2|19830101|20241217|+1000\napnic|*|ipv4|*|2|summary\n"
		"apnic|JP|ipv4|11.0.0.0|256|20100101|allocated\n"
		"apnic|KR|ipv4|11.0.1.0|256|20100101|allocated\n");
	region = tt_regions_load(dir, FROM, NULL, NULL, NULL, &err);
	if (region == NULL)
		fail_msg("%s", err.msg);
	write_file(w->dir, "asn.csv", "11.0.0.0,11.0.0.127,64500,EXAMPLE\n");
	snprintf(path, sizeof(path), "%s/asn.csv", w->dir);
	asn = tt_asn_load(path, &err);
	if (asn == NULL)
		fail_msg("%s", err.msg);
	snprintf(path, sizeof(path), "%s/scanners", w->dir);
	mkdir(path, 0755);
	write_file(path, "example.txt", "11.0.1.128/25\n");
	scanners = tt_scanners_load(path, &err);
	if (scanners == NULL)
		fail_msg("%s", err.msg);
	tt_store_resolvers(s, region, asn, scanners);
	world_begin(w);
	for (unsigned i = 0; i < 3 * 256; i++) {
		struct tt_obs o = {.epoch = FROM,
			.src = {11, 0, (uint8_t)(i >> 8), (uint8_t)i},
			.family = 4,
			.proto = 6,
			.port = 23,
			.packets = 1,
			.bytes = 60};

		world_add(w, &o);
	}
	world_put(w, s, true);
	tt_store_resolvers(s, NULL, NULL, NULL);
	for (unsigned folded = 0; folded < 2; folded++) {
		for (int sv = TT_SURVEYORS_WITH; sv <= TT_SURVEYORS_ONLY; sv++) {
			struct tt_query q = TT_QUERY_INIT;
			struct tt_result r;

			q.by = TT_BY_REGION;
			q.surveyors = sv;
			q.read = folded ? TT_READ_ROLLUPS : TT_READ_RAW;
			assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
			assert_string_equal(r.rir_date, "2024-12-17");
			assert_int_equal(r.row_n, sv == TT_SURVEYORS_ONLY ? 1 : 3);
			for (unsigned i = 0; i < r.row_n; i++) {
				bool kr = strcmp(r.rows[i].key.region, "KR") == 0;

				assert_int_equal(r.rows[i].sources,
					kr && sv != TT_SURVEYORS_WITH ? 128 : 256);
				assert_true(kr || sv != TT_SURVEYORS_ONLY);
			}
			tt_result_free(&r);
		}
		assert_int_equal(tt_store_checkpoint(s, &err), 0);
	}
	assert_string_equal(
		ask(s, "SELECT region, asn, sum(surveyor > 0), count(*) FROM observation "
		       "GROUP BY 1, 2 ORDER BY 1, 2")
			.text,
		"-- null 0 256\nJP null 0 128\nJP 64500 0 128\nKR null 128 256\n");
	{
		struct tt_query q = TT_QUERY_INIT;
		struct tt_result r;

		q.by = TT_BY_ASN;
		q.asn = 64500;
		assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
		assert_int_equal(r.row_n, 1);
		assert_int_equal(r.rows[0].sources, 128);
		tt_result_free(&r);
	}
	world_close(&s);
	tt_regions_destroy(&region);
	tt_asn_destroy(&asn);
	tt_scanners_destroy(&scanners);
	snprintf(path, sizeof(path), "rm -r %s/rir %s/scanners", w->dir, w->dir);
	assert_int_equal(system(path), 0);
	world_destroy(&w);
}

// docs/store.md names every table and column.
static void the_document_names_all_there_is(void **state) {
	struct world *w = world_create(7);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct answer names = ask(s,
		"SELECT name FROM sqlite_master WHERE type = 'table' UNION SELECT c.name FROM "
		"sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' AND "
		"m.name "
		"<> 'tally' UNION SELECT name FROM pragma_table_info('observation')");
	struct tt_buf doc = TT_BUF_INIT(1 << 20);
	char path[512], quoted[64];

	snprintf(path, sizeof(path), "%s/../../docs/store.md", getenv("TT_SOURCE_DIR"));
	if (tt_file_read(path, &doc, &err) != 0)
		fail_msg("%s", err.msg);
	assert_true(names.rows > 60);
	for (char *line = strtok(names.text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		snprintf(quoted, sizeof(quoted), "`%s`", line);
		if (strstr((const char *)doc.data, quoted) == NULL)
			fail_msg("%s: does not name %s", path, quoted);
	}
	for (unsigned i = 0; i < TT_TOOL_N; i++) {
		const struct tool_rule *r = &tool_rules[i];
		char row[256];
		int64_t until;

		snprintf(row, sizeof(row), "\n| %s | `%s` | %s | 2^-%d |\n", tt_tool_name(i),
			r->relation, r->until == NULL ? "all so far" : r->until,
			-ilogb(r->accident));
		if (strstr((const char *)doc.data, row) == NULL)
			fail_msg("%s: does not have the row %s", path, row);
		if (r->until == NULL)
			continue;
		snprintf(row, sizeof(row), "%sT00:00:00Z", r->until);
		assert_int_equal(tt_time_parse(row, &until), 0);
		assert_int_equal(until, r->end);
	}
	tt_buf_free(&doc);
	world_close(&s);
	world_destroy(&w);
}

static void raw_batches_that_cannot_be_read_are_named(void **state) {
	static const char *const harm[] = {"UPDATE raw SET derived = x'00'",
		"UPDATE raw SET message = substr(message, 1, 40)", "DELETE FROM raw"};
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;

	for (unsigned i = 0; i < 3; i++) {
		struct world *w = world_create(8);
		struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
		sqlite3 *db;

		world_fill(w, s, 50, 50, FROM, FROM + 3600);
		world_close(&s);
		assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, harm[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		s = world_open(w, TT_STORE_READ, NULL);
		assert_int_equal(tt_store_query(s, &q, &r, &err), -EIO);
		assert_non_null(strstr(err.msg, "raw batch 1 "));
		assert_int_not_equal(tt_store_sql(s, "SELECT * FROM observation", take,
					     &(struct answer){0}, &err),
			0);
		assert_non_null(strstr(err.msg, "raw batch 1 "));
		q.read = TT_READ_ROLLUPS; // which were written when it was closed
		q.by = TT_BY_REGION;
		assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
		assert_int_equal(r.row_n, 1);
		tt_result_free(&r);
		q = (struct tt_query)TT_QUERY_INIT;
		world_close(&s);
		world_destroy(&w);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_observation_table_shows_every_column),
		cmocka_unit_test(bounds_on_epochs_give_what_a_full_read_gives),
		cmocka_unit_test(sql_reads_and_nothing_else),
		cmocka_unit_test(sketch_functions_count_over_rows),
		cmocka_unit_test(everything_known_of_a_source_is_shown),
		cmocka_unit_test(tools_are_told_by_the_rules_of_their_time),
		cmocka_unit_test(sources_keep_what_they_were_resolved_to),
		cmocka_unit_test(the_document_names_all_there_is),
		cmocka_unit_test(raw_batches_that_cannot_be_read_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
