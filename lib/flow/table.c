/* SPDX-License-Identifier: BSD-3-Clause */
#include "peek.h"

#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#define SLOTS_MIN 16u // two buckets

uint32_t table_budget(uint32_t flows) {
	uint64_t slots = SLOTS_MIN;
	while (slots / 8 * 7 < flows)
		slots *= 2;
	if (slots > RTE_HASH_ENTRIES_MAX)
		return 0;
	// fewer entries would make rte_hash take half the buckets
	return flows > slots / 2 ? flows : (uint32_t)(slots / 2 + 1);
}

size_t table_size(uint32_t budget, uint32_t key_len) {
	size_t slots = rte_align32pow2(budget);
	size_t buckets = slots / 8 * 64; // of eight entries
	size_t row = RTE_ALIGN_CEIL(8 + key_len + sizeof(struct flow_value), 16); // and 8 of data
	size_t rows = ((size_t)budget + 1) * row;
	size_t rings = (rte_align32pow2(budget + 1) + slots / 4) * 4;
	size_t values = (size_t)budget * (sizeof(struct flow_rare) + sizeof(uint32_t));
	return 2 * buckets + rows + rings + values + 8192; // rings' and heads' own
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

/// Learns where the hash keeps its key slots: evenly spaced, by position.
static int find_rows(struct flow_table *t) {
	void *first = NULL, *second = NULL, *last = NULL;
	// each says that the position is free and still where it is
	rte_hash_get_key_with_position(t->hash, 0, &first);
	rte_hash_get_key_with_position(t->hash, 1, &second);
	rte_hash_get_key_with_position(t->hash, (int32_t)t->budget - 1, &last);
	if (!first || !second || !last)
		return -ENOTSUP;
	t->rows = first;
	t->stride = t->key_len == sizeof(struct key4) ? ROW4 : ROW6;
	bool even = second == table_key(t, 1) && last == table_key(t, t->budget - 1) &&
		    (uintptr_t)table_value(t, 0) % 8 == 0;
	return even ? 0 : -ENOTSUP;
}

int table_create(
	struct flow_table *t, const char *name, uint32_t key_len, uint32_t budget, int socket) {
	*t = (struct flow_table){.budget = budget, .key_len = key_len};
	struct rte_hash_parameters p = {
		.name = name,
		.entries = budget, // buckets are made for the power of two above
		.key_len = key_len + (uint32_t)sizeof(struct flow_value),
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	rte_errno = 0;
	t->hash = rte_hash_create(&p);
	if (!t->hash)
		return rte_errno == EEXIST ? -EEXIST : -ENOMEM; // it says why only sometimes
	rte_hash_set_cmp_func(
		t->hash, key_len == sizeof(struct key4) ? key4_differs : key6_differs);
	size_t rare = (size_t)budget * sizeof(*t->rare), list = (size_t)budget * sizeof(*t->list);
	t->rare = rte_malloc_socket("tt_flow", rare, 64, socket);
	t->list = rte_malloc_socket("tt_flow", list, 64, socket);
	int rc = t->rare && t->list ? find_rows(t) : -ENOMEM;
	if (rc) {
		table_destroy(t);
		return rc;
	}
	memset(t->rare, 0, rare);
	memset(t->list, 0, list);
	peek_learn(t, name);
	rte_hash_reset(t->hash); // writes, hence touches, all of it
	return 0;
}

void table_destroy(struct flow_table *t) {
	rte_hash_free(t->hash);
	rte_free(t->rare);
	rte_free(t->list);
	*t = (struct flow_table){0};
}
