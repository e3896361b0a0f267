/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"

struct writer {
	struct tt_store *s;
	struct fold *f;
	struct tt_err *err;
	struct order *order, *spare;
	size_t n;		  // rows that are to be written
	int64_t *starts[LEVEL_N]; // of the level's steps, sorted
	uint32_t *rank;		  // of each hour slot among them
	struct pool pool;
	struct tt_sketch sources;
	struct heavy *heavy;
	uint8_t blob[8192], heaviest[HEAVY_MAX];
	size_t heaviest_len;
	sqlite3_stmt *st[LEVEL_N][KIND_N];
};

static int by_start(const void *x, const void *y) {
	const int64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

// Ranks the steps of a level that the hours lie in, and sorts rows by them.
static void sort_level(struct writer *w, unsigned level) {
	struct fold *f = w->f;
	size_t n = 0;

	for (size_t i = 0; i < f->hour_n; i++)
		w->starts[level][i] = local_start(w->s->tz, level_steps[level], f->hours[i]);
	qsort(w->starts[level], f->hour_n, sizeof(*w->starts[level]), by_start);
	for (size_t i = 0; i < f->hour_n; i++)
		if (n == 0 || w->starts[level][n - 1] != w->starts[level][i])
			w->starts[level][n++] = w->starts[level][i];
	for (size_t i = 0; i < f->hour_n; i++) {
		int64_t start = local_start(w->s->tz, level_steps[level], f->hours[i]);
		const int64_t *at = bsearch(&start, w->starts[level], n, sizeof(start), by_start);

		w->rank[i] = (uint32_t)(at - w->starts[level]);
	}
	w->n = 0;
	for (size_t i = 0; i < f->n; i++) {
		uint64_t key = f->rows[i].key;

		if (key == FOLD_GONE)
			continue;
		w->order[w->n].key = (key & ~ROW_SLOT_MASK) | (uint64_t)w->rank[ROW_SLOT(key)]
								      << 48;
		w->order[w->n++].row = (uint32_t)i;
	}
	order_sort(w->order, w->spare, w->n);
}

static int prepare_level(struct writer *w, unsigned level) {
	char sql[640];

	for (unsigned k = 0; k < KIND_N; k++) {
		snprintf(sql, sizeof(sql),
			"INSERT INTO %s_%s(start, %s, surveyor, packets, bytes, spilled, sources, "
			"heaviest) VALUES(?%.*s, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
			"packets = packets + excluded.packets, bytes = bytes + excluded.bytes, "
			"spilled = spilled + excluded.spilled, "
			"sources = sketch_union(sources, excluded.sources), "
			"heaviest = heaviest_union(heaviest, sources, packets - spilled, "
			"excluded.heaviest, excluded.sources, excluded.packets - "
			"excluded.spilled)",
			rollups[k].name, level_names[level], rollups[k].columns,
			3 * (int)strlen(rollups[k].parts), ", ?, ?, ?, ?, ?");
		if ((w->st[level][k] = db_prepare(w->s, w->err, sql)) == NULL)
			return w->s->rc;
	}
	return 0;
}

// Adds up rows [i, j), which are one row of the table. Returns the size of the sketch in w->blob.
static int sum_run(struct writer *w, size_t i, size_t j, struct fold_row *sum) {
	const struct fold_row *first = &w->f->rows[w->order[i].row];

	if (j == i + 1) {
		*sum = *first;
		sum->key = w->order[i].key;
		w->heaviest_len = fold_heavy_encode(first, w->heaviest);
		return (int)tt_sketch_encode(&first->sources, w->blob, sizeof(w->blob));
	}
	tt_sketch_reset_in(&w->sources, pool_heap(&w->pool));
	heavy_reset(w->heavy);
	*sum = (struct fold_row){.key = w->order[i].key};
	for (; i < j; i++) {
		const struct fold_row *r = &w->f->rows[w->order[i].row];
		int rc;

		fold_heavy_to(r, w->heavy);
		sum->packets += r->packets;
		sum->bytes += r->bytes;
		sum->spilled += r->spilled;
		rc = tt_sketch_merge_in(&w->sources, &r->sources, pool_heap(&w->pool));
		if (rc < 0)
			return tt_err_set(w->err, rc, "%s: no memory", w->s->path);
	}
	w->heaviest_len = sum->packets == sum->spilled ? 0 : heavy_encode(w->heavy, w->heaviest);
	return (int)tt_sketch_encode(&w->sources, w->blob, sizeof(w->blob));
}

static int write_row(struct writer *w, unsigned level, const struct fold_row *r, int blob) {
	unsigned kind = ROW_KIND(r->key);
	sqlite3_stmt *st = w->st[level][kind];
	int k = 1;

	sqlite3_bind_int64(st, k++, w->starts[level][ROW_SLOT(r->key)]);
	for (const char *part = rollups[kind].parts; *part != '\0'; part++) {
		unsigned v = rollup_part(r->key, *part);
		char two[2] = {(char)(v >> 8), (char)(v & 0xff)};

		if (*part == 'W' || *part == 'B')
			sqlite3_bind_text(st, k++, two, 2, SQLITE_TRANSIENT);
		else
			sqlite3_bind_int64(st, k++, v);
	}
	sqlite3_bind_int64(st, k++, ROW_SURVEYOR(r->key));
	sqlite3_bind_int64(st, k++, (int64_t)r->packets);
	sqlite3_bind_int64(st, k++, (int64_t)r->bytes);
	sqlite3_bind_int64(st, k++, (int64_t)r->spilled);
	sqlite3_bind_blob(st, k++, w->blob, blob, SQLITE_STATIC);
	if (w->heaviest_len > 0)
		sqlite3_bind_blob(st, k, w->heaviest, (int)w->heaviest_len, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, k);
	return db_run(w->s, st, w->err, "rollup");
}

// Levels [first, end), in all of which the rows are the same.
static int write_levels(struct writer *w, unsigned first, unsigned end) {
	struct fold_row sum;
	int rc = 0, blob;

	for (unsigned l = first; l < end; l++) {
		if ((rc = prepare_level(w, l)) < 0)
			return rc;
		sort_level(w, l);
	}
	for (size_t i = 0, j; rc == 0 && i < w->n; i = j) {
		for (j = i + 1; j < w->n && w->order[j].key == w->order[i].key;)
			j++;
		if ((blob = sum_run(w, i, j, &sum)) < 0)
			return blob;
		for (unsigned l = first; rc == 0 && l < end; l++)
			rc = write_row(w, l, &sum, blob);
	}
	return rc;
}

static bool is_one_day(const struct writer *w) {
	const struct fold *f = w->f;
	bool one = true;

	for (size_t i = 1; i < f->hour_n; i++)
		one &= local_start(w->s->tz, TT_STEP_DAY, f->hours[i]) ==
		       local_start(w->s->tz, TT_STEP_DAY, f->hours[0]);
	return one;
}

static void free_writer(struct writer *w, size_t size) {
	for (unsigned l = 0; l < LEVEL_N; l++) {
		for (unsigned k = 0; k < KIND_N; k++)
			sqlite3_finalize(w->st[l][k]);
		free(w->starts[l]);
	}
	pool_free(&w->pool);
	free(w->heavy);
	big_free(w->order, size);
	free(w->rank);
	free(w);
}

int fold_write(struct tt_store *s, struct fold *f, struct tt_err *err) {
	struct writer *w = calloc(1, sizeof(*w));
	size_t size = 2 * (f->n + 1) * sizeof(struct order);
	bool room;
	int rc = 0;

	if (w == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	*w = (struct writer){.s = s, .f = f, .err = err};
	w->order = big_calloc(size);
	w->spare = w->order + f->n + 1;
	w->rank = calloc(f->hour_n + 1, sizeof(*w->rank));
	w->heavy = heavy_create();
	room = w->order != NULL && w->rank != NULL && w->heavy != NULL;
	for (unsigned l = 0; l < LEVEL_N; l++)
		room &= (w->starts[l] = calloc(f->hour_n + 1, sizeof(*w->starts[l]))) != NULL;
	if (!room)
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	else if (f->hour_n == 1)
		rc = write_levels(w, 0, LEVEL_N);
	// hours of one day are of one month
	else if ((rc = write_levels(w, 0, 1)) == 0 && is_one_day(w))
		rc = write_levels(w, 1, LEVEL_N);
	else
		for (unsigned l = 1; rc == 0 && l < LEVEL_N; l++)
			rc = write_levels(w, l, l + 1);
	free_writer(w, size);
	return rc;
}
