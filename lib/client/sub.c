/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "gaps.h"
#include "tt_client.h"

enum {
	HWM = 10000,		// messages kept for a reader that is slower than the stream
	TOPIC_MAX = 256,	// bytes
	MESSAGE_MAX = 16 << 20, // bytes
	RECONNECT_MAX_MS = 2000,
	HEARTBEAT_MS = 5000, // a publisher that is gone is noticed in three of these
};

struct tt_sub {
	void *ctx, *socket, *monitor;
	struct gaps *gaps;
	uint64_t missed;
	zmq_msg_t topic, body;
	char *text; // the topic with a zero byte behind it
};

static int configure(
	struct tt_sub *s, const char *const *topics, unsigned n, const struct tt_link_keys *keys) {
	const struct {
		int option, value;
	} options[] = {
		{ZMQ_RCVHWM, HWM},
		{ZMQ_LINGER, 0},
		{ZMQ_IPV6, 1},
		{ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS},
		{ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS},
		{ZMQ_HEARTBEAT_TIMEOUT, 3 * HEARTBEAT_MS},
	};
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (zmq_setsockopt(s->socket, options[i].option, &options[i].value, sizeof(int)))
			return -errno;
	int64_t max = MESSAGE_MAX;
	if (zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) < 0)
		return -errno;
	if (keys && keys->server_key[0] &&
		(zmq_setsockopt(s->socket, ZMQ_CURVE_SERVERKEY, keys->server_key, 40) < 0 ||
			zmq_setsockopt(s->socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, 40) < 0 ||
			zmq_setsockopt(s->socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, 40) < 0))
		return -errno;
	if (n == 0 && zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, "", 0) < 0)
		return -errno;
	for (unsigned i = 0; i < n; i++)
		if (zmq_setsockopt(s->socket, ZMQ_SUBSCRIBE, topics[i], strlen(topics[i])) < 0)
			return -errno;
	return 0;
}

// libzmq does not say on the socket itself that it was turned away, and tries no more then
static int watch(struct tt_sub *s) {
	char address[64];
	int linger = 0;
	snprintf(address, sizeof(address), "inproc://monitor-%p", (void *)s);
	s->monitor = zmq_socket(s->ctx, ZMQ_PAIR);
	if (!s->monitor || zmq_setsockopt(s->monitor, ZMQ_LINGER, &linger, sizeof(linger)) ||
		zmq_socket_monitor(s->socket, address,
			ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) ||
		zmq_connect(s->monitor, address))
		return -errno;
	return 0;
}

struct tt_sub *tt_sub_create(const char *endpoint, const char *const *topics, unsigned topic_n,
	const struct tt_link_keys *keys, struct tt_err *err) {
	struct tt_sub *s = calloc(1, sizeof(*s));
	if (!s) {
		tt_err_set(err, -ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	zmq_msg_init(&s->topic);
	zmq_msg_init(&s->body);
	int rc = 0;
	s->ctx = zmq_ctx_new();
	s->socket = s->ctx ? zmq_socket(s->ctx, ZMQ_SUB) : NULL;
	if (!s->socket)
		rc = -errno;
	s->gaps = gaps_create();
	if (!rc && !s->gaps)
		rc = -ENOMEM;
	if (!rc)
		rc = configure(s, topics, topic_n, keys);
	if (!rc && keys)
		rc = watch(s);
	if (!rc && zmq_connect(s->socket, endpoint) < 0)
		rc = -errno;
	if (!rc)
		return s;
	tt_err_set(err, rc,
		"%s: %s, expected an endpoint as ipc:///run/teiten/probe or "
		"tcp://127.0.0.1:5556",
		endpoint, zmq_strerror(-rc));
	tt_sub_destroy(&s);
	errno = -rc;
	return NULL;
}

/// Receives one frame; `more` says whether another has to follow.
static int receive(struct tt_sub *s, zmq_msg_t *m, int flags, int *more) {
	if (zmq_msg_recv(m, s->socket, flags) < 0)
		return -errno;
	*more = zmq_msg_more(m);
	return 0;
}

/// Waits for a message: 1, 0 at the timeout, -errno.
static int wait_for(struct tt_sub *s, int timeout_ms) {
	zmq_pollitem_t items[] = {{s->socket, 0, ZMQ_POLLIN, 0}, {s->monitor, 0, ZMQ_POLLIN, 0}};
	if (zmq_poll(items, s->monitor ? 2 : 1, timeout_ms) < 0)
		return -errno;
	if (items[0].revents)
		return 1;
	return s->monitor && items[1].revents ? -EACCES : 0;
}

uint64_t tt_sub_missed(const struct tt_sub *s) {
	return s->missed;
}

int tt_sub_next(
	struct tt_sub *s, int timeout_ms, const char **topic, const char **json, size_t *len) {
	int more = 0;
	int rc = wait_for(s, timeout_ms);
	if (rc <= 0)
		return rc;
	rc = receive(s, &s->topic, ZMQ_DONTWAIT, &more);
	if (rc == -EAGAIN)
		return 0;
	if (rc < 0)
		return rc;
	if (!more)
		return -EBADMSG;
	if ((rc = receive(s, &s->body, 0, &more)) < 0)
		return rc;
	for (zmq_msg_t rest; more;) { // not two frames: not ours
		zmq_msg_init(&rest);
		rc = receive(s, &rest, 0, &more);
		zmq_msg_close(&rest);
		if (rc < 0)
			return rc;
		if (!more)
			return -EBADMSG;
	}
	size_t n = zmq_msg_size(&s->topic);
	if (n > TOPIC_MAX)
		return -EBADMSG;
	free(s->text);
	s->text = strndup(zmq_msg_data(&s->topic), n);
	if (!s->text)
		return -ENOMEM;
	*topic = s->text;
	*json = zmq_msg_data(&s->body);
	*len = zmq_msg_size(&s->body);
	s->missed = gaps_note(s->gaps, s->text, *json, *len);
	return 1;
}

void tt_sub_destroy(struct tt_sub **sub) {
	if (!sub || !*sub)
		return;
	struct tt_sub *s = *sub;
	zmq_msg_close(&s->topic);
	zmq_msg_close(&s->body);
	if (s->socket)
		zmq_close(s->socket);
	if (s->monitor)
		zmq_close(s->monitor);
	gaps_destroy(&s->gaps);
	if (s->ctx)
		zmq_ctx_term(s->ctx);
	free(s->text);
	free(s);
	*sub = NULL;
}
