/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static cpu_set_t allowed, isolated;

static void machine(unsigned cores, unsigned first_isolated, unsigned nics) {
	memset(&config, 0, sizeof(config));
	CPU_ZERO(&allowed);
	CPU_ZERO(&isolated);
	for (unsigned i = 0; i < cores; i++) {
		CPU_SET(i, &allowed);
		if (i >= first_isolated)
			CPU_SET(i, &isolated);
	}
	config.uplink_n = nics + 1;
	config.uplinks[nics].kind = DEVICE_VDEV;
	config_choose_workers(&config, &allowed, &isolated);
}

static void isolated_cores_are_all_taken_where_there_is_a_nic(void **state) {
	(void)state;
	machine(8, 4, 1);
	assert_int_equal(config.worker_n, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(config.workers[i], 4 + i);
}

static void without_isolated_cores_a_nic_has_one_as_far_as_there_are_some(void **state) {
	(void)state;
	machine(8, 8, 3);
	assert_int_equal(config.worker_n, 3);
	machine(3, 8, 3);
	assert_int_equal(config.worker_n, 2);
	assert_int_not_equal(config.workers[0], config.main_lcore);
}

static void without_a_nic_one_core_is_enough(void **state) {
	(void)state;
	machine(8, 8, 0);
	assert_int_equal(config.worker_n, 1);
	assert_int_equal(config.workers[0], 1);
	machine(8, 6, 0);
	assert_int_equal(config.worker_n, 1);
	assert_int_equal(config.workers[0], 6);
}

static void a_single_core_is_shared(void **state) {
	(void)state;
	machine(1, 8, 2);
	assert_int_equal(config.worker_n, 1);
	assert_int_not_equal(config.workers[0], config.main_lcore);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(isolated_cores_are_all_taken_where_there_is_a_nic),
		cmocka_unit_test(without_isolated_cores_a_nic_has_one_as_far_as_there_are_some),
		cmocka_unit_test(without_a_nic_one_core_is_enough),
		cmocka_unit_test(a_single_core_is_shared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
