/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tt_report.h"

static struct tt_err err;

static void names_are_those_of_the_file(void **state) {
	char path[4096];
	snprintf(path, sizeof(path), "%s/../../config/services.json", getenv("TT_SOURCE_DIR"));
	struct tt_services *s = tt_services_load(path, &err);
	if (!s)
		fail_msg("%s", err.msg);
	assert_string_equal(tt_services_name(s, 6, 23), "telnet");
	assert_string_equal(tt_services_name(s, 6, 445), "microsoft-ds");
	assert_string_equal(tt_services_name(s, 17, 53), "domain");
	// IANA registers no name, and a null one adds none
	assert_null(tt_services_name(s, 6, 8728));
	// ICMP and other protocols have none
	assert_null(tt_services_name(s, 1, 23));
	assert_null(tt_services_name(s, 47, 0));
	tt_services_destroy(&s);
	assert_null(s);
}

static void wrong_file_is_named(void **state) {
	char path[] = "/tmp/services_test.XXXXXX";
	const char text[] = "{\"kind\":\"services\",\"v\":1,\"services\":[{\"proto\":\"tcp\"}]}";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_null(tt_services_load(path, &err));
	unlink(path);
	assert_non_null(strstr(err.msg, path));
	assert_non_null(strstr(err.msg, "$.services[0].port"));
	assert_null(tt_services_load("/nonexistent/services.json", &err));
	assert_non_null(strstr(err.msg, "/nonexistent/services.json"));
}

static void without_a_file_there_are_the_systems_names(void **state) {
	struct tt_services *s = tt_services_load(NULL, &err);
	assert_non_null(s);
	const char *name = tt_services_name(s, 6, 23);
	// a machine may have no /etc/services
	assert_true(!name || !strcmp(name, "telnet"));
	assert_null(tt_services_name(NULL, 6, 23));
	tt_services_destroy(&s);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_the_file),
		cmocka_unit_test(wrong_file_is_named),
		cmocka_unit_test(without_a_file_there_are_the_systems_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
