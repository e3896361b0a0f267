/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "options.h"

/// Runs until SIGTERM or SIGINT, then commits, writes rollups and prints one line of JSON. Returns
/// the exit status; problems have been logged.
int collector_run(struct options *o);
