/* SPDX-License-Identifier: BSD-3-Clause */
// Whether a UDP payload is the response of a known amplifier.
#include "walk.h"

/// CUT: what is missing could still decide it.
enum answer { NO, YES, CUT };

/// The payload: n bytes are there of len.
struct body {
	const uint8_t *p;
	uint32_t n, len;
};

/// Byte at `at` into *v. A byte that the payload does not have is a NO, one that was not
/// captured a CUT.
static enum answer byte_at(const struct body *b, uint64_t at, uint8_t *v) {
	if (at >= b->len)
		return NO;
	if (at >= b->n)
		return CUT;
	*v = b->p[at];
	return YES;
}

/// Whether the payload has `len` bytes at `at` and they are these.
static enum answer has_bytes(const struct body *b, uint32_t at, const void *bytes, uint32_t len) {
	if (b->len < at || b->len - at < len)
		return NO;
	uint32_t there = b->n > at ? min32(b->n - at, len) : 0;
	if (there && memcmp(b->p + at, bytes, there) != 0)
		return NO;
	return there == len ? YES : CUT;
}

/// A payload of at least `len` bytes, all of which must be there for a YES.
static enum answer has_len(const struct body *b, uint32_t len) {
	return b->len < len ? NO : b->n < len ? CUT : YES;
}

static enum answer both(enum answer a, enum answer b) {
	return a == NO || b == NO ? NO : a == CUT || b == CUT ? CUT : YES;
}

static enum answer either(enum answer a, enum answer b) {
	return a == YES || b == YES ? YES : a == CUT || b == CUT ? CUT : NO;
}

static enum answer test_dns(const struct body *b) {
	uint8_t v = 0;
	enum answer a = byte_at(b, 2, &v);
	if (a == YES && !(v & 0x80))
		return NO;
	return both(a, has_len(b, 12));
}

static enum answer test_ntp(const struct body *b) {
	uint8_t v = 0, op = 0;
	enum answer a = byte_at(b, 0, &v);
	if (a != YES)
		return a;
	switch (v & 7) {
	case 4:
		return YES;
	case 6:
		a = byte_at(b, 1, &op);
		return a == YES && !(op & 0x80) ? NO : a;
	case 7:
		return v & 0x80 ? YES : NO;
	default:
		return NO;
	}
}

static enum answer test_ssdp(const struct body *b) {
	return has_bytes(b, 0, "HTTP/1.", 7);
}

/// Reads tag and length of the BER element at *at and moves *at to its contents.
static enum answer ber_open(const struct body *b, uint64_t *at, uint8_t tag, uint64_t *len) {
	uint8_t v = 0;
	enum answer a = byte_at(b, (*at)++, &v);
	if (a == YES && v != tag)
		return NO;
	if (a == YES)
		a = byte_at(b, (*at)++, &v);
	if (a != YES)
		return a;
	*len = v;
	if (v < 0x80)
		return YES;
	unsigned bytes = v & 0x7f;
	if (bytes == 0 || bytes > 4) // indefinite, or longer than any datagram
		return NO;
	for (*len = 0; bytes; bytes--) {
		a = byte_at(b, (*at)++, &v);
		if (a != YES)
			return a;
		*len = *len << 8 | v;
	}
	return YES;
}

/// Steps over a whole element of that tag.
static enum answer ber_skip(const struct body *b, uint64_t *at, uint8_t tag) {
	uint64_t len = 0;
	enum answer a = ber_open(b, at, tag, &len);
	*at += len;
	return a;
}

enum { BER_INTEGER = 0x02, BER_STRING = 0x04, BER_SEQUENCE = 0x30 };

/// SEQUENCE, INTEGER; *at is then behind them.
static enum answer ber_message(const struct body *b, uint64_t *at) {
	uint64_t len = 0;
	enum answer a = ber_open(b, at, BER_SEQUENCE, &len);
	return a == YES ? ber_skip(b, at, BER_INTEGER) : a;
}

static enum answer test_snmp(const struct body *b) {
	uint64_t at = 0;
	uint8_t tag = 0;
	enum answer a = ber_message(b, &at);
	if (a == YES)
		a = ber_skip(b, &at, BER_STRING);
	if (a == YES)
		a = byte_at(b, at, &tag);
	return a == YES && tag != 0xa2 ? NO : a;
}

static enum answer test_cldap(const struct body *b) {
	uint64_t at = 0;
	uint8_t tag = 0;
	enum answer a = ber_message(b, &at);
	if (a == YES)
		a = byte_at(b, at, &tag);
	return a == YES && tag != 0x64 && tag != 0x65 ? NO : a;
}

static enum answer test_memcached(const struct body *b) {
	static const char *const starts[] = {"VALUE ", "STAT ", "END", "ERROR", "VERSION ", "\x81"};
	enum answer a = NO;
	for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		a = either(a, has_bytes(b, 8, starts[i], (uint32_t)strlen(starts[i])));
	return a;
}

static enum answer test_chargen(const struct body *b) {
	if (b->len < 72)
		return NO;
	for (uint32_t i = 0; i < b->n; i++)
		if ((b->p[i] < 0x20 || b->p[i] > 0x7e) && b->p[i] != '\r' && b->p[i] != '\n')
			return NO;
	return b->n < b->len ? CUT : YES;
}

static enum answer test_portmap(const struct body *b) {
	static const uint8_t reply[4] = {0, 0, 0, 1};
	return both(has_bytes(b, 4, reply, sizeof(reply)), has_len(b, 12));
}

/// Finds text in what is there of [p, p + n) and returns what is behind it.
static const uint8_t *behind(const uint8_t *p, const uint8_t *end, const char *text) {
	size_t len = strlen(text);
	const uint8_t *hit = p ? memmem(p, (size_t)(end - p), text, len) : NULL;
	return hit ? hit + len : NULL;
}

static enum answer test_wsd(const struct body *b) {
	uint32_t len = min32(b->len, 2048), n = min32(b->n, len);
	const uint8_t *end = b->p + n;
	// the fault is inside the envelope: `<soap:Envelope ...><soap:Body><soap:Fault>`
	if (behind(b->p, end, "ProbeMatch") ||
		behind(behind(behind(b->p, end, "<"), end, "Envelope"), end, "Fault"))
		return YES;
	return n < len ? CUT : NO;
}

static enum answer test_coap(const struct body *b) {
	uint8_t v = 0, code = 0;
	enum answer a = byte_at(b, 0, &v), c = byte_at(b, 1, &code);
	if ((a == YES && v >> 6 != 1) || (c == YES && (code >> 5 < 2 || code >> 5 > 5)))
		return NO;
	return both(both(a, c), has_len(b, 4));
}

static enum answer (*const tests[TT_REFLECTOR_N])(const struct body *) = {
	[TT_REFLECTOR_DNS] = test_dns,
	[TT_REFLECTOR_NTP] = test_ntp,
	[TT_REFLECTOR_SSDP] = test_ssdp,
	[TT_REFLECTOR_SNMP] = test_snmp,
	[TT_REFLECTOR_CLDAP] = test_cldap,
	[TT_REFLECTOR_MEMCACHED] = test_memcached,
	[TT_REFLECTOR_CHARGEN] = test_chargen,
	[TT_REFLECTOR_PORTMAP] = test_portmap,
	[TT_REFLECTOR_NETBIOS] = test_dns,
	[TT_REFLECTOR_WSD] = test_wsd,
	[TT_REFLECTOR_COAP] = test_coap,
};

static uint32_t response_traits(unsigned test, const struct body *b) {
	uint32_t t = 0;
	if (test == TT_REFLECTOR_DNS) {
		// sizes by the UDP length: a snap length or a fragment does not make it smaller
		t |= b->len > 512 ? TT_TRAIT_DNS_OVER_512 : 0;
		t |= b->len > 1232 ? TT_TRAIT_DNS_OVER_1232 : 0;
		t |= dns_traits(b->p, b->n);
	} else if (test == TT_REFLECTOR_NTP && b->n) {
		t |= (b->p[0] & 7) == 7 ? TT_TRAIT_NTP_MONLIST : 0;
		t |= (b->p[0] & 7) == 6 ? TT_TRAIT_NTP_CONTROL : 0;
	}
	return t;
}

void walk_reflector(struct walk *w, uint16_t sport, uint16_t dport, const uint8_t *p, uint32_t n,
	uint32_t len) {
	struct tt_pkt *k = w->k;
	unsigned test = w->conf->reflector[sport];
	struct body b = {p, n, len};
	enum answer a = test < TT_REFLECTOR_N && tests[test] ? tests[test](&b) : NO;
	if (a == NO) {
		k->traits |= TT_TRAIT_REFLECTOR_PORT;
		return;
	}
	k->class = TT_REFLECTION;
	k->port = sport;
	k->other_port = dport;
	k->traits |= response_traits(test, &b) | (a == CUT ? TT_TRAIT_UNVERIFIED : 0);
}
