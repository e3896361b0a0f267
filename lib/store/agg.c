/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "query.h"

int64_t agg_group(struct agg *a, uint64_t key) {
	uint64_t *v = map_at(&a->group_of, key);

	if (v == NULL)
		return -ENOMEM;
	if (*v == 0) {
		if (a->group_n == UINT32_MAX || big_grow((void **)&a->groups, &a->group_cap,
							a->group_n + 1, sizeof(*a->groups)) < 0)
			return -ENOMEM;
		a->groups[a->group_n].key = key;
		*v = ++a->group_n;
	}
	return (int64_t)*v - 1;
}

static int64_t cell_at(struct agg *a, uint64_t group, uint32_t step) {
	uint64_t *v = map_at(&a->cell_of, group << 32 | step);

	if (v == NULL)
		return -ENOMEM;
	if (*v == 0) {
		if (a->cell_n == UINT32_MAX || big_grow((void **)&a->cells, &a->cell_cap,
						       a->cell_n + 1, sizeof(*a->cells)) < 0)
			return -ENOMEM;
		a->cells[a->cell_n].group = (uint32_t)group;
		a->cells[a->cell_n].step = step;
		*v = ++a->cell_n;
	}
	return (int64_t)*v - 1;
}

static int sketch_add(struct agg *a, struct tt_sketch **sk, const struct item *it) {
	uint8_t buf[16];

	if (*sk == NULL && (*sk = tt_sketch_create()) == NULL)
		return -ENOMEM;
	return tt_sketch_add(*sk, tt_sketch_hash(a->secret, it->family,
					  source_bytes(a->v6, it->family, it->src, buf)));
}

static struct counters *tops_of(struct group *g) {
	if (g->tops == NULL)
		g->tops = calloc(1, sizeof(*g->tops));
	return g->tops;
}

int agg_add_tops(
	struct agg *a, const struct item *it, const struct counters *top, uint64_t unknown) {
	int64_t g = agg_group(a, it->group);
	struct counters *t = g < 0 ? NULL : tops_of(&a->groups[g]);

	if (t == NULL)
		return -ENOMEM;
	counters_merge(t, top);
	t->slack += unknown;
	return 0;
}

bool group_top(const struct group *g, uint64_t *least, uint64_t *most) {
	if (g->tops == NULL || g->packets == 0)
		return false;
	*least = counters_most(g->tops);
	*most = *least + g->tops->slack;
	*most = *most < g->packets ? *most : g->packets;
	return *least > 0 || *most < g->packets;
}

// Of what rollups do not hold yet.
static int add_tail_top(struct agg *a, const struct item *it, uint64_t group) {
	struct counters *t = tops_of(&a->groups[group]);
	uint8_t buf[16];
	uint64_t hash;

	if (t == NULL)
		return -ENOMEM;
	if (it->family == 0) {
		t->slack += it->packets;
		return 0;
	}
	hash = tt_sketch_hash(a->secret, it->family, source_bytes(a->v6, it->family, it->src, buf));
	counters_add(t, hash + (hash == 0), it->packets);
	return 0;
}

static int add_source(struct agg *a, const struct item *it, uint64_t group, int64_t cell) {
	unsigned f = it->family == 6;
	uint64_t *v;
	int rc;

	if (a->by_source)
		return 0;
	if (a->sketched) {
		rc = sketch_add(a, &a->groups[group].sketch, it);
		return rc < 0 || cell < 0 ? rc : sketch_add(a, &a->cells[cell].sketch, it);
	}
	if ((v = map_at(&a->pairs[f], group << 32 | it->src)) == NULL)
		return -ENOMEM;
	*v += it->packets;
	if (cell < 0)
		return 0;
	if ((v = map_at(&a->cell_pairs[f], (uint64_t)cell << 32 | it->src)) == NULL)
		return -ENOMEM;
	a->cells[cell].sources += *v == 0;
	*v = 1;
	return 0;
}

static int add_counts(struct agg *a, const struct item *it, uint64_t group, int64_t *cell) {
	struct group *g = &a->groups[group];
	uint64_t *v = NULL;

	if (!a->unrated && (v = map_at(&a->by_sensor, group << 16 | it->sensor)) == NULL)
		return -ENOMEM;
	if (v != NULL)
		*v += it->packets;
	g->packets += it->packets;
	g->bytes += it->bytes;
	g->asn = it->asn;
	g->region = it->region;
	*cell = -1;
	if (!a->stepped)
		return 0;
	if ((*cell = cell_at(a, group, it->step)) < 0)
		return -ENOMEM;
	a->cells[*cell].packets += it->packets;
	a->cells[*cell].bytes += it->bytes;
	return 0;
}

// In three passes, so that the memory of one row is fetched while others are worked on.
int agg_flush(struct agg *a) {
	unsigned n = a->item_n;
	int64_t cell;
	int rc;

	a->item_n = 0;
	for (unsigned i = 0; i < n; i++)
		map_prefetch(&a->group_of, a->items[i].group);
	for (unsigned i = 0; i < n; i++) {
		const struct item *it = &a->items[i];
		int64_t g = agg_group(a, it->group);

		if (g < 0)
			return (int)g;
		a->at[i] = (uint32_t)g;
		map_prefetch(&a->by_sensor, (uint64_t)g << 16 | it->sensor);
		__builtin_prefetch(&a->groups[g], 1);
		__builtin_prefetch(&a->groups[g].asn, 1); // on the next line of the cache, mostly
		if (!a->by_source && !a->sketched)
			map_prefetch(&a->pairs[it->family == 6], (uint64_t)g << 32 | it->src);
	}
	for (unsigned i = 0; i < n; i++) {
		const struct item *it = &a->items[i];

		if ((rc = add_counts(a, it, a->at[i], &cell)) < 0)
			return rc;
		if (it->family != 0 && (rc = add_source(a, it, a->at[i], cell)) < 0)
			return rc;
		if (a->sketched && !a->by_source && !a->light &&
			(rc = add_tail_top(a, it, a->at[i])) < 0)
			return rc;
	}
	return 0;
}

static int merge_sketch(struct tt_sketch **sk, const void *sketch, size_t len) {
	if (*sk == NULL && (*sk = tt_sketch_create()) == NULL)
		return -ENOMEM;
	return tt_sketch_merge_encoded(*sk, sketch, len);
}

int agg_add_sketch(struct agg *a, const struct item *it, const void *sketch, size_t len) {
	int64_t g = agg_group(a, it->group), cell;
	int rc;

	if (g < 0)
		return (int)g;
	if ((rc = add_counts(a, it, (uint64_t)g, &cell)) < 0 ||
		(rc = merge_sketch(&a->groups[g].sketch, sketch, len)) < 0)
		return rc;
	return cell < 0 ? 0 : merge_sketch(&a->cells[cell].sketch, sketch, len);
}

int agg_add_light(struct agg *a, const struct item *it) {
	a->light = true;
	a->items[a->item_n++] = *it;
	return a->item_n == BLOCK ? agg_flush(a) : 0;
}

static void count_pairs(struct agg *a) {
	for (unsigned f = 0; f < 2; f++) {
		for (uint64_t i = 0; i < a->pairs[f].size; i++) {
			const struct map_slot *s = &a->pairs[f].slots[i];
			struct group *g;

			if (s->key1 == 0)
				continue;
			g = &a->groups[(s->key1 - 1) >> 32];
			g->sources++;
			g->top_source = s->val > g->top_source ? s->val : g->top_source;
		}
	}
}

int agg_finish(struct agg *a) {
	int rc = agg_flush(a);

	if (rc < 0)
		return rc;
	count_pairs(a);
	for (size_t i = 0; i < a->group_n; i++) {
		struct group *g = &a->groups[i];

		if (g->sketch != NULL)
			g->sources = tt_sketch_count(g->sketch);
		if (a->by_source) {
			g->sources = 1;
			g->top_source = g->packets;
		}
	}
	for (size_t i = 0; i < a->cell_n; i++) {
		if (a->by_source)
			a->cells[i].sources = 1;
		else if (a->cells[i].sketch != NULL)
			a->cells[i].sources = tt_sketch_count(a->cells[i].sketch);
	}
	return 0;
}

void agg_free(struct agg *a) {
	for (size_t i = 0; i < a->group_n; i++) {
		tt_sketch_destroy(&a->groups[i].sketch);
		free(a->groups[i].tops);
	}
	for (size_t i = 0; i < a->cell_n; i++)
		tt_sketch_destroy(&a->cells[i].sketch);
	big_free(a->groups, a->group_cap * sizeof(*a->groups));
	big_free(a->cells, a->cell_cap * sizeof(*a->cells));
	map_free(&a->group_of);
	map_free(&a->cell_of);
	map_free(&a->by_sensor);
	for (unsigned f = 0; f < 2; f++) {
		map_free(&a->pairs[f]);
		map_free(&a->cell_pairs[f]);
	}
}
