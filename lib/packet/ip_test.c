/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"

static const uint8_t extensions[] = {0, 43, 44, 51, 60, 135, 139, 140};
enum { EXTENSION_N = sizeof(extensions), IP_AT = 14 };

static void v4(unsigned proto) {
	eth(0x0800);
	ip4(proto);
}
static void v6(unsigned next) {
	eth(0x86dd);
	ip6(next);
}

static void ipv4_under_20_bytes_is_malformed(void **state) {
	v4(89);
	IS(parse(), TT_OTHER, 0);
	for (uint32_t n = IP_AT; n < IP_AT + 20; n++)
		MALFORMED(parse_cut(n));
}

static void ipv4_of_another_version_is_malformed(void **state) {
	for (unsigned version = 0; version < 16; version++) {
		v4(6);
		tcp(1, 2, SYN);
		B.b[IP_AT] = (uint8_t)(version << 4 | 5);
		IS(parse(), version == 4 ? TT_SCAN : TT_MALFORMED, version == 4 ? 2 : 0);
	}
}

static void a_header_length_under_5_is_malformed(void **state) {
	for (unsigned ihl = 0; ihl < 16; ihl++) {
		v4(17);
		fill(0, ihl > 5 ? (ihl - 5) * 4 : 0);
		udp(7, 9);
		B.b[IP_AT] = (uint8_t)(0x40 | ihl);
		IS(parse(), ihl < 5 ? TT_MALFORMED : TT_SCAN, ihl < 5 ? 0 : 9);
	}
}

static void fewer_bytes_than_the_header_length_are_malformed(void **state) {
	v4(89);
	fill(1, 40);
	B.b[IP_AT] = 0x4f;
	IS(parse(), TT_OTHER, 0);
	MALFORMED(parse_cut(B.n - 1));
	MALFORMED(parse_cut(IP_AT + 20));
}

static void a_total_length_under_the_header_length_is_malformed_and_0_is_not(void **state) {
	for (unsigned ihl = 5; ihl <= 15; ihl += 5)
		for (unsigned total = 0; total <= ihl * 4 + 1; total++) {
			v4(89);
			fill(1, 60);
			B.b[IP_AT] = (uint8_t)(0x40 | ihl);
			set16(IP_AT + 2, total);
			IS(parse(), total && total < ihl * 4 ? TT_MALFORMED : TT_OTHER, 0);
		}
}

static void a_total_length_of_0_means_what_was_captured(void **state) {
	v4(17);
	udp(7, 9);
	fill('x', 5);
	assert_int_equal(parse().payload_len, 5);
	IS(parse(), TT_SCAN, 9);
}

static void a_total_length_beyond_what_is_there_is_not_malformed(void **state) {
	v4(6);
	tcp(1, 2, SYN);
	set16(IP_AT + 2, 0xffff);
	IS(parse(), TT_SCAN, 2);
	set16(IP_AT + 2, 41);
	IS(parse(), TT_SCAN, 2);
}

static void the_total_length_bounds_what_follows(void **state) {
	v4(6);
	tcp(1, 2, SYN);
	for (unsigned total = 20; total <= 40; total++) {
		set16(IP_AT + 2, total);
		IS(parse(), total < 34 ? TT_MALFORMED : TT_SCAN, total < 34 ? 0 : 2);
	}
}

static void later_ipv4_fragments_are_fragments_whatever_they_hold(void **state) {
	static const uint16_t offsets[] = {1, 2, 185, 0x1fff, 0x2001, 0x3fff};
	static const uint8_t protos[] = {1, 6, 17, 47, 58, 132};
	for (unsigned i = 0; i < sizeof(offsets) / 2; i++)
		for (unsigned j = 0; j < sizeof(protos); j++) {
			v4(protos[j]);
			set16(IP_AT + 6, offsets[i]);
			struct tt_pkt k = parse(); // nothing behind the header
			IS(k, TT_FRAGMENT, 0);
			assert_int_equal(k.proto, protos[j]);
			assert_int_equal(k.has_ports, 0);
			assert_int_equal(k.family, 4);
			assert_int_equal(k.traits, 0);
		}
}

static void first_ipv4_fragments_are_what_they_hold(void **state) {
	v4(17);
	set16(IP_AT + 6, 0x2000);
	udp(7, 9);
	set16(B.n - 4, 3000);
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 9);
	assert_int_equal(k.payload_len, 2992);
	MALFORMED(parse_cut(B.n - 1)); // UDP of 7 bytes, in a first fragment too
	v4(6);
	set16(IP_AT + 6, 0x2000);
	tcp(1, 2, SYN);
	MALFORMED(parse_cut(IP_AT + 20 + 13));
	v4(1);
	set16(IP_AT + 6, 0x2000);
	icmp(8, 0);
	MALFORMED(parse_cut(IP_AT + 20 + 1));
	IS(parse_cut(IP_AT + 20 + 2), TT_SCAN, 8 << 8);
}

static void a_fragment_with_a_broken_header_is_malformed(void **state) {
	v4(17);
	set16(IP_AT + 6, 100);
	set16(IP_AT + 2, 19);
	MALFORMED(parse());
}

static void the_reserved_bit_and_df_make_no_fragment(void **state) {
	v4(6);
	tcp(1, 2, SYN);
	set16(IP_AT + 6, 0xc000);
	IS(parse(), TT_SCAN, 2);
}

static void other_ip_protocols_are_other_with_port_0(void **state) {
	for (unsigned proto = 0; proto < 256; proto++) {
		if (proto == 6 || proto == 17 || proto == 1 || proto == 58)
			continue;
		v4(proto);
		struct tt_pkt k = parse();
		IS(k, TT_OTHER, 0);
		assert_int_equal(k.proto, proto);
		assert_int_equal(k.has_ports, 0);
		fill(0xff, 40);
		IS(parse(), TT_OTHER, 0);
	}
}

static void ipv6_under_40_bytes_is_malformed(void **state) {
	v6(59);
	IS(parse(), TT_OTHER, 0);
	for (uint32_t n = IP_AT; n < IP_AT + 40; n++)
		MALFORMED(parse_cut(n));
}

static void ipv6_of_another_version_is_malformed(void **state) {
	for (unsigned version = 0; version < 16; version++) {
		v6(6);
		tcp(1, 2, SYN);
		B.b[IP_AT] = (uint8_t)(version << 4);
		IS(parse(), version == 6 ? TT_SCAN : TT_MALFORMED, version == 6 ? 2 : 0);
	}
}

static void the_payload_length_bounds_and_0_means_what_was_captured(void **state) {
	v6(6);
	tcp(1, 2, SYN);
	for (unsigned payload = 0; payload <= 22; payload++) {
		set16(IP_AT + 4, payload);
		bool cut = payload && payload < 14;
		IS(parse(), cut ? TT_MALFORMED : TT_SCAN, cut ? 0 : 2);
	}
	set16(IP_AT + 4, 0xffff);
	IS(parse(), TT_SCAN, 2);
}

static void every_extension_header_is_walked(void **state) {
	for (unsigned i = 0; i < EXTENSION_N; i++) {
		v6(extensions[i]);
		ext6(6);
		set16(B.n - 6, 0); // offset 0, should it be a fragment header
		tcp(1, 2, SYN);
		struct tt_pkt k = parse();
		IS(k, TT_SCAN, 2);
		assert_int_equal(k.proto, 6);
	}
}

static void extension_headers_have_their_own_lengths(void **state) {
	for (unsigned i = 0; i < EXTENSION_N; i++) {
		bool fragment = extensions[i] == 44, ah = extensions[i] == 51;
		v6(extensions[i]);
		PUT(17, 3, 0, 1, 0, 0, 0, 0);
		fill(0, fragment ? 0 : ah ? 12 : 24);
		udp(7, 9);
		IS(parse(), TT_SCAN, 9);
	}
}

static void eight_extension_headers_are_walked_and_a_ninth_is_other(void **state) {
	for (unsigned n = 0; n <= 10; n++) {
		v6(n ? 60 : 6);
		for (unsigned i = 1; i <= n; i++)
			ext6(i == n ? 6 : 60);
		tcp(1, 2, SYN);
		struct tt_pkt k = parse();
		if (n <= 8) {
			IS(k, TT_SCAN, 2);
		} else {
			IS(k, TT_OTHER, 0);
			assert_int_equal(k.proto, 60);
		}
	}
	for (unsigned i = 0; i < EXTENSION_N; i++) { // whichever the ninth is, and even cut
		v6(0);
		for (unsigned j = 1; j <= 8; j++)
			ext6(j == 8 ? extensions[i] : 60);
		struct tt_pkt k = parse();
		IS(k, TT_OTHER, 0);
		assert_int_equal(k.proto, extensions[i]);
	}
}

static void esp_and_no_next_header_are_other_and_end_the_chain(void **state) {
	for (unsigned n = 0; n <= 8; n += 4)
		for (unsigned next = 50; next <= 59; next += 9) {
			v6(n ? 0 : next);
			for (unsigned i = 1; i <= n; i++)
				ext6(i == n ? next : 60);
			tcp(1, 2, SYN);
			struct tt_pkt k = parse();
			IS(k, TT_OTHER, 0);
			assert_int_equal(k.proto, next);
		}
}

static void an_extension_header_that_is_cut_is_malformed(void **state) {
	for (unsigned i = 0; i < EXTENSION_N; i++) {
		v6(60);
		ext6(extensions[i]);
		for (uint32_t n = 0; n < 8; n++) {
			MALFORMED(parse());
			fill(0, 1);
		}
		B.b[B.n - 8] = 59;
		IS(parse(), TT_OTHER, 0);
		if (extensions[i] == 44) // its length is fixed; the byte is reserved
			continue;
		B.b[B.n - 7] = 1;
		uint32_t more = extensions[i] == 51 ? 4 : 8;
		for (uint32_t n = 0; n < more; n++) {
			MALFORMED(parse());
			fill(0, 1);
		}
		IS(parse(), TT_OTHER, 0);
		set16(IP_AT + 4, B.n - IP_AT - 41); // cut by the payload length
		MALFORMED(parse());
	}
}

static void later_ipv6_fragments_are_fragments_of_their_protocol(void **state) {
	static const uint16_t fields[] = {0x0008, 0x0009, 0xfff8, 0xffff};
	for (unsigned i = 0; i < 4; i++) {
		v6(0);
		ext6(44);
		PUT(17, 0, (uint8_t)(fields[i] >> 8), (uint8_t)fields[i], 0, 0, 0, 1);
		struct tt_pkt k = parse();
		IS(k, TT_FRAGMENT, 0);
		assert_int_equal(k.proto, 17);
		assert_int_equal(k.has_ports, 0);
		MALFORMED(parse_cut(B.n - 1));
	}
}

static void first_and_atomic_ipv6_fragments_are_what_they_hold(void **state) {
	for (unsigned low = 0; low < 8; low++) { // M and the reserved bits
		v6(44);
		PUT(6, 0xff, 0, (uint8_t)low, 0, 0, 0, 1);
		tcp(1, 2, SYN);
		IS(parse(), TT_SCAN, 2);
		MALFORMED(parse_cut(B.n - 7));
	}
}

static void extension_numbers_in_ipv4_are_protocols(void **state) {
	for (unsigned i = 0; i < EXTENSION_N; i++) {
		v4(extensions[i]);
		ext6(6);
		tcp(1, 2, SYN);
		struct tt_pkt k = parse();
		IS(k, TT_OTHER, 0);
		assert_int_equal(k.proto, extensions[i]);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_under_20_bytes_is_malformed),
		cmocka_unit_test(ipv4_of_another_version_is_malformed),
		cmocka_unit_test(a_header_length_under_5_is_malformed),
		cmocka_unit_test(fewer_bytes_than_the_header_length_are_malformed),
		cmocka_unit_test(a_total_length_under_the_header_length_is_malformed_and_0_is_not),
		cmocka_unit_test(a_total_length_of_0_means_what_was_captured),
		cmocka_unit_test(a_total_length_beyond_what_is_there_is_not_malformed),
		cmocka_unit_test(the_total_length_bounds_what_follows),
		cmocka_unit_test(later_ipv4_fragments_are_fragments_whatever_they_hold),
		cmocka_unit_test(first_ipv4_fragments_are_what_they_hold),
		cmocka_unit_test(a_fragment_with_a_broken_header_is_malformed),
		cmocka_unit_test(the_reserved_bit_and_df_make_no_fragment),
		cmocka_unit_test(other_ip_protocols_are_other_with_port_0),
		cmocka_unit_test(ipv6_under_40_bytes_is_malformed),
		cmocka_unit_test(ipv6_of_another_version_is_malformed),
		cmocka_unit_test(the_payload_length_bounds_and_0_means_what_was_captured),
		cmocka_unit_test(every_extension_header_is_walked),
		cmocka_unit_test(extension_headers_have_their_own_lengths),
		cmocka_unit_test(eight_extension_headers_are_walked_and_a_ninth_is_other),
		cmocka_unit_test(esp_and_no_next_header_are_other_and_end_the_chain),
		cmocka_unit_test(an_extension_header_that_is_cut_is_malformed),
		cmocka_unit_test(later_ipv6_fragments_are_fragments_of_their_protocol),
		cmocka_unit_test(first_and_atomic_ipv6_fragments_are_what_they_hold),
		cmocka_unit_test(extension_numbers_in_ipv4_are_protocols),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
