/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// TCP, UDP and ICMP, alike in both IP versions; inline because the IPv4 path lives on them.
#include "walk.h"

enum {
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
	TCP_MIN = 14,  // up to the flags: what a class needs
	TCP_FULL = 20, // a header without options
	UDP_MIN = 8,
	ICMP_MIN = 2,
};

/// Class by SYN (bit 0), RST (1) and ACK (3); bit 2 is PSH and means nothing.
static const uint8_t tcp_class[16] = {
	[0x0] = TT_SCAN,
	[0x4] = TT_SCAN, // none of them: NULL, FIN, Xmas
	[0x1] = TT_SCAN,
	[0x5] = TT_SCAN, // SYN
	[0x2] = TT_BACKSCATTER,
	[0x6] = TT_BACKSCATTER, // RST
	[0x3] = TT_BACKSCATTER,
	[0x7] = TT_BACKSCATTER, // SYN RST
	[0x8] = TT_OTHER,
	[0xc] = TT_OTHER, // ACK
	[0x9] = TT_BACKSCATTER,
	[0xd] = TT_BACKSCATTER, // SYN ACK
	[0xa] = TT_BACKSCATTER,
	[0xe] = TT_BACKSCATTER, // RST ACK
	[0xb] = TT_BACKSCATTER,
	[0xf] = TT_BACKSCATTER, // SYN RST ACK
};

/// MSS, NOP, window scale, NOP, NOP, SACK permitted: the list of Windows and of ZMap since 4.1.0.
static inline bool windows_options(const uint8_t *opt, uint32_t n) {
	static const uint8_t form[12] = {2, 4, 0, 0, 1, 3, 3, 0, 1, 1, 4, 2};
	static const uint8_t mask[12] = {
		0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff};
	if (n != sizeof(form))
		return false;
	unsigned differ = 0;
	for (unsigned i = 0; i < sizeof(form); i++)
		differ |= (opt[i] ^ form[i]) & mask[i];
	return differ == 0;
}

enum { OPTION_MSS = 2, FNV_BASIS = (int)0x811c9dc5, FNV_PRIME = 0x01000193 };

/// Kinds in order, the end of the list included; the lengths only lead to the next kind.
static inline uint32_t option_hash(const uint8_t *opt, uint32_t n) {
	uint32_t h = (uint32_t)FNV_BASIS; // FNV-1a
	for (uint32_t i = 0; i < n;) {
		uint8_t kind = opt[i];
		h = (h ^ kind) * FNV_PRIME;
		if (kind == 0)
			break;
		if (kind == 1) {
			i++;
			continue;
		}
		if (i + 1 >= n || opt[i + 1] < 2)
			break;
		i += opt[i + 1];
	}
	return h ? h : 1; // 0 says that there are no options
}

static inline void walk_tcp(struct walk *w, const uint8_t *p, uint32_t n) {
	struct tt_pkt *k = w->k;
	if (n < TCP_MIN || p[12] < 0x50) {
		set_malformed(k);
		return;
	}
	uint16_t sport = get16(p), dport = get16(p + 2);
	uint32_t header = (uint32_t)(p[12] >> 4) * 4;
	uint8_t flags = p[13];
	uint8_t class = tcp_class[flags >> 1 & 15];
	bool back = class == TT_BACKSCATTER;
	k->class = class;
	k->tcp_flags = flags;
	k->has_ports = 1;
	k->port = back ? sport : dport;
	k->other_port = back ? dport : sport;
	// the data offset says it, whether the options were captured or not
	k->traits |= header == TCP_FULL ? TT_TRAIT_TCP_NO_OPTIONS : 0;
	if (!(flags & TCP_SYN) || n < header) // a list cut short would be another list
		return;
	uint32_t opt_n = header - TCP_FULL;
	if (windows_options(p + TCP_FULL, opt_n))
		k->traits |= TT_TRAIT_TCP_WINDOWS;
	if (back)
		return;
	k->syn_sample = 1;
	k->window = get16(p + 14);
	k->opt_hash = opt_n ? option_hash(p + TCP_FULL, opt_n) : 0;
}

static inline void walk_udp(struct walk *w, const uint8_t *p, uint32_t n) {
	struct tt_pkt *k = w->k;
	if (n < UDP_MIN) {
		set_malformed(k);
		return;
	}
	uint16_t sport = get16(p), dport = get16(p + 2), length = get16(p + 4);
	if (length < UDP_MIN) // says nothing: what is there
		length = 0;
	uint32_t len = (length ? length : n) - UDP_MIN;
	n = min32(n - UDP_MIN, len);
	p += UDP_MIN;
	k->class = TT_SCAN;
	k->has_ports = 1;
	k->port = dport;
	k->other_port = sport;
	k->payload_len = len;
	if (__builtin_expect(w->conf->reflector[sport] != TT_REFLECTOR_NONE, 0))
		walk_reflector(w, sport, dport, p, n, len);
	if (w->conf->tunnels & (1u << TT_TUNNEL_VXLAN | 1u << TT_TUNNEL_GENEVE))
		note_udp_tunnel(w, dport, p, n);
}

static inline uint8_t icmp4_class(uint8_t type) {
	const uint32_t scan = 1u << 8 | 1u << 13 | 1u << 15 | 1u << 17;
	// corsaro's list of what answers a spoofed packet
	const uint32_t back = 1u << 0 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 11 | 1u << 12 |
			      1u << 14 | 1u << 16 | 1u << 18;
	if (type >= 32)
		return TT_OTHER;
	return scan >> type & 1 ? TT_SCAN : back >> type & 1 ? TT_BACKSCATTER : TT_OTHER;
}

static inline uint8_t icmp6_class(uint8_t type) {
	switch (type) {
	case 128:
		return TT_SCAN;
	case 1:
	case 2:
	case 3:
	case 4:
	case 129:
		return TT_BACKSCATTER;
	default:
		return TT_OTHER;
	}
}

static inline void walk_icmp(struct walk *w, unsigned proto, const uint8_t *p, uint32_t n) {
	if (n < ICMP_MIN) {
		set_malformed(w->k);
		return;
	}
	w->k->class = proto == PROTO_ICMP ? icmp4_class(p[0]) : icmp6_class(p[0]);
	w->k->port = get16(p);
}

/// What IP carries; the number alone decides, an ICMP in the other IP version is what it says.
static inline void walk_transport(struct walk *w, unsigned proto, const uint8_t *p, uint32_t n) {
	w->k->proto = (uint8_t)proto;
	switch (proto) {
	case PROTO_TCP:
		walk_tcp(w, p, n);
		return;
	case PROTO_UDP:
		walk_udp(w, p, n);
		return;
	case PROTO_ICMP:
	case PROTO_ICMP6:
		walk_icmp(w, proto, p, n);
		return;
	default:
		w->k->class = TT_OTHER;
		if (w->conf->tunnels)
			note_ip_tunnel(w, proto, p, n);
	}
}
