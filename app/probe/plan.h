/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "config.h"

// Which worker polls which queue, and how large rings and buffers are. A pure function of what is
// known: asked before DPDK starts, for the memory it will take, and again when the devices are
// open and have said what they can do. What they say only makes the plan smaller.

/// A worker and the NUMA node of its core (-1: unknown, or the machine has one).
struct plan_worker {
	unsigned lcore;
	int node;
};

/// What is known of an uplink. 0 (node: -1) where nothing is: before the device is open, or
/// because it does not say.
struct plan_device {
	enum device_kind kind;
	bool in_kernel;	      // net_af_packet: the ring is the kernel's, frames of one size in it
	unsigned queues;      // wanted by the configuration
	unsigned descriptors; // the same, of one ring
	unsigned buffers;     // the same, at least
	unsigned mtu;	      // of the configuration, else of the kernel's interface
	unsigned mbps;	      // fastest that the link can be
	unsigned queues_max, ring_max;
	bool scatters; // spreads a frame over several buffers
	int node;
};

struct plan_uplink {
	unsigned queues;
	unsigned ring;	     // descriptors of one queue
	unsigned buffers;    // in its pool: at least twice all rings and what workers hold
	unsigned room;	     // bytes of a buffer, headroom included
	unsigned mtu;	     // to set; 0: leave the device's own
	unsigned frames;     // in the kernel's ring of one queue; 0: no such ring
	unsigned frame_size; // a power of two
	unsigned nap_max_us; // in which at most half a ring fills at line rate
};

struct plan_queue {
	unsigned uplink, queue, worker;
	bool far; // device and worker are on different nodes
};

#define PLAN_QUEUES_MAX 4096
struct plan {
	struct plan_uplink uplinks[UPLINK_MAX];
	unsigned uplink_n;
	struct plan_queue queues[PLAN_QUEUES_MAX];
	unsigned queue_n;
};

/// Packets that a worker holds on to at most beside the rings: a burst and what its cache of
/// buffers may keep.
#define PLAN_BURST	64
#define PLAN_CACHE	256
/// Longest nap where the link's speed is not known.
#define PLAN_NAP_MAX_US 1000

/// Makes the plan. worker_n at least 1, device_n at most UPLINK_MAX.
void plan_make(struct plan *p, const struct plan_device *devices, unsigned device_n,
	const struct plan_worker *workers, unsigned worker_n);
/// Bytes of packet buffers that it takes, pools' own overhead included, in pages of so many bytes:
/// a buffer that fits into a page lies in one.
uint64_t plan_bytes(const struct plan *p, uint64_t page);
/// 64-byte frames a second at this speed: 14,880,952 at 10,000.
uint64_t plan_line_rate(unsigned mbps);
