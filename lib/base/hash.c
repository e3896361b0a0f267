/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_hash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t a, b, c, d;
};

static inline uint64_t rotl(uint64_t x, unsigned n) {
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct state *s) {
	s->a += s->b;
	s->c += s->d;
	s->b = rotl(s->b, 13) ^ s->a;
	s->d = rotl(s->d, 16) ^ s->c;
	s->a = rotl(s->a, 32);
	s->c += s->b;
	s->a += s->d;
	s->b = rotl(s->b, 17) ^ s->c;
	s->d = rotl(s->d, 21) ^ s->a;
	s->c = rotl(s->c, 32);
}

static inline uint64_t load(const uint8_t *p) {
	uint64_t x;
	memcpy(&x, p, 8);
	return le64toh(x);
}

uint64_t tt_siphash(const uint8_t key[16], const void *data, size_t len) {
	uint64_t k0 = load(key), k1 = load(key + 8);
	struct state s = {k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
		k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull};
	const uint8_t *p = data, *end = p + (len & ~(size_t)7);
	for (; p != end; p += 8) {
		uint64_t m = load(p);
		s.d ^= m;
		sip_round(&s);
		s.a ^= m;
	}
	uint64_t last = (uint64_t)len << 56;
	for (unsigned i = 0; i < (len & 7); i++)
		last |= (uint64_t)p[i] << (8 * i);
	s.d ^= last;
	sip_round(&s);
	s.a ^= last;
	s.c ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}
