/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

struct probe;

/// Starts everything in order, runs until the end, undoes it in reverse. The exit status.
int stages_run(struct probe *p);
