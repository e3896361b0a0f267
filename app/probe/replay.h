/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tt_link.h"
#include "tt_obs.h"

struct probe;

/// Packets by fate, of one capture or of all complete ones.
struct total {
	uint64_t files, packets, bytes, fate[TT_FATE_N], late, observations;
};

struct replay {
	struct probe *probe;
	struct total now, sum;			       // harvester thread
	json_t *failed;				       // harvester thread
	int64_t first_read_ns;			       // harvester thread
	int finished;				       // eventfd: the harvester is through
	_Atomic uint64_t packets_before, bytes_before; // of captures read; harvester writes
};

/// Main thread: shows progress on a terminal and watches for signals until the harvester is
/// through. False when it was interrupted and the harvester does not come back.
bool replay_wait(struct replay *r);
