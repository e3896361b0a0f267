/* SPDX-License-Identifier: BSD-3-Clause */
// 16 bytes at once against field by field.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "value.h"

static uint64_t seed = 1;

static uint32_t rnd(uint32_t n) {
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 32) * n >> 32);
}

static void alike_packets_add_what_their_fields_do(void **state) {
	(void)state;
	unsigned varied = 0;
	for (unsigned i = 0; i < 100000; i++) {
		struct tt_pkt p;
		struct flow_value at_once, by_field;
		for (size_t k = 0; k < sizeof(p); k++)
			((uint8_t *)&p)[k] = (uint8_t)rnd(256);
		for (size_t k = 0; k < sizeof(at_once); k++)
			((uint8_t *)&at_once)[k] = (uint8_t)rnd(256);
		if (rnd(2))
			at_once.other_port = p.other_port;
		at_once.bits &= ~FLAG(TT_OBS_OTHER_PORT_VARIED);
		by_field = at_once;
		tail_add_like(&at_once, &p);
		tail_add(&by_field, &p, p.other_port);
		assert_memory_equal(&at_once, &by_field, sizeof(at_once));
		varied += !!(at_once.bits & FLAG(TT_OBS_OTHER_PORT_VARIED));
	}
	assert_in_range(varied, 40000, 99000);
}

static void ttls_keep_the_smallest_and_the_largest(void **state) {
	(void)state;
	struct tt_pkt p = {.ttl = 57};
	struct flow_value v = value_first(&p);
	static const uint8_t ttls[] = {57, 128, 33, 255, 64};
	for (unsigned i = 0; i < sizeof(ttls); i++) {
		p.ttl = ttls[i];
		value_add(&v, &p, i, 60, 1);
	}
	assert_int_equal(UINT8_MAX - v.ttl_below, 33);
	assert_int_equal(v.ttl_max, 255);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alike_packets_add_what_their_fields_do),
		cmocka_unit_test(ttls_keep_the_smallest_and_the_largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
