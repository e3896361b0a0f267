/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "cli.h"
#include "tt_client.h"

/// A subscriber with the keys that the options give; NULL after a message, with the status.
struct tt_sub *sub_open(const struct args *a, const char *endpoint, const char *const *topics,
	unsigned n, int *status);
/// Text for what tt_sub_next returned.
const char *sub_error(int rc);
/// --timeout in milliseconds; `preset` where it is not given (-1: none). 0 or -EINVAL.
int timeout_read(const struct args *a, int64_t preset, int64_t *ms, struct tt_err *err);
/// Whether SIGINT or SIGTERM came (sub_signals asks to be told).
void sub_signals(void);
bool sub_interrupted(void);
