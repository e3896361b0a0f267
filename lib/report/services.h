/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_report.h"

/// Names a service that only the system names so far, or nobody does.
int services_rename(struct tt_services *s, int proto, unsigned port, const char *name);
