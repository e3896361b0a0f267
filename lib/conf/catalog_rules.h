/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_buf.h"
#include "tt_catalog.h"

/// What the tables cannot see: equal rules, sensors that maintenance names and nobody knows.
int catalog_check(const struct tt_catalog *c, const char *name, struct tt_err *err);
