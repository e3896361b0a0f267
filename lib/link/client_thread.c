/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "client.h"
#include "tt_crash.h"
#include "tt_log.h"
#include "tt_time.h"

#define HELLO_AGAIN_NS TT_NS
#define REFUSED_NS     (60 * TT_NS) // a collector may be upgraded while we wait
#define TIMEOUT_MAX_NS (60 * TT_NS)
#define COMPLAIN_NS    (60 * TT_NS)
#define REOPEN_MIN_NS  TT_NS
#define REOPEN_MAX_NS  (30 * TT_NS)

// at most one complaint a minute
static void complain(struct tt_link_client *c, const char *what) {
	int64_t now = tt_mono_ns();
	if (c->logged_ns && now - c->logged_ns < COMPLAIN_NS)
		return;
	c->logged_ns = now;
	tt_log(TT_WARN, "%s: %s", c->endpoint, what);
}

static bool send_frame(struct tt_link_client *c, const struct proto_frame *f, int flags) {
	uint8_t out[PROTO_FRAME_MAX];
	size_t len = proto_pack(f, out);
	return zmq_send(c->socket, out, len, flags | ZMQ_DONTWAIT) >= 0;
}

static void say_hello(struct tt_link_client *c) {
	int64_t now = tt_mono_ns(), gap = c->refused ? REFUSED_NS : HELLO_AGAIN_NS;
	if (c->welcomed || (c->hello_ns && now - c->hello_ns < gap))
		return;
	struct proto_frame f = {.type = PROTO_HELLO,
		.version = PROTO_VERSION,
		.boot = c->boot,
		.lowest = PROTO_VERSION,
		.highest = PROTO_VERSION,
		.clock_ns = tt_now_ns()};
	memcpy(f.probe, c->probe, sizeof(f.probe));
	if (send_frame(c, &f, 0)) // no room: there is no connection yet
		c->hello_ns = now;
}

static void acknowledged(void *arg, struct item *it) {
	struct tt_link_client *c = arg;
	c->stats.acked++;
	// which copy it was is not known of what was sent twice (as Karn's rule has it)
	if (!it->again && it->sent_ns > c->reached_ns)
		c->reached_ns = it->sent_ns;
	client_forget(c, it);
}

// under the lock
static void forget_ranges(
	struct tt_link_client *c, uint64_t boot, const struct proto_range *r, unsigned n) {
	uint64_t before = c->stats.acked;
	if (c->spool)
		spool_begin(c->spool);
	for (unsigned i = 0; i < n; i++)
		queue_each_in(&c->queue, boot, r[i].first, r[i].last, acknowledged, c);
	if (c->spool)
		spool_end(c->spool);
	if (c->stats.acked != before)
		c->progress_ns = tt_mono_ns();
}

// what the collector cannot take now makes way for what it can
static void wait_longer(void *arg, struct item *it) {
	struct tt_link_client *c = arg;
	int64_t now = tt_mono_ns();
	if (it->timeout_ns < c->resend_ns)
		it->timeout_ns = c->resend_ns;
	it->not_before_ns = now + it->timeout_ns;
	it->timeout_ns = it->timeout_ns * 2 < TIMEOUT_MAX_NS ? it->timeout_ns * 2 : TIMEOUT_MAX_NS;
	queue_unsent(&c->queue, it);
}

static void refused_batch(void *arg, struct item *it) {
	struct tt_link_client *c = arg;
	c->stats.refused++;
	c->stats.lost_batches++;
	c->stats.lost_packets += it->packets;
	if (c->spool)
		spool_begin(c->spool);
	client_forget(c, it);
	if (c->spool)
		spool_end(c->spool);
	c->progress_ns = tt_mono_ns();
}

static void on_refuse(struct tt_link_client *c, const struct proto_frame *f) {
	char text[PROTO_TEXT_MAX + 64];
	if (f->value == PROTO_NEVER) {
		if (!c->refused)
			tt_log(TT_ERR, "%s: the collector refuses this probe: %s", c->endpoint,
				f->text);
		c->refused = true;
		c->welcomed = false;
		c->hello_ns = tt_mono_ns(); // the next try is a while away
		memcpy(c->refusal, f->text, sizeof(c->refusal));
		queue_reset(&c->queue);
	} else if (f->value == PROTO_BAD && f->seq) {
		tt_log(TT_ERR, "%s: the collector refused batch %016llx/%llu: %s", c->endpoint,
			(unsigned long long)f->boot, (unsigned long long)f->seq, f->text);
		queue_each_in(&c->queue, f->boot, f->seq, f->seq, refused_batch, c);
	} else {
		snprintf(text, sizeof(text), "the collector cannot take batches now: %s", f->text);
		complain(c, text);
		queue_each_in(&c->queue, f->boot, f->seq, f->seq, wait_longer, c);
	}
}

// under the lock
static void on_frame(struct tt_link_client *c, const struct proto_frame *f) {
	struct proto_range all = {1, f->seq};
	// the connection may have stood before anybody watched it
	c->stats.connected = true;
	switch (f->type) {
	case PROTO_WELCOME:
		if (!c->welcomed)
			queue_reset(&c->queue);
		c->welcomed = true;
		c->refused = false;
		c->window = f->value && f->value < c->window_max ? f->value : c->window_max;
		if (f->seq)
			forget_ranges(c, f->boot, &all, 1);
		break;
	case PROTO_ACK:
		forget_ranges(c, f->boot, f->ranges, f->value);
		break;
	case PROTO_REFUSE:
		on_refuse(c, f);
		break;
	case PROTO_WHO:
		c->welcomed = false;
		c->hello_ns = 0;
		break;
	default:
		complain(c, "a message that a collector does not send");
	}
	pthread_cond_broadcast(&c->changed);
}

static void receive(struct tt_link_client *c) {
	struct proto_range ranges[PROTO_RANGES_MAX];
	zmq_msg_t m;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, c->socket, ZMQ_DONTWAIT) >= 0) {
		struct proto_frame f = {.ranges = ranges};
		bool whole = !zmq_msg_more(&m);
		while (zmq_msg_more(&m) && zmq_msg_recv(&m, c->socket, 0) >= 0)
			;
		if (!whole || proto_unpack(zmq_msg_data(&m), zmq_msg_size(&m), &f)) {
			complain(c, "a message that is none of the link");
			continue;
		}
		pthread_mutex_lock(&c->lock);
		on_frame(c, &f);
		pthread_mutex_unlock(&c->lock);
	}
	zmq_msg_close(&m);
}

// libzmq tries no more after such an answer; the key may be allowed later
static void reopen_later(struct tt_link_client *c) {
	if (c->reopen_ns)
		return;
	c->wait_ns = !c->wait_ns		  ? REOPEN_MIN_NS
		     : c->wait_ns < REOPEN_MAX_NS ? 2 * c->wait_ns
						  : REOPEN_MAX_NS;
	c->reopen_ns = tt_mono_ns() + c->wait_ns;
}

static void reopen(struct tt_link_client *c) {
	struct tt_err err;
	if (!c->reopen_ns || tt_mono_ns() < c->reopen_ns)
		return;
	c->reopen_ns = 0;
	if (client_open(c, &err)) {
		complain(c, err.msg);
		reopen_later(c);
	}
}

// connections come and go; with each new one the collector is to be asked again what it has
static void watch(struct tt_link_client *c) {
	zmq_msg_t m;
	uint16_t event;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, c->monitor, ZMQ_DONTWAIT) >= 0) {
		memcpy(&event, zmq_msg_data(&m), sizeof(event));
		while (zmq_msg_more(&m) && zmq_msg_recv(&m, c->monitor, 0) >= 0)
			;
		pthread_mutex_lock(&c->lock);
		if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
			c->stats.connected = true;
			c->hello_ns = 0;
			c->wait_ns = 0;
		} else if (event == ZMQ_EVENT_DISCONNECTED) {
			c->stats.connected = false;
		} else {
			complain(c, "the handshake failed: the collector does not know this "
				    "probe's key, or has another key than is configured");
			reopen_later(c);
		}
		c->welcomed = false;
		queue_reset(&c->queue);
		pthread_mutex_unlock(&c->lock);
	}
	zmq_msg_close(&m);
}

// false: no room in the socket, or the batch cannot be read
static bool send_item(struct tt_link_client *c, struct item *it) {
	struct proto_frame f = {.type = PROTO_BATCH,
		.version = PROTO_VERSION,
		.value = (uint32_t)(tt_now_ns() / 1000000),
		.boot = it->boot,
		.seq = it->seq};
	struct tt_err err;
	if (!it->data && spool_read(c->spool, it, &err)) {
		complain(c, err.msg);
		return false;
	}
	TT_CRASH_POINT("link.send.before");
	if (!send_frame(c, &f, ZMQ_SNDMORE) ||
		zmq_send(c->socket, it->data, it->len, ZMQ_DONTWAIT) < 0)
		return false;
	TT_CRASH_POINT("link.send.after");
	c->stats.sent += !it->was_sent;
	c->stats.resent += it->was_sent;
	queue_sent(&c->queue, it, tt_mono_ns());
	if (it->spool_id) {
		free(it->data);
		it->data = NULL;
	}
	return true;
}

// A connection keeps the order. What was sent before something that is acknowledged got lost behind
// it, or its acknowledgement did; the rest may be on its way as long as any come: on a slow way
// copies would only make it slower.
static bool is_overdue(const struct tt_link_client *c, const struct item *it, int64_t now) {
	return now - it->sent_ns >= it->timeout_ns &&
	       (it->sent_ns < c->reached_ns || now - c->progress_ns >= it->timeout_ns);
}

// under the lock: again what was not acknowledged in time, each time after a longer while
static void resend(struct tt_link_client *c) {
	int64_t now = tt_mono_ns();
	unsigned seen = 0, in_flight = c->queue.in_flight;
	for (struct item *it = c->queue.head; it && seen < in_flight; it = it->next) {
		if (!it->sent_ns)
			continue;
		seen++;
		if (!is_overdue(c, it, now))
			continue;
		if (!send_item(c, it))
			return;
		it->again = true;
		it->timeout_ns =
			it->timeout_ns * 2 < TIMEOUT_MAX_NS ? it->timeout_ns * 2 : TIMEOUT_MAX_NS;
	}
}

static void pump(struct tt_link_client *c) {
	struct item *it;
	pthread_mutex_lock(&c->lock);
	if (c->welcomed) {
		resend(c);
		int64_t now = tt_mono_ns();
		while (c->queue.in_flight < c->window && (it = queue_next_unsent(&c->queue, now))) {
			if (it->timeout_ns < c->resend_ns)
				it->timeout_ns = c->resend_ns;
			if (!send_item(c, it))
				break;
		}
	}
	pthread_mutex_unlock(&c->lock);
}

static bool stopped(struct tt_link_client *c) {
	pthread_mutex_lock(&c->lock);
	bool stop = c->stop;
	pthread_mutex_unlock(&c->lock);
	return stop;
}

void *client_thread(void *arg) {
	struct tt_link_client *c = arg;
	long tick = (long)(c->resend_ns / 4000000);
	tick = tick < 10 ? 10 : tick > 200 ? 200 : tick;
	while (!stopped(c)) {
		reopen(c);
		zmq_pollitem_t items[] = {{c->socket, 0, ZMQ_POLLIN, 0},
			{c->monitor, 0, ZMQ_POLLIN, 0}, {NULL, c->wake, ZMQ_POLLIN, 0}};
		uint64_t count;
		if (!c->socket) // it could not be opened again yet
			items[0] = items[1] = items[2];
		zmq_poll(items, 3, tick);
		if ((items[2].revents & ZMQ_POLLIN) && read(c->wake, &count, sizeof(count)) < 0)
			complain(c, strerror(errno));
		if (!c->socket)
			continue;
		watch(c);
		receive(c);
		pthread_mutex_lock(&c->lock);
		say_hello(c);
		pthread_mutex_unlock(&c->lock);
		pump(c);
	}
	return NULL;
}
