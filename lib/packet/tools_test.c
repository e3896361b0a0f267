/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"

enum { IP_AT = 14, TCP_AT = 34 };
enum { DST = 0xc6336407 }; // 198.51.100.7
#define BIT(tool) (1u << (tool))

static struct tt_pkt tcp_probe(unsigned flags, unsigned id, uint32_t seq) {
	eth(0x0800);
	ip4(6);
	tcp(40000, 8080, flags);
	set16(IP_AT + 4, id);
	set32(TCP_AT + 4, seq);
	return parse();
}

static void zmap_is_ip_id_54321_in_any_ipv4_scan(void **state) {
	assert_int_equal(tcp_probe(SYN, 54321, 1).tools, BIT(TT_TOOL_ZMAP));
	assert_int_equal(tcp_probe(SYN, 54320, 1).tools, 0);
	assert_int_equal(tcp_probe(SYN, 54322, 1).tools, 0);
	assert_int_equal(tcp_probe(FIN, 54321, 1).tools, BIT(TT_TOOL_ZMAP));
	eth(0x0800);
	ip4(17);
	udp(40000, 53);
	set16(IP_AT + 4, 54321);
	assert_int_equal(parse().tools, BIT(TT_TOOL_ZMAP));
	eth(0x0800);
	ip4(1);
	icmp(8, 0);
	set16(IP_AT + 4, 54321);
	assert_int_equal(parse().tools, BIT(TT_TOOL_ZMAP));
}

static void tools_are_tested_on_class_scan_only(void **state) {
	static const uint8_t flags[] = {SYN | ACK, RST, RST | SYN, ACK, RST | ACK, ACK | FIN};
	for (unsigned i = 0; i < sizeof(flags); i++) {
		struct tt_pkt k = tcp_probe(flags[i], 54321, DST);
		assert_int_not_equal(k.class, TT_SCAN);
		assert_int_equal(k.tools, 0);
		assert_int_equal(k.testable, 0);
	}
	eth(0x0800);
	ip4(1);
	icmp(3, 1);
	set16(IP_AT + 4, 54321);
	assert_int_equal(parse().tools, 0);
	eth(0x0800);
	ip4(17);
	udp(1, 2);
	set16(IP_AT + 4, 54321);
	set16(IP_AT + 6, 1); // a fragment
	assert_int_equal(parse().tools, 0);
	eth(0x0800);
	ip4(17);
	udp(123, 2);
	PUT(0x24);
	set16(IP_AT + 4, 54321);
	IS(parse(), TT_REFLECTION, 123);
	assert_int_equal(parse().tools, 0);
}

static void masscan_is_ip_id_from_address_port_and_sequence(void **state) {
	uint32_t seq = 0xdeadbeef;
	unsigned id = (DST ^ 8080 ^ seq) & 0xffff;
	struct tt_pkt k = tcp_probe(SYN, id, seq);
	assert_int_equal(k.tools, BIT(TT_TOOL_MASSCAN));
	assert_int_equal(k.testable, 1);
	for (unsigned bit = 0; bit < 16; bit++)
		assert_int_equal(tcp_probe(SYN, id ^ 1u << bit, seq).tools, 0);
	assert_int_equal(tcp_probe(SYN, id, seq ^ 0xffff0000).tools, BIT(TT_TOOL_MASSCAN));
	assert_int_equal(tcp_probe(SYN | FIN, id, seq).tools, BIT(TT_TOOL_MASSCAN));
	k = tcp_probe(FIN, id, seq); // no SYN
	assert_int_equal(k.tools, 0);
	assert_int_equal(k.testable, 0);
}

static void mirai_is_a_syn_whose_sequence_is_the_destination(void **state) {
	assert_int_equal(tcp_probe(SYN, 1, DST).tools, BIT(TT_TOOL_MIRAI));
	for (unsigned bit = 0; bit < 32; bit++)
		assert_int_equal(tcp_probe(SYN, 1, DST ^ 1u << bit).tools & BIT(TT_TOOL_MIRAI), 0);
	assert_int_equal(tcp_probe(FIN, 1, DST).tools, 0);
}

static void relations_can_hold_together(void **state) {
	assert_int_equal(
		tcp_probe(SYN, 8080, DST).tools, BIT(TT_TOOL_MIRAI) | BIT(TT_TOOL_MASSCAN));
	assert_int_equal(tcp_probe(SYN, 54321, DST).tools, BIT(TT_TOOL_MIRAI) | BIT(TT_TOOL_ZMAP));
}

static void a_syn_of_14_bytes_can_be_tested(void **state) {
	tcp_probe(SYN, 8080, DST);
	struct tt_pkt k = parse_cut(TCP_AT + 14);
	assert_int_equal(k.tools, BIT(TT_TOOL_MIRAI) | BIT(TT_TOOL_MASSCAN));
	assert_int_equal(k.testable, 1);
	k = parse_cut(TCP_AT + 13);
	MALFORMED(k);
	assert_int_equal(k.tools, 0);
	assert_int_equal(k.testable, 0);
}

static void ip_options_do_not_move_the_relation(void **state) {
	eth(0x0800);
	ip4(6);
	B.b[IP_AT] = 0x46;
	fill(1, 4);
	uint32_t at = tcp(40000, 23, SYN);
	set32(at + 4, DST);
	assert_int_equal(parse().tools, BIT(TT_TOOL_MIRAI));
}

static void ipv6_is_never_tested(void **state) {
	eth(0x86dd);
	ip6(6);
	tcp(40000, 23, SYN);
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 23);
	assert_int_equal(k.tools, 0);
	assert_int_equal(k.testable, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zmap_is_ip_id_54321_in_any_ipv4_scan),
		cmocka_unit_test(tools_are_tested_on_class_scan_only),
		cmocka_unit_test(masscan_is_ip_id_from_address_port_and_sequence),
		cmocka_unit_test(mirai_is_a_syn_whose_sequence_is_the_destination),
		cmocka_unit_test(relations_can_hold_together),
		cmocka_unit_test(a_syn_of_14_bytes_can_be_tested),
		cmocka_unit_test(ip_options_do_not_move_the_relation),
		cmocka_unit_test(ipv6_is_never_tested),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
