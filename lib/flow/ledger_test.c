/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_hash_crc.h>

#include "flow_test_eal.h"
#include "hasher.h"
#include "ledger.h"
#include "tt_aim.h"

static void row_is_found_again(void **state) {
	(void)state;
	struct ledger l;
	assert_int_equal(ledger_create(&l, 100, 3, -1), 0);
	uint32_t rows[99];
	for (uint32_t i = 0; i < 99; i++)
		rows[i] = ledger_find(&l, i / 3, i % 3);
	for (uint32_t i = 99; i-- > 0;) {
		assert_int_equal(rows[i], i);
		assert_int_equal(ledger_find(&l, i / 3, i % 3), i);
	}
	assert_int_equal(l.used, 99);
	ledger_destroy(&l);
}

static void full_ledger_keeps_a_row_for_every_group(void **state) {
	(void)state;
	struct ledger l;
	assert_int_equal(ledger_create(&l, 10, 4, -1), 0);
	unsigned made = 0;
	for (uint32_t epoch = 5; ledger_find(&l, epoch, 0) != LEDGER_NONE; epoch++)
		made++;
	assert_int_equal(made, 7); // three are kept for the other groups
	for (uint32_t g = 1; g < 4; g++) {
		assert_int_not_equal(ledger_find(&l, 77, g), LEDGER_NONE);
		assert_int_equal(ledger_find(&l, 78, g), LEDGER_NONE);
	}
	assert_int_equal(l.used, 10);
	assert_int_equal(l.keys[l.group[0].newest].epoch, 11);
	ledger_clear(&l);
	assert_int_equal(l.used, 0);
	assert_int_equal(ledger_find(&l, 5, 2), 0);
	ledger_destroy(&l);
}

static void ledger_has_at_least_a_row_for_every_group(void **state) {
	(void)state;
	struct ledger l;
	assert_int_equal(ledger_create(&l, 0, 6, -1), 0);
	for (uint32_t g = 0; g < 6; g++)
		assert_int_equal(ledger_find(&l, 1, g), g);
	ledger_destroy(&l);
}

static void newest_row_is_of_the_newest_epoch(void **state) {
	(void)state;
	struct ledger l;
	assert_int_equal(ledger_create(&l, 8, 1, -1), 0);
	ledger_find(&l, 9, 0);
	ledger_find(&l, 2, 0);
	assert_int_equal(l.group[0].newest, 0);
	assert_int_equal(l.group[0].recent, 1);
	ledger_find(&l, 10, 0);
	assert_int_equal(l.group[0].newest, 2);
	ledger_destroy(&l);
}

/// All ways: every input bit moves the result, secrets differ, buckets fill evenly.
static void hash_is_keyed_and_spreads(void **state) {
	(void)state;
	const uint8_t secret[2][16] = {{1}, {2}};
	for (enum hasher_way way = HASHER_SIP; way <= HASHER_AES_WIDE; way++) {
		struct hasher a, b;
		hasher_init(&a, secret[0], way);
		hasher_init(&b, secret[1], way);
		struct key6 k6[257] = {0};
		struct key4 k4[129] = {0};
		for (unsigned i = 0; i < 256; i++)
			((uint8_t *)&k6[i + 1])[i / 8] ^= (uint8_t)(1u << i % 8);
		for (unsigned i = 0; i < 128; i++)
			((uint8_t *)&k4[i + 1])[i / 8] ^= (uint8_t)(1u << i % 8);
		uint32_t s6[257], s4[129], t6[257], t4[129];
		a.hash6(&a, k6, s6, 257);
		a.hash4(&a, k4, s4, 129);
		b.hash6(&b, k6, t6, 257);
		b.hash4(&b, k4, t4, 129);
		unsigned moved = 0, same = 0;
		for (unsigned i = 1; i < 257; i++) {
			assert_int_not_equal(s6[0], s6[i]);
			moved += (unsigned)__builtin_popcount(s6[0] ^ s6[i]);
			same += s6[i] == t6[i];
		}
		for (unsigned i = 1; i < 129; i++) {
			assert_int_not_equal(s4[0], s4[i]);
			moved += (unsigned)__builtin_popcount(s4[0] ^ s4[i]);
			same += s4[i] == t4[i];
		}
		assert_true(same < 2);
		// 384 flips of 32 bits: 6144 expected, standard deviation 55
		assert_in_range(moved, 6144 - 330, 6144 + 330);
	}
}

static void wide_hashes_are_the_narrow_ones(void **state) {
	(void)state;
	struct hasher narrow, wide;
	hasher_init(&narrow, (const uint8_t[16]){7}, HASHER_AES);
	hasher_init(&wide, (const uint8_t[16]){7}, HASHER_AES_WIDE);
	for (unsigned n = 0; n <= 64; n++) {
		struct key4 keys[64] = {0};
		struct tt_pkt pkts[64] = {0};
		uint32_t sigs[2][65] = {0};
		uint64_t bits[2][65] = {0};
		for (unsigned i = 0; i < n; i++) {
			keys[i].src = pkts[i].dst[i % 16] = (uint8_t)(n * 3 + i);
			keys[i].epoch = n;
		}
		narrow.hash4(&narrow, keys, sigs[0], n);
		wide.hash4(&wide, keys, sigs[1], n);
		narrow.dst(&narrow, pkts, bits[0], n);
		wide.dst(&wide, pkts, bits[1], n);
		// to the end, so that nothing is written past n
		assert_memory_equal(sigs[0], sigs[1], sizeof(sigs[0]));
		assert_memory_equal(bits[0], bits[1], sizeof(bits[0]));
	}
}

static void hash_fills_buckets_evenly(void **state) {
	(void)state;
	const uint8_t secret[16] = "evenly";
	for (enum hasher_way way = HASHER_SIP; way <= HASHER_AES_WIDE; way++) {
		struct hasher h;
		hasher_init(&h, secret, way);
		unsigned low[256] = {0}, high[256] = {0};
		for (uint32_t i = 0; i < 65536; i++) {
			struct key4 k = {.src = i << 8, .port = 23}; // one in each /24
			uint32_t sig;
			h.hash4(&h, &k, &sig, 1);
			low[sig & 255]++;
			high[sig >> 24]++;
		}
		// chi square with 255 degrees of freedom: 255 expected, 400 is past 6 sigma
		double chi[2] = {0};
		for (unsigned i = 0; i < 256; i++) {
			chi[0] += (low[i] - 256.0) * (low[i] - 256.0) / 256.0;
			chi[1] += (high[i] - 256.0) * (high[i] - 256.0) / 256.0;
		}
		assert_true(chi[0] < 400 && chi[1] < 400);
		assert_true(chi[0] > 120 && chi[1] > 120);
	}
}

/// The CRC32 that is aimed at is the one that rte_hash computes, and is hit.
static void sources_are_found_for_any_crc32(void **state) {
	(void)state;
	struct tt_aim aim;
	assert_true(tt_aim_init(&aim));
	for (uint32_t i = 0; i < 5000; i++) {
		struct tt_aim_key k = {.epoch = i * 77, .sensor = i % 5, .port = i, .proto = 6};
		uint32_t wanted = i % 2 ? 0x12345678 : i * 0x9e3779b1u;
		k.src = tt_aim_solve(&aim, k, wanted);
		uint64_t raw[2]; // as which rte_hash_crc reads it
		memcpy(raw, &k, sizeof(raw));
		assert_int_equal(rte_hash_crc(raw, sizeof(raw), 0), wanted);
	}
	static_assert(
		sizeof(struct tt_aim_key) == sizeof(struct key4) &&
			offsetof(struct tt_aim_key, epoch) == offsetof(struct key4, epoch) &&
			offsetof(struct tt_aim_key, sensor) == offsetof(struct key4, sensor) &&
			offsetof(struct tt_aim_key, port) == offsetof(struct key4, port) &&
			offsetof(struct tt_aim_key, class) == offsetof(struct key4, class) &&
			offsetof(struct tt_aim_key, proto) == offsetof(struct key4, proto),
		"aimed at keys as they are");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_is_found_again),
		cmocka_unit_test(full_ledger_keeps_a_row_for_every_group),
		cmocka_unit_test(ledger_has_at_least_a_row_for_every_group),
		cmocka_unit_test(newest_row_is_of_the_newest_epoch),
		cmocka_unit_test(sources_are_found_for_any_crc32),
		cmocka_unit_test(hash_is_keyed_and_spreads),
		cmocka_unit_test(wide_hashes_are_the_narrow_ones),
		cmocka_unit_test(hash_fills_buckets_evenly),
	};
	return cmocka_run_group_tests(tests, test_eal, NULL);
}
