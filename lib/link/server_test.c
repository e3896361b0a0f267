/* SPDX-License-Identifier: BSD-3-Clause */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "conns.h"
#include "proto.h"
#include "rig.h"
#include "tt_file.h"
#include "tt_hash.h"

#define BOOT "00000000000000aa"

static struct rig rig;
static void *ctx, *raw; // a DEALER that says what it likes

static int setup(void **state) {
	int linger = 0, wait = 3000;
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

static void endpoints_for_others_need_keys(void **state) {
	static const char *const remote[] = {"tcp://*:5555", "tcp://0.0.0.0:5555",
		"tcp://192.0.2.1:5555", "tcp://[::]:5555", "tcp://example.org:1",
		"udp://127.0.0.1:1", "tcp://127.0.0.1.example.org:1",
		"tcp://127.0.0.1:0;192.0.2.1:5555", "tcp://[::2]:1", "tcp://127.0.0.1"};
	struct tt_err err;
	for (unsigned i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
		struct tt_link_server_conf s = {.endpoint = remote[i]};
		struct tt_link_client_conf c = {
			.endpoint = remote[i], .probe = "tokyo", .boot = BOOT};
		assert_false(tt_link_is_local(remote[i]));
		assert_null(tt_link_server_create(ctx, &s, &err));
		assert_int_equal(errno, EACCES);
		assert_non_null(strstr(err.msg, "CURVE"));
		assert_null(tt_link_client_create(&c, &err));
		assert_non_null(strstr(err.msg, "CURVE"));
		struct tt_pub_conf p = {.endpoint = remote[i]};
		assert_null(tt_pub_create(ctx, &p, &err));
	}
	assert_true(tt_link_is_local("tcp://[::1]:5"));
	assert_true(tt_link_is_local("inproc://x"));
}

static void with_keys_only_who_knows_the_server_key_gets_through(void **state) {
	struct tt_link_peer_key allowed = {.name = "tokyo"};
	struct tt_link_server_conf s = {
		.endpoint = "tcp://127.0.0.1:*", .allowed = &allowed, .allowed_n = 1};
	struct tt_link_client_conf good = {.probe = "tokyo", .boot = BOOT, .resend_ms = 200}, bad;
	struct tt_link_client_stats st;
	struct tt_err err;
	char at[128];
	size_t n = sizeof(at);
	zmq_curve_keypair(s.keys.public_key, s.keys.secret_key);
	zmq_curve_keypair(good.keys.public_key, good.keys.secret_key);
	memcpy(allowed.key, good.keys.public_key, 41);
	struct tt_link_server *server = tt_link_server_create(ctx, &s, &err);
	assert_non_null(server);
	zmq_getsockopt(tt_link_server_socket(server), ZMQ_LAST_ENDPOINT, at, &n);
	good.endpoint = at;
	memcpy(good.keys.server_key, s.keys.public_key, 41);
	bad = good;
	memcpy(bad.keys.server_key, good.keys.public_key, 41);
	struct tt_link_client *a = tt_link_client_create(&good, &err);
	struct tt_link_client *b = tt_link_client_create(&bad, &err);
	assert_true(a && b);
	for (unsigned i = 0; i < 200; i++) {
		tt_link_client_stats(a, &st);
		if (st.connected)
			break;
		rig_sleep_ms(10);
	}
	assert_true(st.connected);
	tt_link_client_stats(b, &st);
	assert_false(st.connected);
	tt_link_client_destroy(&a);
	tt_link_client_destroy(&b);
	tt_link_server_destroy(&server);
}

static void only_listed_keys_connect_and_only_as_themselves(void **state) {
	struct tt_link_peer_key allowed = {.name = "tokyo"};
	struct tt_link_server_conf conf = {
		.endpoint = "tcp://127.0.0.1:*", .allowed = &allowed, .allowed_n = 1};
	struct tt_link_keys listed = {0}, stranger = {0};
	struct tt_err err;
	char at[128];
	size_t n = sizeof(at);
	rig_stop(&rig);
	zmq_curve_keypair(conf.keys.public_key, conf.keys.secret_key);
	zmq_curve_keypair(listed.public_key, listed.secret_key);
	zmq_curve_keypair(stranger.public_key, stranger.secret_key);
	memcpy(listed.server_key, conf.keys.public_key, 41);
	memcpy(stranger.server_key, conf.keys.public_key, 41);
	memcpy(allowed.key, listed.public_key, 41);
	rig_start_with(&rig, &conf);
	zmq_getsockopt(tt_link_server_socket(rig.server), ZMQ_LAST_ENDPOINT, at, &n);
	struct tt_link_client_conf good = {.endpoint = at, .keys = listed}, bad = good, liar = good;
	bad.keys = stranger;
	liar.probe = "osaka";
	struct tt_link_client *a = rig_client(&rig, &good), *b = rig_client(&rig, &bad),
			      *c = rig_client(&rig, &liar);
	assert_int_equal(rig_send(a, BOOT, 1, &err), 0);
	assert_int_equal(rig_send(b, BOOT, 2, &err), 0);
	assert_int_equal(tt_link_client_flush(a, 10000, &err), 0);
	assert_int_equal(tt_link_client_flush(b, 500, &err), -ETIMEDOUT);
	size_t len;
	void *msg = rig_batch("osaka", BOOT, 3, &len);
	int rc = tt_link_client_send(c, 3, 1, msg, len, &err);
	if (!rc)
		rc = tt_link_client_flush(c, 5000, &err);
	assert_int_equal(rc, -ECONNREFUSED);
	assert_non_null(strstr(err.msg, "another key"));
	free(msg);
	assert_int_equal(rig.committed, 1);
	tt_link_client_destroy(&a);
	tt_link_client_destroy(&b);
	tt_link_client_destroy(&c);
}

static void a_revoked_key_is_cut_off_and_comes_back_with_its_name(void **state) {
	struct tt_link_peer_key both[2] = {{.name = "tokyo"}, {.name = "osaka"}};
	struct tt_link_server_conf conf = {
		.endpoint = "tcp://127.0.0.1:*", .allowed = both, .allowed_n = 2};
	struct tt_link_client_conf c[2] = {{.probe = "tokyo"}, {.probe = "osaka"}};
	struct tt_link_client *client[2];
	struct tt_link_refused refused;
	struct tt_err err;
	char at[128];
	size_t n = sizeof(at), len;
	rig_stop(&rig);
	zmq_curve_keypair(conf.keys.public_key, conf.keys.secret_key);
	for (unsigned i = 0; i < 2; i++) {
		zmq_curve_keypair(c[i].keys.public_key, c[i].keys.secret_key);
		memcpy(c[i].keys.server_key, conf.keys.public_key, 41);
		memcpy(both[i].key, c[i].keys.public_key, 41);
	}
	rig_start_with(&rig, &conf);
	zmq_getsockopt(tt_link_server_socket(rig.server), ZMQ_LAST_ENDPOINT, at, &n);
	for (unsigned i = 0; i < 2; i++) {
		c[i].endpoint = at;
		client[i] = rig_client(&rig, &c[i]);
	}
	void *osaka = rig_batch("osaka", "00000000000000bb", 1, &len);
	assert_int_equal(rig_send(client[0], BOOT, 1, &err), 0);
	assert_int_equal(tt_link_client_send(client[1], 1, 1, osaka, len, &err), 0);
	free(osaka);
	assert_int_equal(tt_link_client_flush(client[0], 10000, &err), 0);
	assert_int_equal(tt_link_client_flush(client[1], 10000, &err), 0);
	// tokyo's connection stands; its key goes
	assert_int_equal(tt_link_server_allow(rig.server, &both[1], 1, &err), 0);
	assert_int_equal(rig_send(client[0], BOOT, 2, &err), 0);
	osaka = rig_batch("osaka", "00000000000000bb", 2, &len);
	assert_int_equal(tt_link_client_send(client[1], 2, 1, osaka, len, &err), 0);
	free(osaka);
	assert_int_equal(tt_link_client_flush(client[1], 10000, &err), 0);
	assert_int_equal(tt_link_client_flush(client[0], 500, &err), -ETIMEDOUT);
	assert_int_equal(rig.committed, 3);
	tt_link_server_refused(rig.server, &refused);
	assert_true(refused.revoked >= 1);
	assert_true(refused.keys >= 1); // it tried again
	struct tt_link_client_stats st;
	tt_link_client_stats(client[1], &st);
	assert_int_equal(st.resent, 0); // osaka's connection was not touched
	assert_int_equal(tt_link_server_allow(rig.server, both, 2, &err), 0);
	assert_int_equal(tt_link_client_flush(client[0], 10000, &err), 0);
	assert_int_equal(rig.committed, 4);
	tt_link_client_destroy(&client[0]);
	tt_link_client_destroy(&client[1]);
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
	snprintf(at, sizeof(at), "tcp://127.0.0.1:%d", 20000 + (int)(getpid() % 20000));
	conf.endpoint = at;
	zmq_curve_keypair(conf.keys.public_key, conf.keys.secret_key);
	for (unsigned i = 0; i < 3; i++)
		zmq_curve_keypair(keys[i].public_key, keys[i].secret_key);
	for (unsigned i = 0; i < 2; i++)
		memcpy(both[i].key, keys[i].public_key, 41);
	void *pub_ctx = zmq_ctx_new();
	struct tt_pub *p = tt_pub_create(pub_ctx, &conf, &err);
	if (!p)
		fail_msg("%s", err.msg);
	void *sub[3];
	for (unsigned i = 0; i < 3; i++)
		sub[i] = reader(at, &keys[i], conf.keys.public_key);
	for (unsigned i = 0; i < 60; i++) {
		tt_pub_serve(p);
		rig_sleep_ms(10);
	}
	assert_int_equal(tt_pub_send(p, "a.b.", "1", 1), 0);
	assert_string_equal(heard(sub[0], 3000), "1");
	assert_string_equal(heard(sub[1], 3000), "1");
	assert_string_equal(heard(sub[2], 300), ""); // on no list
	assert_int_equal(tt_pub_allow(p, &both[1], 1, &err), 0);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(tt_pub_send(p, "a.b.", "2", 1), 0);
		rig_sleep_ms(10);
	}
	for (unsigned i = 0; i < 30; i++)
		assert_string_equal(heard(sub[1], 3000), "2"); // not one lost
	unsigned n = 0;
	while (*heard(sub[0], 300))
		n++;
	assert_true(n <= 1); // what was on its way when the key went
	struct tt_link_refused refused = {0};
	tt_pub_refused(p, &refused);
	assert_int_equal(refused.revoked, 1);
	assert_true(refused.keys >= 2);
	for (unsigned i = 0; i < 3; i++)
		zmq_close(sub[i]);
	tt_pub_destroy(&p);
	zmq_ctx_term(pub_ctx);
}

static void strangers_make_room_for_each_other_and_not_for_probes(void **state) {
	struct tt_link_peer_key allowed = {.name = "tokyo"};
	struct tt_link_server_conf conf = {
		.endpoint = "tcp://127.0.0.1:*", .allowed = &allowed, .allowed_n = 1};
	struct tt_link_client_conf good = {.probe = "tokyo"};
	struct tt_link_refused refused;
	struct tt_err err;
	char at[128];
	size_t n = sizeof(at);
	rig_stop(&rig);
	zmq_curve_keypair(conf.keys.public_key, conf.keys.secret_key);
	zmq_curve_keypair(good.keys.public_key, good.keys.secret_key);
	memcpy(good.keys.server_key, conf.keys.public_key, 41);
	memcpy(allowed.key, good.keys.public_key, 41);
	rig_start_with(&rig, &conf);
	zmq_getsockopt(tt_link_server_socket(rig.server), ZMQ_LAST_ENDPOINT, at, &n);
	good.endpoint = at;
	struct tt_link_client *c = rig_client(&rig, &good);
	assert_int_equal(rig_send(c, BOOT, 1, &err), 0);
	assert_int_equal(tt_link_client_flush(c, 10000, &err), 0);
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strrchr(at, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fds[300];
	for (unsigned i = 0; i < 300; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&to, sizeof(to)), 0);
		if (i % 50 == 49)
			assert_int_equal(rig_send(c, BOOT, 2 + i / 50, &err), 0);
	}
	assert_int_equal(tt_link_client_flush(c, 10000, &err), 0);
	assert_int_equal(rig.committed, 7);
	rig_sleep_ms(300);
	tt_link_server_refused(rig.server, &refused);
	assert_true(refused.connections >= 300 - CONNS_PER_ADDRESS);
	for (unsigned i = 0; i < 300; i++)
		close(fds[i]);
	tt_link_client_destroy(&c);
}

static void new_keys_are_private_and_never_overwrite(void **state) {
	struct tt_link_keys k = {0};
	char path[128], beside[136], key[41];
	struct tt_err err;
	struct stat st;
	snprintf(path, sizeof(path), "%s/new", rig.dir);
	snprintf(beside, sizeof(beside), "%s.pub", path);
	mode_t was = umask(0);
	assert_int_equal(tt_link_keys_create(path, key, &err), 0);
	umask(was);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(tt_link_keys_load(&k, path, &err), 0);
	assert_string_equal(k.public_key, key);
	assert_int_equal(tt_link_keys_create(path, key, &err), -EEXIST);
	assert_non_null(strstr(err.msg, path));
	unlink(path);
	assert_int_equal(tt_link_keys_create(path, key, &err), -EEXIST); // of the public one
	assert_int_equal(stat(path, &st), -1);
	unlink(beside);
}

static void secret_keys_that_others_can_read_are_refused(void **state) {
	struct tt_link_keys k = {0};
	char path[128], public_key[41], secret[42];
	struct tt_err err;
	snprintf(path, sizeof(path), "%s/key", rig.dir);
	zmq_curve_keypair(public_key, secret);
	secret[40] = '\n';
	assert_int_equal(tt_file_write(path, secret, 41, 0640, &err), 0);
	assert_int_equal(tt_link_keys_load(&k, path, &err), -EPERM);
	assert_non_null(strstr(err.msg, "640"));
	assert_int_equal(tt_file_write(path, secret, 41, 0600, &err), 0);
	assert_int_equal(tt_link_keys_load(&k, path, &err), 0);
	assert_string_equal(k.public_key, public_key);
	assert_int_equal(tt_file_write(path, secret, 39, 0600, &err), 0);
	assert_int_equal(tt_link_keys_load(&k, path, &err), -EINVAL);
	unlink(path);
	assert_int_equal(tt_link_keys_load(&k, path, &err), -ENOENT);
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
		TEST(the_protocol_step_by_step),
		TEST(acknowledgements_are_ranges),
		TEST(another_version_is_refused_with_a_reason),
		TEST(a_batch_without_hello_is_asked_who),
		TEST(a_probe_speaks_for_itself_only),
		TEST(a_batch_under_another_number_is_refused),
		TEST(garbage_disturbs_nobody),
		TEST(a_message_over_the_limit_closes_its_connection_only),
		TEST(an_endpoint_in_use_is_not_taken_over),
		TEST(endpoints_for_others_need_keys),
		TEST(with_keys_only_who_knows_the_server_key_gets_through),
		TEST(only_listed_keys_connect_and_only_as_themselves),
		TEST(a_revoked_key_is_cut_off_and_comes_back_with_its_name),
		TEST(a_revoked_reader_hears_nothing_more),
		TEST(strangers_make_room_for_each_other_and_not_for_probes),
		TEST(new_keys_are_private_and_never_overwrite),
		TEST(secret_keys_that_others_can_read_are_refused),
		TEST(a_slow_subscriber_never_holds_the_publisher_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
