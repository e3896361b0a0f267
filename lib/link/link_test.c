/* SPDX-License-Identifier: BSD-3-Clause */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "rig.h"
#include "tt_time.h"

#define BOOT "00000000000000aa"

static struct rig rig;

static int setup(void **state) {
	rig_create(&rig);
	return 0;
}

static int teardown(void **state) {
	rig_destroy(&rig);
	return 0;
}

static void send_all(struct tt_link_client *c, uint64_t from, uint64_t to) {
	struct tt_err err;
	for (uint64_t seq = from; seq <= to; seq++)
		if (rig_send(c, BOOT, seq, &err))
			fail_msg("%s", err.msg);
}

static void flush(struct tt_link_client *c) {
	struct tt_err err;
	if (tt_link_client_flush(c, 20000, &err))
		fail_msg("%s", err.msg);
}

static void every_batch_arrives_once_and_is_acknowledged(void **state) {
	struct tt_link_client_stats st;
	rig_start(&rig);
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	send_all(c, 1, 500);
	flush(c);
	tt_link_client_stats(c, &st);
	assert_int_equal(rig.committed, 500);
	assert_int_equal(st.sent, 500);
	assert_int_equal(st.acked, 500);
	assert_int_equal(st.lost_batches, 0);
	assert_int_equal(st.spool_batches, 0);
	assert_true(st.connected);
	tt_link_client_destroy(&c);
}

static void tcp_on_loopback_does_as_well(void **state) {
	struct tt_link_client_stats st;
	snprintf(rig.endpoint, sizeof(rig.endpoint), "tcp://127.0.0.1:*");
	rig_start(&rig);
	char at[128];
	size_t n = sizeof(at);
	zmq_getsockopt(tt_link_server_socket(rig.server), ZMQ_LAST_ENDPOINT, at, &n);
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){.endpoint = at});
	send_all(c, 1, 100);
	flush(c);
	tt_link_client_stats(c, &st);
	assert_int_equal(rig.committed, 100);
	assert_int_equal(st.acked, 100);
	tt_link_client_destroy(&c);
}

static void a_client_may_come_before_its_server(void **state) {
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	send_all(c, 1, 10);
	rig_sleep_ms(100);
	rig_start(&rig);
	flush(c);
	assert_int_equal(rig.committed, 10);
	tt_link_client_destroy(&c);
}

static void nothing_is_lost_when_the_server_dies_in_the_middle(void **state) {
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){.window = 16});
	uint64_t seq = 1;
	for (unsigned life = 0; life < 6; life++) {
		rig_start(&rig);
		for (unsigned i = 0; i < 50; i++, seq++)
			send_all(c, seq, seq);
		rig_sleep_ms(life * 7); // at another moment each time
		rig.hold = life % 2;	// every second one dies with batches it never committed
		send_all(c, seq, seq + 20);
		seq += 21;
		rig_sleep_ms(20);
		rig_stop(&rig);
		rig.hold = false;
	}
	rig_start(&rig);
	flush(c);
	assert_int_equal(rig.committed, seq - 1);
	tt_link_client_destroy(&c);
}

static void what_the_store_could_not_commit_comes_again(void **state) {
	struct tt_link_client_stats st;
	rig.hold = true;
	rig_start(&rig);
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	send_all(c, 1, 30);
	while (rig.seen < 30)
		rig_sleep_ms(5);
	rig.rollback = true;
	rig.hold = false;
	flush(c);
	tt_link_client_stats(c, &st);
	assert_int_equal(rig.committed, 30);
	assert_true(st.resent >= 30);
	tt_link_client_destroy(&c);
}

static void no_more_than_a_window_is_in_flight(void **state) {
	rig.window = 5;
	rig.hold = true;
	rig_start(&rig);
	struct tt_link_client *c =
		rig_client(&rig, &(struct tt_link_client_conf){.window = 64, .resend_ms = 60000});
	send_all(c, 1, 40);
	while (rig.seen < 5)
		rig_sleep_ms(5);
	rig_sleep_ms(300);
	assert_int_equal(rig.seen, 5);
	rig.hold = false;
	flush(c);
	assert_int_equal(rig.committed, 40);
	assert_int_equal(rig.seen, 40);
	tt_link_client_destroy(&c);
}

static void *release_later(void *arg) {
	rig_sleep_ms(200);
	rig.hold = false;
	return NULL;
}

static void block_mode_waits_for_room(void **state) {
	struct tt_link_client_stats st;
	pthread_t t;
	rig.hold = true;
	rig_start(&rig);
	struct tt_link_client *c = rig_client(&rig,
		&(struct tt_link_client_conf){.window = 4, .block = true, .resend_ms = 60000});
	send_all(c, 1, 4);
	int64_t start = tt_mono_ns();
	pthread_create(&t, NULL, release_later, NULL);
	send_all(c, 5, 200);
	assert_true(tt_mono_ns() - start > 150000000);
	pthread_join(t, NULL);
	flush(c);
	tt_link_client_stats(c, &st);
	assert_int_equal(st.lost_batches, 0);
	assert_int_equal(rig.committed, 200);
	tt_link_client_destroy(&c);
}

static void without_room_the_oldest_are_given_up_counted_and_told(void **state) {
	struct tt_link_client_stats st;
	struct tt_err err;
	size_t len;
	rig_rows = 3000;
	free(rig_batch("tokyo", BOOT, 1, &len));
	struct tt_link_client *c =
		rig_client(&rig, &(struct tt_link_client_conf){.spool_max = 10 * (len + 8)});
	// nobody listens
	for (uint64_t seq = 1; seq <= 25; seq++)
		assert_int_equal(rig_send(c, BOOT, seq, &err), seq > 10 ? -EAGAIN : 0);
	tt_link_client_stats(c, &st);
	assert_int_equal(st.lost_batches, 16); // what tells of 15 takes the room of another
	assert_int_equal(st.lost_packets, 16 * rig_packets());
	assert_int_equal(st.spool_batches, 25);
	rig_start(&rig);
	flush(c);
	assert_int_equal(rig.committed, 25); // no number is missing
	assert_int_equal(rig.packets, 9 * rig_packets());
	assert_int_equal(rig.given_up, 16 * rig_packets());
	assert_int_equal(rig.states, 16);
	tt_link_client_destroy(&c);
}

static void without_room_even_for_what_is_missing_the_oldest_go(void **state) {
	struct tt_link_client_stats st;
	struct tt_err err;
	struct tt_link_client *c =
		rig_client(&rig, &(struct tt_link_client_conf){.spool_max = 4000});
	for (uint64_t seq = 1; seq <= 100; seq++)
		rig_send(c, BOOT, seq, &err);
	tt_link_client_stats(c, &st);
	assert_true(st.spool_bytes <= 4000 && st.spool_batches > 0 && st.spool_batches < 20);
	rig_start(&rig);
	flush(c);
	assert_int_equal(rig.committed, st.spool_batches);
	assert_int_equal(rig.packets + st.lost_packets, 100 * rig_packets());
	tt_link_client_destroy(&c);
}

static void a_batch_that_can_never_be_taken_is_counted_and_the_rest_goes_on(void **state) {
	struct tt_link_client_stats st;
	rig.answer = -EBADMSG;
	rig_start(&rig);
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	send_all(c, 1, 1);
	flush(c);
	rig.answer = 1;
	send_all(c, 2, 9);
	flush(c);
	tt_link_client_stats(c, &st);
	assert_int_equal(st.refused, 1);
	assert_int_equal(st.lost_packets, 210);
	assert_int_equal(rig.committed, 8);
	tt_link_client_destroy(&c);
}

static void a_full_store_is_asked_again_later(void **state) {
	struct tt_link_client_stats st;
	rig.answer = -ENOSPC;
	rig_start(&rig);
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){.resend_ms = 50});
	send_all(c, 1, 10);
	while (rig.seen < 20)
		rig_sleep_ms(5);
	rig.answer = 1;
	flush(c);
	tt_link_client_stats(c, &st);
	assert_int_equal(rig.committed, 10);
	assert_int_equal(st.lost_batches, 0);
	tt_link_client_destroy(&c);
}

static void a_probe_that_is_refused_for_good_is_told_why(void **state) {
	struct tt_err err;
	rig.answer = -EPERM;
	rig_start(&rig);
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	send_all(c, 1, 1);
	assert_int_equal(tt_link_client_flush(c, 10000, &err), -ECONNREFUSED);
	assert_non_null(strstr(err.msg, "the rig says"));
	assert_int_equal(rig_send(c, BOOT, 2, &err), -ECONNREFUSED);
	tt_link_client_destroy(&c);
}

static void flush_without_a_server_ends_in_time(void **state) {
	struct tt_err err;
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	send_all(c, 1, 1);
	int64_t start = tt_mono_ns();
	assert_int_equal(tt_link_client_flush(c, 200, &err), -ETIMEDOUT);
	assert_true(tt_mono_ns() - start < 20 * TT_NS);
	tt_link_client_destroy(&c);
}

static void what_is_no_batch_of_this_probe_is_not_sent(void **state) {
	size_t len;
	struct tt_err err;
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	void *msg = rig_batch("osaka", BOOT, 3, &len);
	assert_int_equal(tt_link_client_send(c, 3, 1, msg, len, &err), -EINVAL);
	free(msg);
	msg = rig_batch("tokyo", BOOT, 3, &len);
	assert_int_equal(tt_link_client_send(c, 4, 1, msg, len, &err), -EINVAL);
	assert_int_equal(tt_link_client_send(c, 3, 1, msg, len - 1, &err), -EBADMSG);
	free(msg);
	tt_link_client_destroy(&c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(every_batch_arrives_once_and_is_acknowledged),
		TEST(tcp_on_loopback_does_as_well),
		TEST(a_client_may_come_before_its_server),
		TEST(nothing_is_lost_when_the_server_dies_in_the_middle),
		TEST(what_the_store_could_not_commit_comes_again),
		TEST(no_more_than_a_window_is_in_flight),
		TEST(block_mode_waits_for_room),
		TEST(without_room_the_oldest_are_given_up_counted_and_told),
		TEST(without_room_even_for_what_is_missing_the_oldest_go),
		TEST(a_batch_that_can_never_be_taken_is_counted_and_the_rest_goes_on),
		TEST(a_full_store_is_asked_again_later),
		TEST(a_probe_that_is_refused_for_good_is_told_why),
		TEST(flush_without_a_server_ends_in_time),
		TEST(what_is_no_batch_of_this_probe_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
