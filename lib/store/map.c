/* SPDX-License-Identifier: BSD-3-Clause */
#include "map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2u << 20)
#define BIG	  (4u << 20)

static size_t rounded(size_t bytes) {
	return (bytes + HUGE_PAGE - 1) & ~((size_t)HUGE_PAGE - 1);
}

void *big_calloc(size_t bytes) {
	void *p;

	if (bytes < BIG)
		return calloc(1, bytes);
	p = mmap(NULL, rounded(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, rounded(bytes), MADV_HUGEPAGE); // only a wish
	return p;
}

void big_free(void *p, size_t bytes) {
	if (p == NULL)
		return;
	if (bytes < BIG)
		free(p);
	else
		munmap(p, rounded(bytes));
}

int big_grow(void **p, size_t *cap, size_t need, size_t size) {
	size_t n = *cap == 0 ? 64 : *cap;
	void *q;

	if (need <= *cap)
		return 0;
	while (n < need)
		n *= 2;
	if ((q = big_calloc(n * size)) == NULL)
		return -ENOMEM;
	if (*cap != 0)
		memcpy(q, *p, *cap * size);
	big_free(*p, *cap * size);
	*p = q;
	*cap = n;
	return 0;
}

int map_grow(struct map *m) {
	struct map old = *m;

	m->size = old.size == 0 ? 64 : old.size * 2;
	m->seed = tt_mix64(old.seed + m->size);
	m->slots = big_calloc(m->size * sizeof(*m->slots));
	if (m->slots == NULL) {
		*m = old;
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < old.size; i++) {
		uint64_t h;

		if (old.slots[i].key1 == 0)
			continue;
		h = map_home(m, old.slots[i].key1 - 1);
		while (m->slots[h].key1 != 0)
			h = (h + 1) & (m->size - 1);
		m->slots[h] = old.slots[i];
	}
	big_free(old.slots, old.size * sizeof(*old.slots));
	return 0;
}

int map_reserve(struct map *m, uint64_t n) {
	uint64_t size = 64;

	while (size * 5 < n * 8)
		size *= 2;
	if (m->size != 0 || (m->slots = big_calloc(size * sizeof(*m->slots))) == NULL)
		return m->size != 0 ? 0 : -ENOMEM;
	m->size = size;
	return 0;
}

void map_free(struct map *m) {
	big_free(m->slots, m->size * sizeof(*m->slots));
	*m = (struct map){0};
}

static size_t home6(const struct ids6 *t, const uint8_t addr[16]) {
	uint64_t w[2];

	memcpy(w, addr, 16);
	return tt_mix64(w[0] ^ tt_mix64(w[1] + t->size)) & (t->size - 1);
}

static int ids6_grow(struct ids6 *t) {
	size_t size = t->size == 0 ? 256 : t->size * 2;
	uint32_t *slots = big_calloc(size * sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	big_free(t->slots, t->size * sizeof(*t->slots));
	t->slots = slots;
	t->size = size;
	for (size_t i = 0; i < t->n; i++) {
		size_t h = home6(t, t->addr[i]);

		while (slots[h] != 0)
			h = (h + 1) & (size - 1);
		slots[h] = (uint32_t)i + 1;
	}
	return 0;
}

int64_t ids6_at(struct ids6 *t, const uint8_t addr[16]) {
	size_t h;

	if (t->n * 2 >= t->size && ids6_grow(t) < 0)
		return -ENOMEM;
	for (h = home6(t, addr); t->slots[h] != 0; h = (h + 1) & (t->size - 1))
		if (memcmp(t->addr[t->slots[h] - 1], addr, 16) == 0)
			return t->slots[h] - 1;
	if (t->n == UINT32_MAX - 1 || big_grow((void **)&t->addr, &t->cap, t->n + 1, 16) < 0)
		return -ENOMEM;
	memcpy(t->addr[t->n], addr, 16);
	t->slots[h] = (uint32_t)t->n + 1;
	return (int64_t)t->n++;
}

int64_t ids6_find(const struct ids6 *t, const uint8_t addr[16]) {
	if (t->size == 0)
		return -ENOENT;
	for (size_t h = home6(t, addr); t->slots[h] != 0; h = (h + 1) & (t->size - 1))
		if (memcmp(t->addr[t->slots[h] - 1], addr, 16) == 0)
			return t->slots[h] - 1;
	return -ENOENT;
}

void ids6_free(struct ids6 *t) {
	big_free(t->addr, t->cap * sizeof(*t->addr));
	big_free(t->slots, t->size * sizeof(*t->slots));
	*t = (struct ids6){0};
}
