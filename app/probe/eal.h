/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

#include "config.h"

/// DPDK's environment: started once, leaves nothing in the file system.
struct eal {
	bool up, hugepages, telemetry;
	int socket; // for tables: SOCKET_ID_ANY, or that of a heap of our own
	void *heap; // its memory
	size_t heap_len;
	char said[512]; // the first complaint of DPDK since eal_listen, for messages
	bool complained;
};

/// What tables and packet buffers will take, in MB; buffers in small pages take more.
struct eal_need {
	unsigned tables, buffers, buffers_small;
};

/// Starts it with the configured lcores. Memory comes from hugepages where there are enough;
/// otherwise tables live in transparent ones where the kernel gives them.
int eal_start(
	struct eal *e, const struct config *c, const struct eal_need *need, struct tt_err *err);
void eal_stop(struct eal *e);
/// After start-up failed for want of hugepages that were there a moment ago (`auto`): runs the
/// program again without them. Returns where that is not so.
void eal_retry(const struct eal *e, const struct config *c, char **argv);
/// Forgets what DPDK said so far; eal_said returns what it first complained of since, or "".
void eal_listen(struct eal *e);
const char *eal_said(const struct eal *e);
