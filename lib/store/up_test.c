/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>

#include "world.h"

#define FROM 1734480000ll // 2024-12-18T00:00:00Z
#define HOUR 3600

static struct tt_err err;

// States of one sensor in [from, to), an epoch each.
static void states(struct world *w, struct tt_store *s, unsigned sensor, enum tt_state state,
	int64_t from, int64_t to, uint64_t received, uint64_t lost) {
	world_begin(w);
	for (int64_t e = from; e < to; e += WORLD_EPOCH) {
		struct tt_sensor_state st = {.epoch = e,
			.sensor = (uint16_t)sensor,
			.state = (uint8_t)state,
			.received = received,
			.lost = lost};

		assert_int_equal(tt_batch_add_state(w->batch, &st), 0);
	}
	assert_int_equal(world_put(w, s, true), 1);
}

static void catalog(struct world *w, struct tt_store *s, const char *text) {
	char doc[2048];

	world_begin(w);
	snprintf(doc, sizeof(doc),
		"{\"type\":\"catalog\",\"sensors\":{\"kind\":\"sensors\",\"v\":1,%s}}", text);
	assert_int_equal(tt_batch_set_meta(w->batch, doc, strlen(doc)), 0);
	assert_int_equal(world_put(w, s, true), 1);
}

static struct tt_result ask(
	struct tt_store *s, const char *sensor, enum tt_step step, int64_t from, int64_t to) {
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;

	q.by = TT_BY_NONE;
	q.sensor = sensor;
	q.step = step;
	q.from = from;
	q.to = to;
	if (tt_store_query(s, &q, &r, &err) != 0)
		fail_msg("%s", err.msg);
	return r;
}

static void completeness_is(
	struct tt_store *s, const char *sensor, int64_t from, int64_t to, double want) {
	struct tt_result r = ask(s, sensor, TT_STEP_NONE, from, to);

	if (fabs(r.completeness - want) > 1e-9)
		fail_msg("%s: completeness %.6f, expected %.6f", sensor ? sensor : "all",
			r.completeness, want);
	tt_result_free(&r);
}

static void up_silent_and_down_are_told_apart(void **state) {
	struct world *w = world_create(1);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_result r;

	catalog(w, s,
		"\"sensors\":[{\"id\":\"jp-a\",\"match\":{\"uplink\":\"a\"}},"
		"{\"id\":\"jp-b\",\"match\":{\"uplink\":\"b\"}}]");
	states(w, s, 0, TT_STATE_UP, FROM, FROM + 2 * HOUR, 5, 0);
	states(w, s, 0, TT_STATE_DOWN, FROM + 2 * HOUR, FROM + 3 * HOUR, 0, 0);
	states(w, s, 0, TT_STATE_SILENT, FROM + 3 * HOUR, FROM + 4 * HOUR, 0, 0);
	states(w, s, 1, TT_STATE_UP, FROM + 2 * HOUR, FROM + 4 * HOUR, 5, 0);
	completeness_is(s, "jp-a", FROM, FROM + 2 * HOUR, 1);
	completeness_is(s, "jp-a", FROM, FROM + 4 * HOUR, 0.5);
	completeness_is(s, "jp-a", FROM + 2 * HOUR, FROM + 4 * HOUR, -1); // no data at all
	completeness_is(s, "jp-a", FROM + HOUR + 1800, FROM + 2 * HOUR + 1800, 0.5);
	completeness_is(s, "jp-b", FROM, FROM + 4 * HOUR, 1); // expected from its first epoch
	completeness_is(s, NULL, FROM, FROM + 4 * HOUR, 4.0 / 6);
	r = ask(s, "jp-a", TT_STEP_HOUR, FROM - HOUR, FROM + 4 * HOUR);
	assert_int_equal(r.point_n, 5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(r.rows[0].points[i].known, i == 1 || i == 2);
		assert_true(r.rows[0].points[i].completeness == (i == 1 || i == 2 ? 1 : -1));
	}
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

static void since_until_and_maintenance_say_what_is_expected(void **state) {
	struct world *w = world_create(2);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	int64_t day = FROM - 9 * HOUR; // 2024-12-18 in Japan

	catalog(w, s,
		"\"sensors\":[{\"id\":\"jp-a\",\"since\":\"2024-12-18\",\"until\":\"2024-12-19\","
		"\"match\":{\"uplink\":\"a\"}},"
		"{\"id\":\"jp-b\",\"since\":\"2024-12-18\",\"match\":{\"uplink\":\"b\"}}],"
		"\"maintenance\":[{\"sensors\":[\"jp-a\"],\"from\":\"2024-12-18T06:00:00+09:00\","
		"\"to\":\"2024-12-18T12:00:00+09:00\"},{\"from\":\"2024-12-18T23:00:00+09:00\","
		"\"to\":\"2024-12-19\"}]");
	states(w, s, 0, TT_STATE_UP, day + 3 * HOUR, day + 6 * HOUR, 5, 0);
	states(w, s, 0, TT_STATE_DOWN, day + 6 * HOUR, day + 12 * HOUR, 0, 0);
	states(w, s, 0, TT_STATE_UP, day + 12 * HOUR, day + 23 * HOUR, 5, 0);
	states(w, s, 1, TT_STATE_UP, day, day + 23 * HOUR, 5, 0);
	// expected are 24 hours less 6 and 1 of maintenance, of which the first 3 are missing
	completeness_is(s, "jp-a", day, day + 24 * HOUR, 14.0 / 17);
	completeness_is(s, "jp-a", day - 30 * HOUR, day + 50 * HOUR, 14.0 / 17);
	completeness_is(s, "jp-a", day + 6 * HOUR, day + 13 * HOUR, 1);
	completeness_is(s, "jp-a", day + 6 * HOUR, day + 12 * HOUR, -1);
	completeness_is(s, "jp-b", day, day + 24 * HOUR, 1);
	completeness_is(s, "jp-b", day, day + 25 * HOUR, 23.0 / 24);
	world_close(&s);
	world_destroy(&w);
}

static void in_time_is(struct tt_store *s, int64_t from, int64_t to, bool a, bool b) {
	struct tt_query q = TT_QUERY_INIT;
	struct tt_up u;

	q.from = from;
	q.to = to;
	assert_int_equal(tt_store_up(s, &q, &u, &err), 0);
	assert_int_equal(u.sensors[0].in_time, a);
	assert_int_equal(u.sensors[1].in_time, b);
	tt_up_free(&u);
}

// What a capture holds is the time of the sensors that were there, and of no other.
static void a_capture_is_of_sensors_in_their_time(void **state) {
	struct world *w = world_create(8);
	struct tt_store *s;
	const char *sha = "8888888888888888888888888888888888888888888888888888888888888888";
	struct tt_up u;
	struct tt_query q = TT_QUERY_INIT;

	w->replay = true;
	w->probe = "replay";
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, w->boot, &err), 1);
	catalog(w, s,
		"\"sensors\":[{\"id\":\"jp-a\",\"addresses\":1,\"until\":\"2024-12-18T06:00:00Z\","
		"\"match\":{\"uplink\":\"a\"}},{\"id\":\"jp-b\",\"addresses\":1,\"since\":"
		"\"2024-12-18T06:00:00Z\",\"match\":{\"uplink\":\"b\"}}],\"maintenance\":[{"
		"\"sensors\":"
		"[\"jp-b\"],\"from\":\"2024-12-18T08:00:00Z\",\"to\":\"2024-12-18T10:00:00Z\"}]");
	world_begin(w);
	world_file_end(w, FROM * TT_NS, (FROM + 12 * HOUR - 1) * TT_NS, 7);
	assert_int_equal(world_put(w, s, true), 1);
	completeness_is(s, NULL, FROM, FROM + 24 * HOUR, 1);
	completeness_is(s, "jp-a", FROM, FROM + 12 * HOUR, 1);
	completeness_is(s, "jp-a", FROM + 6 * HOUR, FROM + 12 * HOUR, -1);
	completeness_is(s, "jp-b", FROM, FROM + 6 * HOUR, -1);
	completeness_is(s, "jp-b", FROM + 5 * HOUR, FROM + 7 * HOUR, 1);
	completeness_is(s, "jp-b", FROM + 8 * HOUR, FROM + 10 * HOUR, -1);
	completeness_is(s, "jp-b", FROM + 12 * HOUR, FROM + 24 * HOUR, -1);
	q.from = FROM;
	q.to = FROM + 24 * HOUR;
	assert_int_equal(tt_store_up(s, &q, &u, &err), 0);
	assert_true(fabs(u.sensors[0].up_days - 6.0 / 24) < 1e-9);
	assert_true(fabs(u.sensors[1].up_days - 4.0 / 24) < 1e-9);
	tt_up_free(&u);
	in_time_is(s, FROM, FROM + 6 * HOUR, true, false);
	in_time_is(s, FROM + 8 * HOUR, FROM + 10 * HOUR, false, true); // in maintenance, but there
	world_close(&s);
	world_destroy(&w);
}

static void known_loss_lowers_completeness_where_it_happened(void **state) {
	struct world *w = world_create(3);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_result r;

	states(w, s, 0, TT_STATE_UP, FROM, FROM + HOUR, 100, 0);
	states(w, s, 0, TT_STATE_UP, FROM + HOUR, FROM + HOUR + 600, 100, 300);
	states(w, s, 0, TT_STATE_UP, FROM + HOUR + 600, FROM + 2 * HOUR, 100, 0);
	completeness_is(s, "jp-a", FROM, FROM + HOUR, 1);
	completeness_is(s, "jp-a", FROM, FROM + 2 * HOUR, 12000.0 / 15000);
	completeness_is(s, "jp-a", FROM + HOUR, FROM + HOUR + 60, 0.25);
	r = ask(s, "jp-a", TT_STEP_HOUR, FROM, FROM + 2 * HOUR);
	assert_true(r.rows[0].points[0].completeness == 1);
	assert_true(fabs(r.rows[0].points[1].completeness - 6000.0 / 9000) < 1e-9);
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

static void two_probes_of_one_sensor_do_not_count_time_twice(void **state) {
	struct world *w = world_create(4);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	struct tt_obs o = {.epoch = FROM,
		.class = TT_SCAN,
		.proto = 6,
		.port = 23,
		.family = 4,
		.packets = 1200,
		.bytes = 72000};

	states(w, s, 0, TT_STATE_UP, FROM, FROM + 2 * HOUR, 5, 0);
	snprintf(w->boot, sizeof(w->boot), "00000000000000aa");
	w->probe = "osaka";
	w->seq = 0;
	states(w, s, 0, TT_STATE_UP, FROM + HOUR, FROM + 3 * HOUR, 5, 0);
	world_begin(w);
	world_add(w, &o);
	assert_int_equal(world_put(w, s, true), 1);
	completeness_is(s, "jp-a", FROM, FROM + 4 * HOUR, 0.75);
	q.by = TT_BY_PORT;
	q.sensor = "jp-a";
	q.from = FROM;
	q.to = FROM + 24 * HOUR;
	assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
	assert_true(fabs(r.rows[0].rate - 1200 / (3.0 / 24)) < 1e-6);
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

static void the_latest_description_of_every_probe_is_the_catalogue(void **state) {
	struct world *w = world_create(5);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL), *reader;
	const struct tt_catalog *c;

	c = tt_store_catalog(s, &err);
	assert_non_null(c);
	assert_int_equal(c->sensor_n, 0);
	catalog(w, s,
		"\"sensors\":[{\"id\":\"jp-a\",\"country\":\"JP\",\"match\":{\"prefixes\":"
		"[\"192.0.2.0/24\"]}}]");
	reader = world_open(w, TT_STORE_READ, NULL);
	assert_int_equal(tt_store_catalog(reader, &err)->sensor_n, 1);
	catalog(w, s,
		"\"sensors\":[{\"id\":\"jp-a\",\"country\":\"KR\",\"match\":{\"prefixes\":"
		"[\"192.0.2.0/23\"]}}],"
		"\"maintenance\":[{\"from\":\"2024-12-18\",\"to\":\"2024-12-19\"}]");
	// the same rule under another name at another probe is no contradiction here
	w->probe = "osaka";
	snprintf(w->boot, sizeof(w->boot), "00000000000000bb");
	w->seq = 0;
	catalog(w, s,
		"\"sensors\":[{\"id\":\"kr-a\",\"match\":{\"prefixes\":[\"192.0.2.0/23\"]}}]");
	c = tt_store_catalog(reader, &err);
	if (c == NULL)
		fail_msg("%s", err.msg);
	assert_int_equal(c->sensor_n, 2);
	assert_string_equal(c->sensors[0].country, "KR");
	assert_true(c->sensors[0].addresses == 512);
	assert_int_equal(c->maintenance_n, 1);
	assert_int_equal(c->maintenance[0].sensor_n, 1); // of that probe's, not of all
	// addresses of sensors are not in the database
	world_close(&reader);
	world_close(&s);
	{
		char cmd[256];

		snprintf(cmd, sizeof(cmd), "grep -q 192.0.2 %s", w->path);
		assert_int_not_equal(system(cmd), 0);
	}
	world_destroy(&w);
}

static void given_up(struct world *w, struct tt_store *s, int64_t epoch, uint64_t packets) {
	struct tt_sensor_state st = {.epoch = epoch, .state = TT_STATE_UNTOLD, .given_up = packets};

	world_begin(w);
	assert_int_equal(tt_batch_add_state(w->batch, &st), 0);
	assert_int_equal(world_put(w, s, true), 1);
}

// Loss that a spool tells, of epochs in the middle of a run, before the state, and after it.
static void given_up_packets_are_missing_in_their_epoch(void **state) {
	struct world *w = world_create(7);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);

	catalog(w, s, "\"sensors\":[{\"id\":\"jp-a\",\"match\":{\"uplink\":\"a\"}}]");
	states(w, s, 0, TT_STATE_UP, FROM, FROM + HOUR, 100, 0);
	given_up(w, s, FROM + 30 * 60, 40);
	completeness_is(s, "jp-a", FROM, FROM + HOUR, 5960.0 / 6000);
	completeness_is(s, "jp-a", FROM + 30 * 60, FROM + 31 * 60, 0.6);
	completeness_is(s, "jp-a", FROM, FROM + 30 * 60, 1);
	completeness_is(s, "jp-a", FROM + 31 * 60, FROM + HOUR, 1);
	given_up(w, s, FROM + 30 * 60, 20); // once more, of another batch
	completeness_is(s, "jp-a", FROM + 30 * 60, FROM + 31 * 60, 0.4);
	given_up(w, s, FROM + HOUR, 100); // its state comes later
	states(w, s, 0, TT_STATE_UP, FROM + HOUR, FROM + 2 * HOUR, 100, 0);
	completeness_is(s, "jp-a", FROM + HOUR, FROM + HOUR + 60, 0);
	completeness_is(s, "jp-a", FROM + HOUR, FROM + 2 * HOUR, 59.0 / 60);
	world_close(&s);
	world_destroy(&w);
}

static void clock_step(
	struct world *w, struct tt_store *s, int64_t before, int64_t after, bool boot) {
	char doc[256], from[TT_RFC3339_LEN], to[TT_RFC3339_LEN];

	world_begin(w);
	snprintf(doc, sizeof(doc),
		"{\"type\":\"clock_step\",\"from\":\"%s\",\"to\":\"%s\",\"boot\":\"%s\"}",
		tt_time_format(before, from), tt_time_format(after, to),
		boot ? "00000000000000bb" : w->boot);
	assert_int_equal(tt_batch_set_meta(w->batch, doc, strlen(doc)), 0);
	assert_int_equal(world_put(w, s, true), 1);
}

static void steps_of_clocks_are_told_where_the_span_touches_them(void **state) {
	struct world *w = world_create(8);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_result r;

	catalog(w, s,
		"\"sensors\":[{\"id\":\"jp-a\",\"match\":{\"uplink\":\"a\"}},"
		"{\"id\":\"jp-b\",\"match\":{\"uplink\":\"b\"}}]");
	states(w, s, 0, TT_STATE_UP, FROM, FROM + 9 * HOUR, 5, 0);
	clock_step(w, s, FROM + 3 * HOUR, FROM + HOUR, true);
	clock_step(w, s, FROM + 5 * HOUR, FROM + 5 * HOUR + 90, false);
	r = ask(s, NULL, TT_STEP_NONE, FROM, FROM + 9 * HOUR);
	assert_int_equal(r.clock.n, 2);
	assert_int_equal(r.clock.other, 0);
	assert_string_equal(r.clock.steps[0].probe, w->probe); // the furthest first
	assert_string_equal(r.clock.steps[0].boot, w->boot);
	assert_string_equal(r.clock.steps[0].next, "00000000000000bb");
	assert_int_equal(r.clock.steps[0].before, FROM + 3 * HOUR);
	assert_int_equal(r.clock.steps[0].after, FROM + HOUR);
	assert_string_equal(r.clock.steps[1].next, "");
	tt_result_free(&r);
	const struct {
		const char *sensor;
		int from, to;
		unsigned n;
	} asked[] = {{NULL, 0, HOUR, 0}, {NULL, 2 * HOUR, 2 * HOUR + 60, 1},
		{NULL, 5 * HOUR + 30, 5 * HOUR + 60, 1}, {NULL, 6 * HOUR, 7 * HOUR, 0},
		{"jp-a", 0, 9 * HOUR, 2}, {"jp-b", 0, 9 * HOUR, 0}};
	for (unsigned i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		r = ask(s, asked[i].sensor, TT_STEP_NONE, FROM + asked[i].from, FROM + asked[i].to);
		assert_int_equal(r.clock.n, asked[i].n);
		tt_result_free(&r);
	}
	for (int i = 1; i <= 30; i++) // of a bad clock only the furthest are listed
		clock_step(w, s, FROM + 6 * HOUR + 60 * i, FROM + 6 * HOUR + 60 * i + i, false);
	r = ask(s, NULL, TT_STEP_NONE, FROM, FROM + 9 * HOUR);
	assert_int_equal(r.clock.n, TT_CLOCK_STEPS_MAX);
	assert_int_equal(r.clock.other, 32 - TT_CLOCK_STEPS_MAX);
	json_t *o = json_object();
	tt_clock_steps_json(&r.clock, o);
	assert_int_equal(json_array_size(json_object_get(o, "clock_steps")), TT_CLOCK_STEPS_MAX);
	assert_int_equal(json_integer_value(json_object_get(o, "clock_steps_other")), 12);
	json_decref(o);
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

static bool same(double a, double b) {
	return fabs(a - b) < 1e-9;
}

static void random_states(struct world *w, struct tt_store *s, unsigned sensor) {
	for (int64_t e = FROM; e < FROM + 24 * HOUR; e += 20 * 60) {
		uint64_t what = world_random(w, 8);

		if (what < 5)
			states(w, s, sensor, TT_STATE_UP, e, e + 20 * 60, 90, what == 4 ? 10 : 0);
		else if (what < 7)
			states(w, s, sensor, what == 5 ? TT_STATE_DOWN : TT_STATE_SILENT, e,
				e + 20 * 60, 0, 0);
	}
}

// One packet in the first hour that each was up, so that it has a row.
static void one_packet(struct world *w, struct tt_store *s, const char *id, unsigned sensor) {
	struct tt_result r = ask(s, id, TT_STEP_HOUR, FROM, FROM + 24 * HOUR);
	struct tt_obs o = {.class = TT_SCAN,
		.proto = 6,
		.port = 23,
		.family = 4,
		.src = {203, 0, 113, 5},
		.packets = 1,
		.bytes = 60,
		.sensor = (uint16_t)sensor};
	unsigned i = 0;

	while (!r.rows[0].points[i].known)
		i++;
	o.epoch = r.rows[0].points[i].start;
	tt_result_free(&r);
	world_begin(w);
	world_add(w, &o);
	assert_int_equal(world_put(w, s, true), 1);
}

// A series by sensor, and the account of each, are what asking for that sensor alone says.
static void steps_by_sensor_are_those_of_the_sensor_alone(void **state) {
	static const char *const ids[] = {"jp-a", "jp-b", "sg-a"};
	struct world *w = world_create(9);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result by, alone;
	struct tt_up u;
	unsigned nulls = 0, apart = 0;

	catalog(w, s,
		"\"sensors\":[{\"id\":\"jp-a\",\"since\":\"2024-12-18\",\"match\":{\"uplink\":"
		"\"a\"}},"
		"{\"id\":\"jp-b\",\"until\":\"2024-12-18T09:00:00Z\",\"match\":{\"uplink\":\"b\"}},"
		"{\"id\":\"sg-a\",\"since\":\"2024-12-18T05:00:00Z\",\"match\":{\"uplink\":\"c\"}}]"
		","
		"\"maintenance\":[{\"sensors\":[\"sg-a\"],\"from\":\"2024-12-18T11:00:00Z\","
		"\"to\":\"2024-12-18T13:00:00Z\"}]");
	for (unsigned i = 0; i < 3; i++)
		random_states(w, s, i);
	for (unsigned i = 0; i < 3; i++)
		one_packet(w, s, ids[i], i);
	q.by = TT_BY_SENSOR;
	q.step = TT_STEP_HOUR;
	q.from = FROM;
	q.to = FROM + 24 * HOUR;
	assert_int_equal(tt_store_query(s, &q, &by, &err), 0);
	assert_int_equal(tt_store_up(s, &q, &u, &err), 0);
	assert_int_equal(by.row_n, 3);
	assert_int_equal(by.point_n, 24);
	for (unsigned i = 0; i < 3; i++) {
		const struct tt_row *row = by.rows;

		while (strcmp(row->key.sensor, ids[i]) != 0)
			row++;
		alone = ask(s, ids[i], TT_STEP_HOUR, q.from, q.to);
		for (unsigned j = 0; j < 24; j++) {
			const struct tt_point *p = &alone.rows[0].points[j];

			assert_true(same(row->points[j].completeness, p->completeness));
			assert_int_equal(row->points[j].known, p->known);
			assert_int_equal(row->points[j].packets, p->packets);
			assert_true(same(alone.step_completeness[j], p->completeness));
			assert_string_equal(u.sensors[i].id, ids[i]);
			assert_true(same(
				tt_up_completeness(&u.sensor_steps[i * 24 + j]), p->completeness));
			nulls += !p->known;
			apart += !same(p->completeness, by.step_completeness[j]);
		}
		tt_result_free(&alone);
	}
	assert_true(nulls > 3 && apart > 3); // hours there were of both kinds
	alone = ask(s, NULL, TT_STEP_HOUR, q.from, q.to);
	for (unsigned j = 0; j < 24; j++) {
		struct tt_up_account all = {0};

		for (unsigned i = 0; i < 3; i++)
			tt_up_add(&all, &u.sensor_steps[i * 24 + j]);
		assert_true(same(tt_up_completeness(&all), alone.rows[0].points[j].completeness));
		assert_true(same(by.step_completeness[j], alone.rows[0].points[j].completeness));
	}
	tt_result_free(&alone);
	tt_result_free(&by);
	tt_up_free(&u);
	world_close(&s);
	world_destroy(&w);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_by_sensor_are_those_of_the_sensor_alone),
		cmocka_unit_test(up_silent_and_down_are_told_apart),
		cmocka_unit_test(since_until_and_maintenance_say_what_is_expected),
		cmocka_unit_test(a_capture_is_of_sensors_in_their_time),
		cmocka_unit_test(steps_of_clocks_are_told_where_the_span_touches_them),
		cmocka_unit_test(given_up_packets_are_missing_in_their_epoch),
		cmocka_unit_test(known_loss_lowers_completeness_where_it_happened),
		cmocka_unit_test(two_probes_of_one_sensor_do_not_count_time_twice),
		cmocka_unit_test(the_latest_description_of_every_probe_is_the_catalogue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
