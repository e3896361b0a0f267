/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Bytes of a packet: what is appended is payload, what is prepended are headers.
#include <string.h>

#include "gen.h"

static inline void packet_start(struct packet *p) {
	p->start = p->end = p->need = FRAME_HEAD;
	p->mpls_end = 0;
}

static inline uint8_t *prepend(struct packet *p, uint32_t n) {
	p->start -= n;
	return p->buf + p->start;
}

static inline uint8_t *append(struct packet *p, uint32_t n) {
	uint8_t *at = p->buf + p->end;
	p->end += n;
	return at;
}

static inline void append_bytes(struct packet *p, const void *data, uint32_t n) {
	memcpy(append(p, n), data, n);
}

static inline void append_text(struct packet *p, const char *text) {
	append_bytes(p, text, (uint32_t)strlen(text));
}

static inline void append_random(struct packet *p, struct rng *r, uint32_t n) {
	uint8_t *at = append(p, n);
	for (uint32_t i = 0; i < n; i++)
		at[i] = (uint8_t)rng_next(r);
}

static inline void set16(uint8_t *p, uint32_t v) {
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void set32(uint8_t *p, uint32_t v) {
	set16(p, v >> 16);
	set16(p + 2, v);
}

/// Addresses and what the IP header says.
struct ip {
	struct tt_addr src, dst;
	uint8_t proto, ttl;
	uint16_t id;
	bool df, more;
	uint16_t fragment; // offset in bytes
	uint32_t ident6;
};

/// One's complement sum (RFC 1071) over bytes, folded by checksum().
uint64_t sum_bytes(const uint8_t *p, uint32_t n, uint64_t sum);
uint16_t checksum(uint64_t sum);
/// Sum of the pseudo header of TCP, UDP and ICMPv6.
uint64_t sum_pseudo(const struct ip *ip, uint32_t len);

void prepend_ip(struct packet *p, const struct ip *ip);
/// A header of a fragment in IPv6; ip->proto is its next header and becomes 44.
void prepend_fragment6(struct packet *p, struct ip *ip);
/// Options headers between IPv6 and ip->proto; n of eight bytes each, of type 60.
void prepend_options6(struct packet *p, struct ip *ip, unsigned n, uint8_t type);
void prepend_udp(struct packet *p, const struct ip *ip, uint16_t sport, uint16_t dport, bool sum);
void prepend_ethernet(struct packet *p, uint16_t type, struct rng *r);
void prepend_vlan(struct packet *p, uint16_t *type, const uint16_t *tags, unsigned n);
void prepend_mpls(struct packet *p, uint16_t *type, unsigned labels, struct rng *r);
/// The header of an uplink's link type around a payload of an ethertype.
void prepend_link(struct packet *p, unsigned link, uint16_t type, struct rng *r);
uint16_t ethertype_of(int family);

// wrap.c: what a sensor's rule asks around an IP packet
enum wrap_flaw { WRAP_RIGHT, WRAP_BAD_HEADER, WRAP_OTHER_KEY, WRAP_NOT_IP };
bool wrap(
	struct maker *m, struct packet *p, const struct target *t, int family, enum wrap_flaw flaw);
/// Link header, VLAN tags and padding.
void wrap_link(struct maker *m, struct packet *p, const struct target *t, uint16_t type,
	const uint16_t *vlan, unsigned vlan_n);

// payload.c
void payload_probe(struct packet *p, uint16_t port, struct rng *r);
/// A response of the service; DNS ones can be larger than a frame.
void payload_response(struct packet *p, uint16_t port, struct rng *r);
/// What comes from a reflector's port and is no response.
void payload_decoy(struct packet *p, uint16_t port, struct rng *r);

// payload_dns.c
void payload_dns(struct packet *p, struct rng *r, bool response);

// odd.c: malformed, non-IP and unassigned packets
bool make_malformed(struct maker *m, struct packet *p, unsigned kind, const struct target *t);
bool make_non_ip(struct maker *m, struct packet *p, unsigned kind, const struct target *t);
bool make_unassigned(struct maker *m, struct packet *p, unsigned kind, const struct target *t);

// maker.c
bool maker_syn(
	struct maker *m, struct packet *p, const struct source *s, struct ip *ip, uint16_t dport);
struct packet *maker_push(struct maker *m);
