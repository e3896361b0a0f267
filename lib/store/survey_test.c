/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sqlite3.h>

#include "tt_conf.h"
#include "tt_watch.h"
#include "world.h"

static struct tt_err err;

#define DAY    86400
#define ZONE   "Asia/Tokyo"
#define OFFSET 32400
#define BEGIN  (1734480000ll - OFFSET + DAY) // a local midnight: 2024-12-19 in Tokyo

static struct world *world(uint64_t seed, struct tt_store **s) {
	struct world *w = world_create(seed);

	w->whole = true;
	w->ports_per_day = 2;
	w->utc_offset = OFFSET;
	*s = world_open(w, TT_STORE_WRITE, ZONE);
	world_rule(w, *s);
	return w;
}

// Some 160 sources, of whom some probe more than two ports.
static void fill_day(struct world *w, struct tt_store *s, int day) {
	world_fill(w, s, 1200, 200, BEGIN + day * DAY, BEGIN + (day + 1) * DAY);
}

static void checkpoint(struct tt_store *s) {
	if (tt_store_checkpoint(s, &err) != 0)
		fail_msg("%s", err.msg);
}

static int settle(struct tt_store *s, int64_t before, unsigned ms) {
	int rc = tt_store_settle(s, before, ms, &err);

	if (rc < 0)
		fail_msg("%s", err.msg);
	return rc;
}

// Packets of a question, and that they are as many with surveyors as without and of only them.
static struct tt_survey_days conserve(struct tt_store *s, struct tt_query q) {
	struct tt_survey_days d = {0};
	uint64_t packets[3] = {0};

	for (unsigned v = TT_SURVEYORS_WITH; v <= TT_SURVEYORS_ONLY; v++) {
		struct tt_result r;

		q.surveyors = v;
		if (tt_store_query(s, &q, &r, &err) != 0)
			fail_msg("%s", err.msg);
		for (unsigned i = 0; i < r.row_n; i++)
			packets[v] += r.rows[i].packets;
		d = r.survey;
		tt_result_free(&r);
	}
	assert_int_equal(packets[0], packets[1] + packets[2]);
	// a test of nobody or everybody would be none
	if (d.settled + d.running > 0)
		assert_true(packets[1] > 0 && packets[2] > 0);
	return d;
}

static struct tt_survey_days check(struct world *w, struct tt_store *s, enum tt_by by,
	enum tt_step step, int64_t from, int64_t to, enum tt_read read) {
	struct tt_query q = TT_QUERY_INIT;

	q.by = by;
	q.step = step;
	q.from = from;
	q.to = to;
	q.read = read;
	q.classes = (1u << TT_OBSERVED_CLASS_N) - 1;
	for (unsigned v = TT_SURVEYORS_WITH; v <= TT_SURVEYORS_ONLY; v++) {
		q.surveyors = v;
		world_check(w, s, &q, read == TT_READ_RAW);
	}
	return conserve(s, q);
}

// Every ranking that rollups know, at all levels.
static struct tt_survey_days check_all(struct world *w, struct tt_store *s, enum tt_read read) {
	static const enum tt_by bys[] = {
		TT_BY_PORT, TT_BY_REGION, TT_BY_SENSOR, TT_BY_CLASS, TT_BY_NONE};
	struct tt_survey_days d = {0};

	for (unsigned i = 0; i < sizeof(bys) / sizeof(bys[0]); i++)
		for (unsigned step = TT_STEP_NONE; step <= TT_STEP_MONTH; step += i == 0 ? 1 : 3)
			d = check(w, s, bys[i], step, 0, 0, read);
	check(w, s, TT_BY_PORT, TT_STEP_NONE, BEGIN + DAY / 2, BEGIN + 3 * DAY / 2, read);
	return d;
}

static void assert_days(
	struct tt_survey_days d, unsigned settled, unsigned running, unsigned listed) {
	assert_int_equal(d.settled, settled);
	assert_int_equal(d.running, running);
	assert_int_equal(d.listed, listed);
}

static int64_t number(const struct world *w, const char *sql) {
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void a_day_is_settled_when_it_is_over_and_lasts_without_raw(void **state) {
	struct tt_store *s;
	struct world *w = world(1, &s);

	for (int day = 0; day < 3; day++)
		fill_day(w, s, day);
	assert_days(check_all(w, s, TT_READ_RAW), 0, 3, 0);
	assert_days(check_all(w, s, TT_READ_ROLLUPS), 0, 3, 0); // all is tail
	checkpoint(s);
	assert_days(check_all(w, s, TT_READ_ROLLUPS), 0, 3, 0); // in pieces
	settle(s, BEGIN + 2 * DAY - 1, 0);
	assert_days(check_all(w, s, TT_READ_ROLLUPS), 1, 2, 0);
	// one step after the other, and each answer is right in between
	for (unsigned n = 0; settle(s, BEGIN + 2 * DAY, 1) > 0 && n < 1000; n++)
		if (n % 3 == 0)
			check(w, s, TT_BY_PORT, TT_STEP_DAY, 0, 0, TT_READ_ROLLUPS);
	assert_days(check_all(w, s, TT_READ_ROLLUPS), 2, 1, 0);
	assert_days(check_all(w, s, TT_READ_RAW), 2, 1, 0);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_true(tt_store_expire(s, BEGIN + 2 * DAY, 0, &err) > 0);
	assert_days(check_all(w, s, TT_READ_AUTO), 2, 1, 0);
	fill_day(w, s, 3);
	assert_days(check_all(w, s, TT_READ_AUTO), 2, 2, 0);
	settle(s, INT64_MAX, 0);
	assert_days(check_all(w, s, TT_READ_AUTO), 4, 0, 0);
	assert_true(tt_store_expire(s, INT64_MAX, 0, &err) > 0);
	assert_days(check_all(w, s, TT_READ_AUTO), 4, 0, 0);
	// the rule of tomorrow is not that of days that are settled
	w->ports_per_day = 1;
	world_rule(w, s);
	w->ports_per_day = 2;
	assert_days(check_all(w, s, TT_READ_AUTO), 4, 0, 0);
	world_close(&s);
	world_destroy(&w);
}

static void what_comes_late_is_judged_with_the_rest_of_its_day(void **state) {
	struct tt_store *s;
	struct world *w = world(2, &s);
	int64_t noon = BEGIN + DAY / 2, before;
	unsigned again = 0;

	for (int day = 0; day < 3; day++)
		fill_day(w, s, day);
	settle(s, BEGIN + 2 * DAY, 0);
	checkpoint(s);
	settle(s, BEGIN + 2 * DAY, 0);
	assert_days(check_all(w, s, TT_READ_ROLLUPS), 2, 1, 0);
	// more of the same sources: some become surveyors, in what the tables hold already too
	world_fill(w, s, 600, 300, noon, noon + 7200);
	assert_days(conserve(s, (struct tt_query){.by = TT_BY_PORT,
					.tool = -1,
					.classes = 1u << TT_SCAN,
					.read = TT_READ_ROLLUPS}),
		1, 1, 1); // not settled anew yet, and said so
	assert_days(check_all(w, s, TT_READ_RAW), 1, 2, 0);
	checkpoint(s);
	before = number(w, "SELECT sum(surveyors) FROM survey");
	for (unsigned n = 0; settle(s, INT64_MAX - DAY, 1) > 0 && n < 10000; n++) {
		conserve(s, (struct tt_query){.by = TT_BY_SENSOR,
				    .tool = -1,
				    .classes = 1u << TT_SCAN,
				    .read = TT_READ_ROLLUPS});
		// a process that ends while pieces are exchanged goes on where it was
		if (number(w, "SELECT count(*) FROM survey WHERE state > 1") > 0) {
			again += number(w, "SELECT count(*) FROM survey WHERE state = 3") > 0;
			world_close(&s);
			s = world_open(w, TT_STORE_WRITE, NULL);
		}
	}
	assert_true(again > 1); // the day was in the tables
	assert_days(check_all(w, s, TT_READ_ROLLUPS), 3, 0, 0);
	assert_true(
		number(w, "SELECT sum(surveyors) FROM survey WHERE start < 1734660000") > before);
	// one that makes nobody a surveyor: reflections
	world_begin(w);
	for (unsigned i = 0; i < 50; i++) {
		struct tt_obs o = world_obs(w, noon, noon + 3600);

		o.class = TT_REFLECTION;
		memset(o.matches, 0, sizeof(o.matches));
		o.tested = 0;
		world_add(w, &o);
	}
	assert_int_equal(world_put(w, s, true), 1);
	settle(s, INT64_MAX, 0);
	assert_days(check_all(w, s, TT_READ_ROLLUPS), 3, 0, 0);
	world_close(&s);
	world_destroy(&w);
}

static void days_whose_raw_went_before_they_were_over_are_left_to_lists(void **state) {
	struct tt_store *s;
	struct world *w = world(3, &s);
	struct tt_query q = TT_QUERY_INIT;

	fill_day(w, s, 0);
	fill_day(w, s, 1);
	checkpoint(s);
	assert_true(tt_store_expire(s, 0, 1, &err) > 0); // a disk limit that leaves no raw
	q.by = TT_BY_PORT;
	assert_days(conserve(s, q), 0, 0, 2);
	settle(s, INT64_MAX, 0);
	assert_days(conserve(s, q), 0, 0, 2);
	fill_day(w, s, 2);
	settle(s, INT64_MAX, 0);
	assert_days(conserve(s, q), 1, 0, 2);
	check(w, s, TT_BY_PORT, TT_STEP_NONE, BEGIN + 2 * DAY, BEGIN + 3 * DAY, TT_READ_ROLLUPS);
	// what comes for a day that nobody can judge any more still counts
	world_fill(w, s, 200, 100, BEGIN, BEGIN + DAY);
	settle(s, INT64_MAX, 0);
	assert_days(conserve(s, q), 1, 0, 2);
	q.surveyors = TT_SURVEYORS_WITH;
	world_check(w, s, &q, false);
	world_close(&s);
	world_destroy(&w);
}

static void add_probe(struct world *w, uint8_t host, unsigned sensor, uint16_t port) {
	struct tt_obs o = {.epoch = BEGIN + 60 * port,
		.sensor = (uint16_t)sensor,
		.family = 4,
		.src = {203, 0, 113, host},
		.class = TT_SCAN,
		.proto = 6,
		.port = port,
		.packets = 2,
		.bytes = 120,
		.dst_bitmap = 1ull << (port % 5)};

	world_add(w, &o);
}

static void evidence_says_why(void **state) {
	struct tt_store *s;
	struct world *w = world(4, &s);

	world_begin(w);
	for (uint16_t port = 1; port <= 700; port++)
		add_probe(w, 1, port % 3, port);
	for (uint16_t port = 1; port <= 2; port++)
		add_probe(w, 2, 0, port); // not more than two
	for (uint16_t port = 1; port <= 3; port++)
		add_probe(w, 3, 0, port);
	assert_int_equal(world_put(w, s, true), 1);
	settle(s, INT64_MAX, 0);
	assert_int_equal(number(w, "SELECT count(*) FROM surveyor"), 2);
	assert_int_equal(number(w, "SELECT surveyors FROM survey"), 2);
	assert_int_equal(number(w, "SELECT ports_per_day FROM survey"), 2);
	assert_int_equal(number(w, "SELECT start FROM survey"), BEGIN);
	assert_in_range(
		number(w, "SELECT ports FROM surveyor WHERE source = x'cb007101'"), 665, 735);
	assert_int_equal(number(w, "SELECT sensors FROM surveyor WHERE source = x'cb007101'"), 3);
	assert_int_equal(
		number(w, "SELECT packets FROM surveyor WHERE source = x'cb007101'"), 1400);
	assert_int_equal(
		number(w, "SELECT destinations FROM surveyor WHERE source = x'cb007101'"), 5);
	assert_int_equal(number(w, "SELECT ports FROM surveyor WHERE source = x'cb007103'"), 3);
	assert_int_equal(number(w, "SELECT sensors FROM surveyor WHERE source = x'cb007103'"), 1);
	world_close(&s);
	world_destroy(&w);
}

static void a_replay_is_settled_when_it_ends(void **state) {
	struct world *w = world_create(5);
	struct tt_store *s;

	w->whole = w->replay = true;
	w->ports_per_day = 2;
	w->utc_offset = OFFSET;
	s = world_open(w, TT_STORE_WRITE, ZONE);
	world_rule(w, s);
	for (int day = 0; day < 2; day++)
		fill_day(w, s, day);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_days(check_all(w, s, TT_READ_RAW), 2, 0, 0);
	fill_day(w, s, 1); // another capture
	assert_days(check_all(w, s, TT_READ_RAW), 1, 1, 0);
	world_close(&s);
	s = world_open(w, TT_STORE_READ, NULL);
	assert_days(check_all(w, s, TT_READ_AUTO), 2, 0, 0);
	world_close(&s);
	world_destroy(&w);
}

// What a watch of all TCP probes counts, with, without and of only surveyors.
static const char watches[] = "{\"kind\":\"watches\",\"v\":1,\"watches\":["
			      "{\"name\":\"all\",\"where\":{\"class\":[\"scan\"]},\"keep_sources\":"
			      "true,\"by\":[\"port\"]},"
			      "{\"name\":\"without\",\"where\":{\"class\":[\"scan\"]},\"keep_"
			      "sources\":true,\"by\":[\"port\"],"
			      "\"surveyors\":\"without\"},"
			      "{\"name\":\"only\",\"where\":{\"class\":[\"scan\"]},\"keep_"
			      "sources\":true,\"by\":[\"port\"],"
			      "\"surveyors\":\"only\"}]}";

struct sum { // of a local day
	uint64_t packets, bytes, sources;
};

static int add_source(void *arg, const struct tt_watch_source *src) {
	struct sum *sums = arg, *sum = &sums[(src->day - BEGIN) / DAY];

	sum->packets += src->packets;
	sum->bytes += src->bytes;
	sum->sources++;
	return 0;
}

static int by_source(const void *x, const void *y) {
	const struct tt_obs *const *a = x, *const *b = y;
	int c = (*a)->family - (*b)->family;

	return c != 0 ? c : memcmp((*a)->src, (*b)->src, 16);
}

// One day of a watch counted by hand.
static struct sum count_day(const struct world *w, int day, unsigned which) {
	const struct tt_obs **seen = calloc(w->n + 1, sizeof(*seen));
	bool *surveyor = world_surveyors(w, w->obs, w->n);
	struct sum sum = {0};
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct tt_obs *o = &w->obs[i];

		if (o->class != TT_SCAN || o->epoch < BEGIN + day * DAY ||
			o->epoch >= BEGIN + (day + 1) * DAY ||
			(which != TT_SURVEYORS_WITH && surveyor[i] != (which == TT_SURVEYORS_ONLY)))
			continue;
		sum.packets += o->packets;
		sum.bytes += o->bytes;
		seen[n++] = o;
	}
	qsort(seen, n, sizeof(struct tt_obs *), by_source);
	for (size_t i = 0; i < n; i++)
		sum.sources += i == 0 || by_source(&seen[i - 1], &seen[i]) != 0;
	free(surveyor);
	free(seen);
	return sum;
}

// Each watch's days, ports and sources; `known`: from that day on.
static struct tt_survey_days check_watches(
	struct world *w, struct tt_store *s, int known, int days) {
	static const char *const names[] = {"all", "without", "only"};
	struct tt_survey_days d = {0};

	for (unsigned v = 0; v < 3; v++) {
		struct sum sums[8] = {0};
		struct tt_watch_counts c;
		uint64_t ports = 0, whole = 0;

		if (tt_store_watch_read(s, names[v], BEGIN + known * DAY, BEGIN + days * DAY,
			    1u << TT_WATCH_BY_PORT, &c, &err) != 0)
			fail_msg("%s", err.msg);
		assert_int_equal(c.day_n, days - known);
		assert_int_equal(tt_store_watch_sources(s, names[v], BEGIN + known * DAY,
					 BEGIN + days * DAY, add_source, sums, &err),
			0);
		for (int i = known; i < days; i++) {
			struct sum want = count_day(w, i, v);

			assert_int_equal(c.days[i - known].packets, want.packets);
			assert_int_equal(c.days[i - known].bytes, want.bytes);
			assert_int_equal(c.days[i - known].sources, want.sources);
			assert_int_equal(sums[i].packets, want.packets);
			assert_int_equal(sums[i].sources, want.sources);
			assert_true(want.packets > 0);
			whole += want.packets;
		}
		for (unsigned i = 0; i < c.part_n; i++)
			ports += c.parts[i].packets;
		assert_int_equal(ports, whole);
		d = c.survey;
		tt_watch_counts_free(&c);
	}
	return d;
}

static void put_watches(struct tt_store *s) {
	json_t *root = NULL;

	if (tt_conf_loads(watches, strlen(watches), "watches", "watches", &root, &err) != 0 ||
		tt_store_watches_set(s, root, &err) != 0)
		fail_msg("%s", err.msg);
	json_decref(root);
}

static void watches_count_by_what_was_settled(void **state) {
	struct tt_store *s;
	struct world *w = world(6, &s);
	int64_t noon = BEGIN + DAY / 2, from, to;

	world_up(w, s, BEGIN, BEGIN + DAY);
	fill_day(w, s, 0); // before there were watches
	put_watches(s);
	world_up(w, s, BEGIN + DAY, BEGIN + 4 * DAY);
	for (int day = 1; day < 3; day++)
		fill_day(w, s, day);
	checkpoint(s); // lists of sources come with it
	assert_days(check_watches(w, s, 1, 3), 0, 2, 0);
	for (unsigned n = 0; settle(s, BEGIN + 2 * DAY, 1) > 0 && n < 10000; n++)
		if (n % 3 == 0)
			check_watches(w, s, 1, 3);
	assert_days(check_watches(w, s, 1, 3), 1, 1, 0);
	// late, and some more of them are surveyors
	world_fill(w, s, 600, 300, noon + DAY, noon + DAY + 7200);
	checkpoint(s);
	settle(s, INT64_MAX, 0);
	assert_days(check_watches(w, s, 1, 3), 2, 0, 0);
	assert_int_equal(number(w, "SELECT count(*) FROM watch_day WHERE watch < 0"), 0);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {"all", "without", "only"};

		assert_int_equal(tt_store_watch_backfill(s, names[i], BEGIN, &from, &to, &err), 0);
	}
	assert_days(check_watches(w, s, 0, 3), 3, 0, 0);
	assert_true(tt_store_expire(s, INT64_MAX, 0, &err) > 0);
	world_close(&s);
	s = world_open(w, TT_STORE_READ, NULL);
	assert_days(check_watches(w, s, 0, 3), 3, 0, 0);
	world_close(&s);
	world_destroy(&w);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_is_settled_when_it_is_over_and_lasts_without_raw),
		cmocka_unit_test(what_comes_late_is_judged_with_the_rest_of_its_day),
		cmocka_unit_test(days_whose_raw_went_before_they_were_over_are_left_to_lists),
		cmocka_unit_test(evidence_says_why),
		cmocka_unit_test(a_replay_is_settled_when_it_ends),
		cmocka_unit_test(watches_count_by_what_was_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
