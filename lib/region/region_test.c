/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_region.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "tt_hash.h"
#include "tt_time.h"

static char warnings[8192];

static void collect(void *arg, const char *line) {
	size_t n = strlen(warnings);
	snprintf(warnings + n, sizeof(warnings) - n, "%s\n", line);
}

static struct tt_region *load(void) {
	struct tt_err err = {""};
	warnings[0] = '\0';
	struct tt_region *r = tt_region_load(folder, collect, NULL, &err);
	if (!r)
		fail_msg("%s", err.msg);
	return r;
}

static void refused(const char *message) {
	struct tt_err err = {""};
	char expected[1024];
	snprintf(expected, sizeof(expected), "%s%s", folder, message);
	assert_null(tt_region_load(folder, NULL, NULL, &err));
	assert_string_equal(err.msg, expected);
}

static void is(const struct tt_region *r, const char *address, const char *region) {
	struct tt_addr a;
	assert_int_equal(tt_addr_parse(address, &a), 0);
	if (strcmp(tt_region_of(r, a.family, a.b), region) != 0)
		fail_msg("%s is %s, expected %s", address, tt_region_of(r, a.family, a.b), region);
}

static void counts_that_are_no_powers_of_two_are_exact(void **state) {
	put_file("delegated-arin-latest",
		"2|arin|20130510|4|00000000|20130509|-0400\narin|*|ipv4|*|3|summary\n"
		"arin|*|ipv6|*|1|summary\n"
		"arin|US|ipv4|23.128.1.0|768|20130101|allocated\n"
		"arin|CA|ipv4|23.130.0.0|1792|20130101|assigned\n"
		"arin|US|ipv4|4.0.0.0|1|20130101|allocated\n"
		"arin|MX|ipv6|2610:18::|30|20130101|allocated\n");
	struct tt_region *r = load();
	is(r, "23.128.0.255", "--");
	is(r, "23.128.1.0", "US");
	is(r, "23.128.3.255", "US");
	is(r, "23.128.4.0", "--");
	is(r, "23.130.6.255", "CA");
	is(r, "23.130.7.0", "--");
	is(r, "4.0.0.0", "US");
	is(r, "4.0.0.1", "--");
	is(r, "2610:1b:ffff:ffff:ffff:ffff:ffff:ffff", "MX");
	is(r, "2610:1c::", "--");
	assert_string_equal(tt_region_date(r), "2013-05-09");
	assert_int_equal(tt_region_records(r), 4);
	tt_region_destroy(&r);
	assert_null(r);
}

static void only_allocated_and_assigned_with_a_country_give_a_region(void **state) {
	put_file("delegated-apnic-extended-latest",
		"#### conditions of use\n\n2.3|apnic|20240101|9||20240102|+1000\r\n"
		"apnic|*|ipv4|*|9|summary\r\n"
		"apnic|JP|ipv4|1.0.0.0|256|20110101|allocated|A91\r\n"
		"apnic|jp|ipv4|1.0.1.0|256||assigned|A91|e-stats\r\n"
		"apnic||ipv4|1.0.2.0|256||available|\r\n"
		"apnic|AU|ipv4|1.0.3.0|256|00000000|reserved|A91\r\n"
		"apnic|ZZ|ipv4|1.0.4.0|256|20110101|allocated|A91\r\n"
		"apnic||ipv4|1.0.5.0|256|20110101|allocated|A91\r\n"
		"apnic|AP|ipv4|1.0.6.0|256|20110101|allocated|A91\r\n"
		"apnic|EU|ipv4|1.0.7.0|256|20110101|ALLOCATED|A91\r\n"
		"apnic|KR|ipv4|1.0.8.0|256|20110101|unheard-of|A91\r\n");
	struct tt_region *r = load();
	static const char *const expected[] = {
		"JP", "JP", "--", "--", "--", "--", "AP", "EU", "--"};
	for (int i = 0; i < 9; i++) {
		char address[16];
		snprintf(address, sizeof(address), "1.0.%u.77", (unsigned)i & 255);
		is(r, address, expected[i]);
	}
	assert_string_equal(tt_region_date(r), "2024-01-02");
	tt_region_destroy(&r);
}

static void special_purpose_addresses_have_no_region(void **state) {
	put_file("delegated-iana-latest",
		"2|iana|20240101|2||20240101|+0000\niana|US|ipv4|0.0.0.0|4294967296||allocated\n"
		"iana|US|ipv6|::|0||allocated\n");
	struct tt_region *r = load();
	static const char *const special[] = {"0.0.0.0", "10.1.2.3", "100.64.0.0",
		"100.127.255.255", "127.0.0.1", "169.254.9.9", "172.31.255.255", "192.0.0.9",
		"192.0.2.1", "192.168.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:192.0.2.1", "64:ff9b::1",
		"100::1", "2001::1", "2001:1ff::", "2001:db8::1",
		"2002:c000:201::", "3fff:fff::", "5f00::1", "fc00::", "fdff::", "fe80::1",
		"ff02::1"};
	static const char *const ordinary[] = {"1.0.0.0", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "172.32.0.0", "192.0.1.0", "198.20.0.0",
		"223.255.255.255", "::2",
		"2001:200::", "2001:db9::", "2003::", "4000::", "5eff::", "fec0::"};
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		struct tt_addr a;
		is(r, special[i], "--");
		tt_addr_parse(special[i], &a);
		assert_true(tt_region_special(a.family, a.b));
	}
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++) {
		struct tt_addr a;
		is(r, ordinary[i], "US");
		tt_addr_parse(ordinary[i], &a);
		assert_false(tt_region_special(a.family, a.b));
	}
	tt_region_destroy(&r);
	is(NULL, "1.0.0.0", "--");
	assert_string_equal(tt_region_date(NULL), "");
}

static void overlaps_are_told_and_the_later_allocation_counts(void **state) {
	put_file("delegated-arin-latest", "2|arin|1|3||20240101|+0\n"
					  "arin|US|ipv4|5.0.0.0|65536|20050101|allocated\n"
					  "arin|US|ipv4|6.0.0.0|65536|20050101|allocated\n"
					  "arin|US|ipv4|7.0.0.0|256|20050101|allocated\n");
	put_file("delegated-ripencc-latest", "2|ripencc|1|3||20240102|+0\n"
					     "ripencc|DE|ipv4|5.0.1.0|256|20040101|allocated\n"
					     "ripencc|FR|ipv4|6.0.1.0|256|20050101|allocated\n"
					     "ripencc|GB|ipv4|7.0.0.0|256|20050101|allocated\n");
	struct tt_region *r = load();
	is(r, "5.0.1.1", "US"); // later
	is(r, "6.0.1.1", "FR"); // as late, but smaller
	is(r, "6.0.2.1", "US");
	is(r, "7.0.0.1", "GB"); // neither: the later file by name
	char expected[1024];
	snprintf(expected, sizeof(expected),
		"%s/delegated-ripencc-latest:2: 5.0.1.0 to 5.0.1.255 (DE) overlaps 5.0.0.0 (US) of "
		"delegated-arin-latest:2, which counts: later allocation\n",
		folder);
	assert_non_null(strstr(warnings, expected));
	snprintf(expected, sizeof(expected),
		"%s/delegated-arin-latest:4: 7.0.0.0 to 7.0.0.255 (US) overlaps 7.0.0.0 (GB) of "
		"delegated-ripencc-latest:4, which counts: smaller range or later file\n",
		folder);
	assert_non_null(strstr(warnings, expected));
	assert_string_equal(tt_region_date(r), "2024-01-02");
	tt_region_destroy(&r);
}

static void of_one_registry_the_newest_file_counts(void **state) {
	static const char row[] = "lacnic|%s|ipv4|177.0.0.0|256|20100101|allocated%s\n";
	char text[256];
	put_file("delegated-lacnic-latest.md5", "nonsense");
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"delegated-lacnic-20240101",
			"delegated-lacnic-20240103", "delegated-lacnic-extended-20240103"};
		static const char *const dates[] = {"20240101", "20240103", "20240103"},
					 *const codes[] = {"AR", "BR", "CL"};
		int n = snprintf(text, sizeof(text), "2|lacnic|1|1||%s|+0\n", dates[i]);
		snprintf(text + n, sizeof(text) - (size_t)n, row, codes[i], i == 2 ? "|id" : "");
		put_file(names[i], text);
	}
	struct tt_region *r = load();
	is(r, "177.0.0.1", "CL");
	assert_non_null(strstr(warnings, "delegated-lacnic-20240101: not used"));
	assert_non_null(strstr(warnings, "delegated-lacnic-20240103: not used"));
	assert_non_null(strstr(warnings, "has no file of apnic"));
	tt_region_destroy(&r);
}

#define HEAD "2|lacnic|20130509|3|19870101|20130509|-0300\nlacnic|*|ipv4|*|3|summary\n"
#define ROW  "lacnic|BR|ipv4|177.0.0.0|256|20100101|allocated\n"

static void files_that_were_cut_are_errors(void **state) {
	put_file("delegated-lacnic-latest",
		HEAD ROW ROW "lacnic|BR|ipv4|177.0.0.0|256|20100101|alloc");
	refused("/delegated-lacnic-latest:5: the file was cut in its last row");
	put_file("delegated-lacnic-latest", HEAD ROW ROW "lacnic|BR|ip");
	refused("/delegated-lacnic-latest:5: the file was cut in its last row");
	put_file("delegated-lacnic-latest", HEAD ROW ROW);
	refused("/delegated-lacnic-latest:4: ends after 2 ipv4 rows, expected 3 as its summary "
		"says: "
		"the file was cut");
	put_file("delegated-lacnic-latest", "2|lacnic|20130509|3|19870101|20130509|-0300\n");
	refused("/delegated-lacnic-latest:1: ends after 0 rows, expected 3 as its first line says: "
		"the "
		"file was cut"); // not even the summary
	put_file("delegated-lacnic-latest", "# only words\n");
	refused("/delegated-lacnic-latest:1: holds no rows, expected RIR delegation statistics");
	put_file("delegated-lacnic-latest", "");
	refused("/delegated-lacnic-latest:0: holds no rows, expected RIR delegation statistics");
	put_file("delegated-lacnic-latest",
		HEAD ROW ROW
		"lacnic|BR|ipv4|177.0.0.0|256|20100101|allocated"); // only the LF is missing
	struct tt_region *r = load();
	tt_region_destroy(&r);
}

static void summaries_that_do_not_add_up_are_told(void **state) {
	put_file("delegated-lacnic-latest", HEAD ROW ROW ROW ROW);
	struct tt_region *r = load();
	assert_non_null(strstr(
		warnings, "/delegated-lacnic-latest: has 4 ipv4 rows, its summary says 3\n"));
	tt_region_destroy(&r);
	// header and summary agree, and a single row is missing
	struct tt_buf text = TT_BUF_INIT(1 << 20);
	tt_buf_printf(&text, "2|lacnic|20130509|300|19870101|20130509|-0300\n"
			     "lacnic|*|ipv4|*|300|summary\n");
	for (int i = 0; i < 299; i++)
		tt_buf_printf(&text, ROW);
	put_file("delegated-lacnic-latest", (const char *)text.data);
	refused("/delegated-lacnic-latest:301: ends after 299 ipv4 rows, expected 300 as its "
		"summary "
		"says: the file was cut");
	tt_buf_reset(&text);
	// header and summary contradict each other and little is missing: published so, not cut
	tt_buf_printf(&text, "2|lacnic|20130509|299|19870101|20130509|-0300\n"
			     "lacnic|*|ipv4|*|300|summary\n");
	for (int i = 0; i < 298; i++)
		tt_buf_printf(&text, ROW);
	put_file("delegated-lacnic-latest", (const char *)text.data);
	r = load();
	assert_non_null(strstr(warnings, "has 298 ipv4 rows, its summary says 300"));
	assert_non_null(strstr(warnings, "has 298 rows, its first line says 299"));
	tt_region_destroy(&r);
	tt_buf_free(&text);
}

static void rows_that_are_wrong_are_named(void **state) {
	static const char *const wrong[][2] = {
		{"lacnic|BR|ipv4|177.0.0|256|20100101|allocated",
			"starts at \"177.0.0\", expected an IPv4 address"},
		{"lacnic|BR|ipv4|177.0.0.0|0|20100101|allocated",
			"has \"0\" addresses, expected a number from 1 to 2^32"},
		{"lacnic|BR|ipv4|255.255.255.0|257|20100101|allocated",
			"has 257 addresses from 255.255.255.0, expected none past 255.255.255.255"},
		{"lacnic|BR|ipv6|2800::|129|20100101|allocated",
			"has the prefix length \"129\", expected 0 to 128"},
		{"lacnic|BR|ipv6|1.2.3.4|32|20100101|allocated",
			"starts at \"1.2.3.4\", expected an IPv6 address"},
		{"lacnic|BRA|ipv4|177.0.0.0|256|20100101|allocated",
			"the country is \"BRA\", expected two letters or none"},
		{"lacnic|BR|ipx|177.0.0.0|256|20100101|allocated",
			"the type is \"ipx\", expected asn, ipv4 or ipv6"},
		{"lacnic|BR|ipv4|177.0.0.0|256",
			"has 5 fields, expected registry|cc|type|start|value|date|status"},
		{"2|lacnic|x", "is a version line of 3 fields, expected "
			       "version|registry|serial|records|startdate|enddate|UTCoffset"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[512], message[512];
		snprintf(text, sizeof(text), "# a comment\n%s\n", wrong[i][0]);
		snprintf(message, sizeof(message), "/delegated-lacnic-latest:2: %s", wrong[i][1]);
		put_file("delegated-lacnic-latest", text);
		refused(message);
	}
	put_bytes("delegated-lacnic-latest", "a\0b\n", 4);
	refused("/delegated-lacnic-latest:1: has a zero byte, expected text");
}

static void folders_without_files_are_named(void **state) {
	refused(": has no file delegated-REGISTRY-..., expected RIR delegation statistics");
	struct tt_err err;
	assert_null(tt_region_load("/nowhere", NULL, NULL, &err));
	assert_int_equal(errno, ENOENT);
	assert_string_equal(err.msg, "/nowhere: No such file or directory");
}

// Real files, where somebody put them: not part of the tree.
static void real_files_load_quickly(void **state) {
	static const char *const sets[] = {"rir/2013", "rir/2026-derived"};
	for (size_t i = 0; i < 2; i++) {
		char dir[1024];
		if (!data_path(sets[i], dir, sizeof(dir)))
			continue;
		struct tt_err err = {""};
		warnings[0] = '\0';
		int64_t t = tt_mono_ns();
		struct tt_region *r = tt_region_load(dir, collect, NULL, &err);
		double seconds = (double)(tt_mono_ns() - t) / 1e9;
		if (!r)
			fail_msg("%s", err.msg);
		enum { N = 1 << 20 };
		uint32_t *addresses = malloc(N * sizeof(*addresses));
		for (uint32_t k = 0; k < N; k++)
			addresses[k] = (uint32_t)tt_mix64(k + 1);
		unsigned found = 0;
		t = tt_mono_ns();
		for (uint32_t k = 0; k < N; k++)
			found += *tt_region_of(r, 4, (const uint8_t *)&addresses[k]) != '-';
		double each = (double)(tt_mono_ns() - t) / N;
		print_message(
			"%s: %llu records of %s in %.2f s, a lookup %.0f ns, %.1f %% of IPv4\n%s",
			sets[i], (unsigned long long)tt_region_records(r), tt_region_date(r),
			seconds, each, 100.0 * found / N, warnings);
		assert_true(found > N / 2);
		is(r, "133.1.1.1", "JP");
		is(r, "18.0.0.1", "US");
		free(addresses);
		tt_region_destroy(&r);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		test_in_folder(counts_that_are_no_powers_of_two_are_exact),
		test_in_folder(only_allocated_and_assigned_with_a_country_give_a_region),
		test_in_folder(special_purpose_addresses_have_no_region),
		test_in_folder(overlaps_are_told_and_the_later_allocation_counts),
		test_in_folder(of_one_registry_the_newest_file_counts),
		test_in_folder(files_that_were_cut_are_errors),
		test_in_folder(summaries_that_do_not_add_up_are_told),
		test_in_folder(rows_that_are_wrong_are_named),
		test_in_folder(folders_without_files_are_named),
		cmocka_unit_test(real_files_load_quickly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
