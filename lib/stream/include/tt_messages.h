/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_buf.h"
#include "tt_fold.h"
#include "tt_link.h"
#include "tt_obs.h"

// Topics and JSON of the PUB streams. Pure: what is not in the arguments is not in the message.

/// "stats.PROBE.SENSOR."; the full stop at the end keeps "a" from matching "ab".
#define TT_TOPIC_LEN (sizeof("stats..") + 2 * TT_ID_MAX + 8)
void tt_topic_format(
	char out[TT_TOPIC_LEN], const char *stream, const char *probe, const char *sensor);

/// Who says it and of which time.
struct tt_message_head {
	const char *probe, *boot, *sensor; // sensor NULL in health
	uint64_t seq;
	int64_t start, end; // UNIX seconds
};

void tt_message_live(struct tt_buf *b, const struct tt_message_head *h,
	const uint64_t packets[TT_OBSERVED_CLASS_N], const uint64_t bytes[TT_OBSERVED_CLASS_N]);

/// rir: date of the delegation files, "" without.
void tt_message_stats(struct tt_buf *b, const struct tt_message_head *h, enum tt_state state,
	double completeness, const char *rir, const struct tt_fold *fold, unsigned slot);

/// A worker in an epoch: shares of its time with packets and meant to sleep, times between polls
/// without that sleep, rows of its table.
struct tt_health_worker {
	unsigned lcore;
	double busy, asleep;
	struct {
		uint64_t p50, p90, p99, p999, max;
	} gap_us;
	uint64_t used, size;
};
/// A receive queue in an epoch, by its number.
struct tt_health_queue {
	unsigned lcore;
	uint64_t packets, errors, imissed;
};
struct tt_health_queues {
	const struct tt_health_queue *queues;
	unsigned n;
	bool knows_imissed; // false: the device tells it for all queues together only
};
struct tt_health_sensor {
	const char *id;
	enum tt_state state;
	int64_t last_ns; // 0: never
};
struct tt_health {
	const char *config; // SHA-256
	int64_t clock_skew_ms;
	const char *const *uplink_ids;
	const struct tt_tally *uplinks;
	const struct tt_health_queues *queues; // by uplink; NULL: not known
	unsigned uplink_n;
	const struct tt_health_worker *workers;
	unsigned worker_n;
	const struct tt_health_sensor *sensors;
	unsigned sensor_n;
	uint64_t overruns, late;
	uint64_t harvest_lost; // packets whose rows could not be sent
	uint64_t unpublished;  // messages that waited too long for the socket
	struct tt_link_client_stats link;
};
void tt_message_health(
	struct tt_buf *b, const struct tt_message_head *h, const struct tt_health *x);

/// What a collector knows of a probe's epoch besides.
struct tt_merged {
	double lag_s; // how long after the epoch's end it was on disk
	const int64_t
		*skew_ms;    // how far the collector's clock is before the probe's; NULL: unknown
	uint64_t unanswered; // answers that found no probe, since then too
	struct tt_link_refused refused; // of anybody, since the collector's start
};
/// Uplinks and sensors are those of `x`.
void tt_message_merged_health(struct tt_buf *b, const struct tt_message_head *h,
	const struct tt_health *x, const struct tt_merged *m);

const char *tt_state_name(enum tt_state state);
/// received / (received + lost), 1 where there is neither.
double tt_share_received(uint64_t received, uint64_t lost);
/// Of what arrived at a sensor in an epoch, 0 to 1; 0 where it was not up.
double tt_completeness(const struct tt_sensor_state *s);
