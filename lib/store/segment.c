/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "fold.h"
#include "tt_crash.h"

// Stored form: version, 3 zero bytes, rows (32 bits), bytes below (64), then a zstd frame with
// checksum of the columns, little-endian: packets, bytes, spilled (64 bits a row), keys (32), sizes
// of sketches (16), sizes of what is heaviest (16; not in version 1), then the sketches and the
// latter.
#define SEGMENT_VERSION 2
#define HEADER		16
#define ROW		(3 * 8 + 4 + 2 + 2)
#define ROW_V1		(ROW - 2)
#define ROWS_MAX	65536
#define BYTES_MAX	(16u << 20)
#define ROW_MAX		(ROW + TT_SKETCH_MAX + HEAVY_MAX)
#define SMALL		16384

void segment_reader_free(struct segment_reader *in) {
	ZSTD_freeDCtx(in->zstd);
	free(in->mem.p);
	*in = (struct segment_reader){0};
}

int segment_read(struct segment_reader *in, const void *blob, size_t len, struct segment *out) {
	const uint8_t *p = blob;
	uint64_t size, sketches = 0, heavies = 0, row;
	uint32_t n;

	if (len < HEADER || p[0] < 1 || p[0] > SEGMENT_VERSION)
		return -EBADMSG;
	row = p[0] == 1 ? ROW_V1 : ROW;
	memcpy(&n, p + 4, 4);
	memcpy(&size, p + 8, 8);
	n = le32toh(n);
	size = le64toh(size);
	if (n > ROWS_MAX || size > BYTES_MAX + ROW_MAX || size < n * row)
		return -EBADMSG;
	if (in->zstd == NULL)
		in->zstd = ZSTD_createDCtx();
	if (in->zstd == NULL || mem_need(&in->mem, size + 8) < 0)
		return -ENOMEM;
	if (ZSTD_decompressDCtx(in->zstd, in->mem.p, size, p + HEADER, len - HEADER) != size)
		return -EBADMSG;
	out->n = n;
	out->packets = (const uint64_t *)in->mem.p;
	out->bytes = out->packets + n;
	out->spilled = out->bytes + n;
	out->key = (const uint32_t *)(out->spilled + n);
	out->sketch_len = (const uint16_t *)(out->key + n);
	out->heavy_len = p[0] == 1 ? NULL : out->sketch_len + n;
	out->sketches = in->mem.p + n * row;
	for (uint32_t i = 0; i < n; i++) {
		sketches += out->sketch_len[i];
		heavies += out->heavy_len == NULL ? 0 : out->heavy_len[i];
	}
	if (sketches + heavies != size - n * row)
		return -EBADMSG;
	out->heavies = out->sketches + sketches;
	return 0;
}

struct writer {
	struct tt_store *s;
	struct fold *f;
	struct tt_err *err;
	struct order *order;
	int64_t state;
	uint8_t heaviest[HEAVY_MAX];
	struct mem raw, packed;
	ZSTD_CCtx *zstd;
};

// Columns of n rows from the i-th on, at most of that size; returns what it is.
static size_t fill(struct writer *w, size_t i, uint32_t n, size_t size) {
	uint64_t *packets = (uint64_t *)w->raw.p, *bytes = packets + n, *spilled = bytes + n;
	uint32_t *key = (uint32_t *)(spilled + n);
	uint16_t *len = (uint16_t *)(key + n), *heavy_len = len + n;
	uint8_t *sketches = (uint8_t *)(heavy_len + n), *end = w->raw.p + size;

	for (uint32_t k = 0; k < n; k++) {
		const struct fold_row *r = &w->f->rows[w->order[i + k].row];
		size_t one = tt_sketch_encode(&r->sources, sketches, (size_t)(end - sketches));

		packets[k] = htole64(r->packets);
		bytes[k] = htole64(r->bytes);
		spilled[k] = htole64(r->spilled);
		key[k] = htole32((uint32_t)r->key);
		len[k] = htole16((uint16_t)one);
		sketches += one;
	}
	for (uint32_t k = 0; k < n; k++) {
		size_t one = fold_heavy_encode(&w->f->rows[w->order[i + k].row], w->heaviest);

		memcpy(sketches, w->heaviest, one);
		heavy_len[k] = htole16((uint16_t)one);
		sketches += one;
	}
	return (size_t)(sketches - w->raw.p);
}

static int insert(struct writer *w, size_t i, uint32_t n, size_t size) {
	uint64_t key = w->order[i].key, le_size;
	uint32_t le_n = htole32(n);
	size_t bound, packed;
	sqlite3_stmt *st = db_st(w->s, ST_SEGMENT_ADD, w->err);

	if (st == NULL)
		return w->s->rc;
	if (mem_need(&w->raw, size) < 0)
		return tt_err_set(w->err, -ENOMEM, "%s: no memory", w->s->path);
	size = fill(w, i, n, size);
	le_size = htole64(size);
	bound = HEADER + ZSTD_compressBound(size);
	if (mem_need(&w->packed, bound) < 0)
		return tt_err_set(w->err, -ENOMEM, "%s: no memory", w->s->path);
	memset(w->packed.p, 0, HEADER);
	w->packed.p[0] = SEGMENT_VERSION;
	memcpy(w->packed.p + 4, &le_n, 4);
	memcpy(w->packed.p + 8, &le_size, 8);
	// small pieces are read more often than they are worth squeezing
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, size < SMALL ? -3 : 1);
	packed = ZSTD_compress2(w->zstd, w->packed.p + HEADER, bound - HEADER, w->raw.p, size);
	if (ZSTD_isError(packed))
		return tt_err_set(w->err, -ENOMEM, "%s: %s", w->s->path, ZSTD_getErrorName(packed));
	db_bind(st, "iiibi", w->f->hours[ROW_SLOT(key)], (int64_t)ROW_WHO(key), (int64_t)n,
		(const void *)w->packed.p, (int)(HEADER + packed), w->state);
	return db_run(w->s, st, w->err, "rollups");
}

// At most.
static size_t row_size(const struct fold_row *r) {
	return ROW + tt_sketch_encode(&r->sources, NULL, 0) +
	       (r->heavy != NULL ? heavy_bound(r->heavy) : HEAVY_ONE);
}

static int write_all(struct writer *w) {
	size_t n = w->f->n;
	int rc = 0;

	while (n > 0 && w->order[n - 1].key == FOLD_GONE)
		n--;
	for (size_t i = 0, j; rc == 0 && i < n; i = j) {
		uint64_t who = w->order[i].key >> 32;
		size_t size = 0;

		for (j = i; j < n && j - i < ROWS_MAX && size < BYTES_MAX &&
			    w->order[j].key >> 32 == who;
			j++)
			size += row_size(&w->f->rows[w->order[j].row]);
		rc = insert(w, i, (uint32_t)(j - i), size);
	}
	return rc;
}

int segments_insert(
	struct tt_store *s, struct fold *f, enum segment_state state, struct tt_err *err) {
	size_t size = 2 * (f->n + 1) * sizeof(struct order);
	struct writer w = {.s = s, .f = f, .err = err, .order = big_calloc(size), .state = state};
	int rc;

	w.zstd = ZSTD_createCCtx();
	if (w.order == NULL || w.zstd == NULL) {
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	} else {
		ZSTD_CCtx_setParameter(w.zstd, ZSTD_c_checksumFlag, 1);
		for (size_t i = 0; i < f->n; i++)
			w.order[i] = (struct order){f->rows[i].key, (uint32_t)i};
		order_sort(w.order, w.order + f->n + 1, f->n);
		rc = write_all(&w);
	}
	ZSTD_freeCCtx(w.zstd);
	big_free(w.order, size);
	free(w.raw.p);
	free(w.packed.p);
	return rc;
}

static int mark_batches(struct tt_store *s, const struct fold *f, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_FOLDED, err);
	int rc = 0;

	if (st == NULL)
		return s->rc;
	for (size_t i = 0; rc == 0 && i < f->batch_n; i++) {
		db_bind(st, "i", f->batches[i]);
		rc = db_run(s, st, err, "batch");
	}
	return rc;
}

int segments_write(struct tt_store *s, struct fold *f, struct tt_err *err) {
	int rc = db_tx(s, ST_BEGIN, err);

	if (rc < 0)
		return rc;
	TT_CRASH_POINT("store.checkpoint.before");
	if ((rc = segments_insert(s, f, SEGMENT_ARRIVED, err)) == 0 &&
		(rc = mark_batches(s, f, err)) == 0) {
		TT_CRASH_POINT("store.checkpoint.commit");
		rc = db_tx(s, ST_COMMIT, err);
		TT_CRASH_POINT("store.checkpoint.after");
	}
	if (rc < 0 && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_ROLLBACK, NULL);
	return rc;
}
