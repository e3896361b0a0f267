/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_ADDR_STRLEN	 46
#define TT_PREFIX_STRLEN 50

/// An address in network byte order; IPv4 in the first four bytes, the rest zero.
struct tt_addr {
	uint8_t b[16];
	uint8_t family; // 4 or 6; 0: none
};

struct tt_prefix {
	struct tt_addr addr; // bits past `len` are zero
	uint8_t len;
};

/// Reads "192.0.2.1" or "2001:db8::1"; 0 or -EINVAL.
int tt_addr_parse(const char *text, struct tt_addr *out);
/// Writes the usual text (RFC 5952 for IPv6) and returns `buf`.
const char *tt_addr_format(const struct tt_addr *a, char buf[TT_ADDR_STRLEN]);
/// The same for raw bytes (4 or 16 of them by `family`).
const char *tt_addr_format_raw(uint8_t family, const uint8_t *b, char buf[TT_ADDR_STRLEN]);
/// Orders IPv4 before IPv6, then by value, as memcmp does.
int tt_addr_cmp(const struct tt_addr *a, const struct tt_addr *b);
/// Reads "192.0.2.0/24", or an address alone as its /32 or /128. -EINVAL, or -EDOM where bits
/// past the length are set.
int tt_prefix_parse(const char *text, struct tt_prefix *out);
const char *tt_prefix_format(const struct tt_prefix *p, char buf[TT_PREFIX_STRLEN]);
bool tt_prefix_contains(const struct tt_prefix *p, const struct tt_addr *a);
/// First and last address of a prefix.
void tt_prefix_range(const struct tt_prefix *p, struct tt_addr *first, struct tt_addr *last);

static inline uint32_t tt_addr_v4(const struct tt_addr *a) {
	return (uint32_t)a->b[0] << 24 | (uint32_t)a->b[1] << 16 | (uint32_t)a->b[2] << 8 | a->b[3];
}
