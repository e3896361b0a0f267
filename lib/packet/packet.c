/* SPDX-License-Identifier: BSD-3-Clause */
// The poll loop's way through the parser: bursts, and IPv4 right behind plain Ethernet.
#include "transport.h"

enum { ETHER_MIN = 14, IP4_MIN = 20 };

/// Relations between fields that tools leave behind (ZMap and Masscan: their sources; Mirai: the
/// source published in 2016). IPv4 packets of class scan only.
static inline void test_tools(struct tt_pkt *k, const uint8_t *ip, const uint8_t *l4) {
	uint16_t id = get16(ip + 4);
	k->tools = (uint8_t)((id == 54321) << TT_TOOL_ZMAP);
	if (k->proto != PROTO_TCP || !(k->tcp_flags & TCP_SYN))
		return;
	uint32_t dst = get32(ip + 16), seq = get32(l4 + 4);
	k->testable = 1;
	k->tools |= (uint8_t)((id == ((dst ^ k->port ^ seq) & 0xffff)) << TT_TOOL_MASSCAN |
			      (seq == dst) << TT_TOOL_MIRAI);
}

static inline void ip4(struct walk *w, const uint8_t *p, uint32_t n) {
	struct tt_pkt *k = w->k;
	set_malformed(k);
	if (n < IP4_MIN || p[0] < 0x45 || p[0] > 0x4f)
		return;
	uint32_t header = (uint32_t)(p[0] & 15) * 4, total = get16(p + 2);
	if (total == 0) // segmentation offload: what was captured
		total = n;
	if (total < header || n < header)
		return;
	n = min32(n, total);
	k->family = 4;
	k->proto = p[9];
	k->ttl = p[8];
	memcpy(k->src, p + 12, 4);
	memcpy(k->dst, p + 16, 4);
	uint16_t frag = get16(p + 6);
	if (frag & 0x1fff) {
		k->class = TT_FRAGMENT;
		if (w->conf->tunnels)
			note_fragment(w, k->proto);
		return;
	}
	walk_transport(w, p[9], p + header, n - header);
	if (k->proto == PROTO_TCP && !(frag & 0x4000) && k->class != TT_MALFORMED)
		k->traits |= TT_TRAIT_TCP_DF_CLEAR;
	if (k->class == TT_SCAN)
		test_tools(k, p, p + header);
}

void walk_ip4(struct walk *w, const uint8_t *p, uint32_t n) {
	ip4(w, p, n);
}

typedef uint32_t words __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t word __attribute__((may_alias));

/// Stores of 16 bytes, the last one overlapping: left to itself gcc clears this size with a string
/// instruction, which takes as long as the rest of the parsing.
static inline void blank(struct tt_pkt *k) {
	_Static_assert(sizeof(*k) > 80 && sizeof(*k) <= 96, "six stores");
	uint8_t *to = (uint8_t *)k;
	*(words *)(to) = (words){0};
	*(words *)(to + 16) = (words){0};
	*(words *)(to + 32) = (words){0};
	*(words *)(to + 48) = (words){0};
	*(words *)(to + 64) = (words){0};
	*(words *)(to + sizeof(*k) - sizeof(words)) = (words){0};
	k->class = TT_NON_IP;
	k->sensor = TT_NO_SENSOR;
}

/// Options of a SYN, already known to be there: their hash, and traits added.
static uint32_t syn_options(const uint8_t *opt, uint32_t n, uint32_t *traits) {
	if (windows_options(opt, n))
		*traits |= TT_TRAIT_TCP_WINDOWS;
	return option_hash(opt, n);
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
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

#define AT(field, value) ((uint64_t)(value) << (offsetof(struct tt_pkt, field) % 8 * 8))

/// What most packets at a telescope are: a whole TCP SYN in plain Ethernet and IPv4. The same
/// result as the layers' one by one; false, and nothing written, for any other packet. Headers are
/// compared as they lie, and fields are written eight bytes at a time.
static inline bool plain_syn(const struct tt_frame *f, struct tt_pkt *k) {
	if (f->link != TT_LINK_ETHERNET || f->caplen < ETHER_MIN + IP4_MIN + TCP_FULL)
		return false;
	const uint8_t *ip = f->data + ETHER_MIN, *tcp = ip + IP4_MIN;
	uint32_t middle = raw32(ip + 6); // fragment, TTL, protocol
	uint32_t tail = raw32(tcp + 12); // data offset, flags, window
	if ((raw32(ip - 2) & 0xffffff) != 0x450008 ||
		(middle & 0xff00ff1f) != (uint32_t)PROTO_TCP << 24 ||
		(tail & (TCP_SYN | TCP_RST | TCP_ACK) << 8) != TCP_SYN << 8)
		return false;
	uint32_t header = (tail & 0xf0) >> 2;
	if (header < TCP_FULL || min32(f->caplen - ETHER_MIN, get16(ip + 2)) < IP4_MIN + header)
		return false;
	uint32_t ports = get32(tcp), src = raw32(ip + 12), dst = raw32(ip + 16);
	uint32_t traits = middle & 0x40 ? 0 : TT_TRAIT_TCP_DF_CLEAR, opt_hash = 0;
	if (header == TCP_FULL)
		traits |= TT_TRAIT_TCP_NO_OPTIONS;
	else if (header == TCP_FULL + 4 && raw16(tcp + TCP_FULL) == (OPTION_MSS | 4 << 8))
		opt_hash = ((uint32_t)FNV_BASIS ^ OPTION_MSS) * FNV_PRIME; // no other option
	else
		opt_hash = syn_options(tcp + TCP_FULL, header - TCP_FULL, &traits);
	// in network order: exclusive or does not mind
	uint16_t id = raw16(ip + 4), differ = raw16(ip + 18) ^ raw16(tcp + 2) ^ raw16(tcp + 6);
	unsigned tools = (id == __builtin_bswap16(54321)) << TT_TOOL_ZMAP |
			 (id == differ) << TT_TOOL_MASSCAN |
			 (dst == raw32(tcp + 4)) << TT_TOOL_MIRAI;
	word *to = (word *)(void *)k;
	*(words *)k->src = (words){src};
	*(words *)k->dst = (words){dst};
	to[4] = AT(sensor, TT_NO_SENSOR) | AT(port, ports & 0xffff) | AT(class, TT_SCAN) |
		AT(proto, PROTO_TCP) | AT(other_port, ports >> 16);
	to[5] = AT(has_ports, 1) | AT(syn_sample, 1) | AT(testable, 1) | AT(tools, tools) |
		AT(traits, traits);
	to[6] = AT(opt_hash, opt_hash) | AT(window, __builtin_bswap16((uint16_t)(tail >> 16))) |
		AT(family, 4) | AT(ttl, middle >> 16 & 0xff);
	to[7] = AT(tcp_flags, tail >> 8 & 0xff);
	*(words *)k->vlan = (words){0};
	to[10] = 0;
	_Static_assert(offsetof(struct tt_pkt, sensor) == 32 &&
			       offsetof(struct tt_pkt, has_ports) == 40 &&
			       offsetof(struct tt_pkt, opt_hash) == 48 &&
			       offsetof(struct tt_pkt, tcp_flags) == 56 &&
			       offsetof(struct tt_pkt, vlan) == 64 && sizeof(*k) == 88,
		"what the eight bytes hold");
	return true;
}
#else
static inline bool plain_syn(const struct tt_frame *f, struct tt_pkt *k) {
	(void)f, (void)k;
	return false; // the layers one by one
}
#endif

static inline void parse_one(
	const struct tt_packet_conf *conf, const struct tt_frame *f, struct tt_pkt *k) {
	if (__builtin_expect(plain_syn(f, k), 1))
		return;
	struct walk w = {conf, f->data, k};
	blank(k);
	if (f->link == TT_LINK_ETHERNET && f->caplen >= ETHER_MIN &&
		get16(f->data + 12) == ETHER_IPV4)
		ip4(&w, f->data + ETHER_MIN, f->caplen - ETHER_MIN);
	else
		walk_link(&w, f->data, f->caplen, f->link);
}

enum { AHEAD = 16 }; // headers under way: about as many lines as a core waits for

void tt_packet_parse(const struct tt_packet_conf *conf, const struct tt_frame *frames,
	struct tt_pkt *pkts, unsigned n) {
	for (unsigned i = 0; i < AHEAD && i < n; i++)
		__builtin_prefetch(frames[i].data);
	for (unsigned i = 0; i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(frames[i + AHEAD].data);
		parse_one(conf, &frames[i], &pkts[i]);
	}
}

void tt_packet_open(
	const struct tt_packet_conf *conf, const struct tt_frame *frame, struct tt_pkt *pkt) {
	if (pkt->tunnel == TT_TUNNEL_NONE || pkt->tunnel_state != TT_TUNNEL_OK)
		return;
	struct tt_pkt outer = *pkt;
	blank(pkt);
	pkt->vlan_n = outer.vlan_n;
	pkt->feed_fragment = outer.feed_fragment;
	pkt->depth = (uint8_t)(outer.depth + (outer.depth < UINT8_MAX));
	memcpy(pkt->vlan, outer.vlan, sizeof(pkt->vlan));
	struct walk w = {conf, frame->data, pkt};
	walk_link(&w, frame->data + outer.inner_off, outer.inner_len, outer.inner_link);
}
