/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"
#include "tt_log.h"
#include "tt_time.h"

#define TICK_NS 50000000

struct live_seen {
	uint64_t packets[TT_OBSERVED_CLASS_N], bytes[TT_OBSERVED_CLASS_N], seq;
};

int control_init(struct control *c, struct probe *p) {
	memset(c, 0, sizeof(*c));
	c->probe = p;
	c->buf.max = 1 << 20;
	c->second = tt_now_ns() / TT_NS;
	probe_boot(p, 0, c->boot);
	c->seen = calloc(p->slots.cap ? p->slots.cap : 1, sizeof(*c->seen));
	return c->seen ? 0 : -ENOMEM;
}

void control_free(struct control *c) {
	free(c->seen);
	tt_buf_free(&c->buf);
}

// Builds the new set aside; workers and harvester go on with the old one until it is there.
static void *reload(void *arg) {
	struct control *c = arg;
	struct probe *p = c->probe;
	struct tt_err err = {""};
	uint64_t generation = atomic_load(&p->rules.current)->generation + 1;
	struct rules *r = rules_create(&p->config, &p->slots, generation, &err);
	if (r) {
		unsigned n = r->catalog->sensor_n;
		rules_publish(&p->rules, r);
		tt_log(TT_INFO, "reloaded: %u sensors", n);
	} else {
		tt_log(TT_ERR, "not reloaded: %s", err.msg);
	}
	atomic_store(&c->reloaded, true);
	return NULL;
}

static void start_reload(struct control *c) {
	c->again = false;
	atomic_store(&c->reloaded, false);
	int rc = pthread_create(&c->reloader, NULL, reload, c);
	c->reloading = rc == 0;
	if (rc)
		tt_log(TT_ERR, "not reloaded: no thread: %s", strerror(rc));
}

static int reload_readers(struct control *c) {
	struct tt_err err = {""};
	int rc = publisher_reload(&c->probe->publisher, &c->probe->config, &err);
	if (rc)
		tt_log(TT_ERR, "%s; the list of readers' keys in force stays", err.msg);
	return rc;
}

static void watch_reload(struct control *c, bool wait) {
	if (!c->reloading || !(wait || atomic_load(&c->reloaded)))
		return;
	pthread_join(c->reloader, NULL);
	c->reloading = false;
	if (c->again && !wait)
		start_reload(c);
}

static void sum_live(const struct probe *p, unsigned slot, struct live_seen *now) {
	for (unsigned i = 0; i < p->worker_n; i++) {
		const struct tt_live *l = tt_flow_live(p->workers[i].flow, (uint16_t)slot);
		for (unsigned k = 0; k < TT_OBSERVED_CLASS_N; k++) {
			now->packets[k] +=
				atomic_load_explicit(&l->packets[k], memory_order_relaxed);
			now->bytes[k] += atomic_load_explicit(&l->bytes[k], memory_order_relaxed);
		}
	}
}

static void publish_live(struct control *c, int64_t end) {
	struct probe *p = c->probe;
	// only this thread and the reloader replace rules, and the reloader waits for readers: this
	// thread is none, so it goes by slots, which stay
	unsigned n = atomic_load_explicit(&p->slots.n, memory_order_acquire);
	int64_t start = c->second < end ? c->second : end - 1; // the clock may have gone back
	for (unsigned slot = 0; slot < n; slot++) {
		struct live_seen now = {.seq = c->seen[slot].seq + 1}, delta = now;
		char topic[TT_TOPIC_LEN];
		sum_live(p, slot, &now);
		for (unsigned k = 0; k < TT_OBSERVED_CLASS_N; k++) {
			delta.packets[k] = now.packets[k] - c->seen[slot].packets[k];
			delta.bytes[k] = now.bytes[k] - c->seen[slot].bytes[k];
		}
		c->seen[slot] = now;
		struct tt_message_head head = {
			p->config.probe, c->boot, p->slots.ids[slot], now.seq, start, end};
		tt_buf_reset(&c->buf);
		tt_topic_format(topic, "live", p->config.probe, p->slots.ids[slot]);
		tt_message_live(&c->buf, &head, delta.packets, delta.bytes);
		publish_now(&p->publisher, topic, &c->buf);
	}
	c->second = end;
}

// The clock was set back: another boot, whose messages count from 1.
static void follow_back(struct control *c) {
	struct probe *p = c->probe;
	unsigned era = atomic_load(&p->clock.era);
	if (era == c->era)
		return;
	c->era = era;
	probe_boot(p, era, c->boot);
	for (unsigned i = 0; i < p->slots.cap; i++)
		c->seen[i].seq = 0;
}

static void every_second(struct control *c, int64_t second) {
	struct probe *p = c->probe;
	clock_adjust(&p->clock);
	if (publisher_changed(&p->publisher, &p->config) && reload_readers(c) == 0)
		tt_log(TT_INFO, "%s: the list of readers' keys was read again", p->config.path);
	follow_back(c);
	if (p->publisher.pub)
		publish_live(c, second);
	c->second = second;
}

void control_run(struct control *c) {
	const struct timespec tick = {0, TICK_NS};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	for (;;) {
		int sig = sigtimedwait(&set, NULL, &tick);
		if (sig == SIGINT || sig == SIGTERM)
			break;
		if (sig == SIGHUP) {
			reload_readers(c);
			c->again = c->reloading;
			if (!c->reloading)
				start_reload(c);
		}
		watch_reload(c, false);
		for (unsigned i = 0; i < c->probe->uplink_n; i++)
			uplink_watch(&c->probe->uplinks[i], c->probe->rules.readers,
				c->probe->config.idle);
		int64_t second = tt_now_ns() / TT_NS;
		if (second != c->second)
			every_second(c, second);
		publish_queued(&c->probe->publisher);
	}
	watch_reload(c, true);
}

void control_last_words(struct control *c) {
	int64_t second = tt_now_ns() / TT_NS + 1;
	if (c->probe->publisher.pub)
		publish_live(c, second);
	publish_queued(&c->probe->publisher);
}
