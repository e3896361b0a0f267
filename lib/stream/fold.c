/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_fold.h"

#include <stdlib.h>
#include <string.h>

#include "tt_file.h"
#include "tt_hash.h"
#include "tt_sketch.h"

#define NONE UINT32_MAX

// Most rows have one source: a sketch is made for the second.
struct distinct {
	uint64_t first;
	struct tt_sketch *sketch;
	bool any;
};

struct row {
	uint64_t key; // sensor, kind, class, proto, port or region
	uint64_t packets, bytes;
	struct distinct sources;
	uint32_t next; // of the same sensor and kind
};

struct sensor {
	uint64_t packets[TT_OBSERVED_CLASS_N], bytes[TT_OBSERVED_CLASS_N];
	struct distinct sources[TT_OBSERVED_CLASS_N];
	uint32_t head[TT_FOLD_KIND_N];
	bool lower_bound, used;
};

struct tt_fold {
	uint8_t secret[16];
	struct sensor *sensors;
	unsigned sensor_n;
	struct row *rows;
	uint32_t row_n, row_cap, row_max;
	uint32_t *index; // open addressing, row_cap * 2 places
	uint32_t index_mask;
};

static void distinct_add(struct distinct *d, uint64_t hash) {
	if (!d->any) {
		d->any = true;
		d->first = hash;
		return;
	}
	if (!d->sketch) {
		if (hash == d->first)
			return;
		d->sketch = tt_sketch_create();
		if (!d->sketch)
			return;
		tt_sketch_add(d->sketch, d->first);
	}
	tt_sketch_add(d->sketch, hash);
}

static uint64_t distinct_count(const struct distinct *d) {
	return d->sketch ? tt_sketch_count(d->sketch) : d->any;
}

static int set_capacity(struct tt_fold *f, uint32_t cap) {
	struct row *rows = realloc(f->rows, cap * sizeof(*rows));
	if (!rows)
		return -1;
	f->rows = rows;
	uint32_t *index = malloc(2 * (size_t)cap * sizeof(*index));
	if (!index)
		return -1;
	free(f->index);
	f->index = index;
	f->index_mask = 2 * cap - 1;
	f->row_cap = cap;
	memset(index, 0xff, 2 * (size_t)cap * sizeof(*index));
	for (uint32_t i = 0; i < f->row_n; i++) {
		uint32_t at = (uint32_t)tt_mix64(rows[i].key) & f->index_mask;
		while (index[at] != NONE)
			at = (at + 1) & f->index_mask;
		index[at] = i;
	}
	return 0;
}

struct tt_fold *tt_fold_create(unsigned slots, unsigned rows) {
	struct tt_fold *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->sensor_n = slots;
	f->row_max = rows;
	f->sensors = calloc(slots ? slots : 1, sizeof(*f->sensors));
	for (unsigned i = 0; f->sensors && i < slots; i++)
		memset(f->sensors[i].head, 0xff, sizeof(f->sensors[i].head));
	tt_random(f->secret, sizeof(f->secret));
	if (!f->sensors || set_capacity(f, 1024))
		tt_fold_destroy(&f);
	return f;
}

void tt_fold_reset(struct tt_fold *f) {
	for (uint32_t i = 0; i < f->row_n; i++)
		tt_sketch_destroy(&f->rows[i].sources.sketch);
	f->row_n = 0;
	memset(f->index, 0xff, ((size_t)f->index_mask + 1) * sizeof(*f->index));
	for (unsigned i = 0; i < f->sensor_n; i++) {
		struct sensor *s = &f->sensors[i];
		if (!s->used)
			continue;
		for (unsigned c = 0; c < TT_OBSERVED_CLASS_N; c++)
			tt_sketch_destroy(&s->sources[c].sketch);
		memset(s, 0, sizeof(*s));
		memset(s->head, 0xff, sizeof(s->head));
	}
}

void tt_fold_destroy(struct tt_fold **fp) {
	struct tt_fold *f = *fp;
	if (!f)
		return;
	if (f->index && f->sensors)
		tt_fold_reset(f);
	free(f->sensors);
	free(f->rows);
	free(f->index);
	free(f);
	*fp = NULL;
}

static struct row *find_row(struct tt_fold *f, uint64_t key, uint32_t *head) {
	uint32_t at = (uint32_t)tt_mix64(key) & f->index_mask;
	for (; f->index[at] != NONE; at = (at + 1) & f->index_mask)
		if (f->rows[f->index[at]].key == key)
			return &f->rows[f->index[at]];
	if (f->row_n == f->row_max)
		return NULL;
	if (f->row_n == f->row_cap) {
		if (set_capacity(f, f->row_cap * 2))
			return NULL;
		return find_row(f, key, head);
	}
	struct row *r = &f->rows[f->row_n];
	*r = (struct row){.key = key, .next = *head};
	f->index[at] = *head = f->row_n++;
	return r;
}

static uint64_t row_key(const struct tt_obs *o, enum tt_fold_kind kind, const char *region) {
	uint64_t key = (uint64_t)o->sensor << 40 | (uint64_t)kind << 32 | (uint64_t)o->class << 24;
	if (kind == TT_FOLD_PORTS)
		return key | (uint64_t)o->proto << 16 | o->port;
	return key | (uint64_t)(uint8_t)region[0] << 8 | (uint8_t)region[1];
}

static void add_row(struct tt_fold *f, const struct tt_obs *o, enum tt_fold_kind kind,
	const char *region, const uint64_t *hash) {
	struct row *r = find_row(f, row_key(o, kind, region), &f->sensors[o->sensor].head[kind]);
	if (!r)
		return;
	r->packets += o->packets;
	r->bytes += o->bytes;
	if (hash)
		distinct_add(&r->sources, *hash);
}

void tt_fold_add(struct tt_fold *f, const struct tt_obs *o, const char *region) {
	if (o->sensor >= f->sensor_n || o->class >= TT_OBSERVED_CLASS_N)
		return;
	struct sensor *s = &f->sensors[o->sensor];
	uint64_t hash = 0;
	bool source = o->family != 0;
	s->used = true;
	s->packets[o->class] += o->packets;
	s->bytes[o->class] += o->bytes;
	if (source) {
		hash = tt_sketch_hash(f->secret, o->family, o->src);
		distinct_add(&s->sources[o->class], hash);
	} else {
		s->lower_bound = true;
	}
	// a total of a class knows no port: it stays among the others
	if (!(o->flags & TT_OBS_CLASS_TOTAL))
		add_row(f, o, TT_FOLD_PORTS, region, source ? &hash : NULL);
	add_row(f, o, TT_FOLD_REGIONS, region, source ? &hash : NULL);
}

struct tt_fold_sum tt_fold_class(const struct tt_fold *f, unsigned sensor, unsigned class) {
	const struct sensor *s = &f->sensors[sensor];
	return (struct tt_fold_sum){
		s->packets[class], s->bytes[class], distinct_count(&s->sources[class])};
}

bool tt_fold_lower_bound(const struct tt_fold *f, unsigned sensor) {
	return f->sensors[sensor].lower_bound;
}

static bool before(const struct row *a, const struct row *b) {
	return a->packets != b->packets ? a->packets > b->packets : a->key < b->key;
}

static void fill(struct tt_fold_row *out, const struct row *r, enum tt_fold_kind kind) {
	memset(out, 0, sizeof(*out));
	out->class = (uint8_t)(r->key >> 24);
	if (kind == TT_FOLD_PORTS) {
		out->proto = (uint8_t)(r->key >> 16);
		out->port = (uint16_t)r->key;
	} else {
		out->region[0] = (char)(uint8_t)(r->key >> 8);
		out->region[1] = (char)(uint8_t)r->key;
	}
	out->sum = (struct tt_fold_sum){r->packets, r->bytes, distinct_count(&r->sources)};
}

unsigned tt_fold_top(const struct tt_fold *f, unsigned sensor, enum tt_fold_kind kind,
	struct tt_fold_row top[TT_FOLD_TOP], struct tt_fold_sum *other) {
	const struct sensor *s = &f->sensors[sensor];
	const struct row *best[TT_FOLD_TOP];
	unsigned n = 0;
	for (uint32_t i = s->head[kind]; i != NONE; i = f->rows[i].next) {
		const struct row *r = &f->rows[i];
		if (n == TT_FOLD_TOP && !before(r, best[n - 1]))
			continue;
		unsigned at = n < TT_FOLD_TOP ? n++ : n - 1;
		for (; at > 0 && before(r, best[at - 1]); at--)
			best[at] = best[at - 1];
		best[at] = r;
	}
	*other = (struct tt_fold_sum){0};
	for (unsigned c = 0; c < TT_OBSERVED_CLASS_N; c++) {
		other->packets += s->packets[c];
		other->bytes += s->bytes[c];
	}
	for (unsigned i = 0; i < n; i++) {
		fill(&top[i], best[i], kind);
		other->packets -= best[i]->packets;
		other->bytes -= best[i]->bytes;
	}
	return n;
}
