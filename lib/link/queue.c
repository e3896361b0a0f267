/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue.h"

#include <stdlib.h>

void queue_append(struct queue *q, struct item *it) {
	it->prev = q->tail;
	it->next = NULL;
	if (q->tail)
		q->tail->next = it;
	else
		q->head = it;
	q->tail = it;
	q->count++;
	q->bytes += it->len;
}

void queue_resize(struct queue *q, struct item *it, size_t len) {
	q->bytes += len - it->len;
	it->len = len;
}

void queue_remove(struct queue *q, struct item *it) {
	queue_unsent(q, it);
	if (it->prev)
		it->prev->next = it->next;
	else
		q->head = it->next;
	if (it->next)
		it->next->prev = it->prev;
	else
		q->tail = it->prev;
	q->count--;
	q->bytes -= it->len;
	free(it->data);
	free(it);
}

void queue_sent(struct queue *q, struct item *it, int64_t now_ns) {
	if (!it->sent_ns)
		q->in_flight++;
	it->sent_ns = now_ns;
	it->was_sent = true;
}

void queue_unsent(struct queue *q, struct item *it) {
	if (it->sent_ns)
		q->in_flight--;
	it->sent_ns = 0;
	it->again = false;
}

void queue_reset(struct queue *q) {
	for (struct item *it = q->head; it && q->in_flight; it = it->next)
		queue_unsent(q, it);
}

struct item *queue_next_unsent(const struct queue *q, int64_t now_ns) {
	struct item *it = q->head;
	while (it && (it->sent_ns || (now_ns && it->not_before_ns > now_ns)))
		it = it->next;
	return it;
}

void queue_each_in(struct queue *q, uint64_t boot, uint64_t first, uint64_t last,
	void (*fn)(void *arg, struct item *it), void *arg) {
	struct item *next;
	// what was never sent lies behind what was: batches go out in order
	for (struct item *it = q->head; it && it->was_sent; it = next) {
		next = it->next;
		if (it->boot == boot && it->seq >= first && it->seq <= last)
			fn(arg, it);
	}
}

void queue_clear(struct queue *q) {
	while (q->head)
		queue_remove(q, q->head);
}
