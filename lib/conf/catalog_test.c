/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_catalog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tt_buf.h"

#define FILE_OF(sensors) "{\"kind\":\"sensors\",\"v\":1,\"sensors\":[" sensors "]}"

static struct tt_catalog *load(const char *text) {
	struct tt_err err = {""};
	struct tt_catalog *c = tt_catalog_loads(text, strlen(text), "s.json", &err);
	if (!c)
		fail_msg("%s", err.msg);
	return c;
}

static void refused(const char *text, const char *message) {
	struct tt_err err = {""};
	assert_null(tt_catalog_loads(text, strlen(text), "s.json", &err));
	assert_int_equal(errno, EINVAL);
	assert_string_equal(err.msg, message);
}

static void a_sensor_is_read_as_it_is_written(void **state) {
	struct tt_catalog *c = load(
		"{\"kind\":\"sensors\",\"v\":1,\"sensors\":["
		"{\"id\":\"jp-isp1\",\"name\":{\"en\":\"ISP A\",\"ja\":\"国内ISP "
		"A\"},\"country\":\"JP\","
		"\"network\":\"ISP A\",\"groups\":[\"access\",\"home\"],\"since\":\"2024-07-01\","
		"\"until\":null,\"addresses\":1,\"silent_after_s\":60,"
		"\"match\":{\"uplink\":\"up0\",\"vlan\":[101,7],\"prefixes\":[\"192.0.2.10/32\"]}},"
		"{\"id\":\"cloud1\",\"match\":{\"tunnel\":[{\"type\":\"vxlan\",\"vni\":7001,"
		"\"outer_sources\":[\"198.51.100.7\"]},{\"type\":\"gre\"}],"
		"\"prefixes\":[\"203.0.113.0/28\",\"203.0.113.4/30\",\"2001:db8::/64\"]}}],"
		"\"maintenance\":[{\"sensors\":[\"jp-isp1\"],\"from\":\"2024-11-02T01:00:00+09:"
		"00\","
		"\"to\":\"2024-11-02T03:00:00+09:00\"},{\"from\":\"2024-11-03\",\"to\":\"2024-11-"
		"04\"}]}");
	assert_int_equal(c->sensor_n, 2);
	const struct tt_sensor_conf *s = &c->sensors[0];
	assert_string_equal(s->id, "jp-isp1");
	assert_string_equal(s->name_ja, "国内ISP A");
	assert_string_equal(s->country, "JP");
	assert_int_equal(s->group_n, 2);
	assert_string_equal(s->groups[1], "home");
	assert_string_equal(s->since, "2024-07-01");
	assert_string_equal(s->until, "");
	assert_int_equal(s->silent_after_s, 60);
	assert_string_equal(s->rule.uplink, "up0");
	assert_int_equal(s->rule.vlan_n, 2);
	assert_int_equal(s->rule.vlan[1], 7);
	assert_int_equal(s->rule.tunnel_n, 0);
	s = &c->sensors[1];
	assert_string_equal(s->name_en, "cloud1");
	assert_string_equal(s->country, "");
	assert_int_equal(s->silent_after_s, 3600);
	assert_int_equal(s->rule.tunnel_n, 2);
	assert_string_equal(s->rule.tunnel[0].type, "vxlan");
	assert_true(s->rule.tunnel[0].has_key);
	assert_int_equal(s->rule.tunnel[0].key, 7001);
	assert_int_equal(s->rule.tunnel[0].outer_sources[0].len, 32);
	assert_false(s->rule.tunnel[1].has_key);
	assert_int_equal(s->rule.prefix_n, 3);
	assert_int_equal(c->maintenance_n, 2);
	assert_string_equal(c->maintenance[0].sensors[0], "jp-isp1");
	assert_int_equal(c->maintenance[1].sensor_n, 0);
	assert_string_equal(c->maintenance[1].to, "2024-11-04");
	assert_int_equal(strlen(c->sha256), 64);
	tt_catalog_destroy(&c);
	assert_null(c);
}

static void addresses_come_from_the_prefixes_once_each(void **state) {
	struct tt_catalog *c = load(FILE_OF(
		"{\"id\":\"a\",\"match\":{\"prefixes\":[\"203.0.113.4/30\",\"203.0.113.0/28\","
		"\"203.0.113.16/28\"]}},"
		"{\"id\":\"b\",\"match\":{\"prefixes\":[\"2001:db8::/64\"]}},"
		"{\"id\":\"c\",\"match\":{\"uplink\":\"x\"}},{\"id\":\"d\",\"addresses\":5}"));
	assert_true(c->sensors[0].addresses == 32);
	assert_true(c->sensors[1].addresses == 18446744073709551616.0);
	assert_true(c->sensors[2].addresses == 1);
	assert_true(c->sensors[3].addresses == 5);
	tt_catalog_destroy(&c);
}

static void what_was_loaded_loads_again(void **state) {
	struct tt_catalog *c =
		load(FILE_OF("{\"id\":\"a\",\"match\":{\"tunnel\":{\"type\":\"6in4\"}}}"));
	char *text = json_dumps(c->json, 0);
	struct tt_catalog *d = load(text);
	assert_true(json_equal(c->json, d->json));
	free(text);
	tt_catalog_destroy(&c);
	tt_catalog_destroy(&d);
}

static void without_a_file_everything_is_one_sensor(void **state) {
	struct tt_catalog *c = tt_catalog_default();
	assert_non_null(c);
	assert_int_equal(c->sensor_n, 1);
	assert_string_equal(c->sensors[0].id, "default");
	assert_string_equal(c->sensors[0].country, "");
	assert_int_equal(c->sensors[0].rule.prefix_n, 0);
	tt_catalog_destroy(&c);
}

static void equal_rules_are_errors_that_name_both(void **state) {
	refused(FILE_OF("{\"id\":\"a\",\"match\":{\"prefixes\":[\"192.0.2.0/24\",\"198.51.100.0/"
			"24\"]}},"
			"{\"id\":\"b\",\"match\":{\"prefixes\":[\"198.51.100.0/24\"]}}"),
		"s.json: $.sensors[1].match: 198.51.100.0/24 of \"b\" is claimed by \"a\" "
		"($.sensors[0].match) by an equal rule (uplink any), expected rules that differ in "
		"uplink, vlan, tunnel or prefixes");
	refused(FILE_OF("{\"id\":\"a\"},{\"id\":\"b\",\"match\":{\"prefixes\":[\"::/0\"]}}"),
		"s.json: $.sensors[1].match: ::/0 of \"b\" is claimed by \"a\" "
		"($.sensors[0].match) by "
		"an equal rule (uplink any), expected rules that differ in uplink, vlan, tunnel or "
		"prefixes");
	refused(FILE_OF("{\"id\":\"a\"},{\"id\":\"b\"}"),
		"s.json: $.sensors[1].match: every address of \"b\" is claimed by \"a\" "
		"($.sensors[0].match) by an equal rule (uplink any), expected rules that differ in "
		"uplink, vlan, tunnel or prefixes");
	refused(FILE_OF("{\"id\":\"a\",\"match\":{\"prefixes\":[\"192.0.2.1\",\"192.0.2.1/32\"]}}"),
		"s.json: $.sensors[0].match.prefixes[1]: is \"192.0.2.1/32\" again, expected it "
		"once");
	refused(FILE_OF("{\"id\":\"a\",\"match\":{\"vlan\":[1],\"tunnel\":{\"type\":\"gre\","
			"\"key\":7,"
			"\"outer_sources\":[\"192.0.2.2\",\"192.0.2.1\"]}}},"
			"{\"id\":\"b\",\"match\":{\"vlan\":[1],\"tunnel\":[{\"type\":\"gre\","
			"\"key\":7,"
			"\"outer_sources\":[\"192.0.2.1\",\"192.0.2.2\"]}]}}"),
		"s.json: $.sensors[1].match: every address of \"b\" is claimed by \"a\" "
		"($.sensors[0].match) by an equal rule (uplink any vlan 1 in gre 7 from "
		"192.0.2.1/32,192.0.2.2/32), expected rules that differ in uplink, vlan, tunnel or "
		"prefixes");
}

static void rules_that_differ_in_one_thing_are_not_equal(void **state) {
	struct tt_catalog *c = load(FILE_OF(
		"{\"id\":\"a\",\"match\":{\"prefixes\":[\"192.0.2.0/24\"]}},"
		"{\"id\":\"b\",\"match\":{\"prefixes\":[\"192.0.2.0/25\"]}},"
		"{\"id\":\"c\",\"match\":{\"prefixes\":[\"192.0.2.0/24\"],\"uplink\":\"u\"}},"
		"{\"id\":\"d\",\"match\":{\"prefixes\":[\"192.0.2.0/24\"],\"vlan\":[1]}},"
		"{\"id\":\"e\",\"match\":{\"prefixes\":[\"192.0.2.0/24\"],\"vlan\":[1,2]}},"
		"{\"id\":\"f\",\"match\":{\"prefixes\":[\"192.0.2.0/"
		"24\"],\"tunnel\":{\"type\":\"gre\"}}},"
		"{\"id\":\"g\",\"match\":{\"prefixes\":[\"192.0.2.0/24\"],"
		"\"tunnel\":{\"type\":\"gre\",\"key\":0}}},"
		"{\"id\":\"h\"}"));
	assert_int_equal(c->sensor_n, 8);
	tt_catalog_destroy(&c);
}

static void maintenance_of_unknown_sensors_is_an_error(void **state) {
	refused("{\"kind\":\"sensors\",\"v\":1,\"sensors\":[{\"id\":\"a\"}],\"maintenance\":"
		"[{\"sensors\":[\"a\",\"b\"],\"from\":\"2024-01-01\",\"to\":\"2024-01-02\"}]}",
		"s.json: $.maintenance[0].sensors[1]: is \"b\", expected the id of a sensor in "
		"$.sensors");
}

static void as_many_sensors_as_allowed_load(void **state) {
	struct tt_buf text = TT_BUF_INIT(16u << 20);
	tt_buf_printf(&text, "{\"kind\":\"sensors\",\"v\":1,\"sensors\":[");
	for (int i = 0; i < TT_SENSOR_MAX; i++)
		tt_buf_printf(&text,
			"%s{\"id\":\"s%d\",\"match\":{\"prefixes\":[\"10.%d.%d.0/24\"]}}",
			i ? "," : "", i, i >> 8, i & 255);
	size_t len = text.len;
	tt_buf_printf(&text, "]}");
	struct tt_catalog *c = load((const char *)text.data);
	assert_int_equal(c->sensor_n, TT_SENSOR_MAX);
	tt_catalog_destroy(&c);
	text.len = len;
	tt_buf_printf(&text, ",{\"id\":\"more\"}]}");
	refused((const char *)text.data,
		"s.json: $.sensors: is a list of 16385, expected a list of 1 to 16384");
	tt_buf_free(&text);
}

static void a_missing_file_is_named(void **state) {
	struct tt_err err;
	assert_null(tt_catalog_load("/nowhere/s.json", &err));
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(err.msg, "/nowhere/s.json"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sensor_is_read_as_it_is_written),
		cmocka_unit_test(addresses_come_from_the_prefixes_once_each),
		cmocka_unit_test(what_was_loaded_loads_again),
		cmocka_unit_test(without_a_file_everything_is_one_sensor),
		cmocka_unit_test(equal_rules_are_errors_that_name_both),
		cmocka_unit_test(rules_that_differ_in_one_thing_are_not_equal),
		cmocka_unit_test(maintenance_of_unknown_sensors_is_an_error),
		cmocka_unit_test(as_many_sensors_as_allowed_load),
		cmocka_unit_test(a_missing_file_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
