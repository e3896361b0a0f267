/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"

static uint32_t dns_at;

/// A response from port 53; counts are set as records are put.
static void response(unsigned flags) {
	eth(0x0800);
	ip4(17);
	udp(53, 4444);
	dns_at = B.n;
	put16(0x1234);
	put16(0x8000 | flags);
	fill(0, 8);
}
static void count(unsigned section) {
	uint32_t at = dns_at + 4 + section * 2;
	set16(at, (unsigned)(B.b[at] << 8 | B.b[at + 1]) + 1);
}
static void question(unsigned type) {
	put("\7example\3com", 13);
	put16(type);
	put16(1);
	count(0);
}
enum { ANSWER = 1, AUTHORITY, ADDITIONAL };
static void record(unsigned section, unsigned type, uint32_t ttl, unsigned rdlen) {
	PUT(0xc0, 12);
	put16(type);
	put16(1);
	put32(ttl);
	put16(rdlen);
	fill(0xdd, rdlen);
	count(section);
}
static void opt(uint32_t ttl) {
	PUT(0);
	put16(41);
	put16(1232);
	put32(ttl);
	put16(0);
	count(ADDITIONAL);
}
static uint32_t traits(void) {
	close_udp(dns_at - 8);
	struct tt_pkt k = parse();
	IS(k, TT_REFLECTION, 53);
	return k.traits;
}

static void header_bits(void **state) {
	static const struct {
		unsigned flags;
		uint32_t want;
	} rows[] = {{0, 0}, {0x0200, TT_TRAIT_DNS_TC}, {0x0400, TT_TRAIT_DNS_AA},
		{0x0080, TT_TRAIT_DNS_RA}, {0x0003, TT_TRAIT_DNS_RCODE}, {0x0100, 0}, // RD
		{0x0060, 0}, // Z, AD and CD
		{0x7800, 0}, // opcode
		{0x0681, TT_TRAIT_DNS_TC | TT_TRAIT_DNS_AA | TT_TRAIT_DNS_RA | TT_TRAIT_DNS_RCODE}};
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		response(rows[i].flags);
		question(1);
		assert_int_equal(traits(), rows[i].want);
	}
}

static void sizes_over_512_and_1232_bytes(void **state) {
	static const struct {
		uint32_t size, want;
	} rows[] = {{512, 0}, {513, TT_TRAIT_DNS_OVER_512}, {1232, TT_TRAIT_DNS_OVER_512},
		{1233, TT_TRAIT_DNS_OVER_512 | TT_TRAIT_DNS_OVER_1232}};
	for (unsigned i = 0; i < 4; i++) {
		response(0);
		fill(0, rows[i].size - 12);
		assert_int_equal(traits(), rows[i].want);
		struct tt_pkt k = parse_cut(dns_at + 12); // the snap length does not make it small
		assert_int_equal(k.traits, rows[i].want);
		k = parse_cut(dns_at);
		assert_int_equal(k.traits, rows[i].want | TT_TRAIT_UNVERIFIED);
	}
}

static void a_query_has_no_dns_traits(void **state) {
	response(0x0680);
	question(255);
	opt(0x8000);
	fill(0, 2000);
	B.b[dns_at + 2] &= 0x7f;
	close_udp(dns_at - 8);
	assert_int_equal(parse().traits, TT_TRAIT_REFLECTOR_PORT);
}

static void query_type_any(void **state) {
	for (unsigned type = 250; type < 260; type++) {
		response(0);
		question(type);
		assert_int_equal(traits(), type == 255 ? TT_TRAIT_DNS_ANY : 0);
	}
	response(0);
	question(1);
	question(255);
	assert_int_equal(traits(), TT_TRAIT_DNS_ANY);
	response(0);
	question(1);
	record(ANSWER, 255, 0, 4); // not a question
	assert_int_equal(traits(), 0);
}

static void dnssec_records_in_every_section(void **state) {
	static const uint8_t dnssec[] = {43, 46, 47, 48, 50};
	for (unsigned section = ANSWER; section <= ADDITIONAL; section++)
		for (unsigned type = 1; type < 256; type++) {
			if (type == 41)
				continue;
			response(0);
			question(1);
			record(ANSWER, 1, 300, 4);
			record(section, type, 300, 20);
			bool is = memchr(dnssec, (int)type, sizeof(dnssec)) != NULL;
			assert_int_equal(traits(), is ? TT_TRAIT_DNS_DNSSEC : 0);
		}
	response(0);
	record(ANSWER, 256 + 46, 300, 20); // all of the type counts
	assert_int_equal(traits(), 0);
}

static void edns_and_do_come_from_opt(void **state) {
	response(0);
	question(1);
	opt(0);
	assert_int_equal(traits(), TT_TRAIT_DNS_EDNS);
	response(0);
	question(1);
	record(ANSWER, 1, 0x8000, 4); // a TTL is none
	opt(0x00008000);
	assert_int_equal(traits(), TT_TRAIT_DNS_EDNS | TT_TRAIT_DNS_DO);
	response(0);
	question(1);
	opt(0x01000000); // BADVERS: upper bits of the rcode
	assert_int_equal(traits(), TT_TRAIT_DNS_EDNS | TT_TRAIT_DNS_RCODE);
	response(0);
	record(ANSWER, 41, 0x8000, 0); // OPT belongs in the additional section
	assert_int_equal(traits(), 0);
}

static void names_with_pointers_labels_and_both_are_stepped_over(void **state) {
	static const struct {
		const char *name;
		uint32_t n;
	} names[] = {{"\0", 1}, {"\1a\0", 3}, {"\xc0\x0c", 2}, {"\3www\xc0\x0c", 6},
		{"\xff\xff", 2}, // leads nowhere; nobody goes there
		{"\1a\1b\1c\1d\xc0\x00", 10}};
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		response(0);
		question(1);
		put(names[i].name, names[i].n);
		put("\0\1\0\1\0\0\0\0\0\0", 10);
		count(ANSWER);
		record(ANSWER, 46, 0, 10);
		assert_int_equal(traits(), TT_TRAIT_DNS_DNSSEC);
	}
}

static void a_pointer_that_points_at_itself_ends(void **state) {
	response(0);
	PUT(0xc0, 12, 0, 255, 0, 1);
	count(0);
	assert_int_equal(traits(), TT_TRAIT_DNS_ANY);
}

static void labels_of_unknown_kinds_end_the_reading(void **state) {
	for (unsigned kind = 0x40; kind < 0xc0; kind += 0x40) {
		response(0x80);
		question(255);
		PUT((uint8_t)kind, 0, 0, 46, 0, 1, 0, 0, 0, 0, 0, 0);
		count(ANSWER);
		record(ANSWER, 46, 0, 10);
		assert_int_equal(traits(), TT_TRAIT_DNS_RA | TT_TRAIT_DNS_ANY);
	}
}

static void counts_that_promise_more_are_harmless(void **state) {
	response(0);
	question(255);
	record(ANSWER, 46, 0, 10);
	for (unsigned section = 0; section < 4; section++)
		set16(dns_at + 4 + section * 2, 0xffff);
	traits(); // the records are read as questions: only that it ends
	response(0);
	question(1);
	record(ANSWER, 46, 0, 10);
	set16(dns_at + 6, 0xffff);
	assert_int_equal(traits(), TT_TRAIT_DNS_DNSSEC);
}

static void records_that_are_cut_leave_lower_bounds(void **state) {
	response(0);
	question(255);
	record(ANSWER, 1, 300, 4);
	record(ANSWER, 46, 300, 100);
	uint32_t rrsig_ends = B.n;
	opt(0x8000);
	uint32_t all = TT_TRAIT_DNS_ANY | TT_TRAIT_DNS_DNSSEC | TT_TRAIT_DNS_EDNS | TT_TRAIT_DNS_DO;
	assert_int_equal(traits(), all);
	uint32_t last = 0;
	for (uint32_t n = dns_at + 12; n <= B.n; n++) {
		uint32_t t = parse_cut(n).traits;
		assert_int_equal(t & ~all, 0);
		assert_int_equal(last & ~t, 0); // more bytes never say less
		last = t;
	}
	assert_int_equal(parse_cut(dns_at + 12 + 16).traits, 0);
	assert_int_equal(parse_cut(dns_at + 12 + 17).traits, TT_TRAIT_DNS_ANY);
	assert_int_equal(parse_cut(rrsig_ends - 101).traits, TT_TRAIT_DNS_ANY);
	assert_int_equal(
		parse_cut(rrsig_ends - 100).traits, TT_TRAIT_DNS_ANY | TT_TRAIT_DNS_DNSSEC);
	assert_int_equal(parse_cut(B.n - 1).traits, TT_TRAIT_DNS_ANY | TT_TRAIT_DNS_DNSSEC);
}

static void record_lengths_beyond_the_end_are_harmless(void **state) {
	response(0);
	PUT(0, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0);
	count(ANSWER);
	count(ANSWER);
	assert_int_equal(traits(), 0);
}

static void mdns_is_read_as_dns_and_netbios_is_not(void **state) {
	response(0x0400);
	question(255);
	close_udp(dns_at - 8);
	set16(dns_at - 8, 5353);
	assert_int_equal(parse().traits, TT_TRAIT_DNS_AA | TT_TRAIT_DNS_ANY);
	set16(dns_at - 8, 137);
	IS(parse(), TT_REFLECTION, 137);
	assert_int_equal(parse().traits, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_bits),
		cmocka_unit_test(sizes_over_512_and_1232_bytes),
		cmocka_unit_test(a_query_has_no_dns_traits),
		cmocka_unit_test(query_type_any),
		cmocka_unit_test(dnssec_records_in_every_section),
		cmocka_unit_test(edns_and_do_come_from_opt),
		cmocka_unit_test(names_with_pointers_labels_and_both_are_stepped_over),
		cmocka_unit_test(a_pointer_that_points_at_itself_ends),
		cmocka_unit_test(labels_of_unknown_kinds_end_the_reading),
		cmocka_unit_test(counts_that_promise_more_are_harmless),
		cmocka_unit_test(records_that_are_cut_leave_lower_bounds),
		cmocka_unit_test(record_lengths_beyond_the_end_are_harmless),
		cmocka_unit_test(mdns_is_read_as_dns_and_netbios_is_not),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
