/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
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

static uint64_t packets_of(struct tt_store *s, enum tt_read read) {
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	uint64_t n;

	q.by = TT_BY_NONE;
	q.classes = (1u << TT_OBSERVED_CLASS_N) - 1;
	q.read = read;
	if (tt_store_query(s, &q, &r, &err) != 0)
		fail_msg("%s", err.msg);
	n = r.rows[0].packets;
	tt_result_free(&r);
	return n;
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
	assert_true(packets_of(r, TT_READ_RAW) > 0);
	world_fill(w, s, 100, 50, FROM, FROM + 3600);
	assert_int_equal(packets_of(r, TT_READ_RAW), packets_of(s, TT_READ_RAW));
	assert_int_equal(packets_of(r, TT_READ_ROLLUPS), packets_of(s, TT_READ_RAW));
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
		_exit(packets_of(s, TT_READ_RAW) > 0 && packets_of(s, TT_READ_ROLLUPS) > 0 ? 0 : 2);
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
	once = packets_of(s, TT_READ_RAW);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(tt_store_begin(s, &err), 0);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(tt_store_commit(s, &err), 0);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_put(s, msg, len, &err), 0);
	assert_int_equal(packets_of(s, TT_READ_RAW), once);
	assert_int_equal(packets_of(s, TT_READ_ROLLUPS), once);
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
	before = packets_of(s, TT_READ_RAW);
	n = w->n;
	seq = w->seq;
	assert_int_equal(tt_store_begin(s, &err), 0);
	world_fill(w, s, 300, 100, FROM, FROM + 3600);
	tt_store_rollback(s);
	w->n = n;
	w->seq = seq;
	assert_int_equal(packets_of(s, TT_READ_RAW), before);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(packets_of(s, TT_READ_ROLLUPS), before);
	world_fill(w, s, 300, 100, FROM, FROM + 3600);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(packets_of(s, TT_READ_ROLLUPS), packets_of(s, TT_READ_RAW));
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

// ---- captures

static void put_capture(
	struct world *w, struct tt_store *s, const char *boot, bool end, bool remember) {
	size_t n = w->n;

	snprintf(w->boot, sizeof(w->boot), "%s", boot);
	w->seq = 0;
	world_begin(w);
	world_catalog(w, NULL);
	assert_int_equal(world_put(w, s, true), 1);
	world_fill(w, s, 500, 200, FROM, FROM + 7200);
	if (end) {
		world_begin(w);
		world_file_end(w, FROM * TT_NS + 5, (FROM + 7199) * TT_NS, 500);
		assert_int_equal(world_put(w, s, true), 1);
	}
	if (!remember)
		w->n = n;
}

static void captures_count_when_complete_and_only_then(void **state) {
	const char *sha = "aa00000000000000000000000000000000000000000000000000000000000001";
	struct world *w = world_create(7);
	struct tt_store_info info;
	struct tt_store *s;
	char boot[17], again[17];
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;

	w->replay = true;
	w->whole = true;
	w->probe = "replay";
	s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 1);
	// the same content a second time in one command
	assert_int_equal(tt_store_file_begin(s, sha, "b.pcap", 5, false, again, &err), 0);
	put_capture(w, s, boot, false, false);
	assert_int_equal(packets_of(s, TT_READ_RAW), 0);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(packets_of(s, TT_READ_ROLLUPS), 0);
	assert_int_equal(tt_store_info(s, &info, &err), 0);
	assert_int_equal(info.batches, 0);
	world_close(&s);

	// interrupted: begun again, what was left is gone, late batches of it are refused
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, again, &err), 1);
	assert_string_not_equal(boot, again);
	world_begin(w);
	{
		struct tt_obs o = world_obs(w, FROM, FROM + 60);
		const void *msg;
		size_t len;

		assert_int_equal(tt_batch_add_obs(w->batch, &o), 0);
		assert_int_equal(tt_batch_encode(w->batch, 99, &msg, &len), 0);
		assert_int_equal(tt_store_put(s, msg, len, &err), -ESTALE);
	}
	put_capture(w, s, again, true, true);
	w->up[0].from = FROM; // from the first to the end of the last epoch
	w->up[0].to = FROM + 7200;
	w->up_n = 1;
	q.by = TT_BY_PORT;
	world_check(w, s, &q, true);
	q.read = TT_READ_ROLLUPS;
	world_check(w, s, &q, false);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "c.pcap", 5, false, boot, &err), 0);
	q.read = TT_READ_AUTO;
	world_check(w, s, &q, true);
	q.step = TT_STEP_HOUR;
	q.from = FROM - 3600;
	q.to = FROM + 3 * 3600;
	assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
	assert_true(r.completeness == 1);
	assert_int_equal(r.point_n, 4);
	assert_false(r.rows[0].points[0].known);
	assert_true(r.rows[0].points[0].completeness < 0);
	assert_true(r.rows[0].points[1].known && r.rows[0].points[1].completeness == 1);
	assert_true(r.rows[0].points[2].known);
	assert_false(r.rows[0].points[3].known);
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

// Live batches and two captures side by side: memory holds three sums, of which the captures' join
// when their last batch comes.
static void captures_fold_into_a_live_database_when_complete(void **state) {
	struct world *w = world_create(13);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	struct tt_store_info info;
	char boots[3][17], sha[65];
	uint64_t seq[3] = {0};
	struct tt_query q = TT_QUERY_INIT;

	w->whole = true;
	snprintf(boots[0], sizeof(boots[0]), "%s", w->boot);
	for (unsigned i = 1; i < 3; i++) {
		snprintf(sha, sizeof(sha), "%064u", i);
		assert_int_equal(tt_store_file_begin(s, sha, "a", 5, false, boots[i], &err), 1);
	}
	for (unsigned round = 0; round < 12; round++) {
		unsigned of = round % 3;

		snprintf(w->boot, sizeof(w->boot), "%s", boots[of]);
		w->seq = seq[of];
		world_fill(w, s, 200, 100, FROM, FROM + 5 * 3600);
		seq[of] = w->seq;
		if (round == 4)
			assert_int_equal(tt_store_checkpoint(s, &err), 0);
	}
	for (unsigned i = 1; i < 3; i++) {
		snprintf(w->boot, sizeof(w->boot), "%s", boots[i]);
		w->seq = seq[i];
		world_begin(w);
		world_file_end(w, 0, 0, 0); // without packets: says nothing of up-time
		assert_int_equal(world_put(w, s, true), 1);
		assert_int_equal(tt_store_info(s, &info, &err), 0);
		assert_int_equal(info.batches, 8 * (i + 1));
	}
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(tt_store_info(s, &info, &err), 0);
	assert_int_equal(info.unfolded, 0);
	for (int by = TT_BY_PORT; by <= TT_BY_NONE; by++) {
		q.by = by;
		q.sets = world_sets;
		q.set_n = WORLD_SETS;
		q.read = by == TT_BY_SOURCE || by == TT_BY_ASN ? TT_READ_RAW : TT_READ_ROLLUPS;
		world_check(w, s, &q, q.read == TT_READ_RAW);
	}
	world_close(&s);
	world_destroy(&w);
}

static void a_capture_again_counts_again(void **state) {
	const char *sha = "bb00000000000000000000000000000000000000000000000000000000000001";
	struct world *w = world_create(8);
	struct tt_store *s;
	char boot[17];
	uint64_t once;

	w->replay = true;
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 1);
	put_capture(w, s, boot, true, true);
	once = packets_of(s, TT_READ_RAW);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, true, boot, &err), 1);
	assert_int_equal(packets_of(s, TT_READ_RAW), once);
	put_capture(w, s, boot, true, true);
	assert_true(packets_of(s, TT_READ_RAW) > once);
	{
		struct tt_query q = TT_QUERY_INIT;

		w->up[0].from = FROM;
		w->up[0].to = FROM + 7200;
		w->up_n = 1;
		q.by = TT_BY_SOURCE;
		world_check(w, s, &q, true);
	}
	world_close(&s);
	world_destroy(&w);
}

static void a_capture_without_packets_is_complete_and_says_nothing(void **state) {
	const char *sha = "cc00000000000000000000000000000000000000000000000000000000000001";
	struct world *w = world_create(9);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	char boot[17];

	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 1);
	snprintf(w->boot, sizeof(w->boot), "%s", boot);
	world_begin(w);
	world_file_end(w, 0, 0, 0);
	assert_int_equal(world_put(w, s, true), 1);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 0);
	assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
	assert_int_equal(r.row_n, 0);
	assert_true(r.completeness < 0);
	assert_int_equal(r.from, 0);
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

// ---- crashes

// Batch i is drawn from its number, so that any process can make it again.
static void put_numbered(struct world *w, struct tt_store *s, uint64_t i) {
	w->seed = i * 7919;
	w->seq = i;
	w->whole = true;
	world_fill(w, s, 40, 40, FROM, FROM + 5 * 3600);
}

static void child_writes(struct world *w, int fd) {
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_store_info info;

	tt_store_info(s, &info, NULL);
	for (uint64_t i = info.batches;; i++) {
		put_numbered(w, s, i);
		if (write(fd, "", 1) != 1)
			return;
		if (i % 5 == 4)
			tt_store_checkpoint(s, NULL);
	}
}

static void killed_at_any_moment_the_database_equals_the_truth(void **state) {
	struct world *w = world_create(10), *truth;
	struct tt_store_info info, last = {0};
	struct tt_store *s;
	struct tt_query q = TT_QUERY_INIT;

	s = world_open(w, TT_STORE_WRITE, NULL);
	world_close(&s);
	for (unsigned round = 0; round < 25; round++) {
		char c[8];
		int fds[2];
		pid_t child;

		assert_int_equal(pipe(fds), 0);
		if ((child = fork()) == 0) {
			child_writes(w, fds[1]);
			_exit(1);
		}
		for (uint64_t n = 3 + world_random(w, 5); n > 0; n--)
			assert_int_equal(read(fds[0], c, 1), 1);
		usleep((unsigned)world_random(w, 4000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		close(fds[0]);
		close(fds[1]);
		s = world_open(w, round % 2 ? TT_STORE_WRITE : TT_STORE_READ, NULL);
		assert_int_equal(tt_store_info(s, &info, &err), 0);
		assert_true(info.batches >= last.batches);
		last = info;
		truth = world_create(10);
		snprintf(truth->path, sizeof(truth->path), "%s/truth.db", truth->dir);
		{
			struct tt_store *t;

			// the same batches in a database that nobody killed
			world_close(&s);
			t = world_open(truth, TT_STORE_WRITE, NULL);
			for (uint64_t i = 0; i < info.batches && round % 8 == 7; i++)
				put_numbered(truth, t, i);
			world_close(&t);
		}
		if (round % 8 == 7) {
			s = world_open(w, TT_STORE_WRITE, NULL);
			for (int by = TT_BY_PORT; by <= TT_BY_NONE; by++) {
				q.by = by;
				q.sets = world_sets;
				q.set_n = WORLD_SETS;
				q.classes = by == TT_BY_DPORT ? 1u << TT_SCAN
							      : (1u << TT_OBSERVED_CLASS_N) - 1;
				q.read = TT_READ_RAW;
				world_check(truth, s, &q, true);
				if (by == TT_BY_SOURCE || by == TT_BY_ASN)
					continue;
				q.read = TT_READ_ROLLUPS;
				world_check(truth, s, &q, false);
				assert_int_equal(tt_store_checkpoint(s, &err), 0);
				world_check(truth, s, &q, false);
			}
			world_close(&s);
		}
		world_destroy(&truth);
	}
	assert_true(last.batches > 50);
	world_destroy(&w);
}

// The disk is full for a file of a size limit; then it is not any more.
static void full_disks_are_said_and_nothing_is_half_there(void **state) {
	struct world *w = world_create(12);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct rlimit was, now;
	uint64_t stored = 0;
	int rc = 1;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	now = was;
	now.rlim_cur = 3 << 20;
	setrlimit(RLIMIT_FSIZE, &now);
	while (rc == 1) {
		const void *msg;
		size_t len, n = w->n;

		world_begin(w);
		for (unsigned i = 0; i < 4000; i++) {
			struct tt_obs o = world_obs(w, FROM, FROM + 3600);

			world_add(w, &o);
		}
		assert_int_equal(tt_batch_encode(w->batch, ++w->seq, &msg, &len), 0);
		rc = tt_store_put(s, msg, len, &err);
		if (rc == 1)
			stored++;
		else
			w->n = n;
		assert_true(stored < 1000);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_non_null(strstr(err.msg, "no space left"));
	assert_true(stored > 0);
	setrlimit(RLIMIT_FSIZE, &was);
	{
		struct tt_query q = TT_QUERY_INIT;
		struct tt_result r;
		uint64_t want = 0, got = 0;

		for (size_t i = 0; i < w->n; i++)
			want += w->obs[i].class == TT_SCAN ? w->obs[i].packets : 0;
		q.by = TT_BY_PORT;
		assert_int_equal(tt_store_checkpoint(s, &err), 0);
		for (int read = TT_READ_RAW; read <= TT_READ_ROLLUPS; read++) {
			q.read = read;
			assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
			for (unsigned i = got = 0; i < r.row_n; i++)
				got += r.rows[i].packets;
			assert_int_equal(got, want);
			tt_result_free(&r);
		}
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
		cmocka_unit_test(captures_count_when_complete_and_only_then),
		cmocka_unit_test(captures_fold_into_a_live_database_when_complete),
		cmocka_unit_test(a_capture_again_counts_again),
		cmocka_unit_test(a_capture_without_packets_is_complete_and_says_nothing),
		cmocka_unit_test(killed_at_any_moment_the_database_equals_the_truth),
		cmocka_unit_test(full_disks_are_said_and_nothing_is_half_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
