/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "config.h"
#include "machine.h"
#include "tt_buf.h"

// What of the machine does not suit a configuration, and how to mend it.

enum preflight_level {
	PREFLIGHT_OK,
	PREFLIGHT_ADVICE,  // works, would be better otherwise
	PREFLIGHT_WARNING, // works, and will lose packets or speed
	PREFLIGHT_ERROR,   // will not work
};

struct preflight_finding {
	const char *check;
	enum preflight_level level;
	char finding[320];
	char remedy[448]; // "" where nothing is to be done
};

#define PREFLIGHT_MAX 256
struct preflight {
	const struct config *config;
	const struct machine *machine;
	unsigned need_mb; // of hugepages: tables and packet buffers
	struct preflight_finding findings[PREFLIGHT_MAX];
	unsigned n;
};

/// Runs every check. Those that find nothing say so too.
void preflight_run(
	struct preflight *p, const struct config *c, const struct machine *m, unsigned need_mb);
enum preflight_level preflight_worst(const struct preflight *p);
const char *preflight_level_name(enum preflight_level level);
/// As lines for people, or as one JSON object.
void preflight_text(const struct preflight *p, struct tt_buf *out);
int preflight_json(const struct preflight *p, struct tt_buf *out);
