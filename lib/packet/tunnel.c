/* SPDX-License-Identifier: BSD-3-Clause */
// Headers of tunnels that a rule could have declared. Only read and noted here; the class stays
// what the packet is outside until its feed is known and it is opened.
#include "walk.h"

enum { GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000 };
enum { GRE_VERSION = 0x0007, GRE_MIN = 4, ERSPAN_LEN = 8, VXLAN_LEN = 8, GENEVE_MIN = 8 };
enum { VXLAN_VNI_FLAG = 0x08 };

static bool declared(const struct walk *w, unsigned tunnel) {
	return w->conf->tunnels >> tunnel & 1;
}

static void note(struct walk *w, unsigned tunnel, unsigned state) {
	w->k->tunnel = (uint8_t)tunnel;
	w->k->tunnel_state = (uint8_t)state;
}

static void note_key(struct walk *w, uint32_t key) {
	w->k->tunnel_key = key;
	w->k->tunnel_has_key = 1;
}

static void note_payload(
	struct walk *w, unsigned tunnel, unsigned link, const uint8_t *p, uint32_t n) {
	note(w, tunnel, TT_TUNNEL_OK);
	w->k->inner_link = (uint8_t)link;
	w->k->inner_off = (uint32_t)(p - w->base);
	w->k->inner_len = n;
}

/// A payload named by an ethertype. MPLS and VLAN are no payloads of their own here: neither IP
/// nor Ethernet.
static void note_typed(
	struct walk *w, unsigned tunnel, uint16_t type, const uint8_t *p, uint32_t n) {
	switch (type) {
	case ETHER_IPV4:
		note_payload(w, tunnel, LINK_IPV4, p, n);
		break;
	case ETHER_IPV6:
		note_payload(w, tunnel, LINK_IPV6, p, n);
		break;
	case ETHER_TEB:
		note_payload(w, tunnel, TT_LINK_ETHERNET, p, n);
		break;
	default:
		note(w, tunnel, TT_TUNNEL_NOT_IP);
	}
}

/// ERSPAN type II behind a GRE header with a sequence number (draft-foschiano-erspan-03).
static void erspan(struct walk *w, const uint8_t *p, uint32_t n) {
	if (n < ERSPAN_LEN || p[0] >> 4 != 1) {
		note(w, TT_TUNNEL_ERSPAN, TT_TUNNEL_BAD);
		return;
	}
	note_key(w, get16(p + 2) & 0x3ff);
	note_payload(w, TT_TUNNEL_ERSPAN, TT_LINK_ETHERNET, p + ERSPAN_LEN, n - ERSPAN_LEN);
}

/// RFC 2784 and 2890. Routing (RFC 1701) has a length that nobody uses any more: does not parse,
/// as in every current implementation.
static void gre(struct walk *w, const uint8_t *p, uint32_t n) {
	unsigned plain = declared(w, TT_TUNNEL_GRE) ? TT_TUNNEL_GRE : TT_TUNNEL_NONE;
	unsigned any = plain ? plain : TT_TUNNEL_ERSPAN;
	if (n < GRE_MIN) {
		note(w, any, TT_TUNNEL_BAD);
		return;
	}
	uint16_t flags = get16(p), type = get16(p + 2);
	bool is_erspan =
		declared(w, TT_TUNNEL_ERSPAN) && (type == ETHER_ERSPAN2 || type == ETHER_ERSPAN3);
	if (flags & (GRE_VERSION | GRE_ROUTING)) { // then the type cannot be trusted either
		note(w, is_erspan ? TT_TUNNEL_ERSPAN : any, TT_TUNNEL_BAD);
		return;
	}
	unsigned tunnel = is_erspan ? TT_TUNNEL_ERSPAN : plain;
	uint32_t key_at = flags & GRE_CHECKSUM ? 8 : 4, len = key_at;
	len += flags & GRE_KEY ? 4 : 0;
	len += flags & GRE_SEQUENCE ? 4 : 0;
	if (tunnel == TT_TUNNEL_NONE) // GRE that is no ERSPAN is not looked at
		return;
	if (n < len || (is_erspan && (type != ETHER_ERSPAN2 || !(flags & GRE_SEQUENCE)))) {
		note(w, tunnel, TT_TUNNEL_BAD); // types I and III have no session id in this place
		return;
	}
	if (is_erspan) {
		erspan(w, p + len, n - len);
		return;
	}
	if (flags & GRE_KEY)
		note_key(w, get32(p + key_at));
	note_typed(w, tunnel, type, p + len, n - len);
}

/// RFC 7348; reserved bits are ignored as it says.
static void vxlan(struct walk *w, const uint8_t *p, uint32_t n) {
	if (n < VXLAN_LEN || !(p[0] & VXLAN_VNI_FLAG)) {
		note(w, TT_TUNNEL_VXLAN, TT_TUNNEL_BAD);
		return;
	}
	note_key(w, get32(p + 4) >> 8);
	note_payload(w, TT_TUNNEL_VXLAN, TT_LINK_ETHERNET, p + VXLAN_LEN, n - VXLAN_LEN);
}

/// RFC 8926; options are stepped over by their total length.
static void geneve(struct walk *w, const uint8_t *p, uint32_t n) {
	uint32_t len = n < GENEVE_MIN ? 0 : GENEVE_MIN + (p[0] & 0x3fu) * 4;
	if (len == 0 || p[0] >> 6 != 0 || n < len) {
		note(w, TT_TUNNEL_GENEVE, TT_TUNNEL_BAD);
		return;
	}
	note_key(w, get32(p + 4) >> 8);
	note_typed(w, TT_TUNNEL_GENEVE, get16(p + 2), p + len, n - len);
}

void note_ip_tunnel(struct walk *w, unsigned proto, const uint8_t *p, uint32_t n) {
	if (proto == PROTO_IPV4 && declared(w, TT_TUNNEL_IPIP))
		note_payload(w, TT_TUNNEL_IPIP, LINK_IPV4, p, n);
	else if (proto == PROTO_IPV6 && declared(w, TT_TUNNEL_6IN4))
		note_payload(w, TT_TUNNEL_6IN4, LINK_IPV6, p, n);
	else if (proto == PROTO_GRE &&
		 (declared(w, TT_TUNNEL_GRE) || declared(w, TT_TUNNEL_ERSPAN)))
		gre(w, p, n);
}

static bool listed(const uint16_t ports[8], uint16_t port) {
	for (unsigned i = 0; i < 8 && ports[i]; i++)
		if (ports[i] == port)
			return true;
	return false;
}

void note_udp_tunnel(struct walk *w, uint16_t dport, const uint8_t *p, uint32_t n) {
	if (declared(w, TT_TUNNEL_VXLAN) && listed(w->conf->vxlan_ports, dport))
		vxlan(w, p, n);
	else if (declared(w, TT_TUNNEL_GENEVE) && listed(w->conf->geneve_ports, dport))
		geneve(w, p, n);
}

/// The first of the declared types that the protocol can carry stands for all of them.
void note_fragment(struct walk *w, unsigned proto) {
	static const uint8_t carried[][2] = {
		{PROTO_GRE, TT_TUNNEL_GRE},
		{PROTO_GRE, TT_TUNNEL_ERSPAN},
		{PROTO_UDP, TT_TUNNEL_VXLAN},
		{PROTO_UDP, TT_TUNNEL_GENEVE},
		{PROTO_IPV4, TT_TUNNEL_IPIP},
		{PROTO_IPV6, TT_TUNNEL_6IN4},
	};
	for (unsigned i = 0; i < sizeof(carried) / sizeof(carried[0]); i++)
		if (carried[i][0] == proto && declared(w, carried[i][1])) {
			note(w, carried[i][1], TT_TUNNEL_FRAGMENT);
			return;
		}
}
