/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "rir.h"
#include "tt_region.h"

/// Loads one set: the delegation files of one folder. As tt_region_load.
struct tt_region *region_load_set(const char *dir, rir_warn *warn, void *arg, struct tt_err *err);
/// Whether a file of that name is a delegation file.
bool region_is_delegation(const char *name);
