/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "hasher.h"
#include "ledger.h"
#include "table.h"
#include "tt_flow.h"

#define BURST_MAX RTE_HASH_LOOKUP_BULK_MAX

/// Counters of one uplink in one epoch.
struct tally_row {
	uint64_t packets[TT_FATE_N], bytes[TT_FATE_N];
	uint64_t late, feed_fragments;
};

/// Counters of one sensor and class in one epoch, for packets that not even the spill table holds.
struct total_row {
	uint64_t packets, bytes;
	uint32_t first_us, last_us;
};

/// One of the two tables that change places.
struct flow_half {
	struct flow_table v4, v6, spill; // no spill table where packets wait, or none was asked for
	struct ledger tallies, totals;	 // group: uplink; sensor * TT_OBSERVED_CLASS_N + class
	struct tally_row *tally_rows;
	struct total_row *total_rows;
} __attribute__((aligned(64))); // two threads write two halves

/// Packets in a row that fall into one epoch.
struct flow_run {
	unsigned from; // ends where the next begins
	uint32_t epoch, tally;
};

#define PLACE_TOTAL -1 // of a spilled packet that is counted in total

/// From one number up to another.
struct flow_part {
	unsigned from, to;
};

/// Packets of a burst that go through the stages together, and their keys.
struct flow_chunk {
	struct flow_part packets, v4, v6;
};

/// The keys of one family in a burst, one after the other.
struct flow_lane {
	const void *key[BURST_MAX]; // constant: where keys are made
	uint32_t sig[BURST_MAX];
	int32_t pos[BURST_MAX + 3]; // read four at a time
	uint8_t index[BURST_MAX];   // of the packet
	unsigned n;
};

/// What a burst's stages hand on; indexes are the packet's unless they say otherwise.
struct flow_burst {
	struct key4 key4[BURST_MAX]; // in order of the IPv4 packets
	struct key6 key6[BURST_MAX]; // of the IPv6 packets
	struct key4 key_spill[BURST_MAX];
	struct flow_lane v4, v6, spill;
	int32_t place[BURST_MAX];  // in the table of its family or the spill table; PLACE_TOTAL
	uint32_t total[BURST_MAX]; // row of the totals
	struct flow_run runs[BURST_MAX + 1]; // the first may be empty
	uint32_t us[BURST_MAX];
	uint64_t dst_bit[BURST_MAX];
	uint8_t fate[BURST_MAX];
	unsigned n_runs, run; // run: the one that is counted
};

struct tt_flow {
	// set at creation
	struct tt_flow_conf conf;
	struct hasher hasher;
	struct tt_live *live;
	int64_t epoch_ns;
	size_t memory;
	bool stops;		  // packets wait rather than be counted in another epoch's row
	struct flow_half half[2]; // belongs to the worker, or to the harvester while handed says so

	// worker only
	struct flow_burst burst __attribute__((aligned(64)));
	int64_t window_start; // of the epoch last used, nanoseconds
	uint64_t window_ns;   // of its times that are not clamped; 0 at first
	uint32_t window_epoch;
	uint32_t newest;  // epoch
	unsigned current; // half that the worker fills

	// written by the worker, read by anyone (relaxed)
	_Atomic uint32_t used4 __attribute__((aligned(64)));
	_Atomic uint32_t used6;
	_Atomic uint64_t spilled, switches, late, waits;
	_Atomic uint32_t tallies; // of the current half (release: after handed); 0: it is empty

	// index of the half that belongs to the harvester, or -1. The worker writes an index over
	// -1 (release, after its last write to the half), the harvester -1 over an index (release,
	// after the half is empty).
	_Atomic int handed __attribute__((aligned(64)));
};

/// Adds to a counter that only this thread writes.
static inline void counter_add(_Atomic uint64_t *c, uint64_t n) {
	atomic_store_explicit(
		c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}
