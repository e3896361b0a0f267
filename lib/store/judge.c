/* SPDX-License-Identifier: BSD-3-Clause */
// Who probes many ports, told from the raw batches of a local day.
#include <errno.h>
#include <string.h>

#include "survey.h"

#define PAIRS_MAX     (8u << 20) // sources and ports that are told apart at a time
#define PARTS_MAX     64
#define SURVEYORS_MAX (4u << 20) // of a day
#define SRC_V6	      (1ull << 32)

static int count_row(struct judge *j, const struct tt_batch_view *v, uint32_t i) {
	const uint8_t *b = v->src[i];
	int64_t six = v->family[i] == 6 ? ids6_at(&j->v6, b) : 0;
	uint64_t src = v->family[i] == 6 ? SRC_V6 | (uint64_t)six
					 : (uint64_t)b[0] << 24 | (uint32_t)b[1] << 16 |
						   (uint32_t)b[2] << 8 | b[3];
	uint64_t *n, *seen;

	if (six < 0 || (n = map_at(&j->counts, src)) == NULL)
		return -ENOMEM;
	// more need not be told apart of whoever is a surveyor already
	if (*n > j->limit)
		return 0;
	if (j->pairs.n >= PAIRS_MAX)
		return -E2BIG;
	seen = map_at(&j->pairs, src << 17 | (uint64_t)(v->proto[i] == 17) << 16 | v->port[i]);
	if (seen == NULL)
		return -ENOMEM;
	*n += *seen == 0;
	*seen = 1;
	return 0;
}

static bool is_of_part(const struct judge *j, const uint8_t src[16]) {
	uint64_t a, b;

	if (j->parts == 1)
		return true;
	memcpy(&a, src, 8);
	memcpy(&b, src + 8, 8);
	return tt_mix64(a ^ tt_mix64(b)) % j->parts == j->part;
}

static int count_batch(struct judge *j, const struct tt_batch_view *v) {
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;

		if (v->class[i] == TT_SCAN && v->family[i] != 0 && epoch >= j->from &&
			epoch < j->to && (v->proto[i] == 6 || v->proto[i] == 17) &&
			is_of_part(j, v->src[i]))
			rc = count_row(j, v, i);
	}
	return rc;
}

static void forget(struct judge *j) {
	map_free(&j->pairs);
	map_free(&j->counts);
	ids6_free(&j->v6);
}

static int keep(struct judge *j) {
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < j->counts.size; i++) {
		const struct map_slot *slot = &j->counts.slots[i];
		uint64_t src = slot->key1 - 1;
		uint8_t v4[16] = {(uint8_t)(src >> 24), (uint8_t)(src >> 16), (uint8_t)(src >> 8),
			(uint8_t)src};

		if (slot->key1 == 0 || slot->val <= j->limit)
			continue;
		if (j->out->set.n >= SURVEYORS_MAX)
			return -E2BIG;
		rc = src & SRC_V6 ? survey_add(j->out, j->day, 6, j->v6.addr[(uint32_t)src])
				  : survey_add(j->out, j->day, 4, v4);
	}
	return rc;
}

// All of it once more, by smaller parts.
static int divide(struct judge *j) {
	if (j->parts >= PARTS_MAX)
		return -E2BIG;
	forget(j);
	j->parts *= 2;
	j->part = 0;
	j->raw->at = 0;
	return 1;
}

int judge_step(struct judge *j, struct tt_err *err) {
	int rc;

	j->raw->part = TT_BATCH_KEYS;
	if ((rc = raw_next(j->raw, err)) < 0)
		return rc;
	if (j->parts == 0)
		j->parts = 1;
	if (rc > 0) {
		rc = count_batch(j, &j->raw->v);
		// between steps others may write
		sqlite3_reset(j->raw->st);
		if (rc == -E2BIG)
			rc = divide(j);
		else if (rc == 0)
			return 1;
	} else if ((rc = keep(j)) == 0) {
		forget(j);
		j->raw->at = 0;
		return ++j->part < j->parts;
	}
	if (rc < 0)
		tt_err_set(err, rc,
			rc == -E2BIG ? "%s: too many surveyors in a day"
				     : "%s: no memory for the surveyors of a day",
			j->raw->s->path);
	return rc;
}

void judge_free(struct judge *j) {
	forget(j);
}
