/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

struct probe;

/// Starts everything in order, runs until the end, undoes it in reverse. The exit status.
int stages_run(struct probe *p);
/// Prints what of the machine does not suit the configuration. The exit status: 1 where it would
/// not work.
int stages_preflight(struct probe *p);
