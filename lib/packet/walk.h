/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Shared by the stages of the parser: what they hand to each other, and how bytes are read.
#include <string.h>

#include "tt_obs.h"
#include "tt_packet.h"

/// One packet on its way through the layers. A layer gets the bytes that are there and that every
/// enclosing length field allows, as (p, n), and never looks further.
struct walk {
	const struct tt_packet_conf *conf;
	const uint8_t *base; // of the frame: inner_off counts from here
	struct tt_pkt *k;
};

/// What IP-in-IP, GRE and GENEVE say of their payload; continues enum tt_link_type.
enum { LINK_IPV4 = TT_LINK_SLL2 + 1, LINK_IPV6 };

enum {
	ETHER_VLAN = 0x8100,
	ETHER_QINQ = 0x88a8,
	ETHER_QINQ_OLD = 0x9100,
	ETHER_QINQ_OLDER = 0x9200,
	ETHER_IPV4 = 0x0800,
	ETHER_IPV6 = 0x86dd,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTICAST = 0x8848,
	ETHER_TEB = 0x6558, // transparent Ethernet bridging: what GRE and GENEVE call Ethernet
	ETHER_ERSPAN2 = 0x88be,
	ETHER_ERSPAN3 = 0x22eb,

	PROTO_HOPOPT = 0,
	PROTO_ICMP = 1,
	PROTO_IPV4 = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_ICMP6 = 58,
	PROTO_DSTOPT = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

static inline uint16_t get16(const uint8_t *p) {
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p) {
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t min32(uint32_t a, uint32_t b) {
	return a < b ? a : b;
}

static inline void set_malformed(struct tt_pkt *k) {
	k->class = TT_MALFORMED;
	k->port = 0;
}

// link.c
/// Anything that does not begin with plain Ethernet and IPv4.
void walk_link(struct walk *w, const uint8_t *p, uint32_t n, unsigned link);

// packet.c, ip6.c
void walk_ip4(struct walk *w, const uint8_t *p, uint32_t n);
void walk_ip6(struct walk *w, const uint8_t *p, uint32_t n);

// reflect.c
/// The UDP payload of a packet from a port of the reflector table: n bytes are there, `len` the
/// UDP length promises (n <= len). Sets class, service port and traits.
void walk_reflector(
	struct walk *w, uint16_t sport, uint16_t dport, const uint8_t *p, uint32_t n, uint32_t len);

// dns.c
/// Traits of a DNS response of which n bytes can be read.
uint32_t dns_traits(const uint8_t *p, uint32_t n);

// tunnel.c: note what a packet could be if it were declared; its class stays.
/// IP protocol 4, 41 or 47 at its payload.
void note_ip_tunnel(struct walk *w, unsigned proto, const uint8_t *p, uint32_t n);
/// UDP to dport at the UDP payload.
void note_udp_tunnel(struct walk *w, uint16_t dport, const uint8_t *p, uint32_t n);
/// A fragment that is not the first, of that protocol.
void note_fragment(struct walk *w, unsigned proto);
