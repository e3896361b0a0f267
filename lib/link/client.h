/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdbool.h>

#include "proto.h"
#include "queue.h"
#include "spool.h"
#include "thin.h"
#include "tt_link.h"

struct tt_link_client {
	// fixed at creation
	char *endpoint;
	char probe[TT_ID_LEN];
	uint64_t boot;
	bool block;
	uint64_t max_bytes;
	int64_t resend_ns;
	unsigned window_max;
	struct tt_link_keys keys;
	void *ctx, *socket, *monitor; // the sockets: the thread's alone once it runs
	int wake;		      // eventfd: the caller has something for the thread
	pthread_t thread;
	bool running;
	struct spool *spool; // NULL: memory

	// under the lock
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct queue queue;
	struct thinner *thinner; // NULL until something is given up
	struct ways ways;
	struct tt_link_client_stats stats;
	bool stop, refused;
	char refusal[PROTO_TEXT_MAX];
	int64_t progress_ns; // monotonic time of the last acknowledgement
	int64_t reached_ns;  // when the latest was sent of what was acknowledged

	// the thread's alone
	bool welcomed;
	unsigned window;
	int64_t hello_ns;  // when the last HELLO went out
	int64_t logged_ns; // last complaint
	int64_t reopen_ns; // when the socket is opened anew, 0: it stands
	int64_t wait_ns;   // and how long the last wait for that was
};

/// (Re)opens socket and monitor. 0 or -errno with a message.
int client_open(struct tt_link_client *c, struct tt_err *err);

void *client_thread(void *arg);
/// Forgets an item that is acknowledged or given up; under the lock.
void client_forget(struct tt_link_client *c, struct item *it);
