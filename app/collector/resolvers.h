/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// The files that say where a source is registered, whose network it is, and whether it is a known
// survey scanner. Replaced as a whole; a bad file leaves the set in force.
#include "options.h"
#include "tt_region.h"
#include "tt_store.h"

struct resolvers {
	struct tt_region *region;
	struct tt_asn *asn;
	struct tt_scanners *scanners;
};

/// Loads what the options name and hands it to the store. 0, or -errno with a message, and then
/// what was there before stays.
int resolvers_load(
	struct resolvers *r, const struct options *o, struct tt_store *store, struct tt_err *err);
void resolvers_free(struct resolvers *r);
