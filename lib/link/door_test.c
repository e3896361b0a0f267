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
#include "rig.h"
#include "tt_file.h"
#include "tt_time.h"

#define BOOT "00000000000000aa"

static struct rig rig;
static void *ctx;

static int setup(void **state) {
	rig_create(&rig);
	rig_start(&rig);
	ctx = zmq_ctx_new();
	return 0;
}

static int teardown(void **state) {
	zmq_ctx_term(ctx);
	rig_destroy(&rig);
	return 0;
}

static void endpoints_are_tcp_with_a_port_or_ipc_with_a_path(void **state) {
	static const char *const right[] = {"tcp://127.0.0.1:1", "tcp://[::1]:65535",
		"tcp://127.0.0.1:*", "tcp://example.org:5490", "ipc:///tmp/x", "ipc://@x",
		"inproc://x"};
	static const char *const wrong[] = {"", "tcp://", "tcp://127.0.0.1",
		"tcp://127.0.0.1:", "tcp://127.0.0.1:0", "tcp://127.0.0.1:65536",
		"tcp://127.0.0.1:5490x", "tcp://:5490", "ipc://", "udp://127.0.0.1:1",
		"127.0.0.1:5490", "/tmp/x"};
	struct tt_err err;
	for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		assert_int_equal(tt_link_endpoint_check(right[i], &err), 0);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(tt_link_endpoint_check(wrong[i], &err), -EINVAL);
		assert_non_null(strstr(err.msg, wrong[i]));
		assert_non_null(strstr(err.msg, ", expected "));
	}
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
	for (unsigned i = 0; i < 3000; i++) {
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
	assert_int_equal(tt_link_client_flush(a, 30000, &err), 0);
	assert_int_equal(tt_link_client_flush(b, 500, &err), -ETIMEDOUT);
	size_t len;
	void *msg = rig_batch("osaka", BOOT, 3, &len);
	int rc = tt_link_client_send(c, 3, 1, msg, len, &err);
	if (!rc)
		rc = tt_link_client_flush(c, 30000, &err);
	assert_int_equal(rc, -ECONNREFUSED);
	assert_non_null(strstr(err.msg, "another key"));
	free(msg);
	assert_int_equal(rig.committed, 1);
	tt_link_client_destroy(&a);
	tt_link_client_destroy(&b);
	tt_link_client_destroy(&c);
}

// What the server has refused, once that is so many, or in half a minute.
static struct tt_link_refused refused_until(uint64_t connections, uint64_t keys) {
	struct tt_link_refused r;
	for (unsigned i = 0; i < 3000; i++) {
		tt_link_server_refused(rig.server, &r);
		if (r.connections >= connections && r.keys >= keys)
			break;
		rig_sleep_ms(10);
	}
	return r;
}

static void a_revoked_key_is_cut_off_and_comes_back_with_its_name(void **state) {
	struct tt_link_peer_key both[2] = {{.name = "tokyo"}, {.name = "osaka"}};
	struct tt_link_server_conf conf = {
		.endpoint = "tcp://127.0.0.1:*", .allowed = both, .allowed_n = 2};
	struct tt_link_client_conf c[2] = {
		{.probe = "tokyo"}, {.probe = "osaka", .resend_ms = 60000}};
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
	assert_int_equal(tt_link_client_flush(client[0], 30000, &err), 0);
	assert_int_equal(tt_link_client_flush(client[1], 30000, &err), 0);
	// tokyo's connection stands; its key goes
	assert_int_equal(tt_link_server_allow(rig.server, &both[1], 1, &err), 0);
	assert_int_equal(rig_send(client[0], BOOT, 2, &err), 0);
	osaka = rig_batch("osaka", "00000000000000bb", 2, &len);
	assert_int_equal(tt_link_client_send(client[1], 2, 1, osaka, len, &err), 0);
	free(osaka);
	assert_int_equal(tt_link_client_flush(client[1], 30000, &err), 0);
	assert_int_equal(tt_link_client_flush(client[0], 500, &err), -ETIMEDOUT);
	assert_int_equal(rig.committed, 3);
	refused = refused_until(0, 1); // it tried again
	assert_true(refused.revoked >= 1);
	assert_true(refused.keys >= 1);
	struct tt_link_client_stats st;
	tt_link_client_stats(client[1], &st);
	assert_int_equal(st.resent, 0); // osaka's connection was not touched
	assert_int_equal(tt_link_server_allow(rig.server, both, 2, &err), 0);
	assert_int_equal(tt_link_client_flush(client[0], 30000, &err), 0);
	assert_int_equal(rig.committed, 4);
	tt_link_client_destroy(&client[0]);
	tt_link_client_destroy(&client[1]);
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
	assert_int_equal(tt_link_client_flush(c, 30000, &err), 0);
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
	assert_int_equal(tt_link_client_flush(c, 30000, &err), 0);
	assert_int_equal(rig.committed, 7);
	refused = refused_until(300 - CONNS_PER_ADDRESS, 0);
	assert_true(refused.connections >= 300 - CONNS_PER_ADDRESS);
	for (unsigned i = 0; i < 300; i++)
		close(fds[i]);
	tt_link_client_destroy(&c);
}

// A server with keys, and a connection of somebody who has none.
static int stranger(void) {
	struct tt_link_peer_key allowed = {.name = "tokyo"};
	struct tt_link_server_conf conf = {
		.endpoint = "tcp://127.0.0.1:*", .allowed = &allowed, .allowed_n = 1};
	char at[128];
	size_t n = sizeof(at);
	rig_stop(&rig);
	zmq_curve_keypair(conf.keys.public_key, conf.keys.secret_key);
	zmq_curve_keypair(allowed.key, (char[41]){0});
	rig_start_with(&rig, &conf);
	zmq_getsockopt(tt_link_server_socket(rig.server), ZMQ_LAST_ENDPOINT, at, &n);
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(strrchr(at, ':') + 1)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static const uint8_t greeting[64] = {
	0xff, [8] = 1, [9] = 0x7f, [10] = 3, [12] = 'C', 'U', 'R', 'V', 'E'};

// A frame may be of 16 MiB, which libzmq gathers before it looks at it: 1,024 strangers could have
// it hold 16 GiB.
static void a_stranger_cannot_make_us_hold_a_large_frame(void **state) {
	static const uint8_t head[] = {0x06, 0, 0, 0, 0, 0, 0xe0, 0, 0, 5, 'H', 'E', 'L', 'L', 'O'};
	static uint8_t filling[65536];
	struct tt_link_refused refused;
	size_t sent = 0;
	int fd = stranger();
	assert_int_equal(send(fd, greeting, sizeof(greeting), MSG_NOSIGNAL), sizeof(greeting));
	assert_int_equal(send(fd, head, sizeof(head), MSG_NOSIGNAL), sizeof(head));
	// slowly enough that it is seen: it is looked at twenty times a second
	while (sent < 200 * sizeof(filling)) {
		ssize_t part = send(fd, filling, sizeof(filling), MSG_NOSIGNAL);
		if (part < 0)
			break;
		sent += (size_t)part;
		rig_sleep_ms(20);
	}
	assert_true(sent < 100 * sizeof(filling));
	tt_link_server_refused(rig.server, &refused);
	assert_true(refused.connections >= 1);
	close(fd);
}

static void who_does_not_go_on_with_the_handshake_is_cut_off_soon(void **state) {
	int64_t start = tt_mono_ns();
	uint8_t answer[256];
	int fd = stranger();
	assert_int_equal(send(fd, greeting, sizeof(greeting), MSG_NOSIGNAL), sizeof(greeting));
	while (recv(fd, answer, sizeof(answer), 0) > 0) // its greeting, then nothing
		;
	int64_t took = tt_mono_ns() - start;
	assert_true(took > 2 * TT_NS && took < CONNS_STRANGER_NS);
	close(fd);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(endpoints_are_tcp_with_a_port_or_ipc_with_a_path),
		TEST(endpoints_for_others_need_keys),
		TEST(with_keys_only_who_knows_the_server_key_gets_through),
		TEST(only_listed_keys_connect_and_only_as_themselves),
		TEST(a_revoked_key_is_cut_off_and_comes_back_with_its_name),
		TEST(strangers_make_room_for_each_other_and_not_for_probes),
		TEST(a_stranger_cannot_make_us_hold_a_large_frame),
		TEST(who_does_not_go_on_with_the_handshake_is_cut_off_soon),
		TEST(new_keys_are_private_and_never_overwrite),
		TEST(secret_keys_that_others_can_read_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
