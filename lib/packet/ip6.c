/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport.h"

enum { IP6_LEN = 40, EXT_MAX = 8, EXT_MIN = 8 };

static bool is_extension(unsigned next) {
	switch (next) {
	case PROTO_HOPOPT:
	case PROTO_ROUTING:
	case PROTO_FRAGMENT:
	case PROTO_AH:
	case PROTO_DSTOPT:
	case PROTO_MOBILITY:
	case PROTO_HIP:
	case PROTO_SHIM6:
		return true;
	default:
		return false;
	}
}

/// RFC 8200, section 4.8, and RFC 4302, section 2.2; every extension header has 8 bytes or more.
static uint32_t extension_len(unsigned type, const uint8_t *p) {
	switch (type) {
	case PROTO_FRAGMENT:
		return 8;
	case PROTO_AH:
		return ((uint32_t)p[1] + 2) * 4;
	default:
		return ((uint32_t)p[1] + 1) * 8;
	}
}

void walk_ip6(struct walk *w, const uint8_t *p, uint32_t n) {
	struct tt_pkt *k = w->k;
	set_malformed(k);
	if (n < IP6_LEN || p[0] >> 4 != 6)
		return;
	uint32_t payload = get16(p + 4);
	unsigned next = p[6];
	k->family = 6;
	k->ttl = p[7];
	memcpy(k->src, p + 8, 16);
	memcpy(k->dst, p + 24, 16);
	p += IP6_LEN;
	n -= IP6_LEN;
	if (payload) // 0: a jumbogram or offload, what was captured
		n = min32(n, payload);
	for (unsigned walked = 0; walked < EXT_MAX && is_extension(next); walked++) {
		k->proto = (uint8_t)next;
		if (n < EXT_MIN || n < extension_len(next, p))
			return;
		if (next == PROTO_FRAGMENT && get16(p + 2) & 0xfff8) {
			// by what was cut in pieces, as IPv4 fragments are
			k->proto = p[0];
			k->class = TT_FRAGMENT;
			if (w->conf->tunnels)
				note_fragment(w, k->proto);
			return;
		}
		uint32_t len = extension_len(next, p);
		next = p[0];
		p += len;
		n -= len;
	}
	walk_transport(w, next, p, n); // a ninth extension header is a protocol like any other
}
