/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tt_hash.h"

/// Zeroed memory for large tables: in huge pages where the system has them, because touching fresh
/// small pages costs more than using them. Freed with big_free and the same size.
void *big_calloc(size_t bytes);
void big_free(void *p, size_t bytes);
/// Grows an array to hold at least `need` elements of `size`; keeps what is there, zeroes the rest.
int big_grow(void **p, size_t *cap, size_t need, size_t size);

/// 64-bit keys (any but the highest) to 64-bit values: open addressing, values start at 0.
struct map_slot {
	uint64_t key1; // key + 1; 0: free
	uint64_t val;
};
struct map {
	struct map_slot *slots;
	uint64_t n, size; // size: a power of two, 0 before the first use
	uint64_t seed;	  // so that the order in one table makes no cluster in the next
};

int map_grow(struct map *m);
/// Makes room for n keys of an empty map.
int map_reserve(struct map *m, uint64_t n);
void map_free(struct map *m);

static inline uint64_t map_home(const struct map *m, uint64_t key) {
	return tt_mix64(key ^ m->seed) & (m->size - 1);
}

static inline void map_prefetch(const struct map *m, uint64_t key) {
	if (m->size != 0)
		__builtin_prefetch(&m->slots[map_home(m, key)], 1);
}

/// The value of a key, or NULL.
static inline uint64_t *map_find(const struct map *m, uint64_t key) {
	if (m->size == 0)
		return NULL;
	for (uint64_t i = map_home(m, key);; i = (i + 1) & (m->size - 1)) {
		if (m->slots[i].key1 == key + 1)
			return &m->slots[i].val;
		if (m->slots[i].key1 == 0)
			return NULL;
	}
}

/// The value of a key, inserted with 0 where it was not there; NULL without memory. Valid until
/// the next call.
static inline uint64_t *map_at(struct map *m, uint64_t key) {
	if (m->n * 8 >= m->size * 5 && map_grow(m) < 0)
		return NULL;
	for (uint64_t i = map_home(m, key);; i = (i + 1) & (m->size - 1)) {
		struct map_slot *s = &m->slots[i];

		if (s->key1 == key + 1)
			return &s->val;
		if (s->key1 == 0) {
			s->key1 = key + 1;
			m->n++;
			return &s->val;
		}
	}
}

/// IPv6 addresses to small numbers, 0 for the first.
struct ids6 {
	uint8_t (*addr)[16];
	size_t n, cap;
	uint32_t *slots; // number + 1
	size_t size;
};
int64_t ids6_at(struct ids6 *t, const uint8_t addr[16]);	 // the number or -ENOMEM
int64_t ids6_find(const struct ids6 *t, const uint8_t addr[16]); // or -ENOENT
void ids6_free(struct ids6 *t);
