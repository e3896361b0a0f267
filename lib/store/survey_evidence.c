/* SPDX-License-Identifier: BSD-3-Clause */
#include "survey_evidence.h"

#include <errno.h>
#include <string.h>

#define SKETCHES_MAX 65536 // of ports; of more surveyors a day it is only known that they were many

int evidence_begin(struct evidence *e, struct survey *verdicts) {
	e->verdicts = verdicts;
	for (uint64_t i = 0; i < verdicts->set.size; i++) {
		struct map_slot *slot = &verdicts->set.slots[i];
		uint64_t src = slot->key1 - 1;
		struct surveyor *v;

		if (slot->key1 == 0)
			continue;
		if (big_grow((void **)&e->list, &e->cap, e->n + 1, sizeof(*e->list)) < 0)
			return -ENOMEM;
		v = &e->list[e->n++];
		slot->val = e->n;
		v->family = src >> 32 & 1 ? 6 : 4;
		if (v->family == 6)
			memcpy(v->src, verdicts->v6.addr[(uint32_t)src], 16);
		for (unsigned b = 0; v->family == 4 && b < 4; b++)
			v->src[b] = (uint8_t)(src >> (24 - 8 * b));
	}
	return 0;
}

static int add_row(struct evidence *e, const struct raw_cursor *raw, uint32_t i, uint64_t number) {
	const struct tt_batch_view *v = &raw->v;
	struct surveyor *one = &e->list[number - 1];
	uint64_t *seen = map_at(&e->sensors, number << 16 | raw->sensor[v->sensor[i]]);
	uint64_t port = tt_mix64((uint64_t)v->proto[i] << 16 | v->port[i]);

	if (seen == NULL)
		return -ENOMEM;
	one->sensors += *seen == 0;
	*seen = 1;
	one->packets += v->packets[i];
	one->destinations |= v->dst_bitmap[i];
	if (one->ports == NULL && e->sketches < SKETCHES_MAX) {
		if ((one->ports = tt_sketch_create()) == NULL)
			return -ENOMEM;
		e->sketches++;
	}
	return one->ports == NULL ? 0 : tt_sketch_add(one->ports, port + (port == 0));
}

int evidence_add(struct evidence *e, const struct raw_cursor *raw, int64_t from, int64_t to) {
	const struct tt_batch_view *v = &raw->v;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;
		uint64_t *number;

		if (v->class[i] != TT_SCAN || (v->proto[i] != 6 && v->proto[i] != 17) ||
			epoch < from || epoch >= to)
			continue;
		number = survey_find(e->verdicts, epoch, v->family[i], v->src[i]);
		if (number != NULL)
			rc = add_row(e, raw, i, *number);
	}
	return rc;
}

int evidence_write(struct tt_store *s, struct evidence *e, int64_t start, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err, "DELETE FROM surveyor WHERE start = ?");
	int rc = st == NULL ? s->rc : 0;

	if (rc == 0) {
		db_bind(st, "i", start);
		rc = db_run(s, st, err, "surveyors");
	}
	sqlite3_finalize(st);
	if (rc < 0)
		return rc;
	st = db_prepare(s, err,
		"INSERT INTO surveyor(start, source, ports, sensors, destinations, packets) "
		"VALUES(?, ?, ?, ?, ?, ?)");
	rc = st == NULL ? s->rc : 0;
	for (size_t i = 0; rc == 0 && i < e->n; i++) {
		const struct surveyor *v = &e->list[i];

		db_bind(st, "ibiiii", start, v->src, v->family == 4 ? 4 : 16,
			v->ports == NULL ? 0ll : (int64_t)tt_sketch_count(v->ports),
			(int64_t)v->sensors, destinations_estimate(v->destinations),
			(int64_t)v->packets);
		rc = db_run(s, st, err, "surveyors");
	}
	sqlite3_finalize(st);
	return rc;
}

void evidence_free(struct evidence *e) {
	for (size_t i = 0; i < e->n; i++)
		tt_sketch_destroy(&e->list[i].ports);
	big_free(e->list, e->cap * sizeof(*e->list));
	map_free(&e->sensors);
	*e = (struct evidence){0};
}
