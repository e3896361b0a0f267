/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "door.h"

// a literal loopback address: a name such as 127.0.0.1.example.org may lead anywhere
static bool is_loopback(const char *host, size_t len) {
	char text[INET6_ADDRSTRLEN];
	struct in_addr v4;
	struct in6_addr v6;
	bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
	if (len >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(bracketed ? len - 2 : len),
		bracketed ? host + 1 : host);
	if (bracketed)
		return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
	if (inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return !strcmp(text, "localhost");
}

bool tt_link_is_local(const char *endpoint) {
	if (!strncmp(endpoint, "ipc://", 6) || !strncmp(endpoint, "inproc://", 9))
		return true;
	if (strncmp(endpoint, "tcp://", 6))
		return false;
	const char *host = endpoint + 6, *port = strrchr(host, ':');
	// "tcp://SOURCE;HOST:PORT" is libzmq's way to choose a source address
	if (!port || strchr(host, ';'))
		return false;
	return is_loopback(host, (size_t)(port - host));
}

static bool is_port(const char *text) {
	char *end;
	if (!strcmp(text, "*"))
		return true;
	unsigned long port = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	return port && port <= 65535 && !*end;
}

int tt_link_endpoint_check(const char *endpoint, struct tt_err *err) {
	const char *rest = strstr(endpoint, "://"), *colon = strrchr(endpoint, ':');
	bool tcp = !strncmp(endpoint, "tcp://", 6);
	if (tcp && colon > rest + 3 && !is_port(colon + 1))
		return tt_err_set(err, -EINVAL, "%s: has the port '%.16s', expected 1 to 65535",
			endpoint, colon + 1);
	if (rest && rest[3] &&
		(!strncmp(endpoint, "ipc://", 6) || !strncmp(endpoint, "inproc://", 9) ||
			(tcp && colon > rest + 3)))
		return 0;
	return tt_err_set(err, -EINVAL,
		"'%s' is no endpoint, expected tcp://HOST:PORT or ipc://PATH", endpoint);
}

int socket_set(void *socket, int option, int value) {
	return zmq_setsockopt(socket, option, &value, sizeof(value)) ? -errno : 0;
}

static bool has_keys(const struct socket_conf *c) {
	if (!c->keys || !c->keys->secret_key[0])
		return false;
	return c->server || c->keys->server_key[0];
}

// ZeroMQ takes over the socket file of a living process; ask first whether somebody answers there
static bool ipc_in_use(const char *endpoint) {
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strncmp(endpoint, "ipc://", 6) || endpoint[6] == '@' || endpoint[6] == '*' ||
		strlen(endpoint + 6) >= sizeof(a.sun_path))
		return false;
	memcpy(a.sun_path, endpoint + 6, strlen(endpoint + 6));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	bool used = !rc || errno == EAGAIN || errno == EINPROGRESS;
	close(fd);
	return used;
}

static int set_curve(void *s, const struct socket_conf *c) {
	const struct tt_link_keys *k = c->keys;
	char public_key[41];
	if (k->public_key[0])
		memcpy(public_key, k->public_key, sizeof(public_key));
	else if (zmq_curve_public(public_key, k->secret_key))
		return -errno;
	if (c->server && socket_set(s, ZMQ_CURVE_SERVER, 1))
		return -errno;
	if (c->door && zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, DOOR_DOMAIN, strlen(DOOR_DOMAIN)))
		return -errno;
	if (c->door && door_watch(c->door, s))
		return -errno;
	if (!c->server && zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, k->server_key, 40))
		return -errno;
	if (zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, public_key, 40) ||
		zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, k->secret_key, 40))
		return -errno;
	return 0;
}

static int set_options(void *s, const struct socket_conf *c) {
	const struct {
		int option, value;
	} options[] = {
		{ZMQ_LINGER, 0},
		{ZMQ_SNDHWM, c->send_hwm},
		{ZMQ_RCVHWM, c->receive_hwm},
		{ZMQ_IPV6, strncmp(c->endpoint, "tcp://127.", 10) != 0},
		{ZMQ_RECONNECT_IVL, 50},
		{ZMQ_RECONNECT_IVL_MAX, 2000},
		{ZMQ_HANDSHAKE_IVL, c->server ? 3000 : 10000},
		{ZMQ_BACKLOG, 1024},
		{ZMQ_HEARTBEAT_IVL, 5000},
		{ZMQ_HEARTBEAT_TIMEOUT, 15000},
		{ZMQ_HEARTBEAT_TTL, 30000},
	};
	for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (socket_set(s, options[i].option, options[i].value))
			return -errno;
	int64_t max = c->max_message;
	if (zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof(max)))
		return -errno;
	if (c->type == ZMQ_ROUTER && socket_set(s, ZMQ_ROUTER_MANDATORY, 1))
		return -errno;
	// every subscription is shown, also one that another connection made before
	if (c->type == ZMQ_XPUB && socket_set(s, ZMQ_XPUB_VERBOSE, 1))
		return -errno;
	// Nothing waits in the queue of a connection that does not stand. While its buffer is full
	// no heartbeat is sent, and TCP tries for a quarter of an hour, less and less often.
	if (c->type == ZMQ_DEALER &&
		(socket_set(s, ZMQ_IMMEDIATE, 1) || socket_set(s, ZMQ_CONNECT_TIMEOUT, 10000) ||
			socket_set(s, ZMQ_TCP_MAXRT, 30000)))
		return -errno;
	return 0;
}

void *socket_open(void *ctx, const struct socket_conf *c, struct tt_err *err) {
	int rc;
	if (!tt_link_is_local(c->endpoint) && !has_keys(c)) {
		errno = -tt_err_set(err, -EACCES,
			"%s: not local and no keys: CURVE is required (expected ipc://, "
			"tcp://127.0.0.1:PORT, or keys in the configuration)",
			c->endpoint);
		return NULL;
	}
	if ((rc = tt_link_endpoint_check(c->endpoint, err))) {
		errno = -rc;
		return NULL;
	}
	if (c->bind && ipc_in_use(c->endpoint)) {
		errno = -tt_err_set(err, -EADDRINUSE,
			"%s: another process listens there, expected a free endpoint", c->endpoint);
		return NULL;
	}
	void *s = zmq_socket(ctx, c->type);
	if (!s) {
		rc = tt_err_set(err, -errno, "%s: no socket: %s", c->endpoint, zmq_strerror(errno));
		errno = -rc;
		return NULL;
	}
	rc = set_options(s, c);
	if (!rc && has_keys(c))
		rc = set_curve(s, c);
	if (rc)
		tt_err_set(err, rc, "%s: cannot set up the socket: %s", c->endpoint,
			zmq_strerror(-rc));
	if (!rc && (c->bind ? zmq_bind(s, c->endpoint) : zmq_connect(s, c->endpoint)))
		rc = tt_err_set(err, -errno, "%s: cannot %s: %s", c->endpoint,
			c->bind ? "listen" : "connect", zmq_strerror(errno));
	if (rc) {
		zmq_close(s);
		errno = -rc;
		return NULL;
	}
	return s;
}

void socket_close_bound(void *socket, const char *endpoint, int linger_ms) {
	// first: once it is closed the file may be that of a successor
	if (!strncmp(endpoint, "ipc://", 6) && endpoint[6] != '@' && endpoint[6] != '*')
		unlink(endpoint + 6);
	socket_set(socket, ZMQ_LINGER, linger_ms);
	zmq_close(socket);
}
