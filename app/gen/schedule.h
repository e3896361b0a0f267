/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "gen.h"

/// Makes the sources: a pool for each role and for each event that has its own.
int schedule_pools(struct scenario *s, const struct regions *r, struct sources *src,
	struct rng *rng, struct tt_err *err);
/// The next packet's time; false when all have been given.
bool schedule_time(struct schedule *s, struct rng *r, int64_t *ns);
/// What comes at that time.
void schedule_pick(struct schedule *s, struct rng *r, struct pick *p);
