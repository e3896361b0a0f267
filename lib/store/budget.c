/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "fold.h"

#define OPEN_ROWS  8 // times the budget
#define OPEN_BYTES 4

// Rows that sum up others stay whatever they hold.
static bool is_sum(uint64_t key) {
	return ROW_A(key) == 0 && (ROW_B(key) == PORT_CLASS_TOTAL || ROW_B(key) == PORT_REST);
}

// The heaviest first.
static void by_weight(const struct fold *f, struct order *o, struct order *spare, size_t n) {
	for (size_t i = 0; i < n; i++)
		o[i].key = is_sum(f->rows[o[i].row].key) ? 0 : ~f->rows[o[i].row].packets;
	order_sort(o, spare, n);
}

// Moves a row into the one of its class that sums up what is dropped.
static int drop(struct fold *f, uint32_t row) {
	struct fold_row gone = f->rows[row];
	uint64_t key = (gone.key & ROW_SLOT_MASK) | row_key(ROW_KIND(gone.key), ROW_WHO(gone.key),
							    ROW_CLASS(gone.key), 0, PORT_REST,
							    ROW_SURVEYOR(gone.key));
	int rc = fold_merge_row(f, &gone, key);

	f->rows[row].key = FOLD_GONE;
	tt_sketch_reset_in(&f->rows[row].sources, pool_heap(&f->pool));
	f->rows[row].heavy = NULL;
	return rc;
}

// Rows of one hour, who and kind.
static int cut_group(struct fold *f, struct order *o, struct order *spare, size_t n, uint32_t rows,
	uint64_t sketch_bytes) {
	uint64_t bytes = 0;
	size_t keep = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		bytes += tt_sketch_encode(&f->rows[o[i].row].sources, NULL, 0);
	if (n <= rows && bytes <= sketch_bytes)
		return 0;
	by_weight(f, o, spare, n);
	for (bytes = 0; keep < n; keep++) {
		const struct fold_row *r = &f->rows[o[keep].row];

		bytes += tt_sketch_encode(&r->sources, NULL, 0);
		if (!is_sum(r->key) && (keep >= rows || bytes > sketch_bytes))
			break;
	}
	for (size_t i = keep; rc == 0 && i < n; i++)
		rc = drop(f, o[i].row);
	return rc;
}

int fold_cut(struct fold *f, uint32_t rows, uint64_t sketch_bytes) {
	size_t n = f->n, size = 2 * (n + 1) * sizeof(struct order);
	struct order *o = big_calloc(size), *spare;
	int rc = 0;

	if (o == NULL)
		return -ENOMEM;
	spare = o + n + 1;
	for (size_t i = 0; i < n; i++)
		o[i] = (struct order){f->rows[i].key, (uint32_t)i};
	order_sort(o, spare, n);
	for (size_t i = 0, j; rc == 0 && i < n; i = j) {
		uint64_t group = o[i].key >> 28;

		for (j = i + 1; j < n && o[j].key >> 28 == group; j++)
			;
		if (rollups[ROW_KIND(o[i].key)].rest)
			rc = cut_group(f, o + i, spare, j - i, rows, sketch_bytes);
	}
	big_free(o, size);
	return rc;
}

int fold_cut_open(const struct tt_store *s, struct fold *f) {
	uint32_t rows = s->budget_rows;

	return fold_cut(f, rows > UINT32_MAX / OPEN_ROWS ? rows : rows * OPEN_ROWS,
		s->budget_sketches * OPEN_BYTES);
}
