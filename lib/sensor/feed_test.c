/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_sensor.h"

#include <errno.h>

#include "tt_time.h"
#include "world.h"

// A SYN to 10.0.0.1 inside of each encapsulation, from 198.51.100.7 to 198.51.100.1.
#define OUT "198.51.100.7", "198.51.100.1"
static void inside(struct frame *f, bool ethernet) {
	start(f);
	tcp_syn(f);
	ip4(f, 6, "203.0.113.77", "10.0.0.1");
	if (ethernet)
		eth(f, 0x0800);
}

static void outside(struct frame *f, uint8_t proto, const char *src) {
	ip4(f, proto, src, "198.51.100.1");
	eth(f, 0x0800);
}

static void make(struct frame *f, const char *type, uint32_t key, const char *src) {
	if (strcmp(type, "gre") == 0) {
		inside(f, false);
		gre_key(f, 0x0800, key);
		outside(f, 47, src);
	} else if (strcmp(type, "gre-no-key") == 0) {
		inside(f, false);
		gre(f, 0x0800);
		outside(f, 47, src);
	} else if (strcmp(type, "erspan") == 0) {
		inside(f, true);
		erspan(f, (uint16_t)key);
		outside(f, 47, src);
	} else if (strcmp(type, "vxlan") == 0) {
		inside(f, true);
		vni(f, 8, 0, key);
		udp(f, 4789);
		outside(f, 17, src);
	} else if (strcmp(type, "geneve") == 0) {
		inside(f, true);
		vni(f, 0, 0x6558, key);
		udp(f, 6081);
		outside(f, 17, src);
	} else if (strcmp(type, "ipip") == 0) {
		inside(f, false);
		outside(f, 4, src);
	} else {
		start(f);
		tcp_syn(f);
		ip6(f, 6, "2001:db8:5::5", "2001:db8::1");
		outside(f, 41, src);
	}
}

static void each_tunnel_type_is_opened_where_declared_and_only_there(void **state) {
	static const struct {
		const char *type, *key_name;
		uint32_t key;
		enum tt_class forged; // what it is outside
	} types[] = {{"gre", "key", 77, TT_OTHER}, {"erspan", "session", 77, TT_OTHER},
		{"vxlan", "vni", 7001, TT_SCAN}, {"geneve", "vni", 7001, TT_SCAN},
		{"ipip", NULL, 0, TT_OTHER}, {"6in4", NULL, 0, TT_OTHER}};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char list[1024], key[64] = "";
		struct frame f;
		if (types[i].key_name)
			snprintf(key, sizeof(key), "\"%s\":%u,", types[i].key_name, types[i].key);
		snprintf(list, sizeof(list),
			S("feed", "\"tunnel\":{\"type\":\"%s\",%s\"outer_sources\":[\"198.51.100."
				  "7\"]},"
				  "\"prefixes\":[\"10.0.0.0/24\",\"2001:db8::/64\"]") "," S("all",
				""),
			types[i].type, key);
		open_world(list, false);
		make(&f, types[i].type, types[i].key, "198.51.100.7");
		check(&f, "feed", TT_SCAN, 1);
		// from elsewhere, it stays what it is outside
		make(&f, types[i].type, types[i].key, "198.51.100.8");
		check(&f, "all", types[i].forged, 0);
		if (types[i].key_name) { // with another key it is not that feed
			make(&f, types[i].type, types[i].key + 1, "198.51.100.7");
			check(&f, "all", types[i].forged, 0);
		}
		// undeclared, nothing is opened
		open_world(S("all", ""), false);
		make(&f, types[i].type, types[i].key, "198.51.100.7");
		check(&f, "all", types[i].forged, 0);
	}
}

static void inside_and_outside_do_not_mix(void **state) {
	open_world(S("feed", "\"tunnel\":{\"type\":\"gre\"}," P("10.0.0.0/24")) "," S(
			   "out", P("10.0.0.0/24")) "," S("ends", P("198.51.100.0/24")),
		false);
	struct frame f;
	make(&f, "gre-no-key", 0, "198.51.100.7");
	check(&f, "feed", TT_SCAN, 1);
	make(&f, "gre", 5, "198.51.100.7"); // a rule without a key holds for any
	check(&f, "feed", TT_SCAN, 1);
	plain("10.0.0.1", "out");
	// out of the feed, but to no sensor's address
	start(&f);
	tcp_syn(&f);
	ip4(&f, 6, "203.0.113.77", "198.51.100.9");
	gre(&f, 0x0800);
	outside(&f, 47, "198.51.100.7");
	check(&f, "none", TT_SCAN, 1);
}

static void the_vlan_and_uplink_of_a_feed_are_the_outer_ones(void **state) {
	open_world(
		S("feed", "\"uplink\":\"up1\",\"vlan\":[5],\"tunnel\":{\"type\":\"ipip\"}"), false);
	for (int vid = 5; vid <= 6; vid++) {
		for (unsigned up = 0; up < 2; up++) {
			struct frame f;
			inside(&f, false);
			ip4(&f, 4, OUT);
			tag(&f, (uint16_t)vid, 0x0800);
			eth(&f, 0x8100);
			struct tt_pkt p = resolve_on(&f, up);
			assert_int_equal(p.depth, vid == 5 && up == 1);
			assert_string_equal(sensor_of(&p), p.depth ? "feed" : "none");
		}
	}
}

static void outer_destinations_are_part_of_the_rule(void **state) {
	open_world(S("a", "\"tunnel\":{\"type\":\"vxlan\",\"vni\":1,\"outer_destinations\":"
			  "[\"192.0.2.0/24\",\"198.51.100.1\"]}") "," S("b",
			   "\"tunnel\":{\"type\":\"vxlan\",\"vni\":1,\"outer_destinations\":"
			   "[\"198.51.100.2\"]}"),
		false);
	struct frame f;
	make(&f, "vxlan", 1, "203.0.113.9");
	check(&f, "a", TT_SCAN, 1);
	f.b[f.at + 14 + 19] = 2;
	check(&f, "b", TT_SCAN, 1);
	f.b[f.at + 14 + 19] = 3;
	check(&f, "none", TT_SCAN, 0);
}

static void sensors_behind_one_feed_are_told_apart_by_prefix(void **state) {
	open_world(S("a", "\"tunnel\":{\"type\":\"gre\",\"key\":1}," P("10.0.0.0/24")) "," S(
			   "c", "\"tunnel\":{\"type\":\"gre\"}," P("10.0.0.0/30")) "," S("b",
			   "\"tunnel\":{\"type\":\"gre\",\"key\":1}," P("10.0.0.0/30")) "," S("d",
			   "\"tunnel\":{\"type\":\"gre\"}," P("10.0.0.1")),
		false);
	struct frame f;
	make(&f, "gre", 1, "198.51.100.7");
	check(&f, "d", TT_SCAN, 1); // prefix before key
	f.b[sizeof(f.b) - 21] = 2;
	check(&f, "b", TT_SCAN, 1); // the feed with the key before the one without
	f.b[sizeof(f.b) - 21] = 9;
	check(&f, "a", TT_SCAN, 1);
	make(&f, "gre", 2, "198.51.100.7");
	f.b[sizeof(f.b) - 21] = 2;
	check(&f, "c", TT_SCAN, 1);
}

static void two_layers_are_opened_only_where_a_rule_lists_both(void **state) {
	static const char two[] = S("two",
		"\"tunnel\":[{\"type\":\"vxlan\",\"vni\":7,\"outer_sources\":[\"198.51.100.7\"]},"
		"{\"type\":\"gre\",\"key\":9,\"outer_sources\":[\"192.0.2.5\"]}]");
	static const char one[] = S("one", "\"tunnel\":{\"type\":\"vxlan\",\"vni\":7,"
					   "\"outer_sources\":[\"198.51.100.7\"]}");
	char list[1024];
	for (int which = 0; which < 3; which++) {
		snprintf(list, sizeof(list), "%s%s%s", which != 1 ? two : "", which == 2 ? "," : "",
			which != 0 ? one : "");
		open_world(list, false);
		for (uint32_t key = 8; key <= 9; key++) {
			struct frame f;
			inside(&f, false);
			gre_key(&f, 0x0800, key);
			ip4(&f, 47, "192.0.2.5", "192.0.2.6");
			eth(&f, 0x0800);
			vni(&f, 8, 0, 7);
			udp(&f, 4789);
			outside(&f, 17, "198.51.100.7");
			if (which != 1 && key == 9)
				check(&f, "two", TT_SCAN, 2);
			else
				check(&f, which == 0 ? "none" : "one", TT_OTHER, 1);
		}
	}
	// a third layer is never opened
	struct frame f;
	inside(&f, false);
	gre_key(&f, 0x0800, 9);
	ip4(&f, 47, "192.0.2.5", "192.0.2.6");
	gre_key(&f, 0x0800, 9);
	ip4(&f, 47, "192.0.2.5", "192.0.2.6");
	eth(&f, 0x0800);
	vni(&f, 8, 0, 7);
	udp(&f, 4789);
	outside(&f, 17, "198.51.100.7");
	check(&f, "two", TT_OTHER, 2);
}

static void a_declared_feed_that_does_not_parse_is_malformed(void **state) {
	open_world(
		S("g", "\"tunnel\":{\"type\":\"gre\",\"key\":7,\"outer_sources\":[\"198.51.100.7\"]"
		       "}") "," S("v", "\"tunnel\":{\"type\":\"vxlan\",\"vni\":7,\"outer_sources\":"
				       "[\"198.51.100.7\"]}") "," S("all", ""),
		false);
	static const char *const sources[] = {"198.51.100.7", "198.51.100.8"};
	for (int i = 0; i < 2; i++) {
		struct frame f;
		inside(&f, false);
		gre(&f, 0x0800);
		f.b[f.at + 1] = 1; // version 1
		outside(&f, 47, sources[i]);
		check(&f, i ? "all" : "none", i ? TT_OTHER : TT_MALFORMED, 0);
		inside(&f, true);
		vni(&f, 0, 0, 7); // no I flag
		udp(&f, 4789);
		outside(&f, 17, sources[i]);
		check(&f, i ? "all" : "none", i ? TT_SCAN : TT_MALFORMED, 0);
		// a payload that is neither IP nor Ethernet
		start(&f);
		gre_key(&f, 0x8847, 7);
		outside(&f, 47, sources[i]);
		check(&f, i ? "all" : "none", i ? TT_OTHER : TT_NON_IP, 0);
	}
	struct frame f; // not that feed: the key is another
	start(&f);
	gre_key(&f, 0x8847, 8);
	outside(&f, 47, "198.51.100.7");
	check(&f, "all", TT_OTHER, 0);
	// an inside that is malformed, and one that is not IP
	start(&f);
	PUT(&f, 0x45, 0);
	gre_key(&f, 0x0800, 7);
	outside(&f, 47, "198.51.100.7");
	check(&f, "none", TT_MALFORMED, 1);
	start(&f);
	PUT(&f, 0, 1, 8, 0, 6, 4, 0, 1);
	eth(&f, 0x0806);
	vni(&f, 8, 0, 7);
	udp(&f, 4789);
	outside(&f, 17, "198.51.100.7");
	check(&f, "none", TT_NON_IP, 1);
}

static void erspan_is_no_ip_to_a_gre_rule_whatever_else_is_declared(void **state) {
	static const char gre_rule[] =
		S("g", "\"tunnel\":{\"type\":\"gre\",\"outer_sources\":[\"198.51.100.7\"]}");
	char both[1024];
	snprintf(both, sizeof(both), "%s,%s", gre_rule,
		S("e", "\"tunnel\":{\"type\":\"erspan\",\"outer_sources\":[\"198.51.100.8\"]}"));
	for (int i = 0; i < 2; i++) {
		struct frame f;
		open_world(i ? both : gre_rule, false);
		make(&f, "erspan", 1, "198.51.100.7");
		check(&f, "none", TT_NON_IP, 0);
	}
}

static void an_erspan_session_is_no_gre_key(void **state) {
	open_world(S("g", "\"tunnel\":{\"type\":\"gre\",\"key\":1}") "," S(
			   "e", "\"tunnel\":{\"type\":\"erspan\",\"session\":2}") "," S("all", ""),
		false);
	struct frame f;
	make(&f, "erspan", 1, "198.51.100.7");
	check(&f, "all", TT_OTHER, 0);
}

static void fragments_of_a_feed_go_to_its_first_rule(void **state) {
	open_world(S("out", P("198.51.100.0/24")) "," S("late",
			   "\"tunnel\":{\"type\":\"vxlan\",\"vni\":9,\"outer_sources\":"
			   "[\"198.51.100.0/24\"]}," P("10.1.0.0/24")) "," S("b",
			   "\"tunnel\":{\"type\":\"vxlan\",\"vni\":8,\"outer_sources\":[\"198.51."
			   "100.7\"]}," P("10.0.0.0/24")) "," S("k",
			   "\"tunnel\":{\"type\":\"gre\",\"key\":8,\"outer_sources\":[\"198.51.100."
			   "9\"]}"),
		false);
	struct frame f;
	make(&f, "vxlan", 8, "198.51.100.7");
	fragment_offset(&f, 0);	   // without options: where the IP header begins
	f.b[f.at + 14 + 6] = 0x20; // the first fragment is opened
	f.b[f.at + 14 + 7] = 0;
	struct tt_pkt p = resolve_on(&f, 0);
	assert_int_equal(p.depth, 1);
	assert_string_equal(sensor_of(&p), "b");
	assert_int_equal(p.feed_fragment, 0);
	f.b[f.at + 14 + 6] = 0;
	f.b[f.at + 14 + 7] = 10; // a later one
	p = resolve_on(&f, 0);
	assert_int_equal(p.class, TT_FRAGMENT);
	assert_string_equal(sensor_of(&p), "late");
	assert_int_equal(p.feed_fragment, 1);
	f.b[f.at + 14 + 9] = 47; // GRE from there is nobody's feed
	p = resolve_on(&f, 0);
	assert_int_equal(p.feed_fragment, 0);
	assert_string_equal(sensor_of(&p), "out");
	f.b[f.at + 14 + 15] = 9;
	p = resolve_on(&f, 0);
	assert_int_equal(p.feed_fragment, 1);
	assert_string_equal(sensor_of(&p), "k");
}

static void fragments_between_two_layers_go_to_their_first_rule(void **state) {
	open_world(S("one", "\"tunnel\":{\"type\":\"ipip\"}") "," S("two",
			   "\"tunnel\":[{\"type\":\"ipip\"},{\"type\":\"gre\",\"outer_sources\":"
			   "[\"192.0.2.5\"]}]"),
		false);
	struct frame f;
	for (int from = 5; from <= 6; from++) {
		inside(&f, false);
		gre(&f, 0x0800);
		ip4(&f, 47, from == 5 ? "192.0.2.5" : "192.0.2.6", "192.0.2.9");
		fragment_offset(&f, 10);
		outside(&f, 4, "198.51.100.7");
		struct tt_pkt p = resolve_on(&f, 0);
		assert_int_equal(p.class, TT_FRAGMENT);
		assert_string_equal(sensor_of(&p), from == 5 ? "two" : "one");
		assert_int_equal(p.feed_fragment, from == 5);
	}
}

// Many feeds behind one outer source, and many outer sources: each finds its own.
static void thousands_of_feeds_are_told_apart(void **state) {
	enum { N = 4000 };
	struct tt_buf list = TT_BUF_INIT(8u << 20);
	for (int i = 0; i < N; i++)
		tt_buf_printf(&list,
			"%s{\"id\":\"v%d\",\"match\":{\"tunnel\":{\"type\":\"vxlan\",\"vni\":%d,"
			"\"outer_sources\":[\"198.51.100.7\"]}}},"
			"{\"id\":\"g%d\",\"match\":{\"tunnel\":{\"type\":\"ipip\","
			"\"outer_sources\":[\"172.16.%d.%d\"]}}}",
			i ? "," : "", i, i, i, i >> 8, i & 255);
	open_world((const char *)list.data, false);
	tt_buf_free(&list);
	struct frame f;
	for (int i = 0; i < N; i += 7) {
		char id[16], src[24];
		snprintf(id, sizeof(id), "v%d", i);
		make(&f, "vxlan", (uint32_t)i, "198.51.100.7");
		check(&f, id, TT_SCAN, 1);
		snprintf(id, sizeof(id), "g%d", i);
		snprintf(src, sizeof(src), "172.16.%d.%d", i >> 8, i & 255);
		make(&f, "ipip", 0, src);
		check(&f, id, TT_SCAN, 1);
	}
	make(&f, "vxlan", N, "198.51.100.7");
	check(&f, "none", TT_SCAN, 0);
	// a flood of fragments must not walk through all of them
	make(&f, "vxlan", 1, "198.51.100.7");
	f.b[f.at + 14 + 7] = 10;
	int64_t t = tt_mono_ns();
	for (int i = 0; i < 20000; i++)
		check(&f, "v0", TT_FRAGMENT, 0);
	f.b[f.at + 14 + 7] = 0; // nor one of headers that do not parse
	f.b[f.at + 14 + 20 + 8] = 0;
	for (int i = 0; i < 20000; i++)
		check(&f, "none", TT_MALFORMED, 0);
	assert_true(tt_mono_ns() - t < 8 * TT_NS);
}

// A dozen feeds that all hold the same packet, each with one more bit of the inner destination.
static void feeds_that_overlap_are_all_asked(void **state) {
	for (int layers = 1; layers <= 2; layers++) {
		struct tt_buf list = TT_BUF_INIT(65536);
		for (int i = 0; i < 12; i++)
			tt_buf_printf(&list,
				"%s{\"id\":\"s%d\",\"match\":{\"tunnel\":[%s{\"type\":\"gre\","
				"\"outer_destinations\":[\"%s/%d\"]}],\"prefixes\":[\"10.0.0.0/"
				"%d\"]}}",
				i ? "," : "", i, layers == 2 ? "{\"type\":\"ipip\"}," : "",
				"198.51.0.0", 16 + i / 2, 8 + i);
		open_world((const char *)list.data, false);
		tt_buf_free(&list);
		struct frame f;
		inside(&f, false);
		gre(&f, 0x0800);
		ip4(&f, 47, "198.51.100.7", "198.51.0.1");
		if (layers == 2)
			ip4(&f, 4, "192.0.2.1", "192.0.2.2");
		eth(&f, 0x0800);
		check(&f, "s11", TT_SCAN, (unsigned)layers);
		f.b[sizeof(f.b) - 23] = 16; // 10.16.0.1: outside of /12 and longer
		check(&f, "s3", TT_SCAN, (unsigned)layers);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tunnel_type_is_opened_where_declared_and_only_there),
		cmocka_unit_test(inside_and_outside_do_not_mix),
		cmocka_unit_test(the_vlan_and_uplink_of_a_feed_are_the_outer_ones),
		cmocka_unit_test(outer_destinations_are_part_of_the_rule),
		cmocka_unit_test(sensors_behind_one_feed_are_told_apart_by_prefix),
		cmocka_unit_test(two_layers_are_opened_only_where_a_rule_lists_both),
		cmocka_unit_test(a_declared_feed_that_does_not_parse_is_malformed),
		cmocka_unit_test(erspan_is_no_ip_to_a_gre_rule_whatever_else_is_declared),
		cmocka_unit_test(an_erspan_session_is_no_gre_key),
		cmocka_unit_test(fragments_of_a_feed_go_to_its_first_rule),
		cmocka_unit_test(fragments_between_two_layers_go_to_their_first_rule),
		cmocka_unit_test(thousands_of_feeds_are_told_apart),
		cmocka_unit_test(feeds_that_overlap_are_all_asked),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
