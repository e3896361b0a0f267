/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tt_client.h"

struct peer {
	char dir[32], endpoint[64];
	void *ctx, *pub;
};

static int setup(void **state) {
	static struct peer p;
	strcpy(p.dir, "/tmp/tt-client-XXXXXX");
	assert_non_null(mkdtemp(p.dir));
	snprintf(p.endpoint, sizeof(p.endpoint), "ipc://%s/pub", p.dir);
	p.ctx = zmq_ctx_new();
	p.pub = zmq_socket(p.ctx, ZMQ_PUB);
	assert_int_equal(zmq_bind(p.pub, p.endpoint), 0);
	*state = &p;
	return 0;
}

static int teardown(void **state) {
	struct peer *p = *state;
	char path[64];
	zmq_close(p->pub);
	zmq_ctx_term(p->ctx);
	snprintf(path, sizeof(path), "%s/pub", p->dir);
	unlink(path);
	return rmdir(p->dir);
}

static void publish(struct peer *p, const char *topic, const char *body) {
	zmq_send(p->pub, topic, strlen(topic), ZMQ_SNDMORE);
	zmq_send(p->pub, body, strlen(body), 0);
}

/// PUB drops until the subscription has arrived: publishes until a message comes, and takes all of
/// them.
static void join(struct peer *p, struct tt_sub *s, const char *topic) {
	const char *t, *j;
	size_t n;
	for (int i = 0; i < 1500; i++) {
		publish(p, topic, "{}");
		if (tt_sub_next(s, 20, &t, &j, &n) != 1)
			continue;
		publish(p, topic, "{\"last\":1}");
		while (n != 10)
			assert_int_equal(tt_sub_next(s, 20000, &t, &j, &n), 1);
		return;
	}
	fail_msg("never joined");
}

static void only_the_topics_asked_for_arrive(void **state) {
	struct peer *p = *state;
	struct tt_err err;
	const char *const topics[] = {"stats.tokyo.", "health."};
	struct tt_sub *s = tt_sub_create(p->endpoint, topics, 2, NULL, &err);
	assert_non_null(s);
	join(p, s, "health.");
	const char *t, *j;
	size_t n;
	publish(p, "live.tokyo.a.", "{\"no\":1}");
	publish(p, "stats.osaka.a.", "{\"no\":2}");
	publish(p, "stats.tokyo.a.", "{\"yes\":1}");
	assert_int_equal(tt_sub_next(s, 20000, &t, &j, &n), 1);
	assert_string_equal(t, "stats.tokyo.a.");
	assert_int_equal(n, 9);
	assert_memory_equal(j, "{\"yes\":1}", 9);
	assert_int_equal(tt_sub_next(s, 100, &t, &j, &n), 0);
	tt_sub_destroy(&s);
	assert_null(s);
}

static void messages_of_other_shapes_are_refused(void **state) {
	struct peer *p = *state;
	struct tt_err err;
	struct tt_sub *s = tt_sub_create(p->endpoint, NULL, 0, NULL, &err);
	assert_non_null(s);
	join(p, s, "x.");
	const char *t, *j;
	size_t n;
	zmq_send(p->pub, "one frame", 9, 0);
	assert_int_equal(tt_sub_next(s, 20000, &t, &j, &n), -EBADMSG);
	zmq_send(p->pub, "a", 1, ZMQ_SNDMORE);
	publish(p, "b", "c");
	assert_int_equal(tt_sub_next(s, 20000, &t, &j, &n), -EBADMSG);
	publish(p, "ok.", "{}");
	assert_int_equal(tt_sub_next(s, 20000, &t, &j, &n), 1);
	tt_sub_destroy(&s);
}

static void number(struct peer *p, const char *topic, const char *boot, unsigned seq) {
	char text[128];
	snprintf(text, sizeof(text),
		"{\"v\":1,\"probe\":\"tokyo\",\"boot\":\"%s\",\"seq\":%u,\"x\":0}", boot, seq);
	publish(p, topic, text);
}

static uint64_t missed(struct tt_sub *s) {
	const char *t, *j;
	size_t n;
	assert_int_equal(tt_sub_next(s, 20000, &t, &j, &n), 1);
	return tt_sub_missed(s);
}

static void what_was_missed_is_told_by_boot_and_topic(void **state) {
	struct peer *p = *state;
	struct tt_err err;
	const char *const topics[] = {"a.", "b."};
	struct tt_sub *s = tt_sub_create(p->endpoint, topics, 2, NULL, &err);
	assert_non_null(s);
	join(p, s, "a.");
	const struct {
		const char *topic, *boot;
		unsigned seq, missed;
	} cases[] = {
		{"a.", "f0", 7, 0},  // joined late: nothing is missed
		{"a.", "f0", 8, 0},  // in order
		{"a.", "f0", 12, 3}, // 9 to 11
		{"b.", "f0", 90, 0}, // counts by itself
		{"b.", "f0", 92, 1},
		{"a.", "f1", 3, 2}, // another boot begins at 1
		{"a.", "f1", 2, 0},
		{"a.", "f1", 4, 0},
	};
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		number(p, cases[i].topic, cases[i].boot, cases[i].seq);
		assert_int_equal(missed(s), cases[i].missed);
	}
	publish(p, "a.", "{\"seq\":");
	assert_int_equal(missed(s), 0);
	publish(p, "a.", "{\"boot\":\"f1\",\"seq\":99999999999999999999999999999999}");
	(void)missed(s);
	tt_sub_destroy(&s);
}

static void a_bad_endpoint_says_what_was_expected(void **state) {
	(void)state;
	struct tt_err err;
	assert_null(tt_sub_create("nonsense", NULL, 0, NULL, &err));
	assert_non_null(strstr(err.msg, "nonsense"));
	assert_non_null(strstr(err.msg, "expected"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_topics_asked_for_arrive),
		cmocka_unit_test(messages_of_other_shapes_are_refused),
		cmocka_unit_test(what_was_missed_is_told_by_boot_and_topic),
		cmocka_unit_test(a_bad_endpoint_says_what_was_expected),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
