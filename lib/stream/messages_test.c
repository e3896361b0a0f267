/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tt_time.h"

#define EPOCH 1734491040 // 2024-12-18T03:04:00Z

static const struct tt_message_head head = {
	"tokyo", "7f3a000000000000", "jp-isp1", 8812, EPOCH, EPOCH + 60};

static json_t *parse(struct tt_buf *b) {
	json_error_t error;
	assert_int_equal(b->rc, 0);
	json_t *j = json_loadb((char *)b->data, b->len, JSON_REJECT_DUPLICATES, &error);
	if (!j)
		fail_msg("%s in %s", error.text, (char *)b->data);
	tt_buf_free(b);
	return j;
}

static const char *str(const json_t *o, const char *key) {
	return json_string_value(json_object_get(o, key));
}
static json_int_t num(const json_t *o, const char *key) {
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static void check_head(const json_t *j) {
	assert_int_equal(num(j, "v"), 1);
	assert_string_equal(str(j, "probe"), "tokyo");
	assert_string_equal(str(j, "boot"), "7f3a000000000000");
	assert_int_equal(num(j, "seq"), 8812);
	assert_string_equal(str(j, "start"), "2024-12-18T03:04:00Z");
	assert_string_equal(str(j, "end"), "2024-12-18T03:05:00Z");
}

static void test_topics_end_with_a_full_stop_so_that_prefixes_do_not_match_others(void **state) {
	(void)state;
	char topic[TT_TOPIC_LEN];
	tt_topic_format(topic, "stats", "tokyo", "jp-isp1");
	assert_string_equal(topic, "stats.tokyo.jp-isp1.");
	tt_topic_format(topic, "health", "tokyo", NULL);
	assert_string_equal(topic, "health.tokyo.");
	const char *longest = "abcdefghijklmnopqrstuvwxyz012345";
	tt_topic_format(topic, "health", longest, longest);
	assert_int_equal(topic[strlen(topic) - 1], '.');
	assert_int_equal(strlen(topic), 6 + 2 + 64 + 1);
}

static void test_live_has_every_class(void **state) {
	(void)state;
	struct tt_buf b = TT_BUF_INIT(1 << 16);
	const uint64_t packets[TT_OBSERVED_CLASS_N] = {7, 0, 2},
		       bytes[TT_OBSERVED_CLASS_N] = {420, 0, 900};
	tt_message_live(&b, &head, packets, bytes);
	json_t *j = parse(&b), *classes = json_object_get(j, "classes");
	check_head(j);
	assert_string_equal(str(j, "sensor"), "jp-isp1");
	assert_int_equal(json_object_size(classes), TT_OBSERVED_CLASS_N);
	assert_int_equal(num(json_object_get(classes, "scan"), "packets"), 7);
	assert_int_equal(num(json_object_get(classes, "reflection"), "bytes"), 900);
	assert_int_equal(num(json_object_get(classes, "fragment"), "packets"), 0);
	json_decref(j);
}

static void test_stats_add_up(void **state) {
	(void)state;
	struct tt_fold *f = tt_fold_create(2, 1000);
	for (unsigned i = 0; i < 100; i++) {
		struct tt_obs o = {.sensor = 1,
			.class = TT_SCAN,
			.proto = i % 2 ? 6 : 1,
			.port = (uint16_t)(i % 2 ? i : 0x0800),
			.family = 4,
			.packets = 2,
			.bytes = 120,
			.src = {10, 0, 0, (uint8_t)i}};
		tt_fold_add(f, &o, i % 3 ? "JP" : "--");
	}
	struct tt_buf b = TT_BUF_INIT(1 << 16);
	tt_message_stats(&b, &head, TT_STATE_UP, 1, "2024-12-17", f, 1);
	json_t *j = parse(&b), *row;
	size_t i;
	check_head(j);
	assert_string_equal(str(j, "state"), "up");
	assert_string_equal(str(j, "rir"), "2024-12-17");
	assert_true(json_is_false(json_object_get(j, "sources_lower_bound")));
	assert_true(json_real_value(json_object_get(j, "completeness")) == 1.0);
	json_t *scan = json_object_get(json_object_get(j, "classes"), "scan");
	assert_int_equal(num(scan, "packets"), 200);
	assert_int_equal(num(scan, "sources"), 100);
	json_int_t sum = num(json_object_get(j, "ports_other"), "packets");
	assert_int_equal(json_array_size(json_object_get(j, "ports")), TT_FOLD_TOP);
	json_array_foreach(json_object_get(j, "ports"), i, row) sum += num(row, "packets");
	assert_int_equal(sum, 200);
	row = json_array_get(json_object_get(j, "ports"), 0);
	assert_string_equal(str(row, "proto"), "icmp");
	assert_int_equal(num(row, "port"), 0x0800);
	assert_int_equal(num(row, "sources"), 50);
	sum = num(json_object_get(j, "regions_other"), "packets");
	json_array_foreach(json_object_get(j, "regions"), i, row) sum += num(row, "packets");
	assert_int_equal(sum, 200);
	assert_string_equal(str(json_array_get(json_object_get(j, "regions"), 0), "region"), "JP");
	json_decref(j);
	tt_fold_destroy(&f);
}

static void test_stats_of_a_silent_sensor_are_told_too(void **state) {
	(void)state;
	struct tt_fold *f = tt_fold_create(1, 10);
	struct tt_buf b = TT_BUF_INIT(1 << 16);
	tt_message_stats(&b, &head, TT_STATE_SILENT, 0, "", f, 0);
	json_t *j = parse(&b);
	assert_string_equal(str(j, "state"), "silent");
	assert_true(json_real_value(json_object_get(j, "completeness")) == 0);
	assert_true(json_is_null(json_object_get(j, "rir")));
	assert_int_equal(json_array_size(json_object_get(j, "ports")), 0);
	assert_int_equal(num(json_object_get(j, "ports_other"), "packets"), 0);
	json_decref(j);
	tt_fold_destroy(&f);
}

static void test_health_gives_every_packet_one_fate(void **state) {
	(void)state;
	const char *const ids[] = {"up0"};
	const struct tt_tally tally = {.link_up = 1, .packets = {18, 2, 0, 9100, 0}, .imissed = 5};
	const struct tt_health_worker worker = {
		2, 0.07, 0.5, {.p50 = 1, .p90 = 2, .p99 = 9, .p999 = 20, .max = 41}, 1830, 917504};
	const struct tt_health_queue queue[] = {{2, 9000, 1, 5}, {3, 120, 0, 0}};
	const struct tt_health_queues queues = {queue, 2, true};
	const struct tt_health_sensor sensors[] = {
		{"jp-isp1", TT_STATE_UP, (EPOCH + 59) * TT_NS},
		{"quiet", TT_STATE_DOWN, 0},
	};
	const struct tt_health x = {.config = "9c",
		.clock_skew_ms = -3,
		.uplink_ids = ids,
		.uplinks = &tally,
		.queues = &queues,
		.uplink_n = 1,
		.workers = &worker,
		.worker_n = 1,
		.sensors = sensors,
		.sensor_n = 2,
		.late = 4,
		.link = {.sent = 5122, .acked = 5121, .lag_s = 1.25}};
	struct tt_message_head h = head;
	h.sensor = NULL;
	struct tt_buf b = TT_BUF_INIT(1 << 16);
	tt_message_health(&b, &h, &x);
	json_t *j = parse(&b), *up = json_array_get(json_object_get(j, "uplinks"), 0);
	check_head(j);
	assert_null(json_object_get(j, "sensor"));
	assert_string_equal(str(j, "config"), "sha256:9c");
	assert_int_equal(num(j, "clock_skew_ms"), -3);
	assert_string_equal(str(up, "link"), "up");
	assert_int_equal(num(up, "packets"), 9120);
	assert_int_equal(num(up, "packets"), num(up, "observed") + num(up, "spilled") +
						     num(up, "malformed") + num(up, "non_ip") +
						     num(up, "unassigned"));
	assert_int_equal(num(up, "imissed"), 5);
	json_t *w = json_array_get(json_object_get(j, "workers"), 0);
	assert_int_equal(num(json_object_get(w, "poll_gap_us"), "p50"), 1);
	assert_int_equal(num(json_object_get(w, "poll_gap_us"), "max"), 41);
	assert_true(json_real_value(json_object_get(w, "asleep")) == 0.5);
	const json_t *q = json_object_get(up, "queues");
	assert_int_equal(json_array_size(q), 2);
	assert_int_equal(num(json_array_get(q, 0), "imissed"), 5);
	assert_int_equal(num(json_array_get(q, 1), "lcore"), 3);
	assert_int_equal(
		num(json_array_get(q, 0), "packets") + num(json_array_get(q, 1), "packets"),
		num(up, "packets"));
	assert_float_equal(json_number_value(json_object_get(up, "loss")), 5. / 9125, 1e-6);
	assert_int_equal(num(w, "table_used"), 1830);
	json_t *list = json_object_get(j, "sensors");
	assert_string_equal(str(json_array_get(list, 0), "last_packet"), "2024-12-18T03:04:59Z");
	assert_true(json_is_null(json_object_get(json_array_get(list, 1), "last_packet")));
	assert_string_equal(str(json_array_get(list, 1), "state"), "down");
	assert_int_equal(num(json_object_get(j, "harvest"), "late_packets"), 4);
	assert_int_equal(num(json_object_get(j, "link"), "acked"), 5121);
	json_decref(j);
}

static void a_collector_says_what_it_refused_and_how_clocks_differ(void **state) {
	struct tt_buf b = TT_BUF_INIT(4096);
	const int64_t skew = -1500;
	struct tt_merged m = {.lag_s = 2.5,
		.skew_ms = &skew,
		.unanswered = 8,
		.refused = {.keys = 1,
			.connections = 2,
			.revoked = 3,
			.messages = 4,
			.names = 5,
			.versions = 6,
			.batches = 7}};
	const struct tt_message_head h = {.probe = "tokyo", .boot = "00", .seq = 1};
	const struct tt_health x = {0};
	tt_message_merged_health(&b, &h, &x, &m);
	tt_buf_append(&b, "", 1);
	assert_non_null(strstr((char *)b.data,
		"\"collector\":{\"lag_s\":2.5,\"clock_skew_ms\":-1500,\"unanswered\":8,\"refused\":"
		"{\"keys\":1,"
		"\"connections\":2,\"revoked\":3,\"messages\":4,\"names\":5,\"versions\":6,"
		"\"batches\":7}}}"));
	tt_buf_reset(&b);
	m.skew_ms = NULL;
	tt_message_merged_health(&b, &h, &x, &m);
	tt_buf_append(&b, "", 1);
	assert_non_null(strstr((char *)b.data, "\"clock_skew_ms\":null"));
	tt_buf_free(&b);
}

static void test_no_share_is_above_one_whatever_was_counted(void **state) {
	(void)state;
	const uint64_t counts[] = {0, 1, 1000, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
	const unsigned n = sizeof(counts) / sizeof(*counts);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++)
			for (unsigned state_ = TT_STATE_UP; state_ <= TT_STATE_DOWN; state_++) {
				struct tt_sensor_state s = {.state = (uint8_t)state_,
					.received = counts[i],
					.lost = counts[k]};
				double share = tt_completeness(&s);
				assert_true(share >= 0 && share <= 1);
				assert_true(state_ == TT_STATE_UP || share == 0);
			}
	assert_true(tt_share_received(0, 0) == 1);
	assert_true(tt_share_received(0, 9) == 0);
	assert_true(tt_share_received(3, 1) == 0.75);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_collector_says_what_it_refused_and_how_clocks_differ),
		cmocka_unit_test(
			test_topics_end_with_a_full_stop_so_that_prefixes_do_not_match_others),
		cmocka_unit_test(test_live_has_every_class),
		cmocka_unit_test(test_stats_add_up),
		cmocka_unit_test(test_stats_of_a_silent_sensor_are_told_too),
		cmocka_unit_test(test_health_gives_every_packet_one_fate),
		cmocka_unit_test(test_no_share_is_above_one_whatever_was_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
