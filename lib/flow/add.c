/* SPDX-License-Identifier: BSD-3-Clause */
// The worker's side: a burst goes through stages, each over all packets before the next, so that
// the memory one stage asks for is there when the next needs it.
#include <rte_prefetch.h>

#include "flow_impl.h"
#include "tt_time.h"

/// Why a burst was cut.
enum cut { CUT_NONE, CUT_FLOWS, CUT_ROWS };

struct input {
	const struct tt_pkt *pkts;
	const int64_t *ns;
	const uint32_t *len;
	unsigned uplink, n; // n: packets that are still in
	bool fold;	    // full ledgers count in a group's newest row rather than cut
	enum cut cut;
};

static void cut(struct input *in, unsigned at, enum cut why) {
	if (at < in->n) {
		in->n = at;
		in->cut = why;
	}
}

static inline int64_t clamp(int64_t ns) {
	return ns < 0 ? 0 : ns > TT_TIME_MAX * TT_NS ? TT_TIME_MAX * TT_NS : ns;
}

/// Number of the epoch of a time and the microseconds into it.
static inline uint32_t epoch_of(struct tt_flow *f, int64_t ns, uint32_t *us) {
	ns = clamp(ns);
	if (unlikely(ns < f->window_start || ns >= f->window_end)) {
		f->window_epoch = (uint32_t)(ns / f->epoch_ns);
		f->window_start = f->window_epoch * f->epoch_ns;
		f->window_end = f->window_start + f->epoch_ns;
	}
	*us = (uint32_t)((uint64_t)(ns - f->window_start) / 1000);
	return f->window_epoch;
}

static inline void key4_make(struct key4 *k, const struct tt_pkt *p, uint32_t epoch) {
	__builtin_memcpy(&k->src, p->src, 4);
	k->epoch = epoch;
	k->sensor = p->sensor;
	k->port = p->port;
	k->class = p->class;
	k->proto = p->proto;
	k->zero = 0;
}

static inline void key6_make(struct key6 *k, const struct tt_pkt *p, uint32_t epoch) {
	__builtin_memcpy(k->src, p->src, 16);
	k->epoch = epoch;
	k->sensor = p->sensor;
	k->port = p->port;
	k->class = p->class;
	k->proto = p->proto;
	__builtin_memset(k->zero, 0, sizeof(k->zero));
}

static inline enum tt_fate fate_of(const struct tt_flow *f, const struct tt_pkt *p) {
	if (unlikely(p->class >= TT_MALFORMED))
		return p->class == TT_MALFORMED ? TT_FATE_MALFORMED : TT_FATE_NON_IP;
	// TT_NO_SENSOR is above all sensors
	return likely(p->sensor < f->conf.sensors) ? TT_FATE_OBSERVED : TT_FATE_UNASSIGNED;
}

/// Epochs, tallies, fates and keys.
static void stage_keys(struct tt_flow *f, struct flow_half *h, struct input *in) {
	struct flow_burst *b = &f->burst;
	unsigned n4 = 0, n6 = 0;
	for (unsigned i = 0; i < in->n; i++) {
		const struct tt_pkt *p = &in->pkts[i];
		uint32_t epoch = b->epoch[i] = epoch_of(f, in->ns[i], &b->us[i]);
		uint32_t row = ledger_find(&h->tallies, epoch, in->uplink);
		if (unlikely(row == LEDGER_NONE)) {
			if (!in->fold) {
				cut(in, i, CUT_ROWS);
				break;
			}
			row = h->tallies.group[in->uplink].newest;
		}
		b->tally[i] = row;
		b->value[i] = NULL;
		b->fate[i] = fate_of(f, p);
		if (b->fate[i] != TT_FATE_OBSERVED)
			continue;
		if (likely(p->family == 4)) {
			key4_make(&b->key4[n4], p, epoch);
			b->index4[n4++] = (uint8_t)i;
		} else {
			key6_make(&b->key6[n6], p, epoch);
			b->index6[n6++] = (uint8_t)i;
		}
	}
	b->n4 = n4;
	b->n6 = n6;
}

/// Queues a packet for the spill table.
static void spill_push(struct tt_flow *f, const struct input *in, unsigned i) {
	struct flow_burst *b = &f->burst;
	b->fate[i] = TT_FATE_SPILLED;
	key4_make(&b->key_spill[b->n_spill], &in->pkts[i], b->epoch[i]);
	b->key_spill[b->n_spill].src = 0;
	b->index_spill[b->n_spill++] = (uint8_t)i;
}

/// Finds or makes the places of n keys; those without a place wait or go to the spill table.
static inline void stage_table(struct tt_flow *f, struct flow_table *t, struct input *in,
	const void **keys, uint32_t *sigs, int32_t *pos, const uint8_t *index, unsigned n) {
	struct flow_burst *b = &f->burst;
	uint32_t used0 = t->used;
	rte_hash_lookup_with_hash_bulk(t->hash, keys, sigs, n, pos);
	for (unsigned k = 0; k < n; k++) {
		if (likely(pos[k] >= 0)) {
			rte_prefetch0(&t->values[pos[k]]);
			b->value[index[k]] = &t->values[pos[k]];
		}
	}
	for (unsigned k = 0; k < n; k++) {
		if (likely(pos[k] >= 0))
			continue;
		if (index[k] >= in->n)
			break;
		int32_t at = table_insert(t, keys[k], sigs[k], used0);
		if (likely(at >= 0)) {
			rte_prefetch0(&t->values[at]);
			b->value[index[k]] = &t->values[at];
		} else if (f->conf.wait_when_full) {
			cut(in, index[k], CUT_FLOWS);
			break;
		} else {
			spill_push(f, in, index[k]);
		}
	}
}

/// The row of the totals of a packet that the spill table has no place for.
static void total_find(struct tt_flow *f, struct flow_half *h, struct input *in, unsigned i) {
	uint32_t group = in->pkts[i].sensor * TT_OBSERVED_CLASS_N + in->pkts[i].class;
	uint32_t row = ledger_find(&h->totals, f->burst.epoch[i], group);
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
	struct flow_table *t = &h->spill;
	uint32_t used0 = t->used;
	if (t->hash) {
		f->hasher.hash4(&f->hasher, b->key_spill, b->sig4, b->n_spill);
		rte_hash_lookup_with_hash_bulk(t->hash, b->ptr_spill, b->sig4, b->n_spill, b->pos4);
	}
	for (unsigned k = 0; k < b->n_spill; k++) {
		unsigned i = b->index_spill[k];
		int32_t at = -1;
		if (i >= in->n) // not in order of packets: IPv4 before IPv6
			continue;
		if (t->hash) {
			at = b->pos4[k];
			if (at < 0)
				at = table_insert(t, &b->key_spill[k], b->sig4[k], used0);
		}
		if (at >= 0)
			b->value[i] = &t->values[at];
		else
			total_find(f, h, in, i);
	}
}

static inline uint32_t saturate(uint32_t x, uint32_t add) {
	uint32_t sum = x + add;
	return sum < x ? UINT32_MAX : sum;
}

static inline void span_add(uint32_t *first, uint32_t *last, uint32_t us) {
	*first = us < *first ? us : *first;
	*last = us > *last ? us : *last;
}

static inline void value_add(
	struct flow_value *v, const struct tt_pkt *p, uint32_t us, uint32_t len, unsigned dst_bit) {
	if (v->packets == 0) {
		v->first_us = v->last_us = us;
		v->ttl_min = v->ttl_max = p->ttl;
	}
	v->packets++;
	v->bytes += len;
	span_add(&v->first_us, &v->last_us, us);
	v->tested = saturate(v->tested, p->testable != 0);
	if (unlikely(p->tools))
		for (unsigned t = 0; t < TT_TOOL_N; t++)
			v->matches[t] = saturate(v->matches[t], p->tools >> t & 1);
	v->traits |= p->traits;
	v->dst_bitmap |= 1ull << dst_bit;
	v->tcp_flags |= p->tcp_flags;
	v->ttl_min = p->ttl < v->ttl_min ? p->ttl : v->ttl_min;
	v->ttl_max = p->ttl > v->ttl_max ? p->ttl : v->ttl_max;
	uint8_t flags = v->flags;
	if (p->has_ports) {
		if (!(flags & TT_OBS_OTHER_PORT))
			v->other_port = p->other_port;
		else if (v->other_port != p->other_port)
			flags |= TT_OBS_OTHER_PORT_VARIED;
		flags |= TT_OBS_OTHER_PORT;
	}
	if (p->syn_sample && !(flags & TT_OBS_SYN_SAMPLE)) {
		v->window = p->window;
		v->opt_hash = p->opt_hash;
		flags |= TT_OBS_SYN_SAMPLE;
	}
	v->flags = flags;
}

/// A spilled packet: no more than what every packet has.
static void spill_add(struct flow_value *v, uint32_t us, uint32_t len) {
	if (v->packets == 0)
		v->first_us = v->last_us = us;
	v->packets++;
	v->bytes += len;
	span_add(&v->first_us, &v->last_us, us);
}

static void total_add(struct tt_flow *f, struct flow_half *h, unsigned i, uint32_t len) {
	uint32_t row = f->burst.total[i], epoch = f->burst.epoch[i], us = f->burst.us[i];
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

/// Counts; nothing before this stage is visible in any result.
static void stage_count(struct tt_flow *f, struct flow_half *h, const struct input *in) {
	struct flow_burst *b = &f->burst;
	uint64_t late = 0, spilled = 0;
	for (unsigned i = 0; i < in->n; i++) {
		const struct tt_pkt *p = &in->pkts[i];
		uint32_t len = in->len[i];
		struct tally_row *t = &h->tally_rows[b->tally[i]];
		uint8_t fate = b->fate[i];
		t->packets[fate]++;
		t->bytes[fate] += len;
		t->feed_fragments += p->feed_fragment != 0;
		if (b->epoch[i] < f->newest) {
			t->late += f->conf.mark_late;
			late += f->conf.mark_late;
		} else {
			f->newest = b->epoch[i];
		}
		if (likely(fate == TT_FATE_OBSERVED)) {
			value_add(b->value[i], p, b->us[i], len, b->dst_bit[i]);
		} else if (fate == TT_FATE_SPILLED) {
			if (b->value[i])
				spill_add(b->value[i], b->us[i], len);
			else
				total_add(f, h, i, len);
			spilled++;
		} else {
			continue;
		}
		live_add(&f->live[p->sensor], p->class, len, in->ns[i]);
	}
	if (late)
		counter_add(&f->late, late);
	if (spilled)
		counter_add(&f->spilled, spilled);
}

/// Counts packets from the front up to where something is full; in->n says how many.
static void add_some(struct tt_flow *f, struct input *in) {
	struct flow_burst *b = &f->burst;
	struct flow_half *h = &f->half[f->current];
	b->n_spill = 0;
	stage_keys(f, h, in);
	f->hasher.dst(&f->hasher, in->pkts, b->dst_bit, in->n);
	if (likely(b->n4)) {
		f->hasher.hash4(&f->hasher, b->key4, b->sig4, b->n4);
		stage_table(f, &h->v4, in, b->ptr4, b->sig4, b->pos4, b->index4, b->n4);
	}
	if (b->n6) {
		f->hasher.hash6(&f->hasher, b->key6, b->sig6, b->n6);
		stage_table(f, &h->v6, in, b->ptr6, b->sig6, b->pos6, b->index6, b->n6);
	}
	if (unlikely(b->n_spill))
		stage_spill(f, h, in);
	stage_count(f, h, in);
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
