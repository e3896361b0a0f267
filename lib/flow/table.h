/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_hash.h>

#include "key.h"

/// An rte_hash that keeps a flow's counters behind its key, and the list of positions in use.
struct flow_table {
	struct rte_hash *hash;
	uint8_t *rows;		// the hash's own key slots, by position
	uint32_t stride;	// ROW4 or ROW6
	uint32_t key_len;	// bytes of a row that are compared; the value follows
	struct flow_rare *rare; // by position
	uint32_t *list;		// positions in use, in the order they came
	uint32_t used, budget;
};

static inline const void *table_key(const struct flow_table *t, uint32_t pos) {
	return t->rows + (size_t)pos * t->stride;
}

static inline struct flow_value *table_value(const struct flow_table *t, uint32_t pos) {
	return (struct flow_value *)(t->rows + (size_t)pos * t->stride + t->key_len);
}

/// The rarely used counters of a place, zeroed at their first use.
static inline struct flow_rare *table_rare(const struct flow_table *t, uint32_t pos) {
	struct flow_value *v = table_value(t, pos);
	if (!(v->bits & VALUE_RARE))
		t->rare[pos] = (struct flow_rare){0};
	v->bits |= VALUE_RARE;
	return &t->rare[pos];
}

/// Flows that a table holds which is asked for `flows`: those, or a few more; buckets are made for
/// a power of two of which they fill at most 7/8. 0: too many.
uint32_t table_budget(uint32_t flows);
/// Bytes that create takes, a little more than less.
size_t table_size(uint32_t budget, uint32_t key_len);
/// Touches all memory. 0 or -errno.
int table_create(
	struct flow_table *t, const char *name, uint32_t key_len, uint32_t budget, int socket);
void table_destroy(struct flow_table *t);
/// Whether clearing goes key by key (few are used) or by reset.
static inline bool table_few(const struct flow_table *t) {
	return t->used < t->budget / 32;
}

/// Position of a key that a lookup missed: made, or found where an earlier packet of the burst has
/// made it. used0: t->used before the burst. Negative when the table is full (the budget is checked
/// first: rte_hash needs 17,000 cycles to find out by itself). testable: of a new value.
static inline int32_t table_insert(
	struct flow_table *t, const void *key, uint32_t sig, uint32_t used0, uint8_t testable) {
	if (unlikely(t->used >= t->budget)) {
		if (t->used == used0)
			return -ENOSPC;
		return rte_hash_lookup_with_hash(t->hash, key, sig);
	}
	// the hash copies a whole row for a new key; minima and maxima need no special first packet
	static const struct flow_value none = {.first_us = UINT32_MAX, .ttl_min = UINT8_MAX};
	struct flow_value value = none;
	uint8_t row[sizeof(struct key6) + sizeof(value)];
	value.testable = testable | TESTABLE_NEW;
	if (likely(t->key_len == sizeof(struct key4))) {
		memcpy(row, key, sizeof(struct key4));
		memcpy(row + sizeof(struct key4), &value, sizeof(value));
	} else {
		memcpy(row, key, sizeof(struct key6));
		memcpy(row + sizeof(struct key6), &value, sizeof(value));
	}
	int32_t pos = rte_hash_add_key_with_hash(t->hash, row, sig);
	if (unlikely(pos < 0))
		return pos;
	struct flow_value *v = table_value(t, (uint32_t)pos);
	if (v->testable & TESTABLE_NEW) { // not made by an earlier packet of the burst
		v->testable = testable;
		t->list[t->used++] = (uint32_t)pos;
	}
	return pos;
}
