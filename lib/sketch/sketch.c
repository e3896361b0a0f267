/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_sketch.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tt_hash.h"

#define REGISTERS  (1u << TT_SKETCH_P)
#define RANK_BITS  (64 - TT_SKETCH_P)
#define RANK_MAX   (RANK_BITS + 1)

// First byte of the serialised form: version and kind in one.
#define KIND_EXACT 0x11 // then n * 8 bytes, strictly ascending
#define KIND_HLL   0x12 // then one byte a register

// One hash lies in the sketch itself. More are an open-addressing table whose slot is the hash's
// top bits, so that reading it in slot order is almost sorted order. Zero marks a free slot; the
// hash 0 is taken for 1 everywhere.
enum form { FORM_ONE, FORM_SLOTS, FORM_REGS };
#define BITS_MIN 3 // a line of a cache

static void *take(struct tt_sketch_heap *heap, size_t bytes) {
	return heap == NULL ? calloc(1, bytes) : heap->take(heap, bytes);
}

static void give(struct tt_sketch_heap *heap, void *p, size_t bytes) {
	if (heap == NULL)
		free(p);
	else
		heap->give(heap, p, bytes);
}

static size_t slots_size(unsigned bits) {
	return sizeof(uint64_t) << bits;
}

struct tt_sketch *tt_sketch_create(void) {
	return calloc(1, sizeof(struct tt_sketch));
}

void tt_sketch_destroy(struct tt_sketch **s) {
	if (*s == NULL)
		return;
	tt_sketch_reset(*s);
	free(*s);
	*s = NULL;
}

void tt_sketch_reset_in(struct tt_sketch *s, struct tt_sketch_heap *heap) {
	if (s->form == FORM_SLOTS)
		give(heap, s->slots, slots_size(s->bits));
	else if (s->form == FORM_REGS)
		give(heap, s->regs, REGISTERS);
	*s = (struct tt_sketch){0};
}

void tt_sketch_reset(struct tt_sketch *s) {
	tt_sketch_reset_in(s, NULL);
}

uint64_t tt_sketch_hash(const uint8_t secret[16], uint8_t family, const uint8_t src[16]) {
	uint8_t b[17];
	size_t n = family == 4 ? 4 : 16;

	b[0] = family;
	memcpy(b + 1, src, n);
	return tt_siphash(secret, b, n + 1);
}

static inline void reg_add(uint8_t *regs, uint64_t hash) {
	uint64_t rest = hash << TT_SKETCH_P;
	uint8_t rank = rest == 0 ? RANK_MAX : (uint8_t)(__builtin_clzll(rest) + 1);
	uint8_t *r = &regs[hash >> RANK_BITS];

	if (rank > *r)
		*r = rank;
}

// Puts a hash that may be there into a table with a free slot; whether it was new.
static bool slot_put(uint64_t *slots, unsigned bits, uint64_t hash) {
	uint32_t mask = (1u << bits) - 1, i = (uint32_t)(hash >> (64 - bits));

	while (slots[i] != 0) {
		if (slots[i] == hash)
			return false;
		i = (i + 1) & mask;
	}
	slots[i] = hash;
	return true;
}

static int exact_grow(struct tt_sketch *s, unsigned bits, struct tt_sketch_heap *heap) {
	uint64_t *slots = take(heap, slots_size(bits));

	if (slots == NULL)
		return -ENOMEM;
	if (s->form == FORM_ONE && s->n > 0)
		slot_put(slots, bits, s->one);
	for (uint32_t i = 0; s->form == FORM_SLOTS && i < 1u << s->bits; i++)
		if (s->slots[i] != 0)
			slot_put(slots, bits, s->slots[i]);
	if (s->form == FORM_SLOTS)
		give(heap, s->slots, slots_size(s->bits));
	s->slots = slots;
	s->bits = (uint8_t)bits;
	s->form = FORM_SLOTS;
	return 0;
}

static int to_hll(struct tt_sketch *s, struct tt_sketch_heap *heap) {
	uint8_t *regs = take(heap, REGISTERS);

	if (regs == NULL)
		return -ENOMEM;
	if (s->form == FORM_ONE && s->n > 0)
		reg_add(regs, s->one);
	for (uint32_t i = 0; s->form == FORM_SLOTS && i < 1u << s->bits; i++)
		if (s->slots[i] != 0)
			reg_add(regs, s->slots[i]);
	tt_sketch_reset_in(s, heap);
	s->regs = regs;
	s->form = FORM_REGS;
	return 0;
}

// Three quarters full at most; ten bits hold TT_SKETCH_EXACT and the one that is too many.
static bool is_full(unsigned n, unsigned bits) {
	return bits < 10 && n >= 3u << (bits - 2);
}

int tt_sketch_add_in(struct tt_sketch *s, uint64_t hash, struct tt_sketch_heap *heap) {
	int rc = 0;

	hash += hash == 0;
	if (s->form == FORM_REGS) {
		reg_add(s->regs, hash);
		return 0;
	}
	if (s->form == FORM_ONE) {
		if (s->n == 0)
			*s = (struct tt_sketch){.one = hash, .n = 1};
		if (s->one == hash)
			return 0;
		rc = exact_grow(s, BITS_MIN, heap);
	} else if (is_full(s->n, s->bits)) {
		rc = exact_grow(s, s->bits + 1u, heap);
	}
	if (rc < 0 || !slot_put(s->slots, s->bits, hash))
		return rc;
	return ++s->n > TT_SKETCH_EXACT ? to_hll(s, heap) : 0;
}

int tt_sketch_add(struct tt_sketch *s, uint64_t hash) {
	return tt_sketch_add_in(s, hash, NULL);
}

void tt_sketch_prefetch(const struct tt_sketch *s, uint64_t hash) {
	if (s->form == FORM_REGS)
		__builtin_prefetch(&s->regs[hash >> RANK_BITS], 1);
	else if (s->form == FORM_SLOTS)
		__builtin_prefetch(&s->slots[hash >> (64 - s->bits)], 1);
}

bool tt_sketch_is_one(const struct tt_sketch *s, uint64_t *hash) {
	*hash = s->one;
	return s->form == FORM_ONE && s->n == 1;
}

static void regs_max(uint8_t *restrict into, const uint8_t *restrict from) {
	for (unsigned i = 0; i < REGISTERS; i++)
		into[i] = into[i] > from[i] ? into[i] : from[i];
}

int tt_sketch_merge_in(
	struct tt_sketch *into, const struct tt_sketch *from, struct tt_sketch_heap *heap) {
	int rc = 0;

	if (into == from)
		return 0;
	if (from->form == FORM_REGS) {
		if (into->form != FORM_REGS && (rc = to_hll(into, heap)) < 0)
			return rc;
		regs_max(into->regs, from->regs);
		return 0;
	}
	if (from->form == FORM_ONE)
		return from->n > 0 ? tt_sketch_add_in(into, from->one, heap) : 0;
	for (uint32_t i = 0; i < 1u << from->bits && rc == 0; i++)
		if (from->slots[i] != 0)
			rc = tt_sketch_add_in(into, from->slots[i], heap);
	return rc;
}

int tt_sketch_merge(struct tt_sketch *into, const struct tt_sketch *from) {
	return tt_sketch_merge_in(into, from, NULL);
}

// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284),
// section 2: the improved raw estimator with its sigma and tau, unbiased over the whole range.
static double ertl_sigma(double x) {
	double y = 1, z = x, before;

	if (x == 1)
		return INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double ertl_tau(double x) {
	double y = 1, z = 1 - x, before;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		before = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

uint64_t tt_sketch_count(const struct tt_sketch *s) {
	const double m = REGISTERS, alpha = 0.5 / M_LN2;
	uint32_t c[RANK_MAX + 1] = {0};
	double z;

	if (s->form != FORM_REGS)
		return s->n;
	for (unsigned i = 0; i < REGISTERS; i++)
		c[s->regs[i]]++;
	z = m * ertl_tau(1 - c[RANK_MAX] / m);
	for (int k = RANK_BITS; k >= 1; k--)
		z = 0.5 * (z + c[k]);
	z += m * ertl_sigma(c[0] / m);
	z = alpha * m * m / z;
	// registers are only kept for more than that many, so a smaller estimate is known wrong
	if (z < TT_SKETCH_EXACT + 1)
		return TT_SKETCH_EXACT + 1;
	return z >= 0x1p63 ? (uint64_t)1 << 63 : (uint64_t)(z + 0.5);
}

double tt_sketch_error(const struct tt_sketch *s) {
	return s->form != FORM_REGS ? 0 : 1.04 / sqrt(REGISTERS);
}

size_t tt_sketch_encode(const struct tt_sketch *s, void *buf, size_t cap) {
	size_t need = 1 + (s->form == FORM_REGS ? REGISTERS : (size_t)s->n * 8), n = 0;
	uint64_t sorted[TT_SKETCH_EXACT];
	uint8_t *out = buf;

	if (cap < need)
		return need;
	if (s->form == FORM_REGS) {
		out[0] = KIND_HLL;
		memcpy(out + 1, s->regs, REGISTERS);
		return need;
	}
	out[0] = KIND_EXACT;
	if (s->form == FORM_ONE && s->n > 0)
		sorted[n++] = s->one;
	for (uint32_t i = 0; s->form == FORM_SLOTS && i < 1u << s->bits; i++) {
		size_t j = n;

		if (s->slots[i] == 0)
			continue;
		for (; j > 0 && sorted[j - 1] > s->slots[i]; j--)
			sorted[j] = sorted[j - 1];
		sorted[j] = s->slots[i];
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t le = htole64(sorted[i]);

		memcpy(out + 1 + i * 8, &le, 8);
	}
	return need;
}

void tt_sketch_encode_one(uint64_t hash, uint8_t buf[TT_SKETCH_ONE]) {
	uint64_t le = htole64(hash + (hash == 0));

	buf[0] = KIND_EXACT;
	memcpy(buf + 1, &le, 8);
}

static uint64_t load64(const uint8_t *p) {
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}

bool tt_sketch_encoded_one(const void *buf, size_t len, uint64_t *hash) {
	const uint8_t *p = buf;

	if (len != TT_SKETCH_ONE || p[0] != KIND_EXACT)
		return false;
	*hash = load64(p + 1);
	return *hash != 0;
}

static int merge_exact(
	struct tt_sketch *into, const uint8_t *p, size_t n, struct tt_sketch_heap *heap) {
	uint64_t before = 0;
	unsigned bits = BITS_MIN;
	int rc = 0;

	// all of it is checked before any of it counts
	for (size_t i = 0; i < n; i++) {
		uint64_t h = load64(p + i * 8);

		if (h <= before)
			return -EBADMSG;
		before = h;
	}
	// room for all of it at once
	while (is_full((unsigned)n, bits))
		bits++;
	if (n > 1 && into->form == FORM_ONE)
		rc = exact_grow(into, bits, heap);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = tt_sketch_add_in(into, load64(p + i * 8), heap);
	return rc;
}

static int merge_regs(struct tt_sketch *into, const uint8_t *p, struct tt_sketch_heap *heap) {
	uint8_t high = 0, any = 0;
	int rc;

	for (unsigned i = 0; i < REGISTERS; i++) {
		high = p[i] > high ? p[i] : high;
		any |= p[i];
	}
	if (high > RANK_MAX || any == 0)
		return -EBADMSG;
	if (into->form != FORM_REGS && (rc = to_hll(into, heap)) < 0)
		return rc;
	regs_max(into->regs, p);
	return 0;
}

int tt_sketch_merge_encoded_in(
	struct tt_sketch *into, const void *buf, size_t len, struct tt_sketch_heap *heap) {
	const uint8_t *p = buf;

	if (len == 0)
		return -EBADMSG;
	if (p[0] == KIND_HLL && len == 1 + REGISTERS)
		return merge_regs(into, p + 1, heap);
	if (p[0] == KIND_EXACT && len % 8 == 1 && len / 8 <= TT_SKETCH_EXACT)
		return merge_exact(into, p + 1, len / 8, heap);
	return -EBADMSG;
}

int tt_sketch_merge_encoded(struct tt_sketch *into, const void *buf, size_t len) {
	return tt_sketch_merge_encoded_in(into, buf, len, NULL);
}

size_t tt_sketch_memory(const struct tt_sketch *s) {
	return sizeof(*s) + (s->form == FORM_REGS	    ? REGISTERS
				    : s->form == FORM_SLOTS ? slots_size(s->bits)
							    : 0);
}
