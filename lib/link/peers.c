/* SPDX-License-Identifier: BSD-3-Clause */
#include "peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tt_time.h"

// FNV-1a (Fowler, Noll, Vo): routing ids are given by our own ZeroMQ, nobody can choose them
static unsigned bucket(const uint8_t *id, size_t len) {
	uint32_t h = 0x811c9dc5u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ id[i]) * 0x01000193u;
	return h % PEER_BUCKETS;
}

struct peer *peers_find(struct peers *p, const void *id, size_t len) {
	for (struct peer *e = p->buckets[bucket(id, len)]; e; e = e->next)
		if (e->id_len == len && !memcmp(e->id, id, len))
			return e;
	return NULL;
}

struct peer *peers_by_serial(struct peers *p, uint64_t serial) {
	for (unsigned i = 0; i < PEER_BUCKETS; i++)
		for (struct peer *e = p->buckets[i]; e; e = e->next)
			if (e->serial == serial)
				return e;
	return NULL;
}

static struct peer *silent_longest(struct peers *p) {
	struct peer *oldest = NULL;
	for (unsigned i = 0; i < PEER_BUCKETS; i++)
		for (struct peer *e = p->buckets[i]; e; e = e->next)
			if (!oldest || e->seen_ns < oldest->seen_ns)
				oldest = e;
	return oldest;
}

struct peer *peers_add(struct peers *p, const void *id, size_t len) {
	struct peer *e = peers_find(p, id, len);
	if (e)
		return e;
	if (len > PEER_ID_MAX)
		return NULL;
	if (p->count >= PEERS_MAX)
		peers_remove(p, silent_longest(p));
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	unsigned at = bucket(id, len);
	e->id_len = (uint8_t)len;
	memcpy(e->id, id, len);
	e->serial = ++p->serials;
	e->seen_ns = tt_mono_ns();
	e->next = p->buckets[at];
	p->buckets[at] = e;
	p->count++;
	return e;
}

void peers_remove(struct peers *p, struct peer *peer) {
	struct peer **at = &p->buckets[bucket(peer->id, peer->id_len)];
	while (*at && *at != peer)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = peer->next;
	p->count--;
	free(peer);
}

void peers_clear(struct peers *p) {
	for (unsigned i = 0; i < PEER_BUCKETS; i++)
		while (p->buckets[i])
			peers_remove(p, p->buckets[i]);
}

static struct boot *find_boot(struct boots *b, const char *probe, uint64_t boot) {
	for (unsigned i = 0; i < b->count; i++)
		if (b->rows[i].boot == boot && !strcmp(b->rows[i].probe, probe))
			return &b->rows[i];
	return NULL;
}

uint64_t boots_acked(struct boots *b, const char *probe, uint64_t boot) {
	const struct boot *row = find_boot(b, probe, boot);
	return row ? row->acked : 0;
}

void boots_note(struct boots *b, const char *probe, uint64_t boot, uint64_t seq) {
	struct boot *row = find_boot(b, probe, boot);
	if (!row && b->count < sizeof(b->rows) / sizeof(b->rows[0])) {
		row = &b->rows[b->count++];
		row->boot = 0;
	}
	if (!row) {
		row = &b->rows[0];
		for (unsigned i = 1; i < b->count; i++)
			if (b->rows[i].used < row->used)
				row = &b->rows[i];
		row->boot = 0;
	}
	if (row->boot != boot || strcmp(row->probe, probe)) {
		*row = (struct boot){.boot = boot};
		snprintf(row->probe, sizeof(row->probe), "%s", probe);
	}
	row->used = ++b->clock;
	// only without a gap: a batch that is missing is still to come
	if (seq == row->acked + 1)
		row->acked = seq;
}
