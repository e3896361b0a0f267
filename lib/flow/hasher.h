/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "key.h"
#include "tt_packet.h"

#define HASHER_ROUND_KEYS 14

/// Keyed hashes of flow keys and destinations: four AES rounds a block where the processor has
/// them, four blocks at a time where it has AVX-512 too (two rounds spread every byte over the
/// block, four leave no differential above 2^-100; CBC over the two blocks of an IPv6 key), SipHash
/// elsewhere. Who does not know the secret can neither aim at a bucket nor learn destinations from
/// their bits.
struct hasher {
	uint8_t round_key[HASHER_ROUND_KEYS][16];
	uint8_t secret[16], dst_secret[16];
	void (*hash4)(const struct hasher *h, const struct key4 *keys, uint32_t *sigs, unsigned n);
	void (*hash6)(const struct hasher *h, const struct key6 *keys, uint32_t *sigs, unsigned n);
	/// The bit, of 64, of each packet's destination.
	void (*dst)(const struct hasher *h, const struct tt_pkt *pkts, uint64_t *bits, unsigned n);
} __attribute__((aligned(64)));

/// Ways to compute; the last two give the same.
enum hasher_way { HASHER_SIP, HASHER_AES, HASHER_AES_WIDE };

/// best: the way that is taken where the processor has the instructions; otherwise the next lower.
void hasher_init(struct hasher *h, const uint8_t secret[16], enum hasher_way best);
