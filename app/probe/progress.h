/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/// A line on a terminal that is written over; silent where stderr is none or TERM is dumb, and in
/// the first second.
struct progress {
	bool on, shown;
	int64_t start_ns, last_ns;
	uint64_t last_packets;
};
void progress_begin(struct progress *p);
/// done and all are bytes of the captures.
void progress_show(struct progress *p, uint64_t packets, uint64_t done, uint64_t all);
/// Wipes the line.
void progress_end(struct progress *p);
