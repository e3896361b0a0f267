/* SPDX-License-Identifier: BSD-3-Clause */
#include "peek.h"

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_memory.h>

// Probes: more than a bucket holds, no more than the smallest table does.
enum { PROBES = BUCKET_TAGS + 1, HEAD_MAX = 512 };

/// Whether DPDK has memory there; of pages that it has only set addresses aside for, it knows no
/// length.
static bool readable(const uint8_t *p) {
	const struct rte_memseg *seg = rte_mem_virt2memseg(p, NULL);
	return seg && seg->len;
}

struct probe {
	uint32_t sig;
	int32_t pos;
};

/// Whether the bucket of a probe, if buckets begin there, names its row.
static bool names_row(uint8_t *buckets, uint32_t mask, const struct probe *p) {
	const uint8_t *b = buckets + (size_t)(p->sig & mask) * BUCKET_SIZE;
	if (!readable(b) || !readable(b + BUCKET_SIZE - 1))
		return false;
	for (uint32_t tags = peek_tags(b, p->sig); tags; tags &= tags - 1, tags &= tags - 1)
		if (peek_pos(b, tags) == (uint32_t)p->pos)
			return true;
	return false;
}

static unsigned named(uint8_t *buckets, uint32_t mask, const struct probe *probes) {
	unsigned n = 0;
	for (unsigned i = 0; i < PROBES; i++)
		n += names_row(buckets, mask, &probes[i]);
	return n;
}

/// Where buckets begin that name the rows of all probes: among the addresses in the table's head.
static uint8_t *search(const struct rte_hash *hash, uint32_t mask, const struct probe *probes) {
	size_t size;
	if (rte_malloc_validate(hash, &size))
		return NULL;
	size = RTE_MIN(size, (size_t)HEAD_MAX);
	for (size_t at = 0; at + sizeof(void *) <= size; at += sizeof(void *)) {
		uint8_t *p;
		memcpy(&p, (const uint8_t *)hash + at, sizeof(p));
		if (p && (uintptr_t)p % BUCKET_SIZE == 0 && named(p, mask, probes) == PROBES)
			return p;
	}
	return NULL;
}

/// Whether rte_hash finds and deletes what peek_insert makes, in first and second buckets. Leaves
/// the table without entries, or false.
static bool writable(struct flow_table *t) {
	static const struct flow_value zero;
	const uint32_t sig = 0x9e3779b1; // of both buckets, which differ
	uint8_t keys[PROBES][sizeof(struct key6)] __attribute__((aligned(16))) = {0};
	uint32_t good = 0;
	for (uint32_t i = 0; i < PROBES; i++) {
		memcpy(keys[i], &i, sizeof(i));
		int32_t pos = peek_insert(t, keys[i], sig, &zero);
		good += pos >= 0 && rte_hash_lookup_with_hash(t->hash, keys[i], sig) == pos;
	}
	for (uint32_t i = 0; i < PROBES; i++)
		good += rte_hash_del_key_with_hash(t->hash, keys[i], sig) >= 0;
	peek_give_back(t);
	t->used = 0;
	memset(t->in_use, 0, table_bits(t->entries));
	return good == 2 * PROBES && rte_hash_count(t->hash) == 0 &&
	       peek_room(peek_bucket(t, sig)) == UINT16_MAX &&
	       peek_room(peek_second(t, sig)) == UINT16_MAX;
}

void peek_learn(struct flow_table *t) {
	uint32_t mask = rte_align32pow2(t->entries) / BUCKET_TAGS - 1;
	uint8_t rows[PROBES][ROW6] = {0};
	struct probe probes[PROBES];
	t->buckets = NULL;
	t->bucket_mask = mask;
	if (!PEEK)
		return;
	for (uint32_t i = 0; i < PROBES; i++) {
		// spread over the buckets, with tags that are not those of free entries
		uint32_t sig = (i + 1) * 0x9e3779b1u | 0x10000;
		memcpy(rows[i], &i, sizeof(i));
		probes[i] = (struct probe){sig, rte_hash_add_key_with_hash(t->hash, rows[i], sig)};
		if (probes[i].pos < 0)
			return;
	}
	uint8_t *found = search(t->hash, mask, probes);
	for (uint32_t i = 0; i < PROBES; i++)
		rte_hash_del_key_with_hash(t->hash, rows[i], probes[i].sig);
	if (!found || named(found, mask, probes) != 0)
		return;
	t->buckets = found;
	if (!writable(t))
		t->buckets = NULL;
}

static int32_t in_bucket(
	const struct flow_table *t, const uint8_t *bucket, const void *key, uint32_t sig) {
	for (uint32_t tags = peek_tags(bucket, sig); tags; tags &= tags - 1, tags &= tags - 1) {
		uint32_t pos = peek_pos(bucket, tags);
		if (pos < t->budget && peek_equal(t, pos, key))
			return (int32_t)pos;
	}
	return -1;
}

int32_t peek_both(const struct flow_table *t, const void *key, uint32_t sig) {
	const uint8_t *first = peek_bucket(t, sig);
	int32_t pos = in_bucket(t, first, key, sig);
	return pos >= 0 || peek_room(first) ? pos : in_bucket(t, peek_second(t, sig), key, sig);
}

bool peek_take(struct flow_table *t) {
	uint32_t taken[ROWS_AHEAD];
	unsigned n =
		rte_ring_sc_dequeue_burst_elem(t->free, taken, sizeof(taken[0]), ROWS_AHEAD, NULL);
	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(table_key(t, taken[i] - 1));
		t->ahead[n - 1 - i] = taken[i];
	}
	t->n_ahead = n;
	return n > 0;
}

void peek_give_back(struct flow_table *t) {
	if (t->n_ahead)
		rte_ring_sp_enqueue_bulk_elem(
			t->free, t->ahead, sizeof(t->ahead[0]), t->n_ahead, NULL);
	t->n_ahead = 0;
}
