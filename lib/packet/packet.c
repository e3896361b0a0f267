/* SPDX-License-Identifier: BSD-3-Clause */
// The poll loop's way through the parser: bursts, and IPv4 right behind plain Ethernet.
#include "plain.h"

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

PLAIN static inline void parse_one(
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

PLAIN void tt_packet_parse(const struct tt_packet_conf *conf, const struct tt_frame *frames,
	struct tt_pkt *pkts, unsigned n) {
	const struct tt_frame *ahead = frames, *end = frames + n;
	for (unsigned i = 0; i < AHEAD && ahead < end; i++)
		__builtin_prefetch((ahead++)->data);
	for (; frames < end; frames++, pkts++) {
		if (ahead < end)
			__builtin_prefetch((ahead++)->data);
		parse_one(conf, frames, pkts);
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
