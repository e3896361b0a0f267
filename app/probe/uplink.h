/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "eal.h"
#include "reader.h"

struct rte_mempool;

/// What an uplink lost outside, since its start.
struct losses {
	uint64_t imissed, ierrors, rx_nombuf;
};

/// A port or a capture that packets come from.
struct uplink {
	const struct uplink_conf *conf;
	bool is_port, started;
	uint16_t port;
	struct rte_mempool *pool;
	char iface[64];	      // of a device that stands for a kernel interface, else ""
	_Atomic bool link_up; // control writes
	struct losses last;   // at the last epoch's end; harvester only
	struct reader reader; // of a capture
};

/// Opens, configures and starts an uplink. 0 or -errno with a message that names the JSON path.
int uplink_open(struct uplink *u, const struct config *c, unsigned index, unsigned workers,
	struct eal *e, struct tt_err *err);
void uplink_close(struct uplink *u);
/// Asks for the state of the link. Control thread.
void uplink_poll_link(struct uplink *u);
/// What was lost since the last call. Harvester thread.
struct losses uplink_losses(struct uplink *u);
/// Megabytes of packet buffers that the configured uplinks will take.
unsigned uplinks_need_mb(const struct config *c);
