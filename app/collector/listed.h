/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// Who may deliver and who may subscribe: the lists of keys in the configuration's file, which may
// change while connections stand. One thread.
#include "options.h"
#include "tt_file.h"

struct listed {
	struct options *o;
	struct tt_link_server *server;
	struct tt_pub *pub; // NULL: nothing is published
	struct tt_file_watch watch;
	int64_t next; // look at the file, monotonic
};

/// The options, just read, have the lists that will be in force; server and pub are to be set
/// before anything else is called.
void listed_init(struct listed *l, struct options *o);
/// Reads them again (SIGHUP). Those that cannot be read leave the ones in force, and say so.
void listed_reload(struct listed *l);
/// To be called often: reads them again once the file changed and stood still for a second.
void listed_look(struct listed *l);
