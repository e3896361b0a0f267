/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"

struct order { // a row by its place in a table
	uint64_t key;
	uint32_t row;
};
struct writer {
	struct tt_store *s;
	struct fold *f;
	struct tt_err *err;
	struct order *order;
	int64_t *starts; // of the level's steps, sorted
	uint32_t *rank;	 // of each hour slot among them
	struct tt_sketch *sketch;
	uint8_t blob[8192];
	sqlite3_stmt *st[KIND_N];
};

static int by_key(const void *x, const void *y) {
	const struct order *a = x, *b = y;

	return (a->key > b->key) - (a->key < b->key);
}

static int by_start(const void *x, const void *y) {
	const int64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

// Ranks the steps of a level that the hours lie in, and sorts rows by them.
static void sort_level(struct writer *w, unsigned level) {
	static const enum tt_step steps[LEVEL_N] = {TT_STEP_HOUR, TT_STEP_DAY, TT_STEP_MONTH};
	struct fold *f = w->f;
	size_t n = 0;

	for (size_t i = 0; i < f->hour_n; i++)
		w->starts[i] = local_start(w->s->tz, steps[level], f->hours[i]);
	qsort(w->starts, f->hour_n, sizeof(*w->starts), by_start);
	for (size_t i = 0; i < f->hour_n; i++)
		if (n == 0 || w->starts[n - 1] != w->starts[i])
			w->starts[n++] = w->starts[i];
	for (size_t i = 0; i < f->hour_n; i++) {
		int64_t start = local_start(w->s->tz, steps[level], f->hours[i]);
		const int64_t *at = bsearch(&start, w->starts, n, sizeof(start), by_start);

		w->rank[i] = (uint32_t)(at - w->starts);
	}
	for (size_t i = 0; i < f->n; i++) {
		uint64_t key = f->rows[i].key;

		w->order[i].key = (key & ~ROW_SLOT_MASK) | (uint64_t)w->rank[ROW_SLOT(key)] << 44;
		w->order[i].row = (uint32_t)i;
	}
	qsort(w->order, f->n, sizeof(*w->order), by_key);
}

static int prepare_level(struct writer *w, unsigned level) {
	char sql[640];

	for (unsigned k = 0; k < KIND_N; k++) {
		sqlite3_finalize(w->st[k]);
		snprintf(sql, sizeof(sql),
			"INSERT INTO %s_%s(start, sensor, class, %s, surveyor, packets, bytes, "
			"spilled, sources) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?%s) ON CONFLICT DO "
			"UPDATE SET packets = packets + excluded.packets, bytes = bytes + "
			"excluded.bytes, spilled = spilled + excluded.spilled, "
			"sources = sketch_union(sources, excluded.sources)",
			kind_names[k], level_names[level], kind_columns[k],
			k == KIND_PORT ? ", ?" : "");
		if ((w->st[k] = db_prepare(w->s, w->err, sql)) == NULL)
			return w->s->rc;
	}
	return 0;
}

// Adds up rows [i, j), which are one row of the table. Returns the size of the sketch in w->blob.
static int sum_run(struct writer *w, size_t i, size_t j, struct fold_row *sum) {

	if (j == i + 1 && w->f->rows[w->order[i].row].sketch == NULL &&
		w->f->rows[w->order[i].row].hash != 0) {
		*sum = w->f->rows[w->order[i].row];
		sum->key = w->order[i].key;
		tt_sketch_encode_one(sum->hash, w->blob);
		return TT_SKETCH_ONE;
	}
	tt_sketch_reset(w->sketch);
	*sum = (struct fold_row){.key = w->order[i].key};
	for (; i < j; i++) {
		const struct fold_row *r = &w->f->rows[w->order[i].row];
		int rc = 0;

		sum->packets += r->packets;
		sum->bytes += r->bytes;
		sum->spilled += r->spilled;
		if (r->sketch != NULL)
			rc = tt_sketch_merge(w->sketch, r->sketch);
		else if (r->hash != 0)
			rc = tt_sketch_add(w->sketch, r->hash);
		if (rc < 0)
			return tt_err_set(w->err, rc, "%s: no memory", w->s->path);
	}
	return (int)tt_sketch_encode(w->sketch, w->blob, sizeof(w->blob));
}

static int write_row(struct writer *w, const struct fold_row *r, int blob) {
	unsigned kind = ROW_KIND(r->key), b = ROW_B(r->key);
	char region[2] = {(char)(b >> 8), (char)(b & 0xff)};
	sqlite3_stmt *st = w->st[kind];
	int k = 4;

	db_bind(st, "iii", w->starts[ROW_SLOT(r->key)], (int64_t)ROW_SENSOR(r->key),
		(int64_t)ROW_CLASS(r->key));
	if (kind == KIND_PORT)
		sqlite3_bind_int64(st, k++, ROW_A(r->key));
	if (kind == KIND_REGION)
		sqlite3_bind_text(st, k++, region, 2, SQLITE_STATIC);
	else
		sqlite3_bind_int64(st, k++, b);
	sqlite3_bind_int64(st, k++, ROW_SURVEYOR(r->key));
	sqlite3_bind_int64(st, k++, (int64_t)r->packets);
	sqlite3_bind_int64(st, k++, (int64_t)r->bytes);
	sqlite3_bind_int64(st, k++, (int64_t)r->spilled);
	sqlite3_bind_blob(st, k, w->blob, blob, SQLITE_STATIC);
	return db_run(w->s, st, w->err, "rollup");
}

static int write_level(struct writer *w, unsigned level) {
	struct fold_row sum;
	int rc = prepare_level(w, level);

	if (rc < 0)
		return rc;
	sort_level(w, level);
	for (size_t i = 0, j; rc == 0 && i < w->f->n; i = j) {
		int blob;

		for (j = i + 1; j < w->f->n && w->order[j].key == w->order[i].key;)
			j++;
		if ((blob = sum_run(w, i, j, &sum)) < 0)
			return blob;
		rc = write_row(w, &sum, blob);
	}
	return rc;
}

static int mark_batches(struct writer *w) {
	sqlite3_stmt *st = db_st(w->s, ST_FOLDED, w->err);
	int rc = 0;

	if (st == NULL)
		return w->s->rc;
	for (size_t i = 0; rc == 0 && i < w->f->batch_n; i++) {
		db_bind(st, "i", w->f->batches[i]);
		rc = db_run(w->s, st, w->err, "batch");
	}
	return rc;
}

int fold_write(struct tt_store *s, struct fold *f, struct tt_err *err) {
	struct writer *w = calloc(1, sizeof(*w));
	size_t size = (f->n + 1) * sizeof(struct order);
	int rc = -ENOMEM;

	if (w == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	*w = (struct writer){.s = s, .f = f, .err = err};
	w->order = big_calloc(size);
	w->starts = calloc(f->hour_n + 1, sizeof(*w->starts));
	w->rank = calloc(f->hour_n + 1, sizeof(*w->rank));
	w->sketch = tt_sketch_create();
	if (w->order == NULL || w->starts == NULL || w->rank == NULL || w->sketch == NULL)
		tt_err_set(err, rc, "%s: no memory", s->path);
	else
		rc = db_tx(s, ST_BEGIN, err);
	if (rc == 0) {
		for (unsigned l = 0; rc == 0 && l < LEVEL_N; l++)
			rc = write_level(w, l);
		if (rc == 0)
			rc = mark_batches(w);
		if (rc == 0)
			rc = db_tx(s, ST_COMMIT, err);
		if (rc < 0 && !sqlite3_get_autocommit(s->db))
			db_tx(s, ST_ROLLBACK, NULL);
	}
	for (unsigned k = 0; k < KIND_N; k++)
		sqlite3_finalize(w->st[k]);
	tt_sketch_destroy(&w->sketch);
	big_free(w->order, size);
	free(w->starts);
	free(w->rank);
	free(w);
	return rc;
}
