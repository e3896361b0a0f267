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
	m->keys = calloc(size, sizeof(*m->keys));
	m->values = malloc(size * sizeof(*m->values));
	if (!m->keys || !m->values) {
		key_map_free(m);
		return -ENOMEM;
	}
	memset(m->values, 0xff, size * sizeof(*m->values));
	return 0;
}

void key_map_free(struct key_map *m) {
	free(m->keys);
	free(m->values);
	*m = (struct key_map){0};
}

static uint32_t slot_of(const struct key_map *m, const struct key *k) {
	uint64_t w[2];
	memcpy(w, k, sizeof(w));
	uint32_t i = (uint32_t)tt_mix64(tt_mix64(w[0] + 0x9e3779b97f4a7c15ull) ^ w[1]) & m->mask;
	while (m->values[i] != TT_RANGES_NONE && memcmp(&m->keys[i], k, sizeof(*k)) != 0)
		i = (i + 1) & m->mask;
	return i;
}

void key_map_add(struct key_map *m, const struct key *k, uint32_t value) {
	uint32_t i = slot_of(m, k);
	m->keys[i] = *k;
	m->values[i] = value;
	m->n++;
}

uint32_t key_map_get(const struct key_map *m, const struct key *k) {
	return m->values[slot_of(m, k)];
}
