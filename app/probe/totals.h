/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdint.h>

#include "config.h"
#include "tt_messages.h"
#include "uplink.h"

/// What a probe has counted since its start, up to the last epoch that it closed. The harvester
/// writes, telemetry reads, each under the lock.
struct totals {
	pthread_mutex_t lock;
	uint64_t epochs;
	int64_t until; // UNIX second: the end of the last epoch
	struct tt_tally uplinks[UPLINK_MAX];
	struct losses losses[UPLINK_MAX];
	uint64_t queue_packets[UPLINK_MAX][UPLINK_QUEUES_MAX];
	struct tt_health_worker workers[WORKER_MAX]; // of the last epoch
	uint64_t overruns, late, harvest_lost, unpublished;
	struct tt_link_client_stats link;
	struct tt_sensor_state *sensors; // by slot; received and lost since the start
	unsigned slots;
};

int totals_init(struct totals *t, unsigned slots);
void totals_free(struct totals *t);
/// An epoch that ends at `until`; losses by uplink, since the start.
void totals_add(
	struct totals *t, int64_t until, const struct tt_health *x, const struct losses *losses);
/// What became of a sensor in it.
void totals_sensor(struct totals *t, unsigned slot, const struct tt_sensor_state *s);
