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

/// Makes the window the epoch of that time.
static void window_move(struct tt_flow *f, int64_t ns) {
	ns = clamp(ns);
	f->window_epoch = (uint32_t)(ns / f->epoch_ns);
	f->window_start = f->window_epoch * f->epoch_ns;
	int64_t end = f->window_start + f->epoch_ns;
	// times past the last one that counts are clamped to it, not into its epoch's rest
	f->window_ns = (uint64_t)(clamp(end - 1) + 1 - f->window_start);
}

/// Sensor, port, class and protocol lie in a packet as in a key; what follows there is cleared.
static inline uint64_t service_of(const struct tt_pkt *p) {
	static_assert(offsetof(struct tt_pkt, other_port) - offsetof(struct tt_pkt, sensor) ==
			      offsetof(struct key4, zero) - offsetof(struct key4, sensor),
		"sensor, port, class, protocol");
	static const uint8_t bytes[8] = {255, 255, 255, 255, 255, 255, 0, 0};
	uint64_t service, mask;
	__builtin_memcpy(&service, &p->sensor, sizeof(service));
	__builtin_memcpy(&mask, bytes, sizeof(mask));
	return service & mask;
}

static inline void key4_make(struct key4 *k, const struct tt_pkt *p, uint32_t epoch) {
	uint64_t service = service_of(p);
	__builtin_memcpy(&k->src, p->src, 4);
	k->epoch = epoch;
	__builtin_memcpy(&k->sensor, &service, sizeof(service));
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

/// Begins a run of packets of another epoch at packet i. False where it has no row: cut.
static bool run_begin(struct tt_flow *f, struct flow_half *h, struct input *in, unsigned i) {
	struct flow_burst *b = &f->burst;
	window_move(f, in->ns[i]);
	uint32_t row = ledger_find(&h->tallies, f->window_epoch, in->uplink);
	if (row == LEDGER_NONE) {
		if (!in->fold) {
			cut(in, i, CUT_ROWS);
			return false;
		}
		row = h->tallies.group[in->uplink].newest;
	}
	b->runs[b->n_runs++] = (struct flow_run){i, f->window_epoch, row};
	return true;
}

static uint32_t epoch_of(const struct flow_burst *b, unsigned i) {
	unsigned r = 0;
	while (r + 1 < b->n_runs && b->runs[r + 1].from <= i)
		r++;
	return b->runs[r].epoch;
}

/// Epochs, tallies, fates and keys.
static void stage_keys(struct tt_flow *f, struct flow_half *h, struct input *in) {
	struct flow_burst *b = &f->burst;
	unsigned n4 = 0, n6 = 0;
	b->n_runs = 0;
	for (unsigned i = 0; i < in->n; i++) {
		const struct tt_pkt *p = &in->pkts[i];
		uint64_t since = (uint64_t)in->ns[i] - (uint64_t)f->window_start;
		if (unlikely(since >= f->window_ns || i == 0)) {
			if (!run_begin(f, h, in, i))
				break;
			since = (uint64_t)(clamp(in->ns[i]) - f->window_start);
		}
		b->us[i] = (uint32_t)(since / 1000);
		enum tt_fate fate = fate_of(f, p);
		b->fate[i] = (uint8_t)fate;
		if (unlikely(fate != TT_FATE_OBSERVED))
			continue;
		if (likely(p->family == 4)) {
			key4_make(&b->key4[n4], p, f->window_epoch);
			b->index4[n4++] = (uint8_t)i;
		} else {
			key6_make(&b->key6[n6], p, f->window_epoch);
			b->index6[n6++] = (uint8_t)i;
		}
	}
	b->n = in->n;
	b->n4 = n4;
	b->n6 = n6;
}

/// Queues a packet for the spill table.
static void spill_push(struct tt_flow *f, const struct input *in, unsigned i) {
	struct flow_burst *b = &f->burst;
	b->fate[i] = TT_FATE_SPILLED;
	key4_make(&b->key_spill[b->n_spill], &in->pkts[i], epoch_of(b, i));
	b->key_spill[b->n_spill].src = 0;
	b->index_spill[b->n_spill++] = (uint8_t)i;
}

/// Makes the places of keys that were not found; those without a place wait or go to the spill
/// table.
static void make_places(struct tt_flow *f, struct flow_table *t, struct input *in,
	const void **keys, const uint32_t *sigs, const uint8_t *index, unsigned n) {
	struct flow_burst *b = &f->burst;
	uint32_t used0 = t->used;
	for (unsigned k = 0; k < n; k++) {
		unsigned i = index[k];
		if (b->place[i] >= 0)
			continue;
		if (i >= in->n)
			break;
		b->place[i] = table_insert(t, keys[k], sigs[k], used0, in->pkts[i].testable);
		if (likely(b->place[i] >= 0))
			continue;
		if (f->conf.wait_when_full) {
			cut(in, i, CUT_FLOWS);
			break;
		}
		spill_push(f, in, i);
	}
}

/// Finds or makes the places of n keys.
static inline void stage_table(struct tt_flow *f, struct flow_table *t, struct input *in,
	const void **keys, uint32_t *sigs, const uint8_t *index, unsigned n) {
	struct flow_burst *b = &f->burst;
	// where all packets are of one family, packets and keys have the same numbers
	bool all = n == b->n;
	int32_t *pos = all ? b->place : b->pos;
	rte_hash_lookup_with_hash_bulk(t->hash, keys, sigs, n, pos);
	int32_t missed = 0;
	for (unsigned k = 0; k < n; k++)
		missed |= pos[k];
	if (!all)
		for (unsigned k = 0; k < n; k++)
			b->place[index[k]] = pos[k];
	if (unlikely(missed < 0))
		make_places(f, t, in, keys, sigs, index, n);
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
	struct flow_table *t = &h->spill;
	uint32_t used0 = t->used;
	if (t->hash) {
		f->hasher.hash4(&f->hasher, b->key_spill, b->sig4, b->n_spill);
		rte_hash_lookup_with_hash_bulk(t->hash, b->ptr_spill, b->sig4, b->n_spill, b->pos);
	}
	for (unsigned k = 0; k < b->n_spill; k++) {
		unsigned i = b->index_spill[k];
		int32_t at = -1;
		if (i >= in->n) // not in order of packets: IPv4 before IPv6
			continue;
		if (t->hash) {
			at = b->pos[k];
			if (at < 0)
				at = table_insert(t, &b->key_spill[k], b->sig4[k], used0, 0);
		}
		b->place[i] = at >= 0 ? at : PLACE_TOTAL;
		if (at < 0)
			total_find(f, h, in, i);
	}
}

static inline uint32_t saturate(uint32_t x, uint32_t add) {
	uint32_t sum = x + add;
	return sum < x ? UINT32_MAX : sum;
}

// Branches, not minima: after its first packets a flow rarely has a new one to store.
static inline void span_add(uint32_t *first, uint32_t *last, uint32_t us) {
	if (unlikely(us < *first))
		*first = us;
	if (likely(us > *last))
		*last = us;
}

/// Adds to the low halves; true where one went over.
static inline bool sums_add(struct flow_value *v, uint32_t len) {
	bool packets = __builtin_add_overflow(v->packets, 1u, &v->packets);
	bool bytes = __builtin_add_overflow(v->bytes, len, &v->bytes);
	return unlikely(packets || bytes);
}

/// What few packets need: a low half that went over, a tool's mark, a packet that is testable where
/// the flow's first was not or the other way round.
static void rare_add(
	const struct flow_table *t, uint32_t pos, const struct tt_pkt *p, uint32_t len) {
	const struct flow_value *v = table_value(t, pos);
	struct flow_rare *r = table_rare(t, pos);
	r->packets_high += v->packets == 0;
	r->bytes_high += v->bytes < len;
	r->unlike += p->testable != v->testable;
	for (unsigned tool = 0; tool < TT_TOOL_N; tool++)
		r->matches[tool] = saturate(r->matches[tool], p->tools >> tool & 1);
}

#define FLAG(flag) ((uint32_t)(flag) << VALUE_FLAGS_SHIFT)

/// Returns whether the packet needs rare_add too.
static inline bool value_add(
	struct flow_value *v, const struct tt_pkt *p, uint32_t us, uint32_t len, unsigned dst_bit) {
	uint32_t bits = v->bits | p->traits;
	span_add(&v->first_us, &v->last_us, us);
	v->dst_bitmap |= 1ull << dst_bit;
	v->tcp_flags |= p->tcp_flags;
	if (unlikely(p->ttl < v->ttl_min))
		v->ttl_min = p->ttl;
	if (unlikely(p->ttl > v->ttl_max))
		v->ttl_max = p->ttl;
	if (p->has_ports) {
		if (unlikely(!(bits & FLAG(TT_OBS_OTHER_PORT))))
			v->other_port = p->other_port;
		bits |= v->other_port != p->other_port ? FLAG(TT_OBS_OTHER_PORT_VARIED) : 0;
		bits |= FLAG(TT_OBS_OTHER_PORT);
	}
	if (p->syn_sample && unlikely(!(bits & FLAG(TT_OBS_SYN_SAMPLE)))) {
		v->window = p->window;
		v->opt_hash = p->opt_hash;
		bits |= FLAG(TT_OBS_SYN_SAMPLE);
	}
	v->bits = bits;
	return sums_add(v, len) || (p->tools | (p->testable ^ v->testable));
}

/// A spilled packet: no more than what every packet has.
static void spill_add(const struct flow_table *t, uint32_t pos, uint32_t us, uint32_t len) {
	struct flow_value *v = table_value(t, pos);
	if (sums_add(v, len)) {
		struct flow_rare *r = table_rare(t, pos);
		r->packets_high += v->packets == 0;
		r->bytes_high += v->bytes < len;
	}
	span_add(&v->first_us, &v->last_us, us);
}

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

static inline struct flow_value *value4(uint8_t *values, uint32_t pos) {
	return (struct flow_value *)(values + (size_t)pos * ROW4);
}

/// Counts the packets of a run that end before `to`.
static inline void count_run(struct tt_flow *f, struct flow_half *h, const struct input *in,
	const struct flow_run *run, unsigned to) {
	struct flow_burst *b = &f->burst;
	struct tally_row *t = &h->tally_rows[run->tally];
	uint64_t packets = 0, bytes = 0, feed_fragments = 0;
	uint8_t *values4 = h->v4.rows + sizeof(struct key4);
	for (unsigned i = run->from; i < to; i++) {
		const struct tt_pkt *p = &in->pkts[i];
		feed_fragments += p->feed_fragment != 0;
		if (unlikely(b->fate[i] != TT_FATE_OBSERVED)) {
			count_unobserved(f, h, in, run, i);
			continue;
		}
		uint32_t len = in->len[i], pos = (uint32_t)b->place[i];
		bool v4 = likely(p->family == 4);
		struct flow_value *v = v4 ? value4(values4, pos) : table_value(&h->v6, pos);
		if (value_add(v, p, b->us[i], len, b->dst_bit[i]))
			rare_add(v4 ? &h->v4 : &h->v6, pos, p, len);
		live_add(&f->live[p->sensor], p->class, len, in->ns[i]);
		packets++;
		bytes += len;
	}
	t->packets[TT_FATE_OBSERVED] += packets;
	t->bytes[TT_FATE_OBSERVED] += bytes;
	t->feed_fragments += feed_fragments;
	if (run->epoch >= f->newest) {
		f->newest = run->epoch;
	} else if (f->conf.mark_late) {
		t->late += to - run->from;
		counter_add(&f->late, to - run->from);
	}
}

/// Counts; nothing before this stage is visible in any result.
static void stage_count(struct tt_flow *f, struct flow_half *h, const struct input *in) {
	const struct flow_burst *b = &f->burst;
	for (unsigned r = 0; r < b->n_runs && b->runs[r].from < in->n; r++) {
		unsigned to = r + 1 < b->n_runs ? b->runs[r + 1].from : in->n;
		count_run(f, h, in, &b->runs[r], to < in->n ? to : in->n);
	}
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
		stage_table(f, &h->v4, in, b->ptr4, b->sig4, b->index4, b->n4);
	}
	if (b->n6) {
		f->hasher.hash6(&f->hasher, b->key6, b->sig6, b->n6);
		stage_table(f, &h->v6, in, b->ptr6, b->sig6, b->index6, b->n6);
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
