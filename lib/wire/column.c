/* SPDX-License-Identifier: BSD-3-Clause */
#include "column.h"

#include <string.h>

#include "format.h"

// Columns inside a message lie at any address; these types say so to the compiler, which still
// makes vector code of the loops.
typedef uint8_t u8u;
typedef uint16_t __attribute__((aligned(1), may_alias)) u16u;
typedef uint32_t __attribute__((aligned(1), may_alias)) u32u;
typedef uint64_t __attribute__((aligned(1), may_alias)) u64u;

unsigned column_width(uint64_t v) {
	return v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
}

#define BY_WIDTH(width, f)                                                                         \
	switch (width) {                                                                           \
	case 1:                                                                                    \
		f(u8u);                                                                            \
		break;                                                                             \
	case 2:                                                                                    \
		f(u16u);                                                                           \
		break;                                                                             \
	case 4:                                                                                    \
		f(u32u);                                                                           \
		break;                                                                             \
	default:                                                                                   \
		f(u64u);                                                                           \
		break;                                                                             \
	}

uint64_t column_or(const void *p, unsigned width, uint32_t n) {
#define F(type)                                                                                    \
	do {                                                                                       \
		const type *v = p;                                                                 \
		type all = 0;                                                                      \
		for (uint32_t i = 0; i < n; i++)                                                   \
			all |= v[i];                                                               \
		return all;                                                                        \
	} while (0)
	BY_WIDTH(width, F)
#undef F
	return 0;
}

uint64_t column_max(const void *p, unsigned width, uint32_t n) {
#define F(type)                                                                                    \
	do {                                                                                       \
		const type *v = p;                                                                 \
		type max = 0;                                                                      \
		for (uint32_t i = 0; i < n; i++)                                                   \
			max = v[i] > max ? v[i] : max;                                             \
		return max;                                                                        \
	} while (0)
	BY_WIDTH(width, F)
#undef F
	return 0;
}

bool column_same(const void *p, unsigned width, uint32_t n) {
#define F(type)                                                                                    \
	do {                                                                                       \
		const type *v = p;                                                                 \
		type diff = 0;                                                                     \
		for (uint32_t i = 0; i < n; i++)                                                   \
			diff |= (type)(v[i] ^ v[0]);                                               \
		return !diff;                                                                      \
	} while (0)
	// most columns differ within their first values
	if (n > 64 && memcmp(p, (const uint8_t *)p + width, 63 * width))
		return false;
	BY_WIDTH(width, F)
#undef F
	return true;
}

uint64_t column_get(const void *p, unsigned width, uint32_t i) {
#define F(type) return ((const type *)p)[i]
	BY_WIDTH(width, F)
#undef F
	return 0;
}

#define CONVERT(dst_type, src_type)                                                                \
	do {                                                                                       \
		dst_type *d = dst;                                                                 \
		const src_type *s = src;                                                           \
		for (uint32_t i = 0; i < n; i++)                                                   \
			d[i] = (dst_type)s[i];                                                     \
	} while (0)
#define FROM(src_type)                                                                             \
	switch (dst_width) {                                                                       \
	case 1:                                                                                    \
		CONVERT(u8u, src_type);                                                            \
		break;                                                                             \
	case 2:                                                                                    \
		CONVERT(u16u, src_type);                                                           \
		break;                                                                             \
	case 4:                                                                                    \
		CONVERT(u32u, src_type);                                                           \
		break;                                                                             \
	default:                                                                                   \
		CONVERT(u64u, src_type);                                                           \
		break;                                                                             \
	}

void column_convert(void *restrict dst, unsigned dst_width, const void *restrict src,
	unsigned src_width, uint32_t n) {
	if (dst_width == src_width) {
		memcpy(dst, src, (size_t)n * dst_width);
		return;
	}
	BY_WIDTH(src_width, FROM)
}

void column_fill(void *dst, unsigned width, uint64_t value, uint32_t n) {
#define F(type)                                                                                    \
	do {                                                                                       \
		type *d = dst;                                                                     \
		for (uint32_t i = 0; i < n; i++)                                                   \
			d[i] = (type)value;                                                        \
	} while (0)
	BY_WIDTH(width, F)
#undef F
}

#define INDEX_BITS 10

unsigned column_index(
	const void *src, unsigned width, uint32_t n, uint8_t *index, uint32_t *table) {
	uint16_t slot[1 << INDEX_BITS]; // place in the table + 1, open addressing
	unsigned count = 0;
	memset(slot, 0, sizeof(slot));
	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = width == 4 ? ((const u32u *)src)[i] : ((const u16u *)src)[i];
		uint32_t at = v * 0x9e3779b1u >> (32 - INDEX_BITS);
		while (slot[at] && table[slot[at] - 1] != v)
			at = (at + 1) & ((1 << INDEX_BITS) - 1);
		if (!slot[at]) {
			if (count == WIRE_TABLE_N)
				return 0;
			table[count++] = v;
			slot[at] = (uint16_t)count;
		}
		index[i] = (uint8_t)(slot[at] - 1);
	}
	return count;
}
