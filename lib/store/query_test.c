/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "world.h"

#define FROM 1734447600ll // 2024-12-17T15:00:00Z: a day begins in Japan
#define DAYS 3

static struct world *filled(const char *timezone, struct tt_store **s) {
	struct world *w = world_create(7);

	*s = world_open(w, TT_STORE_WRITE, timezone);
	world_begin(w);
	world_catalog(w, NULL);
	assert_int_equal(world_put(w, *s, true), 1);
	world_up(w, *s, FROM, FROM + 86400);
	world_up(w, *s, FROM + 2 * 86400, FROM + 3 * 86400);
	world_fill(w, *s, 6000, 700, FROM, FROM + DAYS * 86400);
	world_begin(w);
	for (int64_t e = FROM; e < FROM + DAYS * 86400; e += 3600)
		world_add_tally(w, e);
	assert_int_equal(world_put(w, *s, true), 1);
	return w;
}

// Filters one by one and in pairs, against a count by other means.
static void set_filter(struct tt_query *q, unsigned f) {
	switch (f) {
	case 1:
		q->classes = 1u << TT_SCAN;
		break;
	case 2:
		q->classes = 1u << TT_BACKSCATTER | 1u << TT_REFLECTION;
		break;
	case 3:
		q->has_port = true;
		q->proto = 6;
		q->port = 23;
		break;
	case 4:
		q->has_source = true;
		assert_int_equal(tt_prefix_parse("192.0.1.0/28", &q->source), 0);
		break;
	case 5:
		q->has_source = true;
		assert_int_equal(tt_prefix_parse("2001:db8::10/124", &q->source), 0);
		break;
	case 6:
		q->country = "JP";
		break;
	case 7:
		q->sensor = "sg-a";
		break;
	case 8:
		q->group = "access";
		break;
	case 9:
		q->network = "Cloud X";
		break;
	case 10:
		q->tool = TT_TOOL_MIRAI;
		break;
	case 11:
		q->family = 6;
		break;
	case 12:
		q->from = FROM + 7260;
		q->to = FROM + 2 * 86400 + 60;
		break;
	case 13:
		q->from = FROM + 86400;
		break;
	case 14:
		q->region = "US";
		break;
	case 15:
		q->region = "--";
		break;
	case 16:
		q->surveyors = TT_SURVEYORS_ONLY;
		break;
	case 17:
		q->asn = 64500;
		break;
	case 18:
		q->sensor = "no-such";
		break;
	case 19:
		q->country = "!JP";
		break;
	case 20:
		q->icmp_one = true;
		break;
	case 21:
		q->set = &world_sets[0];
		break;
	}
}
#define FILTERS 22

static void every_filter_by_everything_equals_a_plain_count(void **state) {
	struct tt_store *s;
	struct world *w = filled("Asia/Tokyo", &s);

	for (int by = TT_BY_PORT; by <= TT_BY_NONE; by++) {
		for (unsigned f = 0; f < FILTERS; f++) {
			struct tt_query q = TT_QUERY_INIT;

			q.by = by;
			q.sets = world_sets;
			q.set_n = WORLD_SETS;
			q.classes = (1u << TT_CLASS_N) - 1;
			if (by == TT_BY_NONE)
				q.classes &= (1u << TT_OBSERVED_CLASS_N) - 1;
			set_filter(&q, f);
			world_check(w, s, &q, true);
			set_filter(&q, f % 2 ? 12 : 6);
			world_check(w, s, &q, true);
		}
	}
	world_close(&s);
	world_destroy(&w);
}

static void every_step_in_every_zone_equals_a_plain_count(void **state) {
	static const char *const zones[] = {"UTC", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin"};

	for (unsigned z = 0; z < 4; z++) {
		struct tt_store *s;
		struct world *w = filled(zones[z], &s);

		for (int by = TT_BY_PORT; by <= TT_BY_NONE; by++) {
			for (int step = TT_STEP_HOUR; step <= TT_STEP_MONTH; step++) {
				struct tt_query q = TT_QUERY_INIT;

				if (by == TT_BY_SOURCE && step == TT_STEP_HOUR)
					continue; // the plain count takes too long
				q.by = by;
				q.sets = world_sets;
				q.set_n = WORLD_SETS;
				q.step = step;
				set_filter(&q, z == 1 ? 12 : z == 2 ? 10 : 0);
				world_check(w, s, &q, true);
			}
		}
		world_close(&s);
		world_destroy(&w);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_filter_by_everything_equals_a_plain_count),
		cmocka_unit_test(every_step_in_every_zone_equals_a_plain_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
