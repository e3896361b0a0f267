/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdio.h>

#include "gen.h"

#define SPLIT_MAX  512
#define PORT_MIXED 0x10000u // destination port of an observation that saw several

/// One cell of the books: everything that a question can ask for. Unpacked for writing.
struct cell_view {
	uint32_t source, dport;
	uint16_t sensor, port, split;
	uint8_t class, proto, tool;
	uint64_t packets, bytes;
};

struct truth_cell {
	uint64_t a, b; // packed key; packets of 0: free
	uint64_t bytes;
	uint32_t packets;
	uint32_t dport; // of observations that may vary: the first one, or PORT_MIXED
};
struct truth_table {
	struct truth_cell *c;
	uint64_t mask, n;
};
struct tally {
	uint64_t packets[TT_FATE_N], bytes[TT_FATE_N];
	uint64_t feed_fragments;
	uint64_t all_packets, all_bytes;
	int64_t first_ns, last_ns;
};
struct truth {
	const struct scenario *s;
	const struct regions *regions;
	const struct targets *targets;
	const struct sources *sources;
	int64_t splits[SPLIT_MAX]; // nanoseconds
	unsigned split_n;
	uint32_t epoch_s, snaplen;
	struct truth_table cells;
	struct truth_table open; // observations whose destination port may vary
	struct tally *tallies;	 // one for each part
	uint64_t *streams;	 // packets of each
};

struct cell_view truth_view(const struct truth_cell *c);
/// Moves open observations into the cells: nothing can be counted afterwards.
int truth_settle(struct truth *t);
/// Writes the member "planted".
void truth_write_events(const struct truth *t, FILE *f);
