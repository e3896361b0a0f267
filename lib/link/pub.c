/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "door.h"
#include "socket.h"

#define LINGER_MS 500

#define PER_KEY	  256 // connections
#define TOPIC_MAX 1024

struct tt_pub {
	void *socket;
	struct door *door; // NULL: no keys
	char *endpoint;
};

// XPUB is a PUB that shows who subscribes
static int open_socket(
	struct tt_pub *p, void *ctx, const struct tt_pub_conf *conf, struct tt_err *err) {
	struct socket_conf sc = {.type = ZMQ_XPUB,
		.endpoint = conf->endpoint,
		.bind = true,
		.server = true,
		.send_hwm = conf->hwm > 0 ? conf->hwm : 1000,
		.receive_hwm = 100,
		.max_message = TOPIC_MAX, // subscriptions are all that comes
		.keys = &conf->keys};
	const struct door_conf dc = {conf->endpoint, conf->allowed, conf->allowed_n, PER_KEY};
	if (conf->keys.secret_key[0]) {
		sc.door = p->door = door_create(ctx, &dc, err);
		if (!p->door)
			return -errno;
	}
	p->socket = socket_open(ctx, &sc, err);
	return p->socket ? 0 : -errno;
}

struct tt_pub *tt_pub_create(void *zmq_ctx, const struct tt_pub_conf *conf, struct tt_err *err) {
	struct tt_pub *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;
	if (!p || !(p->endpoint = strdup(conf->endpoint)))
		tt_err_set(err, rc, "%s: out of memory", conf->endpoint);
	else
		rc = open_socket(p, zmq_ctx, conf, err);
	if (!rc)
		return p;
	tt_pub_destroy(&p);
	errno = -rc;
	return NULL;
}

void tt_pub_serve(struct tt_pub *p) {
	char name[TT_ID_LEN];
	zmq_msg_t m;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, p->socket, ZMQ_DONTWAIT) >= 0) {
		const uint8_t *data = zmq_msg_data(&m);
		bool first = zmq_msg_size(&m) && data[0] == 1, last = zmq_msg_size(&m) && !data[0];
		if (!p->door || !door_name(p->door, &m, name))
			continue;
		if (first)
			door_subscribed(p->door, &m);
		else if (!last)
			door_throw_out(p->door, &m, "a message that a reader does not send");
	}
	zmq_msg_close(&m);
}

int tt_pub_send(struct tt_pub *p, const char *topic, const char *json, size_t len) {
	tt_pub_serve(p);
	if (zmq_send(p->socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
		return -errno;
	return zmq_send(p->socket, json, len, ZMQ_DONTWAIT) < 0 ? -errno : 0;
}

int tt_pub_allow(
	struct tt_pub *p, const struct tt_link_peer_key *allowed, unsigned n, struct tt_err *err) {
	tt_pub_serve(p); // whoever subscribed by now is known by connection
	return p->door ? door_allow(p->door, allowed, n, err) : 0;
}

void tt_pub_refused(struct tt_pub *p, struct tt_link_refused *out) {
	if (p->door)
		door_refused(p->door, out);
}

void tt_pub_destroy(struct tt_pub **pp) {
	struct tt_pub *p = *pp;
	if (!p)
		return;
	// what was published last still goes out when the program ends
	if (p->socket)
		socket_close_bound(p->socket, p->endpoint, LINGER_MS);
	door_destroy(&p->door);
	free(p->endpoint);
	free(p);
	*pp = NULL;
}
