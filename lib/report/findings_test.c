/* SPDX-License-Identifier: BSD-3-Clause */
// Findings over a telescope that is not always up: a live database of two quarters, days of UTC,
// whose packets are the same every day but where a test says otherwise.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report.h"
#include "tt_conf.h"
#include "tt_findings.h"
#include "tt_wire.h"

#define Q3   1719792000ll // 2024-07-01T00:00:00Z
#define Q4   1727740800ll
#define END  1735689600ll
#define DAY  86400
#define DAYS ((END - Q3) / DAY)
#define N    3

static const struct {
	const char *id, *network;
	unsigned addresses;
} sensors[N] = {{"isp-a1", "ISP A", 1}, {"isp-a2", "ISP A", 4}, {"cloud", "Cloud X", 16}};

struct scope {
	char dir[40], path[64];
	struct tt_store *s;
	struct tt_batch *b;
	uint64_t seq;
	bool (*up)(unsigned sensor, int64_t day);
	// packets of a service at a sensor on a day; services are numbered
	uint64_t (*packets)(unsigned sensor, int64_t day, unsigned service);
};

static bool always(unsigned sensor, int64_t day) {
	return true;
}

static bool cloud_is_down_for_weeks(unsigned sensor, int64_t day) {
	return sensor != 2 || day < Q4 + 20 * DAY || day >= Q4 + 56 * DAY;
}

static const struct {
	uint8_t class, proto;
	uint16_t port;
} services[] = {{TT_SCAN, 6, 23}, {TT_SCAN, 6, 22}, {TT_SCAN, 6, 80}, {TT_REFLECTION, 17, 53}};
#define SERVICES 4

// By address and day: 23/TCP 30 everywhere, 22/TCP 40 at the ISP's and 8 in the cloud, 80/TCP 12.
static uint64_t steady(unsigned sensor, int64_t day, unsigned service) {
	static const unsigned rates[SERVICES][N] = {{30, 30, 30}, {40, 40, 8}, {12, 12, 12}, {0}};
	return (uint64_t)rates[service][sensor] * sensors[sensor].addresses;
}

static void begin(struct scope *k) {
	static const char *const uplinks[] = {"up0"};
	const char *ids[N];
	for (unsigned i = 0; i < N; i++)
		ids[i] = sensors[i].id;
	assert_int_equal(
		tt_batch_begin(k->b, "tokyo", "00112233445566aa", 3600, ids, N, uplinks, 1), 0);
}

static void put(struct scope *k) {
	struct tt_err err = {0};
	const void *msg;
	size_t len;
	assert_int_equal(tt_batch_encode(k->b, ++k->seq, &msg, &len), 0);
	if (tt_store_put(k->s, msg, len, &err) != 1)
		fail_msg("%s", err.msg);
}

static void put_catalog(struct scope *k) {
	json_t *list = json_array();
	for (unsigned i = 0; i < N; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:s, s:s, s:{s:s}}", "id", sensors[i].id,
				      "network", sensors[i].network, "addresses",
				      sensors[i].addresses, "since", "2024-07-01", "country", "JP",
				      "match", "uplink", sensors[i].id));
	json_t *doc = json_pack("{s:s, s:{s:s, s:i, s:o}}", "type", "catalog", "sensors", "kind",
		"sensors", "v", 1, "sensors", list);
	char *text = json_dumps(doc, 0);
	begin(k);
	assert_int_equal(tt_batch_set_meta(k->b, text, strlen(text)), 0);
	put(k);
	free(text);
	json_decref(doc);
}

static void put_day(struct scope *k, int64_t day) {
	begin(k);
	for (unsigned i = 0; i < N; i++) {
		for (unsigned hour = 0; hour < 24; hour++) {
			struct tt_sensor_state st = {.epoch = day + hour * 3600,
				.sensor = (uint16_t)i,
				.received = 100,
				.state = k->up(i, day) ? TT_STATE_UP : TT_STATE_DOWN};
			assert_int_equal(tt_batch_add_state(k->b, &st), 0);
		}
		for (unsigned v = 0; v < SERVICES && k->up(i, day); v++) {
			uint64_t n = k->packets(i, day, v);
			// from ten sources each, hours apart
			for (unsigned j = 0; n && j < 10; j++) {
				struct tt_obs o = {.epoch = day + j * 2 * 3600,
					.sensor = (uint16_t)i,
					.family = 4,
					.src = {198, 51, (uint8_t)v, (uint8_t)(j + 1)},
					.class = services[v].class,
					.proto = services[v].proto,
					.port = services[v].port,
					.packets = n / 10 + (j < n % 10),
					.bytes = 60 * n};
				if (o.packets)
					assert_int_equal(tt_batch_add_obs(k->b, &o), 0);
			}
		}
	}
	put(k);
}

static const char watches[] =
	"{\"kind\":\"watches\",\"v\":1,\"watches\":[{\"name\":\"dns\",\"where\":{\"class\":"
	"[\"reflection\"],\"ports\":[\"udp/53\"]},\"measure\":\"packets\",\"by\":[\"network\"],"
	"\"surge\":{\"min\":10,\"factor\":5}}]}";

static void open_scope(struct scope *k, bool (*up)(unsigned, int64_t),
	uint64_t (*packets)(unsigned, int64_t, unsigned)) {
	struct tt_err err = {0};
	json_t *root = NULL;
	*k = (struct scope){.up = up, .packets = packets, .b = tt_batch_create()};
	snprintf(k->dir, sizeof(k->dir), "%s/teiten-findings-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(k->dir));
	snprintf(k->path, sizeof(k->path), "%s/t.db", k->dir);
	struct tt_store_conf conf = {.path = k->path, .mode = TT_STORE_WRITE, .timezone = "UTC"};
	if (tt_store_open(&conf, &k->s, &err) ||
		tt_conf_loads(watches, strlen(watches), "watches", "watches", &root, &err) ||
		tt_store_watches_set(k->s, root, &err))
		fail_msg("%s", err.msg);
	json_decref(root);
	put_catalog(k);
	assert_int_equal(tt_store_begin(k->s, &err), 0);
	for (int64_t day = Q3; day < END; day += DAY)
		put_day(k, day);
	assert_int_equal(tt_store_commit(k->s, &err), 0);
	if (tt_store_checkpoint(k->s, &err))
		fail_msg("%s", err.msg);
}

static void close_scope(struct scope *k) {
	static const char *const ends[] = {"", "-wal", "-shm", "-writer"};
	char path[80];
	tt_batch_destroy(&k->b);
	assert_int_equal(tt_store_close(&k->s, NULL), 0);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s%s", k->path, ends[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(k->dir), 0);
}

static char *top_text(struct scope *k, enum tt_rank rank, enum tt_format format) {
	struct tt_top_conf c = {.query = TT_QUERY_INIT, .rank = rank, .n = 10, .format = format};
	struct tt_err err = {0};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	c.query.by = TT_BY_PORT;
	c.query.from = Q4;
	c.query.to = END;
	if (tt_report_top(k->s, &c, f, &err))
		fail_msg("%s", err.msg);
	fclose(f);
	return text;
}

static void a_quarter_with_a_sensor_down_ranks_by_rate(void **state) {
	struct scope k;
	open_scope(&k, cloud_is_down_for_weeks, steady);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	struct tt_err err = {0};
	q.by = TT_BY_PORT;
	q.from = Q4;
	q.to = END;
	for (int read = TT_READ_RAW; read <= TT_READ_ROLLUPS; read++) {
		q.read = (enum tt_read)read;
		assert_int_equal(tt_store_query(k.s, &q, &r, &err), 0);
		assert_int_equal(r.row_n, 3);
		// 36 of 92 days of one of three sensors
		assert_float_equal(r.completeness, 1 - 36.0 / 92 / 3, 1e-9);
		for (unsigned i = 0; i < r.row_n; i++) {
			const struct tt_row *x = &r.rows[i];
			double want = x->key.port == 23 ? 30 : x->key.port == 22 ? 88.0 / 3 : 12;
			assert_float_equal(x->rate, want, 1e-9);
			assert_float_equal(x->median_rate,
				x->key.port == 23   ? 30
				: x->key.port == 22 ? 40
						    : 12,
				1e-9);
		}
		tt_result_free(&r);
	}
	// by packets the times that the cloud was down decide; by rate they do not
	char *rate = top_text(&k, TT_RANK_RATE, TT_FORMAT_CSV);
	char *table = top_text(&k, TT_RANK_RATE, TT_FORMAT_TABLE);
	const char *first = strstr(rate, "\r\n1,tcp,23,"), *second = strstr(rate, "\r\n2,tcp,22,");
	assert_true(first && second && first < second);
	assert_non_null(strstr(table, "completeness 87.0 %, incomplete"));
	free(rate);
	free(table);
	close_scope(&k);
}

static void sensors_that_were_down_make_no_change(void **state) {
	struct scope k;
	struct tt_changes c;
	struct tt_err err = {0};
	struct tt_changes_conf conf = {.from = Q4, .to = END, .rank = TT_RANK_RATE};
	open_scope(&k, cloud_is_down_for_weeks, steady);
	if (tt_changes_find(k.s, &conf, &c, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(c.n, 0);
	assert_int_equal(c.left_out_n, 1);
	assert_string_equal(c.left_out[0], "cloud");
	assert_float_equal(c.completeness, 1 - 36.0 / 92 / 3, 1e-9);
	tt_changes_free(&c);
	close_scope(&k);
}

// On three pairs of days answers come to the cloud; on the second the ISP's sensors are down, on
// the third they see them too.
static uint64_t answers(unsigned sensor, int64_t day, unsigned service) {
	int64_t n = (day - Q4) / DAY;
	if (service != 3)
		return steady(sensor, day, service);
	if (day < Q4 || n % 20 >= 2 || n < 20 || n >= 80)
		return 0;
	return (sensor == 2 || n >= 60) ? 50 * sensors[sensor].addresses : 0;
}

static bool isp_is_down_at_the_second(unsigned sensor, int64_t day) {
	int64_t n = (day - Q4) / DAY;
	return sensor == 2 || n < 40 || n > 41;
}

static void exclusivity_needs_the_others_to_be_up(void **state) {
	struct scope k;
	struct tt_watch_result r;
	struct tt_err err = {0};
	open_scope(&k, isp_is_down_at_the_second, answers);
	if (tt_watch_find(k.s, "dns", Q4, END, &r, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(r.surge_n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(r.surges[i].from, Q4 + (20 + 20 * (int64_t)i) * DAY);
		assert_int_equal(r.surges[i].days, 2);
		assert_int_equal(r.surges[i].seen_n, 2);
	}
	const struct tt_watch_surge *s = r.surges;
	assert_int_equal(s[0].exclusive, TT_EXCLUSIVE_YES);
	assert_string_equal(s[0].only, "Cloud X");
	for (unsigned i = 0; i < 2; i++) {
		const struct tt_seen *x = &s[0].seen[i];
		bool cloud = !strcmp(x->key, "Cloud X");
		assert_float_equal(x->expected, 50.0 * 2 * (cloud ? 16 : 5), 1e-6);
		assert_int_equal(x->seen, cloud ? 1600 : 0);
	}
	assert_int_equal(s[1].exclusive, TT_EXCLUSIVE_UNDECIDED);
	assert_non_null(strstr(s[1].why, "a sensor in ISP A was up only 0 %"));
	assert_int_equal(s[2].exclusive, TT_EXCLUSIVE_NO);
	tt_watch_result_free(&r);
	close_scope(&k);
}

// 80/TCP comes from many times the usual for four days, and 22/TCP falls to a quarter for good.
static uint64_t moving(unsigned sensor, int64_t day, unsigned service) {
	int64_t n = (day - Q4) / DAY;
	uint64_t usual = steady(sensor, day, service);
	if (service == 2 && n >= 30 && n < 34)
		return 9 * usual;
	return service == 1 && n >= 50 ? usual / 4 : usual;
}

// Ten sources took part alike; rollups tell bounds, and no addresses.
static void check_who(const struct tt_change *c, bool rollups) {
	bool here = false, there = false;
	assert_true(c->top_source_share <= 0.11 && c->top_source_share_max >= 0.09);
	assert_true(c->top_source_share_max - c->top_source_share <= (rollups ? 0.25 : 0));
	assert_false(c->few_sources);
	assert_int_equal(c->unknown, rollups ? 1u << TT_BY_SOURCE : 0);
	for (unsigned i = 0; i < c->driver_n; i++) {
		const struct tt_driver *d = &c->drivers[i];
		here |= d->by == TT_BY_SOURCE;
		if (d->by != TT_BY_REGION)
			continue;
		there = true;
		assert_string_equal(d->label, "--");
		assert_float_equal(d->share, 1, 1e-9);
		assert_int_equal(d->packets, c->value);
	}
	assert_true(there && here != rollups);
}

static void changes_are_the_same_from_rollups(void **state) {
	struct scope k;
	struct tt_changes c;
	struct tt_err err = {0};
	struct tt_changes_conf conf = {.from = Q4, .to = END, .rank = TT_RANK_RATE};
	open_scope(&k, always, moving);
	for (int rollups = 0; rollups < 2; rollups++) {
		// raw of everything but the last day is gone
		if (rollups && (tt_store_settle(k.s, INT64_MAX, 0, &err) < 0 ||
				       tt_store_expire(k.s, END - DAY, 0, &err) <= 0))
			fail_msg("%s", err.msg);
		if (tt_changes_find(k.s, &conf, &c, &err))
			fail_msg("%s", err.msg);
		// the sensors' sums move too, and are told where a sensor made most of it
		assert_int_equal(c.n, 3);
		assert_int_equal(c.rows[2].of, TT_OF_SENSOR);
		assert_int_equal(c.rows[2].kind, TT_CHANGE_SURGE);
		assert_string_equal(c.rows[2].label, "cloud");
		const struct tt_change *a = &c.rows[0], *b = &c.rows[1];
		assert_int_equal(a->kind, TT_CHANGE_SURGE);
		assert_string_equal(a->label, "tcp/80");
		assert_int_equal(a->from, Q4 + 30 * DAY);
		assert_int_equal(a->to, Q4 + 34 * DAY);
		assert_float_equal(a->factor, 9, 1e-9);
		assert_int_equal(a->value, 4 * 9 * 12 * 21);
		assert_false(a->lasts);
		assert_int_equal(b->kind, TT_CHANGE_DECLINE);
		assert_string_equal(b->label, "tcp/22");
		assert_int_equal(b->from, Q4 + 50 * DAY);
		assert_true(b->lasts);
		assert_int_equal(a->sources, 10);
		check_who(a, rollups);
		for (unsigned i = 0; i < a->driver_n; i++)
			if (!strcmp(a->drivers[i].label, "cloud"))
				assert_float_equal(a->drivers[i].share, 16.0 / 21, 1e-9);
		tt_changes_free(&c);
	}
	close_scope(&k);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quarter_with_a_sensor_down_ranks_by_rate),
		cmocka_unit_test(sensors_that_were_down_make_no_change),
		cmocka_unit_test(exclusivity_needs_the_others_to_be_up),
		cmocka_unit_test(changes_are_the_same_from_rollups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
