/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

#include "tt_err.h"
#include "tt_wire.h"

/// One capture of the command line: BOOT=FILE.
struct job {
	char boot[TT_BOOT_LEN];
	const char *file; // points into argv
};

struct options {
	const char *config, *sensors, *rir, *connect; // NULL where not given
	bool replay, preflight, json, help, version;
	char **argv; // as the program got it
	struct job *jobs;
	unsigned job_n;
};

/// Reads the command line. 0, or -EINVAL with a message. Free with options_free in either case.
int options_parse(struct options *o, int argc, char **argv, struct tt_err *err);
void options_free(struct options *o);
/// The text of -h.
const char *options_help(void);
