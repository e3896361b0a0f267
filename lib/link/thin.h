/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "tt_link.h"

/// By which uplink each sensor's packets come, sorted.
struct ways {
	struct tt_link_way *way;
	unsigned n;
};
void ways_sort(struct ways *w);

/// Makes of a batch what is kept of it where there is no room: the same boot and number, its
/// tallies, states and document, and instead of its observations how many packets those were, by
/// epoch: in tallies of the uplinks they came by (spool_lost), and for every sensor (given_up)
/// those of its uplink, or of all. The fraction of an uplink's packets that is missing is the best
/// that is known of each of its sensors.
struct thinner;
struct thinner *thinner_create(void);
void thinner_destroy(struct thinner **t);
/// The thin batch, valid until the next call, and the packets that were given up. -ENODATA where it
/// has no observations (any more), -errno.
int thin(struct thinner *t, const struct ways *ways, const void *msg, size_t len, const void **out,
	size_t *out_len, uint64_t *packets);
