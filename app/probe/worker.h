/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <rte_epoll.h>
#include <rte_mbuf.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gap.h"
#include "idle.h"
#include "plan.h"
#include "reader.h"
#include "rules.h"
#include "tt_flow.h"
#include "tt_packet.h"

#define BURST	 PLAN_BURST
// Bursts that a poll takes from a port at most, where each was full: the headers of one are asked
// for before the one before it is counted.
#define TURNS	 4
// Of a packet in several buffers, what the parser gets to see.
#define FLAT_LEN 16384u

struct probe;

/// A receive queue of a port, or a capture, that a worker polls.
struct source {
	uint16_t port, queue; // main writes while it is closed
	uint16_t uplink;
	_Atomic bool open; // a port's; main writes: a worker that saw it open may use it until it
			   // says that it holds nothing
	struct reader *reader; // not NULL: a capture
	struct worker *worker;
	_Atomic uint64_t packets; // since the start; worker writes
	enum wake wake;		  // main writes
	struct rte_epoll_event event;
};

/// What a worker says of itself: it writes, anybody reads (relaxed).
struct worker_stats {
	struct polls polls[2];	   // [turn & 1]: of the epoch at hand, the other: of the last
	_Atomic unsigned turn;	   // epochs that it has entered
	_Atomic uint64_t overruns; // epoch ends at which the other table was not free yet
};

/// What a worker read of the capture at hand (replay); the harvester reads it after `done`.
struct worker_job {
	uint64_t packets, bytes;
	int64_t first_ns, last_ns;
};

/// Packets on their way.
struct burst {
	struct rte_mbuf *mbufs[BURST];
	struct tt_frame frames[BURST];
	int64_t ns[BURST];
	uint32_t len[BURST];
	unsigned n;
	bool plain; // the mbufs are whole, nobody else's and of one pool
};

struct worker {
	struct probe *probe;
	unsigned index, lcore;
	struct tt_flow *flow;
	struct source *sources;
	unsigned source_n;
	_Atomic int64_t closed;	     // live: packets before this second are all switched away
	_Atomic unsigned era;	     // live: of the clock; what it packs now is of it
	_Atomic unsigned handed_era; // live: of the packets in the table that was switched away
	_Atomic int64_t still_from_ns, still_to_ns; // live: when it last did not poll for long
	_Atomic bool done; // live: has ended; replay: has nothing left of this capture
	struct worker_job job;
	unsigned last_polls; // since it was asked to stop
	struct idler idler;
	struct worker_stats stats;

	// the worker's own
	struct burst received[2]; // that at hand, and the next
	struct burst read;	  // from a capture
	struct tt_capture_rec recs[BURST];
	struct tt_pkt pkts[BURST];
	uint8_t *flat; // BURST times FLAT_LEN, touched where packets need it
} __rte_cache_aligned;

/// The polls of the epoch at hand. The worker itself.
static inline struct polls *worker_polls(struct worker *w) {
	return &w->stats.polls[atomic_load_explicit(&w->stats.turn, memory_order_relaxed) & 1];
}

/// Entry points of a worker lcore (rte_lcore_function_t); arg is its struct worker.
int worker_live(void *arg);
int worker_replay(void *arg);

/// Counts the packets of one uplink. Waits where the table says so; gives up when the probe is
/// aborted.
void worker_count(
	struct worker *w, const struct rules *rules, unsigned uplink, const struct burst *b);
/// Takes a burst from a capture into mbufs over the map and counts it. 0: nothing left.
unsigned worker_capture(
	struct worker *w, const struct rules *rules, struct reader *reader, unsigned uplink);
/// mbufs for captures: without room of their own, they point into the map.
int worker_capture_mbufs(struct worker *w, struct rte_mempool *pool);
