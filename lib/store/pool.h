/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "map.h"
#include "tt_sketch.h"

/// Memory of the sketches of one fold, given back as a whole: blocks lie close together in huge
/// pages, because they are touched in no order, and none costs a call of malloc.
#define POOL_CLASSES 8 // 64 bytes to 8,192

struct pool {
	struct tt_sketch_heap heap; // the first member
	struct pool_chunk *chunks;
	struct pool_block *free[POOL_CLASSES];
	size_t used, size; // of the first chunk
	size_t bytes;	   // of all
};
/// Zeroed before; the heap that sketches are given.
struct tt_sketch_heap *pool_heap(struct pool *p);
void pool_free(struct pool *p);
