/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_err.h"

/// First thing in main: no program that is run from here gains privileges (no_new_privs; threads
/// inherit it), and as many descriptors may be open as the system lets us.
void tt_privilege_start(void);
/// Becomes `user` (and `group`; NULL: the user's own), for good and in every thread: the
/// capabilities go with root. Without a user nothing happens. As somebody else than root only a
/// user that one is already. -EINVAL for a name that the system does not know, -EPERM; with a
/// message.
int tt_privilege_drop(const char *user, const char *group, struct tt_err *err);
