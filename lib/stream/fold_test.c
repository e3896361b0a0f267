/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SENSORS 3
#define PORTS	40
#define SOURCES 300

static struct tt_obs observation(
	uint16_t sensor, uint8_t class, uint16_t port, uint32_t source, uint64_t packets) {
	struct tt_obs o = {.sensor = sensor,
		.class = class,
		.proto = 6,
		.port = port,
		.family = 4,
		.packets = packets,
		.bytes = packets * 60};
	memcpy(o.src, &source, sizeof(source));
	return o;
}

static void test_totals_and_top_agree_with_a_naive_count(void **state) {
	(void)state;
	struct tt_fold *f = tt_fold_create(SENSORS, 1 << 16);
	static uint64_t packets[SENSORS][TT_OBSERVED_CLASS_N][PORTS];
	static bool seen[SENSORS][TT_OBSERVED_CLASS_N][PORTS][SOURCES];
	memset(packets, 0, sizeof(packets));
	memset(seen, 0, sizeof(seen));
	uint64_t x = 88172645463325252ull;
	for (unsigned i = 0; i < 50000; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		unsigned s = x % SENSORS, c = (x >> 8) % 2,
			 p = (x >> 16) % PORTS * ((x >> 40) % 4) / 3;
		unsigned src = (x >> 24) % SOURCES;
		struct tt_obs o =
			observation((uint16_t)s, (uint8_t)c, (uint16_t)p, src, 1 + (x >> 50) % 5);
		packets[s][c][p] += o.packets;
		seen[s][c][p][src] = true;
		tt_fold_add(f, &o, p % 2 ? "JP" : "US");
	}
	for (unsigned s = 0; s < SENSORS; s++) {
		uint64_t all = 0, in_top = 0;
		for (unsigned c = 0; c < 2; c++) {
			uint64_t total = 0;
			unsigned sources = 0;
			for (unsigned src = 0; src < SOURCES; src++) {
				bool any = false;
				for (unsigned p = 0; p < PORTS; p++)
					any |= seen[s][c][p][src];
				sources += any;
			}
			for (unsigned p = 0; p < PORTS; p++)
				total += packets[s][c][p];
			struct tt_fold_sum sum = tt_fold_class(f, s, c);
			assert_int_equal(sum.packets, total);
			assert_int_equal(sum.bytes, total * 60);
			assert_int_equal(sum.sources, sources);
			all += total;
		}
		struct tt_fold_row top[TT_FOLD_TOP];
		struct tt_fold_sum other;
		unsigned n = tt_fold_top(f, s, TT_FOLD_PORTS, top, &other);
		assert_int_equal(n, TT_FOLD_TOP);
		for (unsigned i = 0; i < n; i++) {
			unsigned sources = 0, larger = 0;
			for (unsigned src = 0; src < SOURCES; src++)
				sources += seen[s][top[i].class][top[i].port][src];
			assert_int_equal(top[i].sum.packets, packets[s][top[i].class][top[i].port]);
			assert_int_equal(top[i].sum.sources, sources);
			for (unsigned c = 0; c < 2; c++)
				for (unsigned p = 0; p < PORTS; p++)
					larger += packets[s][c][p] > top[i].sum.packets;
			assert_true(larger <= i);
			in_top += top[i].sum.packets;
		}
		assert_int_equal(other.packets, all - in_top);
		n = tt_fold_top(f, s, TT_FOLD_REGIONS, top, &other);
		assert_int_equal(n, 4); // two classes, two regions
		assert_int_equal(other.packets, 0);
	}
	tt_fold_destroy(&f);
	assert_null(f);
}

static void test_packets_without_a_source_make_sources_a_lower_bound(void **state) {
	(void)state;
	struct tt_fold *f = tt_fold_create(1, 100);
	struct tt_obs o = observation(0, TT_SCAN, 23, 1, 4);
	tt_fold_add(f, &o, "JP");
	assert_false(tt_fold_lower_bound(f, 0));
	o = observation(0, TT_SCAN, 23, 0, 10);
	o.family = 0;
	o.flags = TT_OBS_SPILLED;
	tt_fold_add(f, &o, "--");
	o.flags |= TT_OBS_CLASS_TOTAL;
	o.port = o.proto = 0;
	tt_fold_add(f, &o, "--");
	struct tt_fold_row top[TT_FOLD_TOP];
	struct tt_fold_sum other;
	assert_int_equal(tt_fold_top(f, 0, TT_FOLD_PORTS, top, &other), 1);
	assert_int_equal(top[0].sum.packets, 14);
	assert_int_equal(top[0].sum.sources, 1);
	assert_int_equal(other.packets, 10); // the class total has no port
	assert_int_equal(tt_fold_top(f, 0, TT_FOLD_REGIONS, top, &other), 2);
	assert_string_equal(top[0].region, "--");
	assert_int_equal(top[0].sum.packets, 20);
	assert_int_equal(top[0].sum.sources, 0);
	assert_true(tt_fold_lower_bound(f, 0));
	assert_int_equal(tt_fold_class(f, 0, TT_SCAN).packets, 24);
	tt_fold_destroy(&f);
}

static void test_rows_past_the_limit_count_among_the_others(void **state) {
	(void)state;
	struct tt_fold *f = tt_fold_create(1, 10);
	for (unsigned p = 0; p < 3000; p++) {
		struct tt_obs o = observation(0, TT_SCAN, (uint16_t)p, p, 2);
		tt_fold_add(f, &o, "JP");
	}
	struct tt_fold_row top[TT_FOLD_TOP];
	struct tt_fold_sum other;
	unsigned n = tt_fold_top(f, 0, TT_FOLD_PORTS, top, &other);
	assert_true(n < 10);
	assert_int_equal(other.packets, 6000 - 2 * n);
	tt_fold_destroy(&f);
}

static void test_a_reset_forgets_everything(void **state) {
	(void)state;
	struct tt_fold *f = tt_fold_create(2, 100000);
	for (unsigned p = 0; p < 5000; p++) {
		struct tt_obs o = observation(1, TT_BACKSCATTER, (uint16_t)p, p % 7, 2);
		tt_fold_add(f, &o, "DE");
	}
	tt_fold_reset(f);
	struct tt_fold_row top[TT_FOLD_TOP];
	struct tt_fold_sum other;
	assert_int_equal(tt_fold_top(f, 1, TT_FOLD_PORTS, top, &other), 0);
	assert_int_equal(other.packets, 0);
	assert_int_equal(tt_fold_class(f, 1, TT_BACKSCATTER).sources, 0);
	struct tt_obs o = observation(1, TT_BACKSCATTER, 7, 7, 3);
	tt_fold_add(f, &o, "DE");
	assert_int_equal(tt_fold_top(f, 1, TT_FOLD_PORTS, top, &other), 1);
	assert_int_equal(top[0].sum.packets, 3);
	tt_fold_destroy(&f);
}

static void test_many_sources_are_estimated_within_the_stated_error(void **state) {
	(void)state;
	struct tt_fold *f = tt_fold_create(1, 100);
	for (uint32_t i = 0; i < 100000; i++) {
		struct tt_obs o = observation(0, TT_SCAN, 23, i * 2654435761u, 1);
		tt_fold_add(f, &o, "JP");
	}
	uint64_t n = tt_fold_class(f, 0, TT_SCAN).sources;
	assert_in_range(n, 92000, 108000); // five standard errors of 1.6 %
	tt_fold_destroy(&f);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_totals_and_top_agree_with_a_naive_count),
		cmocka_unit_test(test_packets_without_a_source_make_sources_a_lower_bound),
		cmocka_unit_test(test_rows_past_the_limit_count_among_the_others),
		cmocka_unit_test(test_a_reset_forgets_everything),
		cmocka_unit_test(test_many_sources_are_estimated_within_the_stated_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
