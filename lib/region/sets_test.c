/* SPDX-License-Identifier: BSD-3-Clause */
// Dated sets of delegation files: which one judges which time.
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "folder.h"
#include "tt_region.h"
#include "tt_time.h"

static char told[4096];

static void tell(void *arg, const char *line) {
	if (strstr(line, "has no file of")) // every set here is of one registry
		return;
	size_t n = strlen(told);
	snprintf(told + n, sizeof(told) - n, "%s\n", line);
}

static int remove_all(void **state) {
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}
#define test_in_tree(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_all)

static int64_t at(const char *text) {
	int64_t t;
	assert_int_equal(tt_time_parse(text, &t), 0);
	return t;
}

// A set of one file whose single range is registered in `cc`.
static void put_set(const char *name, const char *date, const char *cc) {
	char path[256], text[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	mkdir(path, 0700);
	snprintf(text, sizeof(text),
		"2|apnic|%s|1|19830101|%s|+1000\napnic|*|ipv4|*|1|summary\n"
		"apnic|%s|ipv4|11.0.0.0|256|20100101|allocated\n",
		date, date, cc);
	snprintf(path, sizeof(path), "%s/delegated-apnic-latest", name);
	put_file(path, text);
}

static struct tt_regions *load(int64_t now, const struct tt_regions *old) {
	struct tt_err err = {""};
	told[0] = '\0';
	struct tt_regions *r = tt_regions_load(folder, now, old, tell, NULL, &err);
	if (!r)
		fail_msg("%s", err.msg);
	return r;
}

static void is(struct tt_regions *r, const char *time, const char *cc, const char *date) {
	static const uint8_t address[16] = {11};
	const struct tt_region *set = tt_regions_at(r, at(time));
	assert_string_equal(tt_region_of(set, 4, address), cc);
	assert_string_equal(tt_region_date(set), date);
}

static void each_time_is_judged_by_the_set_in_force_then(void **state) {
	put_set("b", "20241001", "KR");
	put_set("a", "20240701", "JP");
	put_set("c", "20241217", "CN");
	put_set(".new", "20241218", "XX"); // hidden: being written
	struct tt_regions *r = load(at("2024-12-31T00:00:00Z"), NULL);
	assert_int_equal(tt_regions_count(r), 3);
	for (int i = 0; i < 2; i++) {
		is(r, "2013-01-01T00:00:00Z", "JP", "2024-07-01"); // before all: the first
		is(r, "2024-09-30T23:59:59Z", "JP", "2024-07-01");
		is(r, "2024-10-01T00:00:00Z", "KR", "2024-10-01");
		is(r, "2024-12-16T23:59:59Z", "KR", "2024-10-01");
		is(r, "2024-12-17T00:00:00Z", "CN", "2024-12-17");
		is(r, "2030-01-01T00:00:00Z", "CN", "2024-12-17");
	}
	assert_string_equal(told, "");
	tt_regions_destroy(&r);
	assert_null(r);
	assert_null(tt_regions_at(NULL, 0));
}

static void a_folder_of_files_is_a_set_itself_and_may_hold_older_ones(void **state) {
	struct tt_err err = {""};
	put_file("delegated-apnic-latest", "2|apnic|20241217|1|19830101|20241217|+1000\n"
					   "apnic|JP|ipv4|11.0.0.0|256|20100101|allocated\n");
	put_set("old", "20240101", "KR");
	struct tt_regions *r = load(at("2024-12-31T00:00:00Z"), NULL);
	is(r, "2024-06-01T00:00:00Z", "KR", "2024-01-01");
	is(r, "2024-12-20T00:00:00Z", "JP", "2024-12-17");
	tt_regions_destroy(&r);
	// what wants one set takes the newest
	struct tt_region *one = tt_region_load(folder, NULL, NULL, &err);
	assert_string_equal(tt_region_date(one), "2024-12-17");
	tt_region_destroy(&one);
}

static void more_sets_than_are_held_give_the_same_answers(void **state) {
	enum { SETS = 12 };
	char name[16], date[16], time[32], text[16], cc[3] = "A";
	for (int i = 0; i < SETS; i++) {
		snprintf(name, sizeof(name), "set%d", i);
		snprintf(date, sizeof(date), "2024%02d01", (i % 12) + 1);
		cc[1] = (char)('A' + i);
		put_set(name, date, cc);
	}
	struct tt_regions *r = load(at("2024-06-15T00:00:00Z"), NULL);
	for (int k = 0; k < 100; k++) {
		int i = k * 7 % SETS;
		snprintf(time, sizeof(time), "2024-%02d-20T00:00:00Z", (i % 12) + 1);
		snprintf(text, sizeof(text), "2024-%02d-01", (i % 12) + 1);
		cc[1] = (char)('A' + i);
		is(r, time, cc, text);
	}
	tt_regions_destroy(&r);
}

static void a_bad_set_in_force_refuses_and_another_leaves_the_one_before(void **state) {
	struct tt_err err = {""};
	char expected[256];
	put_set("a", "20240701", "JP");
	put_set("b", "20241001", "KR");
	put_set("c", "20241217", "CN");
	put_file("b/delegated-apnic-latest", "2|apnic|20241001|9|19830101|20241001|+1000\n"
					     "apnic|KR|ipv4|11.0.0.0|256|20100101|allocated\n");
	struct tt_regions *r = load(at("2024-12-31T00:00:00Z"), NULL);
	is(r, "2024-11-01T00:00:00Z", "JP", "2024-07-01");
	is(r, "2024-12-20T00:00:00Z", "CN", "2024-12-17");
	is(r, "2024-11-01T00:00:00Z", "JP", "2024-07-01");
	snprintf(expected, sizeof(expected),
		"%s/b/delegated-apnic-latest:2: ends after 1 rows, expected 9 as its first line "
		"says: the file was cut; another set is used in its place\n",
		folder);
	assert_string_equal(told, expected); // once
	// in force now: an error, and what was there is untouched
	assert_null(tt_regions_load(folder, at("2024-10-15T00:00:00Z"), NULL, NULL, NULL, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.msg, "/b/delegated-apnic-latest:2: "));
	// a first line that is wrong is told at once, whatever set it is in
	put_file("a/delegated-apnic-latest", "2|apnic|x\n");
	assert_null(tt_regions_load(folder, at("2024-12-31T00:00:00Z"), r, NULL, NULL, &err));
	assert_non_null(strstr(err.msg, "/a/delegated-apnic-latest:1: is a version line of 3"));
	is(r, "2024-12-20T00:00:00Z", "CN", "2024-12-17");
	tt_regions_destroy(&r);
	remove_all(NULL);
	assert_null(tt_regions_load(folder, 0, NULL, NULL, NULL, NULL));
	assert_int_equal(errno, ENOENT);
}

static void of_one_date_the_last_by_name_counts(void **state) {
	put_set("a", "20241001", "JP");
	put_set("b", "20241001", "KR");
	struct tt_regions *r = load(at("2024-12-31T00:00:00Z"), NULL);
	assert_int_equal(tt_regions_count(r), 1);
	is(r, "2024-12-31T00:00:00Z", "KR", "2024-10-01");
	assert_non_null(strstr(told, "/a: not used, "));
	tt_regions_destroy(&r);
}

static void a_reload_shares_what_is_still_the_same(void **state) {
	put_set("a", "20240701", "JP");
	put_set("b", "20241001", "KR");
	struct tt_regions *old = load(at("2024-12-31T00:00:00Z"), NULL);
	const struct tt_region *kr = tt_regions_at(old, at("2024-12-31T00:00:00Z"));
	put_set("c", "20241217", "CN");
	put_set("a", "20240702", "TW"); // written anew
	struct tt_regions *r = load(at("2024-12-31T00:00:00Z"), old);
	is(old, "2024-12-31T00:00:00Z", "KR", "2024-10-01"); // still as it was
	is(old, "2024-07-10T00:00:00Z", "TW", "2024-07-02"); // read only now
	assert_ptr_equal(tt_regions_at(r, at("2024-10-10T00:00:00Z")), kr);
	tt_regions_destroy(&old);
	is(r, "2024-07-10T00:00:00Z", "TW", "2024-07-02");
	is(r, "2024-10-10T00:00:00Z", "KR", "2024-10-01");
	is(r, "2024-12-31T00:00:00Z", "CN", "2024-12-17");
	tt_regions_destroy(&r);
}

// One thread asks while another loads anew from the same sets, as the collector does.
static atomic_bool stop;

static void *ask(void *arg) {
	unsigned long n = 0;
	while (!atomic_load(&stop)) {
		is(arg, "2024-07-10T00:00:00Z", "JP", "2024-07-01");
		is(arg, "2024-10-10T00:00:00Z", "KR", "2024-10-01");
		n++;
	}
	return n > 0 ? arg : NULL;
}

static void loading_does_not_disturb_who_asks(void **state) {
	pthread_t thread;
	void *was;
	put_set("a", "20240701", "JP");
	put_set("b", "20241001", "KR");
	struct tt_regions *in_force = load(at("2024-12-31T00:00:00Z"), NULL);
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&thread, NULL, ask, in_force), 0);
	for (int i = 0; i < 50; i++) {
		put_set("c", i % 2 ? "20241217" : "20241218", "CN");
		struct tt_regions *r = load(at("2024-12-31T00:00:00Z"), in_force);
		is(r, "2024-07-10T00:00:00Z", "JP", "2024-07-01");
		is(r, "2024-12-31T00:00:00Z", "CN", i % 2 ? "2024-12-17" : "2024-12-18");
		tt_regions_destroy(&r);
	}
	atomic_store(&stop, true);
	pthread_join(thread, &was);
	assert_ptr_equal(was, in_force);
	tt_regions_destroy(&in_force);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		test_in_tree(each_time_is_judged_by_the_set_in_force_then),
		test_in_tree(a_folder_of_files_is_a_set_itself_and_may_hold_older_ones),
		test_in_tree(more_sets_than_are_held_give_the_same_answers),
		test_in_tree(a_bad_set_in_force_refuses_and_another_leaves_the_one_before),
		test_in_tree(of_one_date_the_last_by_name_counts),
		test_in_tree(a_reload_shares_what_is_still_the_same),
		test_in_tree(loading_does_not_disturb_who_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
