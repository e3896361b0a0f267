/* SPDX-License-Identifier: BSD-3-Clause */
#include "grumble.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tt_log.h"
#include "tt_time.h"

#define MINUTE_NS (60 * TT_NS)

// The peer's row; a new one takes a row whose minute is over; NULL where none is.
static struct grumble *row_of(struct grumbler *g, const char *peer, int64_t now) {
	struct grumble *free = NULL;
	for (unsigned i = 0; i < GRUMBLE_PEERS; i++) {
		struct grumble *r = &g->rows[i];
		if (!strncmp(r->peer, peer, GRUMBLE_NAME - 1))
			return r;
		if (!free && (!r->logged_ns || now - r->logged_ns >= MINUTE_NS))
			free = r;
	}
	if (free) {
		*free = (struct grumble){0};
		snprintf(free->peer, sizeof(free->peer), "%s", peer);
	}
	return free;
}

void grumble(struct grumbler *g, const char *endpoint, const char *peer, const char *what) {
	int64_t now = tt_mono_ns();
	struct grumble *r = row_of(g, peer, now);
	if (!r) {
		r = &g->others;
		peer = "many peers";
	}
	if (r->logged_ns && now - r->logged_ns < MINUTE_NS) {
		r->more++;
		return;
	}
	if (r->more)
		tt_log(TT_WARN, "%s: %s: %s (%" PRIu64 " more since the last message)", endpoint,
			peer, what, r->more);
	else
		tt_log(TT_WARN, "%s: %s: %s", endpoint, peer, what);
	r->logged_ns = now;
	r->more = 0;
}
