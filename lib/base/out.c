/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed; // errno of the first write that did

static ssize_t put(void *cookie, const char *data, size_t len) {
	size_t done = 0;
	(void)cookie;
	while (done < len) {
		ssize_t n = write(STDOUT_FILENO, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			failed = failed ? failed : n < 0 ? errno : EIO;
			return 0; // fopencookie(3): an error
		}
		done += (size_t)n;
	}
	return (ssize_t)len;
}

int tt_out_begin(void) {
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = put});
	if (!f)
		return -errno;
	if (isatty(STDOUT_FILENO))
		setvbuf(f, NULL, _IOLBF, 0);
	stdout = f;
	return 0;
}

int tt_out_end(struct tt_err *err) {
	int flushed = fflush(stdout) ? errno : 0;
	int rc = failed ? failed : flushed ? flushed : ferror(stdout) ? EIO : 0;
	return rc ? tt_err_set(err, -rc, "writing to standard output: %s", strerror(rc)) : 0;
}
