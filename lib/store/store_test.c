/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tt_file.h"
#include "world.h"

#define FROM 1734480000ll // 2024-12-18T00:00:00Z

static struct tt_err err;

static int open_rc(const char *path, enum tt_store_mode mode, const char *timezone) {
	struct tt_store_conf conf = {.path = path, .mode = mode, .timezone = timezone};
	struct tt_store *s;
	int rc = tt_store_open(&conf, &s, &err);

	if (rc == 0)
		assert_int_equal(tt_store_close(&s, NULL), 0);
	else
		assert_null(s);
	return rc;
}

static void exec(const char *path, const char *sql) {
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void what_is_no_database_of_this_version_is_refused_in_one_line(void **state) {
	struct world *w = world_create(1);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	char path[128];
	FILE *f;

	world_close(&s);
	assert_int_equal(open_rc(w->path, TT_STORE_READ, NULL), 0);
	assert_int_equal(open_rc(w->path, TT_STORE_WRITE, "Asia/Tokyo"), 0);
	assert_int_equal(open_rc(w->path, TT_STORE_WRITE, "UTC"), -EINVAL);
	assert_non_null(strstr(err.msg, "Asia/Tokyo"));
	exec(w->path, "PRAGMA user_version = 77");
	assert_int_equal(open_rc(w->path, TT_STORE_READ, NULL), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "version 77"));
	assert_int_equal(open_rc(w->path, TT_STORE_WRITE, NULL), -EPROTONOSUPPORT);
	exec(w->path, "PRAGMA application_id = 5");
	assert_int_equal(open_rc(w->path, TT_STORE_WRITE, NULL), -EINVAL);
	snprintf(path, sizeof(path), "%s/text", w->dir);
	f = fopen(path, "w");
	fputs("this is certainly no database, whoever reads it", f);
	fclose(f);
	assert_int_equal(open_rc(path, TT_STORE_READ, NULL), -EINVAL);
	assert_int_equal(open_rc(path, TT_STORE_WRITE, NULL), -EINVAL);
	assert_non_null(strstr(err.msg, path));
	assert_int_equal(open_rc(w->dir, TT_STORE_READ, NULL), -EINVAL);
	snprintf(path, sizeof(path), "%s/none", w->dir);
	assert_int_equal(open_rc(path, TT_STORE_READ, NULL), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/no/such", w->dir);
	assert_int_equal(open_rc(path, TT_STORE_WRITE, NULL), -ENOENT);
	assert_int_equal(open_rc(path, TT_STORE_WRITE, "Mars/Olympus"), -ENOENT);
	world_destroy(&w);
}

static void one_writer_and_any_readers(void **state) {
	struct world *w = world_create(2);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL), *r;

	world_fill(w, s, 100, 50, FROM, FROM + 3600);
	assert_int_equal(open_rc(w->path, TT_STORE_WRITE, NULL), -EBUSY);
	r = world_open(w, TT_STORE_READ, NULL);
	assert_true(world_packets(r, TT_READ_RAW) > 0);
	world_fill(w, s, 100, 50, FROM, FROM + 3600);
	assert_int_equal(world_packets(r, TT_READ_RAW), world_packets(s, TT_READ_RAW));
	assert_int_equal(world_packets(r, TT_READ_ROLLUPS), world_packets(s, TT_READ_RAW));
	assert_int_equal(tt_store_begin(r, &err), -EINVAL);
	world_close(&r);
	world_close(&s);
	assert_int_equal(open_rc(w->path, TT_STORE_WRITE, NULL), 0);
	world_destroy(&w);
}

static void unwritable_places_are_named(void **state) {
	struct world *w = world_create(3);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	pid_t child;
	int status;

	world_fill(w, s, 50, 50, FROM, FROM + 3600);
	world_close(&s);
	chmod(w->path, 0444);
	chmod(w->dir, 0555);
	// root may write anywhere: somebody else tries
	if ((child = fork()) == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(9);
		if (open_rc(w->path, TT_STORE_WRITE, NULL) != -EACCES)
			_exit(1);
		if (tt_store_open(&(struct tt_store_conf){.path = w->path}, &s, &err) != 0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(3);
		}
		_exit(world_packets(s, TT_READ_RAW) > 0 && world_packets(s, TT_READ_ROLLUPS) > 0
				? 0
				: 2);
	}
	waitpid(child, &status, 0);
	chmod(w->dir, 0755);
	assert_int_equal(status, 0);
	world_destroy(&w);
}

static void a_batch_counts_once_however_often_it_comes(void **state) {
	struct world *w = world_create(4);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_obs o = world_obs(w, FROM, FROM + 60);
	const void *msg;
	size_t len;
	uint64_t once;

	world_begin(w);
	world_add(w, &o);
	world_add_tally(w, FROM);
	assert_int_equal(tt_batch_encode(w->batch, 1, &msg, &len), 0);
	assert_int_equal(tt_store_put(s, msg, len, &err), 1);
	once = world_packets(s, TT_READ_RAW);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(tt_store_begin(s, &err), 0);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(tt_store_commit(s, &err), 0);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(world_packets(s, TT_READ_RAW), once);
	assert_int_equal(world_packets(s, TT_READ_ROLLUPS), once);
	assert_int_equal(tt_store_put(s, msg, len - 1, &err), -EBADMSG);
	world_close(&s);
	world_destroy(&w);
}

static void what_is_rolled_back_was_never_there(void **state) {
	struct world *w = world_create(5);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	uint64_t before, seq;
	size_t n;

	world_fill(w, s, 300, 100, FROM, FROM + 3600);
	before = world_packets(s, TT_READ_RAW);
	n = w->n;
	seq = w->seq;
	assert_int_equal(tt_store_begin(s, &err), 0);
	world_fill(w, s, 300, 100, FROM, FROM + 3600);
	tt_store_rollback(s);
	w->n = n;
	w->seq = seq;
	assert_int_equal(world_packets(s, TT_READ_RAW), before);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(world_packets(s, TT_READ_ROLLUPS), before);
	world_fill(w, s, 300, 100, FROM, FROM + 3600);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(world_packets(s, TT_READ_ROLLUPS), world_packets(s, TT_READ_RAW));
	world_close(&s);
	world_destroy(&w);
}

static void a_refused_batch_leaves_the_others_of_its_transaction(void **state) {
	struct world *w = world_create(6);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	const char *bad = "{\"type\":\"catalog\",\"sensors\":{\"kind\":\"sensors\"}}";
	const void *msg;
	size_t len;

	assert_int_equal(tt_store_begin(s, &err), 0);
	world_fill(w, s, 200, 100, FROM, FROM + 3600);
	world_begin(w);
	assert_int_equal(tt_batch_set_meta(w->batch, bad, strlen(bad)), 0);
	assert_int_equal(tt_batch_encode(w->batch, 1000, &msg, &len), 0);
	assert_true(tt_store_put(s, msg, len, &err) < 0);
	world_fill(w, s, 200, 100, FROM, FROM + 3600);
	assert_int_equal(tt_store_commit(s, &err), 0);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	{
		struct tt_query q = TT_QUERY_INIT;

		q.by = TT_BY_PORT;
		world_check(w, s, &q, true);
		q.read = TT_READ_ROLLUPS;
		world_check(w, s, &q, false);
	}
	world_close(&s);
	world_destroy(&w);
}

// What a database has: tables, their columns, indexes.
static void describe(const char *path, char *out, size_t size) {
	sqlite3 *db;
	sqlite3_stmt *st;
	size_t n = 0;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db,
		"SELECT m.type || ' ' || m.name || ' ' || ifnull(c.name || ' ' || c.type || "
		"c.\"notnull\" || c.pk, '') FROM sqlite_master AS m LEFT JOIN "
		"pragma_table_info(m.name) AS c ORDER BY 1",
		-1, &st, NULL);
	while (sqlite3_step(st) == SQLITE_ROW)
		n += (size_t)snprintf(
			out + n, size - n, "%s\n", (const char *)sqlite3_column_text(st, 0));
	assert_in_range(n, 1000, size - 1);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static void a_database_of_version_1_is_brought_up_when_it_is_written(void **state) {
	static char fresh[32768], upgraded[32768];
	struct world *w = world_create(50), *other = world_create(51);
	struct tt_buf sql = TT_BUF_INIT(1 << 20);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_store *s;
	struct tt_result r;
	uint64_t want = 7; // that version 1 had folded
	char path[512];

	snprintf(path, sizeof(path), "%s/testdata/version1.sql", getenv("TT_SOURCE_DIR"));
	assert_int_equal(tt_file_read(path, &sql, &err), 0);
	assert_int_equal(tt_buf_append(&sql, "", 1), 0);
	exec(w->path, (const char *)sql.data);
	tt_buf_free(&sql);
	assert_int_equal(open_rc(w->path, TT_STORE_READ, NULL), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "version 1, expected version 6: the collector"));
	s = world_open(w, TT_STORE_WRITE, NULL);
	world_fill(w, s, 500, 100, 1734480000, 1734487200);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(tt_store_settle(s, INT64_MAX, 0, &err), 0);
	for (size_t i = 0; i < w->n; i++)
		if (w->obs[i].class == TT_SCAN && w->obs[i].proto == 6 && w->obs[i].port == 23)
			want += w->obs[i].packets;
	q.by = TT_BY_PORT;
	q.has_port = true;
	q.proto = 6;
	q.port = 23;
	q.read = TT_READ_ROLLUPS;
	assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
	assert_int_equal(r.row_n, 1);
	assert_int_equal(r.rows[0].packets, want);
	tt_result_free(&r);
	world_close(&s);
	s = world_open(other, TT_STORE_WRITE, NULL);
	world_close(&s);
	describe(w->path, upgraded, sizeof(upgraded));
	describe(other->path, fresh, sizeof(fresh));
	assert_string_equal(upgraded, fresh);
	world_destroy(&w);
	world_destroy(&other);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_database_of_this_version_is_refused_in_one_line),
		cmocka_unit_test(a_database_of_version_1_is_brought_up_when_it_is_written),
		cmocka_unit_test(one_writer_and_any_readers),
		cmocka_unit_test(unwritable_places_are_named),
		cmocka_unit_test(a_batch_counts_once_however_often_it_comes),
		cmocka_unit_test(what_is_rolled_back_was_never_there),
		cmocka_unit_test(a_refused_batch_leaves_the_others_of_its_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
