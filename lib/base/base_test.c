/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tt_addr.h"
#include "tt_buf.h"
#include "tt_file.h"
#include "tt_hash.h"
#include "tt_names.h"
#include "tt_text.h"
#include "tt_time.h"

static int64_t at(const char *text) {
	int64_t sec = -1;
	assert_int_equal(tt_time_parse(text, &sec), 0);
	return sec;
}

static void prefixes_parse_contain_and_refuse_host_bits(void **s) {
	(void)s;
	struct tt_prefix p;
	struct tt_addr a, first, last;
	char buf[TT_PREFIX_STRLEN];
	assert_int_equal(tt_prefix_parse("192.0.2.0/23", &p), 0);
	assert_int_equal(tt_prefix_parse("192.0.3.0/23", &p), -EDOM);
	assert_int_equal(tt_prefix_parse("192.0.2.0/33", &p), -EINVAL);
	assert_int_equal(tt_prefix_parse("192.0.2.0/", &p), -EINVAL);
	assert_int_equal(tt_prefix_parse("192.0.2.0/+4", &p), -EINVAL);
	assert_int_equal(tt_prefix_parse("2001:db8::/32", &p), 0);
	assert_string_equal(tt_prefix_format(&p, buf), "2001:db8::/32");
	assert_int_equal(tt_addr_parse("2001:db8:ffff::1", &a), 0);
	assert_true(tt_prefix_contains(&p, &a));
	assert_int_equal(tt_addr_parse("2001:db9::", &a), 0);
	assert_false(tt_prefix_contains(&p, &a));
	assert_int_equal(tt_prefix_parse("10.0.0.128/25", &p), 0);
	tt_prefix_range(&p, &first, &last);
	assert_int_equal(tt_addr_v4(&first), 0x0a000080);
	assert_int_equal(tt_addr_v4(&last), 0x0a0000ff);
	assert_int_equal(tt_prefix_parse("0.0.0.0/0", &p), 0);
	tt_prefix_range(&p, &first, &last);
	assert_int_equal(tt_addr_v4(&last), 0xffffffff);
	assert_int_equal(tt_prefix_parse("192.0.2.7", &p), 0);
	assert_int_equal(p.len, 32);
}

// SipHash-1-3 with key 00..0f of the messages 00 01 02 ... of 0, 8 and 15 bytes; from a program of
// its own in another language that gives the paper's a129ca6149be45e5 for 2-4 rounds.
static void siphash_differs_by_key_and_every_byte(void **s) {
	(void)s;
	uint8_t key[16], msg[64];
	for (unsigned i = 0; i < 64; i++) {
		msg[i] = (uint8_t)i;
		key[i & 15] = (uint8_t)(i & 15);
	}
	assert_true(tt_siphash(key, msg, 0) == 0xabac0158050fc4dcull);
	assert_true(tt_siphash(key, msg, 8) == 0x369095118d299a8eull);
	assert_true(tt_siphash(key, msg, 15) == 0xd320d86d2a519956ull);
}

static void services_read_ports_and_icmp_types(void **s) {
	(void)s;
	uint8_t proto;
	uint16_t port;
	assert_int_equal(tt_service_parse("tcp/8728", &proto, &port), 0);
	assert_int_equal(proto, 6);
	assert_int_equal(port, 8728);
	assert_int_equal(tt_service_parse("icmp/3/1", &proto, &port), 0);
	assert_int_equal(port, 0x301);
	assert_int_equal(tt_service_parse("icmp6/128", &proto, &port), 0);
	assert_int_equal(proto, 58);
	assert_int_equal(port, 0x8000);
	assert_int_equal(tt_service_parse("47/0", &proto, &port), 0);
	assert_int_equal(proto, 47);
	static const char *const bad[] = {"tcp", "tcp/", "tcp/65536", "tcp/1/2", "/1", "icmp/256",
		"icmp/1/2/3", "foo/1", "tcp/-1", "icmp/1/", ""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(tt_service_parse(bad[i], &proto, &port), -EINVAL);
}

static void times_parse_and_format(void **s) {
	(void)s;
	char buf[TT_RFC3339_LEN];
	assert_int_equal(at("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(at("2024-12-18T03:04:05+09:00"), at("2024-12-17T18:04:05Z"));
	assert_int_equal(at("2024-02-29T23:59:59.999Z"), 1709251199);
	assert_string_equal(tt_time_format(4294967295, buf), "2106-02-07T06:28:15Z");
	assert_string_equal(
		tt_time_format(13631393040, buf), "2401-12-17T18:04:00Z"); // past 64 bits of ns
	assert_string_equal(
		tt_time_format_ns(1709251199123456789, 6, buf), "2024-02-29T23:59:59.123456Z");
	static const char *const bad[] = {"", "2024-12-18", "2023-02-29T00:00:00Z",
		"2024-12-18T03:04:05", "2024-12-18T24:00:00Z", "2024-13-01T00:00:00Z",
		"2024-12-18T03:04:05Zx", "2024-12-18T03:04:05+9:00", "2024-12-18T03:04:05."};
	int64_t sec;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(tt_time_parse(bad[i], &sec), -EINVAL);
}

static void quarter_starts(const char *zone, const char *utc) {
	struct tt_err err;
	struct tt_tz *tz = tt_tz_create(zone, &err);
	assert_non_null(tz);
	int64_t from, to, day;
	assert_int_equal(tt_tz_parse_period(tz, "2024Q4", &from, &to, &err), 0);
	assert_int_equal(from, at(utc));
	day = tt_civil_days(2024, 10, 1);
	assert_int_equal(tt_tz_day(tz, from), day);
	assert_int_equal(tt_tz_day(tz, from - 1), day - 1);
	assert_int_equal(tt_tz_day(tz, from + 1), day);
	assert_int_equal(tt_tz_day_start(tz, day), from);
	tt_tz_destroy(&tz);
	assert_null(tz);
}

static void local_quarters_start_where_the_zone_says(void **s) {
	(void)s;
	quarter_starts("UTC", "2024-10-01T00:00:00Z");
	quarter_starts("Asia/Tokyo", "2024-09-30T15:00:00Z");
	quarter_starts("Asia/Kathmandu", "2024-09-30T18:15:00Z");
	quarter_starts("Europe/Berlin", "2024-09-30T22:00:00Z");
	quarter_starts("Pacific/Kiritimati", "2024-09-30T10:00:00Z");
	quarter_starts("America/Los_Angeles", "2024-10-01T07:00:00Z");
}

static void days_of_23_and_25_hours_and_skipped_midnights(void **s) {
	(void)s;
	struct tt_err err;
	struct tt_tz *tz = tt_tz_create("Europe/Berlin", &err);
	int64_t d = tt_civil_days(2024, 3, 31);
	assert_int_equal(tt_tz_day_start(tz, d + 1) - tt_tz_day_start(tz, d), 23 * 3600);
	d = tt_civil_days(2024, 10, 27);
	assert_int_equal(tt_tz_day_start(tz, d + 1) - tt_tz_day_start(tz, d), 25 * 3600);
	tt_tz_destroy(&tz);
	tz = tt_tz_create("America/Sao_Paulo", &err); // midnight of 2018-11-04 did not exist
	d = tt_civil_days(2018, 11, 4);
	assert_int_equal(tt_tz_day_start(tz, d), at("2018-11-04T03:00:00Z"));
	assert_int_equal(tt_tz_day_start(tz, d + 1) - tt_tz_day_start(tz, d), 23 * 3600);
	tt_tz_destroy(&tz);
}

static void periods_and_their_errors(void **s) {
	(void)s;
	struct tt_err err;
	struct tt_tz *tz = tt_tz_create("Asia/Tokyo", &err);
	int64_t from, to;
	assert_int_equal(tt_tz_parse_period(tz, "2024", &from, &to, &err), 0);
	assert_int_equal(to - from, 366 * 86400);
	assert_int_equal(tt_tz_parse_period(tz, "2024-12", &from, &to, &err), 0);
	assert_int_equal(from, at("2024-11-30T15:00:00Z"));
	assert_int_equal(to, at("2024-12-31T15:00:00Z"));
	assert_int_equal(tt_tz_parse_period(tz, "2024-12-01..2024-12-03", &from, &to, &err), 0);
	assert_int_equal(to - from, 2 * 86400);
	static const char *const bad[] = {"", "2024Q5", "2024-13", "24", "2024-12-03..2024-12-03",
		"2024-02-30..2024-03-01", "2024Q4x"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(tt_tz_parse_period(tz, bad[i], &from, &to, &err), -EINVAL);
	assert_null(tt_tz_create("UTC", &err));
	assert_int_equal(errno, EBUSY);
	tt_tz_destroy(&tz);
	assert_null(tt_tz_create("Mars/Olympus", &err));
	assert_null(tt_tz_create("../../../etc/passwd", &err));
}

static void buffers_stop_at_their_maximum(void **s) {
	(void)s;
	struct tt_buf b = TT_BUF_INIT(10);
	assert_int_equal(tt_buf_append(&b, "12345", 5), 0);
	assert_int_equal(tt_buf_printf(&b, "%d", 67890), 0);
	assert_int_equal(tt_buf_append(&b, "x", 1), -EFBIG);
	assert_int_equal(tt_buf_printf(&b, "%d", 1), -EFBIG);
	assert_string_equal((char *)b.data, "1234567890");
	tt_buf_free(&b);
}

static void files_are_replaced_as_a_whole(void **s) {
	(void)s;
	char dir[] = "/tmp/tt-base-XXXXXX", path[64], hex[65];
	struct tt_err err;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	assert_int_equal(tt_file_write(path, "abc", 3, 0600, &err), 0);
	struct tt_buf b = TT_BUF_INIT(3);
	assert_int_equal(tt_file_read(path, &b, &err), 0);
	assert_string_equal((char *)b.data, "abc");
	assert_int_equal(tt_file_sha256(path, hex, &err), 0);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(tt_file_write(path, "abcd", 4, 0600, &err), 0);
	assert_int_equal(tt_file_read(path, &b, &err), -EFBIG);
	assert_int_equal(tt_file_read(dir, &b, &err), -EISDIR);
	unlink(path);
	assert_int_equal(tt_file_read(path, &b, &err), -ENOENT);
	assert_non_null(strstr(err.msg, path));
	rmdir(dir);
	tt_buf_free(&b);
}

static void a_changed_file_is_told_once_and_when_it_stands_still(void **state) {
	struct tt_file_watch w = {1, 1};
	const uint64_t is[] = {1, 2, 3, 3, 3, 1, 1, 0, 3, 3, 4, 1, 1};
	const bool told[] = {0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1};
	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++)
		assert_int_equal(tt_file_watch_changed(&w, is[i]), told[i]);
}

static void ids_and_names_go_both_ways(void **s) {
	(void)s;
	assert_true(tt_id_valid("jp-isp1"));
	assert_false(tt_id_valid(""));
	assert_false(tt_id_valid("JP"));
	assert_false(tt_id_valid("a_b"));
	assert_true(tt_id_valid("abcdefghijklmnopqrstuvwxyz012345"));
	assert_false(tt_id_valid("abcdefghijklmnopqrstuvwxyz0123456"));
	for (int c = 0; c < TT_CLASS_N; c++)
		assert_int_equal(tt_class_parse(tt_class_name((enum tt_class)c)), c);
	for (int i = 0; i < TT_TRAIT_N; i++)
		assert_int_equal(tt_trait_parse(tt_trait_name((unsigned)i)), i);
	assert_int_equal(tt_class_parse("SCAN"), -1);
}

// Lengths as RFC 3629, section 4, has them.
static void text_is_utf8_or_a_question_mark(void **s) {
	(void)s;
	static const struct {
		const char *text;
		unsigned len;
	} chars[] = {{"", 0}, {"a", 1}, {"\x7f", 1}, {"\xc3\xa9", 2}, {"\xe7\xb1\xb3", 3},
		{"\xf0\x9f\x8c\x8d", 4}, {"\x80", 0}, {"\xc1\xbf", 0}, {"\xe0\x9f\xbf", 0},
		{"\xed\xa0\x80", 0}, {"\xef\xbf\xbf", 3}, {"\xf0\x8f\xbf\xbf", 0},
		{"\xf4\x8f\xbf\xbf", 4}, {"\xf4\x90\x80\x80", 0}, {"\xf5\x80\x80\x80", 0},
		{"\xe7\xb1", 0}, {"\xe7\xb1z", 0}};
	for (size_t i = 0; i < sizeof(chars) / sizeof(*chars); i++) {
		assert_int_equal(tt_utf8_len(chars[i].text), chars[i].len);
		assert_int_equal(tt_utf8_valid(chars[i].text), !*chars[i].text || chars[i].len > 0);
	}
	char line[] = "a\nb\x1b[31m \xe7\xb1\xb3 \xff \xc2\x9b cut \xe7\xb1";
	tt_text_one_line(line);
	assert_string_equal(line, "a b [31m \xe7\xb1\xb3 ?    cut ??");
}

static void texts_are_read_or_their_row_is_named(void **s) {
	(void)s;
	static const struct {
		const char *text;
		size_t len;
		const char *told;
	} cases[] = {{"", 0, NULL}, {"a\nb\n", 4, NULL}, {"a\nb\0c", 5, ":2: has a zero byte"},
		{"a\n\n\xff", 4, ":3: has bytes that are no UTF-8"}, {"12345678901", 11, "larger"}};
	char path[] = "/tmp/tt-text-XXXXXX";
	close(mkstemp(path));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tt_buf b = TT_BUF_INIT(10);
		struct tt_err err = {""};
		assert_int_equal(tt_file_write(path, cases[i].text, cases[i].len, 0600, NULL), 0);
		int rc = tt_file_read_text(path, &b, &err);
		if (cases[i].told) {
			assert_true(rc < 0);
			assert_non_null(strstr(err.msg, cases[i].told));
		} else {
			assert_int_equal(rc, 0);
			assert_string_equal((char *)b.data, cases[i].text);
		}
		tt_buf_free(&b);
	}
	unlink(path);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_parse_contain_and_refuse_host_bits),
		cmocka_unit_test(siphash_differs_by_key_and_every_byte),
		cmocka_unit_test(text_is_utf8_or_a_question_mark),
		cmocka_unit_test(texts_are_read_or_their_row_is_named),
		cmocka_unit_test(services_read_ports_and_icmp_types),
		cmocka_unit_test(times_parse_and_format),
		cmocka_unit_test(local_quarters_start_where_the_zone_says),
		cmocka_unit_test(days_of_23_and_25_hours_and_skipped_midnights),
		cmocka_unit_test(periods_and_their_errors),
		cmocka_unit_test(buffers_stop_at_their_maximum),
		cmocka_unit_test(files_are_replaced_as_a_whole),
		cmocka_unit_test(a_changed_file_is_told_once_and_when_it_stands_still),
		cmocka_unit_test(ids_and_names_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
