/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// What most packets at a telescope are, a whole TCP SYN in plain Ethernet and IPv4, by a short way.
#include "transport.h"

enum { ETHER_MIN = 14, IP4_MIN = 20 };

typedef uint32_t words __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t word __attribute__((may_alias));

/// Options of a SYN, already known to be there: their hash, and traits added.
static uint32_t syn_options(const uint8_t *opt, uint32_t n, uint32_t *traits) {
	if (windows_options(opt, n))
		*traits |= TT_TRAIT_TCP_WINDOWS;
	return option_hash(opt, n);
}

#if defined(__x86_64__)
#include <smmintrin.h>

#define PLAIN __attribute__((target("sse4.1"))) // DPDK asks for SSE 4.2

static inline uint16_t raw16(const uint8_t *p) {
	uint16_t x;
	memcpy(&x, p, sizeof(x));
	return x;
}

static inline uint32_t raw32(const uint8_t *p) {
	uint32_t x;
	memcpy(&x, p, sizeof(x));
	return x;
}

PLAIN static inline __m128i load16(const void *p) {
	return _mm_loadu_si128(p);
}

/// Whether, of 16 bytes, the ports, flags and window of a TCP header (0 to 3, 12 to 15) with what
/// is at 4 to 11 of its IPv4 header, those that are the same in all plain SYNs are so.
PLAIN static inline bool plain_bytes(__m128i x) {
	static const uint8_t same[16] = {[9] = PROTO_TCP, [13] = TCP_SYN};
	static const uint8_t mask[16] = {
		[6] = 0x1f, [7] = 0xff, [9] = 0xff, [13] = TCP_SYN | TCP_RST | TCP_ACK};
	return _mm_testz_si128(_mm_xor_si128(x, load16(same)), load16(mask));
}

/// From those 16 bytes, sensor to tcp_flags.
PLAIN static inline __m128i plain_fields(__m128i x) {
	enum { NO = 0x80 };
	static const uint8_t from[16] = {NO, NO, 3, 2, NO, NO, NO, NO, 1, 0, 15, 14, 8, NO, 13, NO};
	static const uint8_t set[16] = {
		[0] = TT_NO_SENSOR & 0xff, [1] = TT_NO_SENSOR >> 8, [4] = TT_SCAN, [5] = PROTO_TCP};
	return _mm_or_si128(_mm_shuffle_epi8(x, load16(from)), load16(set));
}

/// What test_tools would say; in network order, which exclusive or does not mind.
static inline unsigned plain_tools(const uint8_t *ip, const uint8_t *tcp) {
	uint32_t id = raw16(ip + 4), differ = raw32(ip + 16) ^ raw32(tcp + 4);
	return (unsigned)(id == __builtin_bswap16(54321)) << TT_TOOL_ZMAP |
	       (unsigned)(id == (raw16(tcp + 2) ^ differ >> 16)) << TT_TOOL_MASSCAN |
	       (unsigned)(differ == 0) << TT_TOOL_MIRAI;
}

/// The same result as the layers' one by one; false, and nothing written, for any other packet.
PLAIN static inline bool plain_syn(const struct tt_frame *f, struct tt_pkt *k) {
	_Static_assert(offsetof(struct tt_pkt, sensor) == 32 &&
			       offsetof(struct tt_pkt, other_port) == 40 &&
			       offsetof(struct tt_pkt, traits) == 48 &&
			       offsetof(struct tt_pkt, opt_hash) == 52 &&
			       offsetof(struct tt_pkt, family) == 56 && sizeof(*k) == 88,
		"what the stores hold");
	if (f->link != TT_LINK_ETHERNET || f->caplen < ETHER_MIN + IP4_MIN + TCP_FULL)
		return false;
	const uint8_t *ip = f->data + ETHER_MIN, *tcp = ip + IP4_MIN;
	__m128i x = _mm_blend_epi16(load16(ip), load16(tcp), 0xc3);
	if ((raw32(ip - 2) & 0xffffff) != 0x450008 || !plain_bytes(x))
		return false;
	uint32_t header = (uint32_t)(tcp[12] >> 4) * 4, all = IP4_MIN + header;
	if (header < TCP_FULL || get16(ip + 2) < all || f->caplen < ETHER_MIN + all)
		return false;
	uint32_t traits = (uint32_t)(~ip[6] & 0x40) * (TT_TRAIT_TCP_DF_CLEAR / 0x40);
	uint32_t opt_hash = 0;
	if (header == TCP_FULL)
		traits |= TT_TRAIT_TCP_NO_OPTIONS;
	else if (header == TCP_FULL + 4 && raw16(tcp + TCP_FULL) == (OPTION_MSS | 4 << 8))
		opt_hash = ((uint32_t)FNV_BASIS ^ OPTION_MSS) * FNV_PRIME; // no other option
	else
		opt_hash = syn_options(tcp + TCP_FULL, header - TCP_FULL, &traits);
	word *to = (word *)(void *)k;
	*(words *)k->src = (words){raw32(ip + 12)};
	*(words *)k->dst = (words){raw32(ip + 16)};
	_mm_storeu_si128((__m128i *)(to + 4), plain_fields(x));
	to[6] = (uint64_t)opt_hash << 32 | traits;
	to[7] = 4; // family
	*(words *)k->vlan = (words){0};
	to[10] = 0;
	(&k->tcp_flags)[1] = (uint8_t)(TT_MARK_PORTS | TT_MARK_SYN | TT_MARK_TESTABLE |
				       plain_tools(ip, tcp) << TT_MARK_TOOLS_SHIFT);
	return true;
}
#else
#define PLAIN
static inline bool plain_syn(const struct tt_frame *f, struct tt_pkt *k) {
	(void)f, (void)k, (void)syn_options;
	return false; // the layers one by one
}
#endif
