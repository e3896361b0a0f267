/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

/// SipHash-1-3 (Aumasson, Bernstein 2012; the rounds that Rust and Linux use for tables) with a
/// 128-bit secret: 64 bits that nobody without the secret can steer.
uint64_t tt_siphash(const uint8_t key[16], const void *data, size_t len);

/// Finaliser of splitmix64 (Steele et al. 2014): spreads bits, keeps no secret.
static inline uint64_t tt_mix64(uint64_t x) {
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebull;
	return x ^ x >> 31;
}
