/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "rules.h"
#include "tt_link.h"
#include "tt_wire.h"

/// Turns rows into numbered batches and hands them to the link. One thread. The first failure
/// sticks in `rc` and drops what comes after it.
struct sender {
	struct tt_batch *batch;
	struct tt_link_client *link; // NULL: rows are dropped
	const char *probe;
	char boot[TT_BOOT_LEN];
	uint32_t epoch_s;
	const struct slots *slots;
	const char *uplinks[UPLINK_MAX];
	unsigned uplink_n;
	uint64_t seq;	       // of the last batch of this boot
	uint64_t packets;      // in the batch at hand
	unsigned sensor_n;     // that it knows
	uint64_t observations; // with a source, of this boot
	uint64_t lost;	       // packets of rows that could not be sent, since sender_init
	const char *meta;      // to go with the next batch
	char *meta_owned;
	int64_t told_ns; // last line about what was given up
	int rc;
	struct tt_err err;
};

int sender_init(struct sender *s, const struct config *c, const struct slots *slots);
void sender_free(struct sender *s);
/// Begins a boot: sequence from 1, the catalogue with its first batch.
int sender_begin(struct sender *s, const char *boot, struct tt_link_client *link,
	const struct tt_catalog *catalog);
/// The catalogue goes with the next batch (after a reload too).
int sender_catalog(struct sender *s, const struct tt_catalog *catalog);
void sender_obs(struct sender *s, const struct tt_obs *o);
void sender_tally(struct sender *s, const struct tt_tally *t);
void sender_state(struct sender *s, const struct tt_sensor_state *t);
/// Takes in sensors that were added since the batch at hand was begun (sends it where it has rows).
int sender_refresh(struct sender *s);
/// Sends what is there (and a catalogue that waits). 0 or the failure that stuck.
int sender_flush(struct sender *s);
/// After a failure: forgets it and the rows that it concerned.
void sender_restart(struct sender *s);
/// Sends what is there and then a batch with this document.
int sender_document(struct sender *s, const char *json);
