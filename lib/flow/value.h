/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// What a packet adds to its flow's counters.
#include "table.h"
#include "tt_obs.h"
#include "tt_packet.h"

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

#define FLAG(flag) ((uint32_t)(flag) << VALUE_FLAGS_SHIFT)

static inline uint32_t saturate(uint32_t x, uint32_t add) {
	uint32_t sum = x + add;
	return sum < x ? UINT32_MAX : sum;
}

/// What the row of a flow begins with that this packet is the first of; nothing is counted yet.
/// Later packets then need to look only at where they differ from the first.
static inline struct flow_value value_first(const struct tt_pkt *p) {
	return (struct flow_value){
		.first_us = UINT32_MAX,
		.bits = (p->has_ports ? FLAG(TT_OBS_OTHER_PORT) : 0) |
			(p->syn_sample ? FLAG(TT_OBS_SYN_SAMPLE) : 0),
		.opt_hash = p->syn_sample ? p->opt_hash : 0,
		.other_port = p->has_ports ? p->other_port : 0,
		.window = p->syn_sample ? p->window : 0,
		.marks = tt_pkt_marks(p) & (uint8_t)~TT_MARK_TOOLS,
	};
}

// A branch for what hardly ever changes after a flow's first packets, none for what may or may not.
static inline void span_add(uint32_t *first, uint32_t *last, uint32_t us) {
	if (unlikely(us < *first))
		*first = us;
	*last = us > *last ? us : *last;
}

/// Adds to the low halves; true where one went over.
static inline bool sums_add(struct flow_value *v, uint32_t len) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t sums;
	if (likely(!__builtin_add_overflow(v->sums, 1ull << 32 | len, &sums) &&
		    (uint32_t)sums >= len)) {
		v->sums = sums;
		return false;
	}
#endif
	bool packets = __builtin_add_overflow(v->packets, 1u, &v->packets);
	bool bytes = __builtin_add_overflow(v->bytes, len, &v->bytes);
	return packets || bytes;
}

/// A packet whose marks are not the flow's: keeps what it is the first to bring.
/// Returns the other port that the flow's is to be compared with.
static inline uint16_t value_unlike(struct flow_value *v, const struct tt_pkt *p) {
	if (p->syn_sample && !(v->bits & FLAG(TT_OBS_SYN_SAMPLE))) {
		v->window = p->window;
		v->opt_hash = p->opt_hash;
		v->bits |= FLAG(TT_OBS_SYN_SAMPLE);
		v->marks |= TT_MARK_SYN;
	}
	if (!p->has_ports)
		return v->other_port;
	if (!(v->bits & FLAG(TT_OBS_OTHER_PORT))) {
		v->other_port = p->other_port;
		v->bits |= FLAG(TT_OBS_OTHER_PORT);
		v->marks |= TT_MARK_PORTS; // one without a port differs from now on
	}
	return p->other_port;
}

/// Folds in what the packet and the flow have in common as 16 bytes, field by field.
static inline void tail_add(struct flow_value *v, const struct tt_pkt *p, uint16_t other_port) {
	uint8_t below = (uint8_t)(UINT8_MAX - p->ttl);
	v->bits |= p->traits | (v->other_port != other_port ? FLAG(TT_OBS_OTHER_PORT_VARIED) : 0);
	v->tcp_flags |= p->tcp_flags;
	v->ttl_below = below > v->ttl_below ? below : v->ttl_below;
	v->ttl_max = p->ttl > v->ttl_max ? p->ttl : v->ttl_max;
}

/// The same for a packet whose marks are the flow's, all at once where the processor can.
static inline void tail_add_like(struct flow_value *v, const struct tt_pkt *p) {
#if defined(__SSE4_1__)
	static_assert(
		offsetof(struct flow_value, opt_hash) - offsetof(struct flow_value, other_port) ==
				12 &&
			offsetof(struct tt_pkt, opt_hash) - offsetof(struct tt_pkt, other_port) ==
				12,
		"16 bytes in the same order");
	enum { NO = -128, PORT = 0, TTL = 4, FLAGS = 6, BITS = 8, TTL_PAIR = 1 << TTL / 2 };
	const __m128i from = _mm_setr_epi8(NO, NO, NO, NO, TTL, TTL, FLAGS, NO, BITS, BITS + 1,
		BITS + 2, BITS + 3, NO, NO, NO, NO);
	const __m128i below = _mm_setr_epi8(0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	const __m128i port =
		_mm_setr_epi8(NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, PORT, NO, NO, NO, NO);
	const __m128i varied = _mm_setr_epi32(0, 0, (int)FLAG(TT_OBS_OTHER_PORT_VARIED), 0);
	__m128i *at = (__m128i *)(void *)&v->other_port;
	__m128i flow = _mm_loadu_si128(at);
	__m128i pkt = _mm_loadu_si128((const __m128i *)(const void *)&p->other_port);
	__m128i same = _mm_shuffle_epi8(_mm_cmpeq_epi16(flow, pkt), port);
	__m128i add = _mm_xor_si128(_mm_shuffle_epi8(pkt, from), below);
	__m128i either = _mm_or_si128(_mm_or_si128(flow, add), _mm_andnot_si128(same, varied));
	_mm_storeu_si128(at, _mm_blend_epi16(either, _mm_max_epu8(flow, add), TTL_PAIR));
#else
	tail_add(v, p, p->other_port);
#endif
}

/// value_add for a packet whose marks are not the flow's.
static __attribute__((noinline)) bool value_add_unlike(
	struct flow_value *v, const struct tt_pkt *p, uint32_t us, uint32_t len, uint64_t dst) {
	unsigned differ = tt_pkt_marks(p) ^ v->marks;
	tail_add(v, p, value_unlike(v, p));
	v->dst_bitmap |= dst;
	span_add(&v->first_us, &v->last_us, us);
	return sums_add(v, len) || differ & (TT_MARK_TESTABLE | TT_MARK_TOOLS);
}

/// dst: the bit of its destination. Returns whether the packet needs rare_add too.
static inline bool value_add(
	struct flow_value *v, const struct tt_pkt *p, uint32_t us, uint32_t len, uint64_t dst) {
	if (unlikely(tt_pkt_marks(p) != v->marks))
		return value_add_unlike(v, p, us, len, dst);
	tail_add_like(v, p);
	v->dst_bitmap |= dst;
	span_add(&v->first_us, &v->last_us, us);
	return sums_add(v, len);
}

/// What a packet carries into a row's high parts, its sums being added.
static inline void high_add(struct flow_high *h, const struct flow_value *v, uint32_t len) {
	h->packets += v->packets == 0;
	h->bytes += v->bytes < len;
}

/// What few packets need: a low part that went over, a tool's mark, a packet that is testable where
/// the flow's first was not or the other way round.
static inline void rare_add(
	const struct flow_table *t, uint32_t pos, const struct tt_pkt *p, uint32_t len) {
	const struct flow_value *v = table_value(t, pos);
	struct flow_high *h = table_high(t, pos);
	high_add(h, v, len);
	const bool unlike = p->testable != !!(v->marks & TT_MARK_TESTABLE);
	if (!unlike && !p->tools)
		return;
	struct flow_rare *r = table_rare(t, pos);
	r->unlike += unlike;
	h->unlike += unlike && r->unlike == 0;
	for (unsigned tool = 0; tool < TT_TOOL_N; tool++)
		r->matches[tool] = saturate(r->matches[tool], p->tools >> tool & 1);
}

/// A spilled packet: no more than what every packet has.
static inline void spill_add(const struct flow_table *t, uint32_t pos, uint32_t us, uint32_t len) {
	struct flow_value *v = table_value(t, pos);
	if (sums_add(v, len))
		high_add(table_high(t, pos), v, len);
	span_add(&v->first_us, &v->last_us, us);
}
