/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Finds and makes flows in the buckets of a table's rte_hash. Finding goes in steps between which
// the memory asked for arrives. rte_hash_lookup_bulk has no such pause: it asks for the buckets of
// all keys at once, more lines than a core can wait for, and for the second bucket of every key,
// which few need. rte_hash_add_key searches both buckets twice for what is known to be new.
//
// A bucket holds eight tags (the hash's upper half) and eight numbers of rows (position + 1, 0 is
// free). rte_hash does not publish that, nor where the buckets are; peek_learn tries both reading
// and writing out on the empty table. What is found is a row that a bucket names and whose key is
// equal. A new key goes into its first bucket, or into its second where the first is full; where
// both are, rte_hash moves others away or makes a chain. Entries leave a table only all together,
// and rte_hash fills again what it moves away: a bucket that has room never was full, so no key was
// sent on from it. That is why a key that its first bucket lacks and has room for is nowhere, and
// why what has room has no chain. Where the buckets could not be learnt all goes by rte_hash.
#include <stdint.h>
#include <string.h>

#include <rte_prefetch.h>

#include "table.h"

#if defined(__SSE4_1__) // which DPDK asks for on x86
#include <smmintrin.h>
#define PEEK 1
#else
#define PEEK 0
#endif

enum { BUCKET_SIZE = 64, BUCKET_TAGS = 8, BUCKET_NUMBERS = 16 };

/// Learns where the buckets of a table without entries are; to be reset afterwards.
void peek_learn(struct flow_table *t);
/// Position of a key in its first or second bucket, or -1.
int32_t peek_both(const struct flow_table *t, const void *key, uint32_t sig);
/// Takes free rows from the hash's list and asks for them; false: it has none.
bool peek_take(struct flow_table *t);
/// Gives the free rows that were taken back to the hash's list.
void peek_give_back(struct flow_table *t);

static inline uint8_t *peek_bucket(const struct flow_table *t, uint32_t sig) {
	return t->buckets + (size_t)(sig & t->bucket_mask) * BUCKET_SIZE;
}

static inline uint8_t *peek_second(const struct flow_table *t, uint32_t sig) {
	return peek_bucket(t, sig ^ sig >> 16);
}

// Into the second level: the first has fewer lines under way at a time.

/// First step: asks for the first buckets of n hashes.
static inline void peek_ask(const struct flow_table *t, const uint32_t *sigs, unsigned n) {
	uint8_t *buckets = t->buckets;
	const uint32_t mask = t->bucket_mask;
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++)
		rte_prefetch1(buckets + (size_t)(sigs[i] & mask) * BUCKET_SIZE);
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
	memcpy(&number, bucket + BUCKET_NUMBERS + (size_t)__builtin_ctz(tags) * 2, sizeof(number));
	return number - 1;
}

/// Two bits for each of a bucket's entries that is free.
static inline uint32_t peek_room(const uint8_t *bucket) {
#if PEEK
	const __m128i *numbers = (const __m128i *)(bucket + BUCKET_NUMBERS), zero = {0};
	__m128i low = _mm_cmpeq_epi32(_mm_load_si128(numbers), zero);
	__m128i high = _mm_cmpeq_epi32(_mm_load_si128(numbers + 1), zero);
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi32(low, high));
#else
	(void)bucket;
	return 0;
#endif
}

/// Second step: candidates by the tags in the first buckets, and asks for their rows; for the
/// second bucket where there is none. stride: the table's, a constant where it is called.
static inline void peek_rows(const struct flow_table *table, const uint32_t *sigs, int32_t *pos,
	unsigned n, uint32_t stride) {
	const struct flow_table head = {.buckets = table->buckets,
		.bucket_mask = table->bucket_mask,
		.rows = table->rows,
		.budget = table->budget};
	const struct flow_table *t = &head; // which writing pos cannot change
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *b = peek_bucket(t, sigs[i]);
		uint32_t tags = peek_tags(b, sigs[i]);
		uint32_t at = tags ? peek_pos(b, tags) : UINT32_MAX;
		pos[i] = at < t->budget ? (int32_t)at : -1;
		const uint8_t *row = t->rows + (size_t)at * stride;
		rte_prefetch1(at < t->budget ? row : peek_second(t, sigs[i]));
	}
}

/// A bit for each of n positions (at most 64; those behind, up to a multiple of four, can be read)
/// that is -1.
static inline uint64_t peek_none(const int32_t *pos, unsigned n) {
	uint64_t none = 0;
#if PEEK
	for (unsigned i = 0; i < n; i += 4) {
		__m128i four = _mm_loadu_si128((const __m128i *)(const void *)&pos[i]);
		none |= (uint64_t)(uint32_t)_mm_movemask_ps(_mm_castsi128_ps(four)) << i;
	}
#else
	for (unsigned i = 0; i < n; i++)
		none |= (uint64_t)(pos[i] < 0) << i;
#endif
	return none & UINT64_MAX >> (64 - n);
}

/// Between the second and the third step: candidates in the second buckets where the first have
/// none, and asks for their rows.
static inline void peek_seconds(
	const struct flow_table *t, const uint32_t *sigs, int32_t *pos, unsigned n) {
	for (uint64_t none = peek_none(pos, n); none; none &= none - 1) {
		unsigned i = (unsigned)__builtin_ctzll(none);
		const uint8_t *b = peek_second(t, sigs[i]);
		uint32_t tags = peek_tags(b, sigs[i]);
		uint32_t at = tags ? peek_pos(b, tags) : UINT32_MAX;
		if (at < t->budget) {
			pos[i] = (int32_t)at;
			rte_prefetch0(table_key(t, at));
		}
	}
}

/// After it: asks for the ends of the candidates' rows, where those are longer than a line.
static inline void peek_ends(const struct flow_table *t, const int32_t *pos, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		uint32_t at = pos[i] < 0 ? 0 : (uint32_t)pos[i];
		rte_prefetch0((const uint8_t *)(table_value(t, at) + 1) - 1);
	}
}

static inline bool peek_equal4(const void *a, const void *b) {
#if PEEK
	__m128i differ = _mm_xor_si128(_mm_loadu_si128(a), _mm_loadu_si128(b));
	return _mm_testz_si128(differ, differ);
#else
	return memcmp(a, b, sizeof(struct key4)) == 0;
#endif
}

static inline bool peek_equal(const struct flow_table *t, uint32_t pos, const void *key) {
	const uint8_t *row = table_key(t, pos);
	return peek_equal4(row, key) && (t->key_len == sizeof(struct key4) ||
						peek_equal4(row + 16, (const uint8_t *)key + 16));
}

/// Third step: keeps the candidates whose keys are equal. Keys lie one after the other. Negative
/// where one is left to peek_both.
static inline int32_t peek_settle(
	const struct flow_table *t, const uint8_t *keys, int32_t *pos, unsigned n) {
	int32_t missed = 0;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *key = keys + (size_t)i * t->key_len;
		if (unlikely(pos[i] < 0 || !peek_equal(t, (uint32_t)pos[i], key)))
			pos[i] = -1;
		missed |= pos[i];
	}
	return missed;
}

/// Makes the row of a key that peek_both has just not found, with the value that it begins with.
/// -1: both buckets are full, or the list of free rows is empty.
static inline int32_t peek_insert(
	struct flow_table *t, const void *key, uint32_t sig, const struct flow_value *value) {
	uint8_t *bucket = peek_bucket(t, sig);
	uint32_t room = peek_room(bucket);
	if (unlikely(!room)) {
		bucket = peek_second(t, sig);
		room = peek_room(bucket);
	}
	if (unlikely(!room || (!t->n_ahead && !peek_take(t))))
		return -1;
	const uint32_t number = t->ahead[--t->n_ahead], pos = number - 1;
	const size_t entry = (size_t)__builtin_ctz(room) / 2;
	const uint16_t tag = (uint16_t)(sig >> 16);
	uint8_t *row = t->rows + (size_t)pos * t->stride;
	memcpy(row, key, sizeof(struct key4));
	if (t->key_len != sizeof(struct key4))
		memcpy(row + sizeof(struct key4), (const uint8_t *)key + sizeof(struct key4),
			sizeof(struct key6) - sizeof(struct key4));
	*table_high(t, pos) = (struct flow_high){0};
	*table_value(t, pos) = *value;
	memcpy(bucket + entry * sizeof(tag), &tag, sizeof(tag));
	memcpy(bucket + BUCKET_NUMBERS + entry * sizeof(number), &number, sizeof(number));
	table_use(t, pos);
	return (int32_t)pos;
}
