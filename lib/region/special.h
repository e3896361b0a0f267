/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

struct special_prefix {
	uint8_t family, len;
	uint8_t addr[16];
};
extern const struct special_prefix special_prefixes[];
extern const unsigned special_prefix_n;
