/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "heavy.h"
#include "pool.h"
#include "store.h"

// Rollups in memory: rows of all kinds by local hour. Days and months are made of hours when they
// are written.

#define FOLD_SLOTS_MAX (1u << 16) // hours: what the key holds
#define FOLD_MEMORY    (1u << 30)
#define FOLD_DUE       (256u << 20) // time for a checkpoint
#define FOLD_DUE_ROWS  4000000	    // observations; readers take them from raw until then
#define FOLD_GONE      UINT64_MAX   // key of a row that is not to be written

// Order of the key's parts under the slot is that of the tables' primary keys, for each kind.
struct fold_row {
	uint64_t key; // hour slot 16, who 16, kind 4, class 3, a 8, b 16, surveyor 1
	uint64_t packets, bytes, spilled;
	struct tt_sketch sources; // in the fold's pool
	struct heavy *heavy; // the fold's; NULL: one source of one AS did one thing, or none did
	uint32_t asn, other; // what then
};
_Static_assert(sizeof(struct fold_row) == 64, "a line of a cache");

/// A stored piece of a fold: rows of one hour and who, in the order of their keys.
struct segment {
	int64_t start;
	unsigned who;
	uint32_t n;
	const uint64_t *packets, *bytes, *spilled;
	const uint32_t *key; // the low half of the row's
	const uint16_t *sketch_len;
	const uint16_t *heavy_len; // NULL: of an earlier version, nothing is known
	const uint8_t *sketches;   // one after the other
	const uint8_t *heavies;
};

/// What verdicts on surveyors by behaviour a piece has; numbers are the table's.
enum segment_state { SEGMENT_ARRIVED, SEGMENT_STAGED, SEGMENT_JUDGED };

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
	struct pool pool;
	struct heavy_slab *slabs; // what rows' `heavy` are of
	size_t heavy_bytes;
	uint64_t observations;
};

#define ROW_SLOT(key)	  ((uint32_t)((key) >> 48))
#define ROW_WHO(key)	  ((unsigned)((key) >> 32 & 0xffff))
#define ROW_KIND(key)	  ((unsigned)((key) >> 28 & 0xf))
#define ROW_CLASS(key)	  ((unsigned)((key) >> 25 & 7))
#define ROW_A(key)	  ((unsigned)((key) >> 17 & 0xff))
#define ROW_B(key)	  ((unsigned)((key) >> 1 & 0xffff))
#define ROW_SURVEYOR(key) ((unsigned)((key)&1))
#define ROW_SLOT_MASK	  ((uint64_t)(FOLD_SLOTS_MAX - 1) << 48)

/// The key under an hour's slot.
static inline uint64_t row_key(
	enum kind kind, unsigned who, unsigned class, unsigned a, unsigned b, unsigned surveyor) {
	return (uint64_t)who << 32 | (uint64_t)kind << 28 | (uint64_t) class << 25 |
	       (uint64_t)a << 17 | (uint64_t)b << 1 | surveyor;
}

/// A column's part of a key (struct rollup).
static inline unsigned rollup_part(uint64_t key, char part) {
	switch (part) {
	case 'w':
	case 'W':
		return ROW_WHO(key);
	case 'c':
		return ROW_CLASS(key);
	case 'a':
		return ROW_A(key);
	default:
		return ROW_B(key);
	}
}

/// Only what lies in [from, to), by the verdicts on surveyors of that day.
struct fold_day {
	int64_t from, to;
	struct survey *survey;
};
/// Adds the rows of a batch; day: NULL for all of them, and lists alone tell surveyors. -ENOMEM, or
/// -ENOSPC where it holds too many hours: then it is not to be used further.
int fold_view(struct fold *f, struct tt_store *s, const struct tt_batch_view *v,
	const struct derived *d, const uint16_t *sensors, const struct fold_day *day);
int fold_add_batch(struct fold *f, int64_t id);
/// Adds all of `from`.
int fold_merge(struct fold *f, const struct fold *from);
/// Slot of a local hour by its start; -ENOMEM, -ENOSPC.
int64_t fold_hour(struct fold *f, int64_t start);
/// Adds the rows of a segment, which are of one hour.
int fold_add_segment(struct fold *f, const struct segment *g);
/// The row of a key, made where it was not there; NULL without memory. Valid until the next call.
struct fold_row *fold_row_at(struct fold *f, uint64_t key);
int fold_merge_row(struct fold *f, const struct fold_row *from, uint64_t key);
// ---- fold_heavy.c
/// Counters for all that the row holds so far; NULL without memory.
struct heavy *fold_heavy_row(struct fold *f, struct fold_row *r);
/// What one source of one AS adds; before packets and source are.
int fold_heavy_add(struct fold *f, struct fold_row *r, uint64_t hash, uint32_t asn, uint32_t other,
	uint64_t packets);
/// The same of another row.
int fold_heavy_merge(struct fold *f, struct fold_row *r, const struct fold_row *from);
void fold_heavy_free(struct fold *f);
/// Adds what is heaviest in a row.
void fold_heavy_to(const struct fold_row *r, struct heavy *into);
/// The stored form of what is heaviest in a row; its length.
size_t fold_heavy_encode(const struct fold_row *r, uint8_t buf[HEAVY_MAX]);
size_t fold_memory(const struct fold *f);
/// Whether it is time for a checkpoint.
bool fold_due(const struct fold *f);
/// With room for so many rows.
struct fold *fold_create(size_t rows);
void fold_destroy(struct fold **f);

/// Rows by their keys, or by another number that is given to them.
struct order {
	uint64_t key;
	uint32_t row;
};
/// In ascending order of keys; `spare` is as large.
void order_sort(struct order *o, struct order *spare, size_t n);

// ---- budget.c
/// Keeps the heaviest rows of each hour, who and kind, as many as `rows` and `sketch_bytes` hold;
/// the others become one row a class. Exact: whatever is kept has at least as many packets as
/// whatever is not. Nothing may be added after.
int fold_cut(struct fold *f, uint32_t rows, uint64_t sketch_bytes);
/// By several times the store's budget, where more of the hour is to come.
int fold_cut_open(const struct tt_store *s, struct fold *f);

// ---- segment.c
struct segment_reader { // zeroed before the first use
	struct ZSTD_DCtx_s *zstd;
	struct mem mem;
};
/// Reads the stored form; out points into `in`. Its start and who are the table's.
int segment_read(struct segment_reader *in, const void *blob, size_t len, struct segment *out);
void segment_reader_free(struct segment_reader *in);
/// Writes the rows as segments and marks the batches, in one transaction.
int segments_write(struct tt_store *s, struct fold *f, struct tt_err *err);
/// The same in the caller's transaction, without batches.
int segments_insert(
	struct tt_store *s, struct fold *f, enum segment_state state, struct tt_err *err);

// ---- fold_write.c
/// Writes the rows into the tables of all levels, in the caller's transaction.
int fold_write(struct tt_store *s, struct fold *f, struct tt_err *err);
