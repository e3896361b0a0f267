/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "door.h"
#include "grumble.h"
#include "peers.h"
#include "proto.h"
#include "socket.h"
#include "tt_log.h"
#include "tt_time.h"
#include "tt_wire.h"

#define WINDOW_DEFAULT 64
#define SKEW_WARN_MS   2000
#define SKEW_WRAP_MS   (20ll * 86400000)
#define PER_KEY	       8 // connections: a probe that comes back may be ahead of its own end

// A batch that was taken and waits for the store's transaction.
struct taken {
	uint64_t peer; // serial
	uint64_t boot, seq;
};

struct tt_link_server {
	void *socket;
	struct door *door; // NULL: no keys
	unsigned window;
	char *endpoint;
	struct peers peers;
	struct boots boots;
	struct taken *taken;
	size_t taken_n, taken_cap;
	uint64_t unanswered; // written by its thread
	struct grumbler grumbler, clocks;
	struct tt_link_refused refused; // written by its thread; door has the rest
};

struct tt_link_server *tt_link_server_create(
	void *zmq_ctx, const struct tt_link_server_conf *conf, struct tt_err *err) {
	struct tt_link_server *s = calloc(1, sizeof(*s));
	if (!s || !(s->endpoint = strdup(conf->endpoint))) {
		free(s);
		tt_err_set(err, -ENOMEM, "%s: out of memory", conf->endpoint);
		return NULL;
	}
	s->window = conf->window ? conf->window : WINDOW_DEFAULT;
	struct socket_conf sc = {.type = ZMQ_ROUTER,
		.endpoint = conf->endpoint,
		.bind = true,
		.server = true,
		.send_hwm = 1000,
		.receive_hwm = (int)s->window + 16,
		.max_message = TT_BATCH_BYTES_MAX,
		.keys = &conf->keys};
	const struct door_conf dc = {
		conf->endpoint, conf->allowed, conf->allowed_n, PER_KEY, .quiet = true};
	bool curve = conf->keys.secret_key[0];
	// the list is in force before anybody can connect
	if (curve)
		sc.door = s->door = door_create(zmq_ctx, &dc, err);
	if (!curve || s->door)
		s->socket = socket_open(zmq_ctx, &sc, err);
	if (!s->socket) {
		int rc = errno;
		tt_link_server_destroy(&s);
		errno = rc;
	}
	return s;
}

void tt_link_server_destroy(struct tt_link_server **sp) {
	struct tt_link_server *s = *sp;
	if (!s)
		return;
	// the last acknowledgements still go out
	if (s->socket)
		socket_close_bound(s->socket, s->endpoint, 500);
	door_destroy(&s->door);
	peers_clear(&s->peers);
	free(s->taken);
	free(s->endpoint);
	free(s);
	*sp = NULL;
}

void *tt_link_server_socket(struct tt_link_server *s) {
	return s->socket;
}

int tt_link_server_allow(struct tt_link_server *s, const struct tt_link_peer_key *allowed,
	unsigned n, struct tt_err *err) {
	return s->door ? door_allow(s->door, allowed, n, err) : 0;
}

void tt_link_server_refused(struct tt_link_server *s, struct tt_link_refused *out) {
	*out = s->refused;
	if (s->door)
		door_refused(s->door, out);
}

static void complain(struct tt_link_server *s, const char *probe, const char *what) {
	grumble(&s->grumbler, s->endpoint, *probe ? probe : "a peer", what);
}

// what no probe sends; a peer with a key that sends it is thrown out
static void not_ours(struct tt_link_server *s, zmq_msg_t *m, const char *what) {
	if (s->door) {
		door_throw_out(s->door, m, what);
		return;
	}
	s->refused.messages++;
	complain(s, "", what);
}

// An answer that finds no room (EAGAIN) or nobody (EHOSTUNREACH, as ROUTER_MANDATORY has it) is
// counted: who still wants it asks again. False: nobody is there any more.
static bool answer(
	struct tt_link_server *s, const void *id, size_t id_len, const struct proto_frame *f) {
	uint8_t out[PROTO_FRAME_MAX];
	size_t len = proto_pack(f, out);
	if (zmq_send(s->socket, id, id_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
		zmq_send(s->socket, out, len, ZMQ_DONTWAIT) >= 0)
		return true;
	s->unanswered++;
	return errno != EHOSTUNREACH;
}

uint64_t tt_link_server_unanswered(const struct tt_link_server *s) {
	return s->unanswered;
}

static void refuse(struct tt_link_server *s, const void *id, size_t id_len, enum proto_refusal why,
	uint64_t boot, uint64_t seq, const char *text) {
	struct proto_frame f = {.type = PROTO_REFUSE,
		.version = PROTO_VERSION,
		.value = why,
		.boot = boot,
		.seq = seq};
	snprintf(f.text, sizeof(f.text), "%s", text);
	answer(s, id, id_len, &f);
}

// What is late on its way seems to come from a clock that is behind: the least is the nearest.
static void note_skew(struct tt_link_server *s, struct peer *p, int64_t skew_ms) {
	char text[96];
	if (!p->skew_known || skew_ms < p->skew_ms)
		p->skew_ms = skew_ms;
	p->skew_known = true;
	if (llabs(skew_ms) > SKEW_WARN_MS) {
		snprintf(text, sizeof(text), "its clock is %" PRId64 " s %s ours",
			(int64_t)llabs(skew_ms) / 1000, skew_ms > 0 ? "behind" : "ahead of");
		grumble(&s->clocks, s->endpoint, p->probe, text);
	}
}

// a batch carries 32 bits of its clock: enough near what HELLO said
static void note_batch_clock(struct tt_link_server *s, struct peer *p, uint32_t ms) {
	int32_t skew = (int32_t)((uint32_t)(tt_now_ns() / 1000000) - ms);
	if (ms && llabs(p->hello_skew_ms) < SKEW_WRAP_MS)
		note_skew(s, p, skew);
}

int tt_link_server_skew_ms(struct tt_link_server *s, const char *probe, int64_t *ms) {
	struct peer *found = NULL;
	for (unsigned i = 0; i < PEER_BUCKETS; i++)
		for (struct peer *p = s->peers.buckets[i]; p; p = p->next)
			if (!strcmp(p->probe, probe) && (!found || p->seen_ns > found->seen_ns))
				found = p;
	if (!found)
		return -ENOENT;
	*ms = found->skew_ms;
	found->skew_known = false;
	return 0;
}

static void on_hello(struct tt_link_server *s, const void *id, size_t id_len, const char *owner,
	const struct proto_frame *f) {
	char text[128];
	if (owner && strcmp(owner, f->probe)) {
		s->refused.names++;
		complain(s, owner, "claims a name that belongs to another key");
		refuse(s, id, id_len, PROTO_NEVER, f->boot, 0, "this name belongs to another key");
		return;
	}
	if (f->lowest > PROTO_VERSION || f->highest < PROTO_VERSION) {
		snprintf(text, sizeof(text),
			"link versions %u to %u spoken by the probe, %u by the collector",
			f->lowest, f->highest, PROTO_VERSION);
		s->refused.versions++;
		complain(s, f->probe, text);
		refuse(s, id, id_len, PROTO_NEVER, f->boot, 0, text);
		return;
	}
	struct peer *p = peers_add(&s->peers, id, id_len);
	if (!p)
		return;
	memcpy(p->probe, f->probe, sizeof(p->probe));
	p->seen_ns = tt_mono_ns();
	p->hello_skew_ms = tt_now_ns() / 1000000 - f->clock_ns / 1000000;
	p->skew_known = false;
	note_skew(s, p, p->hello_skew_ms);
	struct proto_frame w = {.type = PROTO_WELCOME,
		.version = PROTO_VERSION,
		.value = s->window,
		.boot = f->boot,
		.seq = boots_acked(&s->boots, f->probe, f->boot)};
	answer(s, id, id_len, &w);
}

static bool note_taken(struct tt_link_server *s, const struct taken *t) {
	if (s->taken_n == s->taken_cap) {
		size_t cap = s->taken_cap ? 2 * s->taken_cap : 256;
		struct taken *q = realloc(s->taken, cap * sizeof(*q));
		if (!q)
			return false;
		s->taken = q;
		s->taken_cap = cap;
	}
	s->taken[s->taken_n++] = *t;
	return true;
}

static void on_batch(struct tt_link_server *s, const void *id, size_t id_len,
	const struct proto_frame *f, const char *owner, zmq_msg_t *m, tt_link_batch_fn *fn,
	void *arg) {
	struct proto_frame who = {.type = PROTO_WHO, .version = PROTO_VERSION, .boot = f->boot};
	struct peer *p = peers_find(&s->peers, id, id_len);
	struct tt_batch_head head;
	struct tt_err err;
	const void *msg = zmq_msg_data(m);
	size_t len = zmq_msg_size(m);
	// the key may be another probe's by now
	if (!p || (owner && strcmp(owner, p->probe))) {
		answer(s, id, id_len, &who);
		return;
	}
	p->seen_ns = tt_mono_ns();
	note_batch_clock(s, p, f->value);
	err.msg[0] = 0;
	int rc = tt_batch_peek(msg, len, &head, &err);
	if (!rc && strcmp(head.probe, p->probe))
		rc = tt_err_set(
			&err, -EPERM, "a batch of %s from a link of %s", head.probe, p->probe);
	else if (!rc && (strtoull(head.boot, NULL, 16) != f->boot || head.seq != f->seq))
		rc = tt_err_set(&err, -EBADMSG, "batch %s/%" PRIu64 " announced as another",
			head.boot, head.seq);
	if (!rc)
		rc = fn(arg, p->probe, head.boot, head.seq, msg, len, &err);
	struct taken t = {p->serial, f->boot, f->seq};
	if (rc >= 0 && note_taken(s, &t))
		return;
	s->refused.batches += rc == -EBADMSG || rc == -EPERM || rc == -EPROTONOSUPPORT;
	// a batch of another version is good for a later collector: the probe is refused, not the
	// batch
	enum proto_refusal why = rc == -EBADMSG				  ? PROTO_BAD
				 : rc == -EPERM || rc == -EPROTONOSUPPORT ? PROTO_NEVER
									  : PROTO_LATER;
	complain(s, p->probe, rc >= 0 ? "out of memory" : err.msg);
	refuse(s, id, id_len, why, f->boot, f->seq, rc >= 0 ? "out of memory" : err.msg);
}

// reads the rest of a message that has more frames than any of ours
static bool drain(struct tt_link_server *s, zmq_msg_t *m) {
	bool more = zmq_msg_more(m);
	while (zmq_msg_more(m) && zmq_msg_recv(m, s->socket, 0) >= 0)
		;
	return more;
}

static void handle(struct tt_link_server *s, zmq_msg_t *id, zmq_msg_t *head, zmq_msg_t *body,
	tt_link_batch_fn *fn, void *arg) {
	struct proto_range ranges[PROTO_RANGES_MAX];
	struct proto_frame f = {.ranges = ranges};
	char owner[TT_ID_LEN];
	size_t id_len = zmq_msg_size(id);
	bool bad = !zmq_msg_more(id) || zmq_msg_recv(head, s->socket, 0) < 0;
	if (bad)
		return;
	bad = proto_unpack(zmq_msg_data(head), zmq_msg_size(head), &f);
	bool has_body = zmq_msg_more(head);
	if (has_body && zmq_msg_recv(body, s->socket, 0) < 0)
		return;
	bad |= (has_body && drain(s, body)) || has_body != (f.type == PROTO_BATCH);
	if (s->door && !door_name(s->door, head, owner))
		return;
	const char *name = s->door ? owner : NULL;
	if (bad)
		not_ours(s, head, "a message that is none of the link");
	else if (f.type == PROTO_HELLO)
		on_hello(s, zmq_msg_data(id), id_len, name, &f);
	else if (f.type == PROTO_BATCH)
		on_batch(s, zmq_msg_data(id), id_len, &f, name, body, fn, arg);
	else
		not_ours(s, head, "a message that a probe does not send");
}

int tt_link_server_receive(
	struct tt_link_server *s, unsigned max, tt_link_batch_fn *fn, void *arg) {
	zmq_msg_t id, head, body;
	unsigned n = 0;
	zmq_msg_init(&id);
	zmq_msg_init(&head);
	zmq_msg_init(&body);
	while (n < max && zmq_msg_recv(&id, s->socket, ZMQ_DONTWAIT) >= 0) {
		handle(s, &id, &head, &body, fn, arg);
		n++;
	}
	zmq_msg_close(&id);
	zmq_msg_close(&head);
	zmq_msg_close(&body);
	return (int)n;
}

static int by_seq(const void *a, const void *b) {
	const struct taken *x = a, *y = b;
	if (x->peer != y->peer)
		return x->peer < y->peer ? -1 : 1;
	if (x->boot != y->boot)
		return x->boot < y->boot ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

// acknowledges a run of the sorted list that is of one peer and boot
static void acknowledge(struct tt_link_server *s, const struct taken *t, size_t n) {
	struct proto_range ranges[PROTO_RANGES_MAX];
	struct proto_frame f = {
		.type = PROTO_ACK, .version = PROTO_VERSION, .boot = t->boot, .ranges = ranges};
	struct peer *p = peers_by_serial(&s->peers, t->peer);
	if (!p) // gone since; it will ask again when it is back
		return;
	for (size_t i = 0; i < n; i++) {
		boots_note(&s->boots, p->probe, t->boot, t[i].seq);
		if (f.value && t[i].seq <= ranges[f.value - 1].last + 1) {
			ranges[f.value - 1].last = t[i].seq;
			continue;
		}
		if (f.value == PROTO_RANGES_MAX) {
			answer(s, p->id, p->id_len, &f);
			f.value = 0;
		}
		ranges[f.value++] = (struct proto_range){t[i].seq, t[i].seq};
	}
	if (!answer(s, p->id, p->id_len, &f))
		peers_remove(&s->peers, p);
}

void tt_link_server_commit(struct tt_link_server *s) {
	size_t from = 0;
	if (!s->taken_n)
		return;
	qsort(s->taken, s->taken_n, sizeof(*s->taken), by_seq);
	for (size_t i = 1; i <= s->taken_n; i++) {
		const struct taken *a = &s->taken[from], *b = &s->taken[i];
		if (i < s->taken_n && a->peer == b->peer && a->boot == b->boot)
			continue;
		acknowledge(s, a, i - from);
		from = i;
	}
	s->taken_n = 0;
}

void tt_link_server_rollback(struct tt_link_server *s, const char *why) {
	for (size_t i = 0; i < s->taken_n; i++) {
		const struct taken *t = &s->taken[i];
		struct peer *p = peers_by_serial(&s->peers, t->peer);
		if (p)
			refuse(s, p->id, p->id_len, PROTO_LATER, t->boot, t->seq, why);
	}
	s->taken_n = 0;
}
