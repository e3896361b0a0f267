/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <sqlite3.h>

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

#define SCAN_FROM 1734480000ll

// All hours of the tests are long over.
static void settle(struct tt_store *s) {
	assert_int_equal(tt_store_settle(s, INT64_MAX, 0, &err), 0);
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
		q->tool = TT_TOOL_MASSCAN;
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
	case 10:
		q->set = &world_sets[2];
		break;
	}
}

static bool covered(const struct tt_query *q) {
	unsigned common = 1u << TT_BY_SENSOR | 1u << TT_BY_CLASS | 1u << TT_BY_NONE,
		 by = 1u << q->by;

	if (q->tool >= 0 && q->by == TT_BY_TOOL)
		return false;
	if (q->tool >= 0 || q->by == TT_BY_TOOL)
		return !q->has_port && q->set == NULL && q->region == NULL &&
		       (by & (common | 1u << TT_BY_TOOL));
	if (q->has_port || q->set != NULL || q->by == TT_BY_PORT || q->by == TT_BY_DPORT ||
		q->by == TT_BY_MALWARE)
		return q->region == NULL &&
		       (by & (common | 1u << TT_BY_PORT | 1u << TT_BY_MALWARE |
				     (q->classes == 1u << TT_SCAN ? 1u << TT_BY_DPORT : 0)));
	return by & (common | 1u << TT_BY_REGION);
}

static void compare_all(struct world *w, struct tt_store *s, int64_t from, int64_t to) {
	unsigned compared = 0;

	for (int by = TT_BY_PORT; by <= TT_BY_NONE; by++) {
		for (unsigned f = 0; f < 11; f++) {
			for (int step = TT_STEP_NONE; step <= TT_STEP_MONTH; step++) {
				struct tt_query q = TT_QUERY_INIT;

				q.by = by;
				q.sets = world_sets;
				q.set_n = WORLD_SETS;
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
		if (z == 0)
			compare_all(w, s, 0, 0); // all in pieces
		assert_int_equal(
			tt_store_settle(s, q, 0, &err), 0); // the later hours stay in pieces
		world_fill(w, s, 800, 300, q - 86400, q + 2 * 86400);
		checkpoint(s);
		world_fill(w, s, 500, 400, q - 86400, q + 2 * 86400);
		compare_all(w, s, 0, 0); // tables, pieces and tail
		settle(s);
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
	// nobody sent much, and that is known
	assert_true(res.rows[0].top_source_share < 0.01);
	assert_in_range(res.rows[0].top_source_share_max * 1000, 1, 251);
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
		for (int folded = 0; folded < 3; folded++) {
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
			if (folded == 1)
				settle(s);
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
	assert_int_equal(
		tt_store_expire(s, from + 2 * 86400, 0, &err), 0); // who surveyed is not settled
	settle(s);
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

// Services from anywhere, counted one by one.
static uint64_t packets_to(const struct world *w, const struct tt_row_key *k, uint64_t *all) {
	uint64_t n = 0;

	*all = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct tt_obs *o = &w->obs[i];

		if (o->class != TT_SCAN)
			continue;
		*all += o->packets;
		n += o->proto == k->proto && (k->all_types || o->port == k->port) ? o->packets : 0;
	}
	return n;
}

static void check_heaviest(struct world *w, struct tt_store *s) {
	struct tt_query q = TT_QUERY_INIT;
	struct tt_heaviest h;
	uint64_t all = 0, listed = 0;

	q.region = "--";
	q.icmp_one = true;
	assert_int_equal(tt_store_heaviest(s, &q, TT_BY_PORT, &h, &err), 0);
	assert_true(h.row_n >= 7);
	for (unsigned i = 0; i < h.row_n; i++) {
		uint64_t n = packets_to(w, &h.rows[i].key, &all);

		assert_true(h.rows[i].packets <= n && n <= h.rows[i].packets + h.slack);
		listed += h.rows[i].packets;
	}
	assert_int_equal(h.packets, all);
	assert_true(listed <= all && 4 * h.slack <= all);
	tt_heaviest_free(&h);
	q.region = NULL;
	q.has_port = true;
	q.proto = 6;
	q.port = 23;
	assert_int_equal(tt_store_heaviest(s, &q, TT_BY_REGION, &h, &err), 0);
	assert_int_equal(h.row_n, 1);
	assert_string_equal(h.rows[0].key.region, "--");
	assert_int_equal(h.rows[0].packets,
		packets_to(w, &(struct tt_row_key){.proto = 6, .port = 23}, &all));
	assert_int_equal(h.slack, 0);
	tt_heaviest_free(&h);
	assert_int_equal(tt_store_heaviest(s, &q, TT_BY_PORT, &h, &err), -ENODATA);
	tt_heaviest_free(&h);
}

static void what_is_heaviest_is_within_its_bounds(void **state) {
	struct world *w = world_create(31);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");

	w->whole = true;
	for (unsigned i = 0; i < 6; i++) {
		world_fill(w, s, 1500, 300, SCAN_FROM + i * 3600, SCAN_FROM + (i + 30) * 3600);
		check_heaviest(w, s); // from pieces, tables and what is in neither
		checkpoint(s);
		check_heaviest(w, s);
		if (i % 2)
			settle(s);
	}
	check_heaviest(w, s);
	world_close(&s);
	world_destroy(&w);
}

// Rows of before know nothing but their packets, and a source that was alone.
static void what_is_not_known_of_a_row_is_said(void **state) {
	struct world *w = world_create(32);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result res;
	struct tt_heaviest h;
	sqlite3 *db;

	w->whole = true;
	world_fill(w, s, 3000, 300, SCAN_FROM, SCAN_FROM + 3600);
	checkpoint(s);
	settle(s);
	world_close(&s);
	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				 "UPDATE region_hour SET heaviest = NULL; UPDATE region_day SET "
				 "heaviest = NULL; UPDATE region_month SET heaviest = NULL",
				 NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	q.by = TT_BY_SENSOR;
	q.read = TT_READ_ROLLUPS;
	assert_int_equal(tt_store_query(s, &q, &res, &err), 0);
	assert_int_equal(res.row_n, WORLD_SENSORS);
	for (unsigned i = 0; i < res.row_n; i++)
		assert_true(
			res.rows[i].top_source_share < 0 && res.rows[i].top_source_share_max < 0);
	tt_result_free(&res);
	assert_int_equal(tt_store_heaviest(s, &q, TT_BY_ASN, &h, &err), 0);
	assert_true(h.row_n == 0 && h.slack == h.packets && h.packets > 0);
	tt_heaviest_free(&h);
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

// Packets that the test's attacker and the honest sources send to a service.
static uint64_t scan_packets(unsigned proto, unsigned port) {
	if (proto == 6 && port % 1000 == 23)
		return 5000 + port; // 66 services that everybody tries
	return 1 + (port * 7 + proto) % 3;
}

// Every port of two protocols on one sensor in an hour; `part` of `parts` of each service's
// packets.
static void scan_everything(struct world *w, struct tt_store *s, unsigned part, unsigned parts) {
	for (unsigned i = 0; i < 2 * 65536;) {
		world_begin(w);
		for (unsigned j = 0; j < 16384; j++, i++) {
			unsigned proto = i < 65536 ? 6 : 17, port = i & 0xffff;
			uint64_t all = scan_packets(proto, port);
			struct tt_obs o = {.epoch = SCAN_FROM + 60 * (part + 1),
				.family = 4,
				.src = {198, 51, 100, (uint8_t)(port % 7)},
				.class = TT_SCAN,
				.proto = (uint8_t)proto,
				.port = (uint16_t)port};

			o.packets = all * (part + 1) / parts - all * part / parts;
			o.bytes = o.packets * 60;
			if (o.packets > 0)
				assert_int_equal(tt_batch_add_obs(w->batch, &o), 0);
		}
		world_put(w, s, false);
	}
}

static void a_scan_of_all_ports_keeps_the_heaviest_and_one_row_of_the_rest(void **state) {
	const unsigned keep = 5000;

	for (unsigned parts = 1; parts <= 3; parts += 2) {
		struct world *w = world_create(20 + parts);
		struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
		uint64_t total = 0, sum = 0, rest = 0, least = UINT64_MAX;
		struct tt_query q = TT_QUERY_INIT;
		struct tt_result r;
		unsigned heavy = 0;

		tt_store_budget(s, keep, 64 << 20);
		for (unsigned p = 0; p < parts; p++) {
			scan_everything(w, s, p, parts);
			checkpoint(s);
		}
		settle(s);
		for (unsigned i = 0; i < 65536; i++)
			total += scan_packets(6, i) + scan_packets(17, i);
		q.read = TT_READ_ROLLUPS;
		for (int step = TT_STEP_NONE; step <= TT_STEP_MONTH; step++) {
			q.step = step;
			assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
			assert_int_equal(r.row_n, keep + 1);
			assert_true(r.rest_packets > 0);
			sum = heavy = 0;
			for (unsigned i = 0; i < r.row_n; i++) {
				const struct tt_row *row = &r.rows[i];

				sum += row->packets;
				if (row->key.mixed) {
					assert_int_equal(row->packets, r.rest_packets);
					assert_int_equal(row->sources, 7);
					rest++;
					continue;
				}
				// what is kept is exact, and nothing heavier was dropped
				assert_int_equal(
					row->packets, scan_packets(row->key.proto, row->key.port));
				assert_int_equal(row->bytes, 60 * row->packets);
				assert_int_equal(row->sources, 1);
				heavy += row->packets > 3;
				least = row->packets < least ? row->packets : least;
			}
			assert_int_equal(sum, total);
			assert_int_equal(heavy, 66);
			assert_int_equal(least, 3); // a third of all have 3, more than fit
			tt_result_free(&r);
		}
		assert_int_equal(rest, 4);
		// other questions stay exact
		q.step = TT_STEP_NONE;
		q.by = TT_BY_SENSOR;
		assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
		assert_int_equal(r.rows[0].packets, total);
		assert_int_equal(r.rows[0].sources, 7);
		assert_int_equal(r.rest_packets, 0);
		tt_result_free(&r);
		world_close(&s);
		world_destroy(&w);
	}
}

// Sources that nobody sends from are cheap: a sketch of each service is what they cost.
static void sketches_have_a_budget_too(void **state) {
	struct world *w = world_create(31);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;

	tt_store_budget(s, 10000, 1 << 20);
	for (unsigned port = 0; port < 1000; port++) {
		if (port % 50 == 0)
			world_begin(w);
		for (unsigned i = 0; i < 600; i++) {
			struct tt_obs o = {.epoch = SCAN_FROM,
				.family = 4,
				.src = {10, (uint8_t)port, (uint8_t)(i >> 8), (uint8_t)i},
				.class = TT_SCAN,
				.proto = 6,
				.port = (uint16_t)port,
				.packets = 1 + (port < 10),
				.bytes = 60};

			assert_int_equal(tt_batch_add_obs(w->batch, &o), 0);
		}
		if (port % 50 == 49)
			world_put(w, s, false);
	}
	checkpoint(s);
	settle(s);
	q.read = TT_READ_ROLLUPS;
	assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
	assert_in_range(r.row_n, 250, 257); // of 4,097 bytes each, and the rest
	assert_int_equal(r.rest_packets, 600 * (1000 - (r.row_n - 1)));
	for (unsigned i = 0, heavy = 0; i < r.row_n; i++) {
		heavy += !r.rows[i].key.mixed && r.rows[i].packets == 1200;
		if (i == r.row_n - 1)
			assert_int_equal(heavy, 10);
	}
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

// Pieces of an hour that goes on are joined where they are many, and stay what they were.
static void pieces_of_an_hour_are_joined(void **state) {
	struct world *w = world_create(41);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_query q = TT_QUERY_INIT;
	char path[128];
	sqlite3 *db;
	sqlite3_stmt *st;

	w->whole = true;
	for (unsigned i = 0; i < 40; i++) {
		world_fill(w, s, 100, 100, SCAN_FROM, SCAN_FROM + 3600);
		checkpoint(s);
		assert_int_equal(tt_store_settle(s, SCAN_FROM + 3599, 0, &err), 0);
	}
	snprintf(path, sizeof(path), "%s", w->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db,
		"SELECT max(n), (SELECT count(*) FROM port_hour) FROM (SELECT count(*) AS n FROM "
		"segment GROUP BY who, start)",
		-1, &st, NULL);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_in_range(sqlite3_column_int(st, 0), 1, 31);
	assert_int_equal(sqlite3_column_int(st, 1), 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	q.read = TT_READ_ROLLUPS;
	q.classes = (1u << TT_OBSERVED_CLASS_N) - 1;
	world_check(w, s, &q, false);
	assert_int_equal(tt_store_settle(s, SCAN_FROM + 3600, 0, &err), 0);
	world_check(w, s, &q, false);
	world_close(&s);
	world_destroy(&w);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rollups_and_tail_equal_a_plain_count_in_every_zone),
		cmocka_unit_test(sketches_of_many_sources_stay_within_their_error),
		cmocka_unit_test(spilled_packets_count_in_rollups_as_in_raw),
		cmocka_unit_test(what_expired_is_answered_from_rollups_or_said_to_be_gone),
		cmocka_unit_test(what_is_heaviest_is_within_its_bounds),
		cmocka_unit_test(what_is_not_known_of_a_row_is_said),
		cmocka_unit_test(a_database_made_by_replay_expires_nothing),
		cmocka_unit_test(a_scan_of_all_ports_keeps_the_heaviest_and_one_row_of_the_rest),
		cmocka_unit_test(sketches_have_a_budget_too),
		cmocka_unit_test(pieces_of_an_hour_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
