/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tt_err.h"
#include "tt_obs.h"
#include "tt_packet.h"

/// One worker's flow tables: two, of which the worker fills one while the harvester empties the
/// other. The worker calls tt_flow_add and tt_flow_switch, the harvester tt_flow_harvest; neither
/// waits for the other. Everyone may read the live counters.
struct tt_flow;

struct tt_flow_conf {
	int socket;	     // NUMA node of the worker, -1: any
	unsigned worker;     // index, for names of DPDK objects
	uint32_t epoch_s;    // divides 3,600
	uint32_t ipv4, ipv6; // flows per table, at least; memory is used best at 61/64 of 2^n
	uint32_t spill;	     // places of the spill table
	uint32_t tallies;    // (uplink, epoch) pairs per table
	bool wait_when_full; // replay: tt_flow_add stops at a full table; otherwise it spills
	bool keep_epochs;    // the same where no row is left for an epoch's tally (or class total);
			     // otherwise the packet is counted in its uplink's newest epoch
	bool mark_late;	     // count packets of epochs before the newest as late
	uint16_t sensors, uplinks; // numbers of them, highest index + 1
	uint8_t secret[16];	   // from the operating system, the same for all workers of a probe
};

/// Makes and touches everything that a worker will need; NULL with errno and a message. Needs a
/// running EAL; one call at a time in a process (tt_flow_memory is what DPDK's heap grew by).
struct tt_flow *tt_flow_create(const struct tt_flow_conf *conf, struct tt_err *err);
void tt_flow_destroy(struct tt_flow **f);
/// Bytes that create took (everything: both tables, keys, values, rows, counters).
size_t tt_flow_memory(const struct tt_flow *f);
/// Bytes that create will take at most, a little more than tt_flow_memory will say. Needs no EAL.
size_t tt_flow_estimate(const struct tt_flow_conf *conf);

/// Counts n parsed and resolved packets (at most 64) of one uplink: fate, tally, observation.
/// ns: time of each (times before 1970 and past TT_TIME_MAX count there); len: original frame
/// length of each; uplink below conf.uplinks; packets of sensors from conf.sensors on are
/// unassigned. Returns how many were counted, from the front: n, or fewer when it has to wait
/// (wait_when_full, keep_epochs) until the other table is free: call again with the rest. When
/// something is full that must not be, and the other table is free, it switches by itself.
unsigned tt_flow_add(struct tt_flow *f, unsigned uplink, const struct tt_pkt *pkts,
	const int64_t *ns, const uint32_t *len, unsigned n);

/// Steps of tt_flow_add.
enum tt_flow_step {
	TT_FLOW_KEY,	// makes and hashes keys, asks for buckets
	TT_FLOW_LOOKUP, // reads buckets, asks for rows
	TT_FLOW_UPDATE, // compares keys, counts; makes new flows
	TT_FLOW_STEPS
};
/// For measuring: as tt_flow_add, and adds the cycles of the time stamp counter that each step
/// takes to tt_flow_cycles. The looks at the counter cost some cycles a packet themselves. One
/// thread of a process.
unsigned tt_flow_add_timed(struct tt_flow *f, unsigned uplink, const struct tt_pkt *pkts,
	const int64_t *ns, const uint32_t *len, unsigned n);
extern uint64_t tt_flow_cycles[TT_FLOW_STEPS];

/// Asks for the tables to change places, at an epoch's end and at the end of input, empty or not.
/// False when the harvester still has the other one: nothing changed, ask again. Worker only.
bool tt_flow_switch(struct tt_flow *f);
/// Whether the harvester has a table that it has not emptied yet. Any thread.
bool tt_flow_handed(const struct tt_flow *f);
/// The clock was set back by so many nanoseconds: no epoch is the newest any more, and the last
/// packets of sensors are as long ago as before. Worker only.
void tt_flow_set_back(struct tt_flow *f, int64_t by_ns);
/// Whether the current table holds nothing that has not been harvested, and the other is free. Any
/// thread; true stays true only while the worker adds nothing.
bool tt_flow_idle(const struct tt_flow *f);

/// What a harvest hands out; each may be NULL. Rows live during the call.
struct tt_flow_sink {
	void (*obs)(void *arg, const struct tt_obs *o); // spilled ones too
	void (*tally)(void *arg, const struct tt_tally *t);
	void *arg;
};
/// Empties the table that was switched away, if there is one: hands out its rows, clears it, gives
/// it back. Returns 1 when it did, 0 when there was none. Harvester thread only.
int tt_flow_harvest(struct tt_flow *f, const struct tt_flow_sink *sink);

/// Plain counters of one sensor and class since start; written by the worker, read by anyone
/// (relaxed).
struct tt_live {
	_Atomic uint64_t packets[TT_OBSERVED_CLASS_N], bytes[TT_OBSERVED_CLASS_N];
	_Atomic int64_t last_ns; // newest packet
} __attribute__((aligned(128))); // found by a shift, and no line is another sensor's
const struct tt_live *tt_flow_live(const struct tt_flow *f, uint16_t sensor);

/// Counters of the table itself (relaxed reads).
struct tt_flow_stats {
	uint32_t used4, used6;	 // of the current table
	uint32_t size4, size6;	 // budgets
	uint32_t slots4, slots6; // entries that their buckets have
	uint64_t spilled, switches, late, waits;
};
void tt_flow_stats(const struct tt_flow *f, struct tt_flow_stats *out);
