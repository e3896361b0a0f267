/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pseudonym.h"
#include "report.h"

// The question as its answer's heading tells it: a recipient does not see what it named.
struct told {
	struct tt_top_conf conf;
	char sensor[TT_ID_LEN], group[TT_ID_LEN], network[TT_ID_LEN];
};

static const char *tell(struct tt_store *s, const struct told *t, char kind, const char *name,
	char out[TT_ID_LEN]) {
	if (!t->conf.names.recipient || !name || !name[0])
		return name;
	pseudonym_make(s, &t->conf.names, kind, name, out);
	return out;
}

static void tell_question(struct tt_store *s, const struct tt_top_conf *conf, struct told *t) {
	struct tt_query *q = &t->conf.query;
	t->conf = *conf;
	q->sensor = tell(s, t, 's', q->sensor, t->sensor);
	q->group = tell(s, t, 'g', q->group, t->group);
	q->network = tell(s, t, 'n', q->network, t->network);
}

static int compare_previous(
	struct tt_store *s, const struct tt_top_conf *conf, struct ranking *r, struct tt_err *err) {
	struct tt_result res = {0};
	struct ranking other = {0};
	struct tt_query q = *conf->previous;
	q.step = TT_STEP_NONE;
	q.light = conf->rank != TT_RANK_SOURCES;
	char(*ids)[TT_ID_LEN];
	int rc = ask_hidden(s, &q, &conf->names, &res, &ids, err);
	free(ids);
	if (rc < 0)
		return rc;
	rc = rank_rows(res.rows, res.row_n, q.by, conf->rank, &other);
	if (!rc)
		rc = rank_compare(r, &other, res.completeness >= 0 || res.row_n, q.by);
	if (rc)
		tt_err_set(err, rc, "ranking the previous period: %s", strerror(-rc));
	rank_free(&other);
	tt_result_free(&res);
	return rc;
}

static int print(const struct top_view *t, FILE *out) {
	switch (t->conf->format) {
	case TT_FORMAT_JSON:
		print_top_json(t, out);
		return 0;
	case TT_FORMAT_CSV:
		print_top_csv(t, out);
		return 0;
	case TT_FORMAT_TABLE:
		break;
	}
	return print_top_table(t, out);
}

int tt_report_top(
	struct tt_store *s, const struct tt_top_conf *conf, FILE *out, struct tt_err *err) {
	struct chosen c;
	struct told told;
	struct tt_query q = conf->query;
	q.step = TT_STEP_NONE;
	int rc = choose_rows(s, &q, conf->rank, conf->n, &conf->names, &c, err);
	if (!rc && conf->previous)
		rc = compare_previous(s, conf, &c.ranking, err);
	if (!rc) {
		tell_question(s, conf, &told);
		struct top_view t = {.view = {.by = q.by,
					     .services = conf->services,
					     .kev = conf->kev,
					     .store = s},
			.conf = &told.conf,
			.result = &c.result,
			.ranking = &c.ranking,
			.timezone = tt_tz_name(tt_store_tz(s))};
		rc = print(&t, out);
		if (rc)
			tt_err_set(err, rc, "printing: %s", strerror(-rc));
	}
	chosen_free(&c);
	return rc;
}

int tt_report_series(
	struct tt_store *s, const struct tt_top_conf *conf, FILE *out, struct tt_err *err) {
	struct chosen r;
	struct told told;
	struct tt_top_conf c = *conf;
	if (c.query.step == TT_STEP_NONE)
		c.query.step = TT_STEP_DAY;
	int rc = choose_rows(s, &c.query, c.rank, c.n, &c.names, &r, err);
	if (!rc) {
		tell_question(s, &c, &told);
		struct top_view t = {.view = {.by = c.query.by,
					     .services = c.services,
					     .kev = c.kev,
					     .store = s},
			.conf = &told.conf,
			.result = &r.result,
			.ranking = &r.ranking,
			.timezone = tt_tz_name(tt_store_tz(s))};
		if (c.format == TT_FORMAT_JSON)
			print_series_json(&t, out);
		else if (c.format == TT_FORMAT_CSV)
			print_series_csv(&t, out);
		else
			rc = print_series_table(&t, out);
		if (rc)
			tt_err_set(err, rc, "printing: %s", strerror(-rc));
	}
	chosen_free(&r);
	return rc;
}
