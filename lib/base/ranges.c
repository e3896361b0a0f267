/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_ranges.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Both families are flattened as 128-bit numbers by one sweep; IPv4 is stored in 32 bits after.
typedef unsigned __int128 u128;

struct entry {
	u128 first, last;
	uint32_t value, priority;
	uint32_t seq; // order of adding
	uint8_t family;
};

struct tt_ranges_builder {
	struct entry *entries;
	size_t n, cap;
};

// Values hold from their key up to the next key; gaps are keys with TT_RANGES_NONE, and the first
// key is 0, so that a search always lands on one.
struct half {
	u128 *keys; // of the sweep only; freed once narrowed
	uint32_t *values;
	size_t n, cap;
	size_t intervals; // n without the gaps
};

// Few intervals are searched as they are: an index would only cost cache lines.
#define INDEX_FROM 32
#define INDEX_BITS 16

struct pair4 {
	uint32_t key, value;
};

struct pair6 {
	uint64_t hi, lo;
	uint32_t value;
};

// One block of memory: where there are thousands of small maps, a lookup is one or two cache lines.
struct tt_ranges {
	uint32_t n4, n6;
	size_t intervals4, intervals6;
	struct pair4 *pairs4; // behind this structure
	struct pair6 *pairs6;
	// index[t] is the position of the last key <= t << (bits - 16); NULL where there are few
	uint32_t *index4, *index6;
};

struct tt_ranges_builder *tt_ranges_builder_create(void) {
	return calloc(1, sizeof(struct tt_ranges_builder));
}

void tt_ranges_builder_destroy(struct tt_ranges_builder **b) {
	if (!b || !*b)
		return;
	free((*b)->entries);
	free(*b);
	*b = NULL;
}

static u128 load128(const uint8_t b[16]) {
	u128 v = 0;
	for (int i = 0; i < 16; i++)
		v = v << 8 | b[i];
	return v;
}

static u128 number(const struct tt_addr *a) {
	return a->family == 4 ? tt_addr_v4(a) : load128(a->b);
}

int tt_ranges_add(struct tt_ranges_builder *b, const struct tt_addr *first,
	const struct tt_addr *last, uint32_t value, uint32_t priority) {
	if ((first->family != 4 && first->family != 6) || first->family != last->family)
		return -EINVAL;
	struct entry e = {.first = number(first),
		.last = number(last),
		.value = value,
		.priority = priority,
		.seq = (uint32_t)b->n,
		.family = first->family};
	if (e.first > e.last || value == TT_RANGES_NONE)
		return -EINVAL;
	if (b->n == b->cap) {
		if (b->cap > UINT32_MAX / 4)
			return -E2BIG;
		size_t cap = b->cap ? b->cap * 2 : 64;
		struct entry *p = realloc(b->entries, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		b->entries = p;
		b->cap = cap;
	}
	b->entries[b->n++] = e;
	return 0;
}

static int by_start(const void *a, const void *b) {
	const struct entry *x = *(const struct entry *const *)a,
			   *y = *(const struct entry *const *)b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool beats(const struct entry *x, const struct entry *y) {
	return x->priority != y->priority ? x->priority > y->priority : x->seq > y->seq;
}

// A heap of the intervals that cover the sweep's position, the winner on top.
static void heap_push(const struct entry **heap, size_t *n, const struct entry *e) {
	size_t i = (*n)++;
	while (i > 0 && beats(e, heap[(i - 1) / 2])) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = e;
}

static void heap_pop(const struct entry **heap, size_t *n) {
	const struct entry *e = heap[--*n];
	size_t i = 0;
	for (size_t c = 1; c < *n; c = 2 * i + 1) {
		if (c + 1 < *n && beats(heap[c + 1], heap[c]))
			c++;
		if (!beats(heap[c], e))
			break;
		heap[i] = heap[c];
		i = c;
	}
	if (*n > 0)
		heap[i] = e;
}

static int emit(struct half *h, u128 key, uint32_t value) {
	if (h->n > 0 && h->values[h->n - 1] == value)
		return 0;
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 64;
		u128 *k = realloc(h->keys, cap * sizeof(*k));
		if (!k)
			return -ENOMEM;
		h->keys = k;
		uint32_t *v = realloc(h->values, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		h->values = v;
		h->cap = cap;
	}
	h->keys[h->n] = key;
	h->values[h->n++] = value;
	h->intervals += value != TT_RANGES_NONE;
	return 0;
}

// Walks from boundary to boundary. Intervals that ended are dropped when they reach the heap's top:
// every interval is pushed and popped once.
static int sweep(const struct entry **sorted, size_t n, const struct entry **heap, struct half *h) {
	u128 pos = 0;
	size_t i = 0, active = 0;
	if (n == 0 || sorted[0]->first > 0) {
		if (emit(h, 0, TT_RANGES_NONE))
			return -ENOMEM;
	}
	for (;;) {
		while (active > 0 && heap[0]->last < pos)
			heap_pop(heap, &active);
		if (active == 0) {
			if (i == n)
				return pos > 0 ? emit(h, pos, TT_RANGES_NONE) : 0;
			if (sorted[i]->first > pos && pos > 0 && emit(h, pos, TT_RANGES_NONE))
				return -ENOMEM;
			if (sorted[i]->first > pos)
				pos = sorted[i]->first;
		}
		for (; i < n && sorted[i]->first <= pos; i++)
			heap_push(heap, &active, sorted[i]);
		if (emit(h, pos, heap[0]->value))
			return -ENOMEM;
		u128 end = heap[0]->last;
		if (i < n && sorted[i]->first <= end)
			pos = sorted[i]->first;
		else if (end == ~(u128)0)
			return 0;
		else
			pos = end + 1;
	}
}

static int flatten(const struct tt_ranges_builder *b, int family, struct half *h) {
	const struct entry **sorted = malloc((b->n + 1) * sizeof(*sorted));
	const struct entry **heap = malloc((b->n + 1) * sizeof(*heap));
	int rc = -ENOMEM;
	if (sorted && heap) {
		size_t n = 0;
		for (size_t i = 0; i < b->n; i++) {
			if (b->entries[i].family == family)
				sorted[n++] = &b->entries[i];
		}
		qsort(sorted, n, sizeof(*sorted), by_start);
		rc = sweep(sorted, n, heap, h);
	}
	free(sorted);
	free(heap);
	return rc;
}

static void fill_index(uint32_t *index, const struct half *h, unsigned shift) {
	uint32_t at = 0;
	for (uint32_t t = 0; t < 1u << INDEX_BITS; t++) {
		u128 key = (u128)t << shift;
		while (at + 1 < h->n && h->keys[at + 1] <= key)
			at++;
		index[t] = at;
	}
	index[1u << INDEX_BITS] = (uint32_t)h->n - 1;
}

static void narrow4(struct tt_ranges *r, const struct half *h) {
	for (size_t i = 0; i < h->n; i++)
		r->pairs4[i] = (struct pair4){(uint32_t)h->keys[i], h->values[i]};
	r->n4 = (uint32_t)h->n;
	r->intervals4 = h->intervals;
	if (r->index4)
		fill_index(r->index4, h, 32 - INDEX_BITS);
}

static void narrow6(struct tt_ranges *r, const struct half *h) {
	for (size_t i = 0; i < h->n; i++)
		r->pairs6[i] = (struct pair6){
			(uint64_t)(h->keys[i] >> 64), (uint64_t)h->keys[i], h->values[i]};
	r->n6 = (uint32_t)h->n;
	r->intervals6 = h->intervals;
	if (r->index6)
		fill_index(r->index6, h, 128 - INDEX_BITS);
}

static struct tt_ranges *allocate(const struct half *h4, const struct half *h6) {
	size_t index = ((1u << INDEX_BITS) + 1) * sizeof(uint32_t);
	size_t at6 = sizeof(struct tt_ranges), at4 = at6 + h6->n * sizeof(struct pair6),
	       size = at4 + h4->n * sizeof(struct pair4);
	size_t index4 = h4->n > INDEX_FROM ? index : 0, index6 = h6->n > INDEX_FROM ? index : 0;
	struct tt_ranges *r = malloc(size + index4 + index6);
	if (!r)
		return NULL;
	char *base = (char *)r;
	*r = (struct tt_ranges){.pairs6 = (struct pair6 *)(base + at6),
		.pairs4 = (struct pair4 *)(base + at4),
		.index4 = index4 ? (uint32_t *)(base + size) : NULL,
		.index6 = index6 ? (uint32_t *)(base + size + index4) : NULL};
	return r;
}

struct tt_ranges *tt_ranges_build(struct tt_ranges_builder *b) {
	struct half h4 = {0}, h6 = {0};
	struct tt_ranges *r = NULL;
	int rc = flatten(b, 4, &h4);
	if (rc == 0)
		rc = flatten(b, 6, &h6);
	// a gap after 255.255.255.255 is past what 32 bits can ask for
	while (h4.n > 1 && h4.keys[h4.n - 1] > UINT32_MAX)
		h4.n--;
	if (rc == 0 && (r = allocate(&h4, &h6))) {
		narrow4(r, &h4);
		narrow6(r, &h6);
	}
	free(h4.keys);
	free(h4.values);
	free(h6.keys);
	free(h6.values);
	if (!r)
		errno = ENOMEM;
	return r;
}

void tt_ranges_destroy(struct tt_ranges **r) {
	if (!r || !*r)
		return;
	free(*r);
	*r = NULL;
}

static inline uint32_t find4(const struct tt_ranges *r, uint32_t v4) {
	uint32_t at = 0, n = r->n4;
	if (r->index4) {
		at = r->index4[v4 >> (32 - INDEX_BITS)];
		n = r->index4[(v4 >> (32 - INDEX_BITS)) + 1] - at + 1;
	}
	// the last key <= v4 is within [at, at + n); no branch to predict
	while (n > 1) {
		uint32_t half = n / 2;
		at = r->pairs4[at + half].key <= v4 ? at + half : at;
		n -= half;
	}
	return at;
}

static inline uint32_t get4(const struct tt_ranges *r, uint32_t v4) {
	return r->pairs4[find4(r, v4)].value;
}

uint32_t tt_ranges_span4(const struct tt_ranges *r, uint32_t v4, uint32_t *last) {
	uint32_t at = find4(r, v4);
	*last = at + 1 < r->n4 ? r->pairs4[at + 1].key - 1 : UINT32_MAX;
	return r->pairs4[at].value;
}

uint32_t tt_ranges_get4(const struct tt_ranges *r, uint32_t v4) {
	return get4(r, v4);
}

static uint64_t load64(const uint8_t *p) {
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

uint32_t tt_ranges_get6(const struct tt_ranges *r, const uint8_t v6[16]) {
	uint64_t hi = load64(v6), lo = load64(v6 + 8);
	uint32_t at = 0, n = r->n6;
	if (r->index6) {
		uint32_t t = (uint32_t)(hi >> (64 - INDEX_BITS));
		at = r->index6[t];
		n = r->index6[t + 1] - at + 1;
	}
	while (n > 1) {
		uint32_t half = n / 2;
		const struct pair6 *k = &r->pairs6[at + half];
		at = k->hi < hi || (k->hi == hi && k->lo <= lo) ? at + half : at;
		n -= half;
	}
	return r->pairs6[at].value;
}

uint32_t tt_ranges_get(const struct tt_ranges *r, const struct tt_addr *a) {
	if (a->family == 4)
		return tt_ranges_get4(r, tt_addr_v4(a));
	return a->family == 6 ? tt_ranges_get6(r, a->b) : TT_RANGES_NONE;
}

static void bytes_of(u128 v, uint8_t family, struct tt_addr *out) {
	unsigned n = family == 4 ? 4 : 16;

	*out = (struct tt_addr){.family = family};
	for (unsigned i = n; i-- > 0; v >>= 8)
		out->b[i] = (uint8_t)v;
}

static u128 number_of(const struct tt_addr *a) {
	u128 v = 0;

	for (unsigned i = 0; i < (a->family == 4 ? 4u : 16u); i++)
		v = v << 8 | a->b[i];
	return v;
}

static u128 key_at(const struct tt_ranges *r, uint8_t family, uint32_t i) {
	return family == 4 ? r->pairs4[i].key : (u128)r->pairs6[i].hi << 64 | r->pairs6[i].lo;
}

bool tt_ranges_interval(const struct tt_ranges *r, const struct tt_addr *a, struct tt_addr *first,
	struct tt_addr *last) {
	uint32_t lo = 0, hi = a->family == 4 ? r->n4 : r->n6;
	u128 x = number_of(a), end = a->family == 4 ? UINT32_MAX : ~(u128)0;

	if (tt_ranges_get(r, a) == TT_RANGES_NONE)
		return false;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (key_at(r, a->family, mid) <= x)
			lo = mid;
		else
			hi = mid;
	}
	if (lo + 1 < (a->family == 4 ? r->n4 : r->n6))
		end = key_at(r, a->family, lo + 1) - 1;
	bytes_of(key_at(r, a->family, lo), a->family, first);
	bytes_of(end, a->family, last);
	return true;
}

size_t tt_ranges_count(const struct tt_ranges *r, int family) {
	return family == 4 ? r->intervals4 : r->intervals6;
}
