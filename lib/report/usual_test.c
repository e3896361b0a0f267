/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "usual.h"

#define MOST 200

static const struct thresholds limits = {
	.min_excess = 20, .deviations = 5, .factor = 1.5, .passing = 2, .down = true};

// Days from a Monday on, all known.
static void fill(struct series_day *d, unsigned n, const double *v, unsigned v_n) {
	memset(d, 0, n * sizeof(*d));
	for (unsigned i = 0; i < n; i++) {
		d[i].value = v[i % v_n];
		d[i].known = true;
		d[i].weekend = i % 7 >= 5;
	}
}

static void level(struct series_day *d, unsigned from, unsigned to, double value) {
	for (unsigned i = from; i < to; i++)
		d[i].value = value;
}

// splitmix64: the same numbers everywhere
static uint64_t seed;

static double uniform(void) {
	uint64_t z = (seed += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

static double normal(void) {
	return sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform());
}

// Values become draws of a Poisson distribution of that mean, or of one `spread` times as wide.
static void draw(struct series_day *d, unsigned n, double spread) {
	for (unsigned i = 0; i < n; i++) {
		double mean = d[i].value, p = exp(-mean), sum = p, u = uniform();
		if (mean > 100 || spread > 1) {
			d[i].value = floor(mean + sqrt(mean) * spread * normal() + 0.5);
			d[i].value = d[i].value < 0 ? 0 : d[i].value;
			continue;
		}
		for (d[i].value = 0; u > sum && d[i].value < 1000; sum += p)
			p *= mean / ++d[i].value;
	}
}

struct told {
	unsigned first, last;
	int direction;
	bool level, lasts;
};

// What is told of days [from, n) is this and nothing else, first days to within `slack`.
static void expect(struct series_day *d, unsigned n, unsigned from, const struct told *want,
	unsigned want_n, unsigned slack) {
	struct run *runs;
	unsigned got;
	assert_int_equal(usual_find(d, n, from, &limits, &runs, &got), 0);
	for (unsigned i = 0; i < got && got != want_n; i++)
		print_message("%u to %u, %d, level %d, lasts %d, usual %.1f\n", runs[i].first,
			runs[i].last, runs[i].direction, runs[i].level, runs[i].lasts,
			runs[i].usual.median);
	assert_int_equal(got, want_n);
	for (unsigned i = 0; i < got; i++) {
		const struct run *r = &runs[i];
		assert_in_range(r->first + slack, want[i].first, want[i].first + 2 * slack);
		assert_in_range(r->last + slack, want[i].last, want[i].last + 2 * slack);
		assert_int_equal(r->direction, want[i].direction);
		assert_int_equal(r->level, want[i].level);
		assert_int_equal(r->lasts, want[i].lasts);
	}
	free(runs);
}

static void expect_nothing(struct series_day *d, unsigned n, unsigned from) {
	expect(d, n, from, NULL, 0, 0);
}

// ---- what is usual

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
	expect_nothing(d, 70, 0);
	assert_float_equal(usual_of(d, 70, 68).median, 10, 1e-9);
	assert_float_equal(usual_of(d, 70, 67).median, 100, 1e-9);
	// a Saturday like a working day is a surge
	d[68].value = 100;
	expect(d, 70, 0, &(struct told){68, 68, 1, false, false}, 1, 0);
}

static void kinds_of_day_need_days_of_both(void **state) {
	const double v[] = {50};
	struct series_day d[20];
	fill(d, 20, v, 1);
	for (unsigned i = 0; i < 20; i++)
		d[i].known = !d[i].weekend || i == 5;
	d[5].value = 70;
	// one weekend day is no baseline of weekends, and no reason to leave it out of the other
	assert_int_equal(usual_of(d, 20, 19).days, 16);
}

static void too_few_days_say_nothing(void **state) {
	const double v[] = {50};
	struct series_day d[7];
	fill(d, 7, v, 1);
	d[3].value = 5000;
	expect_nothing(d, 7, 0);
	assert_int_equal(usual_of(d, 7, 3).days, 0);
	assert_int_equal(d[3].odd, 0);
}

// ---- days that pass

static void a_quiet_series_does_not_cry_at_a_few_packets(void **state) {
	const double none[] = {0};
	struct series_day d[60];
	fill(d, 60, none, 1);
	d[40].value = 1;
	d[50].value = 19;
	expect_nothing(d, 60, 0);
	d[50].value = 20;
	expect(d, 60, 0, &(struct told){50, 50, 1, false, false}, 1, 0);
}

static void a_day_that_is_not_known_whole_cannot_be_low(void **state) {
	const double v[] = {200};
	static const struct told want[] = {{40, 40, -1, false, false}, {42, 42, 1, false, false}};
	struct series_day d[60];
	fill(d, 60, v, 1);
	d[40].value = 3;
	d[41].value = 3;
	d[41].known = false;
	d[42].value = 900;
	d[42].known = false;
	expect(d, 60, 0, want, 2, 0);
	assert_int_equal(d[41].odd, 0);
}

static void one_day_between_does_not_end_a_run(void **state) {
	const double v[] = {50};
	static const struct told want[] = {
		{30, 32, 1, false, false}, {35, 35, 1, false, false}, {36, 36, -1, false, false}};
	struct series_day d[60];
	fill(d, 60, v, 1);
	d[30].value = d[32].value = d[35].value = 400;
	d[36].value = 0;
	expect(d, 60, 0, want, 3, 0);
}

static void the_first_days_are_judged_by_later_ones(void **state) {
	const double v[] = {50};
	struct series_day d[40];
	fill(d, 40, v, 1);
	d[1].value = 500;
	expect(d, 40, 0, &(struct told){1, 1, 1, false, false}, 1, 0);
}

static void what_passes_has_to_double(void **state) {
	const double v[] = {100};
	struct series_day d[60];
	fill(d, 60, v, 1);
	level(d, 40, 45, 190);
	expect_nothing(d, 60, 0);
	d[42].value = 210;
	expect(d, 60, 0, &(struct told){40, 44, 1, false, false}, 1, 0);
}

static void weeks_that_pass_are_one_surge(void **state) {
	// working days and weekends alike, and both halves of the weekend
	const double week[] = {100, 100, 100, 100, 100, 40, 40};
	struct series_day d[140];
	fill(d, 140, week, 7);
	for (unsigned i = 70; i < 90; i++)
		d[i].value *= 6;
	expect(d, 140, 60, &(struct told){70, 89, 1, false, false}, 1, 0);
}

// ---- levels

static void a_new_level_is_one_rise_and_then_usual(void **state) {
	const double v[] = {50};
	struct series_day d[180];
	struct run *runs;
	unsigned n;
	fill(d, 180, v, 1);
	level(d, 60, 180, 400);
	expect(d, 120, 40, &(struct told){60, 119, 1, true, true}, 1, 0);
	assert_float_equal(usual_of(d, 120, 119).median, 400, 1e-9);
	expect(d, 180, 0, &(struct told){60, 179, 1, true, true}, 1, 0);
	// two weeks make a level, which is told once
	expect(d, 73, 40, &(struct told){60, 72, 1, false, true}, 1, 0);
	expect(d, 74, 40, &(struct told){60, 73, 1, true, true}, 1, 0);
	expect(d, 104, 73, &(struct told){60, 103, 1, true, true}, 1, 0);
	expect_nothing(d, 104, 74);
	expect_nothing(d, 180, 120);
	assert_int_equal(usual_find(d, 120, 40, &limits, &runs, &n), 0);
	assert_float_equal(runs[0].usual.median, 50, 1e-9);
	assert_int_equal(runs[0].usual_first, 32);
	assert_int_equal(runs[0].usual_days, 28);
	free(runs);
}

static void a_surge_after_a_new_level_is_measured_by_it(void **state) {
	const double v[] = {50};
	struct series_day d[180];
	struct run *runs;
	unsigned n;
	fill(d, 180, v, 1);
	level(d, 40, 180, 200);
	level(d, 150, 153, 50);
	level(d, 160, 163, 900);
	static const struct told want[] = {
		{150, 152, -1, false, false}, {160, 162, 1, false, false}};
	expect(d, 180, 100, want, 2, 0);
	assert_int_equal(usual_find(d, 180, 100, &limits, &runs, &n), 0);
	assert_float_equal(runs[0].usual.median, 200, 1e-9);
	assert_float_equal(runs[1].usual.median, 200, 1e-9);
	free(runs);
}

static void a_level_that_ended_is_one_rise_with_its_end(void **state) {
	const double v[] = {5};
	struct series_day d[180];
	fill(d, 180, v, 1);
	level(d, 80, 140, 108);
	expect(d, 180, 60, &(struct told){80, 139, 1, true, false}, 1, 0);
	// the same where the end is so fresh that it could be a dip
	expect(d, 146, 60, &(struct told){80, 139, 1, true, false}, 1, 0);
	// the period that only saw it end is told of that
	expect(d, 180, 120, &(struct told){140, 179, -1, true, true}, 1, 0);
	// less than four weeks are days that passed
	level(d, 107, 140, 5);
	expect(d, 180, 60, &(struct told){80, 106, 1, false, false}, 1, 0);
}

static void a_third_level_is_told_too(void **state) {
	const double v[] = {50};
	static const struct told want[] = {{80, 119, 1, true, false}, {120, 179, -1, true, true}};
	struct series_day d[180];
	fill(d, 180, v, 1);
	level(d, 80, 120, 400);
	level(d, 120, 180, 150);
	expect(d, 180, 60, want, 2, 0);
}

static void a_rise_over_a_surge_is_both(void **state) {
	const double v[] = {50};
	static const struct told want[] = {{80, 83, 1, false, false}, {80, 179, 1, true, true}};
	struct series_day d[180];
	fill(d, 180, v, 1);
	level(d, 80, 84, 900);
	level(d, 84, 180, 150);
	expect(d, 180, 60, want, 2, 0);
}

static void data_may_begin_shortly_before_a_new_level(void **state) {
	const double v[] = {5};
	struct series_day d[92];
	for (unsigned before = 7; before < 30; before++) {
		fill(d, 92, v, 1);
		level(d, before, 81, 108);
		expect(d, 92, 0, &(struct told){before, 80, 1, true, false}, 1, 0);
	}
	// fewer than seven days are no level to have left
	fill(d, 92, v, 1);
	level(d, 4, 92, 108);
	expect_nothing(d, 92, 0);
}

static void days_without_data_change_nothing(void **state) {
	const double v[] = {50};
	struct series_day d[180];
	for (unsigned lost = 60; lost < 130; lost += 3) {
		fill(d, 180, v, 1);
		level(d, 80, 180, 300);
		for (unsigned i = lost; i < lost + 20; i++) {
			d[i].value = 0;
			d[i].known = false;
		}
		unsigned first = lost <= 80 && lost + 20 > 80 ? lost + 20 : 80;
		expect(d, 180, 60, &(struct told){first, 179, 1, true, true}, 1, 0);
	}
}

static void working_days_may_rise_alone(void **state) {
	const double week[] = {100, 100, 100, 100, 100, 40, 40};
	struct series_day d[180];
	fill(d, 180, week, 7);
	for (unsigned i = 84; i < 180; i++)
		d[i].value = d[i].weekend ? 40 : 300;
	expect(d, 180, 60, &(struct told){84, 179, 1, true, true}, 1, 0);
	assert_float_equal(usual_of(d, 180, 173).median, 40, 1e-9);
	expect_nothing(d, 180, 120);
}

static void a_ramp_is_one_rise_from_its_beginning(void **state) {
	struct series_day d[MOST];
	const double v[] = {60};
	// by the days that it takes: over in a week, or in two months
	for (unsigned days = 5; days <= 60; days += 5) {
		fill(d, MOST, v, 1);
		for (unsigned i = 80; i < MOST; i++)
			d[i].value = 60 + 150 * (i - 80 < days ? (i - 79.0) / days : 1);
		expect(d, MOST, 70, &(struct told){80 + days / 20, MOST - 1, 1, true, true}, 1,
			1 + days / 12);
		// down again the same way, half as far
		fill(d, MOST, v, 1);
		for (unsigned i = 0; i < MOST; i++)
			d[i].value = 200 - 130 * (i < 80		 ? 0
							 : i - 80 < days ? (i - 79.0) / days
									 : 1);
		expect(d, MOST, 70, &(struct told){80 + days / 20, MOST - 1, -1, true, true}, 1,
			1 + days / 12);
	}
}

static void a_ramp_that_the_period_cuts_began_before_it(void **state) {
	const double v[] = {60};
	struct series_day d[MOST];
	fill(d, MOST, v, 1);
	for (unsigned i = 80; i < MOST; i++)
		d[i].value = 60 + 150 * (i - 80 < 30 ? (i - 79.0) / 30 : 1);
	expect(d, 187, 95, &(struct told){81, 186, 1, true, true}, 1, 3);
	expect_nothing(d, 187, 140);
}

// ---- chance

static void chance_alone_tells_nothing(void **state) {
	static const double means[] = {1, 5, 10, 25, 60, 150, 1000, 20000};
	struct series_day d[150];
	unsigned told = 0, quarters = 0, n;
	seed = 1;
	for (unsigned m = 0; m < 8; m++)
		for (unsigned spread = 1; spread <= 3; spread++)
			for (unsigned i = 0; i < 100; i++) {
				struct run *runs;
				// where that cannot be less than nothing
				if (spread > 1 && means[m] < 9 * spread * spread)
					continue;
				quarters++;
				fill(d, 150, &means[m], 1);
				draw(d, 150, spread);
				assert_int_equal(usual_find(d, 150, 58, &limits, &runs, &n), 0);
				told += n;
				free(runs);
			}
	// some of them three times as wide as chance: a median deviation is only an estimate
	assert_int_equal(quarters, 1500);
	assert_in_range(told, 0, 3);
}

// Drawn shifts are told as often as they should be: to the day, once, with nothing beside.
static void shifts_are_found_among_chance(void **state) {
	struct series_day d[150];
	unsigned exact = 0, alone = 0, n;
	seed = 2;
	for (unsigned i = 0; i < 400; i++) {
		double mean = 8 + 200 * uniform(), factor = 2.5 + 3 * uniform();
		unsigned at = 64 + (unsigned)(uniform() * 60);
		struct run *runs;
		mean = mean * (factor - 1) < 30 ? 30 : mean;
		fill(d, 150, &mean, 1);
		level(d, at, 150, i % 2 ? mean * factor : mean);
		level(d, 0, at, i % 2 ? mean : mean * factor);
		draw(d, 150, 1);
		assert_int_equal(usual_find(d, 150, 58, &limits, &runs, &n), 0);
		alone += n == 1 && runs[0].level && runs[0].lasts &&
			 runs[0].direction == (i % 2 ? 1 : -1);
		exact += n == 1 && runs[0].first == at;
		free(runs);
	}
	assert_in_range(alone, 396, 400);
	assert_in_range(exact, 380, 400);
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
		cmocka_unit_test(kinds_of_day_need_days_of_both),
		cmocka_unit_test(too_few_days_say_nothing),
		cmocka_unit_test(a_quiet_series_does_not_cry_at_a_few_packets),
		cmocka_unit_test(a_day_that_is_not_known_whole_cannot_be_low),
		cmocka_unit_test(one_day_between_does_not_end_a_run),
		cmocka_unit_test(the_first_days_are_judged_by_later_ones),
		cmocka_unit_test(what_passes_has_to_double),
		cmocka_unit_test(weeks_that_pass_are_one_surge),
		cmocka_unit_test(a_new_level_is_one_rise_and_then_usual),
		cmocka_unit_test(a_surge_after_a_new_level_is_measured_by_it),
		cmocka_unit_test(a_level_that_ended_is_one_rise_with_its_end),
		cmocka_unit_test(a_third_level_is_told_too),
		cmocka_unit_test(a_rise_over_a_surge_is_both),
		cmocka_unit_test(data_may_begin_shortly_before_a_new_level),
		cmocka_unit_test(days_without_data_change_nothing),
		cmocka_unit_test(working_days_may_rise_alone),
		cmocka_unit_test(a_ramp_is_one_rise_from_its_beginning),
		cmocka_unit_test(a_ramp_that_the_period_cuts_began_before_it),
		cmocka_unit_test(chance_alone_tells_nothing),
		cmocka_unit_test(shifts_are_found_among_chance),
		cmocka_unit_test(saturdays_and_sundays_are_weekends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
