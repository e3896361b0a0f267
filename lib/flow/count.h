/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Counting of packets whose places are settled.
#include "keys.h"
#include "place.h"
#include "value.h"

static void total_add(
	struct tt_flow *f, struct flow_half *h, uint32_t epoch, unsigned i, uint32_t len) {
	uint32_t row = f->burst.total[i], us = f->burst.us[i];
	struct total_row *t = &h->total_rows[row];
	// folded from another epoch: the nearest time that the row's epoch has
	if (epoch < h->totals.keys[row].epoch)
		us = 0;
	else if (epoch > h->totals.keys[row].epoch)
		us = (uint32_t)(f->epoch_ns / 1000 - 1);
	if (t->packets == 0)
		t->first_us = t->last_us = us;
	t->packets++;
	t->bytes += len;
	span_add(&t->first_us, &t->last_us, us);
}

static inline void live_add(struct tt_live *l, unsigned class, uint32_t len, int64_t ns) {
	counter_add(&l->packets[class], 1);
	counter_add(&l->bytes[class], len);
	if (ns > atomic_load_explicit(&l->last_ns, memory_order_relaxed))
		atomic_store_explicit(&l->last_ns, ns, memory_order_relaxed);
}

/// Counts packet i, whose fate is not to be observed.
static void count_unobserved(struct tt_flow *f, struct flow_half *h, const struct input *in,
	const struct flow_run *run, unsigned i) {
	struct flow_burst *b = &f->burst;
	struct tally_row *t = &h->tally_rows[run->tally];
	uint32_t len = in->len[i];
	t->packets[b->fate[i]]++;
	t->bytes[b->fate[i]] += len;
	if (b->fate[i] != TT_FATE_SPILLED)
		return;
	if (b->place[i] != PLACE_TOTAL)
		spill_add(&h->spill, (uint32_t)b->place[i], b->us[i], len);
	else
		total_add(f, h, run->epoch, i, len);
	live_add(&f->live[in->pkts[i].sensor], in->pkts[i].class, len, in->ns[i]);
	counter_add(&f->spilled, 1);
}

static inline struct flow_value *value4(uint8_t *rows, uint32_t pos) {
	return (struct flow_value *)(rows + sizeof(struct key4) + (size_t)pos * ROW4);
}

/// What observed packets add to a tally; feed_fragments: of others too.
struct counted {
	uint64_t packets, bytes, feed_fragments;
};

/// Adds to the tally of a run of which n packets were counted.
static inline void tally_add(struct tt_flow *f, struct tally_row *t, const struct flow_run *run,
	unsigned n, struct counted sum) {
	t->packets[TT_FATE_OBSERVED] += sum.packets;
	t->bytes[TT_FATE_OBSERVED] += sum.bytes;
	t->feed_fragments += sum.feed_fragments;
	if (run->epoch >= f->newest) {
		f->newest = run->epoch;
	} else if (f->conf.mark_late) {
		t->late += n;
		counter_add(&f->late, n);
	}
}

/// Position of a packet's key that its step did not find. Negative: the table is full.
static inline int32_t place_late(
	struct flow_table *t, const void *key, uint32_t sig, const struct tt_pkt *p) {
	int32_t pos = place_find(t, key, sig);
	if (pos >= 0)
		return pos;
	struct flow_value first = value_first(p);
	return place_make(t, key, sig, &first);
}

/// Third step of a chunk of nothing but IPv4 packets in one epoch: settles their places and counts
/// them one by one. How many, from the front: all, or up to one that the table has no place for.
static __attribute__((noinline)) unsigned count_plain(struct tt_flow *f, struct flow_half *h,
	const struct input *in, const struct flow_run *run, const struct flow_chunk *c) {
	const unsigned from = c->packets.from, n = c->packets.to - from;
	const struct tt_pkt *pkts = in->pkts + from;
	const int64_t *ns = in->ns + from;
	const uint32_t *len = in->len + from, *us = f->burst.us + from;
	const uint64_t *dst_bit = f->burst.dst_bit + from;
	const struct key4 *key = f->burst.key4 + c->v4.from;
	const struct flow_lane *l = &f->burst.v4;
	const int32_t *at = l->pos + c->v4.from;
	uint8_t *rows = h->v4.rows;
	struct tt_live *live = f->live;
	uint64_t bytes = 0, feed_fragments = 0;
	unsigned i = 0;
	for (; i < n; i++) {
		const struct tt_pkt *p = &pkts[i];
		int32_t pos = at[i];
		if (unlikely(pos < 0 || !peek_equal4(rows + (size_t)pos * ROW4, &key[i]))) {
			pos = place_late(&h->v4, &key[i], l->sig[c->v4.from + i], p);
			if (unlikely(pos < 0))
				break;
		}
		if (value_add(value4(rows, (uint32_t)pos), p, us[i], len[i], dst_bit[i]))
			rare_add(&h->v4, (uint32_t)pos, p, len[i]);
		live_add(&live[p->sensor], p->class, len[i], ns[i]);
		bytes += len[i];
		feed_fragments += p->feed_fragment;
	}
	tally_add(
		f, &h->tally_rows[run->tally], run, i, (struct counted){i, bytes, feed_fragments});
	return i;
}

/// Counts the packets of a run from `from` on that end before `to`.
static inline void count_run(struct tt_flow *f, struct flow_half *h, const struct input *in,
	const struct flow_run *run, unsigned from, unsigned to) {
	struct flow_burst *b = &f->burst;
	struct tally_row *t = &h->tally_rows[run->tally];
	struct counted sum = {0};
	for (unsigned i = from; i < to; i++) {
		const struct tt_pkt *p = &in->pkts[i];
		sum.feed_fragments += p->feed_fragment;
		if (unlikely(b->fate[i] != TT_FATE_OBSERVED)) {
			count_unobserved(f, h, in, run, i);
			continue;
		}
		uint32_t len = in->len[i], pos = (uint32_t)b->place[i];
		bool v4 = likely(p->family == 4);
		struct flow_value *v = v4 ? value4(h->v4.rows, pos) : table_value(&h->v6, pos);
		if (value_add(v, p, b->us[i], len, b->dst_bit[i]))
			rare_add(v4 ? &h->v4 : &h->v6, pos, p, len);
		live_add(&f->live[p->sensor], p->class, len, in->ns[i]);
		sum.packets++;
		sum.bytes += len;
	}
	tally_add(f, t, run, to - from, sum);
}
