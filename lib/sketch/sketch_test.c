/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tt_hash.h"
#include "tt_sketch.h"

static const uint8_t secret[16] = "sixteen bytes..";

static uint64_t hash_of(uint32_t v4) {
	uint8_t src[16] = {
		(uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8), (uint8_t)v4};

	return tt_sketch_hash(secret, 4, src);
}

static struct tt_sketch *of_range(uint32_t first, uint32_t n) {
	struct tt_sketch *s = tt_sketch_create();

	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(tt_sketch_add(s, hash_of(first + i)), 0);
	return s;
}

static void assert_same(const struct tt_sketch *a, const struct tt_sketch *b) {
	static uint8_t x[8192], y[8192];
	size_t n = tt_sketch_encode(a, x, sizeof(x));

	assert_int_equal(tt_sketch_encode(b, y, sizeof(y)), n);
	assert_memory_equal(x, y, n);
}

static void small_counts_are_exact_and_repeats_do_not_count(void **state) {
	for (uint32_t n = 0; n <= TT_SKETCH_EXACT; n++) {
		struct tt_sketch *s = of_range(100, n);

		for (uint32_t i = 0; i < n; i += 3)
			tt_sketch_add(s, hash_of(100 + i));
		assert_int_equal(tt_sketch_count(s), n);
		assert_true(tt_sketch_error(s) == 0);
		tt_sketch_destroy(&s);
	}
}

static void the_hash_zero_is_an_element_like_others(void **state) {
	struct tt_sketch *s = tt_sketch_create();

	tt_sketch_add(s, 0);
	tt_sketch_add(s, 0);
	assert_int_equal(tt_sketch_count(s), 1);
	tt_sketch_destroy(&s);
}

// Checked at every tenth of a decade from 513 to a million, in 40 independent sets: single errors
// stay under 4.5 standard errors, and their mean shows no bias.
static void large_counts_stay_within_the_stated_error_without_bias(void **state) {
	enum { SETS = 40, POINTS = 34 };
	static double sum[POINTS];
	double err = 0, worst = 0;

	for (uint32_t set = 0; set < SETS; set++) {
		struct tt_sketch *s = tt_sketch_create();
		uint32_t n = 0;

		for (unsigned k = 0; k < POINTS; k++) {
			uint32_t target = (uint32_t)lround(513 * pow(10, k / 10.0));

			for (; n < target; n++)
				tt_sketch_add(s, hash_of(set * 10000000u + n));
			err = (double)tt_sketch_count(s) / n - 1;
			sum[k] += err;
			worst = fmax(worst, fabs(err));
			assert_true(fabs(err) < 4.5 * tt_sketch_error(s));
		}
		assert_true(fabs(tt_sketch_error(s) - 0.01625) < 1e-9);
		tt_sketch_destroy(&s);
	}
	for (unsigned k = 0; k < POINTS; k++)
		assert_true(fabs(sum[k] / SETS) < 4.5 * 0.01625 / sqrt(SETS));
	print_message("worst relative error %.4f\n", worst);
}

static uint64_t hash_by(uint8_t key, uint8_t family, uint64_t n) {
	const uint8_t of[16] = {key, 'k', 'e', 'y'};
	uint8_t src[16] = {0};

	memcpy(src, &n, sizeof(n));
	return tt_sketch_hash(of, family, src);
}

// At half decades, under several keys: exact up to 512, then within 4 standard errors of what was
// added. Hundred million under one of them, as the time of a check allows; sketch_bench does so
// under four more.
static void counts_from_1_to_100_million_stay_within_the_stated_error(void **state) {
	static const struct {
		uint8_t key, family;
		unsigned halves; // of decades
	} sets[] = {{1, 4, 16}, {2, 4, 14}, {3, 6, 14}, {4, 6, 14}};
	double worst = 0;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct tt_sketch *s = tt_sketch_create();
		uint64_t n = 0;

		for (unsigned half = 0; half <= sets[i].halves; half++) {
			uint64_t target = (uint64_t)llround(pow(10, half / 2.0));

			for (; n < target; n++)
				tt_sketch_add(s, hash_by(sets[i].key, sets[i].family, n));
			double off = fabs((double)tt_sketch_count(s) / (double)n - 1);

			assert_true(n > TT_SKETCH_EXACT ? off < 4 * tt_sketch_error(s) : off == 0);
			worst = fmax(worst, off);
		}
		assert_true(n == (i == 0 ? 100000000 : 10000000));
		tt_sketch_destroy(&s);
	}
	print_message("worst relative error %.4f\n", worst);
}

#define MANY 256 // sketches of 4 KiB: a megabyte, as they come out of a table

// Of a million a second in CPU time; the best of short spans, because others use the machine too.
static void unions_of_4_kib_sketches_are_counted_and_quick(void **state) {
	static uint8_t blobs[MANY][TT_SKETCH_MAX];
	struct tt_sketch *s[MANY], *into[2] = {tt_sketch_create(), tt_sketch_create()};
	double best[2] = {0, 0};

	for (unsigned i = 0; i < MANY; i++) { // every other half of it is the next one's too
		s[i] = tt_sketch_create();
		for (uint64_t k = 0; k < 4000; k++)
			tt_sketch_add(s[i], hash_by(9, 4, i * 2000 + k));
		assert_int_equal(tt_sketch_encode(s[i], blobs[i], TT_SKETCH_MAX), TT_SKETCH_MAX);
	}
	for (unsigned span = 0; span < 400 && (span < 2 || fmin(best[0], best[1]) < 1e6); span++) {
		struct timespec from, to;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		for (unsigned i = 0; i < MANY; i++)
			assert_int_equal(
				span % 2 ? tt_sketch_merge_encoded(into[1], blobs[i], TT_SKETCH_MAX)
					 : tt_sketch_merge(into[0], s[i]),
				0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		best[span % 2] = fmax(
			best[span % 2], MANY / ((double)(to.tv_sec - from.tv_sec) +
						       1e-9 * (double)(to.tv_nsec - from.tv_nsec)));
	}
	double off = fabs((double)tt_sketch_count(into[0]) / (MANY * 2000 + 2000) - 1);

	assert_true(off < 4 * tt_sketch_error(into[0]));
	assert_same(into[0], into[1]);
	print_message("unions a second: %.0f, of encoded ones %.0f\n", best[0], best[1]);
#ifndef __SANITIZE_ADDRESS__
	assert_true(best[0] >= 1e6 && best[1] >= 1e6);
#endif
	for (unsigned i = 0; i < MANY; i++)
		tt_sketch_destroy(&s[i]);
	tt_sketch_destroy(&into[0]);
	tt_sketch_destroy(&into[1]);
}

// The state depends on the set alone: any way of splitting and merging gives the same bytes.
static void merges_of_any_combination_equal_the_union(void **state) {
	static const struct {
		uint32_t a_first, a_n, b_first, b_n;
	} cases[] = {
		{1, 0, 1, 0},
		{1, 5, 1, 0},
		{1, 5, 3, 9},
		{1, 300, 200, 300},
		{1, 300, 301, 212},
		{1, 300, 301, 213},
		{1, 512, 1, 512},
		{1, 512, 2, 512},
		{1, 5000, 1, 7},
		{1, 7, 1, 5000},
		{1, 5000, 4000, 90000},
		{1, 0, 1, 5000},
		{1, 513, 1, 513},
	};
	uint8_t buf[8192];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tt_sketch *a = of_range(cases[i].a_first, cases[i].a_n);
		struct tt_sketch *b = of_range(cases[i].b_first, cases[i].b_n);
		struct tt_sketch *all = of_range(cases[i].a_first, cases[i].a_n);
		struct tt_sketch *c = of_range(cases[i].a_first, cases[i].a_n);
		struct tt_sketch *d = tt_sketch_create();
		size_t n;

		for (uint32_t j = 0; j < cases[i].b_n; j++)
			tt_sketch_add(all, hash_of(cases[i].b_first + j));
		n = tt_sketch_encode(b, buf, sizeof(buf));
		assert_int_equal(tt_sketch_merge_encoded(c, buf, n), 0);
		n = tt_sketch_encode(a, buf, sizeof(buf));
		assert_int_equal(tt_sketch_merge(d, b), 0);
		assert_int_equal(tt_sketch_merge_encoded(d, buf, n), 0);
		assert_int_equal(tt_sketch_merge(a, b), 0);
		assert_same(a, all);
		assert_same(c, all);
		assert_same(d, all);
		assert_int_equal(tt_sketch_merge(a, a), 0);
		assert_same(a, all);
		tt_sketch_destroy(&a);
		tt_sketch_destroy(&b);
		tt_sketch_destroy(&c);
		tt_sketch_destroy(&d);
		tt_sketch_destroy(&all);
	}
}

static void encoding_says_the_size_it_needs_and_writes_nothing_when_short(void **state) {
	struct tt_sketch *s = of_range(1, 10);
	uint8_t buf[81];

	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(tt_sketch_encode(s, buf, 80), 81);
	for (unsigned i = 0; i < 81; i++)
		assert_int_equal(buf[i], 0xee);
	assert_int_equal(tt_sketch_encode(s, NULL, 0), 81);
	assert_int_equal(tt_sketch_encode(s, buf, 81), 81);
	tt_sketch_destroy(&s);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t one[TT_SKETCH_ONE];

		s = tt_sketch_create();
		tt_sketch_add(s, i * 77);
		tt_sketch_encode_one(i * 77, one);
		assert_int_equal(tt_sketch_encode(s, buf, sizeof(buf)), TT_SKETCH_ONE);
		assert_memory_equal(one, buf, TT_SKETCH_ONE);
		tt_sketch_destroy(&s);
	}
	s = of_range(1, 1000);
	assert_int_equal(tt_sketch_encode(s, NULL, 0), 4097);
	assert_true(tt_sketch_memory(s) < 4500);
	tt_sketch_destroy(&s);
}

static void refused(const uint8_t *buf, size_t len) {
	struct tt_sketch *s = of_range(1, 3), *before = of_range(1, 3);

	assert_int_equal(tt_sketch_merge_encoded(s, buf, len), -EBADMSG);
	assert_same(s, before);
	tt_sketch_destroy(&s);
	tt_sketch_destroy(&before);
}

static void corrupted_encodings_are_refused_and_change_nothing(void **state) {
	struct tt_sketch *small = of_range(1, 20), *large = of_range(1, 2000);
	uint8_t buf[8192], copy[8192];
	size_t n = tt_sketch_encode(small, buf, sizeof(buf));

	for (size_t len = 0; len < n; len++)
		if (len % 8 != 1)
			refused(buf, len);
	memcpy(copy, buf, n);
	memcpy(copy + 1, buf + 9, 8); // a repeated element
	refused(copy, n);
	memcpy(copy + 9, buf + 1, 8); // out of order
	refused(copy, n);
	memcpy(copy, buf, n);
	copy[0] = 0x21; // another version
	refused(copy, n);
	n = tt_sketch_encode(large, buf, sizeof(buf));
	refused(buf, n - 1);
	refused(buf, n + 1);
	buf[77] = 54; // more than 52 bits have zeros
	refused(buf, n);
	memset(buf + 1, 0, n - 1); // registers are never all empty
	refused(buf, n);
	memset(buf, 0x11, sizeof(buf));
	refused(buf, 1 + 8 * (TT_SKETCH_EXACT + 1));
	tt_sketch_destroy(&small);
	tt_sketch_destroy(&large);
}

static void families_and_secrets_hash_apart(void **state) {
	const uint8_t other[16] = "another secret.", src[16] = {192, 0, 2, 1};

	assert_true(tt_sketch_hash(secret, 4, src) != tt_sketch_hash(secret, 6, src));
	assert_true(tt_sketch_hash(secret, 4, src) != tt_sketch_hash(other, 4, src));
	assert_true(tt_sketch_hash(secret, 4, src) == hash_of(0xc0000201));
}

static void reset_empties(void **state) {
	struct tt_sketch *s = of_range(1, 2000), *none = NULL;

	tt_sketch_reset(s);
	assert_int_equal(tt_sketch_count(s), 0);
	tt_sketch_add(s, 5);
	assert_int_equal(tt_sketch_count(s), 1);
	tt_sketch_destroy(&s);
	assert_null(s);
	tt_sketch_destroy(&none);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_counts_are_exact_and_repeats_do_not_count),
		cmocka_unit_test(the_hash_zero_is_an_element_like_others),
		cmocka_unit_test(large_counts_stay_within_the_stated_error_without_bias),
		cmocka_unit_test(counts_from_1_to_100_million_stay_within_the_stated_error),
		cmocka_unit_test(unions_of_4_kib_sketches_are_counted_and_quick),
		cmocka_unit_test(merges_of_any_combination_equal_the_union),
		cmocka_unit_test(encoding_says_the_size_it_needs_and_writes_nothing_when_short),
		cmocka_unit_test(corrupted_encodings_are_refused_and_change_nothing),
		cmocka_unit_test(families_and_secrets_hash_apart),
		cmocka_unit_test(reset_empties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
