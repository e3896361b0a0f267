/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "store.h"

// Rollups in memory: rows of all kinds by local hour. Days and months are made of hours when they
// are written.

#define FOLD_SLOTS_MAX (1u << 18) // hours: what the key holds
#define FOLD_MEMORY    (1u << 30)

// Order of the key's parts is that of the tables' primary keys, under the kind.
struct fold_row {
	uint64_t key; // kind 2, hour slot 18, sensor 16, class 3, a 8, b 16, surveyor 1
	uint64_t packets, bytes, spilled;
	uint64_t hash;		  // the first source, 0: none yet
	struct tt_sketch *sketch; // from the second on
};

struct fold {
	struct map at; // key to index + 1
	struct fold_row *rows;
	size_t n, cap;
	int64_t *hours; // starts, by slot
	size_t hour_n, hour_cap;
	struct map hour_of;  // start to slot + 1
	struct map epoch_of; // epoch to slot + 1
	int64_t *batches;
	size_t batch_n, batch_cap;
	size_t sketch_bytes;
};

#define ROW_KIND(key)	  ((unsigned)((key) >> 62))
#define ROW_SLOT(key)	  ((uint32_t)((key) >> 44 & (FOLD_SLOTS_MAX - 1)))
#define ROW_SENSOR(key)	  ((unsigned)((key) >> 28 & 0xffff))
#define ROW_CLASS(key)	  ((unsigned)((key) >> 25 & 7))
#define ROW_A(key)	  ((unsigned)((key) >> 17 & 0xff))
#define ROW_B(key)	  ((unsigned)((key) >> 1 & 0xffff))
#define ROW_SURVEYOR(key) ((unsigned)((key)&1))
#define ROW_SLOT_MASK	  ((uint64_t)(FOLD_SLOTS_MAX - 1) << 44)

/// Adds the rows of a batch; -ENOMEM, or -ENOSPC where it holds too many hours: then it is not to
/// be used further.
int fold_view(struct fold *f, struct tt_store *s, const struct tt_batch_view *v,
	const struct derived *d, const uint16_t *sensors);
int fold_add_batch(struct fold *f, int64_t id);
/// Adds all of `from`.
int fold_merge(struct fold *f, const struct fold *from);
size_t fold_memory(const struct fold *f);
void fold_destroy(struct fold **f);

// ---- fold_write.c
/// Writes the rows into the tables and marks the batches, in one transaction.
int fold_write(struct tt_store *s, struct fold *f, struct tt_err *err);
