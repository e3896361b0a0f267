/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Finds flows that a table holds by reading the buckets of its rte_hash, in steps between which the
// memory asked for arrives. rte_hash_lookup_bulk has no such pause: it asks for the buckets of all
// keys at once, more lines than a core can wait for, and for the second bucket of every key, which
// few need.
//
// A bucket holds eight tags (the hash's upper half) and eight numbers of rows (position + 1, 0 is
// free). rte_hash does not publish that, nor where the buckets are; peek_learn tries it out on the
// empty table. What is found is a row that a bucket names and whose key is equal. What is not found
// is left to rte_hash, which looks into the chains behind the buckets too; so is everything where
// the buckets could not be learnt.
#include <stdint.h>
#include <string.h>

#include <rte_prefetch.h>

#include "table.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#define PEEK 1
#else
#define PEEK 0
#endif

enum { BUCKET_SIZE = 64, BUCKET_TAGS = 8 };

/// Learns where the buckets of a table without entries are; leaves it without entries.
void peek_learn(struct flow_table *t);
/// Position of a key in its first or second bucket, or -1.
int32_t peek_both(const struct flow_table *t, const void *key, uint32_t sig);

static inline const uint8_t *peek_bucket(const struct flow_table *t, uint32_t sig) {
	return t->buckets + (size_t)(sig & t->bucket_mask) * BUCKET_SIZE;
}

static inline const uint8_t *peek_second(const struct flow_table *t, uint32_t sig) {
	return peek_bucket(t, sig ^ sig >> 16);
}

// Into the second level: the first has fewer lines under way at a time.

/// First step: asks for the first buckets of n hashes.
static inline void peek_ask(const struct flow_table *t, const uint32_t *sigs, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		rte_prefetch1(peek_bucket(t, sigs[i]));
}

/// Two bits for each of a bucket's tags that is the hash's.
static inline uint32_t peek_tags(const uint8_t *bucket, uint32_t sig) {
#if PEEK
	__m128i tags = _mm_load_si128((const __m128i *)bucket);
	__m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)(sig >> 16)));
	return (uint32_t)_mm_movemask_epi8(equal);
#else
	(void)bucket, (void)sig;
	return 0;
#endif
}

/// Position that the tag named by the lowest bit belongs to; a free entry's is past all.
static inline uint32_t peek_pos(const uint8_t *bucket, uint32_t tags) {
	uint32_t number;
	memcpy(&number, bucket + 16 + (size_t)__builtin_ctz(tags) * 2, sizeof(number));
	return number - 1;
}

/// Second step: candidates by the tags in the first buckets, and asks for their rows; for the
/// second bucket where there is none.
static inline void peek_rows(
	const struct flow_table *t, const uint32_t *sigs, int32_t *pos, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *b = peek_bucket(t, sigs[i]);
		uint32_t tags = peek_tags(b, sigs[i]);
		uint32_t at = tags ? peek_pos(b, tags) : UINT32_MAX;
		pos[i] = at < t->budget ? (int32_t)at : -1;
		const uint8_t *row = t->rows + (size_t)at * t->stride;
		rte_prefetch1(at < t->budget ? row : peek_second(t, sigs[i]));
	}
}

static inline bool peek_equal4(const void *a, const void *b) {
	uint64_t x[2], y[2];
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool peek_equal(const struct flow_table *t, uint32_t pos, const void *key) {
	const uint8_t *row = table_key(t, pos);
	return peek_equal4(row, key) && (t->key_len == sizeof(struct key4) ||
						peek_equal4(row + 16, (const uint8_t *)key + 16));
}

/// Third step: keeps the candidates whose keys are equal, looks further for the others. Keys lie
/// one after the other.
static inline void peek_settle(const struct flow_table *t, const uint8_t *keys,
	const uint32_t *sigs, int32_t *pos, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *key = keys + (size_t)i * t->key_len;
		if (unlikely(pos[i] < 0 || !peek_equal(t, (uint32_t)pos[i], key)))
			pos[i] = peek_both(t, key, sigs[i]);
	}
}
