/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// The streams of what was merged: batches are folded by probe and epoch, and an epoch's `stats`
// and `health` go out when its sensors' states arrive, which the probe sends last.
#include <stddef.h>

#include "tt_err.h"
#include "tt_link.h"

struct merge;
struct tt_regions;

/// pub: where the messages go; server: asked for clocks and what was refused. Both are borrowed.
struct merge *merge_create(struct tt_pub *pub, struct tt_link_server *server);
void merge_destroy(struct merge **m);
/// Keeps a copy of a batch that the store took; nothing is told before it is committed.
void merge_stage(struct merge *m, const void *msg, size_t len);
/// The transaction is on disk: folds what was staged, publishes epochs that are closed. regions
/// may be NULL.
void merge_commit(struct merge *m, struct tt_regions *regions);
/// The transaction was undone: forgets what was staged.
void merge_rollback(struct merge *m);
