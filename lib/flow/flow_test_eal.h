/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <rte_common.h>
#include <rte_eal.h>

/// Starts the smallest EAL there is: no hugepages, no devices, 64 MB.
static inline int test_eal(void **state) {
	(void)state;
	static char args[][20] = {"flow_test", "--no-huge", "-m", "64", "--no-pci", "-l", "0",
		"--no-shconf", "--no-telemetry", "--log-level=1"};
	char *argv[RTE_DIM(args)];
	for (unsigned i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(RTE_DIM(args), argv) < 0 ? -1 : 0;
}
