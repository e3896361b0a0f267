/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "eal.h"
#include "plan.h"
#include "reader.h"

struct rte_mempool;
struct rte_rcu_qsbr;
struct source;

#define UPLINK_QUEUES_MAX 64

/// What an uplink lost outside, since its start; of a queue where the device tells.
struct losses {
	uint64_t imissed, ierrors, rx_nombuf;
	uint64_t queue_imissed[UPLINK_QUEUES_MAX], queue_errors[UPLINK_QUEUES_MAX];
	bool by_queue; // queue_imissed is known
};

enum uplink_state {
	UPLINK_OPEN,
	UPLINK_LEAVING, // the device is gone, workers may still be at it
	UPLINK_GONE,	// closed, tried again every second
};

/// A port or a capture that packets come from. Main thread, except where said.
struct uplink {
	const struct uplink_conf *conf;
	struct plan_uplink plan;
	struct eal *eal;
	bool is_port, started;
	enum uplink_state state;
	uint64_t token;	   // LEAVING: of the readers that have to pass
	bool complained;   // GONE: of why it could not be opened
	int64_t looked_ns; // last time that counters were read, or opening was tried
	uint16_t port;
	struct rte_mempool *pool; // outlives the device
	char name[16];		  // of the pool
	char driver[32];
	const char *spread;	 // how packets reach queues, for messages
	char iface[64];		 // of a device that stands for a kernel interface, else ""
	unsigned ifindex;	 // that it was opened with
	bool interrupts;	 // the device was configured with them
	_Atomic bool link_up;	 // main writes
	_Atomic bool was_down;	 // in this epoch; main sets, harvester resets
	_Atomic bool link_event; // DPDK's interrupt thread sets: look at once
	_Atomic bool removed;	 // the same: the device is gone
	unsigned mbps;		 // when the link came up
	struct source *sources[UPLINK_QUEUES_MAX]; // by queue
	int sockets[UPLINK_QUEUES_MAX];		   // of net_af_packet, by queue
	unsigned socket_n;

	pthread_mutex_t lock; // of what follows: main and harvester count
	struct losses total;
	struct losses seen;  // of the device, when counted last
	struct losses taken; // of total, at the last epoch's end

	struct reader reader; // of a capture
};

/// What can be said of an uplink before DPDK runs.
void uplink_guess(const struct uplink_conf *conf, struct plan_device *out);
/// Finds the device (made of the plan's frames where it is made), says what it can do. 0 or -errno
/// with a message.
int uplink_open(struct uplink *u, const struct uplink_conf *conf, const struct plan_uplink *plan,
	struct eal *e, struct plan_device *out, struct tt_err *err);
/// Configures and starts it by its plan. 0 or -errno with a message.
int uplink_start(
	struct uplink *u, const struct plan_uplink *plan, enum idle idle, struct tt_err *err);
void uplink_close(struct uplink *u);

/// Looks at the link, and at whether the device is there at all: closes one that is gone and opens
/// it again when it is back, while workers go on with the others.
void uplink_watch(struct uplink *u, struct rte_rcu_qsbr *readers, enum idle idle);
/// Waits up to so many seconds for all links, less when a signal comes. How many are up.
unsigned uplinks_wait(struct uplink *u, unsigned n, unsigned seconds);

/// Whether the link was up all through the epoch that ends. Harvester, once for each.
bool uplink_was_up(struct uplink *u);
/// Reads the counters of the device. Main and harvester thread.
void uplink_count(struct uplink *u);
/// What was lost since the last call, in `out`; what since the start, in `total`. Harvester.
void uplink_losses(struct uplink *u, struct losses *out, struct losses *total);

// private to uplink*.c
int uplink_find(struct uplink *u, struct tt_err *err);
void uplink_release(struct uplink *u);
