/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_hash.h>
#include <rte_ring.h>

#include "key.h"

#define TABLE_MAX (RTE_HASH_ENTRIES_MAX / 64 * 61) // flows

enum { ROWS_AHEAD = 32 };

/// An rte_hash that keeps a flow's counters behind its key, and which positions are in use.
struct flow_table {
	struct rte_hash *hash;
	uint8_t *rows;		// the hash's own key slots, by position
	uint32_t stride;	// ROW4 or ROW6
	uint32_t key_len;	// bytes of a row that are compared; the value follows
	struct flow_rare *rare; // by position; or NULL, where nothing is counted there
	uint64_t *in_use;	// a bit for each position
	uint32_t used, budget;
	uint32_t entries; // rows that rte_hash has; those past the budget stay unused
	uint8_t *buckets; // the hash's own, where they could be learnt (peek.h); or NULL
	uint32_t bucket_mask;
	uint32_t n_ahead;
	struct rte_ring *free;	    // the hash's own: numbers (position + 1) of free rows
	uint32_t ahead[ROWS_AHEAD]; // taken from there for coming flows, the last is next
};

static inline const void *table_key(const struct flow_table *t, uint32_t pos) {
	return t->rows + (size_t)pos * t->stride;
}

static inline struct flow_value *table_value(const struct flow_table *t, uint32_t pos) {
	return (struct flow_value *)(t->rows + (size_t)pos * t->stride + t->key_len);
}

/// High parts of a row's counters; zeroed when the row is made.
static inline struct flow_high *table_high(const struct flow_table *t, uint32_t pos) {
	return (struct flow_high *)(t->rows + (size_t)pos * t->stride) - 1;
}

/// The rarely used counters of a place, zeroed at their first use.
static inline struct flow_rare *table_rare(const struct flow_table *t, uint32_t pos) {
	struct flow_value *v = table_value(t, pos);
	if (!(v->bits & VALUE_RARE))
		t->rare[pos] = (struct flow_rare){0};
	v->bits |= VALUE_RARE;
	return &t->rare[pos];
}

/// Flows that a table holds which is asked for `flows`: those, or a few more where they are very
/// few. 0: too many. Buckets come in powers of two. They are filled up to 61/64: so they are never
/// less than 61/128 full, by which a flow of both tables takes at most 256 bytes, and not so full
/// that rte_hash would search long for a new flow's place.
uint32_t table_budget(uint32_t flows);

/// Notes that a position, which was free, is in use.
static inline void table_use(struct flow_table *t, uint32_t pos) {
	t->in_use[pos / 64] |= 1ull << pos % 64;
	t->used++;
}

/// The first position in use from that one on; budget where there is none.
static inline uint32_t table_next(const struct flow_table *t, uint32_t pos) {
	for (uint64_t mask = ~0ull << pos % 64; pos < t->budget; mask = ~0ull) {
		uint64_t bits = t->in_use[pos / 64] & mask;
		pos &= ~63u;
		if (bits)
			return pos + (uint32_t)__builtin_ctzll(bits);
		pos += 64;
	}
	return t->budget;
}

/// Bytes of in_use.
static inline size_t table_bits(uint32_t budget) {
	return ((size_t)budget + 63) / 64 * sizeof(uint64_t);
}

/// What a table is asked to be; budget from table_budget.
struct table_conf {
	uint32_t budget, key_len;
	bool rare; // keeps a flow_rare for each place
};

/// Bytes that create takes, a little more than less.
size_t table_size(const struct table_conf *c);
/// Touches all memory. 0 or -errno.
int table_create(struct flow_table *t, const struct table_conf *c, const char *name, int socket);
void table_destroy(struct flow_table *t);
/// Empties the hash and writes, hence touches, all of it; takes away the free rows past the budget.
void table_reset(struct flow_table *t);
/// Whether clearing goes key by key (few are used) or by reset.
static inline bool table_few(const struct flow_table *t) {
	return t->used < t->budget / 32;
}
