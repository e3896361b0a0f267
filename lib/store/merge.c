/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "query.h"

#define FLUSH_AT (1u << 20)

static uint64_t part_hash(const struct part *p) {
	uint64_t a = (uint64_t)p->epoch << 32 | p->src;
	uint64_t b = (uint64_t)p->sensor << 48 | (uint64_t)p->port << 32 |
		     (uint32_t)(p->proto << 16 | p->class << 8 | p->family);

	return tt_mix64(a ^ tt_mix64(b));
}

static bool same_key(const struct part *a, const struct part *b) {
	return a->epoch == b->epoch && a->src == b->src && a->sensor == b->sensor &&
	       a->port == b->port && a->proto == b->proto && a->class == b->class &&
	       a->family == b->family;
}

static uint32_t *slot_of(struct merge *m, const struct part *p) {
	size_t i = part_hash(p) & (m->size - 1);

	while (m->slots[i] != 0 && !same_key(&m->parts[m->slots[i] - 1], p))
		i = (i + 1) & (m->size - 1);
	return &m->slots[i];
}

static int rehash(struct merge *m, size_t size) {
	uint32_t *slots = big_calloc(size * sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	big_free(m->slots, m->size * sizeof(*m->slots));
	m->slots = slots;
	m->size = size;
	for (size_t i = 0; i < m->n; i++)
		*slot_of(m, &m->parts[i]) = (uint32_t)i + 1;
	return 0;
}

static void join(struct part *into, const struct part *p) {
	const uint8_t seen = TT_OBS_OTHER_PORT;

	if ((into->flags & p->flags & seen) && into->other_port != p->other_port)
		into->flags |= TT_OBS_OTHER_PORT_VARIED;
	if (!(into->flags & seen))
		into->other_port = p->other_port;
	into->flags |= p->flags;
	into->packets += p->packets;
	into->bytes += p->bytes;
	into->tested += p->tested;
	for (unsigned t = 0; t < TT_TOOL_N; t++)
		into->matches[t] += p->matches[t];
}

int merge_add(struct merge *m, const struct part *p) {
	uint32_t *slot;

	if (m->n * 2 >= m->size && rehash(m, m->size == 0 ? 1024 : m->size * 2) < 0)
		return -ENOMEM;
	slot = slot_of(m, p);
	if (*slot != 0) {
		join(&m->parts[*slot - 1], p);
		return 0;
	}
	if (m->n == UINT32_MAX - 1 ||
		big_grow((void **)&m->parts, &m->cap, m->n + 1, sizeof(*m->parts)) < 0)
		return -ENOMEM;
	m->parts[m->n++] = *p;
	*slot = (uint32_t)m->n;
	return 0;
}

bool merge_is_full(const struct merge *m) {
	return m->n >= (m->flush_at == 0 ? FLUSH_AT : m->flush_at);
}

int merge_flush(struct query *r, int64_t before) {
	struct merge *m = &r->merge;
	size_t keep = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n; i++) {
		if ((int64_t)m->parts[i].epoch < before)
			rc = gather_part(r, &m->parts[i]);
		else
			m->parts[keep++] = m->parts[i];
	}
	m->n = keep;
	// where epochs overlap in a chain little is handed on; do not try again at every batch
	m->flush_at = keep * 2 > FLUSH_AT ? keep * 2 : FLUSH_AT;
	return rc == 0 && m->size != 0 ? rehash(m, m->size) : rc;
}

void merge_free(struct merge *m) {
	big_free(m->parts, m->cap * sizeof(*m->parts));
	big_free(m->slots, m->size * sizeof(*m->slots));
	*m = (struct merge){0};
}
