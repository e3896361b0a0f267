/* SPDX-License-Identifier: BSD-3-Clause */
#include "thin.h"

#include <errno.h>
#include <stdlib.h>

#include "tt_wire.h"

#define EPOCHS_MAX 4096 // of one batch that are told apart; later ones count with the last

struct loss {
	int64_t epoch;
	uint64_t packets;
};

struct thinner {
	struct tt_batch_decoder *decoder;
	struct tt_batch *batch;
	struct loss losses[EPOCHS_MAX];
	unsigned loss_n;
	const char *ids[2 * UINT16_MAX];
};

struct thinner *thinner_create(void) {
	struct thinner *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->decoder = tt_batch_decoder_create();
	t->batch = tt_batch_create();
	if (!t->decoder || !t->batch)
		thinner_destroy(&t);
	return t;
}

void thinner_destroy(struct thinner **tp) {
	struct thinner *t = *tp;
	if (!t)
		return;
	tt_batch_decoder_destroy(&t->decoder);
	tt_batch_destroy(&t->batch);
	free(t);
	*tp = NULL;
}

static struct loss *loss_of(struct thinner *t, int64_t epoch) {
	// epochs come in runs
	for (unsigned i = t->loss_n; i-- > 0;)
		if (t->losses[i].epoch == epoch)
			return &t->losses[i];
	if (t->loss_n == EPOCHS_MAX)
		return &t->losses[EPOCHS_MAX - 1];
	t->losses[t->loss_n] = (struct loss){.epoch = epoch};
	return &t->losses[t->loss_n++];
}

static uint64_t sum_losses(struct thinner *t, const struct tt_batch_view *v) {
	uint64_t all = 0;
	struct loss *l = NULL;
	t->loss_n = 0;
	for (uint32_t i = 0; i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;
		if (!l || l->epoch != epoch)
			l = loss_of(t, epoch);
		l->packets += v->packets[i];
		all += v->packets[i];
	}
	return all;
}

static int begin(struct thinner *t, const struct tt_batch_view *v) {
	const struct tt_batch_head *h = &v->head;
	for (unsigned i = 0; i < h->sensor_n; i++)
		t->ids[i] = v->sensors[i];
	for (unsigned i = 0; i < h->uplink_n; i++)
		t->ids[h->sensor_n + i] = v->uplinks[i];
	return tt_batch_begin(t->batch, h->probe, h->boot, h->epoch_s, t->ids, h->sensor_n,
		t->ids + h->sensor_n, h->uplink_n);
}

static int copy_rows(struct thinner *t, const struct tt_batch_view *v) {
	int rc = v->meta ? tt_batch_set_meta(t->batch, v->meta, v->head.meta_len) : 0;
	for (uint32_t i = 0; !rc && i < v->head.tally_n; i++)
		rc = tt_batch_add_tally(t->batch, &v->tallies[i]);
	for (uint32_t i = 0; !rc && i < v->head.state_n; i++)
		rc = tt_batch_add_state(t->batch, &v->states[i]);
	return rc;
}

static int add_losses(struct thinner *t, const struct tt_batch_view *v) {
	int rc = 0;
	for (unsigned l = 0; !rc && v->head.uplink_n && l < t->loss_n; l++) {
		struct tt_tally row = {.epoch = t->losses[l].epoch,
			.link_up = 1, // what was lost had arrived
			.spool_lost = t->losses[l].packets};
		rc = tt_batch_add_tally(t->batch, &row);
	}
	for (unsigned l = 0; !rc && l < t->loss_n; l++) {
		for (unsigned s = 0; !rc && s < v->head.sensor_n; s++) {
			struct tt_sensor_state st = {.epoch = t->losses[l].epoch,
				.sensor = (uint16_t)s,
				.state = TT_STATE_UNTOLD,
				.given_up = t->losses[l].packets};
			rc = tt_batch_add_state(t->batch, &st);
		}
	}
	// there are more than a batch holds: then what it holds
	return rc == -ENOSPC ? 0 : rc;
}

int thin(struct thinner *t, const void *msg, size_t len, const void **out, size_t *out_len,
	uint64_t *packets) {
	struct tt_batch_view v;
	int rc = tt_batch_decode(t->decoder, msg, len, &v, NULL);
	if (rc)
		return rc;
	if (!v.head.obs_n)
		return -ENODATA;
	*packets = sum_losses(t, &v);
	rc = begin(t, &v);
	if (!rc)
		rc = copy_rows(t, &v);
	if (!rc)
		rc = add_losses(t, &v);
	return rc ? rc : tt_batch_encode(t->batch, v.head.seq, out, out_len);
}
