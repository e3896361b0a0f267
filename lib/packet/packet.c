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

/// Options of a SYN, already known to be there.
static void syn_options(struct tt_pkt *k, const uint8_t *opt, uint32_t n) {
	if (windows_options(opt, n))
		k->traits |= TT_TRAIT_TCP_WINDOWS;
	k->opt_hash = option_hash(opt, n);
}

/// What most packets at a telescope are: a whole TCP SYN in plain Ethernet and IPv4. The same
/// result as the layers' one by one, with every field written once; false, and nothing written,
/// for any other packet.
static inline bool plain_syn(const struct tt_frame *f, struct tt_pkt *k) {
	if (f->link != TT_LINK_ETHERNET || f->caplen < ETHER_MIN + IP4_MIN + TCP_FULL)
		return false;
	const uint8_t *ip = f->data + ETHER_MIN, *tcp = ip + IP4_MIN;
	uint64_t head = get64(ip + 2);	 // total length, id, fragment, TTL, protocol
	uint32_t tail = get32(tcp + 12); // data offset, flags, window
	if ((get32(ip - 2) & ~0xffu) != (ETHER_IPV4 << 16 | 0x4500) ||
		(head & 0x1fff00ff) != PROTO_TCP ||
		(tail & (TCP_SYN | TCP_RST | TCP_ACK) << 16) != TCP_SYN << 16)
		return false;
	uint32_t header = (tail >> 28) * 4, n = min32(f->caplen - ETHER_MIN, head >> 48);
	if (header < TCP_FULL || n < IP4_MIN + header)
		return false;
	uint32_t src = 0, dst = 0;
	memcpy(&src, ip + 12, 4);
	memcpy(&dst, ip + 16, 4);
	*(words *)k->src = (words){src};
	*(words *)k->dst = (words){dst};
	uint16_t id = (uint16_t)(head >> 32), port = get16(tcp + 2);
	uint32_t differ = get32(ip + 16) ^ get32(tcp + 4); // destination and sequence number
	k->sensor = TT_NO_SENSOR;
	k->port = port;
	k->class = TT_SCAN;
	k->proto = PROTO_TCP;
	k->other_port = get16(tcp);
	k->family = 4;
	k->has_ports = 1;
	k->ttl = (uint8_t)(head >> 8);
	k->tcp_flags = (uint8_t)(tail >> 16);
	k->tools = (uint8_t)((id == 54321) << TT_TOOL_ZMAP |
			     ((uint16_t)(differ ^ port) == id) << TT_TOOL_MASSCAN |
			     (differ == 0) << TT_TOOL_MIRAI);
	k->testable = k->syn_sample = 1;
	k->feed_fragment = 0;
	k->traits = (head & 0x40000000 ? 0 : TT_TRAIT_TCP_DF_CLEAR) |
		    (header == TCP_FULL ? TT_TRAIT_TCP_NO_OPTIONS : 0);
	k->opt_hash = 0;
	k->window = (uint16_t)tail;
	k->vlan_n = k->depth = k->tunnel = k->tunnel_state = k->inner_link = k->tunnel_has_key = 0;
	*(words *)k->vlan = (words){0};
	*(words *)((uint8_t *)(k + 1) - sizeof(words)) = (words){0};
	if (header == TCP_FULL + 4 && get16(tcp + TCP_FULL) == (OPTION_MSS << 8 | 4))
		k->opt_hash = ((uint32_t)FNV_BASIS ^ OPTION_MSS) * FNV_PRIME; // no other option
	else if (header > TCP_FULL)
		syn_options(k, tcp + TCP_FULL, header - TCP_FULL);
	return true;
}

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

void tt_packet_parse(const struct tt_packet_conf *conf, const struct tt_frame *frames,
	struct tt_pkt *pkts, unsigned n) {
	for (unsigned i = 0; i < n;
		i++) // all at once: a burst's headers are few lines for any cache
		__builtin_prefetch(frames[i].data);
	for (unsigned i = 0; i < n; i++)
		parse_one(conf, &frames[i], &pkts[i]);
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
