/* SPDX-License-Identifier: BSD-3-Clause */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include "rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "tt_hash.h"

void rig_sleep_ms(unsigned ms) {
	struct timespec t = {ms / 1000, ms % 1000 * 1000000l};
	nanosleep(&t, NULL);
}

void rig_create(struct rig *r) {
	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "/tmp/tt-link-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->endpoint, sizeof(r->endpoint), "ipc://%s/link", r->dir);
	r->answer = 1;
	r->decoder = tt_batch_decoder_create();
	rig_rows = 20;
}

void rig_destroy(struct rig *r) {
	static const char *const names[] = {"link", "spool", "spool-wal", "spool-shm"};
	char path[128];
	rig_stop(r);
	tt_batch_decoder_destroy(&r->decoder);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", r->dir, names[i]);
		unlink(path);
	}
	rmdir(r->dir);
}

static unsigned boot_index(struct rig *r, const char *boot) {
	uint64_t b = strtoull(boot, NULL, 16);
	for (unsigned i = 0; i < r->boot_n; i++)
		if (r->boots[i] == b)
			return i;
	r->boots[r->boot_n] = b;
	return r->boot_n++;
}

// reads what is new as a store would
static void count(struct rig *r, const void *msg, size_t len) {
	struct tt_batch_view v;
	assert_int_equal(tt_batch_decode(r->decoder, msg, len, &v, NULL), 0);
	for (uint32_t i = 0; i < v.head.obs_n; i++)
		r->packets += v.packets[i];
	for (uint32_t i = 0; i < v.head.tally_n; i++)
		r->given_up += v.tallies[i].spool_lost;
	r->states += v.head.state_n;
}

static int take(void *arg, const char *probe, const char *boot, uint64_t seq, const void *msg,
	size_t len, struct tt_err *err) {
	struct rig *r = arg;
	r->seen++;
	if (r->answer < 0)
		return tt_err_set(err, r->answer, "the rig says %d", r->answer);
	unsigned b = boot_index(r, boot);
	if (!r->first_boot)
		r->first_boot = r->boots[b];
	if (r->stored[b][seq] || r->pending[b][seq])
		return 0;
	r->pending[b][seq] = true;
	count(r, msg, len);
	return 1;
}

static void settle(struct rig *r, bool commit) {
	for (unsigned b = 0; b < r->boot_n; b++) {
		for (unsigned i = 0; i < RIG_SEQ_MAX; i++) {
			if (!r->pending[b][i])
				continue;
			r->pending[b][i] = false;
			r->stored[b][i] = commit;
			r->committed += commit;
		}
	}
}

static void *serve(void *arg) {
	struct rig *r = arg;
	while (!r->stop) {
		zmq_pollitem_t item = {tt_link_server_socket(r->server), 0, ZMQ_POLLIN, 0};
		zmq_poll(&item, 1, 5);
		tt_link_server_receive(r->server, 64, take, r);
		if (r->hold)
			continue;
		bool undo = atomic_exchange(&r->rollback, false);
		settle(r, !undo);
		if (undo)
			tt_link_server_rollback(r->server, "rolled back");
		else
			tt_link_server_commit(r->server);
	}
	settle(r, false); // as a transaction that was never committed
	return NULL;
}

void rig_start(struct rig *r) {
	struct tt_link_server_conf conf = {.endpoint = r->endpoint, .window = r->window};
	rig_start_with(r, &conf);
}

void rig_start_with(struct rig *r, const struct tt_link_server_conf *conf) {
	struct tt_err err;
	r->ctx = zmq_ctx_new();
	r->server = tt_link_server_create(r->ctx, conf, &err);
	if (!r->server)
		fail_msg("%s", err.msg);
	r->stop = false;
	assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
}

void rig_stop(struct rig *r) {
	if (!r->server)
		return;
	r->stop = true;
	pthread_join(r->thread, NULL);
	tt_link_server_destroy(&r->server);
	zmq_ctx_term(r->ctx);
}

struct tt_link_client *rig_client(struct rig *r, const struct tt_link_client_conf *conf) {
	struct tt_link_client_conf c = *conf;
	struct tt_err err;
	c.endpoint = c.endpoint ? c.endpoint : r->endpoint;
	c.probe = c.probe ? c.probe : "tokyo";
	c.boot = c.boot ? c.boot : "00000000000000aa";
	c.resend_ms = c.resend_ms ? c.resend_ms : 200;
	struct tt_link_client *client = tt_link_client_create(&c, &err);
	if (!client)
		fail_msg("%s", err.msg);
	return client;
}

unsigned rig_rows = 20;

void *rig_batch(const char *probe, const char *boot, uint64_t seq, size_t *len) {
	static const char *const sensors[] = {"s1"}, *const uplinks[] = {"up0"};
	struct tt_batch *b = tt_batch_create();
	const void *msg;
	assert_int_equal(tt_batch_begin(b, probe, boot, 60, sensors, 1, uplinks, 1), 0);
	for (unsigned i = 0; i < rig_rows; i++) {
		struct tt_obs o = {.epoch = 60 * (int64_t)seq,
			.family = 4,
			.src = {192, 0, 2, 1},
			.proto = 6,
			.port = (uint16_t)tt_mix64(i),
			.window = (uint16_t)tt_mix64(i + 7),
			.packets = i + 1,
			.bytes = 60};
		assert_int_equal(tt_batch_add_obs(b, &o), 0);
	}
	assert_int_equal(tt_batch_encode(b, seq, &msg, len), 0);
	void *copy = malloc(*len);
	memcpy(copy, msg, *len);
	tt_batch_destroy(&b);
	return copy;
}

uint64_t rig_packets(void) {
	return (uint64_t)rig_rows * (rig_rows + 1) / 2;
}

int rig_send(struct tt_link_client *c, const char *boot, uint64_t seq, struct tt_err *err) {
	size_t len;
	void *msg = rig_batch("tokyo", boot, seq, &len);
	int rc = tt_link_client_send(c, seq, rig_packets(), msg, len, err);
	free(msg);
	return rc;
}
