/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Makes of a batch what is kept of it where there is no room: the same boot and number, its
/// tallies, states and document, and instead of its observations how many packets those were, by
/// epoch: in a tally of the first uplink (spool_lost) and for every sensor (given_up). The fraction
/// of an uplink's packets that is missing is the best that is known of each of its sensors.
struct thinner;
struct thinner *thinner_create(void);
void thinner_destroy(struct thinner **t);
/// The thin batch, valid until the next call, and the packets that were given up. -ENODATA where it
/// has no observations (any more), -errno.
int thin(struct thinner *t, const void *msg, size_t len, const void **out, size_t *out_len,
	uint64_t *packets);
