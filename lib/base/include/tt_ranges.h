/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_addr.h"
#include "tt_err.h"

/// A map from disjoint address intervals (IPv4 and IPv6) to 32-bit values. Built once, then
/// immutable and readable from any thread. Lookup: a first-level index on the top 16 bits, then a
/// binary search among the few intervals there.
struct tt_ranges;
struct tt_ranges_builder;

#define TT_RANGES_NONE UINT32_MAX

struct tt_ranges_builder *tt_ranges_builder_create(void);
void tt_ranges_builder_destroy(struct tt_ranges_builder **b);
/// Adds [first, last] (inclusive, same family) with a value and a priority: where intervals
/// overlap, the higher priority wins, then the one added later. -EINVAL where the families differ,
/// first is past last, or the value is TT_RANGES_NONE.
int tt_ranges_add(struct tt_ranges_builder *b, const struct tt_addr *first,
	const struct tt_addr *last, uint32_t value, uint32_t priority);
/// Flattens what was added; the builder can be destroyed afterwards. NULL with errno ENOMEM.
/// O(n log n), also where intervals nest deeply.
struct tt_ranges *tt_ranges_build(struct tt_ranges_builder *b);
void tt_ranges_destroy(struct tt_ranges **r);

/// Value of the interval that holds the address, or TT_RANGES_NONE. v4 in host order; v6 as 16
/// bytes in network order.
uint32_t tt_ranges_get4(const struct tt_ranges *r, uint32_t v4);
/// The same, and the last address up to which it holds, at least.
uint32_t tt_ranges_span4(const struct tt_ranges *r, uint32_t v4, uint32_t *last);
uint32_t tt_ranges_get6(const struct tt_ranges *r, const uint8_t v6[16]);
uint32_t tt_ranges_get(const struct tt_ranges *r, const struct tt_addr *a);
/// The interval that gives an address its value (neighbours of one value are one); false without.
bool tt_ranges_interval(const struct tt_ranges *r, const struct tt_addr *a, struct tt_addr *first,
	struct tt_addr *last);
/// Number of disjoint intervals by family (4 or 6).
size_t tt_ranges_count(const struct tt_ranges *r, int family);
