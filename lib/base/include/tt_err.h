/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/// The text of a failure: one line that says what, where (file, JSON path, row) and what was
/// expected. Owned by the caller; a NULL pointer is accepted by everything that takes one.
struct tt_err {
	char msg[768];
};

/// Stores a message (newlines become spaces) and returns rc, so that a failing function can end
/// with `return tt_err_set(err, -EINVAL, "%s: ...", path)`.
int tt_err_set(struct tt_err *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/// What a failure to read a file that a user named is: his input being wrong, whatever the system
/// called it. -EINVAL, but for -ENOMEM; 0 and more stay.
int tt_err_input(int rc);
/// Puts "text: " before the message that is there; returns rc.
int tt_err_prefix(struct tt_err *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
