/* SPDX-License-Identifier: BSD-3-Clause */
#include "hasher.h"

#include <string.h>

#include "tt_hash.h"

static void sip_hash4(const struct hasher *h, const struct key4 *keys, uint32_t *sigs, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		sigs[i] = (uint32_t)tt_siphash(h->secret, &keys[i], sizeof(keys[i]));
}

static void sip_hash6(const struct hasher *h, const struct key6 *keys, uint32_t *sigs, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		sigs[i] = (uint32_t)tt_siphash(h->secret, &keys[i], sizeof(keys[i]));
}

static void sip_dst(const struct hasher *h, const struct tt_pkt *pkts, uint8_t *bits, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		bits[i] = tt_siphash(h->dst_secret, pkts[i].dst, 16) & 63;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AES __attribute__((target("aes,sse4.1")))

AES static inline __m128i load(const void *p) {
	return _mm_loadu_si128(p);
}

/// Whitens with the first key and does four rounds with the next four.
AES static inline __m128i block(__m128i x, const __m128i k[5]) {
	x = _mm_xor_si128(x, k[0]);
	x = _mm_aesenc_si128(x, k[1]);
	x = _mm_aesenc_si128(x, k[2]);
	x = _mm_aesenc_si128(x, k[3]);
	return _mm_aesenc_si128(x, k[4]);
}

AES static inline void keys_load(const struct hasher *h, unsigned first, __m128i *k, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		k[i] = load(h->round_key[first + i]);
}

AES static void aes_hash4(
	const struct hasher *h, const struct key4 *keys, uint32_t *sigs, unsigned n) {
	__m128i k[5];
	keys_load(h, 0, k, 5);
#pragma GCC unroll 4 // one block waits for its rounds while others go on
	for (unsigned i = 0; i < n; i++)
		sigs[i] = (uint32_t)_mm_cvtsi128_si32(block(load(&keys[i]), k));
}

AES static void aes_hash6(
	const struct hasher *h, const struct key6 *keys, uint32_t *sigs, unsigned n) {
	__m128i k[9];
	keys_load(h, 0, k, 9);
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = (const uint8_t *)&keys[i];
		__m128i x = _mm_xor_si128(block(load(p), k), load(p + 16));
		for (unsigned r = 5; r < 9; r++)
			x = _mm_aesenc_si128(x, k[r]);
		sigs[i] = (uint32_t)_mm_cvtsi128_si32(x);
	}
}

AES static void aes_dst(
	const struct hasher *h, const struct tt_pkt *pkts, uint8_t *bits, unsigned n) {
	__m128i k[5];
	keys_load(h, 9, k, 5);
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++)
		bits[i] = _mm_cvtsi128_si32(block(load(pkts[i].dst), k)) & 63;
}
#endif

void hasher_init(struct hasher *h, const uint8_t secret[16], bool aes) {
	for (unsigned i = 0; i < HASHER_ROUND_KEYS * 2; i++) {
		uint8_t label[8] = {'f', 'l', 'o', 'w', 'k', 'e', 'y', (uint8_t)i};
		uint64_t part = tt_siphash(secret, label, sizeof(label));
		memcpy(&h->round_key[i / 2][i % 2 * 8], &part, 8);
	}
	memcpy(h->secret, secret, 16);
	memcpy(h->dst_secret, h->round_key[9], 16);
	h->hash4 = sip_hash4;
	h->hash6 = sip_hash6;
	h->dst = sip_dst;
#if defined(__x86_64__)
	if (aes && __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1")) {
		h->hash4 = aes_hash4;
		h->hash6 = aes_hash6;
		h->dst = aes_dst;
	}
#else
	(void)aes;
#endif
}
