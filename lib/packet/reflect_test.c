/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"

static uint32_t udp_at;

/// A datagram from `sport` with that payload, UDP length right.
static void from(unsigned sport, const void *payload, uint32_t n) {
	eth(0x0800);
	ip4(17);
	udp_at = udp(sport, 4444);
	put(payload, n);
	close_udp(udp_at);
	close4(14);
}
#define FROM(sport, ...)                                                                           \
	from(sport, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void is_response(unsigned sport) {
	struct tt_pkt k = parse();
	IS(k, TT_REFLECTION, sport);
	assert_int_equal(k.other_port, 4444);
	assert_int_equal(k.has_ports, 1);
	assert_int_equal(k.traits & (TT_TRAIT_UNVERIFIED | TT_TRAIT_REFLECTOR_PORT), 0);
}
static void is_none(unsigned sport) {
	struct tt_pkt k = parse();
	IS(k, TT_SCAN, 4444);
	assert_int_equal(k.other_port, sport);
	assert_int_equal(k.traits, TT_TRAIT_REFLECTOR_PORT);
}
/// The capture has n bytes of the payload: counts, but nobody could look.
static void is_unverified_at(uint32_t n) {
	struct tt_pkt k = parse_cut(udp_at + 8 + n);
	assert_string_equal(tt_class_name(k.class), "reflection");
	assert_int_equal(k.traits & TT_TRAIT_UNVERIFIED, TT_TRAIT_UNVERIFIED);
	assert_int_equal(k.traits & TT_TRAIT_REFLECTOR_PORT, 0);
}
/// ... and that was enough to say yes or no.
static void is_verified_at(uint32_t n) {
	struct tt_pkt k = parse_cut(udp_at + 8 + n);
	assert_string_equal(tt_class_name(k.class), "reflection");
	assert_int_equal(k.traits & TT_TRAIT_UNVERIFIED, 0);
}
static void is_none_at(uint32_t n) {
	struct tt_pkt k = parse_cut(udp_at + 8 + n);
	IS(k, TT_SCAN, 4444);
	assert_int_equal(k.traits, TT_TRAIT_REFLECTOR_PORT);
}

/// A response can be cut anywhere: unverified under `need` bytes, verified from there on.
static void cut_everywhere(unsigned sport, const void *payload, uint32_t n, uint32_t need) {
	from(sport, payload, n);
	is_response(sport);
	for (uint32_t i = 0; i <= n; i++)
		if (i < need)
			is_unverified_at(i);
		else
			is_verified_at(i);
}
#define TEXT(s) s, sizeof(s) - 1

static void the_table_is_this(void **state) {
	static const struct {
		uint16_t port;
		const char *test;
	} table[] = {{53, "dns"}, {5353, "dns"}, {123, "ntp"}, {1900, "ssdp"}, {161, "snmp"},
		{389, "cldap"}, {11211, "memcached"}, {19, "chargen"}, {111, "portmap"},
		{137, "netbios"}, {3702, "wsd"}, {5683, "coap"}};
	unsigned n = 0;
	for (unsigned port = 0; port < 65536; port++)
		n += conf.reflector[port] != TT_REFLECTOR_NONE;
	assert_int_equal(n, sizeof(table) / sizeof(table[0]));
	for (unsigned i = 0; i < n; i++)
		assert_string_equal(
			tt_reflector_name(conf.reflector[table[i].port]), table[i].test);
}

static void every_port_of_the_table_without_a_payload_is_a_scan(void **state) {
	for (unsigned port = 0; port < 65536; port++)
		if (conf.reflector[port]) {
			from(port, "", 0);
			is_none(port);
		}
}

static void to_a_port_of_the_table_is_a_scan(void **state) {
	for (unsigned port = 0; port < 65536; port++) {
		if (!conf.reflector[port])
			continue;
		from(50000, TEXT("\0\0\x84\0\0\0\0\0\0\0\0\0HTTP/1.1"));
		B.b[udp_at + 2] = (uint8_t)(port >> 8);
		B.b[udp_at + 3] = (uint8_t)port;
		struct tt_pkt k = parse();
		IS(k, TT_SCAN, port);
		assert_int_equal(k.traits, 0);
	}
}

static void dns_needs_12_bytes_and_the_response_bit(void **state) {
	static const uint16_t ports[] = {53, 5353, 137};
	for (unsigned i = 0; i < 3; i++) {
		FROM(ports[i], 1, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0);
		is_response(ports[i]);
		FROM(ports[i], 1, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0);
		is_none(ports[i]);
		FROM(ports[i], 0x80, 0x80, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0, 0);
		is_none(ports[i]);
	}
	cut_everywhere(53,
		TEXT("ab\x80"
		     "0123456789abc"),
		12);
	from(53, TEXT("ab\x01\0\0\0\0\0\0\0\0\0\0"));
	for (uint32_t n = 0; n < 3; n++)
		is_unverified_at(n);
	for (uint32_t n = 3; n < 13; n++) // the bit is there to be read, and clear
		is_none_at(n);
	from(53, TEXT("ab\x80\0\0\0\0\0\0\0\0")); // 11 bytes cannot be one, seen or not
	is_none_at(0);
	is_none_at(5);
}

static void ntp_is_mode_4_or_answers_of_6_and_7(void **state) {
	for (unsigned b0 = 0; b0 < 256; b0++)
		for (unsigned b1 = 0; b1 < 256; b1 += 0x7f) {
			FROM(123, (uint8_t)b0, (uint8_t)b1, 0, 0);
			unsigned mode = b0 & 7;
			bool yes =
				mode == 4 || (mode == 6 && b1 & 0x80) || (mode == 7 && b0 & 0x80);
			if (yes)
				is_response(123);
			else
				is_none(123);
			struct tt_pkt k = parse();
			assert_int_equal(!!(k.traits & TT_TRAIT_NTP_MONLIST), yes && mode == 7);
			assert_int_equal(!!(k.traits & TT_TRAIT_NTP_CONTROL), yes && mode == 6);
		}
	cut_everywhere(123, "\x24\0\0", 3, 1);
	cut_everywhere(123, "\x97\0\0", 3, 1);
	cut_everywhere(123, "\x16\x80\0", 3, 2);
	assert_int_equal(parse_cut(udp_at + 9).traits, TT_TRAIT_UNVERIFIED | TT_TRAIT_NTP_CONTROL);
	from(123, "\x17\0\0", 3);
	is_none_at(1);
	from(123, "\x16", 1); // control of one byte has no response bit
	is_none(123);
	from(123, "\x24", 1);
	is_response(123);
}

static void ssdp_starts_with_http_1(void **state) {
	from(1900, TEXT("HTTP/1."));
	is_response(1900);
	from(1900, TEXT("HTTP/1"));
	is_none(1900);
	from(1900, TEXT("http/1.1 200 OK"));
	is_none(1900);
	from(1900, TEXT("NOTIFY * HTTP/1.1\r\n"));
	is_none(1900);
	is_none_at(1);
	is_unverified_at(0);
	cut_everywhere(1900, TEXT("HTTP/1.1 200 OK\r\n"), 7);
}

static void snmp_is_a_response_pdu(void **state) {
	cut_everywhere(161, TEXT("\x30\x0d\x02\x01\x01\x04\x06public\xa2\x00"), 14);
	from(161, TEXT("\x30\x0d\x02\x01\x01\x04\x06public\xa0\x00")); // a request
	is_none(161);
	is_unverified_at(13);
	from(161, TEXT("\x30\x0d\x02\x01\x01\x04\x06public"));
	is_none(161);
	from(161, TEXT("\x31\x0d\x02\x01\x01\x04\x06public\xa2\x00"));
	is_none(161);
	is_none_at(1);
	from(161, TEXT("\x30\x0d\x03\x01\x01\x04\x06public\xa2\x00"));
	is_none_at(3);
	from(161, TEXT("\x30\x0d\x02\x01\x01\x05\x06public\xa2\x00"));
	is_none_at(6);
	from(161, TEXT("\x30\x0b\x02\x01\x00\x04\x00\xa2\x04")); // an empty community
	is_response(161);
	from(161, TEXT("\x30\x0d\x02\x01\x01\x04\x7fpublic\xa2\x00")); // leads behind the end
	is_none(161);
	is_none_at(7);
}

static void ber_lengths_may_be_long(void **state) {
	cut_everywhere(161, TEXT("\x30\x81\x0d\x02\x81\x01\x01\x04\x82\x00\x01p\xa2\x00"), 13);
	cut_everywhere(
		161, TEXT("\x30\x84\0\0\0\x0d\x02\x84\0\0\0\x01\x01\x04\x83\0\0\x01p\xa2"), 20);
	from(161, TEXT("\x30\x85\0\0\0\0\x0d\x02\x01\x01\x04\x01p\xa2")); // five bytes of length
	is_none(161);
	from(161, TEXT("\x30\x80\x02\x01\x01\x04\x01p\xa2\0\0")); // indefinite
	is_none(161);
	from(161, TEXT("\x30\x0d\x02\x84\xff\xff\xff\xff\x01\x04\x01p\xa2"));
	is_none(161);
	cut_everywhere(389, TEXT("\x30\x84\0\0\0\x10\x02\x01\x07\x64\x84\0\0\0\x07"), 10);
}

static void cldap_is_a_result_entry_or_done(void **state) {
	for (unsigned tag = 0; tag < 256; tag++) {
		FROM(389, 0x30, 0x0c, 0x02, 0x01, 0x07, (uint8_t)tag, 0x05, 0, 0, 0, 0, 0);
		if (tag == 0x64 || tag == 0x65)
			is_response(389);
		else
			is_none(389);
	}
	cut_everywhere(389, TEXT("\x30\x0c\x02\x01\x07\x65\x07\x0a\x01\x00\x04\x00\x04\x00"), 6);
	from(389, TEXT("\x30\x0c\x02\x01\x07"));
	is_none(389);
}

static void memcached_answers_behind_its_udp_header(void **state) {
	cut_everywhere(11211, TEXT("\0\1\0\0\0\1\0\0VALUE a 0 1\r\n"), 14);
	cut_everywhere(11211, TEXT("\0\1\0\0\0\1\0\0STAT pid 1\r\n"), 13);
	cut_everywhere(11211,
		TEXT("\0\1\0\0\0\1\0\0"
		     "END\r\n"),
		11);
	cut_everywhere(11211,
		TEXT("\0\1\0\0\0\1\0\0"
		     "ERROR\r\n"),
		13);
	cut_everywhere(11211, TEXT("\0\1\0\0\0\1\0\0VERSION 1.6\r\n"), 16);
	cut_everywhere(11211, TEXT("\0\1\0\0\0\1\0\0\x81\0\0"), 9);
	from(11211, TEXT("\0\1\0\0\0\1\0\0stats\r\n"));
	is_none(11211);
	is_none_at(9);
	is_unverified_at(8);
	from(11211, TEXT("\0\1\0\0\0\1\0\0VALUE"));
	is_none(11211);
	from(11211, TEXT("\0\1\0\0\0\1\0\0"));
	is_none(11211);
	from(11211, TEXT("VALUE a 0 1\r\n"));
	is_none(11211);
	from(11211, TEXT("\0\1\0\0\0\1\0\0\x80\0\0"));
	is_none(11211);
}

static void chargen_is_72_printable_bytes_or_more(void **state) {
	uint8_t text[80];
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(' ' + i);
	text[78] = '\r';
	text[79] = '\n';
	from(19, text, 72);
	is_response(19);
	from(19, text, 71);
	is_none(19);
	is_none_at(0); // too short, seen or not
	cut_everywhere(19, text, 80, 80);
	static const uint8_t bad[] = {0, 9, 11, 0x1f, 0x7f, 0x80, 0xff};
	for (unsigned i = 0; i < sizeof(bad); i++)
		for (unsigned at = 0; at < 80; at += 79) {
			uint8_t other[80];
			memcpy(other, text, sizeof(other));
			other[at] = bad[i];
			from(19, other, 80);
			is_none(19);
			is_none_at(at + 1);
			is_unverified_at(at);
		}
}

static void portmap_replies_have_type_1_and_12_bytes(void **state) {
	cut_everywhere(111, TEXT("xid!\0\0\0\1\0\0\0\0\0\0\0\0"), 12);
	from(111, TEXT("xid!\0\0\0\1\0\0\0"));
	is_none(111);
	from(111, TEXT("xid!\0\0\0\1\0\0\0\0"));
	is_response(111);
	from(111, TEXT("xid!\0\0\0\0\0\0\0\2\0\1\x86\xa0"));
	is_none(111);
	is_none_at(8);
	is_unverified_at(7);
	from(111, TEXT("xid!\1\0\0\1\0\0\0\2\0\1\x86\xa0"));
	is_none_at(5);
}

static void ws_discovery_has_a_match_or_a_fault(void **state) {
	from(3702, TEXT("<?xml?><s:Envelope><s:Body><d:ProbeMatches/></s:Body></s:Envelope>"));
	is_response(3702);
	from(3702, TEXT("ProbeMatch"));
	is_response(3702);
	from(3702, TEXT("<?xml?><s:Envelope><s:Body><s:Fault/></s:Body></s:Envelope>"));
	is_response(3702);
	from(3702, TEXT("<Envelope><Body><Fault/>"));
	is_response(3702);
	from(3702, TEXT("<s:Envelope><s:Body><d:Probe/></s:Body></s:Envelope>"));
	is_none(3702);
	is_unverified_at(40);
	from(3702, TEXT("Fault"));
	is_none(3702);
	from(3702, TEXT("ProbeMatc"));
	is_none(3702);
	from(3702, TEXT("Envelope Fault")); // not an element
	is_none(3702);
	cut_everywhere(3702, TEXT("<s:Envelope><s:Fault/></s:Envelope>"), 20);
}

static void ws_discovery_is_looked_for_in_the_first_2_kib(void **state) {
	static uint8_t text[3000];
	memset(text, ' ', sizeof(text));
	memcpy(text + 2038, "ProbeMatch", 10);
	from(3702, text, sizeof(text));
	is_response(3702);
	is_verified_at(2048);
	is_unverified_at(2047);
	memset(text, ' ', sizeof(text));
	memcpy(text + 2039, "ProbeMatch", 10);
	from(3702, text, sizeof(text));
	is_none(3702);
	is_none_at(2048);
	is_unverified_at(2047);
}

static void coap_is_version_1_with_a_response_code(void **state) {
	for (unsigned b0 = 0; b0 < 256; b0++)
		for (unsigned code = 0; code < 256; code++) {
			if (b0 % 16 > 1 && code % 32 > 1)
				continue;
			FROM(5683, (uint8_t)b0, (uint8_t)code, 0, 1);
			if (b0 >> 6 == 1 && code >> 5 >= 2 && code >> 5 <= 5)
				is_response(5683);
			else
				is_none(5683);
		}
	FROM(5683, 0x60, 0x45, 0);
	is_none(5683);
	is_none_at(1);
	cut_everywhere(5683, TEXT("\x60\x45\0\1\xff"), 4);
	FROM(5683, 0x60, 0x01, 0, 1);
	is_none_at(2);
	is_unverified_at(1);
}

static void the_udp_length_bounds_the_payload(void **state) {
	from(53, TEXT("ab\x80\0\0\0\0\0\0\0\0\0"));
	set16(udp_at + 4, 8 + 11); // what follows does not belong to it
	is_none(53);
	set16(udp_at + 4, 8 + 12);
	is_response(53);
	from(1900, TEXT("HTTP/1.1"));
	set16(udp_at + 4, 8);
	is_none(1900);
}

static void a_udp_length_under_8_says_nothing(void **state) {
	for (unsigned length = 0; length < 8; length++) {
		from(1900, TEXT("HTTP/1.1"));
		set16(udp_at + 4, length);
		is_response(1900);
		is_none_at(6); // then nothing says that there was more
		assert_int_equal(parse().payload_len, 8);
	}
}

static void a_first_fragment_is_tested_with_what_it_has(void **state) {
	from(53, TEXT("ab\x84\0\0\0\0\0\0\0\0\0"));
	set16(14 + 6, 0x2000);
	set16(udp_at + 4, 3000);
	struct tt_pkt k = parse();
	IS(k, TT_REFLECTION, 53);
	assert_int_equal(k.payload_len, 2992);
	assert_int_equal(
		k.traits, TT_TRAIT_DNS_AA | TT_TRAIT_DNS_OVER_512 | TT_TRAIT_DNS_OVER_1232);
}

static void configuration_adds_and_removes_ports(void **state) {
	conf.reflector[10053] = (uint8_t)tt_reflector_parse("dns");
	conf.reflector[1900] = (uint8_t)tt_reflector_parse("none");
	from(10053, TEXT("ab\x80\0\0\0\0\0\0\0\0\0"));
	is_response(10053);
	from(1900, TEXT("HTTP/1.1"));
	IS(parse(), TT_SCAN, 4444);
	assert_int_equal(parse().traits, 0);
	tt_packet_conf_init(&conf);
}

static void names_go_both_ways(void **state) {
	for (int t = TT_REFLECTOR_NONE; t < TT_REFLECTOR_N; t++)
		assert_int_equal(
			tt_reflector_parse(tt_reflector_name((enum tt_reflector_test)t)), t);
	assert_int_equal(tt_reflector_parse("DNS"), -1);
	assert_int_equal(tt_reflector_parse(""), -1);
	for (int t = TT_TUNNEL_GRE; t < TT_TUNNEL_N; t++)
		assert_int_equal(tt_tunnel_parse(tt_tunnel_name((enum tt_tunnel)t)), t);
	assert_int_equal(tt_tunnel_parse("none"), -1);
	assert_int_equal(tt_tunnel_parse("gre "), -1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_this),
		cmocka_unit_test(every_port_of_the_table_without_a_payload_is_a_scan),
		cmocka_unit_test(to_a_port_of_the_table_is_a_scan),
		cmocka_unit_test(dns_needs_12_bytes_and_the_response_bit),
		cmocka_unit_test(ntp_is_mode_4_or_answers_of_6_and_7),
		cmocka_unit_test(ssdp_starts_with_http_1),
		cmocka_unit_test(snmp_is_a_response_pdu),
		cmocka_unit_test(ber_lengths_may_be_long),
		cmocka_unit_test(cldap_is_a_result_entry_or_done),
		cmocka_unit_test(memcached_answers_behind_its_udp_header),
		cmocka_unit_test(chargen_is_72_printable_bytes_or_more),
		cmocka_unit_test(portmap_replies_have_type_1_and_12_bytes),
		cmocka_unit_test(ws_discovery_has_a_match_or_a_fault),
		cmocka_unit_test(ws_discovery_is_looked_for_in_the_first_2_kib),
		cmocka_unit_test(coap_is_version_1_with_a_response_code),
		cmocka_unit_test(the_udp_length_bounds_the_payload),
		cmocka_unit_test(a_udp_length_under_8_says_nothing),
		cmocka_unit_test(a_first_fragment_is_tested_with_what_it_has),
		cmocka_unit_test(configuration_adds_and_removes_ports),
		cmocka_unit_test(names_go_both_ways),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
