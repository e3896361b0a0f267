/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "cli.h"
#include "tt_buf.h"
#include "tt_file.h"

static struct args parsed;
static struct tt_err err;

// Parses a command line that ends with NULL.
static int parse(const char *command, ...) {
	char *argv[32];
	int argc = 0;
	va_list ap;
	va_start(ap, command);
	for (char *s; (s = va_arg(ap, char *));)
		argv[argc++] = s;
	va_end(ap);
	args_free(&parsed);
	memset(&err, 0, sizeof(err));
	return args_parse(command_find(command), argc, argv, &parsed, &err);
}

static int teardown(void **state) {
	args_free(&parsed);
	return 0;
}

static void values_come_after_a_space_or_an_equals_sign(void **state) {
	assert_int_equal(parse("top", "--db", "a.db", "--by=port", "--class=scan", NULL), 0);
	assert_string_equal(arg(&parsed, "db"), "a.db");
	assert_string_equal(arg(&parsed, "by"), "port");
	assert_string_equal(arg(&parsed, "class"), "scan");
	assert_null(arg(&parsed, "port"));
}

static void empty_values_are_refused_by_name(void **state) {
	assert_int_equal(parse("top", "--db=a", "--by=port", "--class=", NULL), -EINVAL);
	assert_string_equal(err.msg, "option --class is empty, expected C[,C]");
	assert_int_equal(parse("top", "--db=a", "--by=port", "-n", "", NULL), -EINVAL);
	assert_string_equal(err.msg, "option --number is empty, expected N");
}

static void short_forms_take_values_joined_or_apart(void **state) {
	assert_int_equal(parse("top", "--db=a", "--by=port", "-n", "5", NULL), 0);
	assert_string_equal(arg(&parsed, "number"), "5");
	assert_int_equal(parse("top", "--db=a", "--by=port", "-n7", NULL), 0);
	assert_string_equal(arg(&parsed, "number"), "7");
	assert_int_equal(parse("sub", "-tn7", "tcp://x", NULL), 0);
	assert_string_equal(arg(&parsed, "topic"), "");
	assert_string_equal(arg(&parsed, "number"), "7");
}

static void options_may_follow_operands(void **state) {
	assert_int_equal(
		parse("replay", "a.pcap", "--db", "x.db", "b.pcap", "-s", "s.json", NULL), 0);
	assert_int_equal(parsed.operand_n, 2);
	assert_string_equal(parsed.operands[0], "a.pcap");
	assert_string_equal(parsed.operands[1], "b.pcap");
	assert_string_equal(arg(&parsed, "sensors"), "s.json");
}

static void two_dashes_end_options(void **state) {
	assert_int_equal(parse("replay", "--db=x", "--", "--again", "-", NULL), 0);
	assert_int_equal(parsed.operand_n, 2);
	assert_string_equal(parsed.operands[0], "--again");
	assert_string_equal(parsed.operands[1], "-");
	assert_null(arg(&parsed, "again"));
}

static void two_dashes_can_be_a_value(void **state) {
	assert_int_equal(parse("top", "--db=x", "--by=port", "--region", "--", NULL), 0);
	assert_string_equal(arg(&parsed, "region"), "--");
}

static void the_last_of_two_counts(void **state) {
	assert_int_equal(parse("top", "--db=x", "--by=port", "--by", "class", NULL), 0);
	assert_string_equal(arg(&parsed, "by"), "class");
}

static void wrong_usage_is_told_in_one_line(void **state) {
	assert_int_equal(parse("top", "--db=x", "--by=port", "--nosuch", NULL), -EINVAL);
	assert_string_equal(err.msg, "unknown option --nosuch");
	assert_int_equal(parse("top", "--db=x", "--by", NULL), -EINVAL);
	assert_non_null(strstr(err.msg, "option --by needs a value"));
	assert_int_equal(parse("top", "--by=port", NULL), -EINVAL);
	assert_string_equal(err.msg, "option --db is missing");
	assert_int_equal(parse("top", "--db=x", "--by=port", "what", NULL), -EINVAL);
	assert_string_equal(err.msg, "'what' is one argument too many");
	assert_int_equal(parse("replay", "--db=x", NULL), -EINVAL);
	assert_string_equal(err.msg, "FILE.pcap... is missing");
	assert_int_equal(parse("replay", "--db=x", "--again=yes", "f", NULL), -EINVAL);
	assert_string_equal(err.msg, "option --again takes no value");
	assert_int_equal(parse("top", "-z", NULL), -EINVAL);
	assert_string_equal(err.msg, "unknown option -z");
	assert_int_equal(parse("top", "-n", NULL), -EINVAL);
	assert_string_equal(err.msg, "option -n needs a value: N");
}

static void prefixes_of_options_are_no_options(void **state) {
	assert_int_equal(parse("top", "--db=x", "--by=port", "--form", "json", NULL), -EINVAL);
}

static void help_needs_nothing_else(void **state) {
	assert_int_equal(parse("top", "-h", NULL), 0);
	assert_true(parsed.help);
	assert_int_equal(parse("replay", "--help", NULL), 0);
	assert_true(parsed.help);
}

static void every_command_has_an_example_and_a_help_of_its_own(void **state) {
	for (const struct command *c = commands; c->name; c++) {
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);
		help_command(c, f);
		fclose(f);
		assert_non_null(strstr(text, c->name));
		assert_non_null(strstr(text, "$ teiten "));
		for (unsigned i = 0; i < OPT_GROUPS && c->groups[i]; i++)
			for (const struct opt *o = c->groups[i]; o->name; o++)
				assert_non_null(strstr(text, o->name));
		// it fits on a terminal
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			if (!strstr(line, "$ teiten"))
				assert_in_range(strlen(line), 0, 112);
		free(text);
	}
}

static void options_of_a_command_differ_in_name_and_letter(void **state) {
	for (const struct command *c = commands; c->name; c++) {
		const struct opt *all[ARGS_MAX];
		unsigned n = 0;
		for (const struct opt *o = common_options; o->name; o++)
			all[n++] = o;
		for (unsigned i = 0; i < OPT_GROUPS && c->groups[i]; i++)
			for (const struct opt *o = c->groups[i]; o->name; o++) {
				assert_true(n < ARGS_MAX);
				all[n++] = o;
			}
		for (unsigned i = 0; i < n; i++)
			for (unsigned j = i + 1; j < n; j++) {
				assert_string_not_equal(all[i]->name, all[j]->name);
				assert_false(all[i]->letter && all[i]->letter == all[j]->letter);
			}
	}
}

static char *slurp(const char *name) {
	char path[4096];
	struct tt_buf b = TT_BUF_INIT(1u << 20);
	snprintf(path, sizeof(path), "%s/%s", getenv("TT_SOURCE_DIR"), name);
	if (tt_file_read(path, &b, &err))
		fail_msg("%s", err.msg);
	return (char *)b.data;
}

// docs/cli.md ends with what the program says of itself; `make docs` writes it anew.
static void the_manual_is_what_the_program_says(void **state) {
	char *text = NULL, *file = slurp("../../docs/cli.md");
	size_t len;
	FILE *f = open_memstream(&text, &len);
	help_markdown(f);
	fclose(f);
	char *at = strstr(file, "## teiten replay\n");
	assert_non_null(at);
	assert_string_equal(at, text);
	free(text);
	free(file);
}

// Whether a section of the manual page has a line that begins with an option.
static int has_option(const char *section, const char *end, const struct opt *o) {
	char want[80];
	snprintf(want, sizeof(want), "*--%s*", o->name);
	const char *at = strstr(section, want);
	return at && at < end;
}

static void the_manual_page_has_every_command_and_option(void **state) {
	char *page = slurp("../../docs/teiten.1.scd");
	for (const struct command *c = commands; c->name; c++) {
		char head[64];
		snprintf(head, sizeof(head), "\n## teiten %s", c->name);
		char *section = strstr(page, head);
		if (!section)
			fail_msg("teiten.1.scd lacks %s", c->name);
		char *end = strstr(section + 1, "\n#");
		for (unsigned i = 0; i < OPT_GROUPS && c->groups[i]; i++)
			for (const struct opt *o = c->groups[i]; o->name; o++) {
				// options that commands share have a section of their own
				char *shared = strstr(page, "\n## Filters and formats");
				assert_non_null(shared);
				char *shared_end = strstr(shared + 1, "\n#");
				if (!has_option(section, end, o) &&
					!has_option(shared, shared_end, o))
					fail_msg("teiten.1.scd lacks --%s of %s", o->name, c->name);
			}
	}
	free(page);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(values_come_after_a_space_or_an_equals_sign, teardown),
		cmocka_unit_test_teardown(empty_values_are_refused_by_name, teardown),
		cmocka_unit_test_teardown(short_forms_take_values_joined_or_apart, teardown),
		cmocka_unit_test_teardown(options_may_follow_operands, teardown),
		cmocka_unit_test_teardown(two_dashes_end_options, teardown),
		cmocka_unit_test_teardown(two_dashes_can_be_a_value, teardown),
		cmocka_unit_test_teardown(the_last_of_two_counts, teardown),
		cmocka_unit_test_teardown(wrong_usage_is_told_in_one_line, teardown),
		cmocka_unit_test_teardown(prefixes_of_options_are_no_options, teardown),
		cmocka_unit_test_teardown(help_needs_nothing_else, teardown),
		cmocka_unit_test(every_command_has_an_example_and_a_help_of_its_own),
		cmocka_unit_test(options_of_a_command_differ_in_name_and_letter),
		cmocka_unit_test(the_manual_is_what_the_program_says),
		cmocka_unit_test(the_manual_page_has_every_command_and_option),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
