/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define GAPS_TOPICS 16384 // that are remembered; of more nothing is told

/// The last message of every topic.
struct gaps;
struct gaps *gaps_create(void);
void gaps_destroy(struct gaps **g);
/// Notes a message and returns how many of its topic were missed before it: after the last one of
/// the same boot, or from the first one of a new boot. 0 for a topic that is new.
uint64_t gaps_note(struct gaps *g, const char *topic, const char *json, size_t len);
