/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BOOT "00000000000000a1"

static int parse(struct options *o, struct tt_err *err, const char *const *args) {
	char *argv[16] = {(char *)(uintptr_t) "teiten-probe"};
	int argc = 1;
	while (args[argc - 1] && argc < 15) {
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
		argc++;
	}
	return options_parse(o, argc, argv, err);
}
#define ARGS(...)                                                                                  \
	(const char *const[]) {                                                                    \
		__VA_ARGS__, NULL                                                                  \
	}

static void expect_error(const char *const *args, const char *part) {
	struct options o;
	struct tt_err err = {""};
	assert_int_equal(parse(&o, &err, args), -EINVAL);
	if (!strstr(err.msg, part))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, part);
	options_free(&o);
}

static void test_live_needs_a_configuration_and_takes_nothing_else(void **state) {
	(void)state;
	struct options o;
	struct tt_err err;
	assert_int_equal(
		parse(&o, &err, ARGS("-c", "p.json", "--sensors", "s.json", "--rir=dir")), 0);
	assert_string_equal(o.config, "p.json");
	assert_string_equal(o.sensors, "s.json");
	assert_string_equal(o.rir, "dir");
	assert_null(o.connect);
	assert_false(o.replay);
	options_free(&o);
	expect_error(ARGS("-s", "s.json"), "expected -c");
	expect_error(ARGS("-c", "p.json", "day.pcap"), "day.pcap: unexpected");
}

static void test_replay_takes_captures_with_their_boots(void **state) {
	(void)state;
	struct options o;
	struct tt_err err;
	assert_int_equal(parse(&o, &err,
				 ARGS("--connect", "ipc:///x", "--replay", BOOT "=a=b.pcap",
					 "0123456789abcdef=/c.pcap")),
		0);
	assert_true(o.replay);
	assert_int_equal(o.job_n, 2);
	assert_string_equal(o.jobs[0].boot, BOOT);
	assert_string_equal(o.jobs[0].file, "a=b.pcap");
	assert_string_equal(o.jobs[1].file, "/c.pcap");
	options_free(&o);
	assert_int_equal(parse(&o, &err, ARGS("--replay", BOOT "=a", "--connect", "ipc:///x")), 0);
	assert_int_equal(o.job_n, 1);
	options_free(&o);
}

static void test_wrong_usage_says_what_was_expected(void **state) {
	(void)state;
	expect_error(ARGS("--frob"), "--frob: unknown option");
	expect_error(ARGS("-c"), "-c: expected a value");
	expect_error(ARGS("--preflight"), "expected -c");
	expect_error(ARGS("-c", "p.json", "--json"), "expected --preflight");
	expect_error(ARGS("--connect", "ipc:///x", "--replay", "--preflight", BOOT "=a"),
		"expected no --replay");
	expect_error(ARGS("--replay", BOOT "=a"), "expected --connect");
	expect_error(ARGS("--connect", "ipc:///x", "--replay"), "no capture");
	expect_error(ARGS("--connect", "ipc:///x", "--replay", "a.pcap"), "expected BOOT=FILE");
	expect_error(
		ARGS("--connect", "ipc:///x", "--replay", "00000000000000A1=a"), "lower-case hex");
	expect_error(ARGS("--connect", "ipc:///x", "--replay", "00000000000000a=a"), "16");
	expect_error(ARGS("--connect", "ipc:///x", "--replay", BOOT "="), "expected BOOT=FILE");
	expect_error(ARGS("--connect", "ipc:///x", "--replay", BOOT "=a", BOOT "=b"), "twice");
}

static void test_help_shows_an_example_and_wins(void **state) {
	(void)state;
	struct options o;
	struct tt_err err;
	assert_int_equal(parse(&o, &err, ARGS("-h")), 0);
	assert_true(o.help);
	assert_non_null(strstr(options_help(), "example: teiten-probe"));
	options_free(&o);
	assert_int_equal(parse(&o, &err, ARGS("--version")), 0);
	assert_true(o.version);
	options_free(&o);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_needs_a_configuration_and_takes_nothing_else),
		cmocka_unit_test(test_replay_takes_captures_with_their_boots),
		cmocka_unit_test(test_wrong_usage_says_what_was_expected),
		cmocka_unit_test(test_help_shows_an_example_and_wins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
