/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

#define GRUMBLE_PEERS 256
#define GRUMBLE_NAME  64

/// Complaints about peers: one line for each peer and minute, the others counted and told with the
/// next. Peers past GRUMBLE_PEERS in a minute share one line. Not thread-safe.
struct grumbler {
	struct grumble {
		char peer[GRUMBLE_NAME];
		int64_t logged_ns;
		uint64_t more;
	} rows[GRUMBLE_PEERS], others;
};

/// endpoint: where it happened; peer: an address or a probe's name.
void grumble(struct grumbler *g, const char *endpoint, const char *peer, const char *what);
