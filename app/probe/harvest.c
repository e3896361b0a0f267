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
#define FOLD_ROWS  (1u << 18)
#define NAP_US	   10000
// No thread waits so long for a processor; an epoch within is one without this program.
#define STILL_NS   (2 * TT_NS)
// Epochs that a jump of the clock may leave behind before the harvester jumps after it.
#define BEHIND_MAX 10

static struct open_epoch *open_epoch(struct harvester *h, int64_t start) {
	for (unsigned i = 0; i < 2; i++)
		if (h->epochs[i].start == start)
			return &h->epochs[i];
	return NULL; // late, or of a capture: batches carry it, streams do not
}

static void on_obs(void *arg, const struct tt_obs *o) {
	struct harvester *h = arg;
	struct open_epoch *e = open_epoch(h, o->epoch);
	sender_obs(&h->probe->sender, o);
	h->seen[h->worker].rows += !(o->flags & TT_OBS_SPILLED);
	if (e)
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

static void next_epoch(struct harvester *h, int64_t start) {
	struct open_epoch first = h->epochs[0];
	tt_fold_reset(first.fold);
	h->epochs[0] = h->epochs[1];
	h->epochs[1] = first;
	h->epochs[1].start = start + h->probe->config.epoch_s;
	memset(h->epochs[1].tallies, 0, sizeof(h->epochs[1].tallies));
	h->epochs[0].start = start; // after a jump of the clock the two are no neighbours
}

static bool has_packets(const struct harvester *h, const struct open_epoch *e) {
	for (unsigned u = 0; u < h->probe->uplink_n; u++)
		if (tally_packets(&e->tallies[u]))
			return true;
	return false;
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
	int64_t now = clock_now(&h->probe->clock) / TT_NS;
	now -= now % length;
	// not told, so that it is no time without packets
	if (h->skipped_from_ns <= start * TT_NS && (start + length) * TT_NS <= h->skipped_to_ns &&
		!has_packets(h, &h->epochs[1])) {
		int64_t until = h->skipped_to_ns / TT_NS;
		tt_log(TT_WARN, "the clock went on by %lld s at once", (long long)(until - start));
		start = until - until % length;
	}
	if (now - start > BEHIND_MAX * length && !has_packets(h, &h->epochs[1])) {
		tt_log(TT_WARN, "the clock jumped by %lld s", (long long)(now - start));
		start = now;
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
	bool more = has_packets(h, &h->epochs[1]);
	close_epoch(h);
	if (more)
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
	h->looked_ns = h->skipped_from_ns = h->skipped_to_ns = 0;
	h->skip_untold = false;
	next_epoch(h, start);
	next_epoch(h, start);
}

// Notes where the clock went on without this program.
static void look(struct harvester *h) {
	int64_t now = clock_now(&h->probe->clock);
	if (h->looked_ns && now - h->looked_ns > STILL_NS) {
		if (h->skip_untold) // two in an epoch
			tell_step(h, h->skipped_from_ns, h->skipped_to_ns, h->boot);
		h->skipped_from_ns = h->looked_ns;
		h->skipped_to_ns = now;
		h->skip_untold = true;
	}
	h->looked_ns = now;
}

static void run(struct harvester *h) {
	for (;;) {
		look(h);
		// asked before the pass: what was switched away by then is in it
		bool done = all_done(h), closed = all_closed(h), back = went_back(h);
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
	// the end: the epoch at hand, and the next where the last packets came after its start
	pass(h);
	close_epoch(h);
	if (has_packets(h, &h->epochs[0]))
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
	for (unsigned i = 0; i < 2; i++) {
		h->epochs[i].start = now - now % length + i * length;
		h->epochs[i].fold = tt_fold_create(p->slots.cap, FOLD_ROWS);
		if (!h->epochs[i].fold)
			return -1;
	}
	return h->seen && h->stats_seq ? 0 : -1;
}

static void destroy(struct harvester *h) {
	tt_fold_destroy(&h->epochs[0].fold);
	tt_fold_destroy(&h->epochs[1].fold);
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
