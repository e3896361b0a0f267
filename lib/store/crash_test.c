/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world.h"

#define FROM 1734480000ll // 2024-12-18T00:00:00Z

static struct tt_err err;

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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_any_moment_the_database_equals_the_truth),
		cmocka_unit_test(full_disks_are_said_and_nothing_is_half_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
