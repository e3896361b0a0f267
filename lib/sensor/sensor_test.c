/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_sensor.h"

#include <errno.h>

#include "world.h"

static void the_default_sensor_takes_every_packet(void **state) {
	struct tt_err err;
	close_world();
	catalog = tt_catalog_default();
	sensors = tt_sensors_create(catalog, NULL, 0, true, &err);
	assert_non_null(sensors);
	assert_int_equal(tt_sensors_tunnels(sensors), 0);
	tt_packet_conf_init(conf);
	plain("192.0.2.1", "default");
	plain("2001:db8::1", "default");
	plain_on("192.0.2.1", 7, 5, "default");
}

static void the_longest_prefix_wins(void **state) {
	open_world(S("wide", P("10.0.0.0/8")) "," S("mid", P("10.1.0.0/16")) "," S(
			   "one", P("10.1.2.3")) "," S("six", P("2001:db8::/32")) "," S("six64",
			   P("2001:db8:0:1::/64")),
		false);
	plain("10.2.0.0", "wide");
	plain("10.1.2.2", "mid");
	plain("10.1.2.3", "one");
	plain("10.1.2.4", "mid");
	plain("11.0.0.0", "none");
	plain("2001:db8::1", "six");
	plain("2001:db8:0:1::1", "six64");
	plain("2001:db9::1", "none");
}

static void then_the_vlan_then_the_uplink_decides(void **state) {
	open_world(
		S("any", P("10.0.0.0/8")) "," S("up", "\"uplink\":\"up1\"," P("10.0.0.0/8")) "," S(
			"vlan", "\"vlan\":[7]," P("10.0.0.0/8")) "," S("both",
			"\"vlan\":[7],\"uplink\":\"up1\"," P("10.0.0.0/9")) "," S("stack",
			"\"vlan\":[7,8]," P("10.0.0.0/8")) "," S("long", P("10.9.0.0/16")),
		false);
	plain_on("10.200.0.1", -1, 0, "any");
	plain_on("10.200.0.1", -1, 1, "up");
	plain_on("10.200.0.1", 7, 0, "vlan");
	plain_on("10.200.0.1", 7, 1, "vlan"); // VLAN before uplink
	plain_on("10.1.0.1", 7, 1, "both");   // the prefix before all
	plain_on("10.1.0.1", 7, 0, "vlan");
	plain_on("10.200.0.1", 8, 1, "up");
	plain_on("10.9.0.1", 7, 1, "long");
	struct frame f;
	start(&f);
	tcp_syn(&f);
	ip4(&f, 6, "192.0.2.1", "10.200.0.1");
	tag(&f, 8, 0x0800);
	tag(&f, 7, 0x8100);
	eth(&f, 0x88a8);
	struct tt_pkt p = resolve_on(&f, 0);
	assert_string_equal(sensor_of(&p), "stack"); // the whole stack, not its first tag
}

static void captures_stand_in_for_every_uplink(void **state) {
	open_world(S("a", "\"uplink\":\"elsewhere\"," P("10.0.0.0/8")) "," S("any",
			   P("10.0.0.0/8")) "," S("b", "\"uplink\":\"other\"," P("10.0.0.0/8")),
		true);
	plain_on("10.0.0.1", -1, 1, "a"); // given beats any; alike: the first in the file
}

static void an_uplink_that_does_not_exist_is_named(void **state) {
	struct tt_err err;
	const char *text = "{\"kind\":\"sensors\",\"v\":1,\"sensors\":[{\"id\":\"a\","
			   "\"match\":{\"uplink\":\"up7\"}}]}";
	struct tt_catalog *c = tt_catalog_loads(text, strlen(text), "s", &err);
	assert_null(tt_sensors_create(c, uplinks, 2, false, &err));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(err.msg,
		"$.sensors[0].match.uplink: is \"up7\" (sensor a), expected one of "
		"the uplinks: up0, up1");
	tt_catalog_destroy(&c);
}

static void packets_that_are_malformed_or_not_ip_have_no_sensor(void **state) {
	open_world(S("all", ""), false);
	struct frame f;
	start(&f);
	PUT(&f, 1, 2, 3);
	ip4(&f, 6, "192.0.2.1", "192.0.2.2");
	eth(&f, 0x0800);
	check(&f, "none", TT_MALFORMED, 0);
	start(&f);
	eth(&f, 0x0806);
	check(&f, "none", TT_NON_IP, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_sensor_takes_every_packet),
		cmocka_unit_test(the_longest_prefix_wins),
		cmocka_unit_test(then_the_vlan_then_the_uplink_decides),
		cmocka_unit_test(captures_stand_in_for_every_uplink),
		cmocka_unit_test(an_uplink_that_does_not_exist_is_named),
		cmocka_unit_test(packets_that_are_malformed_or_not_ip_have_no_sensor),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
