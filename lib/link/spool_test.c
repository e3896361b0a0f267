/* SPDX-License-Identifier: BSD-3-Clause */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "tt_file.h"

#define OLD "00000000000000aa"
#define NEW "00000000000000bb"

static struct rig rig;
static char spool[128];

static int setup(void **state) {
	rig_create(&rig);
	snprintf(spool, sizeof(spool), "%s/spool", rig.dir);
	return 0;
}

static int teardown(void **state) {
	rig_destroy(&rig);
	return 0;
}

static struct tt_link_client *client(const char *boot) {
	return rig_client(&rig, &(struct tt_link_client_conf){.spool = spool, .boot = boot});
}

static void send_all(struct tt_link_client *c, const char *boot, uint64_t from, uint64_t to) {
	struct tt_err err;
	for (uint64_t seq = from; seq <= to; seq++)
		if (rig_send(c, boot, seq, &err))
			fail_msg("%s", err.msg);
}

static void flush(struct tt_link_client *c) {
	struct tt_err err;
	if (tt_link_client_flush(c, 20000, &err))
		fail_msg("%s", err.msg);
}

static void batches_survive_a_restart_and_go_first(void **state) {
	struct tt_link_client_stats st;
	struct tt_link_client *c = client(OLD);
	send_all(c, OLD, 1, 150); // more than a window: the last are on disk only
	tt_link_client_destroy(&c);

	c = client(NEW);
	send_all(c, NEW, 1, 20);
	tt_link_client_stats(c, &st);
	assert_int_equal(st.spool_batches, 170);
	rig_start(&rig);
	flush(c);
	assert_int_equal(rig.committed, 170);
	assert_int_equal(rig.boot_n, 2);
	assert_int_equal(rig.first_boot, 0xaa);
	tt_link_client_destroy(&c);

	c = client(NEW); // what was acknowledged is forgotten
	tt_link_client_stats(c, &st);
	assert_int_equal(st.spool_batches, 0);
	tt_link_client_destroy(&c);
}

// a probe that is killed has every batch on disk whose send returned
static void batches_survive_a_kill(void **state) {
	int told[2];
	uint64_t last = 0, seq;
	assert_int_equal(pipe(told), 0);
	pid_t child = fork();
	if (!child) {
		struct tt_link_client *c = client(OLD);
		for (seq = 1;; seq++) {
			rig_send(c, OLD, seq, NULL);
			if (write(told[1], &seq, sizeof(seq)) < 0)
				_exit(1);
		}
	}
	close(told[1]);
	while (last < 20 && read(told[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	kill(child, SIGKILL);
	while (read(told[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	waitpid(child, NULL, 0);
	close(told[0]);
	rig_start(&rig);
	struct tt_link_client *c = client(NEW);
	flush(c);
	for (seq = 1; seq <= last; seq++)
		assert_true(rig.stored[0][seq]);
	assert_true(rig.committed >= last);
	tt_link_client_destroy(&c);
}

static void the_spool_is_for_its_owner_only(void **state) {
	struct stat st;
	struct tt_link_client *c = client(OLD);
	assert_int_equal(stat(spool, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	tt_link_client_destroy(&c);
}

static void one_spool_has_one_process(void **state) {
	struct tt_err err;
	struct tt_link_client_conf conf = {
		.endpoint = rig.endpoint, .probe = "tokyo", .boot = NEW, .spool = spool};
	struct tt_link_client *c = client(OLD);
	assert_null(tt_link_client_create(&conf, &err));
	assert_int_equal(errno, EBUSY);
	assert_non_null(strstr(err.msg, "another process"));
	tt_link_client_destroy(&c);
}

static void a_file_that_is_no_spool_is_left_alone(void **state) {
	static const char text[] = "these are my notes and no database at all";
	struct tt_err err;
	struct tt_buf b = TT_BUF_INIT(4096);
	struct tt_link_client_conf conf = {
		.endpoint = rig.endpoint, .probe = "tokyo", .boot = NEW, .spool = spool};
	assert_int_equal(tt_file_write(spool, text, sizeof(text), 0600, &err), 0);
	assert_null(tt_link_client_create(&conf, &err));
	assert_non_null(strstr(err.msg, spool));
	assert_int_equal(tt_file_read(spool, &b, &err), 0);
	assert_memory_equal(b.data, text, sizeof(text));
	tt_buf_free(&b);
	conf.spool = "/nonexistent/spool";
	assert_null(tt_link_client_create(&conf, &err));
	assert_non_null(strstr(err.msg, "/nonexistent/spool"));
}

static void the_limit_holds_on_disk_too(void **state) {
	struct tt_link_client_stats st;
	struct tt_err err;
	size_t len;
	rig_rows = 3000;
	free(rig_batch("tokyo", OLD, 1, &len));
	struct tt_link_client *c = rig_client(
		&rig, &(struct tt_link_client_conf){.spool = spool, .spool_max = 10 * (len + 8)});
	for (uint64_t seq = 1; seq <= 25; seq++)
		rig_send(c, OLD, seq, &err);
	tt_link_client_stats(c, &st);
	assert_int_equal(st.lost_batches, 16);
	tt_link_client_destroy(&c);
	rig_start(&rig);
	c = client(NEW);
	flush(c);
	assert_int_equal(rig.committed, 25);
	assert_int_equal(rig.packets, 9 * rig_packets());
	assert_int_equal(rig.given_up, 16 * rig_packets()); // told by the next process too
	tt_link_client_destroy(&c);
}

static void a_refused_probe_keeps_its_spool_for_the_next_collector(void **state) {
	struct tt_link_client_stats st;
	rig.answer = -EPROTONOSUPPORT;
	rig_start(&rig);
	struct tt_link_client *c = client(OLD);
	send_all(c, OLD, 1, 3);
	while (!rig.seen)
		rig_sleep_ms(5);
	rig_sleep_ms(100);
	send_all(c, OLD, 4, 5); // still taken: onto the disk
	tt_link_client_stats(c, &st);
	assert_int_equal(st.lost_batches, 0);
	assert_int_equal(st.spool_batches, 5);
	rig_stop(&rig);
	rig.answer = 1;
	rig_start(&rig);
	int tries = 0;
	for (struct tt_err err; tries < 500 && tt_link_client_flush(c, 100, &err); tries++)
		rig_sleep_ms(20);
	assert_int_equal(rig.committed, 5);
	tt_link_client_destroy(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(batches_survive_a_restart_and_go_first),
		TEST(batches_survive_a_kill),
		TEST(the_spool_is_for_its_owner_only),
		TEST(one_spool_has_one_process),
		TEST(a_file_that_is_no_spool_is_left_alone),
		TEST(the_limit_holds_on_disk_too),
		TEST(a_refused_probe_keeps_its_spool_for_the_next_collector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
