/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What is heaviest in a row of a rollup, by three things at once. Counters are those of Misra and
// Gries (Finding repeated elements, Sci. Comput. Program. 2, 1982), weighted by packets, and merge
// (Agarwal et al., Mergeable summaries, PODS 2012). Of any key, whether it has a counter or not,
//	counted <= packets <= counted + slack
// and slack is at most a quarter of all packets that were added.

#define HEAVY_COUNTERS 3

enum heavy_dim {
	HEAVY_SOURCE, // the hash that sketches take
	HEAVY_ASN,    // AS of the source, 0: unknown
	HEAVY_OTHER,  // region of a row by service, service of the others (protocol << 16 | port)
	HEAVY_DIMS
};

struct counters { // a line of a cache
	uint64_t slack, n;
	uint64_t key[HEAVY_COUNTERS], packets[HEAVY_COUNTERS]; // in no order
};
void counters_add(struct counters *c, uint64_t key, uint64_t packets);
void counters_merge(struct counters *into, const struct counters *from);
/// The largest count, 0 where there is none.
uint64_t counters_most(const struct counters *c);

struct heavy {
	_Alignas(64) struct counters of[HEAVY_DIMS];
};
static inline void heavy_prefetch(const struct heavy *h) {
	for (unsigned d = 0; d < HEAVY_DIMS; d++)
		__builtin_prefetch(&h->of[d], 1);
}
/// NULL without memory; freed with free().
struct heavy *heavy_create(void);
void heavy_reset(struct heavy *h);
void heavy_add(struct heavy *h, uint64_t source, uint64_t asn, uint64_t other, uint64_t packets);
/// Packets of which nothing is known.
void heavy_unknown(struct heavy *h, uint64_t packets);
void heavy_merge(struct heavy *into, const struct heavy *from);

/// Stored forms: nothing (nothing is known of the row's packets); one source whose hash is the
/// sketch's only one, of one AS and one other; or all counters.
#define HEAVY_MAX (1 + HEAVY_DIMS * (10 + 1 + HEAVY_COUNTERS * 20))
#define HEAVY_ONE 21 // the second form is no longer
/// The stored form is no longer.
static inline size_t heavy_bound(const struct heavy *h) {
	return 1 + HEAVY_DIMS * 11 + 20 * (size_t)(h->of[0].n + h->of[1].n + h->of[2].n);
}
size_t heavy_encode(const struct heavy *h, uint8_t buf[HEAVY_MAX]);
size_t heavy_encode_one(uint64_t asn, uint64_t other, uint8_t buf[HEAVY_MAX]);
/// Whether it is the second form, and of what.
bool heavy_encoded_one(const void *blob, size_t len, uint64_t *asn, uint64_t *other);
/// Reads any form into h (which is reset) for a row of so many packets that have a source, and the
/// row's sketch; -EBADMSG for what is none.
int heavy_decode(struct heavy *h, const void *blob, size_t len, const void *sources,
	size_t sources_len, uint64_t packets);
