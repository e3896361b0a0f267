/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "socket.h"
#include "tt_log.h"
#include "tt_time.h"
#include "tt_wire.h"

#define WINDOW_DEFAULT	64
#define RESEND_DEFAULT	5000
#define MEMORY_DEFAULT	(256ull << 20)
#define NO_PROGRESS_NS	(30 * TT_NS)
#define FRAME_MAX_BYTES 65536 // nothing larger comes from a collector

static void close_sockets(struct tt_link_client *c) {
	if (c->socket) {
		zmq_socket_monitor(c->socket, NULL, 0);
		zmq_close(c->socket);
	}
	if (c->monitor)
		zmq_close(c->monitor);
	c->socket = c->monitor = NULL;
}

int client_open(struct tt_link_client *c, struct tt_err *err) {
	static atomic_uint number; // an address may live on while its sockets end
	char address[64];
	struct socket_conf sc = {.type = ZMQ_DEALER,
		.endpoint = c->endpoint,
		.send_hwm = (int)c->window_max + 16,
		.receive_hwm = 1000,
		.max_message = FRAME_MAX_BYTES,
		.keys = &c->keys};
	close_sockets(c);
	c->socket = socket_open(c->ctx, &sc, err);
	if (!c->socket)
		return -errno;
	snprintf(address, sizeof(address), "inproc://monitor-%u", atomic_fetch_add(&number, 1));
	c->monitor = zmq_socket(c->ctx, ZMQ_PAIR);
	if (!c->monitor || socket_set(c->monitor, ZMQ_LINGER, 0) ||
		zmq_socket_monitor(c->socket, address,
			ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
				ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
				ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL) ||
		zmq_connect(c->monitor, address)) {
		int rc = tt_err_set(err, -errno, "%s: cannot watch the socket: %s", c->endpoint,
			zmq_strerror(errno));
		close_sockets(c);
		return rc;
	}
	return 0;
}

static int set_up(
	struct tt_link_client *c, const struct tt_link_client_conf *conf, struct tt_err *err) {
	if (!conf->probe || !tt_id_valid(conf->probe) || !conf->boot || strlen(conf->boot) != 16)
		return tt_err_set(err, -EINVAL, "link: probe or boot is no id");
	snprintf(c->probe, sizeof(c->probe), "%s", conf->probe);
	c->boot = strtoull(conf->boot, NULL, 16);
	c->block = conf->block;
	c->max_bytes = conf->spool_max ? conf->spool_max : MEMORY_DEFAULT;
	c->window_max = conf->window ? conf->window : WINDOW_DEFAULT;
	c->resend_ns = (conf->resend_ms ? conf->resend_ms : RESEND_DEFAULT) * 1000000ll;
	c->progress_ns = tt_mono_ns();
	c->keys = conf->keys;
	c->endpoint = strdup(conf->endpoint);
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!c->endpoint || c->wake < 0)
		return tt_err_set(err, -errno, "link: %s", strerror(errno));
	if (conf->spool) {
		c->spool = spool_open(conf->spool, err);
		if (!c->spool)
			return -errno;
		int rc = spool_load(c->spool, &c->queue, err);
		if (rc)
			return rc;
	}
	c->ctx = zmq_ctx_new();
	if (!c->ctx)
		return tt_err_set(err, -errno, "%s: %s", conf->endpoint, zmq_strerror(errno));
	return client_open(c, err);
}

struct tt_link_client *tt_link_client_create(
	const struct tt_link_client_conf *conf, struct tt_err *err) {
	pthread_condattr_t attr;
	struct tt_link_client *c = calloc(1, sizeof(*c));
	if (!c) {
		tt_err_set(err, -ENOMEM, "link: out of memory");
		return NULL;
	}
	c->wake = -1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_condattr_destroy(&attr);
	int rc = set_up(c, conf, err);
	if (!rc) {
		rc = -pthread_create(&c->thread, NULL, client_thread, c);
		if (rc)
			tt_err_set(err, rc, "link: no thread: %s", strerror(-rc));
		c->running = !rc;
	}
	if (rc) {
		tt_link_client_destroy(&c);
		errno = -rc;
	}
	return c;
}

static void wake(struct tt_link_client *c) {
	uint64_t one = 1;
	// the counter being full wakes the thread just as well
	if (write(c->wake, &one, sizeof(one)) < 0)
		return;
}

void client_forget(struct tt_link_client *c, struct item *it) {
	if (it->spool_id)
		spool_delete(c->spool, it->spool_id);
	queue_remove(&c->queue, it);
}

static bool over(const struct tt_link_client *c) {
	return c->queue.bytes > c->max_bytes;
}

// The oldest that still has its observations, is not in flight, and can shrink.
static struct item *next_to_thin(const struct tt_link_client *c) {
	struct item *it = c->queue.head;
	while (it && (it->thin || it->sent_ns))
		it = it->next;
	return it;
}

// Replaces a batch by its thin form, which still says what is missing. -errno: it stays as it is.
static int make_thin(struct tt_link_client *c, struct item *it) {
	const void *msg;
	uint64_t packets;
	size_t len;
	struct tt_err err;
	it->thin = true;
	if (!c->thinner && !(c->thinner = thinner_create()))
		return -ENOMEM;
	int rc = it->data ? 0 : spool_read(c->spool, it, &err);
	if (!rc)
		rc = thin(c->thinner, &c->ways, it->data, it->len, &msg, &len, &packets);
	void *data = rc ? NULL : malloc(len);
	if (!rc && !data)
		rc = -ENOMEM;
	if (!rc && it->spool_id)
		rc = spool_replace(c->spool, it->spool_id, msg, len);
	if (rc) {
		free(data);
		return rc;
	}
	memcpy(data, msg, len);
	free(it->data);
	it->data = data;
	it->packets = 0;
	queue_resize(&c->queue, it, len);
	c->stats.lost_batches++;
	c->stats.lost_packets += packets;
	return 0;
}

// Nothing is left to make smaller: the oldest goes, and with it what it tells.
static void drop(struct tt_link_client *c) {
	struct item *it = queue_next_unsent(&c->queue, 0);
	if (!it)
		it = c->queue.head;
	c->stats.lost_batches += it->packets > 0;
	c->stats.lost_packets += it->packets;
	client_forget(c, it);
}

// Makes room, oldest first; what is in flight may be stored by now and goes last. Under the lock.
static void give_up(struct tt_link_client *c) {
	struct item *it;
	if (!over(c))
		return;
	if (c->spool)
		spool_begin(c->spool);
	while (over(c) && (it = next_to_thin(c)))
		make_thin(c, it);
	while (over(c) && c->queue.head)
		drop(c);
	if (c->spool)
		spool_end(c->spool);
}

static struct timespec until(int64_t mono_ns) {
	return (struct timespec){mono_ns / TT_NS, mono_ns % TT_NS};
}

// under the lock: block mode waits until fewer than a window are under way
static int wait_for_room(struct tt_link_client *c, struct tt_err *err) {
	int64_t since = tt_mono_ns();
	while (c->queue.count >= c->window_max && !c->refused && !c->stop) {
		int64_t last = c->progress_ns > since ? c->progress_ns : since;
		struct timespec t = until(last + NO_PROGRESS_NS);
		if (pthread_cond_timedwait(&c->changed, &c->lock, &t) == ETIMEDOUT &&
			tt_mono_ns() - c->progress_ns >= NO_PROGRESS_NS)
			return tt_err_set(err, -ETIMEDOUT, "%s: no acknowledgement for 30 seconds",
				c->endpoint);
	}
	return 0;
}

// under the lock
static int state_error(struct tt_link_client *c, struct tt_err *err) {
	if (c->stop)
		return tt_err_set(err, -ESHUTDOWN, "%s: the link is shut down", c->endpoint);
	// what is spooled can wait for a collector that is willing
	if (c->refused && !c->spool)
		return tt_err_set(err, -ECONNREFUSED, "%s: refused by the collector: %s",
			c->endpoint, c->refusal);
	return 0;
}

static struct item *make_item(
	uint64_t seq, uint64_t packets, const void *msg, size_t len, const char *boot) {
	struct item *it = calloc(1, sizeof(*it));
	void *data = malloc(len ? len : 1);
	if (!it || !data) {
		free(it);
		free(data);
		return NULL;
	}
	memcpy(data, msg, len);
	it->boot = strtoull(boot, NULL, 16);
	it->seq = seq;
	it->packets = packets;
	it->len = len;
	it->data = data;
	it->created_ns = tt_now_ns();
	return it;
}

int tt_link_client_send(struct tt_link_client *c, uint64_t seq, uint64_t packets, const void *msg,
	size_t len, struct tt_err *err) {
	struct tt_batch_head head;
	int rc = tt_batch_peek(msg, len, &head, err);
	if (rc)
		return rc;
	if (head.seq != seq || strcmp(head.probe, c->probe))
		return tt_err_set(err, -EINVAL, "link: batch %s %llu given as %s %llu", head.probe,
			(unsigned long long)head.seq, c->probe, (unsigned long long)seq);
	struct item *it = make_item(seq, packets, msg, len, head.boot);
	if (!it)
		return tt_err_set(err, -ENOMEM, "link: out of memory");
	pthread_mutex_lock(&c->lock);
	rc = c->block ? wait_for_room(c, err) : 0;
	if (!rc)
		rc = state_error(c, err);
	pthread_mutex_unlock(&c->lock);
	if (rc) {
		free(it->data);
		free(it);
		return rc;
	}
	struct tt_err why;
	if (c->spool && spool_put(c->spool, it, msg, &why)) {
		it->spool_id = 0; // memory has to do until the disk takes it again
		tt_log(TT_WARN, "%s; the batch is kept in memory", why.msg);
	}
	pthread_mutex_lock(&c->lock);
	queue_append(&c->queue, it);
	if (it->spool_id && c->queue.count > c->window_max) {
		free(it->data); // it will be read when its turn comes
		it->data = NULL;
	}
	uint64_t lost = c->stats.lost_batches;
	give_up(c);
	lost = c->stats.lost_batches - lost;
	pthread_mutex_unlock(&c->lock);
	wake(c);
	return lost ? tt_err_set(err, -EAGAIN,
			      "%s: no room: the observations of the %" PRIu64
			      " oldest batches are given up",
			      c->endpoint, lost)
		    : 0;
}

int tt_link_client_ways(struct tt_link_client *c, const struct tt_link_way *ways, unsigned n) {
	struct ways fresh = {calloc(n ? n : 1, sizeof(*ways)), n};
	if (!fresh.way)
		return -ENOMEM;
	if (n)
		memcpy(fresh.way, ways, n * sizeof(*ways));
	ways_sort(&fresh);
	pthread_mutex_lock(&c->lock);
	struct ways old = c->ways;
	c->ways = fresh;
	pthread_mutex_unlock(&c->lock);
	free(old.way);
	return 0;
}

int tt_link_client_flush(struct tt_link_client *c, int timeout_ms, struct tt_err *err) {
	int64_t start = tt_mono_ns(), end = start + timeout_ms * 1000000ll;
	int rc = 0;
	pthread_mutex_lock(&c->lock);
	while (c->queue.count && !rc) {
		int64_t last = c->progress_ns > start ? c->progress_ns : start;
		int64_t limit = timeout_ms < 0 ? last + NO_PROGRESS_NS : end;
		struct timespec t = until(limit);
		if (c->refused)
			rc = tt_err_set(err, -ECONNREFUSED, "%s: refused by the collector: %s",
				c->endpoint, c->refusal);
		else if (tt_mono_ns() >= limit)
			rc = tt_err_set(err, -ETIMEDOUT, "%s: %llu batches are not acknowledged",
				c->endpoint, (unsigned long long)c->queue.count);
		else
			pthread_cond_timedwait(&c->changed, &c->lock, &t);
	}
	pthread_mutex_unlock(&c->lock);
	return rc;
}

void tt_link_client_stats(struct tt_link_client *c, struct tt_link_client_stats *out) {
	pthread_mutex_lock(&c->lock);
	*out = c->stats;
	out->spool_batches = c->queue.count;
	out->spool_bytes = c->queue.bytes;
	out->lag_s = c->queue.head ? (double)(tt_now_ns() - c->queue.head->created_ns) / TT_NS : 0;
	if (out->lag_s < 0) // the clock was set back
		out->lag_s = 0;
	pthread_mutex_unlock(&c->lock);
}

void tt_link_client_destroy(struct tt_link_client **cp) {
	struct tt_link_client *c = *cp;
	if (!c)
		return;
	if (c->running) {
		pthread_mutex_lock(&c->lock);
		c->stop = true;
		pthread_cond_broadcast(&c->changed);
		pthread_mutex_unlock(&c->lock);
		wake(c);
		pthread_join(c->thread, NULL);
	}
	close_sockets(c);
	if (c->ctx)
		zmq_ctx_term(c->ctx);
	if (c->wake >= 0)
		close(c->wake);
	queue_clear(&c->queue);
	thinner_destroy(&c->thinner);
	free(c->ways.way);
	spool_close(&c->spool);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	explicit_bzero(&c->keys, sizeof(c->keys));
	free(c->endpoint);
	free(c);
	*cp = NULL;
}
