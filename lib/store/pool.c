/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool.h"

#include <string.h>

#define LEAST	  64 // bytes of a block: a line of a cache
#define CHUNK_MIN (64u << 10)
#define CHUNK_MAX (4u << 20) // two huge pages

struct pool_chunk {
	struct pool_chunk *next;
	size_t size;
};
struct pool_block {
	struct pool_block *next;
};

static unsigned class_of(size_t bytes) {
	return (unsigned)__builtin_ctzll(bytes) - (unsigned)__builtin_ctz(LEAST);
}

static int grow(struct pool *p) {
	size_t size = p->chunks == NULL ? CHUNK_MIN : p->size * 2;
	struct pool_chunk *c;

	size = size > CHUNK_MAX ? CHUNK_MAX : size;
	if ((c = big_calloc(size)) == NULL)
		return -1;
	*c = (struct pool_chunk){.next = p->chunks, .size = size};
	p->chunks = c;
	p->size = size;
	p->used = LEAST;
	p->bytes += size;
	return 0;
}

static void *take(struct tt_sketch_heap *heap, size_t bytes) {
	struct pool *p = (struct pool *)heap;
	unsigned class = class_of(bytes);
	struct pool_block *b = p->free[class];

	if (b != NULL) {
		p->free[class] = b->next;
		return memset(b, 0, bytes);
	}
	if ((p->chunks == NULL || p->used + bytes > p->size) && grow(p) < 0)
		return NULL;
	p->used += bytes;
	return (uint8_t *)p->chunks + p->used - bytes;
}

static void give(struct tt_sketch_heap *heap, void *block, size_t bytes) {
	struct pool *p = (struct pool *)heap;
	unsigned class = class_of(bytes);
	struct pool_block *b = block;

	b->next = p->free[class];
	p->free[class] = b;
}

struct tt_sketch_heap *pool_heap(struct pool *p) {
	p->heap = (struct tt_sketch_heap){take, give};
	return &p->heap;
}

void pool_free(struct pool *p) {
	while (p->chunks != NULL) {
		struct pool_chunk *c = p->chunks;

		p->chunks = c->next;
		big_free(c, c->size);
	}
	*p = (struct pool){0};
}
