/* SPDX-License-Identifier: BSD-3-Clause */
#include "gap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_every_gap_lies_in_its_bucket(void **state) {
	(void)state;
	for (uint64_t c = 0; c < 200000; c++) {
		unsigned b = gap_bucket(c);
		assert_true(c <= gap_upper(b));
		assert_true(b == 0 || c > gap_upper(b - 1));
	}
	assert_int_equal(gap_bucket(UINT64_MAX), GAP_BUCKETS - 1);
	assert_true(gap_upper(GAP_BUCKETS - 1) > 1000ull * 3000000); // a second at 3 GHz
}

static void test_a_percentile_is_at_most_a_quarter_above_the_truth(void **state) {
	(void)state;
	uint64_t counts[GAP_BUCKETS] = {0};
	assert_int_equal(gap_percentile(counts, 0.99), 0);
	for (uint64_t c = 1; c <= 10000; c++)
		counts[gap_bucket(c)]++;
	assert_in_range(gap_percentile(counts, 0.99), 9900, 12375);
	assert_in_range(gap_percentile(counts, 0.5), 5000, 6250);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_gap_lies_in_its_bucket),
		cmocka_unit_test(test_a_percentile_is_at_most_a_quarter_above_the_truth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
