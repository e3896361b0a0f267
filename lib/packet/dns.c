/* SPDX-License-Identifier: BSD-3-Clause */
// What a DNS response says of itself (RFC 1035, 4034, 5155, 6891). One pass forward: names are
// stepped over and compression pointers never followed, so the work is bounded by the payload.
#include "walk.h"

enum { DNS_HEADER = 12, RR_FIXED = 10, QUESTION_FIXED = 4 };
enum { TYPE_OPT = 41, TYPE_DS = 43, TYPE_RRSIG = 46, TYPE_NSEC = 47, TYPE_DNSKEY = 48 };
enum { TYPE_NSEC3 = 50, TYPE_ANY = 255 };

struct message {
	const uint8_t *p;
	uint32_t n, at;
};

/// Steps over a name, and checks that `fixed` bytes follow.
static bool skip_name(struct message *m, uint32_t fixed) {
	while (m->at < m->n) {
		uint8_t len = m->p[m->at];
		if (len >= 0xc0)
			m->at += 2; // a pointer ends the name here
		else if (len >= 0x40)
			return false; // no such label
		else
			m->at += len + 1u;
		if (len == 0 || len >= 0xc0)
			return m->at <= m->n && m->n - m->at >= fixed;
	}
	return false;
}

/// Traits of a record; `rr` is behind its name.
static uint32_t record_traits(const uint8_t *rr, bool additional) {
	switch (get16(rr)) {
	case TYPE_DS:
	case TYPE_RRSIG:
	case TYPE_NSEC:
	case TYPE_DNSKEY:
	case TYPE_NSEC3:
		return TT_TRAIT_DNS_DNSSEC;
	case TYPE_OPT:
		if (!additional)
			return 0;
		return TT_TRAIT_DNS_EDNS | (rr[6] & 0x80 ? TT_TRAIT_DNS_DO : 0) |
		       (rr[4] ? TT_TRAIT_DNS_RCODE : 0); // the upper bits of the rcode
	default:
		return 0;
	}
}

uint32_t dns_traits(const uint8_t *p, uint32_t n) {
	uint32_t t = 0;
	if (n > 2)
		t |= (p[2] & 0x02 ? TT_TRAIT_DNS_TC : 0) | (p[2] & 0x04 ? TT_TRAIT_DNS_AA : 0);
	if (n > 3)
		t |= (p[3] & 0x80 ? TT_TRAIT_DNS_RA : 0) | (p[3] & 0x0f ? TT_TRAIT_DNS_RCODE : 0);
	if (n < DNS_HEADER)
		return t;
	struct message m = {p, n, DNS_HEADER};
	for (uint32_t i = get16(p + 4); i; i--) {
		if (!skip_name(&m, QUESTION_FIXED))
			return t;
		if (get16(p + m.at) == TYPE_ANY)
			t |= TT_TRAIT_DNS_ANY;
		m.at += QUESTION_FIXED;
	}
	uint32_t before = (uint32_t)get16(p + 6) + get16(p + 8), all = before + get16(p + 10);
	for (uint32_t i = 0; i < all; i++) {
		if (!skip_name(&m, RR_FIXED))
			return t;
		const uint8_t *rr = p + m.at;
		t |= record_traits(rr, i >= before);
		m.at += RR_FIXED + get16(rr + 8);
	}
	return t;
}
