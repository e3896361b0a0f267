/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "tt_file.h"
#include "tt_link.h"
#include "tt_messages.h"

struct pending;

/// The PUB socket, which the main thread owns, and a queue in front of it for the harvester.
struct publisher {
	void *ctx;
	struct tt_pub *pub; // main thread; NULL: nothing is published
	pthread_mutex_t lock;
	struct pending *head, **tail; // under the lock
	size_t queued;		      // bytes, under the lock
	uint64_t dropped;	      // under the lock: the queue was full
	struct tt_file_watch watch;   // of the file with the readers' keys; main thread
};

int publisher_start(struct publisher *p, const struct config *c, struct tt_err *err);
/// Reads the list of readers' keys again. Main thread. Where it fails the one in force stays.
int publisher_reload(struct publisher *p, const struct config *c, struct tt_err *err);
/// Whether the file that has the list changed and then stood still. To be asked once a second.
bool publisher_changed(struct publisher *p, const struct config *c);
void publisher_stop(struct publisher *p);
/// Puts a message into the queue (copied). Any thread.
void publish_later(struct publisher *p, const char *topic, const struct tt_buf *json);
/// Sends a message. Main thread.
void publish_now(struct publisher *p, const char *topic, const struct tt_buf *json);
/// Sends what is queued, and takes in subscriptions. Main thread.
void publish_queued(struct publisher *p);
