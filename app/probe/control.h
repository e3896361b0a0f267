/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tt_buf.h"
#include "tt_obs.h"
#include "tt_wire.h"

struct probe;

/// What a live probe's main thread does: signals, the clock, links, the `live` stream, the
/// socket of the streams. Everything in it belongs to the main thread, except where said.
struct control {
	struct probe *probe;
	struct live_seen *seen; // by slot: counters at the last message
	int64_t second;		// that the last `live` messages ended at
	unsigned era;		// of the clock: their boot
	char boot[TT_BOOT_LEN];
	bool reloading; // the thread below exists
	pthread_t reloader;
	_Atomic bool reloaded; // the reloader is through (it writes)
	bool again;	       // SIGHUP came meanwhile
	struct tt_buf buf;
};

int control_init(struct control *c, struct probe *p);
void control_free(struct control *c);
/// Runs until SIGTERM or SIGINT.
void control_run(struct control *c);
/// After the workers have ended: the last `live` messages and what is queued.
void control_last_words(struct control *c);
