/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "report.h"

static int compare_previous(
	struct tt_store *s, const struct tt_top_conf *conf, struct ranking *r, struct tt_err *err) {
	struct tt_result res = {0};
	struct ranking other = {0};
	struct tt_query q = *conf->previous;
	q.step = TT_STEP_NONE;
	int rc = tt_store_query(s, &q, &res, err);
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
	struct tt_result res = {0};
	struct ranking r = {0};
	struct tt_query q = conf->query;
	q.step = TT_STEP_NONE;
	int rc = tt_store_query(s, &q, &res, err);
	if (rc < 0)
		return rc;
	rc = rank_rows(res.rows, res.row_n, q.by, conf->rank, &r);
	if (rc) {
		tt_err_set(err, rc, "ranking %u rows: %s", res.row_n, strerror(-rc));
		goto out;
	}
	if (conf->previous)
		rc = compare_previous(s, conf, &r, err);
	if (rc)
		goto out;
	rank_cut(&r, conf->n);
	struct top_view t = {
		.view = {.by = q.by, .services = conf->services, .kev = conf->kev, .store = s},
		.conf = conf,
		.result = &res,
		.ranking = &r,
		.timezone = tt_tz_name(tt_store_tz(s))};
	rc = print(&t, out);
	if (rc)
		tt_err_set(err, rc, "printing: %s", strerror(-rc));
out:
	rank_free(&r);
	tt_result_free(&res);
	return rc;
}

int tt_report_series(
	struct tt_store *s, const struct tt_top_conf *conf, FILE *out, struct tt_err *err) {
	struct tt_result res = {0};
	struct ranking r = {0};
	struct tt_top_conf c = *conf;
	if (c.query.step == TT_STEP_NONE)
		c.query.step = TT_STEP_DAY;
	int rc = tt_store_query(s, &c.query, &res, err);
	if (rc < 0)
		return rc;
	rc = rank_rows(res.rows, res.row_n, c.query.by, c.rank, &r);
	if (rc) {
		tt_err_set(err, rc, "ranking %u rows: %s", res.row_n, strerror(-rc));
		goto out;
	}
	rank_cut(&r, c.n);
	struct top_view t = {.view = {.by = c.query.by, .services = c.services},
		.conf = &c,
		.result = &res,
		.ranking = &r,
		.timezone = tt_tz_name(tt_store_tz(s))};
	if (c.format == TT_FORMAT_JSON)
		print_series_json(&t, out);
	else if (c.format == TT_FORMAT_CSV)
		print_series_csv(&t, out);
	else
		rc = print_series_table(&t, out);
	if (rc)
		tt_err_set(err, rc, "printing: %s", strerror(-rc));
out:
	rank_free(&r);
	tt_result_free(&res);
	return rc;
}
