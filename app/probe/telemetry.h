/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

struct probe;

/// Offers /teiten/... on DPDK's telemetry socket (a thread of DPDK's calls back). One probe a
/// process.
int telemetry_start(struct probe *p);
/// Afterwards the commands answer with nothing.
void telemetry_stop(void);
