/* SPDX-License-Identifier: BSD-3-Clause */
// Who came into the top 5 and 10, and who left them, by the ranking of the tables.
#include <errno.h>
#include <string.h>

#include "changes.h"

static const unsigned tops[] = {5, 10};

static int ranked(struct search *f, enum tt_by by, int64_t from, int64_t to, struct tt_result *r,
	struct ranking *k) {
	struct tt_query q = search_query(f, by, TT_SCAN);
	// ranks are those of the tables, over all sensors
	q.sensor_n = 0;
	q.light = f->conf->rank != TT_RANK_SOURCES;
	q.from = from;
	q.to = to;
	int rc = tt_store_query(f->s, &q, r, f->err);
	if (rc)
		return rc;
	rc = rank_rows(r->rows, r->row_n, by, f->conf->rank, k);
	return rc ? tt_err_set(f->err, rc, "changes: %s", strerror(-rc)) : 0;
}

static const struct ranked *find(
	const struct ranking *k, const struct tt_row_key *key, enum tt_by by) {
	for (unsigned i = 0; i < k->ranked_n; i++)
		if (!rank_key_cmp(&k->rows[i].row->key, key, by))
			return &k->rows[i];
	return NULL;
}

// Rows of `a` in a top where `b` does not have them.
static int compare(struct search *f, enum tt_change_of of, enum tt_by by, enum tt_change_kind kind,
	const struct ranking *a, const struct ranking *b) {
	unsigned most = tops[sizeof(tops) / sizeof(*tops) - 1];
	for (unsigned i = 0; i < a->ranked_n && a->rows[i].rank <= most; i++) {
		const struct ranked *other = find(b, &a->rows[i].row->key, by);
		unsigned rank = a->rows[i].rank, there = other ? other->rank : 0, top = 0;
		struct cell label;
		for (unsigned j = sizeof(tops) / sizeof(*tops); j-- > 0;)
			if (rank <= tops[j] && (!there || there > tops[j]))
				top = tops[j];
		if (!top)
			continue;
		struct tt_change *c = change_add(f, kind, of, TT_SCAN);
		if (!c)
			return tt_err_set(f->err, -ENOMEM, "changes: %s", strerror(ENOMEM));
		c->key = a->rows[i].row->key;
		key_label(by, &c->key, &label);
		snprintf(c->label, sizeof(c->label), "%.*s", (int)sizeof(c->label) - 1, label.text);
		c->top = top;
		c->rank = kind == TT_CHANGE_NEWCOMER ? rank : there;
		c->previous_rank = kind == TT_CHANGE_NEWCOMER ? there : rank;
		c->from = f->out->from;
		c->to = f->out->to;
		c->completeness = f->out->completeness;
		const struct ranked *now = kind == TT_CHANGE_NEWCOMER ? &a->rows[i] : other;
		c->value = now ? now->row->packets : 0;
	}
	return 0;
}

int changes_ranks(struct search *f, enum tt_change_of of, enum tt_by by) {
	struct tt_result r = {0}, previous = {0};
	struct ranking k = {0}, pk = {0};
	struct tt_changes *out = f->out;
	// a period without data has no ranks to compare with
	if (!out->previous_known || out->completeness < 0)
		return 0;
	int rc = ranked(f, by, out->from, out->to, &r, &k);
	if (!rc)
		rc = ranked(f, by, out->previous_from, out->previous_to, &previous, &pk);
	if (!rc)
		rc = compare(f, of, by, TT_CHANGE_NEWCOMER, &k, &pk);
	if (!rc)
		rc = compare(f, of, by, TT_CHANGE_LEAVER, &pk, &k);
	rank_free(&k);
	rank_free(&pk);
	tt_result_free(&r);
	tt_result_free(&previous);
	return rc;
}
