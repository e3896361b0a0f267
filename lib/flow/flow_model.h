/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>

#include "tt_flow.h"

/// Observations as a reader would add them up: a list, sorted by key and folded. What the tests
/// compare: one list is written packet by packet, the other by the harvest.
struct model {
	struct model_row {
		struct tt_obs obs;
		size_t seq; // order of arrival
	} * rows;
	size_t n, cap;
	struct tt_tally *tallies;
	size_t tally_n, tally_cap;
};

/// Which parts of the key a fold keeps.
enum model_key { MODEL_FLOW, MODEL_SERVICE, MODEL_CLASS };

void model_free(struct model *m);
void model_obs(void *model, const struct tt_obs *o);
void model_tally(void *model, const struct tt_tally *t);
/// What one packet alone should give: nothing more than a tally where it has no sensor.
void model_packet(struct model *m, uint32_t epoch_s, uint16_t sensors, uint16_t uplink,
	const struct tt_pkt *p, int64_t ns, uint32_t len);
/// Sorts and adds up. One epoch for all tallies of an uplink where epochs is false.
void model_fold(struct model *m, enum model_key key, bool epochs);
int model_key_cmp(const struct tt_obs *a, const struct tt_obs *b);
/// Sums over the tallies, by fate.
void model_tally_sum(const struct model *m, uint64_t packets[TT_FATE_N], uint64_t bytes[TT_FATE_N]);
