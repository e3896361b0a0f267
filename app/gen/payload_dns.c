/* SPDX-License-Identifier: BSD-3-Clause */
// DNS messages as open resolvers send them to spoofed addresses: A, ANY, TXT and signed answers
// (RFC 1035, 4034, 6891).
#include "frame.h"

enum { A = 1, NS = 2, MX = 15, TXT = 16, RRSIG = 46, DNSKEY = 48, OPT = 41, ANY = 255 };

static void name(struct packet *p, const char *text) {
	while (*text) {
		uint32_t n = (uint32_t)strcspn(text, ".");
		*append(p, 1) = (uint8_t)n;
		append_bytes(p, text, n);
		text += n + (text[n] == '.');
	}
	*append(p, 1) = 0;
}

// Name (a pointer to the question), type, class, TTL; returns where the length goes.
static uint32_t record(struct packet *p, uint16_t type, uint32_t ttl) {
	uint8_t *h = append(p, 12);
	set16(h, 0xc00c);
	set16(h + 2, type);
	set16(h + 4, 1);
	set32(h + 6, ttl);
	return p->end - 2;
}

static void record_end(struct packet *p, uint32_t at) {
	set16(p->buf + at, p->end - at - 2);
}

static void a_record(struct packet *p, struct rng *r) {
	uint32_t at = record(p, A, 300);
	append_random(p, r, 4);
	record_end(p, at);
}

static void rrsig(struct packet *p, struct rng *r, uint16_t covered) {
	uint32_t at = record(p, RRSIG, 3600);
	uint8_t *h = append(p, 18);
	memset(h, 0, 18);
	set16(h, covered);
	h[2] = 8; // RSA/SHA-256
	h[3] = 2;
	set32(h + 4, 3600);
	set32(h + 8, 1735689600);
	set32(h + 12, 1733000000);
	set16(h + 16, 34505);
	name(p, "example.com");
	append_random(p, r, 128);
	record_end(p, at);
}

static void dnskey(struct packet *p, struct rng *r, uint32_t bytes) {
	uint32_t at = record(p, DNSKEY, 3600);
	uint8_t *h = append(p, 4);
	set32(h, 0x01010308);
	append_random(p, r, bytes);
	record_end(p, at);
}

static void txt(struct packet *p, struct rng *r, uint32_t bytes) {
	uint32_t at = record(p, TXT, 3600);
	while (bytes > 0) {
		uint32_t n = bytes < 250 ? bytes : 250;
		*append(p, 1) = (uint8_t)n;
		for (uint32_t i = 0; i < n; i++)
			*append(p, 1) = (uint8_t)('a' + rng_below(r, 26));
		bytes -= n;
	}
	record_end(p, at);
}

static void opt(struct packet *p, bool signed_too) {
	uint8_t *h = append(p, 11);
	memset(h, 0, 11);
	set16(h + 1, OPT);
	set16(h + 3, 4096);
	if (signed_too)
		h[7] = 0x80; // DO
}

static uint16_t answer_any(struct packet *p, struct rng *r) {
	uint16_t n = 3;
	a_record(p, r);
	a_record(p, r);
	txt(p, r, 200 + (uint32_t)rng_below(r, 800));
	while (rng_chance(r, 0.6) && n < 8) {
		txt(p, r, 150);
		n++;
	}
	return n;
}

static uint16_t answer_signed(struct packet *p, struct rng *r) {
	uint16_t n = 4;
	dnskey(p, r, 260);
	dnskey(p, r, 132);
	rrsig(p, r, DNSKEY);
	rrsig(p, r, DNSKEY);
	while (rng_chance(r, 0.65) && n < 14) { // some exceed a frame
		dnskey(p, r, 260);
		n++;
	}
	return n;
}

void payload_dns(struct packet *p, struct rng *r, bool response) {
	uint32_t start = p->end;
	append(p, 12);
	double u = rng_unit(r);
	bool is_any = u < 0.35, is_signed = u >= 0.35 && u<0.65, refused = u> 0.94;
	bool cut = u > 0.88 && !refused, edns = is_signed || rng_chance(r, 0.4);
	name(p, is_signed ? "example.com" : is_any ? "any.example.net" : "www.example.org");
	uint8_t *q = append(p, 4);
	set16(q, is_any ? ANY : is_signed ? DNSKEY : A);
	set16(q + 2, 1);
	uint16_t answers = 0, flags = 0x0100;
	if (response) {
		flags = 0x8180; // QR, RD, RA
		if (rng_chance(r, 0.2))
			flags ^= 0x0480; // authoritative, no recursion
		if (cut)
			flags |= 0x0200;
		else if (refused)
			flags |= rng_chance(r, 0.5) ? 5 : 3;
		else if (is_any)
			answers = answer_any(p, r);
		else if (is_signed)
			answers = answer_signed(p, r);
		else {
			answers = (uint16_t)(1 + rng_below(r, 4));
			for (uint16_t i = 0; i < answers; i++)
				a_record(p, r);
			if (edns && rng_chance(r, 0.3)) {
				rrsig(p, r, A);
				answers++;
			}
		}
	}
	if (edns)
		opt(p, is_signed);
	uint8_t *h = p->buf + start;
	set16(h, (uint16_t)rng_next(r));
	set16(h + 2, flags);
	set16(h + 4, 1);
	set16(h + 6, answers);
	set16(h + 8, 0);
	set16(h + 10, edns ? 1 : 0);
}
