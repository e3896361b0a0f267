/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "probe.h"
#include "tt_time.h"
#include "worker.h"

// No thread waits so long for a processor; an epoch within is one without this program.
#define STILL_NS (2 * TT_NS)

// What a packet's buffer must share with the burst's first for all to go back to their pool as they
// are: offset of the data, references, segments, port.
static uint64_t rearm(const struct rte_mbuf *m) {
	uint64_t word;
	memcpy(&word, m->rearm_data, sizeof(word));
	return word;
}

// Puts what was received where the path begins, and asks for the headers.
static void take_burst(struct burst *b, int64_t now) {
	struct rte_mbuf *first = b->mbufs[0];
	uint64_t odd = (uint64_t)(rte_mbuf_refcnt_read(first) != 1 || first->nb_segs != 1);
	const uint64_t same = rearm(first);
	for (unsigned i = 0; i < b->n; i++) {
		const struct rte_mbuf *m = b->mbufs[i];
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
		rte_prefetch1(data);
		b->frames[i] = (struct tt_frame){
			data, rte_pktmbuf_data_len(m), rte_pktmbuf_pkt_len(m), TT_LINK_ETHERNET};
		b->len[i] = rte_pktmbuf_pkt_len(m);
		odd |= (rearm(m) ^ same) | ((uintptr_t)m->pool ^ (uintptr_t)first->pool) |
		       (m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL));
	}
	for (unsigned i = 0; i < b->n; i++)
		b->ns[i] = now;
	b->plain = odd == 0;
}

// The start of a packet that lies in several buffers, in one piece. Headers lie in the first as a
// rule; what a response is known by may not.
static struct tt_frame flatten(uint8_t *to, const struct rte_mbuf *m) {
	uint32_t n = 0, len = rte_pktmbuf_pkt_len(m);
	for (const struct rte_mbuf *s = m; s && n < FLAT_LEN; s = s->next) {
		uint32_t take = RTE_MIN((uint32_t)s->data_len, FLAT_LEN - n);
		memcpy(to + n, rte_pktmbuf_mtod(s, const uint8_t *), take);
		n += take;
	}
	return (struct tt_frame){to, n, len, TT_LINK_ETHERNET};
}

static void flatten_burst(struct worker *w, struct burst *b) {
	for (unsigned i = 0; i < b->n; i++)
		if (b->mbufs[i]->nb_segs > 1)
			b->frames[i] = flatten(w->flat + (size_t)i * FLAT_LEN, b->mbufs[i]);
}

static void count_burst(
	struct worker *w, const struct rules *rules, unsigned uplink, struct burst *b) {
	if (!b->plain)
		flatten_burst(w, b);
	worker_count(w, rules, uplink, b);
	if (b->plain)
		rte_mempool_put_bulk(b->mbufs[0]->pool, (void **)b->mbufs, b->n);
	else
		rte_pktmbuf_free_bulk(b->mbufs, b->n);
}

// All but the flow's own switching, when something in it is full, goes through here.
static bool switch_tables(struct worker *w) {
	// not while the harvester looks at what it was
	if (tt_flow_handed(w->flow))
		return false;
	unsigned era = atomic_load_explicit(&w->era, memory_order_relaxed);
	atomic_store_explicit(&w->handed_era, era, memory_order_relaxed);
	return tt_flow_switch(w->flow);
}

// A capture is read as fast as the tables allow, without holding up the ports of this worker.
static unsigned poll_capture(struct worker *w, const struct rules *rules, const struct source *s) {
	struct tt_flow_stats t;
	tt_flow_stats(w->flow, &t);
	if ((t.used4 + BURST > t.size4 || t.used6 + BURST > t.size6) && !switch_tables(w))
		return 0;
	return worker_capture(w, rules, s->reader, s->uplink);
}

/// When a poll was, by the cycle counter and in nanoseconds since 1970.
struct stamp {
	uint64_t tsc;
	int64_t ns;
	unsigned era;
};

static void read_clock(struct stamp *at, const struct clock_line *clock) {
	at->tsc = rte_rdtsc();
	at->ns = clock_at(clock, at->tsc, &at->era);
}

/// The epoch that a worker is in, by the clock.
struct present {
	int64_t start; // second; what was switched away last is of before
	int64_t from_ns, until_ns;
	bool late; // the tables have not changed places at its start yet
};

// What the next epoch's polls are like is counted apart: the harvester reads those of the last.
static void turn_page(struct worker *w) {
	unsigned turn = atomic_load_explicit(&w->stats.turn, memory_order_relaxed) + 1;
	polls_reset(&w->stats.polls[turn & 1]);
	atomic_store_explicit(&w->stats.turn, turn, memory_order_release);
}

// Switches the tables when the clock has entered another epoch.
static void enter_epoch(struct worker *w, struct present *e, int64_t ns) {
	int64_t length = w->probe->config.epoch_s;
	int64_t now = ns / TT_NS;
	now -= now % length;
	if (now == e->start || switch_tables(w)) {
		if (now != e->start)
			turn_page(w);
		*e = (struct present){now, now * TT_NS, (now + length) * TT_NS, false};
		atomic_store_explicit(&w->closed, now, memory_order_release);
	} else if (!e->late) {
		e->late = true; // the harvester still has the other one: asked again with the
				// next poll
		polls_add(&w->stats.overruns, 1);
	}
}

// The clock went on without this worker: it was set forward, or the machine slept or stood still.
static void note_still(struct worker *w, int64_t from_ns, int64_t to_ns) {
	atomic_store_explicit(&w->still_from_ns, from_ns, memory_order_relaxed);
	atomic_store_explicit(&w->still_to_ns, to_ns, memory_order_release);
}

// The clock was set back: its packets go into a table of their own. While the harvester still has
// the other one, they are of the last moment before.
static void follow_back(struct worker *w, struct present *e, struct stamp *at, int64_t before) {
	if (!switch_tables(w)) {
		at->ns = before;
		return;
	}
	tt_flow_set_back(w->flow, before - at->ns);
	turn_page(w);
	note_still(w, 0, 0); // these times may come again
	e->start = at->ns / TT_NS;
	e->start -= e->start % w->probe->config.epoch_s;
	// before the era: who sees that finds no epoch closed that has only begun
	atomic_store_explicit(&w->closed, e->start, memory_order_relaxed);
	atomic_store_explicit(&w->era, at->era, memory_order_release);
}

// What was received before is counted: now the worker enters the epoch that a burst (or nothing)
// came in, so that its packets lie in no table before.
static void arrive(
	struct worker *w, struct present *e, struct stamp *at, struct stamp *got, struct burst *b) {
	int64_t is = got->ns;
	if (unlikely(got->era != atomic_load_explicit(&w->era, memory_order_relaxed)))
		follow_back(w, e, got, at->ns);
	// told before the epochs that it left out are closed
	if (unlikely(got->ns - at->ns > STILL_NS))
		note_still(w, at->ns, got->ns);
	if (got->ns < e->from_ns || got->ns >= e->until_ns)
		enter_epoch(w, e, got->ns);
	for (unsigned i = 0; unlikely(got->ns != is) && b && i < b->n; i++)
		b->ns[i] = got->ns;
	*at = *got;
}

// They have arrived by now: one time for all packets of a burst.
static void receive(struct burst *b, const struct source *s, struct stamp *got,
	const struct clock_line *clock) {
	b->n = rte_eth_rx_burst(s->port, s->queue, b->mbufs, BURST);
	read_clock(got, clock);
	if (b->n)
		take_burst(b, got->ns);
}

// Takes what a port holds, up to TURNS bursts; full: there may be more.
static unsigned poll_port(struct worker *w, const struct rules *rules, const struct source *s,
	struct present *epoch, struct stamp *at, bool *full) {
	const struct clock_line *clock = &w->probe->clock;
	struct burst *now = &w->received[0], *next = &w->received[1];
	struct stamp got;
	receive(now, s, &got, clock);
	arrive(w, epoch, at, &got, now);
	unsigned all = now->n;
	for (unsigned turn = 1; turn < TURNS && now->n == BURST; turn++) {
		receive(next, s, &got, clock);
		count_burst(w, rules, s->uplink, now);
		arrive(w, epoch, at, &got, next);
		struct burst *counted = now;
		now = next;
		next = counted;
		all += now->n;
	}
	if (now->n)
		count_burst(w, rules, s->uplink, now);
	*full |= now->n == BURST;
	return all;
}

// Takes what each source holds; the time is that at which the last was asked.
static unsigned poll_sources(struct worker *w, const struct rules *rules, struct present *epoch,
	struct stamp *at, bool *full) {
	unsigned all = 0;
	bool stamped = *full = false;
	for (unsigned i = 0; i < w->source_n; i++) {
		struct source *s = &w->sources[i];
		unsigned n = 0;
		if (s->reader) {
			n = poll_capture(w, rules, s);
			*full |= n == BURST;
		} else if (atomic_load_explicit(&s->open, memory_order_acquire)) {
			n = poll_port(w, rules, s, epoch, at, full);
			stamped = true;
		}
		if (n)
			polls_add(&s->packets, n);
		all += n;
	}
	if (!stamped) {
		struct stamp got;
		read_clock(&got, &w->probe->clock);
		arrive(w, epoch, at, &got, NULL);
	}
	return all;
}

int worker_live(void *arg) {
	struct worker *w = arg;
	struct probe *p = w->probe;
	struct rte_rcu_qsbr *readers = p->rules.readers;
	struct present epoch = {.start = atomic_load(&w->closed)};
	struct stamp last, at;
	bool busy = false, full;
	uint64_t asleep = 0;
	prctl(PR_SET_TIMERSLACK, 1000ul);
	rte_rcu_qsbr_thread_register(readers, w->index);
	rte_rcu_qsbr_thread_online(readers, w->index);
	read_clock(&last, &p->clock);
	at = last;
	for (bool stop = false;;) {
		unsigned n = poll_sources(w,
			atomic_load_explicit(&p->rules.current, memory_order_acquire), &epoch, &at,
			&full);
		polls_count(worker_polls(w), at.tsc - last.tsc, asleep, busy);
		last = at;
		rte_rcu_qsbr_quiescent(readers, w->index);
		// what is in the rings at the end is still taken, once
		if (stop)
			break;
		stop = atomic_load_explicit(&p->stop, memory_order_relaxed) &&
		       (n == 0 || w->last_polls++ > 1000);
		busy = n != 0;
		asleep = stop ? 0 : idle_round(w, n, full);
	}
	rte_rcu_qsbr_thread_offline(readers, w->index);
	rte_rcu_qsbr_thread_unregister(readers, w->index);
	while (!switch_tables(w))
		usleep(100);
	turn_page(w);
	atomic_store_explicit(&w->done, true, memory_order_release);
	return 0;
}
