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

enum { ROWS_AHEAD = 32 };

/// An rte_hash that keeps a flow's counters behind its key, and the list of positions in use.
struct flow_table {
	struct rte_hash *hash;
	uint8_t *rows;		// the hash's own key slots, by position
	uint32_t stride;	// ROW4 or ROW6
	uint32_t key_len;	// bytes of a row that are compared; the value follows
	struct flow_rare *rare; // by position
	uint32_t *list;		// positions in use, in the order they came
	uint32_t used, budget;
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
