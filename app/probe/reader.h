/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tt_capture.h"

/// A capture that several workers read: each takes up to a burst of records under a short lock.
struct reader {
	pthread_mutex_t lock;
	struct tt_capture *capture; // under the lock
	bool ended;		    // under the lock: end of file or an error
	int rc;			    // under the lock: of the error
	struct tt_err err;	    // under the lock
	_Atomic uint64_t packets;   // records handed out; read by any thread
	_Atomic uint64_t pos;	    // bytes read so far; read by any thread
};

void reader_init(struct reader *r);
int reader_open(struct reader *r, const char *path, struct tt_err *err);
/// Takes up to n records. 0: nothing more will come, see `rc` then.
unsigned reader_take(struct reader *r, struct tt_capture_rec *recs, unsigned n);
/// Only when no worker uses it any more.
void reader_close(struct reader *r);
