/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_obs.h"

/// What the `stats` stream says of one epoch: a fold over its observations. One thread.
struct fold;

#define FOLD_TOP 20

enum fold_kind { FOLD_PORTS, FOLD_REGIONS, FOLD_KIND_N };

struct fold_sum {
	uint64_t packets, bytes, sources;
};

/// A row of the top lists.
struct fold_row {
	uint8_t class, proto; // proto: ports only
	uint16_t port;	      // ports only
	char region[3];	      // regions only
	struct fold_sum sum;
};

/// slots: sensors it has room for. rows: most rows (sensor, class, port or region) it remembers;
/// what is past that counts among the others. Distinct sources are exact up to
/// TT_SKETCH_EXACT, estimated after.
struct fold *fold_create(unsigned slots, unsigned rows);
void fold_destroy(struct fold **f);
/// Forgets everything.
void fold_reset(struct fold *f);
/// Adds an observation; region: two letters.
void fold_add(struct fold *f, const struct tt_obs *o, const char *region);
/// Totals of a sensor and class.
struct fold_sum fold_class(const struct fold *f, unsigned sensor, unsigned class);
/// Whether packets without a source are in it.
bool fold_lower_bound(const struct fold *f, unsigned sensor);
/// The rows of a sensor with most packets (equal ones by class, protocol, port or region) and
/// what remains; returns how many.
unsigned fold_top(const struct fold *f, unsigned sensor, enum fold_kind kind,
	struct fold_row top[FOLD_TOP], struct fold_sum *other);
