/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "tt_client.h"

enum {
	HWM = 10000,		// messages kept for a reader that is slower than the stream
	TOPIC_MAX = 256,	// bytes
	MESSAGE_MAX = 16 << 20, // bytes
	RECONNECT_MAX_MS = 2000,
};

struct tt_sub {
	void *ctx, *socket;
	zmq_msg_t topic, body;
	char *text; // the topic with a zero byte behind it
};

static int configure(
	struct tt_sub *s, const char *const *topics, unsigned n, const struct tt_link_keys *keys) {
	int hwm = HWM, linger = 0, reconnect = RECONNECT_MAX_MS;
	int64_t max = MESSAGE_MAX;
	if (zmq_setsockopt(s->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) < 0 ||
		zmq_setsockopt(s->socket, ZMQ_LINGER, &linger, sizeof(linger)) < 0 ||
		zmq_setsockopt(s->socket, ZMQ_MAXMSGSIZE, &max, sizeof(max)) < 0 ||
		zmq_setsockopt(s->socket, ZMQ_RECONNECT_IVL_MAX, &reconnect, sizeof(reconnect)) < 0)
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
	if (!rc)
		rc = configure(s, topics, topic_n, keys);
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

int tt_sub_next(
	struct tt_sub *s, int timeout_ms, const char **topic, const char **json, size_t *len) {
	int more = 0;
	if (zmq_setsockopt(s->socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms)) < 0)
		return -errno;
	int rc = receive(s, &s->topic, 0, &more);
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
	if (s->ctx)
		zmq_ctx_term(s->ctx);
	free(s->text);
	free(s);
	*sub = NULL;
}
