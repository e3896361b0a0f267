/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "options.h"
#include "tt_store.h"

/// The watches' file as it was checked, the caller's; *root NULL where there is none.
int watches_read(const struct options *o, json_t **root, struct tt_err *err);
/// Puts the watches that the options name in force. 0, or -errno with a message and no change.
int watches_put(const struct options *o, struct tt_store *store, struct tt_err *err);
