/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>

#include "world.h"

static struct tt_err err;

// Days either side of a quarter's start, by the zone's own calendar.
static int64_t quarter_start(struct tt_store *s) {
	return tt_tz_day_start(tt_store_tz(s), tt_civil_days(2024, 10, 1));
}

static void checkpoint(struct tt_store *s) {
	if (tt_store_checkpoint(s, &err) != 0)
		fail_msg("%s", err.msg);
}

static void set_filter(struct tt_query *q, unsigned f) {
	switch (f) {
	case 1:
		q->classes = 1u << TT_SCAN;
		break;
	case 2:
		q->has_port = true;
		q->proto = 6;
		q->port = 23;
		break;
	case 3:
		q->country = "JP";
		break;
	case 4:
		q->group = "cloud";
		break;
	case 5:
		q->tool = TT_TOOL_ZMAP;
		break;
	case 6:
		q->region = "--";
		break;
	case 7:
		q->surveyors = TT_SURVEYORS_ONLY;
		break;
	case 8:
		q->country = "!JP";
		break;
	case 9:
		q->icmp_one = true;
		break;
	}
}

static bool covered(const struct tt_query *q) {
	unsigned common = 1u << TT_BY_SENSOR | 1u << TT_BY_CLASS | 1u << TT_BY_NONE,
		 by = 1u << q->by;

	if (q->tool >= 0 && q->by == TT_BY_TOOL)
		return false;
	if (q->tool >= 0 || q->by == TT_BY_TOOL)
		return !q->has_port && q->region == NULL && (by & (common | 1u << TT_BY_TOOL));
	if (q->has_port || q->by == TT_BY_PORT || q->by == TT_BY_DPORT)
		return q->region == NULL &&
		       (by & (common | 1u << TT_BY_PORT |
				     (q->classes == 1u << TT_SCAN ? 1u << TT_BY_DPORT : 0)));
	return by & (common | 1u << TT_BY_REGION);
}

static void compare_all(struct world *w, struct tt_store *s, int64_t from, int64_t to) {
	unsigned compared = 0;

	for (int by = TT_BY_PORT; by <= TT_BY_NONE; by++) {
		for (unsigned f = 0; f < 10; f++) {
			for (int step = TT_STEP_NONE; step <= TT_STEP_MONTH; step++) {
				struct tt_query q = TT_QUERY_INIT;

				q.by = by;
				q.classes = (1u << TT_OBSERVED_CLASS_N) - 1;
				q.step = step;
				q.from = from;
				q.to = to;
				q.read = TT_READ_ROLLUPS;
				set_filter(&q, f);
				if (!covered(&q) || (f % 3 && step > TT_STEP_HOUR))
					continue;
				world_check(w, s, &q, false);
				compared++;
			}
		}
	}
	assert_true(compared > 60);
}

static void rollups_and_tail_equal_a_plain_count_in_every_zone(void **state) {
	static const char *const zones[] = {"UTC", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin"};

	for (unsigned z = 0; z < 4; z++) {
		struct world *w = world_create(11 + z);
		struct tt_store *s = world_open(w, TT_STORE_WRITE, zones[z]);
		int64_t q = quarter_start(s);

		w->whole = true;
		world_begin(w);
		world_catalog(w, NULL);
		world_put(w, s, true);
		world_up(w, s, q - 86400, q + 2 * 86400);
		// two seconds' worth either side of the quarter's start too
		world_fill(w, s, 100, 50, q - WORLD_EPOCH, q + WORLD_EPOCH);
		world_fill(w, s, 800, 300, q - 86400, q + 86400);
		if (z == 0)
			compare_all(w, s, 0, 0); // nothing folded: all is tail
		checkpoint(s);
		world_fill(w, s, 800, 300, q - 86400, q + 2 * 86400);
		checkpoint(s);
		world_fill(w, s, 500, 400, q - 86400, q + 2 * 86400);
		compare_all(w, s, 0, 0);
		compare_all(w, s, q, 0);
		compare_all(w, s, q - 86400, q);
		world_close(&s);
		s = world_open(w, TT_STORE_READ, NULL);
		compare_all(w, s, q, q + 86400);
		world_close(&s);
		world_destroy(&w);
	}
}

static void sketches_of_many_sources_stay_within_their_error(void **state) {
	struct world *w = world_create(3);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	int64_t from = 1734480000;
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result res;

	for (uint32_t i = 0; i < 60000;) {
		world_begin(w);
		for (unsigned j = 0; j < 10000; j++, i++) {
			struct tt_obs o = world_obs(w, from, from + 7200);

			o.family = 4;
			o.class = TT_SCAN;
			o.proto = 6;
			o.port = 23;
			o.sensor = i % 3;
			memset(o.src, 0, 16);
			o.src[0] = 10;
			o.src[1] = (uint8_t)(i / 2 >> 16);
			o.src[2] = (uint8_t)(i / 2 >> 8);
			o.src[3] = (uint8_t)(i / 2);
			assert_int_equal(tt_batch_add_obs(w->batch, &o), 0);
		}
		world_put(w, s, false);
		if (i == 30000)
			checkpoint(s);
	}
	q.by = TT_BY_PORT;
	assert_int_equal(tt_store_query(s, &q, &res, &err), 0);
	assert_int_equal(res.rows[0].sources, 30000);
	assert_false(res.from_rollups);
	tt_result_free(&res);
	q.raw_rows_max = 1000; // more than that: rollups
	assert_int_equal(tt_store_query(s, &q, &res, &err), 0);
	assert_true(res.from_rollups);
	assert_true(fabs(res.rows[0].sources_error - 0.01625) < 1e-6);
	assert_true(fabs((double)res.rows[0].sources / 30000 - 1) < 4 * 0.01625);
	assert_true(res.rows[0].top_source_share < 0);
	tt_result_free(&res);
	q.from = from + 60; // not at an hour: rollups do not serve
	assert_int_equal(tt_store_query(s, &q, &res, &err), 0);
	assert_false(res.from_rollups);
	tt_result_free(&res);
	world_close(&s);
	world_destroy(&w);
}

static void spilled_packets_count_in_rollups_as_in_raw(void **state) {
	struct world *w = world_create(5);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_obs o = {.epoch = 1734480000,
		.class = TT_SCAN,
		.proto = 6,
		.port = 23,
		.flags = TT_OBS_SPILLED,
		.packets = 7,
		.bytes = 420};

	world_begin(w);
	assert_int_equal(tt_batch_add_obs(w->batch, &o), 0);
	o.flags |= TT_OBS_CLASS_TOTAL;
	o.proto = 0;
	o.port = 0;
	o.packets = 5;
	assert_int_equal(tt_batch_add_obs(w->batch, &o), 0);
	world_put(w, s, false);
	for (int read = TT_READ_RAW; read <= TT_READ_ROLLUPS; read++) {
		for (int folded = 0; folded < 2; folded++) {
			struct tt_query q = TT_QUERY_INIT;
			struct tt_result r;

			q.read = read;
			q.by = TT_BY_PORT;
			assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
			assert_true(r.sources_lower_bound);
			assert_int_equal(r.row_n, 2);
			for (unsigned i = 0; i < 2; i++) {
				assert_int_equal(r.rows[i].packets, r.rows[i].key.mixed ? 5 : 7);
				assert_int_equal(r.rows[i].sources, 0);
			}
			tt_result_free(&r);
			q.by = TT_BY_REGION;
			assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
			assert_true(r.sources_lower_bound);
			assert_string_equal(r.rows[0].key.region, "--");
			assert_int_equal(r.rows[0].packets, 12);
			tt_result_free(&r);
			q.by = TT_BY_TOOL;
			assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
			assert_true(r.sources_lower_bound);
			assert_int_equal(r.row_n, 0);
			tt_result_free(&r);
			q.by = TT_BY_SENSOR;
			q.has_port = true;
			q.proto = 17;
			q.port = 53;
			assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
			assert_true(r.sources_lower_bound); // one of the 5 may have been to it
			assert_int_equal(r.row_n, 0);
			tt_result_free(&r);
			checkpoint(s);
		}
	}
	world_close(&s);
	world_destroy(&w);
}

static void what_expired_is_answered_from_rollups_or_said_to_be_gone(void **state) {
	struct world *w = world_create(9);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	int64_t from = quarter_start(s);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_store_info info;
	struct tt_result res;

	w->whole = true;
	for (int day = 0; day < 4; day++)
		world_fill(w, s, 800, 400, from + day * 86400, from + (day + 1) * 86400);
	assert_int_equal(tt_store_expire(s, from + 2 * 86400, 0, &err), 4);
	assert_int_equal(tt_store_info(s, &info, &err), 0);
	assert_true(info.raw_from >= from + 2 * 86400);
	assert_true(info.data_from < from + 86400);
	assert_int_equal(info.observations, 3200);
	q.by = TT_BY_PORT;
	world_check(w, s, &q, false); // partly gone: all of it from rollups
	q.from = from + 2 * 86400;
	world_check(w, s, &q, true); // raw is there
	q.by = TT_BY_SOURCE;
	world_check(w, s, &q, true);
	q.from = 0;
	assert_int_equal(tt_store_query(s, &q, &res, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "raw observations are kept from 2024-10-02T"));
	q.by = TT_BY_PORT;
	q.from = from + 7;
	assert_int_equal(tt_store_query(s, &q, &res, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "whole hours"));
	// a limit of size drops the oldest, and never what is not in the rollups
	assert_int_equal(tt_store_expire(s, 0, 1, &err), 4);
	q.from = 0;
	world_check(w, s, &q, false);
	world_close(&s);
	world_destroy(&w);
}

static void a_database_made_by_replay_expires_nothing(void **state) {
	struct world *w = world_create(10);
	struct tt_store *s;

	w->replay = true;
	s = world_open(w, TT_STORE_WRITE, NULL);
	world_fill(w, s, 100, 100, 1734480000, 1734480000 + 86400);
	assert_int_equal(tt_store_expire(s, INT64_MAX, 1, &err), 0);
	world_close(&s);
	world_destroy(&w);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rollups_and_tail_equal_a_plain_count_in_every_zone),
		cmocka_unit_test(sketches_of_many_sources_stay_within_their_error),
		cmocka_unit_test(spilled_packets_count_in_rollups_as_in_raw),
		cmocka_unit_test(what_expired_is_answered_from_rollups_or_said_to_be_gone),
		cmocka_unit_test(a_database_made_by_replay_expires_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
