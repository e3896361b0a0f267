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

static void sip_dst(const struct hasher *h, const struct tt_pkt *pkts, uint64_t *bits, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		bits[i] = 1ull << (tt_siphash(h->dst_secret, pkts[i].dst, 16) & 63);
}

#if defined(__x86_64__)
#include <cpuid.h>
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
	const struct hasher *h, const struct tt_pkt *pkts, uint64_t *bits, unsigned n) {
	__m128i k[5];
	keys_load(h, 9, k, 5);
#pragma GCC unroll 4
	for (unsigned i = 0; i < n; i++)
		bits[i] = 1ull << (_mm_cvtsi128_si32(block(load(pkts[i].dst), k)) & 63);
}

// The same, four blocks to an instruction.

#define VAES __attribute__((target("aes,vaes,avx2,avx512f,avx512vl,sse4.1")))

VAES static inline void wide_keys(const struct hasher *h, unsigned first, __m512i *k, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		k[i] = _mm512_broadcast_i32x4(load(h->round_key[first + i]));
}

VAES static inline __m512i wide_block(__m512i x, const __m512i k[5]) {
	x = _mm512_xor_si512(x, k[0]);
	x = _mm512_aesenc_epi128(x, k[1]);
	x = _mm512_aesenc_epi128(x, k[2]);
	x = _mm512_aesenc_epi128(x, k[3]);
	return _mm512_aesenc_epi128(x, k[4]);
}

/// The low 32 bits of each block.
VAES static inline __m128i wide_low(__m512i x) {
	const __m512i lows = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0);
	return _mm512_castsi512_si128(_mm512_permutexvar_epi32(lows, x));
}

VAES static void vaes_hash4(
	const struct hasher *h, const struct key4 *keys, uint32_t *sigs, unsigned n) {
	__m512i k[5];
	wide_keys(h, 0, k, 5);
	unsigned i = 0;
	for (; i + 4 <= n; i += 4)
		_mm_storeu_si128(
			(__m128i *)&sigs[i], wide_low(wide_block(_mm512_loadu_si512(&keys[i]), k)));
	if (i < n)
		aes_hash4(h, keys + i, sigs + i, n - i);
}

VAES static void vaes_dst(
	const struct hasher *h, const struct tt_pkt *pkts, uint64_t *bits, unsigned n) {
	const __m256i one = _mm256_set1_epi64x(1);
	__m512i k[5];
	wide_keys(h, 9, k, 5);
	unsigned i = 0;
	for (; i + 4 <= n; i += 4) {
		__m512i x = _mm512_castsi128_si512(load(pkts[i].dst));
		x = _mm512_inserti32x4(x, load(pkts[i + 1].dst), 1);
		x = _mm512_inserti32x4(x, load(pkts[i + 2].dst), 2);
		x = _mm512_inserti32x4(x, load(pkts[i + 3].dst), 3);
		__m128i low = _mm_and_si128(wide_low(wide_block(x, k)), _mm_set1_epi32(63));
		__m256i four = _mm256_sllv_epi64(one, _mm256_cvtepu32_epi64(low));
		_mm256_storeu_si256((__m256i *)&bits[i], four);
	}
	if (i < n)
		aes_dst(h, pkts + i, bits + i, n - i);
}
#endif

#if defined(__x86_64__)
// Leaf 7, ECX bit 9 (Intel SDM): clang 14's __builtin_cpu_supports does not know its name.
static bool has_vaes(void) {
	unsigned a, b, c = 0, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && c >> 9 & 1;
}
#endif

void hasher_init(struct hasher *h, const uint8_t secret[16], enum hasher_way best) {
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
	bool aes = __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
	bool wide = has_vaes() && __builtin_cpu_supports("avx2") &&
		    __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
	if (best >= HASHER_AES && aes) {
		h->hash4 = aes_hash4;
		h->hash6 = aes_hash6;
		h->dst = aes_dst;
	}
	if (best >= HASHER_AES_WIDE && aes && wide) {
		h->hash4 = vaes_hash4;
		h->dst = vaes_dst;
	}
#else
	(void)best;
#endif
}
