/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

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
	size_t buckets = slots / 8 * 64;				      // of eight entries
	size_t keys = ((size_t)budget + 1) * RTE_ALIGN_CEIL(8 + key_len, 16); // and 8 of data
	size_t rings = (rte_align32pow2(budget + 1) + slots / 4) * 4;
	size_t values = (size_t)budget * (sizeof(struct flow_value) + sizeof(uint32_t));
	return 2 * buckets + keys + rings + values + 8192; // rings' and heads' own
}

int table_create(
	struct flow_table *t, const char *name, uint32_t key_len, uint32_t budget, int socket) {
	*t = (struct flow_table){.budget = budget, .key_len = key_len};
	struct rte_hash_parameters p = {
		.name = name,
		.entries = budget, // buckets are made for the power of two above
		.key_len = key_len,
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};
	rte_errno = 0;
	t->hash = rte_hash_create(&p);
	if (!t->hash)
		return rte_errno == EEXIST ? -EEXIST : -ENOMEM; // it says why only sometimes
	size_t values = (size_t)budget * sizeof(*t->values),
	       list = (size_t)budget * sizeof(*t->list);
	t->values = rte_malloc_socket("tt_flow", values, 64, socket);
	t->list = rte_malloc_socket("tt_flow", list, 64, socket);
	if (!t->values || !t->list) {
		table_destroy(t);
		return -ENOMEM;
	}
	memset(t->values, 0, values);
	memset(t->list, 0, list);
	rte_hash_reset(t->hash); // writes, hence touches, all of it
	return 0;
}

void table_destroy(struct flow_table *t) {
	rte_hash_free(t->hash);
	rte_free(t->values);
	rte_free(t->list);
	*t = (struct flow_table){0};
}
