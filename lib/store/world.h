/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// What the tests of this folder share: a small telescope whose observations are drawn by seed, put
// into a store as batches, and counted again by the plainest means.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tt_store.h"
#include "tt_wire.h"

#define WORLD_SENSORS 5
#define WORLD_EPOCH   60

struct world_sensor {
	const char *id, *country, *network, *group;
	double addresses;
};
extern const struct world_sensor world_sensors[WORLD_SENSORS]; // the last one is not described
#define WORLD_SETS 3
extern const struct tt_service_set world_sets[WORLD_SETS]; // two share a service

struct world {
	char dir[64], path[96];
	uint64_t seed, seq;
	bool whole; // no observation comes in parts
	bool replay;
	unsigned ports_per_day; // more make a surveyor of a source; 0: none is one
	int64_t utc_offset;	// of the database's days, where that is asked
	const char *probe;
	char boot[TT_BOOT_LEN];
	struct tt_batch *batch;
	struct tt_obs *obs; // what was put into visible batches
	size_t n, cap;
	struct {
		int64_t from, to;
	} up[64]; // all described sensors were up
	unsigned up_n;
	struct {
		int64_t epoch;
		uint64_t malformed, malformed_bytes, non_ip, non_ip_bytes;
	} tally[4096];
	unsigned tally_n;
};

uint64_t world_random(struct world *w, uint64_t below);
/// A fresh directory, no database yet.
struct world *world_create(uint64_t seed);
void world_destroy(struct world **w);
struct tt_store *world_open(struct world *w, enum tt_store_mode mode, const char *timezone);
void world_close(struct tt_store **s);

/// A random observation in [from, to).
struct tt_obs world_obs(struct world *w, int64_t from, int64_t to);
/// Begins a batch of the world's boot; world_put encodes, stores and remembers it.
void world_begin(struct world *w);
void world_add(struct world *w, const struct tt_obs *o);
void world_add_tally(struct world *w, int64_t epoch);
int world_put(struct world *w, struct tt_store *s, bool remember);
/// The catalogue as the meta document of a batch.
void world_catalog(struct world *w, const char *since);
/// n random observations in [from, to), `per` in a batch; with `live` states of all sensors.
void world_fill(
	struct world *w, struct tt_store *s, size_t n, unsigned per, int64_t from, int64_t to);
/// Up-time of all described sensors.
void world_up(struct world *w, struct tt_store *s, int64_t from, int64_t to);
/// The end of a capture in a batch of its own.
void world_file_end(struct world *w, int64_t first_ns, int64_t last_ns, uint64_t packets);

/// Packets of all classes that the database has, from raw batches or from rollups.
uint64_t world_packets(struct tt_store *s, enum tt_read read);

/// Which of n observations are of sources that probe more than w->ports_per_day TCP and UDP ports
/// on that local day; the caller frees it.
bool *world_surveyors(const struct world *w, const struct tt_obs *obs, size_t n);
/// Puts w->ports_per_day in force.
void world_rule(struct world *w, struct tt_store *s);

/// Compares the answer with one counted from w->obs; `exact`: sources must be equal (else within
/// the stated error).
void world_check(struct world *w, struct tt_store *s, const struct tt_query *q, bool exact);
