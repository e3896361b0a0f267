/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tt_text.h"

static tt_log_fn *sink;
static const char *program = "teiten";

void tt_log_to(tt_log_fn *fn) {
	sink = fn;
}

void tt_log_name(const char *name) {
	program = name;
}

void tt_log_stderr(enum tt_level level, const char *line) {
	if (level == TT_DEBUG && !getenv("TEITEN_DEBUG"))
		return;
	char out[1200];
	int n = snprintf(
		out, sizeof(out), "%s: %s%s\n", program, level == TT_WARN ? "warning: " : "", line);
	if (n > 0)
		(void)!write(
			STDERR_FILENO, out, (size_t)n < sizeof(out) ? (size_t)n : sizeof(out) - 1);
}

void tt_log(enum tt_level level, const char *fmt, ...) {
	if (!sink)
		return;
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	tt_text_one_line(line);
	sink(level, line);
}
