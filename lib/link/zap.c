/* SPDX-License-Identifier: BSD-3-Clause */
#include "zap.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "socket.h"

#define FRAME_MAX 256
#define FRAMES	  7 // version, request id, domain, address, identity, mechanism, credentials

struct known {
	uint8_t key[32];
	char name[TT_ID_LEN];
};

struct zap {
	void *socket; // the thread's
	pthread_t thread;
	bool running;
	atomic_bool stop; // written by zap_destroy
	struct known *known;
	unsigned known_n;
};

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len; // cut frames have more than FRAME_MAX and match nothing
};

static const char *name_of(const struct zap *z, const struct frame *key) {
	if (key->len != 32)
		return NULL;
	for (unsigned i = 0; i < z->known_n; i++)
		if (!memcmp(z->known[i].key, key->data, 32))
			return z->known[i].name;
	return NULL;
}

static bool is(const struct frame *f, const char *text) {
	return f->len == strlen(text) && !memcmp(f->data, text, f->len);
}

static void send(struct zap *z, const void *data, size_t len, bool more) {
	// the other end is libzmq in this process; without an answer it closes the connection
	zmq_send(z->socket, data, len, more ? ZMQ_SNDMORE : 0);
}

static void answer(struct zap *z, const struct frame f[FRAMES], unsigned n) {
	const char *name = NULL;
	if (n == FRAMES && is(&f[0], "1.0") && is(&f[2], ZAP_DOMAIN) && is(&f[5], "CURVE"))
		name = name_of(z, &f[6]);
	size_t id_len = n > 1 && f[1].len <= FRAME_MAX ? f[1].len : 0;
	send(z, "1.0", 3, true);
	send(z, f[1].data, id_len, true);
	send(z, name ? "200" : "400", 3, true);
	send(z, name ? "OK" : "key not allowed", name ? 2 : 15, true);
	send(z, name ? name : "", name ? strlen(name) : 0, true);
	send(z, "", 0, false);
}

static void *serve(void *arg) {
	struct zap *z = arg;
	while (!z->stop) {
		struct frame f[FRAMES], rest;
		unsigned n = 0;
		int more = 1;
		size_t size = sizeof(more);
		memset(f, 0, sizeof(f));
		while (more) {
			struct frame *to = n < FRAMES ? &f[n] : &rest;
			int len = zmq_recv(z->socket, to->data, FRAME_MAX, 0);
			if (len < 0)
				break;
			to->len = (size_t)len;
			n++;
			zmq_getsockopt(z->socket, ZMQ_RCVMORE, &more, &size);
		}
		if (n)
			answer(z, f, n);
		else if (errno == ETERM)
			break;
	}
	return NULL;
}

static int open_handler(struct zap *z, void *ctx) {
	z->socket = zmq_socket(ctx, ZMQ_REP);
	if (!z->socket || socket_set(z->socket, ZMQ_LINGER, 0) ||
		socket_set(z->socket, ZMQ_RCVTIMEO, 50) ||
		socket_set(z->socket, ZMQ_SNDHWM, 1000) ||
		socket_set(z->socket, ZMQ_RCVHWM, 1000) ||
		zmq_bind(z->socket, "inproc://zeromq.zap.01"))
		return -errno;
	int rc = -pthread_create(&z->thread, NULL, serve, z);
	z->running = !rc;
	return rc;
}

struct zap *zap_create(
	void *ctx, const struct tt_link_peer_key *allowed, unsigned n, struct tt_err *err) {
	struct zap *z = calloc(1, sizeof(*z));
	int rc = -ENOMEM;
	if (z)
		z->known = calloc(n ? n : 1, sizeof(*z->known));
	if (!z || !z->known) {
		tt_err_set(err, rc, "keys: out of memory");
		goto fail;
	}
	for (unsigned i = 0; i < n; i++) {
		struct known *k = &z->known[z->known_n++];
		memcpy(k->name, allowed[i].name, sizeof(k->name));
		if (strlen(allowed[i].key) != 40 || !zmq_z85_decode(k->key, allowed[i].key)) {
			rc = tt_err_set(err, -EINVAL, "key of %s: expected 40 characters (Z85)",
				allowed[i].name);
			goto fail;
		}
	}
	rc = open_handler(z, ctx);
	if (!rc)
		return z;
	tt_err_set(err, rc, "keys: cannot check them: %s", zmq_strerror(-rc));
fail:
	zap_destroy(&z);
	errno = -rc;
	return NULL;
}

void zap_destroy(struct zap **zp) {
	struct zap *z = *zp;
	if (!z)
		return;
	z->stop = true;
	if (z->running)
		pthread_join(z->thread, NULL);
	if (z->socket)
		zmq_close(z->socket);
	free(z->known);
	free(z);
	*zp = NULL;
}
