/* SPDX-License-Identifier: BSD-3-Clause */
// Link layers, VLAN tags and MPLS labels: everything before the IP header but the plainest case.
#include "walk.h"

enum { VLAN_MAX = 4, MPLS_MAX = 8, TAG_LEN = 4, LABEL_LEN = 4, MPLS_BOTTOM = 0x01 };

/// Where a link header ends and where its ethertype is.
struct link_form {
	uint8_t len, type_at;
};
static const struct link_form forms[] = {
	[TT_LINK_ETHERNET] = {14, 12},
	[TT_LINK_SLL] = {16, 14},
	[TT_LINK_SLL2] = {20, 0},
};

static bool is_vlan(uint16_t type) {
	return type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD ||
	       type == ETHER_QINQ_OLDER;
}

/// The version nibble decides; `otherwise` is what a packet without one is.
static void by_version(struct walk *w, const uint8_t *p, uint32_t n, uint8_t otherwise) {
	unsigned version = n ? p[0] >> 4 : 0;
	if (version == 4)
		walk_ip4(w, p, n);
	else if (version == 6)
		walk_ip6(w, p, n);
	else
		w->k->class = otherwise;
}

/// A label stack. One that is complete with nothing behind it has no nibble that says IP, and the
/// list of what is malformed does not have it: not IP.
static void mpls(struct walk *w, const uint8_t *p, uint32_t n) {
	bool bottom = false;
	for (unsigned i = 0; i < MPLS_MAX && !bottom; i++) {
		if (n < LABEL_LEN)
			break;
		bottom = p[2] & MPLS_BOTTOM;
		p += LABEL_LEN;
		n -= LABEL_LEN;
	}
	if (bottom)
		by_version(w, p, n, TT_NON_IP);
	else
		set_malformed(w->k);
}

/// What follows an ethertype. Values under 0x600 are 802.3 lengths: LLC, and what LLC could carry
/// in SNAP, is not IP here.
static void by_type(struct walk *w, uint16_t type, const uint8_t *p, uint32_t n) {
	struct tt_pkt *k = w->k;
	for (unsigned i = 0; is_vlan(type); i++) {
		if (i == VLAN_MAX || n < TAG_LEN) {
			set_malformed(k);
			return;
		}
		if (k->depth ==
			0) { // tags inside a feed are stripped; rules speak of the outer ones
			k->vlan[i] = get16(p) & 0xfff;
			k->vlan_n = (uint8_t)(i + 1);
		}
		type = get16(p + 2);
		p += TAG_LEN;
		n -= TAG_LEN;
	}
	if (type == ETHER_IPV4)
		walk_ip4(w, p, n);
	else if (type == ETHER_IPV6)
		walk_ip6(w, p, n);
	else if (type == ETHER_MPLS || type == ETHER_MPLS_MULTICAST)
		mpls(w, p, n);
	else
		k->class = TT_NON_IP;
}

void walk_link(struct walk *w, const uint8_t *p, uint32_t n, unsigned link) {
	switch (link) {
	case TT_LINK_RAW:
		by_version(w, p, n, TT_MALFORMED);
		return;
	case LINK_IPV4:
		walk_ip4(w, p, n);
		return;
	case LINK_IPV6:
		walk_ip6(w, p, n);
		return;
	case TT_LINK_ETHERNET:
	case TT_LINK_SLL:
	case TT_LINK_SLL2:
		break;
	default: // readers refuse other link types by name
		w->k->class = TT_NON_IP;
		return;
	}
	const struct link_form *f = &forms[link];
	if (n < f->len)
		set_malformed(w->k);
	else
		by_type(w, get16(p + f->type_at), p + f->len, n - f->len);
}
