/* SPDX-License-Identifier: BSD-3-Clause */
// Choosing rows before they are read whole. Rollups answer "which are the first ten" from their
// counts alone; distinct sources, and the days of a series, are then read for those only.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pseudonym.h"
#include "report.h"

void chosen_free(struct chosen *c) {
	rank_free(&c->ranking);
	tt_result_free(&c->result);
	free(c->keys);
	free(c->ids);
	memset(c, 0, sizeof(*c));
}

// Packets and their rate at one sensor say how many addresses it has. 1: all rates of the question
// are of a single one.
static int of_one_sensor(struct tt_store *s, const struct tt_query *q, struct tt_err *err) {
	unsigned up = 0;
	struct tt_up u;
	int rc = tt_store_up(s, q, &u, err);
	for (unsigned i = 0; !rc && i < u.sensor_n; i++)
		up += u.sensors[i].up_days > 0;
	tt_up_free(&u);
	return rc ? rc : up <= 1;
}

// Rates by sensor go before they rank: their order would compare numbers of addresses. Those of a
// single sensor rank as its packets do.
int rank_hidden(struct tt_store *s, const struct tt_query *q, const struct tt_pseudonyms *names,
	enum tt_rank rank, struct tt_result *r, struct ranking *out, struct tt_err *err) {
	int hide = !names->recipient ? 0 : q->by == TT_BY_SENSOR ? 1 : of_one_sensor(s, q, err);
	memset(out, 0, sizeof(*out));
	if (hide < 0)
		return hide;
	for (unsigned i = 0; q->by == TT_BY_SENSOR && hide && i < r->row_n; i++)
		r->rows[i].has_rate = false;
	int rc = rank_rows(r->rows, r->row_n, q->by, rank, out);
	if (rc)
		return tt_err_set(err, rc, "ranking %u rows: %s", r->row_n, strerror(-rc));
	for (unsigned i = 0; hide && i < r->row_n; i++)
		r->rows[i].has_rate = false;
	out->rates_hidden = hide;
	return 0;
}

static int ranked(struct tt_store *s, const struct tt_query *q, const struct tt_pseudonyms *names,
	enum tt_rank rank, unsigned n, struct chosen *c, struct tt_err *err) {
	int rc = rank_hidden(s, q, names, rank, &c->result, &c->ranking, err);
	if (!rc)
		rank_cut(&c->ranking, n);
	return rc;
}

static int take_keys(struct chosen *c, struct tt_err *err) {
	c->keys = calloc(c->ranking.n + 1, sizeof(*c->keys));
	if (!c->keys)
		return tt_err_set(err, -ENOMEM, "ranking: %s", strerror(ENOMEM));
	for (; c->key_n < c->ranking.n; c->key_n++) {
		const struct tt_row *row = c->ranking.rows[c->key_n].row;
		struct tt_row_key *key = &c->keys[c->key_n];
		*key = row->key;
		if (c->ids)
			memcpy(key->sensor, c->ids[row - c->result.rows], TT_ID_LEN);
	}
	return 0;
}

int ask_hidden(struct tt_store *s, const struct tt_query *q, const struct tt_pseudonyms *names,
	struct tt_result *out, char (**ids)[TT_ID_LEN], struct tt_err *err) {
	int rc = tt_store_query(s, q, out, err);
	*ids = NULL;
	if (rc || !names->recipient)
		return rc;
	pseudonym_clock(s, names, &out->clock);
	if (q->by == TT_BY_SENSOR && !(*ids = calloc(out->row_n + 1, TT_ID_LEN)))
		return tt_err_set(err, -ENOMEM, "ranking: %s", strerror(ENOMEM));
	for (unsigned i = 0; *ids && i < out->row_n; i++) {
		memcpy((*ids)[i], out->rows[i].key.sensor, TT_ID_LEN);
		pseudonym_put(s, names, 's', out->rows[i].key.sensor, TT_ID_LEN);
	}
	return 0;
}

int choose_rows(struct tt_store *s, const struct tt_query *query, enum tt_rank rank, unsigned n,
	const struct tt_pseudonyms *names, struct chosen *out, struct tt_err *err) {
	struct tt_query q = *query;
	bool many = q.by != TT_BY_NONE && q.by != TT_BY_CLASS && q.by != TT_BY_TOOL &&
		    q.by != TT_BY_MALWARE;
	bool first = n && many && (q.step != TT_STEP_NONE || rank != TT_RANK_SOURCES);
	memset(out, 0, sizeof(*out));
	if (first)
		q.step = TT_STEP_NONE;
	q.light = first && rank != TT_RANK_SOURCES;
	q.unrated = rank == TT_RANK_PACKETS;
	int rc = ask_hidden(s, &q, names, &out->result, &out->ids, err);
	if (!rc)
		rc = ranked(s, &q, names, rank, n, out, err);
	// all there is to know is known already
	if (rc || !first || (!out->result.light && query->step == TT_STEP_NONE))
		return rc;
	rc = take_keys(out, err);
	if (rc)
		return rc;
	rank_free(&out->ranking);
	tt_result_free(&out->result);
	free(out->ids);
	q = *query;
	q.keys = out->keys;
	q.key_n = out->key_n;
	if (!q.key_n) // nothing came: the span and its completeness are still to be told
		q.light = true;
	rc = ask_hidden(s, &q, names, &out->result, &out->ids, err);
	return rc ? rc : ranked(s, &q, names, rank, n, out, err);
}
