/* SPDX-License-Identifier: BSD-3-Clause */
// The parts of `teiten replay`: what is to be read (replay.c), the private directory of the socket
// (replay_dir.c), the two programs that do it (replay_run.c).
#pragma once
#include <sys/types.h>

#include "cli.h"

struct capture {
	const char *path;
	char sha256[65];
	char boot[17];
	uint64_t size;
	bool skipped;
};

/// A directory of mode 0700 for the socket and for temporary files of the programs. A process of
/// its own removes it when this one ends in whatever way.
struct replay_dir {
	char path[64];
	pid_t keeper;
	int alive; // the keeper reads the other end until it closes
};
#define REPLAY_SOCKET "link"
int replay_dir_create(struct replay_dir *d, struct tt_err *err);
void replay_dir_remove(struct replay_dir *d);

/// What the programs said at their end.
struct replay_result {
	char *probe, *collector;	    // last lines of their stdout, owned
	int probe_status, collector_status; // as of waitpid
	int signal;			    // that interrupted us, 0: none
	const char *died;		    // program that ended before its time, NULL: none
};
/// Runs both to their end, with their temporary files in `dir`. 0, or -errno with a message where
/// they could not be started.
int replay_run(const struct args *a, const struct capture *c, unsigned n, const char *dir,
	struct replay_result *out, struct tt_err *err);
void replay_result_free(struct replay_result *r);
