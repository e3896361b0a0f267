/* SPDX-License-Identifier: BSD-3-Clause */
// Sensors of plain IPv4 packets by destination, as a table: one load for prefixes of up to 16 bits,
// two up to 24, three beyond.
#include <stdlib.h>
#include <string.h>

#include "rules.h"

enum { BLOCK = 256 };

/// The block behind an entry, made where there is none: then all of it is what the entry was.
static uint16_t *block_of(struct direct *d, uint16_t *level, uint32_t at) {
	uint16_t entry = level[at];
	if (entry & DIRECT_BLOCK)
		return d->blocks + (size_t)(entry & ~DIRECT_BLOCK) * BLOCK;
	if (d->block_n >= DIRECT_BLOCK_MAX)
		return NULL;
	uint16_t *block = d->blocks + (size_t)d->block_n * BLOCK;
	for (unsigned i = 0; i < BLOCK; i++)
		block[i] = entry;
	level[at] = (uint16_t)(DIRECT_BLOCK | d->block_n++);
	return block;
}

/// Makes first to last (within this level) a sensor's; an entry stands for 1 << shift addresses.
static bool fill(struct direct *d, uint16_t *level, unsigned shift, uint32_t first, uint32_t last,
	uint16_t sensor) {
	const uint32_t rest = (1u << shift) - 1;
	for (uint32_t i = first >> shift; i <= last >> shift; i++) {
		uint32_t from = i == first >> shift ? first & rest : 0;
		uint32_t to = i == last >> shift ? last & rest : rest;
		uint32_t at = shift == 16
				      ? direct_top((const uint8_t[]){(uint8_t)(i >> 8), (uint8_t)i})
				      : i;
		if (from == 0 && to == rest) {
			level[at] = sensor;
			continue;
		}
		uint16_t *block = block_of(d, level, at);
		if (!block || !fill(d, block, shift - 8, from, to, sensor))
			return false;
	}
	return true;
}

/// Rules that hold on an uplink without VLAN tags.
static unsigned tables_of(
	const struct tt_sensors *s, uint16_t uplink, const struct tt_ranges *tables[2]) {
	const uint16_t uplinks[2] = {ANY_UPLINK, uplink};
	unsigned n = 0;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t at = key_map_get(&s->plain, &(struct key){.uplink = uplinks[i]});
		if (at != TT_RANGES_NONE)
			tables[n++] = s->tables[at];
	}
	return n;
}

/// The best claim on an address, and the last address that this holds for.
static uint32_t claim_at(
	const struct tt_ranges *const *tables, unsigned n, uint32_t v4, uint32_t *last) {
	uint32_t best = 0;
	*last = UINT32_MAX;
	for (unsigned i = 0; i < n; i++) {
		uint32_t end, claim = tt_ranges_span4(tables[i], v4, &end);
		if (claim != TT_RANGES_NONE && claim > best)
			best = claim;
		*last = end < *last ? end : *last;
	}
	return best;
}

struct direct *direct_create(const struct tt_sensors *s, uint16_t uplink) {
	const struct tt_ranges *tables[2];
	unsigned n = tables_of(s, uplink, tables);
	struct direct *d = malloc(sizeof(*d));
	if (!d)
		return NULL;
	for (unsigned i = 0; i < 1 << 16; i++)
		d->top[i] = DIRECT_NONE;
	d->block_n = 0;
	d->blocks = malloc((size_t)DIRECT_BLOCK_MAX * BLOCK * sizeof(*d->blocks));
	bool fits = d->blocks;
	for (uint32_t v4 = 0, last = 0; fits; v4 = last + 1) {
		uint32_t claim = claim_at(tables, n, v4, &last);
		fits = !claim || fill(d, d->top, 16, v4, last, claim_sensor(claim));
		if (last == UINT32_MAX)
			break;
	}
	if (!fits) {
		direct_destroy(&d);
		return NULL;
	}
	uint16_t *less = realloc(d->blocks, ((size_t)d->block_n * BLOCK + 1) * sizeof(*less));
	d->blocks = less ? less : d->blocks;
	return d;
}

void direct_destroy(struct direct **d) {
	if (!*d)
		return;
	free((*d)->blocks);
	free(*d);
	*d = NULL;
}
