/* SPDX-License-Identifier: BSD-3-Clause */
#include "ledger.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "tt_hash.h"

uint32_t ledger_rows(uint32_t cap, uint32_t groups) {
	return cap > groups ? cap : groups;
}

static uint32_t index_size(uint32_t rows) {
	return rte_align32pow2(rows * 2 < 8 ? 8 : rows * 2);
}

size_t ledger_size(uint32_t cap, uint32_t groups) {
	uint32_t rows = ledger_rows(cap, groups);
	return rows * sizeof(struct ledger_key) + groups * sizeof(struct ledger_group) +
	       index_size(rows) * sizeof(uint32_t);
}

int ledger_create(struct ledger *l, uint32_t cap, uint32_t groups, int socket) {
	*l = (struct ledger){.cap = ledger_rows(cap, groups), .groups = groups};
	l->mask = index_size(l->cap) - 1;
	l->keys = rte_malloc_socket("tt_ledger", l->cap * sizeof(*l->keys), 0, socket);
	l->group = rte_malloc_socket("tt_ledger", (groups + 1ull) * sizeof(*l->group), 0, socket);
	l->index = rte_malloc_socket("tt_ledger", (l->mask + 1ull) * sizeof(*l->index), 0, socket);
	if (!l->keys || !l->group || !l->index) {
		ledger_destroy(l);
		return -ENOMEM;
	}
	memset(l->keys, 0, l->cap * sizeof(*l->keys));
	ledger_clear(l);
	return 0;
}

void ledger_destroy(struct ledger *l) {
	rte_free(l->keys);
	rte_free(l->group);
	rte_free(l->index);
	*l = (struct ledger){0};
}

void ledger_clear(struct ledger *l) {
	l->used = 0;
	l->unseen = l->groups;
	memset(l->group, 0xff, l->groups * sizeof(*l->group));
	memset(l->index, 0, (l->mask + 1ull) * sizeof(*l->index));
}

uint32_t ledger_seek(struct ledger *l, uint32_t epoch, uint32_t group) {
	struct ledger_group *g = &l->group[group];
	uint64_t i = tt_mix64((uint64_t)group << 32 | epoch);
	for (;; i++) {
		uint32_t at = l->index[i & l->mask];
		if (!at)
			break;
		const struct ledger_key *k = &l->keys[at - 1];
		if (k->epoch == epoch && k->group == group)
			return g->recent = at - 1;
	}
	if (g->newest == LEDGER_NONE)
		l->unseen--;
	else if (l->used + l->unseen >= l->cap)
		return LEDGER_NONE;
	uint32_t row = l->used++;
	l->keys[row] = (struct ledger_key){.epoch = epoch, .group = group};
	l->index[i & l->mask] = row + 1;
	if (g->newest == LEDGER_NONE || l->keys[g->newest].epoch < epoch)
		g->newest = row;
	return g->recent = row;
}
