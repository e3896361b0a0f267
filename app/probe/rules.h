/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "tt_catalog.h"
#include "tt_region.h"
#include "tt_sensor.h"

struct rte_rcu_qsbr;

/// Sensors that this run has known, by the index ("slot") that tables, counters and batches use. A
/// slot never changes its meaning, so a reload needs no switch of tables. Written by whoever
/// reloads; a slot below `n` is read by any thread.
struct slots {
	char (*ids)[TT_ID_LEN];
	const char **names; // the same as pointers, for batches
	unsigned cap;
	_Atomic unsigned n;
};
int slots_init(struct slots *s, unsigned cap);
void slots_free(struct slots *s);

/// Everything that a reload replaces; immutable once published.
struct rules {
	uint64_t generation;
	struct tt_catalog *catalog;
	struct tt_sensors *sensors;
	struct tt_packet_conf packet;
	struct tt_region *region; // NULL without files
	uint16_t *slot_of;	  // catalogue index -> slot
	bool identity;		  // slot_of[i] == i for all
	char sha256[65];	  // of configuration and sensors
};

/// Reads sensors and delegation files and gives the sensors their slots. NULL with errno and a
/// message; nothing that is in force is touched. slots->cap 0: sized for this catalogue.
struct rules *rules_create(
	const struct config *c, struct slots *slots, uint64_t generation, struct tt_err *err);
void rules_destroy(struct rules **r);

/// The rules in force. Readers are registered with `readers` and say between two uses that they
/// hold nothing.
struct rules_ref {
	_Atomic(struct rules *) current;
	struct rte_rcu_qsbr *readers;
};
int rules_ref_init(struct rules_ref *ref, unsigned readers);
/// Publishes new rules and frees the old ones after every reader let go of them. Sleeps; never
/// from a reader.
void rules_publish(struct rules_ref *ref, struct rules *r);
void rules_ref_free(struct rules_ref *ref);
