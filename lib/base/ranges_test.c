/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_ranges.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tt_hash.h"
#include "tt_time.h"

static struct tt_addr v4(uint32_t x) {
	return (struct tt_addr){.family = 4, .b = {x >> 24, x >> 16 & 255, x >> 8 & 255, x & 255}};
}

static struct tt_addr parse(const char *text) {
	struct tt_addr a;
	assert_int_equal(tt_addr_parse(text, &a), 0);
	return a;
}

static void add(struct tt_ranges_builder *b, const char *first, const char *last, uint32_t value,
	uint32_t priority) {
	struct tt_addr f = parse(first), l = parse(last);
	assert_int_equal(tt_ranges_add(b, &f, &l, value, priority), 0);
}

static uint32_t get(const struct tt_ranges *r, const char *text) {
	struct tt_addr a = parse(text);
	return tt_ranges_get(r, &a);
}

static void an_empty_map_answers_none(void **state) {
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	struct tt_ranges *r = tt_ranges_build(b);
	assert_non_null(r);
	assert_int_equal(get(r, "0.0.0.0"), TT_RANGES_NONE);
	assert_int_equal(get(r, "255.255.255.255"), TT_RANGES_NONE);
	assert_int_equal(get(r, "::"), TT_RANGES_NONE);
	assert_int_equal(get(r, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), TT_RANGES_NONE);
	assert_int_equal(tt_ranges_count(r, 4), 0);
	assert_int_equal(tt_ranges_count(r, 6), 0);
	tt_ranges_destroy(&r);
	assert_null(r);
	tt_ranges_destroy(&r);
	tt_ranges_builder_destroy(&b);
	tt_ranges_builder_destroy(&b);
}

static void ranges_that_are_no_prefixes_stay_exact(void **state) {
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	add(b, "23.128.1.0", "23.128.3.255", 7, 0); // 768 addresses
	add(b, "2001:db8::5", "2001:db8::9", 8, 0);
	struct tt_ranges *r = tt_ranges_build(b);
	assert_int_equal(get(r, "23.128.0.255"), TT_RANGES_NONE);
	assert_int_equal(get(r, "23.128.1.0"), 7);
	assert_int_equal(get(r, "23.128.3.255"), 7);
	assert_int_equal(get(r, "23.128.4.0"), TT_RANGES_NONE);
	assert_int_equal(get(r, "2001:db8::4"), TT_RANGES_NONE);
	assert_int_equal(get(r, "2001:db8::5"), 8);
	assert_int_equal(get(r, "2001:db8::9"), 8);
	assert_int_equal(get(r, "2001:db8::a"), TT_RANGES_NONE);
	assert_int_equal(tt_ranges_count(r, 4), 1);
	tt_ranges_destroy(&r);
	tt_ranges_builder_destroy(&b);
}

static void the_ends_of_the_address_space_are_reached(void **state) {
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	add(b, "0.0.0.0", "255.255.255.255", 1, 0);
	add(b, "255.255.255.255", "255.255.255.255", 2, 1);
	add(b, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 3, 0);
	add(b, "::", "::", 4, 1);
	struct tt_ranges *r = tt_ranges_build(b);
	assert_int_equal(get(r, "0.0.0.0"), 1);
	assert_int_equal(get(r, "255.255.255.254"), 1);
	assert_int_equal(get(r, "255.255.255.255"), 2);
	assert_int_equal(get(r, "::"), 4);
	assert_int_equal(get(r, "::1"), 3);
	assert_int_equal(get(r, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 3);
	tt_ranges_destroy(&r);
	tt_ranges_builder_destroy(&b);
}

static void the_higher_priority_wins_then_the_later(void **state) {
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	add(b, "10.0.0.0", "10.0.0.255", 1, 5);
	add(b, "10.0.0.10", "10.0.1.10", 2, 4);
	add(b, "10.0.1.0", "10.0.1.20", 3, 4);
	struct tt_ranges *r = tt_ranges_build(b);
	assert_int_equal(get(r, "10.0.0.10"), 1);
	assert_int_equal(get(r, "10.0.1.5"), 3);
	assert_int_equal(get(r, "10.0.0.255"), 1);
	assert_int_equal(get(r, "10.0.1.20"), 3);
	tt_ranges_destroy(&r);
	tt_ranges_builder_destroy(&b);
}

static void wrong_intervals_are_refused(void **state) {
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	struct tt_addr one = v4(1), two = v4(2), six = parse("::"), none = {0};
	assert_int_equal(tt_ranges_add(b, &two, &one, 1, 0), -EINVAL);
	assert_int_equal(tt_ranges_add(b, &one, &six, 1, 0), -EINVAL);
	assert_int_equal(tt_ranges_add(b, &none, &none, 1, 0), -EINVAL);
	assert_int_equal(tt_ranges_add(b, &one, &two, TT_RANGES_NONE, 0), -EINVAL);
	tt_ranges_builder_destroy(&b);
}

// Against the plainest possible truth: an array painted in order of priority.
static void random_overlaps_equal_a_painted_array(void **state) {
	enum { SPACE = 4096, ROUNDS = 60 };
	uint64_t x = 1;
	for (int round = 0; round < ROUNDS; round++) {
		unsigned n = round < 30 ? 12 : 300; // without and with an index
		uint32_t base = round % 2 ? 0xfffff000u : 0x0a00f800u,
			 scale = round % 3 ? 1 : 65536;
		if (scale > 1)
			base = 0;
		struct tt_ranges_builder *b = tt_ranges_builder_create();
		uint32_t value[SPACE], prio[SPACE];
		memset(value, 0xff, sizeof(value));
		memset(prio, 0, sizeof(prio));
		for (unsigned i = 0; i < n; i++) {
			uint32_t f = (uint32_t)(x = tt_mix64(x + 1)) % SPACE,
				 l = f + (uint32_t)(x >> 32) % (round % 5 ? 64 : SPACE);
			uint32_t p = (uint32_t)(x >> 20) % 4;
			l = l < SPACE ? l : SPACE - 1;
			struct tt_addr fa = v4(base + f * scale),
				       la = v4(base + l * scale + scale - 1);
			assert_int_equal(tt_ranges_add(b, &fa, &la, i % 9, p), 0);
			fa.family = la.family = 6; // the same in the topmost 32 bits of IPv6
			memset(la.b + 4, 0xff, 12);
			assert_int_equal(tt_ranges_add(b, &fa, &la, i % 9, p), 0);
			for (uint32_t a = f; a <= l; a++) {
				if (value[a] == TT_RANGES_NONE || p >= prio[a]) {
					value[a] = i % 9;
					prio[a] = p;
				}
			}
		}
		struct tt_ranges *r = tt_ranges_build(b);
		assert_non_null(r);
		for (uint32_t a = 0; a < SPACE; a++) {
			assert_int_equal(tt_ranges_get4(r, base + a * scale), value[a]);
			assert_int_equal(tt_ranges_get4(r, base + a * scale + scale - 1), value[a]);
			const uint32_t ends[2] = {base + a * scale, base + a * scale + scale - 1};
			uint32_t last;
			assert_int_equal(tt_ranges_span4(r, ends[0], &last), value[a]);
			assert_true(last >= ends[1]);
			if (last < UINT32_MAX && (last - base) / scale < SPACE)
				assert_int_equal(tt_ranges_get4(r, last), value[a]);
			struct tt_addr six = v4(base + a * scale + scale - 1);
			six.b[15] = 1;
			assert_int_equal(tt_ranges_get6(r, six.b), value[a]);
		}
		tt_ranges_destroy(&r);
		tt_ranges_builder_destroy(&b);
	}
}

static void deep_nesting_is_flattened_quickly(void **state) {
	enum { N = 200000 };
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	for (uint32_t i = 0; i < N; i++) {
		struct tt_addr f = v4(i), l = v4(0xffffffffu - i);
		assert_int_equal(tt_ranges_add(b, &f, &l, i, i), 0);
	}
	int64_t t = tt_mono_ns();
	struct tt_ranges *r = tt_ranges_build(b);
	assert_non_null(r);
	assert_true(tt_mono_ns() - t < 10 * TT_NS); // quadratic would take minutes
	assert_int_equal(tt_ranges_get4(r, N / 2), N / 2);
	assert_int_equal(tt_ranges_get4(r, 0xffffffffu - 5), 5);
	assert_int_equal(tt_ranges_get4(r, 0x80000000u), N - 1);
	assert_int_equal(tt_ranges_count(r, 4), 2 * N - 1);
	tt_ranges_destroy(&r);
	tt_ranges_builder_destroy(&b);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_answers_none),
		cmocka_unit_test(ranges_that_are_no_prefixes_stay_exact),
		cmocka_unit_test(the_ends_of_the_address_space_are_reached),
		cmocka_unit_test(the_higher_priority_wins_then_the_later),
		cmocka_unit_test(wrong_intervals_are_refused),
		cmocka_unit_test(random_overlaps_equal_a_painted_array),
		cmocka_unit_test(deep_nesting_is_flattened_quickly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
