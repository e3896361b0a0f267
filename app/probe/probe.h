/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "config.h"
#include "eal.h"
#include "options.h"
#include "plan.h"
#include "publish.h"
#include "reader.h"
#include "rules.h"
#include "sender.h"
#include "totals.h"
#include "uplink.h"
#include "worker.h"

/// How captures are handed to the workers of a replay, one at a time.
struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint64_t number; // of the capture at hand; written by replay_run under the lock
	bool quit;	 // under the lock
	struct reader reader;
};
void jobs_init(struct jobs *j);
/// Worker: waits for a capture later than *seen; false when there will be none.
bool job_wait(struct jobs *j, uint64_t *seen);

/// The whole program. Threads: main (start-up, then control), harvester, workers, for the time of
/// a reload one more.
struct probe {
	struct options options;
	struct config config;
	struct slots slots;
	struct rules_ref rules;
	struct eal eal;
	struct clock_line clock;
	struct plan plan;
	struct uplink *uplinks; // NULL in replay
	unsigned uplink_n;
	struct worker *workers; // config.worker_n
	unsigned worker_n;
	struct rte_mempool *capture_pool;
	char boot[TT_BOOT_LEN]; // the first; see probe_boot
	_Atomic bool stop;	// end, flush everything; written by main
	_Atomic bool abort;	// end at once, what is under way does not count; written by main
	struct jobs jobs;	// replay
	struct publisher publisher;
	struct totals totals;	     // live
	struct sender sender;	     // harvester thread, once it runs
	struct tt_link_client *link; // NULL: no collector
};

/// The two ways to run, after start-up; each returns the exit status.
int replay_run(struct probe *p);
int live_run(struct probe *p);
/// Gives the workers their queues and starts them.
int live_start(struct probe *p, struct tt_err *err);
/// The boot that batches and messages of an era of the clock are of. Where it was set back the
/// probe's boot ends: within one, epochs ascend. Any thread.
void probe_boot(const struct probe *p, unsigned era, char boot[TT_BOOT_LEN]);

/// How the tables of worker i are to be, without its secret and its memory's node.
void workers_flow_conf(const struct probe *p, unsigned i, struct tt_flow_conf *out);
/// Workers and their tables.
int workers_create(struct probe *p, struct tt_err *err);
void workers_destroy(struct probe *p);
int workers_launch(struct probe *p, struct tt_err *err);
