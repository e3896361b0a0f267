/* SPDX-License-Identifier: BSD-3-Clause */
#include "peek.h"

#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#define SLOTS_MIN 16u // two buckets

/// Entries that buckets have for that many flows.
static uint32_t slots_for(uint32_t budget) {
	uint32_t slots = SLOTS_MIN;
	while (slots - slots / 64 * 3 < budget)
		slots *= 2;
	return slots;
}

/// Rows that rte_hash is to be asked for: where they are fewer it takes half the buckets.
static uint32_t entries_for(uint32_t budget) {
	uint32_t least = slots_for(budget) / 2 + 1;
	return budget > least ? budget : least;
}

uint32_t table_budget(uint32_t flows) {
	return flows > TABLE_MAX ? 0 : RTE_MAX(flows, SLOTS_MIN / 2);
}

size_t table_size(const struct table_conf *c) {
	size_t slots = slots_for(c->budget), entries = entries_for(c->budget);
	size_t buckets = slots / 8 * 64; // of eight entries
	size_t row = c->key_len == sizeof(struct key4) ? ROW4 : ROW6;
	size_t rows = (entries + 1) * row;
	size_t rings = (rte_align32pow2((uint32_t)entries + 1) + slots / 4) * 4;
	size_t own = (c->rare ? c->budget * sizeof(struct flow_rare) : 0) +
		     table_bits((uint32_t)entries);
	return 2 * buckets + rows + rings + own + 8192; // rings' and heads' own
}

static inline uint64_t load64(const void *p, size_t at) {
	uint64_t x;
	memcpy(&x, (const uint8_t *)p + at, sizeof(x));
	return x;
}

/// Compare the keys that begin two rows; 0: equal.
static int key4_differs(const void *a, const void *b, size_t len) {
	(void)len;
	return ((load64(a, 0) ^ load64(b, 0)) | (load64(a, 8) ^ load64(b, 8))) != 0;
}

static int key6_differs(const void *a, const void *b, size_t len) {
	return key4_differs(a, b, len) |
	       key4_differs((const uint8_t *)a + 16, (const uint8_t *)b + 16, len);
}

/// The list of free rows that rte_hash keeps for a table of that name.
static struct rte_ring *free_rows(const char *name) {
	char ring[RTE_RING_NAMESIZE];
	snprintf(ring, sizeof(ring), "HT_%s", name);
	return rte_ring_lookup(ring);
}

/// Learns where the hash keeps its key slots: evenly spaced, by position, the user's data first.
static int find_rows(struct flow_table *t) {
	void *first = NULL, *second = NULL, *last = NULL;
	// each says that the position is free and still where it is
	rte_hash_get_key_with_position(t->hash, 0, &first);
	rte_hash_get_key_with_position(t->hash, 1, &second);
	rte_hash_get_key_with_position(t->hash, (int32_t)t->entries - 1, &last);
	if (!first || !second || !last || !t->free)
		return -ENOTSUP;
	t->rows = first;
	t->stride = t->key_len == sizeof(struct key4) ? ROW4 : ROW6;
	bool even = second == table_key(t, 1) && last == table_key(t, t->entries - 1) &&
		    (uintptr_t)table_value(t, 0) % 8 == 0;
	if (!even)
		return -ENOTSUP;
	const uint8_t row[ROW6] = {1};
	void *mark = &first, *found = NULL;
	int rc = rte_hash_add_key_with_hash_data(t->hash, row, 1, mark);
	int32_t pos = rte_hash_lookup_with_hash(t->hash, row, 1);
	if (!rc && pos >= 0)
		memcpy(&found, table_high(t, (uint32_t)pos), sizeof(found));
	rte_hash_del_key_with_hash(t->hash, row, 1);
	return found == mark ? 0 : -ENOTSUP;
}

/// Touches its memory.
static void *zeroed(size_t size, int socket) {
	void *p = rte_malloc_socket("tt_flow", size, 64, socket);
	if (p)
		memset(p, 0, size);
	return p;
}

int table_create(struct flow_table *t, const struct table_conf *c, const char *name, int socket) {
	*t = (struct flow_table){
		.budget = c->budget, .entries = entries_for(c->budget), .key_len = c->key_len};
	struct rte_hash_parameters p = {
		.name = name,
		.entries = t->entries, // buckets are made for the power of two above
		.key_len = c->key_len + (uint32_t)sizeof(struct flow_value),
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	rte_errno = 0;
	t->hash = rte_hash_create(&p);
	if (!t->hash)
		return rte_errno == EEXIST ? -EEXIST : -ENOMEM; // it says why only sometimes
	rte_hash_set_cmp_func(
		t->hash, c->key_len == sizeof(struct key4) ? key4_differs : key6_differs);
	if (c->rare)
		t->rare = zeroed((size_t)c->budget * sizeof(*t->rare), socket);
	t->in_use = zeroed(table_bits(t->entries), socket);
	t->free = free_rows(name);
	int rc = t->in_use && (t->rare || !c->rare) ? find_rows(t) : -ENOMEM;
	if (rc) {
		table_destroy(t);
		return rc;
	}
	peek_learn(t);
	table_reset(t);
	return 0;
}

void table_reset(struct flow_table *t) {
	uint32_t numbers[256];
	rte_hash_reset(t->hash);
	if (t->entries == t->budget)
		return;
	for (uint32_t left = t->entries; left;) {
		unsigned n = rte_ring_sc_dequeue_burst_elem(t->free, numbers, sizeof(numbers[0]),
			RTE_MIN(left, RTE_DIM(numbers)), NULL);
		unsigned kept = 0;
		for (unsigned i = 0; i < n; i++)
			if (numbers[i] <= t->budget)
				numbers[kept++] = numbers[i];
		rte_ring_sp_enqueue_bulk_elem(t->free, numbers, sizeof(numbers[0]), kept, NULL);
		left = n ? left - n : 0;
	}
}

void table_destroy(struct flow_table *t) {
	rte_hash_free(t->hash);
	rte_free(t->rare);
	rte_free(t->in_use);
	*t = (struct flow_table){0};
}
