/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"

enum { L4_AT = 34 };

static void v4(unsigned proto) {
	eth(0x0800);
	ip4(proto);
}
static void v6(unsigned proto) {
	eth(0x86dd);
	ip6(proto);
}

/// The rules as they are written, not as the parser keeps them.
static int class_of_flags(unsigned f) {
	bool syn = f & SYN, ack = f & ACK, rst = f & RST;
	if (syn && !ack && !rst)
		return TT_SCAN;
	if (!syn && !ack && !rst)
		return TT_SCAN;
	if (rst || (syn && ack))
		return TT_BACKSCATTER;
	return TT_OTHER;
}

static void tcp_flags_decide_class_and_service_port(void **state) {
	for (unsigned f = 0; f < 256; f++)
		for (int six = 0; six < 2; six++) {
			six ? v6(6) : v4(6);
			tcp(40000, 23, f);
			struct tt_pkt k = parse();
			int class = class_of_flags(f);
			bool back = class == TT_BACKSCATTER;
			IS(k, class, back ? 40000 : 23);
			assert_int_equal(k.other_port, back ? 23 : 40000);
			assert_int_equal(k.has_ports, 1);
			assert_int_equal(k.tcp_flags, f);
			assert_int_equal(k.proto, 6);
			assert_int_equal(k.syn_sample, class == TT_SCAN && f & SYN);
			assert_int_equal(k.testable, !six && class == TT_SCAN && f & SYN);
		}
}

static void tcp_under_14_bytes_is_malformed(void **state) {
	v4(6);
	tcp(40000, 23, SYN);
	for (uint32_t n = 0; n <= 20; n++)
		IS(parse_cut(L4_AT + n), n < 14 ? TT_MALFORMED : TT_SCAN, n < 14 ? 0 : 23);
	v6(6);
	tcp(40000, 23, SYN);
	for (uint32_t n = 0; n <= 20; n++)
		IS(parse_cut(54 + n), n < 14 ? TT_MALFORMED : TT_SCAN, n < 14 ? 0 : 23);
}

static void a_data_offset_under_5_is_malformed_and_one_beyond_the_end_is_not(void **state) {
	for (unsigned offset = 0; offset < 16; offset++) {
		v4(6);
		uint32_t at = tcp(40000, 23, SYN);
		B.b[at + 12] = (uint8_t)(offset << 4 | 0x0f);
		IS(parse(), offset < 5 ? TT_MALFORMED : TT_SCAN, offset < 5 ? 0 : 23);
		IS(parse_cut(L4_AT + 14), offset < 5 ? TT_MALFORMED : TT_SCAN, offset < 5 ? 0 : 23);
	}
}

static void a_syn_gives_window_and_option_hash(void **state) {
	v4(6);
	tcp(40000, 23, SYN);
	struct tt_pkt k = parse();
	assert_int_equal(k.syn_sample, 1);
	assert_int_equal(k.window, 0x2021);
	assert_int_equal(k.opt_hash, 0);
	for (uint32_t n = 14; n < 20; n++) { // its options, or that it has none, cannot be read
		k = parse_cut(L4_AT + n);
		assert_int_equal(k.syn_sample, 0);
		assert_int_equal(k.window, 0);
	}
}

static uint32_t hash_of(const void *options, uint32_t n) {
	v4(6);
	uint32_t at = tcp(40000, 23, SYN);
	tcp_options(at, options, n);
	fill('x', 7); // a payload
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.syn_sample, 1);
	assert_int_equal(k.traits & TT_TRAIT_TCP_NO_OPTIONS, 0);
	assert_int_not_equal(k.opt_hash, 0);
	return k.opt_hash;
}

static void the_option_hash_is_of_kinds_in_order_not_of_values(void **state) {
	uint32_t mss = hash_of("\2\4\5\264", 4);
	assert_int_equal(mss, hash_of("\2\4\1\1", 4));
	assert_int_not_equal(mss, hash_of("\2\4\5\264\1\1\1\1", 8));
	assert_int_not_equal(hash_of("\1\1\4\2", 4), hash_of("\4\2\1\1", 4));
	assert_int_equal(hash_of("\1\1\0\3", 4), hash_of("\1\1\0\0", 4)); // ends at the end mark
	assert_int_not_equal(hash_of("\0\0\0\0", 4), 0);
}

static void options_with_impossible_lengths_end_the_list(void **state) {
	uint32_t zero = hash_of("\2\0\1\1", 4);
	assert_int_equal(zero, hash_of("\2\1\3\3", 4));
	assert_int_equal(zero, hash_of("\2\x28\1\1", 4));		      // beyond the list
	assert_int_not_equal(hash_of("\1\1\1\2", 4), hash_of("\1\1\1\1", 4)); // no length byte
	uint8_t nops[40];
	memset(nops, 1, sizeof(nops));
	assert_int_not_equal(hash_of(nops, 40), hash_of(nops, 36));
}

static void options_that_are_cut_are_not_sampled(void **state) {
	v4(6);
	uint32_t at = tcp(40000, 23, SYN);
	OPTIONS(at, 2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2);
	assert_int_equal(parse().syn_sample, 1);
	struct tt_pkt k = parse_cut(B.n - 1);
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.syn_sample, 0);
	assert_int_equal(k.traits, 0);
	close4(14);
	set16(16, B.n - 14 - 1); // the same by the total length
	assert_int_equal(parse().syn_sample, 0);
}

static void tcp_traits(void **state) {
	v4(6);
	uint32_t at = tcp(40000, 23, SYN);
	assert_int_equal(parse().traits, TT_TRAIT_TCP_NO_OPTIONS);
	assert_int_equal(
		parse_cut(L4_AT + 14).traits, TT_TRAIT_TCP_NO_OPTIONS); // the offset says it
	B.b[20] = 0;							// DF
	assert_int_equal(parse().traits, TT_TRAIT_TCP_NO_OPTIONS | TT_TRAIT_TCP_DF_CLEAR);
	OPTIONS(at, 2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2);
	assert_int_equal(parse().traits, TT_TRAIT_TCP_DF_CLEAR | TT_TRAIT_TCP_WINDOWS);
	B.b[20] = 0x40;
	assert_int_equal(parse().traits, TT_TRAIT_TCP_WINDOWS);
	v6(6);
	tcp(40000, 23, ACK);
	assert_int_equal(parse().traits, TT_TRAIT_TCP_NO_OPTIONS); // IPv6 has no DF
}

static void a_windows_style_list_is_this_one_only(void **state) {
	static const uint8_t list[12] = {2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2};
	static const uint8_t value[] = {2, 3, 7}; // of MSS and window scale
	for (unsigned i = 0; i < sizeof(list); i++) {
		uint8_t other[12];
		memcpy(other, list, sizeof(other));
		other[i] ^= 0x21;
		v4(6);
		uint32_t at = tcp(40000, 23, SYN);
		tcp_options(at, other, sizeof(other));
		bool same = memchr(value, (int)i, sizeof(value)) != NULL;
		assert_int_equal(parse().traits, same ? TT_TRAIT_TCP_WINDOWS : 0);
	}
	v4(6);
	uint32_t at = tcp(40000, 23, SYN);
	tcp_options(at, list, sizeof(list));
	PUT(1, 1, 1, 1);
	B.b[at + 12] = 0x90;
	assert_int_equal(parse().traits, 0);
}

static void udp_is_a_scan_of_its_destination_port(void **state) {
	for (int six = 0; six < 2; six++) {
		six ? v6(17) : v4(17);
		uint32_t at = udp(40000, 53);
		fill('q', 30);
		close_udp(at);
		struct tt_pkt k = parse();
		IS(k, TT_SCAN, 53);
		assert_int_equal(k.other_port, 40000);
		assert_int_equal(k.has_ports, 1);
		assert_int_equal(k.traits, 0);
		assert_int_equal(k.payload_len, 30);
		assert_int_equal(k.tcp_flags, 0);
		assert_int_equal(k.testable, 0);
	}
}

static void udp_under_8_bytes_is_malformed(void **state) {
	v4(17);
	udp(40000, 53);
	IS(parse(), TT_SCAN, 53);
	for (uint32_t n = 0; n < 8; n++)
		MALFORMED(parse_cut(L4_AT + n));
	v6(17);
	udp(40000, 53);
	IS(parse(), TT_SCAN, 53);
	MALFORMED(parse_cut(54 + 7));
}

static void a_udp_length_makes_nothing_malformed(void **state) {
	v4(17);
	uint32_t at = udp(40000, 53);
	fill('q', 10);
	for (unsigned length = 0; length < 65536; length++) {
		set16(at + 4, length);
		struct tt_pkt k = parse();
		IS(k, TT_SCAN, 53);
		assert_int_equal(k.payload_len, length < 8 ? 10 : length - 8);
	}
}

static void icmp_types_decide_the_class(void **state) {
	static const uint8_t scan[] = {8, 13, 15, 17};
	static const uint8_t back[] = {0, 3, 4, 5, 11, 12, 14, 16, 18};
	for (unsigned type = 0; type < 256; type++) {
		v4(1);
		icmp(type, 7);
		int class = memchr(scan, (int)type, sizeof(scan))   ? TT_SCAN
			    : memchr(back, (int)type, sizeof(back)) ? TT_BACKSCATTER
								    : TT_OTHER;
		struct tt_pkt k = parse();
		IS(k, class, type << 8 | 7);
		assert_int_equal(k.has_ports, 0);
		assert_int_equal(k.traits, 0);
	}
}

static void icmpv6_types_decide_the_class(void **state) {
	static const uint8_t back[] = {1, 2, 3, 4, 129};
	for (unsigned type = 0; type < 256; type++) {
		v6(58);
		icmp(type, 255);
		int class = type == 128				    ? TT_SCAN
			    : memchr(back, (int)type, sizeof(back)) ? TT_BACKSCATTER
								    : TT_OTHER;
		IS(parse(), class, type << 8 | 255);
	}
}

static void icmp_under_2_bytes_is_malformed(void **state) {
	v4(1);
	icmp(8, 0);
	MALFORMED(parse_cut(L4_AT));
	MALFORMED(parse_cut(L4_AT + 1));
	IS(parse_cut(L4_AT + 2), TT_SCAN, 8 << 8);
	v6(58);
	icmp(128, 0);
	MALFORMED(parse_cut(54));
	MALFORMED(parse_cut(55));
	IS(parse_cut(56), TT_SCAN, 128 << 8);
}

static void icmp_in_the_other_ip_version_is_what_its_number_says(void **state) {
	v4(58);
	icmp(128, 0);
	IS(parse(), TT_SCAN, 128 << 8);
	v6(1);
	icmp(8, 0);
	IS(parse(), TT_SCAN, 8 << 8);
}

static void any_snap_length_gives_the_same_class_or_malformed(void **state) {
	v4(6);
	uint32_t at = tcp(40000, 23, SYN | ACK);
	OPTIONS(at, 2, 4, 5, 180);
	fill('p', 20);
	close4(14);
	for (uint32_t n = 0; n <= B.n; n++)
		if (n < L4_AT + 14)
			MALFORMED(parse_cut(n));
		else
			IS(parse_cut(n), TT_BACKSCATTER, 40000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_flags_decide_class_and_service_port),
		cmocka_unit_test(tcp_under_14_bytes_is_malformed),
		cmocka_unit_test(a_data_offset_under_5_is_malformed_and_one_beyond_the_end_is_not),
		cmocka_unit_test(a_syn_gives_window_and_option_hash),
		cmocka_unit_test(the_option_hash_is_of_kinds_in_order_not_of_values),
		cmocka_unit_test(options_with_impossible_lengths_end_the_list),
		cmocka_unit_test(options_that_are_cut_are_not_sampled),
		cmocka_unit_test(tcp_traits),
		cmocka_unit_test(a_windows_style_list_is_this_one_only),
		cmocka_unit_test(udp_is_a_scan_of_its_destination_port),
		cmocka_unit_test(udp_under_8_bytes_is_malformed),
		cmocka_unit_test(a_udp_length_makes_nothing_malformed),
		cmocka_unit_test(icmp_types_decide_the_class),
		cmocka_unit_test(icmpv6_types_decide_the_class),
		cmocka_unit_test(icmp_under_2_bytes_is_malformed),
		cmocka_unit_test(icmp_in_the_other_ip_version_is_what_its_number_says),
		cmocka_unit_test(any_snap_length_gives_the_same_class_or_malformed),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
