/* SPDX-License-Identifier: BSD-3-Clause */
// The worker's side: a burst goes through steps chunk by chunk, so that the memory one step asks
// for is there when the next needs it.
#include "count.h"

// Where a step ends: for add_timed.c, which includes this file.
#ifndef FLOW_LAP
#define FLOW_LAP(step) ((void)(step))
#endif

// Packets that take a step together: enough computing to wait for memory by, and no more lines
// under way than the second-level cache keeps track of.
enum { CHUNK = 32 };

/// First step of a lane's keys in a chunk: hashes, and asks for their buckets.
static inline void lane_ask(
	struct tt_flow *f, const struct flow_table *t, struct flow_lane *l, struct flow_part part) {
	unsigned at = part.from, n = part.to - at;
	if (l == &f->burst.v4)
		f->hasher.hash4(&f->hasher, &f->burst.key4[at], l->sig + at, n);
	else
		f->hasher.hash6(&f->hasher, &f->burst.key6[at], l->sig + at, n);
	if (likely(t->buckets))
		peek_ask(t, l->sig + at, n);
}

/// Second step: asks for rows.
static inline void lane_rows(
	const struct flow_table *t, struct flow_lane *l, struct flow_part part, uint32_t stride) {
	if (likely(t->buckets && part.to > part.from))
		peek_rows(t, l->sig + part.from, l->pos + part.from, part.to - part.from, stride);
}

/// Between the second and the third: asks for rows that second buckets name.
static inline void lane_seconds(
	const struct flow_table *t, struct flow_lane *l, struct flow_part part) {
	const unsigned at = part.from, n = part.to - at;
	if (unlikely(!t->buckets || !n))
		return;
	peek_seconds(t, l->sig + at, l->pos + at, n);
	if (t->stride > ROW4)
		peek_ends(t, l->pos + at, n);
}

/// Makes the keys of a chunk's packets and asks for their buckets.
static void chunk_ask(
	struct tt_flow *f, struct flow_half *h, struct input *in, struct flow_chunk *c) {
	struct flow_burst *b = &f->burst;
	unsigned from = c->packets.from, n = c->packets.to - from;
	c->v4.from = b->v4.n;
	c->v6.from = b->v6.n;
	keys_make(f, h, in, from, c->packets.to);
	c->v4.to = b->v4.n;
	c->v6.to = b->v6.n;
	f->hasher.dst(&f->hasher, in->pkts + from, b->dst_bit + from, n);
	if (likely(c->v4.to > c->v4.from))
		lane_ask(f, &h->v4, &b->v4, c->v4);
	if (c->v6.to > c->v6.from)
		lane_ask(f, &h->v6, &b->v6, c->v6);
}

/// Asks for the rows of a chunk.
static void chunk_rows(struct tt_flow *f, struct flow_half *h, const struct flow_chunk *c) {
	lane_rows(&h->v4, &f->burst.v4, c->v4, ROW4);
	lane_rows(&h->v6, &f->burst.v6, c->v6, ROW6);
}

/// Asks for the rows of a chunk that first buckets do not name.
static void chunk_seconds(struct tt_flow *f, struct flow_half *h, const struct flow_chunk *c) {
	lane_seconds(&h->v4, &f->burst.v4, c->v4);
	lane_seconds(&h->v6, &f->burst.v6, c->v6);
}

/// Queues a packet for the spill table.
static void spill_push(struct tt_flow *f, const struct input *in, unsigned i) {
	struct flow_burst *b = &f->burst;
	struct flow_lane *l = &b->spill;
	b->fate[i] = TT_FATE_SPILLED;
	key4_make(&b->key_spill[l->n], &in->pkts[i], epoch_of(b, i));
	b->key_spill[l->n].src = 0;
	l->index[l->n++] = (uint8_t)i;
}

/// Finds or makes the places of keys that their step did not find; those without a place wait or go
/// to the spill table.
static void make_places(struct tt_flow *f, struct flow_table *t, struct input *in,
	struct flow_lane *l, struct flow_part part) {
	for (unsigned k = part.from; k < part.to; k++) {
		unsigned i = l->index[k];
		if (l->pos[k] >= 0)
			continue;
		if (i >= in->n)
			break;
		l->pos[k] = place_late(t, l->key[k], l->sig[k], &in->pkts[i]);
		if (likely(l->pos[k] >= 0))
			continue;
		if (f->conf.wait_when_full) {
			cut(in, i, CUT_FLOWS);
			break;
		}
		spill_push(f, in, i);
	}
}

/// Third step: the places of a lane's keys.
static inline void lane_places(struct tt_flow *f, struct flow_table *t, struct input *in,
	struct flow_lane *l, struct flow_part part) {
	unsigned at = part.from, n = part.to - at;
	int32_t missed = -1;
	if (likely(t->buckets))
		missed = peek_settle(t, l->key[at], l->pos + at, n);
	else
		rte_hash_lookup_with_hash_bulk(t->hash, l->key + at, l->sig + at, n, l->pos + at);
	if (missed < 0)
		make_places(f, t, in, l, part);
}

/// Hands the places of a lane's keys to their packets.
static void lane_spread(struct flow_burst *b, const struct flow_lane *l, struct flow_part part) {
	for (unsigned k = part.from; k < part.to; k++)
		b->place[l->index[k]] = l->pos[k];
}

/// The row of the totals of a packet that the spill table has no place for.
static void total_find(struct tt_flow *f, struct flow_half *h, struct input *in, unsigned i) {
	uint32_t group = in->pkts[i].sensor * TT_OBSERVED_CLASS_N + in->pkts[i].class;
	uint32_t row = ledger_find(&h->totals, epoch_of(&f->burst, i), group);
	if (row == LEDGER_NONE) {
		if (!in->fold) {
			cut(in, i, CUT_ROWS);
			return;
		}
		row = h->totals.group[group].newest;
	}
	f->burst.total[i] = row;
}

static void stage_spill(struct tt_flow *f, struct flow_half *h, struct input *in) {
	struct flow_burst *b = &f->burst;
	static const struct flow_value first = {.first_us = UINT32_MAX};
	struct flow_table *t = &h->spill;
	struct flow_lane *l = &b->spill;
	if (t->hash) {
		f->hasher.hash4(&f->hasher, b->key_spill, l->sig, l->n);
		rte_hash_lookup_with_hash_bulk(t->hash, l->key, l->sig, l->n, l->pos);
	}
	for (unsigned k = 0; k < l->n; k++) {
		unsigned i = l->index[k];
		int32_t at = -1;
		if (i >= in->n) // not in order of packets: IPv4 before IPv6
			continue;
		if (t->hash) {
			at = l->pos[k];
			if (at < 0)
				at = place_find(t, l->key[k], l->sig[k]);
			if (at < 0)
				at = place_make(t, l->key[k], l->sig[k], &first);
		}
		b->place[i] = at >= 0 ? at : PLACE_TOTAL;
		if (at < 0)
			total_find(f, h, in, i);
	}
}

/// Makes the run that packet `from` belongs to the burst's current one; where it ends, at most
/// `end`.
static inline unsigned run_at(struct flow_burst *b, unsigned from, unsigned end) {
	while (b->run + 1 < b->n_runs && b->runs[b->run + 1].from <= from)
		b->run++;
	return b->run + 1 < b->n_runs ? RTE_MIN(end, b->runs[b->run + 1].from) : end;
}

/// Counts a chunk's packets from the front as long as they are plain, and takes them off.
static inline void chunk_plain(
	struct tt_flow *f, struct flow_half *h, const struct input *in, struct flow_chunk *c) {
	struct flow_burst *b = &f->burst;
	unsigned n = c->packets.to - c->packets.from, end = RTE_MIN(c->packets.to, in->n);
	if (unlikely(c->v4.to - c->v4.from != n || end != c->packets.to || !h->v4.buckets ||
		     run_at(b, c->packets.from, end) != end))
		return;
	unsigned done = count_plain(f, h, in, &b->runs[b->run], c);
	c->packets.from += done;
	c->v4.from += done;
}

/// Settles the places of a chunk's packets and counts them; nothing before this step is visible in
/// any result.
static void chunk_count(
	struct tt_flow *f, struct flow_half *h, struct input *in, struct flow_chunk *c) {
	struct flow_burst *b = &f->burst;
	chunk_plain(f, h, in, c);
	if (likely(c->packets.from == c->packets.to))
		return;
	b->spill.n = 0;
	if (likely(c->v4.to > c->v4.from))
		lane_places(f, &h->v4, in, &b->v4, c->v4);
	if (c->v6.to > c->v6.from)
		lane_places(f, &h->v6, in, &b->v6, c->v6);
	unsigned from = c->packets.from, end;
	lane_spread(b, &b->v4, c->v4);
	lane_spread(b, &b->v6, c->v6);
	if (unlikely(b->spill.n))
		stage_spill(f, h, in);
	end = RTE_MIN(c->packets.to, in->n);
	while (from < end) {
		unsigned to = run_at(b, from, end);
		count_run(f, h, in, &b->runs[b->run], from, to);
		from = to;
	}
}

/// Counts packets from the front up to where something is full; in->n says how many. A chunk goes
/// through its steps two chunks apart, so that the memory it has asked for comes while others are
/// computed.
static void add_some(struct tt_flow *f, struct input *in) {
	struct flow_burst *b = &f->burst;
	struct flow_half *h = &f->half[f->current];
	struct flow_chunk chunks[BURST_MAX / CHUNK];
	unsigned n = (in->n + CHUNK - 1) / CHUNK;
	b->v4.n = b->v6.n = b->n_runs = b->run = 0;
	FLOW_LAP(TT_FLOW_STEPS);
	if (!run_begin(f, h, in, 0))
		return;
	for (unsigned k = 0; k < n + 2; k++) {
		if (k >= 2 && (k - 2) * CHUNK < in->n)
			chunk_seconds(f, h, &chunks[k - 2]);
		FLOW_LAP(TT_FLOW_LOOKUP);
		if (k < n && k * CHUNK < in->n) {
			chunks[k].packets =
				(struct flow_part){k * CHUNK, RTE_MIN((k + 1) * CHUNK, in->n)};
			chunk_ask(f, h, in, &chunks[k]);
		}
		FLOW_LAP(TT_FLOW_KEY);
		if (k >= 1 && (k - 1) * CHUNK < in->n)
			chunk_rows(f, h, &chunks[k - 1]);
		FLOW_LAP(TT_FLOW_LOOKUP);
		if (k >= 2 && (k - 2) * CHUNK < in->n)
			chunk_count(f, h, in, &chunks[k - 2]);
		FLOW_LAP(TT_FLOW_UPDATE);
	}
	atomic_store_explicit(&f->used4, h->v4.used, memory_order_relaxed);
	atomic_store_explicit(&f->used6, h->v6.used, memory_order_relaxed);
	atomic_store_explicit(&f->tallies, h->tallies.used, memory_order_relaxed);
}

unsigned tt_flow_add(struct tt_flow *f, unsigned uplink, const struct tt_pkt *pkts,
	const int64_t *ns, const uint32_t *len, unsigned n) {
	unsigned done = 0;
	bool fold = false;
	if (n > BURST_MAX)
		n = BURST_MAX;
	while (done < n) {
		struct input in = {
			pkts + done, ns + done, len + done, uplink, n - done, fold, CUT_NONE};
		add_some(f, &in);
		done += in.n;
		if (done == n || tt_flow_switch(f))
			continue;
		if (in.cut == CUT_FLOWS || f->stops) {
			counter_add(&f->waits, 1);
			break;
		}
		fold = true;
	}
	return done;
}
