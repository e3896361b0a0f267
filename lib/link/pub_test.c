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

#include "rig.h"

static void *ctx;

static int setup(void **state) {
	ctx = zmq_ctx_new();
	return 0;
}

static int teardown(void **state) {
	return zmq_ctx_term(ctx);
}

static void *reader(const char *at, const struct tt_link_keys *own, const char *server_key) {
	int wait = 3000, linger = 0;
	void *sub = zmq_socket(ctx, ZMQ_SUB);
	zmq_setsockopt(sub, ZMQ_RCVTIMEO, &wait, sizeof(wait));
	zmq_setsockopt(sub, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(sub, ZMQ_CURVE_SERVERKEY, server_key, 40);
	zmq_setsockopt(sub, ZMQ_CURVE_PUBLICKEY, own->public_key, 40);
	zmq_setsockopt(sub, ZMQ_CURVE_SECRETKEY, own->secret_key, 40);
	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "a.", 2);
	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "a.b.", 4);
	assert_int_equal(zmq_connect(sub, at), 0);
	return sub;
}

// the text of the next message; "" where none comes
static const char *heard(void *sub, int wait_ms) {
	static char text[32];
	char topic[32];
	zmq_setsockopt(sub, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
	int n = zmq_recv(sub, topic, sizeof(topic), 0);
	n = n < 0 ? 0 : zmq_recv(sub, text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static void a_revoked_reader_hears_nothing_more(void **state) {
	struct tt_link_peer_key both[2] = {{.name = "one"}, {.name = "two"}};
	struct tt_pub_conf conf = {.endpoint = NULL, .allowed = both, .allowed_n = 2};
	struct tt_link_keys keys[3] = {0};
	struct tt_err err;
	char at[64];
	conf.endpoint = at;
	zmq_curve_keypair(conf.keys.public_key, conf.keys.secret_key);
	for (unsigned i = 0; i < 3; i++)
		zmq_curve_keypair(keys[i].public_key, keys[i].secret_key);
	for (unsigned i = 0; i < 2; i++)
		memcpy(both[i].key, keys[i].public_key, 41);
	void *pub_ctx = zmq_ctx_new();
	struct tt_pub *p = NULL;
	for (int i = 0; i < 100 && !p; i++) { // a port that nobody has
		snprintf(at, sizeof(at), "tcp://127.0.0.1:%d",
			10000 + (int)((getpid() + i * 97) % 20000));
		p = tt_pub_create(pub_ctx, &conf, &err);
	}
	if (!p)
		fail_msg("%s", err.msg);
	void *sub[3];
	for (unsigned i = 0; i < 3; i++)
		sub[i] = reader(at, &keys[i], conf.keys.public_key);
	bool joined[2] = {false};
	for (unsigned i = 0; i < 3000 && !(joined[0] && joined[1]); i++) {
		tt_pub_serve(p);
		assert_int_equal(tt_pub_send(p, "a.b.", "0", 1), 0);
		for (unsigned k = 0; k < 2; k++)
			joined[k] = *heard(sub[k], 5) || joined[k];
	}
	assert_int_equal(tt_pub_send(p, "a.b.", "1", 1), 0);
	for (unsigned k = 0; k < 2; k++) {
		const char *text = heard(sub[k], 20000);
		while (*text == '0')
			text = heard(sub[k], 20000);
		assert_string_equal(text, "1");
	}
	assert_string_equal(heard(sub[2], 300), ""); // on no list
	assert_int_equal(tt_pub_allow(p, &both[1], 1, &err), 0);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(tt_pub_send(p, "a.b.", "2", 1), 0);
		rig_sleep_ms(10);
	}
	for (unsigned i = 0; i < 30; i++)
		assert_string_equal(heard(sub[1], 20000), "2"); // not one lost
	unsigned n = 0;
	while (*heard(sub[0], 300))
		n++;
	assert_true(n <= 1); // what was on its way when the key went
	struct tt_link_refused refused = {0};
	for (unsigned i = 0; i < 3000 && refused.keys < 2; i++) { // it tries again in its own time
		refused = (struct tt_link_refused){0};
		rig_sleep_ms(10);
		tt_pub_refused(p, &refused);
	}
	assert_int_equal(refused.revoked, 1);
	assert_true(refused.keys >= 2);
	for (unsigned i = 0; i < 3; i++)
		zmq_close(sub[i]);
	tt_pub_destroy(&p);
	zmq_ctx_term(pub_ctx);
}

static void a_slow_subscriber_never_holds_the_publisher_up(void **state) {
	char endpoint[160], big[1000];
	struct tt_err err;
	int hwm = 1;
	snprintf(endpoint, sizeof(endpoint), "inproc://pub");
	const struct tt_pub_conf conf = {.endpoint = endpoint, .hwm = 10};
	struct tt_pub *p = tt_pub_create(ctx, &conf, &err);
	assert_non_null(p);
	void *sub = zmq_socket(ctx, ZMQ_SUB);
	zmq_setsockopt(sub, ZMQ_RCVHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "stats.", 6);
	assert_int_equal(zmq_connect(sub, endpoint), 0);
	memset(big, ' ', sizeof(big));
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(tt_pub_send(p, "stats.a.b.", big, sizeof(big)), 0);
	char topic[32] = "";
	assert_int_equal(zmq_recv(sub, topic, sizeof(topic), 0), 10);
	assert_string_equal(topic, "stats.a.b.");
	zmq_close(sub);
	tt_pub_destroy(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(a_revoked_reader_hears_nothing_more),
		TEST(a_slow_subscriber_never_holds_the_publisher_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
