/* SPDX-License-Identifier: BSD-3-Clause */
// What a sensor's rule asks for around a packet: the feed's layers, VLAN tags, the link header.
#include "frame.h"

#define VXLAN_PORT  4789
#define GENEVE_PORT 6081

static bool is(const struct tt_tunnel_rule *r, const char *type) {
	return strcmp(r->type, type) == 0;
}

static void outer_addresses(struct maker *m, const struct tt_tunnel_rule *r, struct ip *ip) {
	static const char *const usual[2][2] = {
		{"198.51.100.250", "198.51.100.251"}, {"2001:db8:fa::1", "2001:db8:fb::1"}};
	int six = (r->outer_source_n && r->outer_sources[0].addr.family == 6) ||
		  (r->outer_destination_n && r->outer_destinations[0].addr.family == 6);
	tt_addr_parse(usual[six][0], &ip->src);
	tt_addr_parse(usual[six][1], &ip->dst);
	if (r->outer_source_n)
		prefix_random(&r->outer_sources[rng_below(&m->rng, r->outer_source_n)], &m->rng,
			&ip->src);
	if (r->outer_destination_n)
		prefix_random(&r->outer_destinations[rng_below(&m->rng, r->outer_destination_n)],
			&m->rng, &ip->dst);
}

static void gre_header(struct maker *m, struct packet *p, const struct tt_tunnel_rule *r,
	uint16_t type, enum wrap_flaw flaw) {
	bool sequence = rng_chance(&m->rng, 0.3), sum = rng_chance(&m->rng, 0.2);
	if (sequence)
		set32(prepend(p, 4), (uint32_t)rng_below(&m->rng, 1u << 31));
	if (r->has_key)
		set32(prepend(p, 4), r->key ^ (flaw == WRAP_OTHER_KEY ? 0x40000000u : 0));
	if (sum)
		set32(prepend(p, 4), 0);
	uint8_t *h = prepend(p, 4);
	set16(h, (sum ? 0x8000u : 0) | (r->has_key ? 0x2000u : 0) | (sequence ? 0x1000u : 0) |
			 (flaw == WRAP_BAD_HEADER ? 1u : 0));
	set16(h + 2, flaw == WRAP_NOT_IP ? 0x0806 : type);
	if (sum)
		set16(h + 4, checksum(sum_bytes(h, p->end - p->start, 0)));
}

static void erspan_header(
	struct maker *m, struct packet *p, const struct tt_tunnel_rule *r, enum wrap_flaw flaw) {
	uint32_t session = r->has_key ? r->key : (uint32_t)rng_below(&m->rng, 1024);
	uint8_t *h = prepend(p, 8);
	set16(h, flaw == WRAP_BAD_HEADER ? 0x2000 : 0x1000);
	set16(h + 2, (session ^ (flaw == WRAP_OTHER_KEY ? 0x200u : 0)) & 0x3ff);
	set32(h + 4, 5);
	h = prepend(p, 8);
	set32(h, 0x100088be);
	set32(h + 4, (uint32_t)rng_next(&m->rng));
}

static void vxlan_header(
	struct maker *m, struct packet *p, const struct tt_tunnel_rule *r, enum wrap_flaw flaw) {
	uint32_t vni = r->has_key ? r->key : (uint32_t)rng_below(&m->rng, 1 << 24);
	uint8_t *h = prepend(p, 8);
	set32(h, flaw == WRAP_BAD_HEADER ? 0 : 0x08000000);
	set32(h + 4, (vni ^ (flaw == WRAP_OTHER_KEY ? 0x800000u : 0)) << 8);
}

static void geneve_header(struct maker *m, struct packet *p, const struct tt_tunnel_rule *r,
	uint16_t type, enum wrap_flaw flaw) {
	uint32_t vni = r->has_key ? r->key : (uint32_t)rng_below(&m->rng, 1 << 24);
	uint32_t words = (uint32_t)rng_below(&m->rng, 3) * 2;
	for (uint32_t i = 0; i < words; i += 2) {
		uint8_t *o = prepend(p, 8);
		set32(o, 0x01088001); // an option of one word
		set32(o + 4, (uint32_t)rng_next(&m->rng));
	}
	uint8_t *h = prepend(p, 8);
	h[0] = (uint8_t)(words | (flaw == WRAP_BAD_HEADER ? 0x40 : 0));
	h[1] = 0;
	set16(h + 2, flaw == WRAP_NOT_IP ? 0x0806 : type);
	set32(h + 4, (vni ^ (flaw == WRAP_OTHER_KEY ? 0x800000u : 0)) << 8);
}

// Splits an outer packet in two; the second part waits. Only where all that says what the packet
// is stays in the first.
static void fragment_outer(
	struct maker *m, struct packet *p, const struct target *t, struct ip *ip) {
	uint32_t len = p->end - p->start, first = (len * 6 / 10) & ~7u;
	if (!t->fragments_ok || ip->src.family != 4 || len < 500 ||
		p->need + 80 > p->start + first || !rng_chance(&m->rng, m->scenario->fragments))
		return;
	struct packet *q = maker_push(m);
	if (!q)
		return;
	packet_start(q);
	append_bytes(q, p->buf + p->start + first, len - first);
	q->sensor = p->sensor;
	q->fate = TT_FATE_OBSERVED;
	q->class = TT_FRAGMENT;
	q->proto = ip->proto;
	q->port = q->dport = 0;
	q->tool = PLAIN;
	q->varies = q->no_pad = false;
	q->feed_fragment = true;
	q->stream = p->stream;
	int region = regions_of(m->regions, &ip->src);
	q->source = sources_intern(m->sources, &ip->src,
		address_special(&ip->src) || region < 0 ? REGION_MAX : (unsigned)region);
	ip->fragment = (uint16_t)first;
	prepend_ip(q, ip);
	wrap_link(m, q, t, 0x0800, t->conf->rule.vlan, t->conf->rule.vlan_n);
	ip->fragment = 0;
	ip->more = true;
	p->end = p->start + first;
}

static bool wrap_layer(struct maker *m, struct packet *p, const struct target *t, unsigned layer,
	int family, enum wrap_flaw flaw, struct ip *ip) {
	const struct tt_tunnel_rule *r = &t->conf->rule.tunnel[layer];
	bool ip_only = is(r, "ipip") || is(r, "6in4");
	bool bridged = is(r, "vxlan") || is(r, "erspan") ||
		       (!ip_only && flaw != WRAP_NOT_IP && rng_chance(&m->rng, 0.3));
	uint16_t type = ethertype_of(family);
	if ((ip_only && flaw != WRAP_RIGHT) || (flaw == WRAP_OTHER_KEY && !r->has_key))
		return false;
	if (flaw == WRAP_NOT_IP)
		p->need = p->start; // the headers before the payload
	if (bridged) {
		prepend_ethernet(p, flaw == WRAP_NOT_IP ? 0x0806 : type, &m->rng);
		type = 0x6558;
	}
	if (flaw == WRAP_OTHER_KEY)
		p->need = p->start; // the key must be readable
	outer_addresses(m, r, ip);
	ip->ttl = 60;
	ip->id = (uint16_t)rng_next(&m->rng);
	ip->ident6 = (uint32_t)rng_next(&m->rng);
	uint16_t sport = (uint16_t)(49152 + rng_below(&m->rng, 16384));
	if (is(r, "gre")) {
		gre_header(m, p, r, type, flaw);
		ip->proto = 47;
	} else if (is(r, "erspan")) {
		erspan_header(m, p, r, flaw);
		ip->proto = 47;
	} else if (is(r, "vxlan")) {
		vxlan_header(m, p, r, flaw);
		ip->proto = 17;
		prepend_udp(p, ip, sport, VXLAN_PORT, ip->src.family == 6);
	} else if (is(r, "geneve")) {
		geneve_header(m, p, r, type, flaw);
		ip->proto = 17;
		prepend_udp(p, ip, sport, GENEVE_PORT, ip->src.family == 6);
	} else {
		ip->proto = is(r, "ipip") ? 4 : 41;
	}
	return true;
}

bool wrap(struct maker *m, struct packet *p, const struct target *t, int family,
	enum wrap_flaw flaw) {
	const struct tt_rule *r = &t->conf->rule;
	for (unsigned i = r->tunnel_n; i-- > 0;) {
		struct ip ip = {0};
		// the flaw is the innermost layer's
		if (!wrap_layer(m, p, t, i, family, i == r->tunnel_n - 1u ? flaw : WRAP_RIGHT, &ip))
			return false;
		if (i == 0 && flaw == WRAP_RIGHT)
			fragment_outer(m, p, t, &ip);
		prepend_ip(p, &ip);
		family = ip.src.family;
	}
	wrap_link(m, p, t, ethertype_of(family), r->vlan, r->vlan_n);
	return true;
}

void wrap_link(struct maker *m, struct packet *p, const struct target *t, uint16_t type,
	const uint16_t *vlan, unsigned vlan_n) {
	p->link = m->targets->links[t->uplink];
	p->ifindex = (uint16_t)t->uplink;
	if (p->link == TT_LINK_ETHERNET) {
		if (!p->no_pad && (type == 0x0800 || type == 0x86dd) && rng_chance(&m->rng, 0.02))
			prepend_mpls(p, &type, 1 + (unsigned)rng_below(&m->rng, 3), &m->rng);
		prepend_vlan(p, &type, vlan, vlan_n);
	}
	prepend_link(p, p->link, type, &m->rng);
	if (p->link == TT_LINK_ETHERNET && !p->no_pad && p->end - p->start < 60) {
		uint32_t n = 60 - (p->end - p->start);
		memset(append(p, n), 0, n);
	}
}
