/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"

enum { OUTER_AT = 14, GRE_AT = 34, UDP_AT = 34, VX_AT = 42 };
enum { ALL = 0x7e };

static void declare(unsigned tunnels) {
	conf.tunnels = (uint16_t)tunnels;
}
#define ONLY(t) declare(1u << (t))

static void inner4(void) {
	uint32_t at = ip4(6);
	memcpy(B.b + at + 12, "\xcb\x00\x71\x09", 4); // from 203.0.113.9
	tcp(5, 23, SYN);
	close4(at);
}
static void inner_ethernet(void) {
	fill(0x06, 12);
	put16(0x0800);
	inner4();
}
static void outer4(unsigned proto) {
	eth(0x0800);
	ip4(proto);
}
static void gre(unsigned flags, unsigned type) {
	outer4(47);
	put16(flags);
	put16(type);
}
static void over_udp(unsigned port) {
	outer4(17);
	udp(50000, port);
}
static void vxlan(unsigned flags, unsigned vni) {
	over_udp(4789);
	PUT((uint8_t)flags, 0, 0, 0);
	put32(vni << 8);
}
static void geneve(unsigned options, unsigned type, unsigned vni) {
	over_udp(6081);
	PUT((uint8_t)options, 0);
	put16(type);
	put32(vni << 8);
}

/// Noted as that type in that state; the class is still the outer one.
static struct tt_pkt noted(unsigned tunnel, unsigned state) {
	struct tt_pkt k = parse();
	assert_string_equal(tt_tunnel_name(k.tunnel), tt_tunnel_name(tunnel));
	assert_int_equal(k.tunnel_state, state);
	bool udp_based = tunnel == TT_TUNNEL_VXLAN || tunnel == TT_TUNNEL_GENEVE;
	assert_int_equal(k.class, udp_based ? TT_SCAN : TT_OTHER);
	assert_int_equal(k.depth, 0);
	assert_memory_equal(k.src, "\xc0\x00\x02\x01", 4);
	if (state == TT_TUNNEL_BAD)
		assert_int_equal(k.tunnel_has_key, 0);
	return k;
}
static struct tt_pkt key_is(struct tt_pkt k, uint32_t key) {
	assert_int_equal(k.tunnel_has_key, 1);
	assert_int_equal(k.tunnel_key, key);
	return k;
}
static void opens_to_the_inner_scan(struct tt_pkt k) {
	k = opened(k);
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.other_port, 5);
	assert_int_equal(k.depth, 1);
	assert_int_equal(k.tunnel, TT_TUNNEL_NONE);
	assert_int_equal(k.sensor, TT_NO_SENSOR);
	assert_memory_equal(k.src, "\xcb\x00\x71\x09", 4);
}

static void undeclared_tunnels_are_not_looked_at(void **state) {
	static const struct {
		uint8_t proto;
		unsigned carries;
	} rows[] = {{4, 1u << TT_TUNNEL_IPIP}, {41, 1u << TT_TUNNEL_6IN4},
		{47, 1u << TT_TUNNEL_GRE | 1u << TT_TUNNEL_ERSPAN}};
	for (unsigned i = 0; i < 3; i++) {
		declare(ALL & ~rows[i].carries);
		outer4(rows[i].proto);
		PUT(0, 0, 0x08, 0);
		inner4();
		struct tt_pkt k = parse();
		IS(k, TT_OTHER, 0);
		assert_int_equal(k.proto, rows[i].proto);
		assert_int_equal(k.tunnel, TT_TUNNEL_NONE);
	}
	declare(ALL & ~(1u << TT_TUNNEL_VXLAN));
	vxlan(0x08, 7);
	inner_ethernet();
	IS(parse(), TT_SCAN, 4789);
	assert_int_equal(parse().tunnel, TT_TUNNEL_NONE);
	declare(ALL & ~(1u << TT_TUNNEL_GENEVE));
	geneve(0, 0x6558, 7);
	inner_ethernet();
	IS(parse(), TT_SCAN, 6081);
	assert_int_equal(parse().tunnel, TT_TUNNEL_NONE);
}

static void gre_optional_fields_in_all_combinations(void **state) {
	ONLY(TT_TUNNEL_GRE);
	for (unsigned bits = 0; bits < 8; bits++) {
		bool c = bits & 1, key = bits & 2, s = bits & 4;
		gre((c ? 0x8000 : 0) | (key ? 0x2000 : 0) | (s ? 0x1000 : 0), 0x0800);
		if (c)
			put32(0xabcd0000);
		if (key)
			put32(0x01020304);
		if (s)
			put32(0x55555555);
		uint32_t header = B.n;
		inner4();
		struct tt_pkt k = noted(TT_TUNNEL_GRE, TT_TUNNEL_OK);
		assert_int_equal(k.inner_off, header);
		assert_int_equal(k.inner_len, 40);
		if (key)
			key_is(k, 0x01020304);
		else
			assert_int_equal(k.tunnel_has_key, 0);
		opens_to_the_inner_scan(k);
		for (uint32_t n = GRE_AT; n < header; n++) {
			k = parse_cut(n);
			assert_int_equal(k.tunnel, TT_TUNNEL_GRE);
			assert_int_equal(k.tunnel_state, TT_TUNNEL_BAD);
			assert_int_equal(k.class, TT_OTHER);
			assert_int_equal(k.tunnel_has_key, 0);
		}
		parse_cut(header);
	}
}

static void gre_of_another_version_or_with_routing_is_bad(void **state) {
	ONLY(TT_TUNNEL_GRE);
	for (unsigned version = 1; version < 8; version++) {
		gre(0x2000 | version, 0x880b);
		put32(1);
		inner4();
		noted(TT_TUNNEL_GRE, TT_TUNNEL_BAD);
	}
	gre(0x4000, 0x0800);
	inner4();
	noted(TT_TUNNEL_GRE, TT_TUNNEL_BAD);
	gre(0x0f78, 0x0800); // reserved bits are nobody's
	inner4();
	opens_to_the_inner_scan(noted(TT_TUNNEL_GRE, TT_TUNNEL_OK));
}

static void gre_carries_ip_and_ethernet_and_nothing_else(void **state) {
	ONLY(TT_TUNNEL_GRE);
	gre(0, 0x6558);
	inner_ethernet();
	opens_to_the_inner_scan(noted(TT_TUNNEL_GRE, TT_TUNNEL_OK));
	gre(0, 0x86dd);
	ip6(6);
	tcp(1, 2, SYN);
	struct tt_pkt k = opened(noted(TT_TUNNEL_GRE, TT_TUNNEL_OK));
	IS(k, TT_SCAN, 2);
	assert_int_equal(k.family, 6);
	static const uint16_t others[] = {
		0, 0x0806, 0x8847, 0x8100, 0x880b, 0x88be, 0x22eb, 0xffff};
	for (unsigned i = 0; i < sizeof(others) / 2; i++) {
		gre(0x2000, others[i]);
		put32(9);
		inner4();
		key_is(noted(TT_TUNNEL_GRE, TT_TUNNEL_NOT_IP), 9);
	}
}

static void the_type_and_the_version_inside_must_agree(void **state) {
	ONLY(TT_TUNNEL_GRE);
	gre(0, 0x86dd);
	inner4();
	MALFORMED(opened(parse()));
	gre(0, 0x0800);
	ip6(59);
	MALFORMED(opened(parse()));
	gre(0, 0x0800); // nothing inside
	MALFORMED(opened(parse()));
}

static void erspan(unsigned flags, unsigned version, unsigned session) {
	gre(flags, 0x88be);
	if (flags & 0x2000)
		put32(77);
	if (flags & 0x1000)
		put32(1);
	put16(version << 12 | 5);
	put16(0xe000 | 0x0800 | 0x0400 | session);
	put32(0xfff00000);
}

static void erspan_2_has_a_session(void **state) {
	ONLY(TT_TUNNEL_ERSPAN);
	static const uint16_t sessions[] = {0, 1, 99, 1023};
	for (unsigned i = 0; i < 4; i++) {
		erspan(0x1000, 1, sessions[i]);
		uint32_t header = B.n;
		inner_ethernet();
		struct tt_pkt k = key_is(noted(TT_TUNNEL_ERSPAN, TT_TUNNEL_OK), sessions[i]);
		assert_int_equal(k.inner_off, header);
		opens_to_the_inner_scan(k);
		for (uint32_t n = GRE_AT; n < header; n++)
			assert_int_equal(parse_cut(n).tunnel_state, TT_TUNNEL_BAD);
		MALFORMED(opened(parse_cut(header + 13)));
	}
	erspan(0x3000, 1, 5); // with a GRE key
	inner_ethernet();
	opens_to_the_inner_scan(key_is(noted(TT_TUNNEL_ERSPAN, TT_TUNNEL_OK), 5));
}

static void erspan_of_other_types_is_bad(void **state) {
	ONLY(TT_TUNNEL_ERSPAN);
	for (unsigned version = 0; version < 16; version++) {
		erspan(0x1000, version, 5);
		inner_ethernet();
		noted(TT_TUNNEL_ERSPAN, version == 1 ? TT_TUNNEL_OK : TT_TUNNEL_BAD);
	}
	gre(0, 0x88be); // type I: no header, no session
	inner_ethernet();
	noted(TT_TUNNEL_ERSPAN, TT_TUNNEL_BAD);
	erspan(0x1000, 2, 5);
	set16(GRE_AT + 2, 0x22eb); // type III
	inner_ethernet();
	noted(TT_TUNNEL_ERSPAN, TT_TUNNEL_BAD);
}

static void gre_and_erspan_are_told_apart_by_the_type(void **state) {
	declare(1u << TT_TUNNEL_GRE | 1u << TT_TUNNEL_ERSPAN);
	erspan(0x1000, 1, 5);
	inner_ethernet();
	key_is(noted(TT_TUNNEL_ERSPAN, TT_TUNNEL_OK), 5);
	gre(0, 0x0800);
	inner4();
	noted(TT_TUNNEL_GRE, TT_TUNNEL_OK);
	gre(1, 0x880b);
	noted(TT_TUNNEL_GRE, TT_TUNNEL_BAD);
	ONLY(TT_TUNNEL_ERSPAN);
	noted(TT_TUNNEL_ERSPAN, TT_TUNNEL_BAD); // no type can be trusted in another version
	gre(0, 0x0800);
	inner4();
	struct tt_pkt k = parse();
	assert_int_equal(k.tunnel, TT_TUNNEL_NONE);
	IS(k, TT_OTHER, 0);
}

static void vxlan_has_a_vni_if_the_i_flag_says_so(void **state) {
	ONLY(TT_TUNNEL_VXLAN);
	for (unsigned flags = 0; flags < 256; flags++) {
		vxlan(flags, 0xabcdef);
		inner_ethernet();
		struct tt_pkt k = noted(TT_TUNNEL_VXLAN, flags & 8 ? TT_TUNNEL_OK : TT_TUNNEL_BAD);
		IS(k, TT_SCAN, 4789);
		if (flags & 8) {
			key_is(k, 0xabcdef);
			assert_int_equal(k.inner_off, VX_AT + 8);
			opens_to_the_inner_scan(k);
		}
	}
	for (uint32_t n = VX_AT; n < VX_AT + 8; n++) {
		struct tt_pkt k = parse_cut(n);
		assert_int_equal(k.tunnel, TT_TUNNEL_VXLAN);
		assert_int_equal(k.tunnel_state, TT_TUNNEL_BAD);
	}
	MALFORMED(opened(parse_cut(VX_AT + 8)));
	MALFORMED(opened(parse_cut(VX_AT + 8 + 13)));
	assert_int_equal(parse_cut(VX_AT - 1).tunnel, TT_TUNNEL_NONE); // UDP of 7 bytes
}

static void vxlan_tags_and_ports(void **state) {
	ONLY(TT_TUNNEL_VXLAN);
	eth(0x8100);
	tag(300, 0x88a8);
	tag(301, 0x0800);
	ip4(17);
	udp(50000, 4789);
	PUT(8, 0, 0, 0, 0, 0, 7, 0);
	fill(0x06, 12);
	put16(0x8100);
	tag(5, 0x0800);
	inner4();
	struct tt_pkt k = opened(parse());
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.vlan_n, 2); // the outer tags, which rules speak of
	assert_int_equal(k.vlan[0], 300);
	assert_int_equal(k.vlan[1], 301);
	assert_int_equal(k.vlan[2], 0);
	vxlan(8, 7);
	inner_ethernet();
	set16(UDP_AT + 2, 8472);
	assert_int_equal(parse().tunnel, TT_TUNNEL_NONE);
	for (unsigned i = 0; i < 8; i++)
		conf.vxlan_ports[i] = (uint16_t)(8465 + i); // a full list has no end mark
	opens_to_the_inner_scan(noted(TT_TUNNEL_VXLAN, TT_TUNNEL_OK));
	set16(UDP_AT + 2, 4789);
	assert_int_equal(parse().tunnel, TT_TUNNEL_NONE);
	tt_packet_conf_init(&conf);
	ONLY(TT_TUNNEL_VXLAN);
	set16(UDP_AT + 2, 0); // port 0 ends the list and is not in it
	assert_int_equal(parse().tunnel, TT_TUNNEL_NONE);
}

static void the_udp_length_bounds_the_tunnel(void **state) {
	ONLY(TT_TUNNEL_VXLAN);
	vxlan(8, 7);
	inner_ethernet();
	set16(UDP_AT + 4, 8 + 7);
	noted(TT_TUNNEL_VXLAN, TT_TUNNEL_BAD);
	set16(UDP_AT + 4, 8 + 8 + 14 + 20 + 13);
	struct tt_pkt k = noted(TT_TUNNEL_VXLAN, TT_TUNNEL_OK);
	assert_int_equal(k.inner_len, 14 + 20 + 13);
	MALFORMED(opened(k));
	set16(UDP_AT + 4, 8 + 8 + 14 + 20 + 14);
	IS(opened(parse()), TT_SCAN, 23);
}

static void geneve_options_are_stepped_over(void **state) {
	ONLY(TT_TUNNEL_GENEVE);
	for (unsigned words = 0; words < 64; words += 7) {
		geneve(words, 0x6558, 0x010203);
		fill(0xee, words * 4);
		uint32_t header = B.n;
		inner_ethernet();
		struct tt_pkt k = key_is(noted(TT_TUNNEL_GENEVE, TT_TUNNEL_OK), 0x010203);
		assert_int_equal(k.inner_off, header);
		opens_to_the_inner_scan(k);
		for (uint32_t n = VX_AT; n < header; n++) {
			k = parse_cut(n);
			assert_int_equal(k.tunnel, TT_TUNNEL_GENEVE);
			assert_int_equal(k.tunnel_state, TT_TUNNEL_BAD);
		}
	}
}

static void geneve_carries_ip_too_and_has_version_0(void **state) {
	ONLY(TT_TUNNEL_GENEVE);
	geneve(0, 0x0800, 9);
	inner4();
	opens_to_the_inner_scan(noted(TT_TUNNEL_GENEVE, TT_TUNNEL_OK));
	geneve(0, 0x86dd, 9);
	ip6(58);
	icmp(128, 0);
	IS(opened(noted(TT_TUNNEL_GENEVE, TT_TUNNEL_OK)), TT_SCAN, 128 << 8);
	geneve(0, 0x0806, 9);
	inner4();
	key_is(noted(TT_TUNNEL_GENEVE, TT_TUNNEL_NOT_IP), 9);
	for (unsigned version = 1; version < 4; version++) {
		geneve(version << 6, 0x6558, 9);
		inner_ethernet();
		noted(TT_TUNNEL_GENEVE, TT_TUNNEL_BAD);
	}
}

static void ip_in_ip_and_6in4_over_both_versions(void **state) {
	declare(ALL);
	for (int six = 0; six < 2; six++) {
		eth(six ? 0x86dd : 0x0800);
		six ? ip6(4) : ip4(4);
		uint32_t header = B.n;
		inner4();
		struct tt_pkt k = parse();
		assert_int_equal(k.tunnel, TT_TUNNEL_IPIP);
		assert_int_equal(k.inner_off, header);
		assert_int_equal(k.tunnel_has_key, 0);
		IS(k, TT_OTHER, 0);
		opens_to_the_inner_scan(k);
		MALFORMED(opened(parse_cut(header)));
		MALFORMED(opened(parse_cut(header + 19)));
		eth(six ? 0x86dd : 0x0800);
		six ? ip6(41) : ip4(41);
		ip6(6);
		tcp(1, 2, SYN);
		k = parse();
		assert_int_equal(k.tunnel, TT_TUNNEL_6IN4);
		k = opened(k);
		IS(k, TT_SCAN, 2);
		assert_int_equal(k.family, 6);
		eth(six ? 0x86dd : 0x0800);
		six ? ip6(41) : ip4(41);
		inner4(); // the protocol says IPv6
		MALFORMED(opened(parse()));
	}
}

static void the_outer_total_length_bounds_the_payload(void **state) {
	ONLY(TT_TUNNEL_IPIP);
	outer4(4);
	inner4();
	fill(0, 6); // padding
	set16(OUTER_AT + 2, 20 + 40);
	assert_int_equal(parse().inner_len, 40);
	set16(OUTER_AT + 2, 20 + 33);
	MALFORMED(opened(parse()));
}

static void later_fragments_are_noted_for_what_they_could_carry(void **state) {
	static const struct {
		uint8_t proto, tunnel;
	} rows[] = {{47, TT_TUNNEL_GRE}, {47, TT_TUNNEL_ERSPAN}, {17, TT_TUNNEL_VXLAN},
		{17, TT_TUNNEL_GENEVE}, {4, TT_TUNNEL_IPIP}, {41, TT_TUNNEL_6IN4}};
	for (unsigned i = 0; i < 6; i++) {
		ONLY(rows[i].tunnel);
		outer4(rows[i].proto);
		set16(OUTER_AT + 6, 100);
		struct tt_pkt k = parse();
		IS(k, TT_FRAGMENT, 0);
		assert_int_equal(k.tunnel, rows[i].tunnel);
		assert_int_equal(k.tunnel_state, TT_TUNNEL_FRAGMENT);
		eth(0x86dd);
		ip6(44);
		PUT(rows[i].proto, 0, 0, 8, 0, 0, 0, 0);
		k = parse();
		IS(k, TT_FRAGMENT, 0);
		assert_int_equal(k.tunnel, rows[i].tunnel);
		assert_int_equal(k.tunnel_state, TT_TUNNEL_FRAGMENT);
		struct tt_pkt same = k;
		tt_packet_open(&conf, &last_frame, &same); // has nothing to open
		assert_memory_equal(&same, &k, sizeof(k));
		declare(ALL & ~(1u << rows[i].tunnel));
		outer4(6);
		set16(OUTER_AT + 6, 100);
		assert_int_equal(parse().tunnel, TT_TUNNEL_NONE);
	}
}

static void first_fragments_are_opened(void **state) {
	ONLY(TT_TUNNEL_GRE);
	gre(0, 0x0800);
	inner4();
	set16(OUTER_AT + 6, 0x2000);
	opens_to_the_inner_scan(noted(TT_TUNNEL_GRE, TT_TUNNEL_OK));
}

static void a_tunnel_in_a_tunnel_is_opened_layer_by_layer(void **state) {
	declare(ALL);
	vxlan(8, 7);
	fill(0x06, 12);
	put16(0x0800);
	ip4(47);
	put16(0x2000);
	put16(0x0800);
	put32(42);
	inner4();
	struct tt_pkt k = noted(TT_TUNNEL_VXLAN, TT_TUNNEL_OK);
	k.feed_fragment = 1;
	k = opened(k);
	IS(k, TT_OTHER, 0);
	assert_int_equal(k.proto, 47);
	assert_int_equal(k.depth, 1);
	assert_int_equal(k.feed_fragment, 1); // is the resolver's
	assert_int_equal(k.tunnel, TT_TUNNEL_GRE);
	assert_int_equal(k.tunnel_key, 42);
	k = opened(k);
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.depth, 2);
	assert_int_equal(k.tunnel_has_key, 0);
	assert_memory_equal(k.src, "\xcb\x00\x71\x09", 4);
}

static void the_rules_inside_are_those_outside(void **state) {
	ONLY(TT_TUNNEL_VXLAN);
	vxlan(8, 7);
	fill(0x06, 12);
	put16(0x0806);
	fill(0, 28);
	NON_IP(opened(parse()));
	vxlan(8, 7);
	fill(0x06, 12);
	put16(0x86dd);
	ip6(44);
	PUT(17, 0, 0, 8, 0, 0, 0, 0);
	IS(opened(parse()), TT_FRAGMENT, 0);
	vxlan(8, 7);
	fill(0x06, 12);
	put16(0x0800);
	ip4(17);
	udp(123, 80);
	PUT(0x24);
	IS(opened(parse()), TT_REFLECTION, 123);
	vxlan(8, 7);
	fill(0x06, 12);
	put16(0x8100);
	for (unsigned i = 0; i < 4; i++)
		tag(i, i == 3 ? 0x0800 : 0x8100);
	inner4();
	IS(opened(parse()), TT_SCAN, 23); // four more tags
	assert_int_equal(opened(parse()).vlan_n, 0);
}

static void tunnels_without_end_end_with_the_bytes(void **state) {
	ONLY(TT_TUNNEL_IPIP);
	eth(0x0800);
	for (unsigned i = 0; i < 3000; i++)
		ip4(4);
	struct tt_pkt k = parse();
	unsigned depth = 0;
	while (k.class != TT_MALFORMED) {
		assert_int_equal(k.depth, depth < 255 ? depth : 255);
		k = opened(k);
		depth++;
	}
	assert_int_equal(depth, 3000);
}

static void a_tunnel_from_a_reflector_port_is_both(void **state) {
	ONLY(TT_TUNNEL_VXLAN);
	vxlan(0x0c, 7); // mode 4: also an NTP answer
	inner_ethernet();
	set16(UDP_AT, 123);
	struct tt_pkt k = parse();
	IS(k, TT_REFLECTION, 123);
	assert_int_equal(k.tunnel, TT_TUNNEL_VXLAN);
	opens_to_the_inner_scan(k);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undeclared_tunnels_are_not_looked_at),
		cmocka_unit_test(gre_optional_fields_in_all_combinations),
		cmocka_unit_test(gre_of_another_version_or_with_routing_is_bad),
		cmocka_unit_test(gre_carries_ip_and_ethernet_and_nothing_else),
		cmocka_unit_test(the_type_and_the_version_inside_must_agree),
		cmocka_unit_test(erspan_2_has_a_session),
		cmocka_unit_test(erspan_of_other_types_is_bad),
		cmocka_unit_test(gre_and_erspan_are_told_apart_by_the_type),
		cmocka_unit_test(vxlan_has_a_vni_if_the_i_flag_says_so),
		cmocka_unit_test(vxlan_tags_and_ports),
		cmocka_unit_test(the_udp_length_bounds_the_tunnel),
		cmocka_unit_test(geneve_options_are_stepped_over),
		cmocka_unit_test(geneve_carries_ip_too_and_has_version_0),
		cmocka_unit_test(ip_in_ip_and_6in4_over_both_versions),
		cmocka_unit_test(the_outer_total_length_bounds_the_payload),
		cmocka_unit_test(later_fragments_are_noted_for_what_they_could_carry),
		cmocka_unit_test(first_fragments_are_opened),
		cmocka_unit_test(a_tunnel_in_a_tunnel_is_opened_layer_by_layer),
		cmocka_unit_test(the_rules_inside_are_those_outside),
		cmocka_unit_test(tunnels_without_end_end_with_the_bytes),
		cmocka_unit_test(a_tunnel_from_a_reflector_port_is_both),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
