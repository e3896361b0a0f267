/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

/// The folder of DPDK's telemetry socket: BASE/dpdk/PREFIX, as DPDK's own tools look for it. BASE
/// is what systemd gives (RUNTIME_DIRECTORY), /var/run for root, XDG_RUNTIME_DIR otherwise.
struct run_dir {
	char base[128];
	int lock; // -1, or of BASE/dpdk: others of the same prefix wait to start and end
};

/// Makes BASE/dpdk where it is missing and locks it. False where there is none to be had.
bool run_dir_open(struct run_dir *r, const char *prefix);
/// DPDK has started: unlocks. What is empty of it when the program ends is removed then.
void run_dir_unlock(struct run_dir *r);
/// Sets BASE for DPDK (NULL: none at all) and gives back what was there, for run_dir_restore.
char *run_dir_set(const char *base);
void run_dir_restore(char *saved);
/// What DPDK says when it finds none.
#define RUN_DIR_NONE "/dev/null"
