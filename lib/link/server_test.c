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
#include <unistd.h>
#include <zmq.h>

#include "proto.h"
#include "rig.h"
#include "tt_hash.h"

#define BOOT "00000000000000aa"

static struct rig rig;
static void *ctx, *raw; // a DEALER that says what it likes

static int setup(void **state) {
	int linger = 0, wait = 30000;
	rig_create(&rig);
	rig_start(&rig);
	ctx = zmq_ctx_new();
	raw = zmq_socket(ctx, ZMQ_DEALER);
	zmq_setsockopt(raw, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(raw, ZMQ_RCVTIMEO, &wait, sizeof(wait));
	return zmq_connect(raw, rig.endpoint);
}

static int teardown(void **state) {
	zmq_close(raw);
	zmq_ctx_term(ctx);
	rig_destroy(&rig);
	return 0;
}

static void say(const struct proto_frame *f, const void *body, size_t len) {
	uint8_t out[PROTO_FRAME_MAX];
	size_t n = proto_pack(f, out);
	assert_int_equal(zmq_send(raw, out, n, body ? ZMQ_SNDMORE : 0), n);
	if (body)
		assert_int_equal(zmq_send(raw, body, len, 0), len);
}

static void hear(struct proto_frame *f) {
	static struct proto_range ranges[PROTO_RANGES_MAX];
	uint8_t in[PROTO_FRAME_MAX];
	int n = zmq_recv(raw, in, sizeof(in), 0);
	assert_true(n > 0 && n <= (int)sizeof(in));
	memset(f, 0, sizeof(*f));
	f->ranges = ranges;
	assert_int_equal(proto_unpack(in, (size_t)n, f), 0);
}

static struct proto_frame hello(unsigned lowest, unsigned highest) {
	return (struct proto_frame){.type = PROTO_HELLO,
		.version = PROTO_VERSION,
		.boot = 0xaa,
		.lowest = (uint16_t)lowest,
		.highest = (uint16_t)highest,
		.probe = "tokyo"};
}

static void say_batch(const char *probe, uint64_t seq) {
	size_t len;
	void *msg = rig_batch(probe, BOOT, seq, &len);
	struct proto_frame f = {.type = PROTO_BATCH, .version = 1, .boot = 0xaa, .seq = seq};
	say(&f, msg, len);
	free(msg);
}

static void the_protocol_step_by_step(void **state) {
	struct proto_frame f = hello(1, 1), answer;
	say(&f, NULL, 0);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_WELCOME);
	assert_int_equal(answer.value, 64);
	assert_int_equal(answer.seq, 0);
	say_batch("tokyo", 1);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_ACK);
	assert_int_equal(answer.value, 1);
	assert_int_equal(answer.ranges[0].first, 1);
	assert_int_equal(answer.ranges[0].last, 1);
	say_batch("tokyo", 1); // again: acknowledged again, stored once
	hear(&answer);
	assert_int_equal(answer.type, PROTO_ACK);
	assert_int_equal(rig.committed, 1);
	assert_int_equal(rig.seen, 2);
	say(&f, NULL, 0);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_WELCOME);
	assert_int_equal(answer.seq, 1);
}

static void acknowledgements_are_ranges(void **state) {
	static const uint64_t seqs[] = {3, 1, 2, 7, 6, 9};
	struct proto_frame f = hello(1, 1), answer;
	say(&f, NULL, 0);
	hear(&answer);
	rig.hold = true;
	for (unsigned i = 0; i < 6; i++)
		say_batch("tokyo", seqs[i]);
	while (rig.seen < 6)
		rig_sleep_ms(5);
	rig.hold = false;
	hear(&answer);
	assert_int_equal(answer.value, 3);
	assert_int_equal(answer.ranges[0].first, 1);
	assert_int_equal(answer.ranges[0].last, 3);
	assert_int_equal(answer.ranges[1].first, 6);
	assert_int_equal(answer.ranges[1].last, 7);
	assert_int_equal(answer.ranges[2].first, 9);
}

// ROUTER_MANDATORY: an answer for a peer that went is an error, not silence.
static void acknowledgements_for_a_probe_that_is_gone_are_counted(void **state) {
	struct proto_frame f = hello(1, 1), answer;
	int linger = 1000, wait = 30000;
	uint64_t seq = 0;
	// what the socket knows of its peer's end comes in its own time
	for (unsigned try = 1; try <= 50 && !tt_link_server_unanswered(rig.server); try++) {
		say(&f, NULL, 0);
		hear(&answer);
		assert_int_equal(answer.type, PROTO_WELCOME);
		assert_int_equal(answer.seq, seq); // also of those that nobody was told about
		rig.hold = true;
		for (unsigned i = 0; i < 3; i++)
			say_batch("tokyo", ++seq);
		while (rig.seen < seq)
			rig_sleep_ms(5);
		zmq_setsockopt(raw, ZMQ_LINGER, &linger, sizeof(linger));
		zmq_close(raw);
		rig_sleep_ms(10 * try);
		rig.hold = false;
		while (rig.committed < seq)
			rig_sleep_ms(5);
		raw = zmq_socket(ctx, ZMQ_DEALER);
		zmq_setsockopt(raw, ZMQ_RCVTIMEO, &wait, sizeof(wait));
		assert_int_equal(zmq_connect(raw, rig.endpoint), 0);
	}
	assert_true(tt_link_server_unanswered(rig.server) > 0);
	// the probe is back, and knows of no acknowledgement
	say_batch("tokyo", seq);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_WHO);
	say(&f, NULL, 0);
	hear(&answer);
	assert_int_equal(answer.seq, seq);
	say_batch("tokyo", seq);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_ACK);
	assert_int_equal(rig.committed, seq);
}

static void another_version_is_refused_with_a_reason(void **state) {
	struct proto_frame f = hello(2, 9), answer;
	say(&f, NULL, 0);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_REFUSE);
	assert_int_equal(answer.value, PROTO_NEVER);
	assert_non_null(strstr(answer.text, "versions 2 to 9"));
	f = hello(1, 9); // one that also speaks ours is welcome
	say(&f, NULL, 0);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_WELCOME);
	assert_int_equal(answer.version, 1);
}

static void a_batch_without_hello_is_asked_who(void **state) {
	struct proto_frame answer;
	say_batch("tokyo", 1);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_WHO);
	assert_int_equal(rig.seen, 0);
}

static void a_probe_speaks_for_itself_only(void **state) {
	struct proto_frame f = hello(1, 1), answer;
	say(&f, NULL, 0);
	hear(&answer);
	say_batch("osaka", 1);
	hear(&answer);
	assert_int_equal(answer.type, PROTO_REFUSE);
	assert_int_equal(answer.value, PROTO_NEVER);
	assert_int_equal(rig.seen, 0);
}

static void a_batch_under_another_number_is_refused(void **state) {
	struct proto_frame f = hello(1, 1), answer;
	size_t len;
	say(&f, NULL, 0);
	hear(&answer);
	void *msg = rig_batch("tokyo", BOOT, 1, &len);
	f = (struct proto_frame){.type = PROTO_BATCH, .version = 1, .boot = 0xaa, .seq = 2};
	say(&f, msg, len);
	hear(&answer);
	assert_int_equal(answer.value, PROTO_BAD);
	assert_int_equal(answer.seq, 2);
	free(msg);
	assert_int_equal(rig.seen, 0);
}

// frames of all shapes between the batches of an honest probe
static void garbage_disturbs_nobody(void **state) {
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	struct tt_err err;
	uint8_t noise[400];
	for (uint64_t k = 0; k < 3000; k++) {
		uint64_t r = tt_mix64(k + 1);
		size_t len = r % sizeof(noise);
		for (size_t i = 0; i < len; i++)
			noise[i] = (uint8_t)tt_mix64(r + i);
		if (k % 3 == 0 && len >= PROTO_HEAD) {
			memcpy(noise, "TL", 2);
			noise[2] = (uint8_t)(r >> 16) % 8;
			noise[3] = 1;
		}
		zmq_send(raw, noise, len, k % 5 ? 0 : ZMQ_SNDMORE);
		if (k % 5 == 0)
			zmq_send(raw, noise, len / 2, k % 2 ? 0 : ZMQ_SNDMORE);
		if (k % 5 == 0 && k % 2 == 0)
			zmq_send(raw, "", 0, 0);
		if (k % 100 == 0)
			assert_int_equal(rig_send(c, BOOT, k / 100 + 1, &err), 0);
	}
	assert_int_equal(tt_link_client_flush(c, 20000, &err), 0);
	assert_int_equal(rig.committed, 30);
	tt_link_client_destroy(&c);
}

static void a_message_over_the_limit_closes_its_connection_only(void **state) {
	struct tt_err err;
	struct tt_link_client *c = rig_client(&rig, &(struct tt_link_client_conf){0});
	struct proto_frame f = {.type = PROTO_BATCH, .version = 1, .boot = 0xaa, .seq = 1};
	char *huge = calloc(1, TT_BATCH_BYTES_MAX + 1);
	say(&f, huge, TT_BATCH_BYTES_MAX + 1);
	free(huge);
	for (uint64_t seq = 1; seq <= 50; seq++)
		assert_int_equal(rig_send(c, BOOT, seq, &err), 0);
	assert_int_equal(tt_link_client_flush(c, 20000, &err), 0);
	assert_int_equal(rig.committed, 50);
	tt_link_client_destroy(&c);
}

static void an_endpoint_in_use_is_not_taken_over(void **state) {
	struct tt_err err;
	struct tt_link_server_conf conf = {.endpoint = rig.endpoint};
	assert_null(tt_link_server_create(ctx, &conf, &err));
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(err.msg, rig.endpoint));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(the_protocol_step_by_step),
		TEST(acknowledgements_are_ranges),
		TEST(acknowledgements_for_a_probe_that_is_gone_are_counted),
		TEST(another_version_is_refused_with_a_reason),
		TEST(a_batch_without_hello_is_asked_who),
		TEST(a_probe_speaks_for_itself_only),
		TEST(a_batch_under_another_number_is_refused),
		TEST(garbage_disturbs_nobody),
		TEST(a_message_over_the_limit_closes_its_connection_only),
		TEST(an_endpoint_in_use_is_not_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
