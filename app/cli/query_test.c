/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "query.h"

static struct args parsed;
static struct question q;
static struct tt_err err;

// Reads `top` with options that end with NULL, without a database.
static int ask(const char *first, ...) {
	char *argv[32] = {(char *)"--db=none"};
	int argc = 1;
	va_list ap;
	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		argv[argc++] = (char *)s;
	va_end(ap);
	args_free(&parsed);
	memset(&err, 0, sizeof(err));
	int rc = args_parse(command_find("top"), argc, argv, &parsed, &err);
	return rc ? rc : question_read(&parsed, NULL, &q, &err);
}

#define BIT(c) (1u << TT_##c)

static void classes_depend_on_what_is_asked(void **state) {
	assert_int_equal(ask("--by=port", NULL), 0);
	assert_int_equal(q.conf.query.classes, BIT(SCAN));
	assert_int_equal(ask("--by=dport", NULL), 0);
	assert_int_equal(q.conf.query.classes, 0x1f);
	assert_int_equal(ask("--by=class", NULL), 0);
	assert_int_equal(q.conf.query.classes, 0x7f);
	assert_int_equal(ask("--by=source", "--class=all", NULL), 0);
	assert_int_equal(q.conf.query.classes, 0x1f);
	assert_int_equal(ask("--by=dport", "--class=scan,reflection", NULL), 0);
	assert_int_equal(q.conf.query.classes, BIT(SCAN) | BIT(REFLECTION));
	assert_int_equal(ask("--by=class", "--class=malformed", NULL), 0);
	assert_int_equal(q.conf.query.classes, BIT(MALFORMED));
	assert_int_equal(ask("--by=port", "--class=scan,", NULL), -EINVAL);
	assert_non_null(strstr(err.msg, "--class"));
}

static void filters_become_a_query(void **state) {
	assert_int_equal(ask("--by=port", "--port=tcp/8728", "--source=192.0.2.0/24", "--region=jp",
				 "--country=SG", "--sensor=a-1", "--group=g", "--network=ISP A",
				 "--asn=AS64500", "--tool=mirai", "--family=4", "--surveyors=only",
				 "--rank=rate", "-n0", "--format=csv", NULL),
		0);
	const struct tt_query *t = &q.conf.query;
	assert_false(t->icmp_one);
	assert_true(t->has_port && t->proto == 6 && t->port == 8728);
	assert_true(t->has_source && t->source.len == 24);
	assert_string_equal(t->region, "JP");
	assert_string_equal(t->country, "SG");
	assert_string_equal(t->sensor, "a-1");
	assert_string_equal(t->group, "g");
	assert_string_equal(t->network, "ISP A");
	assert_int_equal(t->asn, 64500);
	assert_int_equal(t->tool, TT_TOOL_MIRAI);
	assert_int_equal(t->family, 4);
	assert_int_equal(t->surveyors, TT_SURVEYORS_ONLY);
	assert_int_equal(q.conf.rank, TT_RANK_RATE);
	assert_int_equal(q.conf.n, 0);
	assert_int_equal(q.conf.format, TT_FORMAT_CSV);
}

static void unset_filters_are_none(void **state) {
	assert_int_equal(ask("--by=region", NULL), 0);
	const struct tt_query *t = &q.conf.query;
	assert_false(t->has_port || t->has_source || t->asn || t->family);
	assert_int_equal(t->tool, -1);
	assert_string_equal(t->region, "");
	assert_null(t->sensor);
	assert_int_equal(q.conf.n, 10);
	assert_int_equal(q.conf.format, TT_FORMAT_TABLE);
}

static void unknown_region_can_be_asked_for(void **state) {
	assert_int_equal(ask("--by=port", "--region", "--", NULL), 0);
	assert_string_equal(q.conf.query.region, "--");
	assert_int_equal(ask("--by=port", "--country=!jp", "--icmp=one", NULL), 0);
	assert_string_equal(q.conf.query.country, "!JP");
	assert_true(q.conf.query.icmp_one);
	assert_int_equal(ask("--by=port", "--country=!", NULL), -EINVAL);
	assert_int_equal(ask("--by=port", "--region=!JP", NULL), -EINVAL);
	assert_int_equal(ask("--by=port", "--icmp=two", NULL), -EINVAL);
	assert_int_equal(ask("--by=port", "--read=rollups", NULL), 0);
	assert_int_equal(q.conf.query.read, TT_READ_ROLLUPS);
	assert_int_equal(ask("--by=port", "--read=cooked", NULL), -EINVAL);
	assert_int_equal(ask("--by=port", "--country", "--", NULL), -EINVAL);
}

static void icmp_is_a_service_of_type_and_code(void **state) {
	assert_int_equal(ask("--by=port", "--port=icmp/3/1", NULL), 0);
	assert_int_equal(q.conf.query.proto, 1);
	assert_int_equal(q.conf.query.port, 3 << 8 | 1);
}

static void wrong_words_are_named_with_the_right_ones(void **state) {
	assert_int_equal(ask("--by=colour", NULL), -EINVAL);
	assert_string_equal(err.msg, "--by: 'colour', expected one of port, dport, region, sensor, "
				     "source, asn, class, tool, malware");
	assert_int_equal(ask("--by=port", "--source=192.0.2.1/24", NULL), -EINVAL);
	assert_non_null(strstr(err.msg, "zero bits past the prefix length"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes_depend_on_what_is_asked),
		cmocka_unit_test(filters_become_a_query),
		cmocka_unit_test(unset_filters_are_none),
		cmocka_unit_test(unknown_region_can_be_asked_for),
		cmocka_unit_test(icmp_is_a_service_of_type_and_code),
		cmocka_unit_test(wrong_words_are_named_with_the_right_ones),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	args_free(&parsed);
	return rc;
}
