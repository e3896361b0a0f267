/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tt_text.h"

int tt_err_set(struct tt_err *err, int rc, const char *fmt, ...) {
	if (!err)
		return rc;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	tt_text_one_line(err->msg);
	return rc;
}

int tt_err_input(int rc) {
	return rc < 0 && rc != -ENOMEM ? -EINVAL : rc;
}

int tt_err_prefix(struct tt_err *err, int rc, const char *fmt, ...) {
	if (!err)
		return rc;
	char old[sizeof(err->msg)];
	memcpy(old, err->msg, sizeof(old));
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->msg) - 1) {
		int room = (int)(sizeof(err->msg) - (size_t)n) - 3; // what is cut is cut at the end
		snprintf(err->msg + n, sizeof(err->msg) - (size_t)n, ": %.*s", room > 0 ? room : 0,
			old);
	}
	tt_text_one_line(err->msg);
	return rc;
}
