/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_err.h"

/// Makes stdout remember why its first write failed: stdio keeps only that one did. To be called
/// once, before anything is written. 0 or -errno.
int tt_out_begin(void);
/// Writes what is left. 0, or -errno of the first write that failed with a message; to be called
/// once, at the end, by the only thread. Also without tt_out_begin, for programs that write little.
int tt_out_end(struct tt_err *err);
