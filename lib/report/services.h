/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_report.h"

/// Names a service that only the system names so far, or nobody does.
int services_rename(struct tt_services *s, int proto, unsigned port, const char *name);
/// Reads services(5), in place. -EINVAL with a line that names file and row; of the system's file
/// what is right is used all the same. *rows: how many ports of TCP and UDP it names.
int services_etc(struct tt_services *s, char *text, const char *path, bool system, unsigned *rows,
	struct tt_err *err);
