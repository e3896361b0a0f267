/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "usual.h"

static const struct thresholds limits = {.min_excess = 20, .deviations = 5, .factor = 1.5};

// Days from a Monday on, all known.
static void fill(struct series_day *d, unsigned n, const double *v, unsigned v_n) {
	memset(d, 0, n * sizeof(*d));
	for (unsigned i = 0; i < n; i++) {
		d[i].value = v[i % v_n];
		d[i].known = true;
		d[i].weekend = i % 7 >= 5;
	}
}

static void median_and_deviation_are_robust(void **state) {
	const double v[] = {10, 12, 8, 10, 11, 9, 10, 500, 10, 10};
	struct series_day d[11];
	fill(d, 11, v, 10);
	for (unsigned i = 0; i < 11; i++)
		d[i].weekend = false;
	struct tt_usual u = usual_of(d, 11, 10);
	assert_int_equal(u.days, 10);
	assert_float_equal(u.median, 10, 1e-9);
	// deviations 0,2,2,0,1,1,0,490,0,0: median 0.5, which is below sqrt(10)
	assert_float_equal(u.deviation, 3.16227766, 1e-6);
}

static void deviation_grows_with_the_spread(void **state) {
	const double v[] = {60, 140, 100, 60, 140, 100, 60, 140};
	struct series_day d[9];
	fill(d, 9, v, 8);
	for (unsigned i = 0; i < 9; i++)
		d[i].weekend = false;
	struct tt_usual u = usual_of(d, 9, 8);
	assert_float_equal(u.median, 100, 1e-9);
	assert_float_equal(u.deviation, 1.4826 * 40, 1e-9);
}

static void weekends_are_compared_with_weekends(void **state) {
	const double week[] = {100, 100, 100, 100, 100, 10, 10};
	struct series_day d[70];
	fill(d, 70, week, 7);
	usual_mark(d, 70, 0, &limits, true);
	for (unsigned i = 0; i < 70; i++)
		assert_int_equal(d[i].odd, 0);
	assert_float_equal(usual_of(d, 70, 68).median, 10, 1e-9);
	assert_float_equal(usual_of(d, 70, 67).median, 100, 1e-9);
	// a Saturday like a working day is a surge
	d[68].value = 100;
	usual_mark(d, 70, 0, &limits, true);
	assert_int_equal(d[68].odd, 1);
}

static void a_quiet_series_does_not_cry_at_a_few_packets(void **state) {
	const double none[] = {0};
	struct series_day d[60];
	fill(d, 60, none, 1);
	d[40].value = 1;
	d[50].value = 19;
	usual_mark(d, 60, 0, &limits, true);
	assert_int_equal(d[40].odd, 0);
	assert_int_equal(d[50].odd, 0);
	d[50].value = 20;
	usual_mark(d, 60, 0, &limits, true);
	assert_int_equal(d[50].odd, 1);
}

static void a_day_that_is_not_known_whole_cannot_be_low(void **state) {
	const double v[] = {200};
	struct series_day d[60];
	fill(d, 60, v, 1);
	d[40].value = 3;
	d[41].value = 3;
	d[41].known = false;
	d[42].value = 900;
	d[42].known = false;
	usual_mark(d, 60, 0, &limits, true);
	assert_int_equal(d[40].odd, -1);
	assert_int_equal(d[41].odd, 0);
	assert_int_equal(d[42].odd, 1);
}

static void a_surge_does_not_become_usual(void **state) {
	const double v[] = {50};
	struct series_day d[120];
	fill(d, 120, v, 1);
	for (unsigned i = 60; i < 120; i++)
		d[i].value = 400;
	usual_mark(d, 120, 0, &limits, true);
	for (unsigned i = 0; i < 120; i++)
		assert_int_equal(d[i].odd, i >= 60);
	unsigned at = 0;
	struct run r;
	assert_true(usual_run(d, 120, &at, &r));
	assert_int_equal(r.first, 60);
	assert_int_equal(r.last, 119);
	assert_true(r.lasts);
	assert_false(usual_run(d, 120, &at, &r));
}

static void one_day_between_does_not_end_a_run(void **state) {
	const double v[] = {50};
	struct series_day d[60];
	struct run r;
	unsigned at = 0;
	fill(d, 60, v, 1);
	d[30].value = d[32].value = d[35].value = 400;
	d[36].value = 0;
	usual_mark(d, 60, 0, &limits, true);
	assert_true(usual_run(d, 60, &at, &r));
	assert_int_equal(r.first, 30);
	assert_int_equal(r.last, 32);
	assert_false(r.lasts);
	assert_true(usual_run(d, 60, &at, &r));
	assert_int_equal(r.first, 35);
	assert_int_equal(r.direction, 1);
	assert_true(usual_run(d, 60, &at, &r));
	assert_int_equal(r.direction, -1);
	assert_false(usual_run(d, 60, &at, &r));
}

static void too_few_days_say_nothing(void **state) {
	const double v[] = {50};
	struct series_day d[7];
	fill(d, 7, v, 1);
	d[3].value = 5000;
	usual_mark(d, 7, 0, &limits, true);
	assert_int_equal(usual_of(d, 7, 3).days, 0);
	assert_int_equal(d[3].odd, 0);
}

static void the_first_days_are_judged_by_later_ones(void **state) {
	const double v[] = {50};
	struct series_day d[40];
	fill(d, 40, v, 1);
	d[1].value = 500;
	usual_mark(d, 40, 0, &limits, true);
	assert_int_equal(d[1].odd, 1);
	assert_int_equal(d[2].odd, 0);
}

static void saturdays_and_sundays_are_weekends(void **state) {
	assert_true(is_weekend(tt_civil_days(2024, 10, 5)));
	assert_true(is_weekend(tt_civil_days(2024, 10, 6)));
	assert_false(is_weekend(tt_civil_days(2024, 10, 7)));
	assert_false(is_weekend(tt_civil_days(2024, 10, 4)));
	assert_true(is_weekend(tt_civil_days(1969, 12, 28)));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_and_deviation_are_robust),
		cmocka_unit_test(deviation_grows_with_the_spread),
		cmocka_unit_test(weekends_are_compared_with_weekends),
		cmocka_unit_test(a_quiet_series_does_not_cry_at_a_few_packets),
		cmocka_unit_test(a_day_that_is_not_known_whole_cannot_be_low),
		cmocka_unit_test(a_surge_does_not_become_usual),
		cmocka_unit_test(one_day_between_does_not_end_a_run),
		cmocka_unit_test(too_few_days_say_nothing),
		cmocka_unit_test(the_first_days_are_judged_by_later_ones),
		cmocka_unit_test(saturdays_and_sundays_are_weekends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
