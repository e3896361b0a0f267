/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"

static void scan_of_telnet(void) {
	uint32_t at = ip4(6);
	tcp(40000, 23, SYN);
	close4(at);
}

static void ethernet_of_14_bytes_is_a_frame_and_13_are_malformed(void **state) {
	eth(0x0806);
	NON_IP(parse_cut(14));
	for (uint32_t n = 0; n < 14; n++)
		MALFORMED(parse_cut(n));
}

static void an_empty_frame_is_malformed_on_every_link(void **state) {
	for (unsigned link = TT_LINK_ETHERNET; link <= TT_LINK_SLL2; link++) {
		begin(link);
		MALFORMED(parse());
		struct tt_frame f = {NULL, 0, 60, (uint8_t)link};
		struct tt_pkt k;
		tt_packet_parse(&conf, &f, &k, 1);
		MALFORMED(k);
	}
}

static void ethernet_carries_ip(void **state) {
	eth(0x0800);
	scan_of_telnet();
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.family, 4);
	assert_int_equal(k.proto, 6);
	assert_int_equal(k.ttl, 57);
	assert_int_equal(k.other_port, 40000);
	assert_int_equal(k.has_ports, 1);
	assert_int_equal(k.sensor, TT_NO_SENSOR);
	assert_int_equal(k.vlan_n, 0);
	assert_memory_equal(k.src, "\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	assert_memory_equal(k.dst, "\xc6\x33\x64\x07\0\0\0\0\0\0\0\0\0\0\0\0", 16);
}

static void ethernet_carries_ipv6(void **state) {
	eth(0x86dd);
	uint32_t at = ip6(6);
	tcp(40000, 23, SYN);
	close6(at);
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.family, 6);
	assert_int_equal(k.ttl, 57);
	assert_memory_equal(k.src, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	assert_memory_equal(k.dst, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
}

static void what_is_not_ip_is_non_ip(void **state) {
	static const uint16_t types[] = {0x0806, 0x88cc, 0x8863, 0x8864, 0x88f7, 0x0600, 0x0801,
		0x86dc, 0x8846, 0x8849, 0xffff};
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		eth(types[i]);
		scan_of_telnet();
		struct tt_pkt k = parse();
		NON_IP(k);
		assert_int_equal(k.family, 0);
	}
}

static void lengths_of_802_3_are_llc_and_snap_is_not_opened(void **state) {
	for (unsigned length = 0; length < 0x600; length++) {
		eth(length);
		PUT(0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0x00);
		scan_of_telnet();
		NON_IP(parse());
	}
}

static void cooked_v1_is_16_bytes(void **state) {
	sll(0x0806);
	NON_IP(parse());
	MALFORMED(parse_cut(15));
	sll(0x0800);
	scan_of_telnet();
	IS(parse(), TT_SCAN, 23);
	sll(0x86dd);
	ip6(17);
	udp(40000, 53);
	IS(parse(), TT_SCAN, 53);
	sll(0x0004); // LLC
	scan_of_telnet();
	NON_IP(parse());
	sll(0x8100);
	tag(7, 0x0800);
	scan_of_telnet();
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.vlan[0], 7);
}

static void cooked_v2_is_20_bytes(void **state) {
	sll2(0x0806);
	NON_IP(parse());
	MALFORMED(parse_cut(19));
	sll2(0x0800);
	scan_of_telnet();
	IS(parse(), TT_SCAN, 23);
	sll2(0x86dd);
	ip6(17);
	udp(40000, 53);
	IS(parse(), TT_SCAN, 53);
	sll2(0x8847);
	label(16, 1);
	scan_of_telnet();
	IS(parse(), TT_SCAN, 23);
}

static void raw_ip_is_told_by_its_version(void **state) {
	raw();
	scan_of_telnet();
	IS(parse(), TT_SCAN, 23);
	for (unsigned version = 0; version < 16; version++) {
		B.b[0] = (uint8_t)(version << 4 | 5);
		if (version != 4 && version != 6)
			MALFORMED(parse());
	}
	raw();
	ip6(6);
	tcp(40000, 22, SYN);
	IS(parse(), TT_SCAN, 22);
	raw();
	PUT(0x45);
	MALFORMED(parse());
}

static void every_vlan_ethertype_is_stripped(void **state) {
	static const uint16_t types[] = {0x8100, 0x88a8, 0x9100, 0x9200};
	for (unsigned i = 0; i < 4; i++) {
		eth(types[i]);
		tag(100 + i, 0x0800);
		scan_of_telnet();
		struct tt_pkt k = parse();
		IS(k, TT_SCAN, 23);
		assert_int_equal(k.vlan_n, 1);
		assert_int_equal(k.vlan[0], 100 + i);
	}
}

static void tags(unsigned n, unsigned last) {
	eth(0x88a8);
	for (unsigned i = 1; i < n; i++)
		tag(i, i % 2 ? 0x8100 : 0x9100);
	tag(n, last);
}

static void four_vlan_tags_are_read_outermost_first_and_five_are_too_deep(void **state) {
	for (unsigned n = 1; n <= 4; n++) {
		tags(n, 0x0800);
		scan_of_telnet();
		struct tt_pkt k = parse();
		IS(k, TT_SCAN, 23);
		assert_int_equal(k.vlan_n, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(k.vlan[i], i + 1);
	}
	tags(4, 0x0806);
	NON_IP(parse());
	tags(5, 0x0800);
	scan_of_telnet();
	MALFORMED(parse());
	MALFORMED(parse_cut(14 + 16));
}

static void a_vlan_tag_that_is_cut_is_malformed(void **state) {
	tags(2, 0x0806);
	NON_IP(parse());
	for (uint32_t n = 14; n < 22; n++)
		MALFORMED(parse_cut(n));
}

static void llc_behind_a_vlan_tag_is_non_ip(void **state) {
	eth(0x8100);
	tag(1, 0x0026);
	fill(0x42, 38);
	NON_IP(parse());
}

static void labels(unsigned n) {
	eth(0x8847);
	for (unsigned i = 1; i < n; i++)
		label(1000 + i, 0);
	label(16, 1);
}

static void eight_mpls_labels_are_stripped_and_nine_are_too_deep(void **state) {
	for (unsigned n = 1; n <= 9; n++) {
		labels(n);
		scan_of_telnet();
		if (n <= 8)
			IS(parse(), TT_SCAN, 23);
		else
			MALFORMED(parse());
	}
	labels(1);
	set16(12, 0x8848);
	scan_of_telnet();
	IS(parse(), TT_SCAN, 23);
	tags(2, 0x8847);
	label(16, 1);
	ip6(6);
	tcp(1, 2, SYN);
	IS(parse(), TT_SCAN, 2);
}

static void a_label_stack_that_is_cut_is_malformed(void **state) {
	labels(3);
	scan_of_telnet();
	for (uint32_t n = 14; n < 14 + 12; n++)
		MALFORMED(parse_cut(n));
	eth(0x8847);
	for (unsigned i = 0; i < 4; i++)
		label(i, 0); // no bottom
	MALFORMED(parse());
}

static void an_mpls_payload_without_the_nibble_of_ip_is_non_ip(void **state) {
	for (unsigned nibble = 0; nibble < 16; nibble++) {
		labels(2);
		fill((uint8_t)(nibble << 4), 60);
		if (nibble == 4 || nibble == 6)
			continue;
		NON_IP(parse());
	}
	labels(2); // a complete stack with nothing behind it
	NON_IP(parse());
	PUT(0x45);
	MALFORMED(parse());
}

static void padding_never_counts(void **state) {
	eth(0x0800);
	uint32_t at = ip4(17);
	udp(40000, 53);
	close4(at);
	B.b[at + 3] -= 1; // UDP of 7 bytes by the total length
	fill(0, 60 - B.n);
	MALFORMED(parse());
	B.b[at + 3] += 1;
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 53);
	assert_int_equal(k.payload_len, 0);
}

static void a_burst_gives_what_single_packets_give(void **state) {
	static uint8_t bytes[64][128];
	struct tt_frame f[64];
	struct tt_pkt burst[64], one;
	for (unsigned i = 0; i < 64; i++) {
		eth(i % 3 ? 0x0800 : 0x86dd);
		if (i % 3)
			ip4(i % 2 ? 6 : 17);
		else
			ip6(17);
		tcp(1000 + i, 2000 + i, i);
		memcpy(bytes[i], B.b, B.n);
		f[i] = (struct tt_frame){bytes[i], B.n - i % 9 * 3, B.n, TT_LINK_ETHERNET};
	}
	memset(burst, 0x5a, sizeof(burst));
	tt_packet_parse(&conf, f, burst, 64);
	for (unsigned i = 0; i < 64; i++) {
		memset(&one, 0xff, sizeof(one));
		tt_packet_parse(&conf, &f[i], &one, 1);
		assert_memory_equal(&one, &burst[i], sizeof(one));
	}
	tt_packet_parse(&conf, NULL, NULL, 0);
}

static void the_result_fits_two_cache_lines(void **state) {
	assert_true(sizeof(struct tt_pkt) <= 128);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet_of_14_bytes_is_a_frame_and_13_are_malformed),
		cmocka_unit_test(an_empty_frame_is_malformed_on_every_link),
		cmocka_unit_test(ethernet_carries_ip),
		cmocka_unit_test(ethernet_carries_ipv6),
		cmocka_unit_test(what_is_not_ip_is_non_ip),
		cmocka_unit_test(lengths_of_802_3_are_llc_and_snap_is_not_opened),
		cmocka_unit_test(cooked_v1_is_16_bytes),
		cmocka_unit_test(cooked_v2_is_20_bytes),
		cmocka_unit_test(raw_ip_is_told_by_its_version),
		cmocka_unit_test(every_vlan_ethertype_is_stripped),
		cmocka_unit_test(four_vlan_tags_are_read_outermost_first_and_five_are_too_deep),
		cmocka_unit_test(a_vlan_tag_that_is_cut_is_malformed),
		cmocka_unit_test(llc_behind_a_vlan_tag_is_non_ip),
		cmocka_unit_test(eight_mpls_labels_are_stripped_and_nine_are_too_deep),
		cmocka_unit_test(a_label_stack_that_is_cut_is_malformed),
		cmocka_unit_test(an_mpls_payload_without_the_nibble_of_ip_is_non_ip),
		cmocka_unit_test(padding_never_counts),
		cmocka_unit_test(a_burst_gives_what_single_packets_give),
		cmocka_unit_test(the_result_fits_two_cache_lines),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
