/* SPDX-License-Identifier: BSD-3-Clause */
#include "idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker.h"

static struct idler idler;

static int fresh(void **state) {
	(void)state;
	return idle_init(&idler, IDLE_ADAPTIVE, 500);
}

static void silence(unsigned rounds) {
	for (unsigned i = 0; i < rounds; i++)
		idle_nap(&idler, 0, false);
}

static void naps_come_after_many_empty_rounds_and_grow_to_the_longest(void **state) {
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(idle_nap(&idler, 0, false), 0);
	assert_int_equal(idle_nap(&idler, 0, false), 1);
	assert_int_equal(idle_nap(&idler, 0, false), 2);
	silence(20);
	assert_int_equal(idle_nap(&idler, 0, false), 500);
}

static void a_packet_now_and_then_wakes_nobody_for_long(void **state) {
	(void)state;
	silence(1100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(idle_nap(&idler, i % 10 == 0, false), 500);
}

static void naps_that_collect_many_get_shorter_and_full_bursts_end_them(void **state) {
	(void)state;
	silence(1100);
	assert_int_equal(idle_nap(&idler, BURST / 2, false), 250);
	assert_int_equal(idle_nap(&idler, BURST - 1, false), 125);
	assert_int_equal(idle_nap(&idler, BURST, true), 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(idle_nap(&idler, 1, false), 0);
}

// Packets at a steady rate: naps settle where each brings some half a burst.
static void naps_fit_the_rate(void **state) {
	(void)state;
	double waiting = 0, us = 0, packets = 0;
	silence(1100);
	for (unsigned i = 0; i < 10000; i++) {
		unsigned n = waiting > BURST ? BURST : (unsigned)waiting;
		waiting -= n;
		packets += n;
		unsigned nap = idle_nap(&idler, n, n == BURST);
		us += nap + 1;
		waiting += (nap + 1) * 0.3; // 300,000 a second
		assert_true(waiting < 1024);
	}
	assert_true(packets / us > 0.29);
	assert_in_range((uint64_t)(us / 10000), 20, 200);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			naps_come_after_many_empty_rounds_and_grow_to_the_longest, fresh),
		cmocka_unit_test_setup(a_packet_now_and_then_wakes_nobody_for_long, fresh),
		cmocka_unit_test_setup(
			naps_that_collect_many_get_shorter_and_full_bursts_end_them, fresh),
		cmocka_unit_test_setup(naps_fit_the_rate, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
