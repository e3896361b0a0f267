/* SPDX-License-Identifier: BSD-3-Clause */
#include "door.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conns.h"
#include "grumble.h"
#include "socket.h"
#include "tt_log.h"
#include "tt_time.h"

#define FRAME_MAX   256
#define FRAMES	    7 // version, request id, domain, address, identity, mechanism, credentials
#define TICK_MS	    50
#define EVENTS_MAX  1000000 // that wait; libzmq would stand still with none left
#define KEY_LEN	    40
#define USER_ID_MAX (TT_ID_MAX + 1 + KEY_LEN)

struct door {
	void *socket, *monitor; // the thread's
	pthread_t thread;
	bool running;
	int64_t next_look;
	atomic_bool stop; // written by door_destroy
	char *endpoint;
	unsigned per_key;
	bool quiet;

	// under the lock
	pthread_mutex_t lock;
	struct tt_link_peer_key *list;
	unsigned list_n;
	struct conns conns;
	struct grumbler grumbler;
	struct tt_link_refused refused;
};

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len; // cut frames have more than FRAME_MAX and match nothing
};

// ---- the list

static const struct tt_link_peer_key *by_key(const struct door *d, const char *key) {
	for (unsigned i = 0; i < d->list_n; i++)
		if (!strcmp(d->list[i].key, key))
			return &d->list[i];
	return NULL;
}

static int check_list(const struct tt_link_peer_key *list, unsigned n, struct tt_err *err) {
	uint8_t raw[32];
	for (unsigned i = 0; i < n; i++) {
		if (strlen(list[i].key) != KEY_LEN || !zmq_z85_decode(raw, list[i].key))
			return tt_err_set(err, -EINVAL, "key of %s: expected 40 characters (Z85)",
				list[i].name);
		for (unsigned k = 0; k < i; k++)
			if (!strcmp(list[i].key, list[k].key))
				return tt_err_set(err, -EINVAL,
					"key of %s: is that of %s too, expected a key each",
					list[i].name, list[k].name);
	}
	return 0;
}

// under the lock: connections of keys that are gone, or are another's by now
static void end_revoked(struct door *d) {
	for (unsigned fd = 0; fd < d->conns.cap; fd++) {
		struct conn *e = &d->conns.rows[fd];
		if (!e->cookie || !e->trusted)
			continue;
		const struct tt_link_peer_key *k = by_key(d, e->key);
		if (k && !strcmp(k->name, e->name))
			continue;
		tt_log(TT_WARN, "%s: %s: its key is no longer allowed: connection ended",
			d->endpoint, e->name);
		d->refused.revoked++;
		conns_cut(&d->conns, (int)fd);
	}
}

int door_allow(
	struct door *d, const struct tt_link_peer_key *allowed, unsigned n, struct tt_err *err) {
	int rc = check_list(allowed, n, err);
	struct tt_link_peer_key *list = rc ? NULL : calloc(n ? n : 1, sizeof(*list));
	if (!rc && !list)
		rc = tt_err_set(err, -ENOMEM, "keys: out of memory");
	if (rc)
		return rc;
	if (n)
		memcpy(list, allowed, n * sizeof(*list));
	pthread_mutex_lock(&d->lock);
	free(d->list);
	d->list = list;
	d->list_n = n;
	end_revoked(d);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

// ---- ZAP

static bool is(const struct frame *f, const char *text) {
	return f->len == strlen(text) && !memcmp(f->data, text, f->len);
}

// Writes the user id of an allowed key, "NAME KEY"; empty where it is not.
static void identify(
	struct door *d, const struct frame f[FRAMES], unsigned n, char user[USER_ID_MAX + 1]) {
	char key[KEY_LEN + 1] = "", address[GRUMBLE_NAME];
	user[0] = 0;
	if (n == FRAMES && is(&f[0], "1.0") && is(&f[2], DOOR_DOMAIN) && is(&f[5], "CURVE") &&
		f[6].len == 32)
		zmq_z85_encode(key, f[6].data, 32);
	pthread_mutex_lock(&d->lock);
	const struct tt_link_peer_key *k = key[0] ? by_key(d, key) : NULL;
	if (k) {
		snprintf(user, USER_ID_MAX + 1, "%s %s", k->name, k->key);
	} else {
		snprintf(address, sizeof(address), "%.*s",
			(int)(f[3].len < GRUMBLE_NAME ? f[3].len : 0), (const char *)f[3].data);
		// libzmq's ::ffff:192.0.2.1 is 192.0.2.1 everywhere else
		bool mapped = !strncmp(address, "::ffff:", 7) && strchr(address, '.');
		d->refused.keys++;
		grumble(&d->grumbler, d->endpoint, address + (mapped ? 7 : 0),
			"its key is not allowed");
	}
	pthread_mutex_unlock(&d->lock);
}

static void send_frame(struct door *d, const void *data, size_t len, bool more) {
	// the other end is libzmq in this process; without an answer it closes the connection
	zmq_send(d->socket, data, len, more ? ZMQ_SNDMORE : 0);
}

static void answer(struct door *d, const struct frame f[FRAMES], unsigned n) {
	char user[USER_ID_MAX + 1];
	identify(d, f, n, user);
	const char *text = user[0] ? "OK" : "key not allowed";
	send_frame(d, "1.0", 3, true);
	send_frame(d, f[1].data, f[1].len <= FRAME_MAX ? f[1].len : 0, true);
	send_frame(d, user[0] ? "200" : "400", 3, true);
	send_frame(d, text, strlen(text), true);
	send_frame(d, user, strlen(user), true);
	send_frame(d, "", 0, false);
}

static void on_request(struct door *d) {
	struct frame f[FRAMES], rest;
	unsigned n = 0;
	int more = 1;
	size_t size = sizeof(more);
	memset(f, 0, sizeof(f));
	while (more) {
		struct frame *to = n < FRAMES ? &f[n] : &rest;
		int len = zmq_recv(d->socket, to->data, FRAME_MAX, n ? 0 : ZMQ_DONTWAIT);
		if (len < 0)
			return;
		to->len = (size_t)len;
		n++;
		zmq_getsockopt(d->socket, ZMQ_RCVMORE, &more, &size);
	}
	answer(d, f, n);
}

// ---- connections

// under the lock
static void cut_stranger(struct door *d, const char *address, const char *what) {
	d->refused.connections++;
	grumble(&d->grumbler, d->endpoint, address, what);
}

// under the lock
static void on_event(struct door *d, uint16_t event, int fd) {
	char address[CONNS_ADDRESS_LEN];
	if (event == ZMQ_EVENT_ACCEPTED) {
		enum conns_cut cut = conns_accepted(&d->conns, fd, address);
		if (cut == CONNS_RATED)
			cut_stranger(d, address, "too many connections a second: refused");
		else if (cut == CONNS_CROWDED)
			cut_stranger(
				d, address, "too many connections without a key: the oldest ended");
	} else if (event == ZMQ_EVENT_ACCEPT_FAILED) {
		grumble(&d->grumbler, d->endpoint, "a connection", strerror(fd));
	} else if (conns_gone(&d->conns, fd, address)) {
		cut_stranger(d, address, "a connection ended before it showed a key");
	}
}

static void on_events(struct door *d) {
	zmq_msg_t m;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, d->monitor, ZMQ_DONTWAIT) >= 0) {
		uint16_t event;
		int32_t value;
		memcpy(&event, zmq_msg_data(&m), 2);
		memcpy(&value, (uint8_t *)zmq_msg_data(&m) + 2, 4);
		while (zmq_msg_more(&m) && zmq_msg_recv(&m, d->monitor, 0) >= 0)
			;
		pthread_mutex_lock(&d->lock);
		on_event(d, event, value);
		pthread_mutex_unlock(&d->lock);
	}
	zmq_msg_close(&m);
}

// A look at every stranger is a thousand system calls.
static void look_at_strangers(struct door *d) {
	char address[CONNS_ADDRESS_LEN];
	int64_t now = tt_mono_ns();
	if (now < d->next_look)
		return;
	d->next_look = now + TICK_MS * 1000000ll;
	pthread_mutex_lock(&d->lock);
	while (conns_overdue(&d->conns, address))
		cut_stranger(d, address, "showed no key in 10 seconds: connection ended");
	for (unsigned at = d->quiet ? d->conns.stranger_n : 0;
		conns_talkative(&d->conns, &at, address);)
		cut_stranger(d, address,
			"sent more than a handshake before it showed a key: connection ended");
	pthread_mutex_unlock(&d->lock);
}

static void *serve(void *arg) {
	struct door *d = arg;
	while (!d->stop) {
		zmq_pollitem_t items[] = {
			{d->socket, 0, ZMQ_POLLIN, 0}, {d->monitor, 0, ZMQ_POLLIN, 0}};
		if (zmq_poll(items, 2, TICK_MS) < 0 && errno == ETERM)
			break;
		on_events(d);
		on_request(d);
		look_at_strangers(d);
	}
	return NULL;
}

static int fd_of(zmq_msg_t *m) {
	return zmq_msg_get(m, ZMQ_SRCFD);
}

bool door_name(struct door *d, zmq_msg_t *m, char name[TT_ID_LEN]) {
	const char *user = zmq_msg_gets(m, "User-Id"), *key = user ? strchr(user, ' ') : NULL;
	int fd = fd_of(m);
	pthread_mutex_lock(&d->lock);
	const struct tt_link_peer_key *k = key ? by_key(d, key + 1) : NULL;
	bool ok = k && !strncmp(k->name, user, (size_t)(key - user)) && !k->name[key - user];
	if (ok) {
		memcpy(name, k->name, TT_ID_LEN);
		const struct conn *was =
			fd >= 0 && (unsigned)fd < d->conns.cap ? &d->conns.rows[fd] : NULL;
		bool fresh = !was || !was->cookie || !was->trusted;
		struct conn *e = conns_trust(&d->conns, fd, k->name, k->key);
		if (e && fresh)
			conns_limit(&d->conns, e, d->per_key);
	} else {
		d->refused.revoked++;
		conns_cut(&d->conns, fd);
	}
	pthread_mutex_unlock(&d->lock);
	return ok;
}

void door_throw_out(struct door *d, zmq_msg_t *m, const char *what) {
	int fd = fd_of(m);
	pthread_mutex_lock(&d->lock);
	d->refused.messages++;
	if (fd >= 0 && (unsigned)fd < d->conns.cap)
		grumble(&d->grumbler, d->endpoint,
			d->conns.rows[fd].name[0] ? d->conns.rows[fd].name
						  : d->conns.rows[fd].address,
			what);
	conns_cut(&d->conns, fd);
	pthread_mutex_unlock(&d->lock);
}

bool door_subscribed(struct door *d, zmq_msg_t *m) {
	int fd = fd_of(m);
	pthread_mutex_lock(&d->lock);
	bool known = fd >= 0 && (unsigned)fd < d->conns.cap;
	bool ok = !known || ++d->conns.rows[fd].topics <= CONNS_TOPICS_MAX;
	pthread_mutex_unlock(&d->lock);
	if (!ok)
		door_throw_out(d, m, "too many subscriptions: connection ended");
	return ok;
}

void door_refused(struct door *d, struct tt_link_refused *out) {
	pthread_mutex_lock(&d->lock);
	out->keys += d->refused.keys;
	out->connections += d->refused.connections;
	out->revoked += d->refused.revoked;
	out->messages += d->refused.messages;
	pthread_mutex_unlock(&d->lock);
}

// ---- life

static int open_sockets(struct door *d, void *ctx) {
	char address[64];
	d->socket = zmq_socket(ctx, ZMQ_REP);
	d->monitor = zmq_socket(ctx, ZMQ_PAIR);
	if (!d->socket || !d->monitor)
		return -errno;
	int hwm = EVENTS_MAX;
	snprintf(address, sizeof(address), "inproc://door-%p", (void *)d);
	if (socket_set(d->socket, ZMQ_LINGER, 0) || socket_set(d->monitor, ZMQ_LINGER, 0) ||
		socket_set(d->socket, ZMQ_SNDHWM, 1000) ||
		socket_set(d->socket, ZMQ_RCVHWM, 1000) ||
		socket_set(d->monitor, ZMQ_RCVHWM, hwm) ||
		zmq_bind(d->socket, "inproc://zeromq.zap.01") || zmq_connect(d->monitor, address))
		return -errno;
	int rc = -pthread_create(&d->thread, NULL, serve, d);
	d->running = !rc;
	return rc;
}

int door_watch(struct door *d, void *socket) {
	char address[64];
	snprintf(address, sizeof(address), "inproc://door-%p", (void *)d);
	return zmq_socket_monitor(socket, address,
		       ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_ACCEPT_FAILED | ZMQ_EVENT_CLOSED |
			       ZMQ_EVENT_DISCONNECTED)
		       ? -errno
		       : 0;
}

struct door *door_create(void *ctx, const struct door_conf *conf, struct tt_err *err) {
	struct door *d = calloc(1, sizeof(*d));
	int rc = -ENOMEM;
	if (!d || !(d->endpoint = strdup(conf->endpoint))) {
		free(d);
		tt_err_set(err, rc, "%s: out of memory", conf->endpoint);
		errno = ENOMEM;
		return NULL;
	}
	pthread_mutex_init(&d->lock, NULL);
	conns_init(&d->conns);
	d->per_key = conf->per_key;
	d->quiet = conf->quiet;
	rc = door_allow(d, conf->allowed, conf->allowed_n, err);
	if (!rc && (rc = open_sockets(d, ctx)))
		tt_err_set(err, rc, "%s: cannot check keys: %s", conf->endpoint, zmq_strerror(-rc));
	if (rc) {
		door_destroy(&d);
		errno = -rc;
	}
	return d;
}

void door_destroy(struct door **dp) {
	struct door *d = *dp;
	if (!d)
		return;
	d->stop = true;
	if (d->running)
		pthread_join(d->thread, NULL);
	if (d->socket)
		zmq_close(d->socket);
	if (d->monitor)
		zmq_close(d->monitor);
	conns_free(&d->conns);
	pthread_mutex_destroy(&d->lock);
	free(d->list);
	free(d->endpoint);
	free(d);
	*dp = NULL;
}
