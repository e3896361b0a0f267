/* SPDX-License-Identifier: BSD-3-Clause */
#include "gap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct polls polls;

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
	polls_reset(&polls);
	assert_int_equal(polls_percentile(&polls, 0.99), 0);
	for (uint64_t c = 1; c <= 10000; c++)
		polls_count(&polls, c, 0, false);
	assert_in_range(polls_percentile(&polls, 0.99), 9900, 10000);
	assert_in_range(polls_percentile(&polls, 0.5), 5000, 6250);
	assert_int_equal(polls_percentile(&polls, 1), 10000);
	assert_int_equal(polls.longest, 10000);
	assert_int_equal(polls.total, 10000 * 10001 / 2);
}

static void test_a_nap_is_no_gap_but_oversleeping_is(void **state) {
	(void)state;
	polls_reset(&polls);
	for (unsigned i = 0; i < 1000; i++)
		polls_count(&polls, 1000050, 1000000, false);
	assert_in_range(polls_percentile(&polls, 1), 50, 50);
	assert_int_equal(polls.asleep, 1000 * 1000000);
	polls_count(&polls, 1500000, 1000000, false);
	assert_int_equal(polls.longest, 500000);
	polls_count(&polls, 900, 1000, false); // woken early
	assert_int_equal(polls.longest, 500000);
	polls_count(&polls, 700, 200, true);
	assert_int_equal(polls.busy, 500);
	assert_true(polls.asleep + polls.busy <= polls.total);
}

static void test_an_epoch_begins_with_nothing(void **state) {
	(void)state;
	polls_reset(&polls);
	polls_count(&polls, 5000000, 0, false);
	polls_reset(&polls);
	polls_count(&polls, 100, 0, false);
	assert_int_equal(polls.longest, 100);
	assert_in_range(polls_percentile(&polls, 1), 100, 100);
	assert_int_equal(polls.total, 100);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_gap_lies_in_its_bucket),
		cmocka_unit_test(test_a_percentile_is_at_most_a_quarter_above_the_truth),
		cmocka_unit_test(test_a_nap_is_no_gap_but_oversleeping_is),
		cmocka_unit_test(test_an_epoch_begins_with_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
