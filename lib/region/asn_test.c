/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_region.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "folder.h"
#include "tt_time.h"

static char *path_of(const char *name) {
	static char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static struct tt_asn *load(const char *name) {
	struct tt_err err = {""};
	struct tt_asn *a = tt_asn_load(path_of(name), &err);
	if (!a)
		fail_msg("%s", err.msg);
	return a;
}

static uint32_t of(const struct tt_asn *a, const char *address) {
	struct tt_addr x;
	assert_int_equal(tt_addr_parse(address, &x), 0);
	return tt_asn_of(a, x.family, x.b);
}

static const char rows[] = "1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n"
			   "1.0.4.0,1.0.7.255,38803,Gtelecom Pty Ltd\n"
			   "2.26.200.0,2.26.215.255,201907,\"LLC \"\"SPUTNIK\"\"\"\r\n"
			   "2001:200::,2001:200:1b9:ffff:ffff:ffff:ffff:ffff,2500,WIDE, really\n"
			   "9.9.9.9,9.9.9.9,19281,";

static void check_rows(const struct tt_asn *a) {
	assert_int_equal(of(a, "1.0.0.255"), 13335);
	assert_int_equal(of(a, "1.0.1.0"), 0);
	assert_int_equal(of(a, "1.0.7.255"), 38803);
	assert_int_equal(of(a, "2001:200:1b9::1"), 2500);
	assert_int_equal(of(a, "2001:200:1ba::"), 0);
	assert_string_equal(tt_asn_name(a, 13335), "Cloudflare, Inc.");
	assert_string_equal(tt_asn_name(a, 201907), "LLC \"SPUTNIK\"");
	assert_string_equal(tt_asn_name(a, 2500), "WIDE, really");
	assert_null(tt_asn_name(a, 19281)); // no name given
	assert_null(tt_asn_name(a, 7));
}

static void rows_of_both_families_are_read(void **state) {
	put_file("asn.csv", rows);
	struct tt_asn *a = load("asn.csv");
	check_rows(a);
	tt_asn_destroy(&a);
	assert_null(a);
	assert_int_equal(of(NULL, "1.0.0.0"), 0);
	assert_null(tt_asn_name(NULL, 1));
}

static void names_of_columns_are_no_row(void **state) {
	char text[1024];
	snprintf(text, sizeof(text), "start,end,asn,name\n%s", rows);
	put_file("asn.csv", text);
	struct tt_asn *a = load("asn.csv");
	check_rows(a);
	tt_asn_destroy(&a);
}

static void gzip_is_read_as_it_is(void **state) {
	gzFile gz = gzopen(path_of("asn.csv.gz"), "wb");
	gzwrite(gz, rows, sizeof(rows) - 1);
	gzclose(gz);
	struct tt_asn *a = load("asn.csv.gz");
	check_rows(a);
	tt_asn_destroy(&a);
	a = load(""); // and the folder that it lies in
	check_rows(a);
	tt_asn_destroy(&a);
}

static void gzip_that_was_cut_is_an_error(void **state) {
	struct tt_buf text = TT_BUF_INIT(8u << 20), cut = TT_BUF_INIT(8u << 20);
	for (unsigned i = 0; i < 20000; i++)
		tt_buf_printf(&text, "1.%u.%u.0,1.%u.%u.255,%u,name %u\n", i >> 8, i & 255, i >> 8,
			i & 255, i * 7919, i);
	gzFile gz = gzopen(path_of("whole.csv.gz"), "wb");
	gzwrite(gz, text.data, (unsigned)text.len);
	gzclose(gz);
	struct tt_err err = {""};
	assert_int_equal(tt_file_read(path_of("whole.csv.gz"), &cut, &err), 0);
	put_bytes("cut.csv.gz", cut.data, cut.len / 2);
	assert_null(tt_asn_load(path_of("cut.csv.gz"), &err));
	assert_int_equal(errno, EBADMSG);
	assert_non_null(strstr(err.msg, "/cut.csv.gz: after row "));
	tt_buf_free(&text);
	tt_buf_free(&cut);
}

static void of_overlapping_ranges_the_last_to_start_wins(void **state) {
	put_file(
		"asn.csv", "4.0.0.0,4.0.255.255,1,a\n4.0.1.0,4.0.1.255,2,b\n4.0.0.0,4.0.0.9,3,c\n");
	struct tt_asn *a = load("asn.csv");
	assert_int_equal(of(a, "4.0.1.9"), 2);
	assert_int_equal(of(a, "4.0.2.0"), 1);
	assert_int_equal(of(a, "4.0.0.9"), 3); // as early: the later row
	assert_int_equal(of(a, "4.0.0.10"), 1);
	tt_asn_destroy(&a);
}

static void rows_that_are_wrong_are_named(void **state) {
	static const char *const wrong[][2] = {
		{"1.0.0.0,1.0.0.255", "has 2 fields, expected start,end,asn,name"},
		{"1.0.0.9,1.0.0.1,5,x",
			"is from 1.0.0.9 to 1.0.0.1, expected a range of one family"},
		{"1.0.0.0,::1,5,x", "is from 1.0.0.0 to ::1, expected a range of one family"},
		{"one,two,5,x", "is from \"one\" to \"two\", expected two addresses"},
		{"1.0.0.0,1.0.0.1,4294967295,x",
			"has the AS number \"4294967295\", expected 0 to 4294967294"},
		{"1.0.0.0,1.0.0.1,AS5,x", "has the AS number \"AS5\", expected 0 to 4294967294"},
		{"1.0.0.0,1.0.0.1,5,\"x",
			"has a quote that is not closed, expected start,end,asn,name"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[256], message[512];
		struct tt_err err = {""};
		snprintf(text, sizeof(text), "9.9.9.9,9.9.9.9,1,x\n%s\n", wrong[i][0]);
		put_file("asn.csv", text);
		assert_null(tt_asn_load(path_of("asn.csv"), &err));
		snprintf(message, sizeof(message), "%s/asn.csv:2: %s", folder, wrong[i][1]);
		assert_string_equal(err.msg, message);
	}
	struct tt_err err;
	put_file("asn.csv", "");
	assert_null(tt_asn_load(path_of("asn.csv"), &err));
	assert_non_null(strstr(err.msg, "/asn.csv: holds no rows, expected start,end,asn,name"));
	assert_null(tt_asn_load("/nowhere.csv", &err));
	assert_string_equal(err.msg, "/nowhere.csv: No such file or directory");
}

static void rows_that_contradict_each_other_are_named(void **state) {
	struct tt_err err = {""};
	char message[768];
	put_file("a.csv", "11.0.0.0,11.0.0.255,1,A\n11.0.0.0,11.0.0.255,1,again\n"
			  "11.0.0.0,11.0.0.127,2,closer\n11.0.0.64,11.0.1.255,3,across\n");
	struct tt_asn *a = load(".");
	assert_int_equal(of(a, "11.0.0.63"), 2);
	assert_int_equal(of(a, "11.0.0.64"), 3);
	tt_asn_destroy(&a);
	put_file("b.csv", "start,end,asn,name\n9.0.0.0,9.0.0.0,7,x\n11.0.0.64,11.0.1.255,4,D\n");
	assert_null(tt_asn_load(folder, &err));
	snprintf(message, sizeof(message),
		"%s/b.csv:3: has 11.0.0.64 to 11.0.1.255 in AS4, and row 4 of a.csv in AS3, "
		"expected "
		"one AS",
		folder);
	assert_string_equal(err.msg, message);
}

// Every cut of a file of whole rows gives an error, or the rows before the cut and one whose name
// is shorter.
static void what_a_cut_leaves_is_no_other_row(void **state) {
	static const char whole[] = "11.0.0.0,11.0.0.255,64500,A\n12.0.0.0,12.0.0.255,64501,B\n";
	size_t second = 28, name = sizeof(whole) - 3;
	for (size_t n = second + 1; n < sizeof(whole) - 1; n++) {
		char text[128];
		struct tt_err err = {""};
		snprintf(text, sizeof(text), "%.*s", (int)n, whole);
		put_file("asn.csv", text);
		struct tt_asn *a = tt_asn_load(path_of("asn.csv"), &err);
		assert_int_equal(a != NULL, n >= name);
		if (a)
			assert_int_equal(of(a, "12.0.0.7"), 64501);
		tt_asn_destroy(&a);
	}
}

static void a_list_that_was_cut_is_refused(void **state) {
	static const char *const cut[][2] = {
		{"11.0.0.0/24\n12.0.16.0/2", ":2: ends with \"12.0.16.0/2\""},
		{"11.0.0.0/24\n12.0.16.0/", ":2: is \"12.0.16.0/\", expected an address"},
		{"# nothing\n", ": is empty, expected an address or a prefix a line"}};
	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++) {
		struct tt_err err = {""};
		put_file("list.txt", cut[i][0]);
		assert_null(tt_scanners_load(folder, &err));
		assert_non_null(strstr(err.msg, cut[i][1]));
	}
	struct tt_err err = {""};
	put_file("list.txt",
		"11.0.0.0/24\n12.0.16.0/2\n13.0.0.0/8"); // with its end it is what it says
	struct tt_scanners *s = tt_scanners_load(folder, &err);
	assert_non_null(s);
	tt_scanners_destroy(&s);
}

static uint16_t scanner(const struct tt_scanners *s, const char *address) {
	struct tt_addr x;
	assert_int_equal(tt_addr_parse(address, &x), 0);
	return tt_scanners_of(s, x.family, x.b);
}

static void networks_are_the_largest_prefixes_in_their_rows(void **state) {
	static const char *const cases[][2] = {{"11.0.0.0", "11.0.0.0/23"},
		{"11.0.1.255", "11.0.0.0/23"}, {"11.0.2.5", "11.0.2.0/24"}, {"11.0.3.1", NULL},
		{"12.0.0.1", "12.0.0.1/32"}, {"0.0.0.1", NULL},
		{"255.255.255.255", "255.255.255.0/24"}, {"2400::1", "2400::/32"},
		{"2400:1::", NULL}};
	struct tt_err err = {""};
	char path[256], text[TT_PREFIX_STRLEN];
	put_file("asn.csv", "11.0.0.0,11.0.2.255,64500,A\n12.0.0.1,12.0.0.1,64501,B\n"
			    "255.255.255.0,255.255.255.255,64502,C\n"
			    "2400::,2400:0:ffff:ffff:ffff:ffff:ffff:ffff,64503,D\n");
	snprintf(path, sizeof(path), "%s/asn.csv", folder);
	struct tt_asn *a = tt_asn_load(path, &err);
	if (!a)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tt_addr addr;
		struct tt_prefix p;
		assert_int_equal(tt_addr_parse(cases[i][0], &addr), 0);
		bool known = tt_asn_network(a, &addr, &p);
		assert_int_equal(known, cases[i][1] != NULL);
		if (known)
			assert_string_equal(tt_prefix_format(&p, text), cases[i][1]);
	}
	tt_asn_destroy(&a);
}

static void scanners_are_named_by_their_files(void **state) {
	struct tt_err err = {""};
	put_file(
		"shodan_v4.txt", "# a comment\n198.20.69.72/29\n\n 71.6.135.131/24  # census2\r\n");
	put_file("shodan_v6.txt", "2001:db8:1::/48\n");
	put_file("censys.txt", "198.20.69.72\n162.142.125.0/24\n");
	put_file("README", "not a list");
	struct tt_scanners *s = tt_scanners_load(folder, &err);
	if (!s)
		fail_msg("%s", err.msg);
	uint16_t shodan = scanner(s, "198.20.69.73"), censys = scanner(s, "162.142.125.9");
	assert_string_equal(tt_scanners_name(s, shodan), "shodan");
	assert_string_equal(tt_scanners_name(s, censys), "censys");
	assert_int_equal(scanner(s, "71.6.135.0"), shodan);
	assert_int_equal(scanner(s, "2001:db8:1::9"), shodan);
	assert_int_equal(scanner(s, "198.20.69.72"), censys); // the longer prefix
	assert_int_equal(scanner(s, "198.20.69.80"), 0);
	assert_null(tt_scanners_name(s, 0));
	assert_null(tt_scanners_name(s, 3));
	tt_scanners_destroy(&s);
	assert_int_equal(scanner(NULL, "1.1.1.1"), 0);
}

static void lists_that_are_wrong_are_named(void **state) {
	struct tt_err err;
	char message[512];
	assert_null(tt_scanners_load(folder, &err));
	snprintf(message, sizeof(message), "%s: has 0 lists (*.txt), expected 1 to 4096", folder);
	assert_string_equal(err.msg, message);
	put_file("a.txt", "1.1.1.1\n1.1.1.1/33\n");
	assert_null(tt_scanners_load(folder, &err));
	snprintf(message, sizeof(message),
		"%s/a.txt:2: is \"1.1.1.1/33\", expected an address or a prefix", folder);
	assert_string_equal(err.msg, message);
}

// Real files, where somebody put them: not part of the tree.
static void real_files_load(void **state) {
	char dir[1024];
	struct tt_err err = {""};
	if (data_path("asn", dir, sizeof(dir))) {
		int64_t t = tt_mono_ns();
		struct tt_asn *a = tt_asn_load(dir, &err);
		if (!a)
			fail_msg("%s", err.msg);
		print_message("%s: %.2f s; 1.1.1.1 is AS%u %s\n", dir,
			(double)(tt_mono_ns() - t) / 1e9, of(a, "1.1.1.1"),
			tt_asn_name(a, of(a, "1.1.1.1")));
		assert_int_equal(of(a, "1.1.1.1"), 13335);
		assert_int_equal(of(a, "2001:200::1"), 2500);
		tt_asn_destroy(&a);
	}
	if (data_path("scanners/cidr", dir, sizeof(dir))) {
		struct tt_scanners *s = tt_scanners_load(dir, &err);
		if (!s)
			fail_msg("%s", err.msg);
		assert_string_equal(tt_scanners_name(s, scanner(s, "162.142.125.1")), "censys");
		tt_scanners_destroy(&s);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		test_in_folder(rows_of_both_families_are_read),
		test_in_folder(names_of_columns_are_no_row),
		test_in_folder(gzip_is_read_as_it_is),
		test_in_folder(gzip_that_was_cut_is_an_error),
		test_in_folder(of_overlapping_ranges_the_last_to_start_wins),
		test_in_folder(rows_that_are_wrong_are_named),
		test_in_folder(rows_that_contradict_each_other_are_named),
		test_in_folder(what_a_cut_leaves_is_no_other_row),
		test_in_folder(a_list_that_was_cut_is_refused),
		test_in_folder(networks_are_the_largest_prefixes_in_their_rows),
		test_in_folder(scanners_are_named_by_their_files),
		test_in_folder(lists_that_are_wrong_are_named),
		cmocka_unit_test(real_files_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
