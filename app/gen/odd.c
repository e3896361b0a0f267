/* SPDX-License-Identifier: BSD-3-Clause */
// Packets that are not observed: malformed in every way that the definitions name, not IP, or
// nobody's.
#include "frame.h"
#include "malformed.h"

static const char *const malformed_names[MALFORMED_N] = {
	[M_ETHER_SHORT] = "link_short",
	[M_VLAN_CUT] = "vlan_cut",
	[M_VLAN_DEEP] = "vlan_deep",
	[M_MPLS_CUT] = "mpls_cut",
	[M_MPLS_DEEP] = "mpls_deep",
	[M_IP4_SHORT] = "ipv4_short",
	[M_IP4_VERSION] = "ipv4_version",
	[M_IP4_IHL] = "ipv4_ihl",
	[M_IP4_TOTAL] = "ipv4_total_length",
	[M_IP4_CUT] = "ipv4_header_cut",
	[M_IP6_SHORT] = "ipv6_short",
	[M_IP6_VERSION] = "ipv6_version",
	[M_IP6_CHAIN_CUT] = "ipv6_extension_cut",
	[M_TCP_SHORT] = "tcp_short",
	[M_TCP_OFFSET] = "tcp_offset",
	[M_UDP_SHORT] = "udp_short",
	[M_ICMP_SHORT] = "icmp_short",
	[M_FIRST_FRAGMENT] = "first_fragment_short",
	[M_FEED_HEADER] = "feed_header",
	[M_FEED_CUT] = "feed_cut",
};

const char *malformed_name(unsigned kind) {
	return malformed_names[kind];
}

static void nothing(struct packet *p) {
	packet_start(p);
	p->source = UINT32_MAX;
	p->port = p->dport = 0;
	p->proto = 0;
	p->need = 0; // cut or not, it is what it is
}

// Any source's address, and a sensor's.
static void addresses(struct maker *m, const struct target *t, int family, struct ip *ip) {
	static const char *const none[] = {"203.0.113.200", "2001:db8:77::1"};
	*ip = (struct ip){.ttl = 64, .id = 7};
	tt_addr_parse(family == 4 ? "203.0.113.201" : "2001:db8:78::1", &ip->src);
	if (!target_address(t, family, &m->rng, &ip->dst))
		tt_addr_parse(none[family == 6], &ip->dst);
}

static bool tagged(struct maker *m, struct packet *p, const struct target *t, uint16_t type) {
	p->no_pad = true;
	wrap_link(m, p, t, type, NULL, 0);
	return p->link == TT_LINK_ETHERNET;
}

static bool link_short(struct maker *m, struct packet *p, const struct target *t) {
	static const uint8_t lens[] = {14, 1, 16, 20};
	p->link = m->targets->links[t->uplink];
	p->ifindex = (uint16_t)t->uplink;
	append_random(p, &m->rng,
		p->link == TT_LINK_RAW ? 20 : 1 + (uint32_t)rng_below(&m->rng, lens[p->link] - 1u));
	p->buf[p->start] = 0x05; // raw IP: of no version
	return true;
}

static bool tags_wrong(struct maker *m, struct packet *p, unsigned kind, const struct target *t) {
	static const uint16_t five[] = {1, 2, 3, 4, 5};
	uint16_t type = 0x0800;
	struct ip ip;
	switch (kind) {
	case M_VLAN_CUT:
		append_random(p, &m->rng, (uint32_t)rng_below(&m->rng, 4));
		return tagged(m, p, t, 0x8100);
	case M_MPLS_CUT:
		append_random(p, &m->rng, (uint32_t)rng_below(&m->rng, 4));
		return tagged(m, p, t, 0x8847);
	default:
		addresses(m, t, 4, &ip);
		ip.proto = 6;
		append_random(p, &m->rng, 20);
		prepend_ip(p, &ip);
		if (kind == M_VLAN_DEEP) {
			prepend_vlan(p, &type, five, 5);
		} else {
			prepend_mpls(p, &type, 9, &m->rng);
			p->mpls_end = 0; // so many labels are malformed wherever they end
		}
		return tagged(m, p, t, type);
	}
}

// An IP header and what follows, spoiled afterwards.
static void spoil_ip(
	struct maker *m, struct packet *p, unsigned kind, const struct target *t, int family) {
	struct ip ip;
	addresses(m, t, family, &ip);
	ip.proto = 17;
	append_random(p, &m->rng, 20);
	if (kind == M_IP6_CHAIN_CUT) {
		p->end = p->start + 3;
		ip.proto = 60;
	}
	prepend_ip(p, &ip);
	uint8_t *h = p->buf + p->start;
	p->no_pad = true;
	switch (kind) {
	case M_IP4_SHORT:
		p->end = p->start + 1 + (uint32_t)rng_below(&m->rng, 19);
		break;
	case M_IP4_VERSION:
		h[0] = 0x55;
		break;
	case M_IP4_IHL:
		h[0] = (uint8_t)(0x40 + rng_below(&m->rng, 5));
		break;
	case M_IP4_TOTAL:
		set16(h + 2, 1 + (uint32_t)rng_below(&m->rng, 19));
		break;
	case M_IP4_CUT:
		h[0] = 0x4f; // 60 bytes of header, but 40 in all
		set16(h + 2, 100);
		break;
	case M_IP6_SHORT:
		p->end = p->start + 1 + (uint32_t)rng_below(&m->rng, 39);
		break;
	case M_IP6_VERSION:
		h[0] = 0x50;
		break;
	default:
		break;
	}
}

// A transport header of fewer bytes than it needs, by the IP length; padding does not help.
static void short_transport(
	struct maker *m, struct packet *p, unsigned kind, const struct target *t, int family) {
	static const struct {
		uint8_t kind, proto, bytes;
	} shorts[] = {{M_TCP_SHORT, 6, 14}, {M_UDP_SHORT, 17, 8}, {M_ICMP_SHORT, 1, 2},
		{M_FIRST_FRAGMENT, 6, 14}, {M_TCP_OFFSET, 6, 0}};
	struct ip ip;
	unsigned i = 0;
	while (shorts[i].kind != kind)
		i++;
	addresses(m, t, family, &ip);
	ip.proto = shorts[i].proto == 1 && family == 6 ? 58 : shorts[i].proto;
	if (kind == M_TCP_OFFSET) {
		append_random(p, &m->rng, 20);
		p->buf[p->start + 12] = (uint8_t)(rng_below(&m->rng, 5) << 4);
		p->buf[p->start + 13] = 2;
	} else {
		append_random(p, &m->rng, (uint32_t)rng_below(&m->rng, shorts[i].bytes));
	}
	if (family == 6 && p->end == p->start) // a length of 0 means what was captured
		append_random(p, &m->rng, 1);
	if (kind == M_FIRST_FRAGMENT) {
		ip.more = true;
		if (family == 6)
			prepend_fragment6(p, &ip);
	}
	prepend_ip(p, &ip);
}

bool make_malformed(struct maker *m, struct packet *p, unsigned kind, const struct target *t) {
	nothing(p);
	p->fate = TT_FATE_MALFORMED;
	p->class = TT_MALFORMED;
	const struct tt_rule *r = &t->conf->rule;
	int family = kind >= M_IP6_SHORT && kind <= M_IP6_CHAIN_CUT ? 6 : 4;
	if (kind == M_ETHER_SHORT)
		return link_short(m, p, t);
	if (kind <= M_MPLS_DEEP)
		return tags_wrong(m, p, kind, t);
	if (kind == M_FEED_HEADER || kind == M_FEED_CUT) {
		family = t->has4 ? 4 : 6;
		if (r->tunnel_n == 0)
			return false;
		spoil_ip(m, p,
			kind == M_FEED_HEADER ? MALFORMED_N
			: family == 4	      ? M_IP4_SHORT
					      : M_IP6_SHORT,
			t, family);
		return wrap(m, p, t, family, kind == M_FEED_HEADER ? WRAP_BAD_HEADER : WRAP_RIGHT);
	}
	if (kind >= M_TCP_SHORT) {
		family = rng_chance(&m->rng, 0.3) ? 6 : 4;
		if (!(family == 4 ? t->has4 : t->has6))
			family = family == 4 ? 6 : 4;
		short_transport(m, p, kind, t, family);
	} else {
		spoil_ip(m, p, kind, t, family);
	}
	// malformed is told before whose it is: some through feeds, some plain
	if (r->tunnel_n && (family == 4 ? t->has4 : t->has6) && kind != M_IP4_VERSION &&
		kind != M_IP6_VERSION)
		return wrap(m, p, t, family, WRAP_RIGHT);
	bool version = kind == M_IP4_VERSION || kind == M_IP6_VERSION || kind == M_IP4_IHL;
	if (m->targets->links[t->uplink] == TT_LINK_RAW && version && kind != M_IP4_IHL)
		p->buf[p->start] = 0x75; // raw IP says by its version what it is
	wrap_link(m, p, t, ethertype_of(family), r->vlan, r->vlan_n);
	return true;
}

bool make_non_ip(struct maker *m, struct packet *p, unsigned kind, const struct target *t) {
	static const uint16_t types[NON_IP_N] = {
		[N_ARP] = 0x0806, [N_VLAN_ARP] = 0x0806, [N_LLDP] = 0x88cc, [N_UNKNOWN] = 0x9000};
	static const uint16_t tag[] = {999};
	nothing(p);
	p->fate = TT_FATE_NON_IP;
	p->class = TT_NON_IP;
	uint8_t link = m->targets->links[t->uplink];
	append_random(p, &m->rng, 28);
	p->need = p->start;
	uint16_t type = types[kind];
	if (kind == N_FEED_ARP)
		return t->conf->rule.tunnel_n > 0 && wrap(m, p, t, t->has4 ? 4 : 6, WRAP_NOT_IP);
	if (link == TT_LINK_RAW || (link != TT_LINK_ETHERNET && kind != N_ARP && kind != N_UNKNOWN))
		return false;
	if (kind == N_LLC) {
		type = 28; // a length
		append_bytes(p, "", 0);
		memcpy(p->buf + p->start, "\x42\x42\x03", 3);
	} else if (kind == N_MPLS) {
		p->buf[p->start] = (uint8_t)rng_below(&m->rng, 4) << 4; // a control word
		p->need = p->start + 1;
		prepend_mpls(p, &type, 2, &m->rng);
	} else if (kind == N_VLAN_ARP) {
		wrap_link(m, p, t, type, tag, 1);
		return true;
	}
	wrap_link(m, p, t, type, NULL, 0);
	return true;
}

// A destination that no rule without a feed takes under these tags.
static bool free_address(struct maker *m, const uint16_t *vlan, unsigned n, struct tt_addr *dst) {
	struct tt_prefix wide;
	tt_prefix_parse("198.18.0.0/15", &wide);
	for (int tries = 0; tries < 16; tries++) {
		prefix_random(&wide, &m->rng, dst);
		if (!targets_plain_match(m->targets, vlan, n, dst))
			return true;
	}
	return false;
}

bool make_unassigned(struct maker *m, struct packet *p, unsigned kind, const struct target *t) {
	static const uint16_t tag[] = {4001};
	uint32_t source = p->source;
	nothing(p);
	p->fate = TT_FATE_UNASSIGNED;
	p->class = TT_CLASS_N;
	const struct tt_rule *r = &t->conf->rule;
	struct source s = m->sources->s[source];
	struct ip ip = {.src = s.addr, .ttl = s.ttl, .df = true};
	unsigned tags = 0;
	if (kind == U_KEY) {
		struct tt_addr outer = {.family = 0};
		if (r->tunnel_n != 1 || !t->has4 || !target_address(t, 4, &m->rng, &ip.dst))
			return false;
		// what it is outside must be nobody's
		if (r->tunnel[0].outer_destination_n)
			outer = r->tunnel[0].outer_destinations[0].addr;
		else
			tt_addr_parse("198.51.100.251", &outer);
		if (targets_plain_match(m->targets, r->vlan, r->vlan_n, &outer))
			return false;
	} else if (kind == U_VLAN) {
		if (m->targets->links[t->uplink] != TT_LINK_ETHERNET || !r->vlan_n || r->tunnel_n ||
			!t->has4 || !target_address(t, 4, &m->rng, &ip.dst) ||
			targets_plain_match(m->targets, tag, 1, &ip.dst))
			return false;
		tags = 1;
	} else if (!free_address(m, NULL, 0, &ip.dst)) {
		return false;
	}
	maker_syn(m, p, &s, &ip, 23);
	p->tool = PLAIN;
	p->proto = 0;
	prepend_ip(p, &ip);
	if (kind == U_KEY)
		return wrap(m, p, t, 4, WRAP_OTHER_KEY);
	wrap_link(m, p, t, 0x0800, tag, tags);
	return true;
}
