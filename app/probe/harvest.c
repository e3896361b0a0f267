/* SPDX-License-Identifier: BSD-3-Clause */
#include "harvest.h"

#include <rte_rcu_qsbr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "tt_crash.h"
#include "tt_log.h"
#include "tt_time.h"

// Rows of the stats fold: a port each; past that they count among the others.
#define FOLD_ROWS (1u << 18)
#define NAP_US	  10000

struct tt_fold *harvest_fold(struct harvester *h, struct open_epoch *e) {
	if (!e->fold)
		e->fold = h->spare_n ? h->spare[--h->spare_n]
				     : tt_fold_create(h->probe->slots.cap, FOLD_ROWS);
	return e->fold;
}

static struct open_epoch *open_epoch(struct harvester *h, int64_t start) {
	for (unsigned i = 0; i < OPEN_EPOCHS; i++)
		if (h->epochs[i].start == start)
			return &h->epochs[i];
	return NULL; // late, or of a capture: batches carry it, streams do not
}

static void on_obs(void *arg, const struct tt_obs *o) {
	struct harvester *h = arg;
	struct open_epoch *e = open_epoch(h, o->epoch);
	sender_obs(&h->probe->sender, o);
	h->seen[h->worker].rows += !(o->flags & TT_OBS_SPILLED);
	if (e && harvest_fold(h, e))
		tt_fold_add(e->fold, o,
			o->family ? tt_region_of(h->rules->region, o->family, o->src) : "--");
}

static void on_tally(void *arg, const struct tt_tally *t) {
	struct harvester *h = arg;
	struct open_epoch *e = open_epoch(h, t->epoch);
	struct tt_tally up = *t;
	up.link_up =
		atomic_load_explicit(&h->probe->uplinks[t->uplink].link_up, memory_order_relaxed);
	sender_tally(&h->probe->sender, &up);
	if (!e)
		return;
	struct tt_tally *sum = &e->tallies[t->uplink];
	for (unsigned f = 0; f < TT_FATE_N; f++) {
		sum->packets[f] += t->packets[f];
		sum->bytes[f] += t->bytes[f];
	}
	sum->late += t->late;
	sum->feed_fragments += t->feed_fragments;
}

static bool later(const struct harvester *h, const _Atomic unsigned *era) {
	return (int)(atomic_load_explicit(era, memory_order_acquire) - h->era) > 0;
}

// Empties every table that was switched away. How many.
static unsigned pass(struct harvester *h) {
	struct probe *p = h->probe;
	const struct tt_flow_sink sink = {on_obs, on_tally, h};
	unsigned some = 0;
	h->rules = atomic_load_explicit(&p->rules.current, memory_order_acquire);
	if (h->rules->generation != h->generation) {
		h->generation = h->rules->generation;
		sender_catalog(&p->sender, h->rules->catalog);
	}
	sender_refresh(&p->sender);
	for (h->worker = 0; h->worker < p->worker_n; h->worker++) {
		struct worker *w = &p->workers[h->worker];
		// what is of another era waits until this one's boot is closed
		if (tt_flow_handed(w->flow) && !later(h, &w->handed_era))
			some += tt_flow_harvest(w->flow, &sink) > 0;
	}
	return some;
}

static void quiescent(struct harvester *h) {
	h->rules = NULL;
	rte_rcu_qsbr_quiescent(h->probe->rules.readers, h->probe->worker_n);
}

static bool all_closed(const struct harvester *h) {
	int64_t end = h->epochs[0].start + h->probe->config.epoch_s;
	for (unsigned i = 0; i < h->probe->worker_n; i++)
		if (atomic_load_explicit(&h->probe->workers[i].closed, memory_order_acquire) < end)
			return false;
	return true;
}

static bool all_done(const struct harvester *h) {
	for (unsigned i = 0; i < h->probe->worker_n; i++)
		if (!atomic_load_explicit(&h->probe->workers[i].done, memory_order_acquire))
			return false;
	return true;
}

static void begin_epoch(struct harvester *h, struct open_epoch *e, int64_t start) {
	if (e->fold) {
		tt_fold_reset(e->fold);
		h->spare[h->spare_n++] = e->fold;
		e->fold = NULL;
	}
	memset(e->tallies, 0, sizeof(e->tallies));
	e->start = start;
}

// The epochs from this one on, with nothing in them yet.
static void begin_epochs(struct harvester *h, int64_t start) {
	for (unsigned i = 0; i < OPEN_EPOCHS; i++)
		begin_epoch(h, &h->epochs[i], start + i * (int64_t)h->probe->config.epoch_s);
}

// Goes on to an epoch; those before it were closed, or left out.
static void next_epoch(struct harvester *h, int64_t start) {
	int64_t length = h->probe->config.epoch_s;
	if (start >= h->epochs[OPEN_EPOCHS - 1].start + length) {
		begin_epochs(h, start);
		return;
	}
	while (h->epochs[0].start < start) {
		struct open_epoch first = h->epochs[0];
		memmove(h->epochs, h->epochs + 1, sizeof(h->epochs) - sizeof(first));
		h->epochs[OPEN_EPOCHS - 1] = first;
		begin_epoch(
			h, &h->epochs[OPEN_EPOCHS - 1], h->epochs[OPEN_EPOCHS - 2].start + length);
	}
}

// The first epoch from [i] on of which packets are known; INT64_MAX where there is none.
static int64_t first_with_packets(const struct harvester *h, unsigned i) {
	for (; i < OPEN_EPOCHS; i++)
		for (unsigned u = 0; u < h->probe->uplink_n; u++)
			if (tally_packets(&h->epochs[i].tallies[u]))
				return h->epochs[i].start;
	return INT64_MAX;
}

static void flush(struct harvester *h) {
	if (sender_flush(&h->probe->sender)) {
		tt_log(TT_ERR, "batches: %s", h->probe->sender.err.msg);
		sender_restart(&h->probe->sender); // the next ones may get through
	}
}

// Tells the collector that the clock did not simply go on.
static void tell_step(struct harvester *h, int64_t from_ns, int64_t to_ns, const char *boot) {
	char doc[160], from[TT_RFC3339_LEN], to[TT_RFC3339_LEN];
	snprintf(doc, sizeof(doc),
		"{\"type\":\"clock_step\",\"from\":\"%s\",\"to\":\"%s\",\"boot\":\"%s\"}",
		tt_time_format(from_ns / TT_NS, from), tt_time_format(to_ns / TT_NS, to), boot);
	sender_document(&h->probe->sender, doc);
	flush(h);
}

static void close_epoch(struct harvester *h) {
	int64_t length = h->probe->config.epoch_s, start = h->epochs[0].start + length;
	TT_CRASH_POINT("probe.epoch.before");
	harvest_close(h);
	flush(h);
	if (h->skip_untold)
		tell_step(h, h->skipped_from_ns, h->skipped_to_ns, h->boot);
	h->skip_untold = false;
	// not told, so that it is no time without packets
	int64_t until = h->skipped_to_ns / TT_NS, known = first_with_packets(h, 1);
	until = RTE_MIN(until - until % length, known);
	if (h->skipped_from_ns <= start * TT_NS && start < until) {
		tt_log(TT_WARN, "the clock went on by %lld s at once", (long long)(until - start));
		start = until;
	}
	next_epoch(h, start);
	TT_CRASH_POINT("probe.epoch.after");
}

// Every worker that runs has followed the clock back.
static bool went_back(const struct harvester *h) {
	unsigned gone = 0;
	for (unsigned i = 0; i < h->probe->worker_n; i++) {
		struct worker *w = &h->probe->workers[i];
		bool done = atomic_load_explicit(&w->done, memory_order_acquire);
		if (later(h, &w->era))
			gone++;
		else if (!done)
			return false;
	}
	return gone > 0;
}

// The first epoch that any worker is in since it followed the clock back.
static int64_t first_epoch(const struct harvester *h) {
	int64_t length = h->probe->config.epoch_s, first = clock_now(&h->probe->clock) / TT_NS;
	for (unsigned i = 0; i < h->probe->worker_n; i++) {
		struct worker *w = &h->probe->workers[i];
		int64_t is = atomic_load_explicit(&w->closed, memory_order_acquire);
		if (later(h, &w->era) && is < first)
			first = is;
	}
	return first - first % length;
}

// The clock was set back: this boot ends with the epochs at hand, and another begins. Within each,
// epochs ascend.
static void begin_boot(struct harvester *h) {
	struct probe *p = h->probe;
	struct sender *s = &p->sender;
	unsigned era = atomic_load(&p->clock.era);
	int64_t from = atomic_load(&p->clock.back_from_ns), to = atomic_load(&p->clock.back_to_ns);
	int64_t start = first_epoch(h);
	close_epoch(h);
	while (first_with_packets(h, 0) != INT64_MAX)
		close_epoch(h);
	for (unsigned i = 0; i < p->worker_n; i++) {
		unsigned is = atomic_load_explicit(&p->workers[i].era, memory_order_relaxed);
		if (later(h, &p->workers[i].era) && (int)(is - era) < 0)
			era = is;
	}
	char boot[TT_BOOT_LEN];
	probe_boot(p, era, boot);
	tt_log(TT_WARN, "the clock jumped by %lld s: boot %s ends, boot %s begins",
		(long long)((to - from) / TT_NS), h->boot, boot);
	tell_step(h, from, to, boot);
	memcpy(h->boot, boot, sizeof(h->boot));
	if (sender_begin(s, h->boot, p->link, h->rules->catalog))
		tt_log(TT_ERR, "batches: %s", s->err.msg);
	h->era = era;
	h->health_seq = 0;
	memset(h->stats_seq, 0, p->slots.cap * sizeof(*h->stats_seq));
	h->skipped_from_ns = h->skipped_to_ns = 0;
	h->skip_untold = false;
	begin_epochs(h, start);
}

// Notes where the clock went on without any worker. This thread alone may have waited: for a disk.
static void look(struct harvester *h) {
	int64_t from = 0, to = INT64_MAX;
	for (unsigned i = 0; i < h->probe->worker_n; i++) {
		const struct worker *w = &h->probe->workers[i];
		int64_t woke = atomic_load_explicit(&w->still_to_ns, memory_order_acquire);
		int64_t last = atomic_load_explicit(&w->still_from_ns, memory_order_relaxed);
		if (later(h, &w->era))
			return;
		to = RTE_MIN(to, woke);
		from = RTE_MAX(from, last);
	}
	if (from >= to || from < h->skipped_to_ns)
		return;
	if (h->skip_untold) // two in an epoch
		tell_step(h, h->skipped_from_ns, h->skipped_to_ns, h->boot);
	h->skipped_from_ns = from;
	h->skipped_to_ns = to;
	h->skip_untold = true;
}

static void run(struct harvester *h) {
	for (;;) {
		// asked before the pass: what was switched away by then is in it
		bool done = all_done(h), closed = all_closed(h), back = went_back(h);
		look(h);
		unsigned some = pass(h);
		if (back)
			begin_boot(h);
		else if (closed && !done)
			close_epoch(h);
		quiescent(h);
		if (done && !back)
			break;
		if (!some)
			usleep(NAP_US);
	}
	// the end: the epoch at hand, and those after it in which the last packets came
	pass(h);
	close_epoch(h);
	while (first_with_packets(h, 0) != INT64_MAX)
		close_epoch(h);
	quiescent(h);
}

static int init(struct harvester *h, struct probe *p) {
	int64_t now = clock_now(&p->clock) / TT_NS, length = p->config.epoch_s;
	memset(h, 0, sizeof(*h));
	h->probe = p;
	probe_boot(p, 0, h->boot);
	h->buf.max = 64u << 20;
	h->seen = calloc(p->worker_n, sizeof(*h->seen));
	h->stats_seq = calloc(p->slots.cap ? p->slots.cap : 1, sizeof(*h->stats_seq));
	begin_epochs(h, now - now % length);
	for (unsigned i = 0; i < 2; i++)
		if (!harvest_fold(h, &h->epochs[i]))
			return -1;
	return h->seen && h->stats_seq ? 0 : -1;
}

static void destroy(struct harvester *h) {
	for (unsigned i = 0; i < OPEN_EPOCHS; i++)
		tt_fold_destroy(&h->epochs[i].fold);
	while (h->spare_n)
		tt_fold_destroy(&h->spare[--h->spare_n]);
	free(h->seen);
	free(h->stats_seq);
	free(h->states);
	free(h->health_sensors);
	tt_buf_free(&h->buf);
}

void *harvest_live(void *arg) {
	struct probe *p = arg;
	static struct harvester h;
	if (init(&h, p)) {
		tt_log(TT_ERR, "harvester: out of memory");
		destroy(&h);
		return p;
	}
	struct rte_rcu_qsbr *readers = p->rules.readers;
	rte_rcu_qsbr_thread_register(readers, p->worker_n);
	rte_rcu_qsbr_thread_online(readers, p->worker_n);
	run(&h);
	rte_rcu_qsbr_thread_offline(readers, p->worker_n);
	rte_rcu_qsbr_thread_unregister(readers, p->worker_n);
	destroy(&h);
	return NULL;
}
