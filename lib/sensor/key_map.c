/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "tt_hash.h"

// At most half full, so that a lookup of what is not there ends soon. Nobody outside adds keys.
int key_map_init(struct key_map *m, size_t entries) {
	size_t size = 4;
	while (size < entries * 2)
		size *= 2;
	*m = (struct key_map){.mask = (uint32_t)size - 1};
	m->slots = malloc(size * sizeof(*m->slots));
	if (!m->slots)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++)
		m->slots[i] = (struct key_slot){.value = TT_RANGES_NONE};
	return 0;
}

void key_map_free(struct key_map *m) {
	free(m->slots);
	*m = (struct key_map){0};
}

static struct key_slot *slot_of(const struct key_map *m, const struct key *k) {
	uint64_t w[2];
	memcpy(w, k, sizeof(w));
	uint32_t i = (uint32_t)tt_mix64(w[0] * 0x9e3779b97f4a7c15ull ^ w[1]) & m->mask;
	while (m->slots[i].value != TT_RANGES_NONE && memcmp(&m->slots[i].key, k, sizeof(*k)) != 0)
		i = (i + 1) & m->mask;
	return &m->slots[i];
}

void key_map_add(struct key_map *m, const struct key *k, uint32_t value) {
	*slot_of(m, k) = (struct key_slot){*k, value};
}

uint32_t key_map_get(const struct key_map *m, const struct key *k) {
	return slot_of(m, k)->value;
}
