/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/// Arrays of n unsigned values, 1, 2, 4 or 8 bytes each, at any address.

/// Bytes that hold a value.
unsigned column_width(uint64_t v);
/// All values OR-ed: tells the width that holds them, and a bound that is a power of two.
uint64_t column_or(const void *p, unsigned width, uint32_t n);
uint64_t column_max(const void *p, unsigned width, uint32_t n);
/// Whether all values are equal.
bool column_same(const void *p, unsigned width, uint32_t n);
uint64_t column_get(const void *p, unsigned width, uint32_t i);
/// Copies into another width; values that do not fit are cut.
void column_convert(void *dst, unsigned dst_width, const void *src, unsigned src_width, uint32_t n);
void column_fill(void *dst, unsigned width, uint64_t v, uint32_t n);
/// Replaces values of 2 or 4 bytes by indexes into a table of at most 256 of them, in the order
/// they appear. Returns how many, 0 where there are more.
unsigned column_index(const void *src, unsigned width, uint32_t n, uint8_t *index, uint32_t *table);
