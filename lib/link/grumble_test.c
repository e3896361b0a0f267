/* SPDX-License-Identifier: BSD-3-Clause */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <string.h>

#include "grumble.h"
#include "tt_log.h"
#include "tt_time.h"

static unsigned lines;
static char last[1024];

static void keep(enum tt_level level, const char *line) {
	lines++;
	snprintf(last, sizeof(last), "%s", line);
}

static void a_line_a_peer_and_minute_whatever_it_does(void **state) {
	static struct grumbler g;
	lines = 0;
	for (unsigned i = 0; i < 1000; i++) {
		grumble(&g, "tcp://192.0.2.9:1", "192.0.2.1", i % 2 ? "garbage" : "no key");
		grumble(&g, "tcp://192.0.2.9:1", "192.0.2.2", "no key");
	}
	assert_int_equal(lines, 2);
	assert_string_equal(last, "tcp://192.0.2.9:1: 192.0.2.2: no key");
	// a minute later: the next, with how many were not said
	for (unsigned i = 0; i < GRUMBLE_PEERS; i++)
		if (g.rows[i].logged_ns)
			g.rows[i].logged_ns -= 60 * TT_NS;
	grumble(&g, "tcp://192.0.2.9:1", "192.0.2.1", "no key");
	assert_int_equal(lines, 3);
	assert_string_equal(
		last, "tcp://192.0.2.9:1: 192.0.2.1: no key (999 more since the last message)");
}

static void however_many_peers_come_lines_are_bounded(void **state) {
	static struct grumbler g;
	char peer[32];
	lines = 0;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(peer, sizeof(peer), "10.0.%u.%u", i >> 8, i & 255);
		grumble(&g, "tcp://192.0.2.9:1", peer, "no key");
	}
	assert_int_equal(lines, GRUMBLE_PEERS + 1);
	assert_string_equal(last, "tcp://192.0.2.9:1: many peers: no key");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_a_peer_and_minute_whatever_it_does),
		cmocka_unit_test(however_many_peers_come_lines_are_bounded),
	};
	tt_log_to(keep);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
