/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A mergeable count of distinct sources. Exact (a set of keyed 64-bit hashes) up to
/// TT_SKETCH_EXACT entries, HyperLogLog with 4,096 registers beyond. Elements are hashes that the
/// caller made with the installation's secret (tt_sketch_hash); sketches of one secret merge.
#define TT_SKETCH_P	12
#define TT_SKETCH_EXACT 512 // 4 KiB of hashes, the size of the registers

/// Owned by its creator, not thread-safe. Zeroed it is empty; its fields are the library's.
struct tt_sketch {
	union {
		uint64_t one; // hash, where there is only one
		uint64_t *slots;
		uint8_t *regs;
	};
	uint16_t n; // of hashes, while exact
	uint8_t bits, form;
};
_Static_assert(sizeof(struct tt_sketch) == 16, "a sketch of one source is no larger than that");

struct tt_sketch *tt_sketch_create(void);
void tt_sketch_destroy(struct tt_sketch **s);
void tt_sketch_reset(struct tt_sketch *s);

/// Where the memory of many sketches comes from, in blocks of 2^n bytes from 64 to 8,192, zeroed
/// when they are taken. `take` returns NULL without memory. Functions that end in _in use it;
/// a sketch has to be used with the same heap all its life, NULL: malloc (as the others do).
struct tt_sketch_heap {
	void *(*take)(struct tt_sketch_heap *heap, size_t bytes);
	void (*give)(struct tt_sketch_heap *heap, void *p, size_t bytes);
};
int tt_sketch_add_in(struct tt_sketch *s, uint64_t hash, struct tt_sketch_heap *heap);
int tt_sketch_merge_in(
	struct tt_sketch *into, const struct tt_sketch *from, struct tt_sketch_heap *heap);
int tt_sketch_merge_encoded_in(
	struct tt_sketch *into, const void *buf, size_t len, struct tt_sketch_heap *heap);
void tt_sketch_reset_in(struct tt_sketch *s, struct tt_sketch_heap *heap);
/// Whether it holds one hash, and which.
bool tt_sketch_is_one(const struct tt_sketch *s, uint64_t *hash);
/// Hash of a source address (family 4 or 6; raw bytes in network order).
uint64_t tt_sketch_hash(const uint8_t secret[16], uint8_t family, const uint8_t src[16]);
int tt_sketch_add(struct tt_sketch *s, uint64_t hash);
/// Fetches the memory that adding the hash will touch.
void tt_sketch_prefetch(const struct tt_sketch *s, uint64_t hash);
int tt_sketch_merge(struct tt_sketch *into, const struct tt_sketch *from);
/// Estimate of the number of distinct elements, rounded; exact when tt_sketch_error is 0.
uint64_t tt_sketch_count(const struct tt_sketch *s);
/// Relative standard error: 0 while exact, 1.04/sqrt(4096) after.
double tt_sketch_error(const struct tt_sketch *s);
/// Serialised form (little-endian, versioned first byte). encode returns the size, or the size
/// needed where cap is smaller; merge_encoded merges without building an object first; -EBADMSG
/// for bytes that are none.
size_t tt_sketch_encode(const struct tt_sketch *s, void *buf, size_t cap);
#define TT_SKETCH_MAX (1 + (1 << TT_SKETCH_P)) // the longest form: registers
/// The form of a sketch that holds one hash.
#define TT_SKETCH_ONE 9
void tt_sketch_encode_one(uint64_t hash, uint8_t buf[TT_SKETCH_ONE]);
/// Whether bytes are a sketch that holds one hash, and which.
bool tt_sketch_encoded_one(const void *buf, size_t len, uint64_t *hash);
int tt_sketch_merge_encoded(struct tt_sketch *into, const void *buf, size_t len);
/// Bytes this sketch takes in memory.
size_t tt_sketch_memory(const struct tt_sketch *s);
