/* SPDX-License-Identifier: BSD-3-Clause */
#include "heavy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tt_sketch.h"

#define FORM_ONE 1
#define FORM_ALL 2

// ---- counters

// Room is made by taking as much from all as the least has; whoever had no counter goes the same
// way. Each packet of slack stands for one of every counter and one of who found none.
static uint64_t make_room(struct counters *c, uint64_t packets) {
	uint64_t least = packets;
	unsigned n = 0;

	for (unsigned i = 0; i < HEAVY_COUNTERS; i++)
		least = c->packets[i] < least ? c->packets[i] : least;
	for (unsigned i = 0; i < HEAVY_COUNTERS; i++) {
		c->key[n] = c->key[i];
		c->packets[n] = c->packets[i] - least;
		n += c->packets[n] > 0;
	}
	c->n = n;
	c->slack += least;
	return packets - least;
}

void counters_add(struct counters *c, uint64_t key, uint64_t packets) {
	unsigned hit = 0;

	// all at once: which one it is cannot be guessed
	for (unsigned i = 0; i < HEAVY_COUNTERS; i++)
		hit |= (unsigned)(c->key[i] == key) << i;
	hit &= (1u << c->n) - 1;
	if (hit != 0) {
		c->packets[__builtin_ctz(hit)] += packets;
		return;
	}
	if (c->n == HEAVY_COUNTERS)
		packets = make_room(c, packets);
	if (packets == 0)
		return;
	c->key[c->n] = key;
	c->packets[c->n++] = packets;
}

void counters_merge(struct counters *into, const struct counters *from) {
	for (unsigned i = 0; i < from->n; i++)
		counters_add(into, from->key[i], from->packets[i]);
	into->slack += from->slack;
}

uint64_t counters_most(const struct counters *c) {
	uint64_t most = 0;

	for (unsigned i = 0; i < c->n; i++)
		most = c->packets[i] > most ? c->packets[i] : most;
	return most;
}

// ---- of three things

struct heavy *heavy_create(void) {
	struct heavy *h = aligned_alloc(_Alignof(struct heavy), sizeof(*h));

	if (h != NULL)
		heavy_reset(h);
	return h;
}

void heavy_reset(struct heavy *h) {
	for (unsigned d = 0; d < HEAVY_DIMS; d++)
		h->of[d] = (struct counters){0};
}

void heavy_add(struct heavy *h, uint64_t source, uint64_t asn, uint64_t other, uint64_t packets) {
	counters_add(&h->of[HEAVY_SOURCE], source, packets);
	counters_add(&h->of[HEAVY_ASN], asn, packets);
	counters_add(&h->of[HEAVY_OTHER], other, packets);
}

void heavy_unknown(struct heavy *h, uint64_t packets) {
	for (unsigned d = 0; d < HEAVY_DIMS; d++)
		h->of[d].slack += packets;
}

void heavy_merge(struct heavy *into, const struct heavy *from) {
	for (unsigned d = 0; d < HEAVY_DIMS; d++)
		counters_merge(&into->of[d], &from->of[d]);
}

// ---- stored forms: numbers in groups of seven bits, the lowest first (LEB128)

static size_t put(uint8_t *p, uint64_t v) {
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

static bool get(const uint8_t **p, const uint8_t *end, uint64_t *v) {
	*v = 0;
	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t b = *(*p)++;

		*v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return true;
	}
	return false;
}

size_t heavy_encode(const struct heavy *h, uint8_t buf[HEAVY_MAX]) {
	size_t n = 1;
	bool one = true;

	for (unsigned d = 0; d < HEAVY_DIMS; d++)
		one &= h->of[d].n == 1 && h->of[d].slack == 0;
	if (one)
		return heavy_encode_one(h->of[HEAVY_ASN].key[0], h->of[HEAVY_OTHER].key[0], buf);
	buf[0] = FORM_ALL;
	for (unsigned d = 0; d < HEAVY_DIMS; d++) {
		const struct counters *c = &h->of[d];

		n += put(buf + n, c->slack);
		buf[n++] = (uint8_t)c->n;
		for (unsigned i = 0; i < c->n; i++) {
			n += put(buf + n, c->key[i]);
			n += put(buf + n, c->packets[i]);
		}
	}
	return n;
}

size_t heavy_encode_one(uint64_t asn, uint64_t other, uint8_t buf[HEAVY_MAX]) {
	size_t n = 1;

	buf[0] = FORM_ONE;
	n += put(buf + n, asn);
	return n + put(buf + n, other);
}

bool heavy_encoded_one(const void *blob, size_t len, uint64_t *asn, uint64_t *other) {
	const uint8_t *p = blob, *end = p + len;

	return len > 0 && *p++ == FORM_ONE && get(&p, end, asn) && get(&p, end, other) && p == end;
}

static bool decode_all(struct heavy *h, const uint8_t *p, const uint8_t *end) {
	for (unsigned d = 0; d < HEAVY_DIMS; d++) {
		struct counters *c = &h->of[d];

		if (!get(&p, end, &c->slack) || p == end || *p > HEAVY_COUNTERS)
			return false;
		c->n = *p++;
		for (unsigned i = 0; i < c->n; i++)
			if (!get(&p, end, &c->key[i]) || !get(&p, end, &c->packets[i]))
				return false;
	}
	return p == end;
}

int heavy_decode(struct heavy *h, const void *blob, size_t len, const void *sources,
	size_t sources_len, uint64_t packets) {
	const uint8_t *p = blob;
	uint64_t asn, other, hash;
	bool one;

	heavy_reset(h);
	if (packets == 0 && len == 0)
		return 0;
	if (len > 0 && *p == FORM_ALL)
		return decode_all(h, p + 1, p + len) ? 0 : -EBADMSG;
	one = tt_sketch_encoded_one(sources, sources_len, &hash);
	if (len > 0) {
		if (!one || !heavy_encoded_one(blob, len, &asn, &other))
			return -EBADMSG;
		heavy_add(h, hash, asn, other, packets);
		return 0;
	}
	heavy_unknown(h, packets);
	if (one) { // of an earlier version, that kept no more
		h->of[HEAVY_SOURCE].slack = 0;
		counters_add(&h->of[HEAVY_SOURCE], hash, packets);
	}
	return 0;
}
