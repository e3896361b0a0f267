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

struct tt_sketch; // opaque; owned by its creator, not thread-safe

struct tt_sketch *tt_sketch_create(void);
void tt_sketch_destroy(struct tt_sketch **s);
void tt_sketch_reset(struct tt_sketch *s);
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
