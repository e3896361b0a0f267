/* SPDX-License-Identifier: BSD-3-Clause */
#include "survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 128

struct entry { // what one observation adds to one row
	uint64_t key, packets, bytes, spilled, hash;
	uint32_t asn, other;
};

int64_t fold_hour(struct fold *f, int64_t start) {
	uint64_t *v = map_at(&f->hour_of, (uint64_t)start);

	if (v == NULL)
		return -ENOMEM;
	if (*v == 0) {
		if (f->hour_n == FOLD_SLOTS_MAX)
			return -ENOSPC;
		if (big_grow((void **)&f->hours, &f->hour_cap, f->hour_n + 1, sizeof(*f->hours)) <
			0)
			return -ENOMEM;
		f->hours[f->hour_n] = start;
		*v = ++f->hour_n;
	}
	return (int64_t)*v - 1;
}

static int64_t epoch_slot(struct fold *f, struct tt_tz *tz, int64_t epoch) {
	uint64_t *v = map_at(&f->epoch_of, (uint64_t)epoch);
	int64_t slot;

	if (v == NULL)
		return -ENOMEM;
	if (*v == 0) {
		if ((slot = fold_hour(f, local_start(tz, TT_STEP_HOUR, epoch))) < 0)
			return slot;
		*v = (uint64_t)slot + 1;
	}
	return (int64_t)*v - 1;
}

struct fold_row *fold_row_at(struct fold *f, uint64_t key) {
	uint64_t *v = map_at(&f->at, key);

	if (v == NULL)
		return NULL;
	if (*v == 0) {
		if (big_grow((void **)&f->rows, &f->cap, f->n + 1, sizeof(*f->rows)) < 0)
			return NULL;
		f->rows[f->n].key = key;
		*v = ++f->n;
	}
	return &f->rows[*v - 1];
}

static int add_entry(struct fold *f, struct fold_row *r, const struct entry *e) {
	int rc = 0;

	if (e->hash != 0)
		rc = fold_heavy_add(f, r, e->hash, e->asn, e->other, e->packets);
	r->packets += e->packets;
	r->bytes += e->bytes;
	r->spilled += e->spilled;
	return rc < 0 || e->hash == 0 ? rc
				      : tt_sketch_add_in(&r->sources, e->hash, pool_heap(&f->pool));
}

// In passes, so that the memory of one entry is fetched while others are worked on.
static int add_block(struct fold *f, const struct entry *e, unsigned n) {
	uint32_t at[BLOCK + 2 + TT_TOOL_N];

	for (unsigned i = 0; i < n; i++)
		map_prefetch(&f->at, e[i].key);
	for (unsigned i = 0; i < n; i++) {
		struct fold_row *r = fold_row_at(f, e[i].key);

		if (r == NULL)
			return -ENOMEM;
		at[i] = (uint32_t)(r - f->rows);
		__builtin_prefetch(r, 1);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct fold_row *r = &f->rows[at[i]];

		tt_sketch_prefetch(&r->sources, e[i].hash);
		if (r->heavy != NULL)
			heavy_prefetch(r->heavy);
	}
	for (unsigned i = 0; i < n; i++)
		if (add_entry(f, &f->rows[at[i]], &e[i]) < 0)
			return -ENOMEM;
	return 0;
}

// The rows that observation i adds to: port, region, and a tool each.
static unsigned entries_of(const struct tt_batch_view *v, const struct derived *d, uint32_t i,
	unsigned who, uint64_t slot, uint64_t hash, unsigned surveyor, struct entry *e) {
	bool total = v->flags[i] & TT_OBS_CLASS_TOTAL, spilled = v->family[i] == 0;
	unsigned region = (d->region[i] & 0xffu) << 8 | d->region[i] >> 8, n = 2;
	unsigned class = v->class[i];
	struct entry one = {
		.packets = v->packets[i],
		.bytes = v->bytes[i],
		.spilled = spilled ? v->packets[i] : 0,
		.hash = hash,
		.asn = d->asn[i],
		.other = (uint32_t)v->proto[i] << 16 | v->port[i],
	};

	e[0] = e[1] = one;
	e[0].key = slot << 48 | row_key(KIND_PORT, who, class, total ? 0 : v->proto[i],
					total ? PORT_CLASS_TOTAL : v->port[i], surveyor);
	e[0].other = region;
	e[1].key = slot << 48 | row_key(KIND_REGION, who, class, 0, region, surveyor);
	for (unsigned t = 0; t < TT_TOOL_N; t++) {
		if (!view_tool(v, i, t))
			continue;
		e[n] = one;
		e[n++].key = slot << 48 | row_key(KIND_TOOL, who, class, 0, t, surveyor);
	}
	return n;
}

int fold_view(struct fold *f, struct tt_store *s, const struct tt_batch_view *v,
	const struct derived *d, const uint16_t *sensors, const struct fold_day *day) {
	struct entry block[BLOCK + 2 + TT_TOOL_N];
	uint32_t last_epoch = UINT32_MAX;
	int64_t slot = 0;
	unsigned n = 0;

	for (uint32_t i = 0; i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;
		bool surveyor = d->surveyor[i] != 0;
		uint64_t hash = 0;

		if (day != NULL && (epoch < day->from || epoch >= day->to))
			continue;
		if (v->epoch_index[i] != last_epoch) {
			last_epoch = v->epoch_index[i];
			if ((slot = epoch_slot(f, s->tz, epoch)) < 0)
				return (int)slot;
		}
		if (day != NULL && !surveyor)
			surveyor = survey_has(day->survey, epoch, v->family[i], v->src[i]);
		if (v->family[i] != 0) {
			hash = tt_sketch_hash(s->secret, v->family[i], v->src[i]);
			hash += hash == 0; // as the sketch takes it
		}
		n += entries_of(
			v, d, i, sensors[v->sensor[i]], (uint64_t)slot, hash, surveyor, block + n);
		if (n >= BLOCK) {
			if (add_block(f, block, n) < 0)
				return -ENOMEM;
			n = 0;
		}
	}
	f->observations += v->head.obs_n;
	return add_block(f, block, n);
}

int fold_add_batch(struct fold *f, int64_t id) {
	if (big_grow((void **)&f->batches, &f->batch_cap, f->batch_n + 1, sizeof(*f->batches)) < 0)
		return -ENOMEM;
	f->batches[f->batch_n++] = id;
	return 0;
}

int fold_merge_row(struct fold *f, const struct fold_row *from, uint64_t key) {
	struct fold_row *r = fold_row_at(f, key);

	if (r == NULL || fold_heavy_merge(f, r, from) < 0)
		return -ENOMEM;
	r->packets += from->packets;
	r->bytes += from->bytes;
	r->spilled += from->spilled;
	return tt_sketch_merge_in(&r->sources, &from->sources, pool_heap(&f->pool));
}

int fold_merge(struct fold *f, const struct fold *from) {
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->n; i++) {
		const struct fold_row *r = &from->rows[i];
		int64_t slot = fold_hour(f, from->hours[ROW_SLOT(r->key)]);

		if (slot < 0)
			return (int)slot;
		rc = fold_merge_row(f, r, (r->key & ~ROW_SLOT_MASK) | (uint64_t)slot << 48);
	}
	for (size_t i = 0; rc == 0 && i < from->batch_n; i++)
		rc = fold_add_batch(f, from->batches[i]);
	return rc;
}

// What is heaviest in a stored row, before its packets and sources are added.
static int add_segment_heavy(struct fold *f, struct fold_row *r, const struct segment *g,
	uint32_t i, const uint8_t *sketch, const uint8_t *blob) {
	size_t len = g->heavy_len == NULL ? 0 : g->heavy_len[i];
	uint64_t packets = g->packets[i] - g->spilled[i], hash, asn, other;
	struct heavy h;
	int rc;

	if (tt_sketch_encoded_one(sketch, g->sketch_len[i], &hash) &&
		heavy_encoded_one(blob, len, &asn, &other))
		return fold_heavy_add(f, r, hash, (uint32_t)asn, (uint32_t)other, packets);
	if (packets == 0)
		return 0;
	if ((rc = heavy_decode(&h, blob, len, sketch, g->sketch_len[i], packets)) < 0)
		return rc;
	if (fold_heavy_row(f, r) == NULL)
		return -ENOMEM;
	heavy_merge(r->heavy, &h);
	return 0;
}

static int add_segment_row(struct fold *f, uint64_t key, const struct segment *g, uint32_t i,
	const uint8_t *sketch, const uint8_t *blob) {
	struct fold_row *r = fold_row_at(f, key);
	int rc;

	if (r == NULL)
		return -ENOMEM;
	if ((rc = add_segment_heavy(f, r, g, i, sketch, blob)) < 0)
		return rc;
	r->packets += g->packets[i];
	r->bytes += g->bytes[i];
	r->spilled += g->spilled[i];
	return tt_sketch_merge_encoded_in(
		&r->sources, sketch, g->sketch_len[i], pool_heap(&f->pool));
}

int fold_add_segment(struct fold *f, const struct segment *g) {
	int64_t slot = fold_hour(f, g->start);
	const uint8_t *sketch = g->sketches, *blob = g->heavies;
	uint64_t high = (uint64_t)slot << 48 | (uint64_t)g->who << 32;
	int rc = 0;

	if (slot < 0)
		return (int)slot;
	for (uint32_t i = 0; rc == 0 && i < g->n; i++) {
		if (i + 16 < g->n)
			map_prefetch(&f->at, high | g->key[i + 16]);
		rc = add_segment_row(f, high | g->key[i], g, i, sketch, blob);
		sketch += g->sketch_len[i];
		blob += g->heavy_len == NULL ? 0 : g->heavy_len[i];
	}
	return rc;
}

void order_sort(struct order *o, struct order *spare, size_t n) {
	uint64_t all = 0, any = UINT64_MAX;
	struct order *from = o, *to = spare;

	for (size_t i = 0; i < n; i++) {
		all |= o[i].key;
		any &= o[i].key;
	}
	// from the lowest byte up, without those that all keys share
	for (unsigned shift = 0; shift < 64; shift += 8) {
		size_t at[256] = {0}, sum = 0;
		struct order *t;

		if (((all ^ any) >> shift & 0xff) == 0)
			continue;
		for (size_t i = 0; i < n; i++)
			at[from[i].key >> shift & 0xff]++;
		for (unsigned b = 0; b < 256; b++) {
			size_t here = at[b];

			at[b] = sum;
			sum += here;
		}
		for (size_t i = 0; i < n; i++)
			to[at[from[i].key >> shift & 0xff]++] = from[i];
		t = from;
		from = to;
		to = t;
	}
	if (from != o)
		memcpy(o, from, n * sizeof(*o));
}

size_t fold_memory(const struct fold *f) {
	return f->pool.bytes + f->heavy_bytes + f->cap * sizeof(*f->rows) +
	       f->at.size * sizeof(*f->at.slots) + f->epoch_of.size * sizeof(*f->at.slots);
}

bool fold_due(const struct fold *f) {
	return f->observations >= FOLD_DUE_ROWS || fold_memory(f) > FOLD_DUE;
}

struct fold *fold_create(size_t rows) {
	struct fold *f = calloc(1, sizeof(*f));

	if (f != NULL && rows > 0 &&
		(map_reserve(&f->at, rows) < 0 ||
			big_grow((void **)&f->rows, &f->cap, rows, sizeof(*f->rows)) < 0))
		fold_destroy(&f);
	return f;
}

void fold_destroy(struct fold **f) {
	struct fold *p = *f;

	if (p == NULL)
		return;
	pool_free(&p->pool);
	fold_heavy_free(p);
	map_free(&p->at);
	map_free(&p->hour_of);
	map_free(&p->epoch_of);
	big_free(p->rows, p->cap * sizeof(*p->rows));
	big_free(p->hours, p->hour_cap * sizeof(*p->hours));
	big_free(p->batches, p->batch_cap * sizeof(*p->batches));
	free(p);
	*f = NULL;
}
