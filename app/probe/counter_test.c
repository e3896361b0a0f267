/* SPDX-License-Identifier: BSD-3-Clause */
#include "counter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_a_counter_advances(void **state) {
	(void)state;
	uint64_t last = 0;
	assert_int_equal(counter_advance(&last, 10), 10);
	assert_int_equal(counter_advance(&last, 10), 0);
	assert_int_equal(counter_advance(&last, UINT64_MAX), UINT64_MAX - 10);
}

static void test_a_counter_that_starts_over_counts_from_there(void **state) {
	(void)state;
	uint64_t last = 5000000;
	assert_int_equal(counter_advance(&last, 0), 0); // opened anew
	assert_int_equal(counter_advance(&last, 7), 7);
	last = 1ull << 40;
	assert_int_equal(counter_advance(&last, 3), 3);
	last = UINT64_MAX;
	assert_int_equal(counter_advance(&last, 3), 3);
	last = 1000; // a jump back is never a jump of 2^64
	assert_int_equal(counter_advance(&last, 999), 999);
}

static void test_counters_of_32_bits_wrap(void **state) {
	(void)state;
	uint64_t last = UINT32_MAX - 9;
	assert_int_equal(counter_advance(&last, 20), 30);
	last = UINT32_MAX;
	assert_int_equal(counter_advance(&last, 0), 1);
	last = 4000000000u; // no device counts 3.3 G packets in a second: it was reset
	assert_int_equal(counter_advance(&last, 3000000000u), 3000000000u);
}

static void test_whatever_a_counter_does_no_share_is_above_one(void **state) {
	(void)state;
	uint64_t lost = 0, got = 0, last_lost = 0, last_got = 0;
	srand(3);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t a = (uint64_t)rand() << (rand() % 20), b = (uint64_t)rand();
		uint64_t was = lost;
		lost += counter_advance(&last_lost, a);
		got += counter_advance(&last_got, b);
		assert_true(lost - was <= a || lost - was < COUNTER_STEP_MAX);
		double share = counter_share(lost, got, 0);
		assert_true(share >= 0 && share <= 1);
	}
	assert_true(counter_share(0, 0, 0.25) == 0.25);
	assert_true(counter_share(UINT64_MAX, UINT64_MAX, 0) <= 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_counter_advances),
		cmocka_unit_test(test_a_counter_that_starts_over_counts_from_there),
		cmocka_unit_test(test_counters_of_32_bits_wrap),
		cmocka_unit_test(test_whatever_a_counter_does_no_share_is_above_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
