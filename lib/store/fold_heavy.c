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
	f->sketch_bytes += sizeof(*h);
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
	if (r->heavy != NULL)
		return r->heavy;
	if ((r->heavy = take_counters(f)) == NULL)
		return NULL;
	if (r->hash != 0)
		heavy_add(r->heavy, r->hash, r->asn, r->other, r->packets - r->spilled);
	return r->heavy;
}

int fold_heavy_add(struct fold *f, struct fold_row *r, uint64_t hash, uint32_t asn, uint32_t other,
	uint64_t packets) {
	if (r->heavy == NULL) {
		if (r->hash == 0) {
			r->asn = asn;
			r->other = other;
			return 0;
		}
		if (r->hash == hash && r->asn == asn && r->other == other)
			return 0;
		if (fold_heavy_row(f, r) == NULL)
			return -ENOMEM;
	}
	heavy_add(r->heavy, hash, asn, other, packets);
	return 0;
}

int fold_heavy_merge(struct fold *f, struct fold_row *r, const struct fold_row *from) {
	if (from->heavy == NULL)
		return from->hash == 0 ? 0
				       : fold_heavy_add(f, r, from->hash, from->asn, from->other,
						 from->packets - from->spilled);
	if (fold_heavy_row(f, r) == NULL)
		return -ENOMEM;
	heavy_merge(r->heavy, from->heavy);
	return 0;
}

void fold_heavy_to(const struct fold_row *r, struct heavy *into) {
	if (r->heavy != NULL)
		heavy_merge(into, r->heavy);
	else if (r->hash != 0)
		heavy_add(into, r->hash, r->asn, r->other, r->packets - r->spilled);
}

size_t fold_heavy_encode(const struct fold_row *r, uint8_t buf[HEAVY_MAX]) {
	if (r->heavy != NULL)
		return heavy_encode(r->heavy, buf);
	return r->hash != 0 ? heavy_encode_one(r->asn, r->other, buf) : 0;
}
