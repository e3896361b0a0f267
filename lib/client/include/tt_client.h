/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tt_err.h"
#include "tt_link.h"

/// A subscriber of PUB streams.
struct tt_sub;
struct tt_sub *tt_sub_create(const char *endpoint, const char *const *topics, unsigned topic_n,
	const struct tt_link_keys *keys, struct tt_err *err);
/// Waits up to timeout_ms for one message: 1 with topic and JSON (valid until the next call), 0 at
/// the timeout, -errno. -EINTR on a signal; -EACCES where the publisher does not let this key in.
int tt_sub_next(
	struct tt_sub *s, int timeout_ms, const char **topic, const char **json, size_t *len);
/// Messages of the topic that were missed just before the last one, by its `seq` and `boot`; of a
/// topic that is new here what came before is not missed.
uint64_t tt_sub_missed(const struct tt_sub *s);
void tt_sub_destroy(struct tt_sub **s);
