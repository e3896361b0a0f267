/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

uint64_t sum_bytes(const uint8_t *p, uint32_t n, uint64_t sum) {
	for (; n >= 2; p += 2, n -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	return n ? sum + ((uint32_t)p[0] << 8) : sum;
}

uint16_t checksum(uint64_t sum) {
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint64_t sum_pseudo(const struct ip *ip, uint32_t len) {
	uint32_t n = ip->src.family == 4 ? 4 : 16;
	uint64_t sum = sum_bytes(ip->src.b, n, sum_bytes(ip->dst.b, n, 0));
	return sum + ip->proto + len;
}

static void prepend_ip4(struct packet *p, const struct ip *ip) {
	uint32_t len = p->end - p->start + 20;
	uint8_t *h = prepend(p, 20);
	memset(h, 0, 20);
	h[0] = 0x45;
	set16(h + 2, len);
	set16(h + 4, ip->id);
	set16(h + 6, (ip->df ? 0x4000u : 0) | (ip->more ? 0x2000u : 0) | ip->fragment / 8u);
	h[8] = ip->ttl;
	h[9] = ip->proto;
	memcpy(h + 12, ip->src.b, 4);
	memcpy(h + 16, ip->dst.b, 4);
	set16(h + 10, checksum(sum_bytes(h, 20, 0)));
}

void prepend_ip(struct packet *p, const struct ip *ip) {
	if (ip->src.family == 4) {
		prepend_ip4(p, ip);
		return;
	}
	uint32_t len = p->end - p->start;
	uint8_t *h = prepend(p, 40);
	set32(h, 0x60000000u | (ip->ident6 & 0xfffff));
	set16(h + 4, len);
	h[6] = ip->proto;
	h[7] = ip->ttl;
	memcpy(h + 8, ip->src.b, 16);
	memcpy(h + 24, ip->dst.b, 16);
}

void prepend_fragment6(struct packet *p, struct ip *ip) {
	uint8_t *h = prepend(p, 8);
	h[0] = ip->proto;
	h[1] = 0;
	set16(h + 2, ip->fragment | (ip->more ? 1u : 0));
	set32(h + 4, ip->ident6);
	ip->proto = 44;
}

void prepend_options6(struct packet *p, struct ip *ip, unsigned n, uint8_t type) {
	static const uint8_t padding[6] = {1, 4}; // PadN
	static const uint8_t routing[6] = {4};	  // no segments left
	for (; n > 0; n--) {
		uint8_t *h = prepend(p, 8);
		h[0] = ip->proto;
		h[1] = 0;
		memcpy(h + 2, type == 43 ? routing : padding, 6);
		ip->proto = type;
	}
}

void prepend_udp(struct packet *p, const struct ip *ip, uint16_t sport, uint16_t dport, bool sum) {
	uint32_t len = p->end - p->start + 8;
	uint8_t *h = prepend(p, 8);
	set16(h, sport);
	set16(h + 2, dport);
	set16(h + 4, len);
	set16(h + 6, 0);
	if (sum) {
		uint16_t c = checksum(sum_bytes(h, len, sum_pseudo(ip, len)));
		set16(h + 6, c ? c : 0xffff);
	}
}

uint16_t ethertype_of(int family) {
	return family == 4 ? 0x0800 : 0x86dd;
}

void prepend_ethernet(struct packet *p, uint16_t type, struct rng *r) {
	static const uint8_t to[6] = {2, 0, 0, 0, 0, 1};
	uint8_t *h = prepend(p, 14);
	memcpy(h, to, 6);
	set32(h + 6, 0x02000000u | (uint32_t)rng_below(r, 4));
	set16(h + 10, 0);
	set16(h + 12, type);
}

void prepend_vlan(struct packet *p, uint16_t *type, const uint16_t *tags, unsigned n) {
	for (unsigned i = n; i-- > 0;) {
		uint8_t *h = prepend(p, 4);
		set16(h, tags[i]);
		set16(h + 2, *type);
		*type = n > 1 && i == 0 ? 0x88a8 : 0x8100;
	}
}

void prepend_mpls(struct packet *p, uint16_t *type, unsigned labels, struct rng *r) {
	p->mpls_end = p->start;
	for (unsigned i = 0; i < labels; i++)
		set32(prepend(p, 4),
			(uint32_t)(16 + rng_below(r, 1000)) << 12 | (i == 0 ? 0x100u : 0) | 64);
	*type = 0x8847;
}

enum tt_fate packet_fate(const struct packet *p, uint32_t caplen) {
	uint32_t end = p->start + caplen;
	if (end < p->end && end == p->mpls_end)
		return TT_FATE_NON_IP;
	return end < p->need && end < p->end ? TT_FATE_MALFORMED : (enum tt_fate)p->fate;
}

void prepend_link(struct packet *p, unsigned link, uint16_t type, struct rng *r) {
	static const uint8_t sll[14] = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0};
	static const uint8_t sll2[18] = {0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0};
	uint8_t *h;
	switch (link) {
	case TT_LINK_ETHERNET:
		prepend_ethernet(p, type, r);
		break;
	case TT_LINK_SLL:
		h = prepend(p, 16);
		memcpy(h, sll, sizeof(sll));
		set16(h + 14, type);
		break;
	case TT_LINK_SLL2:
		h = prepend(p, 20);
		set16(h, type);
		memcpy(h + 2, sll2, sizeof(sll2));
		break;
	default:
		break; // raw IP has none
	}
}
