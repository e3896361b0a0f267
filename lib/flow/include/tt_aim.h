/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// What anybody can do to a table whose hash has no secret: CRC32 (Castagnoli), which DPDK hashes
// with by default, is linear over the bits of the key, so that for every destination port there is
// exactly one source address that gives a flow's key any hash value one likes. For the generator
// and the bench, which aim; the flow tables' own hash is keyed.
#include <stdbool.h>
#include <stdint.h>

/// The key of an IPv4 flow as the tables have it.
struct tt_aim_key {
	uint32_t src, epoch; // network order; number of the epoch since 1970
	uint16_t sensor, port;
	uint8_t class, proto, zero[2];
} __attribute__((aligned(16)));

/// rte_hash_crc of a key with the initial value 0, as rte_hash computes it.
static inline uint32_t tt_aim_hash(const struct tt_aim_key *k) {
	const uint8_t *p = (const uint8_t *)k;
	uint32_t crc = 0;
	for (unsigned i = 0; i < sizeof(*k); i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return crc;
}

/// Columns of the map from source addresses to hashes, in echelon form: row i has i as the highest
/// bit of its hash, and the sources that make it.
struct tt_aim {
	uint32_t hash[32], src[32];
};

/// Whether the map can be turned round; it can.
static inline bool tt_aim_init(struct tt_aim *a) {
	*a = (struct tt_aim){0};
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t src = 1u << bit, hash = tt_aim_hash(&(struct tt_aim_key){.src = src});
		while (hash && a->hash[31 - __builtin_clz(hash)]) {
			unsigned top = 31u - (unsigned)__builtin_clz(hash);
			hash ^= a->hash[top];
			src ^= a->src[top];
		}
		if (!hash)
			return false;
		a->hash[31 - __builtin_clz(hash)] = hash;
		a->src[31 - __builtin_clz(hash)] = src;
	}
	return true;
}

/// The source with which the rest of a key hashes to `wanted`.
static inline uint32_t tt_aim_solve(
	const struct tt_aim *a, struct tt_aim_key rest, uint32_t wanted) {
	rest.src = 0;
	uint32_t src = 0, left = wanted ^ tt_aim_hash(&rest);
	for (unsigned top = 32; top-- > 0;)
		if (left >> top & 1) {
			left ^= a->hash[top];
			src ^= a->src[top];
		}
	return src;
}
