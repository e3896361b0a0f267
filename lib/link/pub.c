/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "socket.h"

#define LINGER_MS 500

struct tt_pub {
	void *socket;
	char *endpoint;
};

struct tt_pub *tt_pub_create(void *zmq_ctx, const char *endpoint, int hwm,
	const struct tt_link_keys *keys, struct tt_err *err) {
	struct socket_conf conf = {.type = ZMQ_PUB,
		.endpoint = endpoint,
		.bind = true,
		.server = true,
		.send_hwm = hwm > 0 ? hwm : 1000,
		.receive_hwm = 100,
		.max_message = 1024, // subscriptions are all that comes
		.keys = keys};
	struct tt_pub *p = calloc(1, sizeof(*p));
	if (!p || !(p->endpoint = strdup(endpoint))) {
		free(p);
		tt_err_set(err, -ENOMEM, "%s: out of memory", endpoint);
		return NULL;
	}
	p->socket = socket_open(zmq_ctx, &conf, err);
	if (!p->socket) {
		int rc = errno;
		free(p->endpoint);
		free(p);
		errno = rc;
		return NULL;
	}
	return p;
}

int tt_pub_send(struct tt_pub *p, const char *topic, const char *json, size_t len) {
	if (zmq_send(p->socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return -errno;
	return zmq_send(p->socket, json, len, ZMQ_DONTWAIT) < 0 ? -errno : 0;
}

void tt_pub_destroy(struct tt_pub **pp) {
	if (!*pp)
		return;
	// what was published last still goes out when the program ends
	socket_close_bound((*pp)->socket, (*pp)->endpoint, LINGER_MS);
	free((*pp)->endpoint);
	free(*pp);
	*pp = NULL;
}
