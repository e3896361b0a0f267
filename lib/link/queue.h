/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A batch that is not acknowledged yet.
struct item {
	struct item *prev, *next;
	uint64_t boot, seq, packets;
	int64_t spool_id;      // row of the spool, 0: none
	int64_t created_ns;    // wall clock
	int64_t sent_ns;       // monotonic; 0: not in flight
	int64_t timeout_ns;    // after which it is sent again
	int64_t not_before_ns; // monotonic; the collector cannot take it until then
	bool was_sent;
	bool again; // sent more than once on this connection
	bool thin;  // its observations were given up
	size_t len;
	void *data; // NULL: on disk only
};

/// Batches in the order in which they are to be sent. Not thread-safe.
struct queue {
	struct item *head, *tail;
	uint64_t count, bytes;
	unsigned in_flight;
};

void queue_append(struct queue *q, struct item *it);
/// The data of an item is another one now, `len` bytes.
void queue_resize(struct queue *q, struct item *it, size_t len);
/// Takes an item out and frees it.
void queue_remove(struct queue *q, struct item *it);
void queue_sent(struct queue *q, struct item *it, int64_t now_ns);
void queue_unsent(struct queue *q, struct item *it);
/// Nothing is in flight any more: all will be sent again.
void queue_reset(struct queue *q);
/// The first that is not in flight and may be sent now (now_ns 0: whenever).
struct item *queue_next_unsent(const struct queue *q, int64_t now_ns);
/// Calls fn for every item of the boot with first <= seq <= last that is in flight or was sent;
/// fn may remove it.
void queue_each_in(struct queue *q, uint64_t boot, uint64_t first, uint64_t last,
	void (*fn)(void *arg, struct item *it), void *arg);
void queue_clear(struct queue *q);
