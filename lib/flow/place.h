/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Places of keys that the steps of peek.h have not found.
#include "peek.h"

/// Has rte_hash make the place of a key, or find it where only it looks.
static inline int32_t place_by_hash(
	struct flow_table *t, const void *key, uint32_t sig, const struct flow_value *value) {
	// the hash copies a whole row for a new key, and the mark tells whether it did
	uint8_t row[ROW6] __attribute__((aligned(16)));
	struct flow_value first = *value;
	first.marks |= MARK_NEW;
	memcpy(row, key, t->key_len);
	memcpy(row + t->key_len, &first, sizeof(first));
	if (t->n_ahead && rte_ring_empty(t->free))
		peek_give_back(t);
	int32_t pos = rte_hash_add_key_with_hash(t->hash, row, sig);
	if (unlikely(pos < 0))
		return pos;
	struct flow_value *v = table_value(t, (uint32_t)pos);
	if (v->marks & MARK_NEW) {
		v->marks &= (uint8_t)~MARK_NEW;
		table_use(t, (uint32_t)pos);
	}
	return pos;
}

/// Position of a key that its step did not find, if its buckets name it all the same: it lies in
/// the second, or an earlier packet of the burst has made it. Else -1: place_make goes on.
static inline int32_t place_find(const struct flow_table *t, const void *key, uint32_t sig) {
	return likely(t->buckets) ? peek_both(t, key, sig) : -1;
}

/// Position of a key that place_find has just not found: made, or found where only rte_hash looks.
/// Negative when the table is full (the budget is checked first: rte_hash needs 17,000 cycles to
/// find out by itself). value: what a new row begins with.
static inline int32_t place_make(
	struct flow_table *t, const void *key, uint32_t sig, const struct flow_value *value) {
	if (unlikely(t->used >= t->budget))
		return rte_hash_lookup_with_hash(t->hash, key, sig);
	int32_t pos = likely(t->buckets) ? peek_insert(t, key, sig, value) : -1;
	return likely(pos >= 0) ? pos : place_by_hash(t, key, sig, value);
}
