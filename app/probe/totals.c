/* SPDX-License-Identifier: BSD-3-Clause */
#include "totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int totals_init(struct totals *t, unsigned slots) {
	memset(t, 0, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	t->slots = slots;
	t->sensors = calloc(slots ? slots : 1, sizeof(*t->sensors));
	return t->sensors ? 0 : -ENOMEM;
}

void totals_free(struct totals *t) {
	free(t->sensors);
	t->sensors = NULL;
}

static void add_tally(struct tt_tally *sum, const struct tt_tally *t) {
	sum->link_up = t->link_up;
	for (unsigned f = 0; f < TT_FATE_N; f++) {
		sum->packets[f] += t->packets[f];
		sum->bytes[f] += t->bytes[f];
	}
	sum->harvest_lost += t->harvest_lost;
	sum->late += t->late;
	sum->feed_fragments += t->feed_fragments;
}

void totals_add(
	struct totals *t, int64_t until, const struct tt_health *x, const struct losses *losses) {
	pthread_mutex_lock(&t->lock);
	t->epochs++;
	t->until = until;
	for (unsigned u = 0; u < x->uplink_n; u++) {
		add_tally(&t->uplinks[u], &x->uplinks[u]);
		for (unsigned q = 0; q < x->queues[u].n; q++)
			t->queue_packets[u][q] += x->queues[u].queues[q].packets;
	}
	memcpy(t->losses, losses, x->uplink_n * sizeof(*losses));
	memcpy(t->workers, x->workers, x->worker_n * sizeof(*x->workers));
	t->overruns += x->overruns;
	t->late += x->late;
	t->harvest_lost += x->harvest_lost;
	t->unpublished += x->unpublished;
	t->link = x->link;
	pthread_mutex_unlock(&t->lock);
}

void totals_sensor(struct totals *t, unsigned slot, const struct tt_sensor_state *s) {
	if (slot >= t->slots)
		return;
	pthread_mutex_lock(&t->lock);
	struct tt_sensor_state *sum = &t->sensors[slot];
	sum->epoch = s->epoch;
	sum->state = s->state;
	sum->received += s->received;
	sum->lost += s->lost;
	pthread_mutex_unlock(&t->lock);
}
