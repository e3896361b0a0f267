/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_wire.h"

/// The batch whose bytes docs/wire-format.md shows: three observations, a tally, a state, a
/// document.
void sample_golden(struct tt_batch *b);
/// Plausible observation number i of a stream: Zipf ports with 5 % over all, many sources.
void sample_obs(uint64_t i, struct tt_obs *out);
#define SAMPLE_SENSORS 30
extern const char *const sample_sensors[SAMPLE_SENSORS];
