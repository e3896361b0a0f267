/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_buf.h"
#include "tt_fold.h"
#include "tt_messages.h"
#include "tt_obs.h"
#include "tt_wire.h"
#include "uplink.h"
#include "worker.h"

// A harvester that waits (for a disk) finds in a table what came in all the epochs meanwhile.
#define OPEN_EPOCHS 16

struct probe;

/// What the harvester knows of an epoch that is not closed yet.
struct open_epoch {
	int64_t start;
	struct tt_fold *fold;		     // harvest_fold
	struct tt_tally tallies[UPLINK_MAX]; // sums over workers
};

/// A worker's counters at the last epoch's end.
struct worker_seen {
	unsigned turn;
	uint64_t overruns;
	uint64_t rows; // harvested since
};

/// The live harvester: empties tables as workers switch them away, sends the rows, closes epochs.
/// Everything in it belongs to its thread.
struct harvester {
	struct probe *probe;
	// The last time that was not lived through: the clock was set forward, or the machine
	// slept.
	int64_t skipped_from_ns, skipped_to_ns;
	bool skip_untold; // the collector does not know of it yet
	unsigned era;	  // of the clock; with each begins a boot
	char boot[TT_BOOT_LEN];
	const struct rules *rules;	       // during a pass
	struct worker_seen *seen;	       // by worker
	unsigned worker;		       // whose table is being emptied
	struct open_epoch epochs[OPEN_EPOCHS]; // in a row; [0] closes next
	struct tt_fold *spare[OPEN_EPOCHS];    // of epochs that were closed: rarely more than two
	unsigned spare_n;
	uint64_t generation; // of the catalogue sent last
	uint64_t *stats_seq; // by slot
	uint64_t health_seq;
	struct tt_sensor_state *states; // of the epoch being closed, by catalogue index
	struct tt_health_sensor *health_sensors;
	unsigned state_cap;
	uint64_t lost;	      // of the sender's, told so far
	uint64_t unpublished; // of the publisher's
	struct losses losses[UPLINK_MAX], lost_ever[UPLINK_MAX];
	uint64_t queue_packets[UPLINK_MAX][UPLINK_QUEUES_MAX]; // at the last epoch's end
	struct tt_buf buf;
};

/// Packets of all fates.
static inline uint64_t tally_packets(const struct tt_tally *t) {
	uint64_t all = 0;
	for (unsigned f = 0; f < TT_FATE_N; f++)
		all += t->packets[f];
	return all;
}

/// Thread function of the live harvester; returns when the workers have ended and everything is
/// handed to the link.
void *harvest_live(void *probe);

/// The fold of an open epoch, which gets one when it is first asked for. NULL: out of memory.
struct tt_fold *harvest_fold(struct harvester *h, struct open_epoch *e);
/// Second half of closing an epoch: states of sensors, messages. (harvest_close.c)
void harvest_close(struct harvester *h);
/// The health of the epoch that harvest_close is about. (harvest_health.c)
void harvest_health(struct harvester *h, struct tt_message_head *head);
