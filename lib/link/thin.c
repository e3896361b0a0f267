/* SPDX-License-Identifier: BSD-3-Clause */
#include "thin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tt_wire.h"

#define CELLS_MAX  4096 // of one batch that are told apart; later ones count with the last
#define ANY_UPLINK (-1)

// What of an epoch came by an uplink and is given up.
struct cell {
	int64_t epoch;
	int uplink;
	uint64_t packets;
};

struct thinner {
	struct tt_batch_decoder *decoder;
	struct tt_batch *batch;
	struct cell cells[CELLS_MAX];
	unsigned cell_n;
	const char *ids[2 * UINT16_MAX];
	int way[UINT16_MAX]; // by sensor of the batch: its uplink, or any
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

static int by_sensor(const void *a, const void *b) {
	return strcmp(
		((const struct tt_link_way *)a)->sensor, ((const struct tt_link_way *)b)->sensor);
}

void ways_sort(struct ways *w) {
	qsort(w->way, w->n, sizeof(*w->way), by_sensor);
}

static int way_of(const struct ways *w, const char *sensor, const struct tt_batch_view *v) {
	struct tt_link_way key;
	if (v->head.uplink_n == 1)
		return 0;
	memcpy(key.sensor, sensor, sizeof(key.sensor));
	const struct tt_link_way *way =
		w->n ? bsearch(&key, w->way, w->n, sizeof(key), by_sensor) : NULL;
	for (int u = 0; way && u < v->head.uplink_n; u++)
		if (!strcmp(way->uplink, v->uplinks[u]))
			return u;
	return ANY_UPLINK;
}

static struct cell *cell_of(struct thinner *t, int64_t epoch, int uplink) {
	// epochs come in runs
	for (unsigned i = t->cell_n; i-- > 0;)
		if (t->cells[i].epoch == epoch && t->cells[i].uplink == uplink)
			return &t->cells[i];
	if (t->cell_n == CELLS_MAX)
		return &t->cells[CELLS_MAX - 1];
	t->cells[t->cell_n] = (struct cell){.epoch = epoch, .uplink = uplink};
	return &t->cells[t->cell_n++];
}

static uint64_t sum_losses(
	struct thinner *t, const struct ways *ways, const struct tt_batch_view *v) {
	uint64_t all = 0;
	struct cell *c = NULL;
	t->cell_n = 0;
	for (unsigned s = 0; s < v->head.sensor_n; s++)
		t->way[s] = way_of(ways, v->sensors[s], v);
	for (uint32_t i = 0; i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;
		int uplink = t->way[v->sensor[i]];
		if (!c || c->epoch != epoch || c->uplink != uplink)
			c = cell_of(t, epoch, uplink);
		c->packets += v->packets[i];
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

static uint64_t received(const struct tt_batch_view *v, unsigned uplink) {
	uint64_t n = 0;
	for (uint32_t i = 0; i < v->head.tally_n; i++)
		if (v->tallies[i].uplink == uplink)
			n += v->tallies[i].packets[TT_FATE_OBSERVED] +
			     v->tallies[i].packets[TT_FATE_SPILLED];
	return n;
}

// What sensors of any uplink lost is shared out as the batch's tallies say that packets came by
// each; evenly where it has none.
static void share_out(struct thinner *t, const struct tt_batch_view *v) {
	unsigned uplink_n = v->head.uplink_n, cells = t->cell_n;
	uint64_t all = 0;
	for (unsigned u = 0; u < uplink_n; u++)
		all += received(v, u);
	for (unsigned i = 0; i < cells; i++) {
		uint64_t left = t->cells[i].packets, weight = all ? all : uplink_n;
		if (t->cells[i].uplink != ANY_UPLINK)
			continue;
		t->cells[i].packets = 0;
		for (unsigned u = 0; u < uplink_n && left; u++) {
			uint64_t mine = all ? received(v, u) : 1;
			uint64_t share = (uint64_t)((__uint128_t)left * mine / weight);
			cell_of(t, t->cells[i].epoch, (int)u)->packets += share;
			left -= share;
			weight -= mine;
			if (!weight)
				break;
		}
	}
}

// Packets of an epoch that a sensor could have been sent: those of its uplink, or of all.
static uint64_t lost_by_way(const struct thinner *t, int64_t epoch, int way) {
	uint64_t n = 0;
	for (unsigned i = 0; i < t->cell_n; i++)
		if (t->cells[i].epoch == epoch && (way == ANY_UPLINK || t->cells[i].uplink == way))
			n += t->cells[i].packets;
	return n;
}

static bool first_of_epoch(const struct thinner *t, unsigned i) {
	for (unsigned k = 0; k < i; k++)
		if (t->cells[k].epoch == t->cells[i].epoch)
			return false;
	return true;
}

static int add_losses(struct thinner *t, const struct tt_batch_view *v) {
	int rc = 0;
	if (v->head.uplink_n)
		share_out(t, v);
	for (unsigned i = 0; !rc && i < t->cell_n; i++) {
		const struct cell *c = &t->cells[i];
		struct tt_tally row = {.epoch = c->epoch,
			.uplink = (uint16_t)c->uplink,
			.link_up = 1, // what was lost had arrived
			.spool_lost = c->packets};
		if (c->packets && c->uplink != ANY_UPLINK)
			rc = tt_batch_add_tally(t->batch, &row);
	}
	for (unsigned i = 0; !rc && i < t->cell_n; i++) {
		if (!first_of_epoch(t, i))
			continue;
		for (unsigned s = 0; !rc && s < v->head.sensor_n; s++) {
			struct tt_sensor_state st = {.epoch = t->cells[i].epoch,
				.sensor = (uint16_t)s,
				.state = TT_STATE_UNTOLD,
				.given_up = lost_by_way(t, t->cells[i].epoch, t->way[s])};
			if (st.given_up)
				rc = tt_batch_add_state(t->batch, &st);
		}
	}
	// there are more than a batch holds: then what it holds
	return rc == -ENOSPC ? 0 : rc;
}

int thin(struct thinner *t, const struct ways *ways, const void *msg, size_t len, const void **out,
	size_t *out_len, uint64_t *packets) {
	struct tt_batch_view v;
	int rc = tt_batch_decode(t->decoder, msg, len, &v, NULL);
	if (rc)
		return rc;
	if (!v.head.obs_n)
		return -ENODATA;
	*packets = sum_losses(t, ways, &v);
	rc = begin(t, &v);
	if (!rc)
		rc = copy_rows(t, &v);
	if (!rc)
		rc = add_losses(t, &v);
	return rc ? rc : tt_batch_encode(t->batch, v.head.seq, out, out_len);
}
