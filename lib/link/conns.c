/* SPDX-License-Identifier: BSD-3-Clause */
#include "conns.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tt_addr.h"
#include "tt_file.h"
#include "tt_hash.h"
#include "tt_time.h"

#define FD_MAX (1 << 20)

void conns_init(struct conns *c) {
	memset(c, 0, sizeof(*c));
	tt_random(c->secret, sizeof(c->secret));
}

void conns_free(struct conns *c) {
	free(c->rows);
	c->rows = NULL;
	c->cap = 0;
}

// never the same for two sockets of a running kernel; 0: no socket
static uint64_t cookie_of(int fd) {
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

static void note_address(struct conn *e, int fd) {
	struct sockaddr_storage a = {0};
	socklen_t len = sizeof(a);
	struct tt_addr t = {0};
	snprintf(e->address, sizeof(e->address), "a local peer");
	if (getpeername(fd, (struct sockaddr *)&a, &len))
		return;
	if (a.ss_family == AF_INET) {
		t.family = 4;
		memcpy(t.b, &((struct sockaddr_in *)&a)->sin_addr, 4);
	} else if (a.ss_family == AF_INET6) {
		const struct in6_addr *v6 = &((struct sockaddr_in6 *)&a)->sin6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(v6);
		t.family = mapped ? 4 : 6;
		memcpy(t.b, mapped ? (const uint8_t *)v6 + 12 : (const uint8_t *)v6,
			mapped ? 4 : 16);
	} else {
		return;
	}
	tt_addr_format(&t, e->address);
	memcpy(e->prefix, t.b, t.family == 4 ? 4 : 8);
}

static struct conn *row(struct conns *c, int fd) {
	if (fd < 0 || fd >= FD_MAX)
		return NULL;
	if ((unsigned)fd >= c->cap) {
		unsigned cap = ((unsigned)fd + 256) & ~255u;
		struct conn *p = realloc(c->rows, cap * sizeof(*p));
		if (!p)
			return NULL;
		memset(p + c->cap, 0, (cap - c->cap) * sizeof(*p));
		c->rows = p;
		c->cap = cap;
	}
	return &c->rows[fd];
}

static void forget_stranger(struct conns *c, int fd) {
	for (unsigned i = 0; i < c->stranger_n; i++) {
		if (c->strangers[i] != fd)
			continue;
		c->stranger_n--;
		memmove(&c->strangers[i], &c->strangers[i + 1],
			(c->stranger_n - i) * sizeof(c->strangers[0]));
		return;
	}
}

// the row of the connection that the descriptor is now
static struct conn *present(struct conns *c, int fd) {
	uint64_t cookie = cookie_of(fd);
	struct conn *e = cookie ? row(c, fd) : NULL;
	if (!e || e->cookie == cookie)
		return e;
	forget_stranger(c, fd); // its predecessor's
	*e = (struct conn){.cookie = cookie, .since_ns = tt_mono_ns()};
	note_address(e, fd);
	return e;
}

void conns_cut(struct conns *c, int fd) {
	struct conn *e = fd >= 0 && (unsigned)fd < c->cap ? &c->rows[fd] : NULL;
	if (!e || !e->cookie)
		return;
	forget_stranger(c, fd);
	if (cookie_of(fd) == e->cookie)
		shutdown(fd, SHUT_RDWR);
	e->cookie = 0;
}

// whether an address may have one more connection now
static bool within_rate(struct conns *c, const struct conn *e) {
	uint64_t h = tt_siphash(c->secret, e->prefix, sizeof(e->prefix));
	unsigned at = h % (sizeof(c->rate) / sizeof(c->rate[0]));
	int64_t now = tt_mono_ns();
	double tokens = CONNS_BURST;
	if (c->rate[at].at_ns)
		tokens =
			c->rate[at].tokens + (double)(now - c->rate[at].at_ns) / TT_NS * CONNS_RATE;
	tokens = tokens > CONNS_BURST ? CONNS_BURST : tokens;
	c->rate[at].at_ns = now;
	c->rate[at].tokens = tokens >= 1 ? tokens - 1 : tokens;
	return tokens >= 1;
}

// the oldest stranger of the address where it has too many, else of all where those are
static int one_too_many(const struct conns *c, const struct conn *e) {
	int oldest = -1;
	unsigned n = 0;
	for (unsigned i = 0; i < c->stranger_n; i++) {
		if (memcmp(c->rows[c->strangers[i]].prefix, e->prefix, sizeof(e->prefix)))
			continue;
		oldest = n++ ? oldest : c->strangers[i];
	}
	return n >= CONNS_PER_ADDRESS		  ? oldest
	       : c->stranger_n >= CONNS_STRANGERS ? c->strangers[0]
						  : -1;
}

enum conns_cut conns_accepted(struct conns *c, int fd, char victim[CONNS_ADDRESS_LEN]) {
	struct conn *e = present(c, fd);
	if (!e || e->trusted)
		return CONNS_KEPT;
	memcpy(victim, e->address, CONNS_ADDRESS_LEN);
	if (!within_rate(c, e)) {
		conns_cut(c, fd);
		return CONNS_RATED;
	}
	int old = one_too_many(c, e);
	if (old >= 0) {
		memcpy(victim, c->rows[old].address, CONNS_ADDRESS_LEN);
		conns_cut(c, old);
	}
	c->strangers[c->stranger_n++] = fd;
	return old >= 0 ? CONNS_CROWDED : CONNS_KEPT;
}

struct conn *conns_trust(struct conns *c, int fd, const char *name, const char *key) {
	struct conn *e = present(c, fd);
	if (!e || e->trusted)
		return e;
	forget_stranger(c, fd);
	e->trusted = true;
	snprintf(e->name, sizeof(e->name), "%s", name);
	snprintf(e->key, sizeof(e->key), "%s", key);
	return e;
}

bool conns_gone(struct conns *c, int fd, char address[CONNS_ADDRESS_LEN]) {
	struct conn *e = fd >= 0 && (unsigned)fd < c->cap ? &c->rows[fd] : NULL;
	// told before it is closed; of a trusted one's successor nothing may be forgotten
	if (!e || !e->cookie || (e->trusted && cookie_of(fd) == e->cookie))
		return false;
	bool stranger = !e->trusted;
	memcpy(address, e->address, CONNS_ADDRESS_LEN);
	forget_stranger(c, fd);
	e->cookie = 0;
	return stranger;
}

void conns_limit(struct conns *c, const struct conn *of, unsigned max) {
	int oldest = -1;
	unsigned n = 0;
	for (unsigned i = 0; i < c->cap; i++) {
		const struct conn *e = &c->rows[i];
		if (!e->cookie || !e->trusted || strcmp(e->key, of->key) ||
			cookie_of((int)i) != e->cookie)
			continue;
		n++;
		if (oldest < 0 || e->since_ns < c->rows[oldest].since_ns)
			oldest = (int)i;
	}
	if (n > max)
		conns_cut(c, oldest);
}

bool conns_overdue(struct conns *c, char address[CONNS_ADDRESS_LEN]) {
	int fd = c->stranger_n ? c->strangers[0] : -1;
	if (fd < 0 || tt_mono_ns() - c->rows[fd].since_ns < CONNS_STRANGER_NS)
		return false;
	memcpy(address, c->rows[fd].address, CONNS_ADDRESS_LEN);
	conns_cut(c, fd);
	return true;
}

// Bytes that came by a connection, read or not; 0 where it is no TCP.
static uint64_t received(int fd) {
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_bytes_received;
}

bool conns_talkative(struct conns *c, unsigned *at, char address[CONNS_ADDRESS_LEN]) {
	if (*at > c->stranger_n)
		*at = c->stranger_n;
	while (*at) {
		int fd = c->strangers[--*at];
		if (cookie_of(fd) != c->rows[fd].cookie || received(fd) <= CONNS_BYTES)
			continue;
		memcpy(address, c->rows[fd].address, CONNS_ADDRESS_LEN);
		conns_cut(c, fd);
		return true;
	}
	return false;
}
