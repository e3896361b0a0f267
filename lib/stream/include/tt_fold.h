/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_obs.h"

/// What the `stats` stream says of one epoch: a fold over its observations. One thread.
struct tt_fold;

#define TT_FOLD_TOP 20

enum tt_fold_kind { TT_FOLD_PORTS, TT_FOLD_REGIONS, TT_FOLD_KIND_N };

struct tt_fold_sum {
	uint64_t packets, bytes, sources;
};

/// A row of the top lists.
struct tt_fold_row {
	uint8_t class, proto; // proto: ports only
	uint16_t port;	      // ports only
	char region[3];	      // regions only
	struct tt_fold_sum sum;
};

/// slots: sensors it has room for. rows: most rows (sensor, class, port or region) it remembers;
/// what is past that counts among the others. Distinct sources are exact up to
/// TT_SKETCH_EXACT, estimated after.
struct tt_fold *tt_fold_create(unsigned slots, unsigned rows);
void tt_fold_destroy(struct tt_fold **f);
/// Forgets everything.
void tt_fold_reset(struct tt_fold *f);
/// Adds an observation; region: two letters.
void tt_fold_add(struct tt_fold *f, const struct tt_obs *o, const char *region);
/// Totals of a sensor and class.
struct tt_fold_sum tt_fold_class(const struct tt_fold *f, unsigned sensor, unsigned class);
/// Whether packets without a source are in it.
bool tt_fold_lower_bound(const struct tt_fold *f, unsigned sensor);
/// The rows of a sensor with most packets (equal ones by class, protocol, port or region) and
/// what remains; returns how many.
unsigned tt_fold_top(const struct tt_fold *f, unsigned sensor, enum tt_fold_kind kind,
	struct tt_fold_row top[TT_FOLD_TOP], struct tt_fold_sum *other);
