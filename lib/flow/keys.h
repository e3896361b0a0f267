/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Keys of a burst's packets, and the epochs and fates that come with them.
#include "flow_impl.h"
#include "tt_time.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

/// Sensor, port, class, protocol and zero lie in a packet as in a key.
static inline uint64_t service_of(const struct tt_pkt *p) {
	static_assert(offsetof(struct tt_pkt, zero) - offsetof(struct tt_pkt, sensor) ==
			      offsetof(struct key4, zero) - offsetof(struct key4, sensor),
		"sensor, port, class, protocol, zero");
	uint64_t service;
	__builtin_memcpy(&service, &p->sensor, sizeof(service));
	return service;
}

typedef uint64_t pair __attribute__((vector_size(16), may_alias));

// Stored whole: the hash loads it whole soon after, which would wait for parts to reach the cache.
static inline void key4_make(struct key4 *k, const struct tt_pkt *p, uint32_t epoch) {
#if defined(__SSE2__)
	int src;
	__builtin_memcpy(&src, p->src, sizeof(src));
	__m128i low = _mm_unpacklo_epi32(_mm_cvtsi32_si128(src), _mm_set1_epi32((int)epoch));
	__m128i service = _mm_loadl_epi64((const __m128i *)(const void *)&p->sensor);
	_mm_store_si128((__m128i *)k, _mm_unpacklo_epi64(low, service));
#else
	struct key4 head = {.epoch = epoch};
	uint64_t low;
	__builtin_memcpy(&head.src, p->src, 4);
	__builtin_memcpy(&low, &head, sizeof(low));
	*(pair *)k = (pair){low, service_of(p)};
#endif
}

static inline void key6_make(struct key6 *k, const struct tt_pkt *p, uint32_t epoch) {
	struct key6 tail = {.epoch = epoch};
	uint64_t service = service_of(p);
	__builtin_memcpy(&tail.sensor, &service, sizeof(service));
	__builtin_memcpy(k->src, p->src, 16);
	pair low;
	__builtin_memcpy(&low, (uint8_t *)&tail + 16, sizeof(low));
	*(pair *)((uint8_t *)k + 16) = low;
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

/// Keys of the observed IPv4 packets from `from` on, up to the first packet, at most `to`, that is
/// none or begins another epoch.
static inline unsigned keys_plain(
	struct tt_flow *f, const struct input *in, unsigned from, unsigned to) {
	struct flow_burst *b = &f->burst;
	struct key4 *key = &b->key4[b->v4.n];
	const uint64_t start = (uint64_t)f->window_start, length = f->window_ns;
	const uint32_t epoch = f->window_epoch, sensors = f->conf.sensors;
	unsigned i = from;
	for (; i < to; i++) {
		const struct tt_pkt *p = &in->pkts[i];
		uint64_t since = (uint64_t)in->ns[i] - start;
		if (unlikely(since >= length || p->class >= TT_MALFORMED || p->sensor >= sensors ||
			     p->family != 4))
			break;
		b->us[i] = (uint32_t)(since / 1000);
		key4_make(key++, p, epoch);
	}
	uint8_t *index = b->v4.index + b->v4.n;
	memset(b->fate + from, TT_FATE_OBSERVED, i - from);
	for (unsigned k = from; k < i; k++)
		*index++ = (uint8_t)k;
	b->v4.n += i - from;
	return i;
}

/// Epochs, tallies, fates and keys of the packets from `from` up to `to`, or to where one is cut.
static inline void keys_make(
	struct tt_flow *f, struct flow_half *h, struct input *in, unsigned from, unsigned to) {
	struct flow_burst *b = &f->burst;
	unsigned i = keys_plain(f, in, from, to);
	unsigned n4 = b->v4.n, n6 = b->v6.n;
	for (; i < to; i++) {
		const struct tt_pkt *p = &in->pkts[i];
		uint64_t since = (uint64_t)in->ns[i] - (uint64_t)f->window_start;
		if (unlikely(since >= f->window_ns)) {
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
			b->v4.index[n4++] = (uint8_t)i;
		} else {
			key6_make(&b->key6[n6], p, f->window_epoch);
			b->v6.index[n6++] = (uint8_t)i;
		}
	}
	b->v4.n = n4;
	b->v6.n = n6;
}
