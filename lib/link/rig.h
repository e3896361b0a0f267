/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tt_link.h"
#include "tt_wire.h"

#define RIG_SEQ_MAX 4096
#define RIG_BOOTS   4

/// A collector that only remembers: what it took, how often, in which order. It outlives its
/// server, as a store outlives a collector.
struct rig {
	char dir[64], endpoint[128];
	unsigned window;
	void *ctx;
	struct tt_link_server *server;
	struct tt_batch_decoder *decoder;
	pthread_t thread;
	atomic_bool stop;
	atomic_int answer;     // what it says to a new batch: 1, or -errno
	atomic_bool hold;      // takes, but does not commit
	atomic_bool rollback;  // once: forgets what it took
	atomic_uint seen;      // batches handed over, duplicates too
	atomic_uint committed; // distinct batches
	uint64_t boots[RIG_BOOTS];
	unsigned boot_n;
	bool stored[RIG_BOOTS][RIG_SEQ_MAX], pending[RIG_BOOTS][RIG_SEQ_MAX];
	atomic_ulong packets, given_up; // of observations, and of tallies, committed or not
	atomic_uint states;
	uint64_t first_boot; // boot of the first batch it ever saw
};

void rig_create(struct rig *r);
void rig_destroy(struct rig *r);
void rig_start(struct rig *r);
void rig_start_with(struct rig *r, const struct tt_link_server_conf *conf);
void rig_stop(struct rig *r);
struct tt_link_client *rig_client(struct rig *r, const struct tt_link_client_conf *conf);
/// Encodes a small batch of seq and sends it.
int rig_send(struct tt_link_client *c, const char *boot, uint64_t seq, struct tt_err *err);
/// Observations of a batch; 20 unless a test wants more. Packets: 1 to so many.
extern unsigned rig_rows;
uint64_t rig_packets(void);
/// An encoded batch; owned by the caller.
void *rig_batch(const char *probe, const char *boot, uint64_t seq, size_t *len);
void rig_sleep_ms(unsigned ms);
