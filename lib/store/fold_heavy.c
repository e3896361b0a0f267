/* SPDX-License-Identifier: BSD-3-Clause */
// What is heaviest in the rows of a fold.
#include <errno.h>
#include <stdlib.h>

#include "fold.h"

// Counters lie close together in huge pages: they are touched in no order.
#define SLAB	   21844
#define SLAB_BYTES (4u << 20)
struct heavy_slab {
	struct heavy_slab *next;
	size_t n;
	struct heavy heavy[SLAB];
};
_Static_assert(sizeof(struct heavy_slab) <= SLAB_BYTES, "a slab is two huge pages");

static struct heavy *take_counters(struct fold *f) {
	struct heavy *h;

	if (f->slabs == NULL || f->slabs->n == SLAB) {
		struct heavy_slab *slab = big_calloc(SLAB_BYTES);

		if (slab == NULL)
			return NULL;
		slab->next = f->slabs;
		f->slabs = slab;
	}
	h = &f->slabs->heavy[f->slabs->n++];
	f->heavy_bytes += sizeof(*h);
	return h;
}

void fold_heavy_free(struct fold *f) {
	while (f->slabs != NULL) {
		struct heavy_slab *slab = f->slabs;

		f->slabs = slab->next;
		big_free(slab, SLAB_BYTES);
	}
}

struct heavy *fold_heavy_row(struct fold *f, struct fold_row *r) {
	uint64_t only;

	if (r->heavy != NULL)
		return r->heavy;
	if ((r->heavy = take_counters(f)) == NULL)
		return NULL;
	if (tt_sketch_is_one(&r->sources, &only))
		heavy_add(r->heavy, only, r->asn, r->other, r->packets - r->spilled);
	return r->heavy;
}

int fold_heavy_add(struct fold *f, struct fold_row *r, uint64_t hash, uint32_t asn, uint32_t other,
	uint64_t packets) {
	uint64_t only;

	if (r->heavy == NULL) {
		if (!tt_sketch_is_one(&r->sources, &only)) {
			r->asn = asn;
			r->other = other;
			return 0;
		}
		if (only == hash && r->asn == asn && r->other == other)
			return 0;
		if (fold_heavy_row(f, r) == NULL)
			return -ENOMEM;
	}
	heavy_add(r->heavy, hash, asn, other, packets);
	return 0;
}

int fold_heavy_merge(struct fold *f, struct fold_row *r, const struct fold_row *from) {
	uint64_t only;

	if (from->heavy == NULL)
		return !tt_sketch_is_one(&from->sources, &only)
			       ? 0
			       : fold_heavy_add(f, r, only, from->asn, from->other,
					 from->packets - from->spilled);
	if (fold_heavy_row(f, r) == NULL)
		return -ENOMEM;
	heavy_merge(r->heavy, from->heavy);
	return 0;
}

void fold_heavy_to(const struct fold_row *r, struct heavy *into) {
	uint64_t only;

	if (r->heavy != NULL)
		heavy_merge(into, r->heavy);
	else if (tt_sketch_is_one(&r->sources, &only))
		heavy_add(into, only, r->asn, r->other, r->packets - r->spilled);
}

size_t fold_heavy_encode(const struct fold_row *r, uint8_t buf[HEAVY_MAX]) {
	uint64_t only;

	if (r->heavy != NULL)
		return heavy_encode(r->heavy, buf);
	return tt_sketch_is_one(&r->sources, &only) ? heavy_encode_one(r->asn, r->other, buf) : 0;
}
