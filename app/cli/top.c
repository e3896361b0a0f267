/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "tt_conf.h"
#include "tt_findings.h"
#include "tt_log.h"

typedef int report_fn(const struct args *a, struct tt_store *s, const struct tt_top_conf *conf,
	FILE *out, struct tt_err *err);

static int run(const struct args *a, report_fn *report) {
	struct question q;
	struct tt_err err = {0};
	int status = DONE;
	// what needs no database is looked at first
	if (question_read(a, NULL, &q, &err))
		status = complain(USAGE, "%s: %s", a->command->name, err.msg);
	question_free(&q);
	struct tt_store *s = status ? NULL : open_db(a, &status);
	if (!s)
		return status;
	int rc = question_read(a, s, &q, &err);
	if (!rc)
		rc = known_check(a, s, &q.conf.query, &err);
	if (rc) {
		status = complain(
			rc == -EINVAL ? USAGE : FAILED, "%s: %s", a->command->name, err.msg);
	} else {
		struct progress *p = progress_start("teiten: reading %s", arg(a, "db"));
		// the answer appears whole, after the line that says how long it takes is gone
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);
		rc = out ? report(a, s, &q.conf, out, &err) : -errno;
		if (out && fclose(out) && !rc)
			rc = tt_err_set(&err, -ENOMEM, "the answer: %s", strerror(ENOMEM));
		progress_stop(&p);
		if (rc)
			status = complain(FAILED, "%s: %s", a->command->name, err.msg);
		else
			fwrite(text, 1, len, stdout);
		free(text);
	}
	question_free(&q);
	tt_store_close(&s, NULL);
	return status;
}

static int report_changes(const struct args *a, struct tt_store *s, const struct tt_top_conf *conf,
	FILE *out, struct tt_err *err) {
	const struct tt_query *q = &conf->query;
	struct tt_changes_conf c = {.from = q->from,
		.to = q->to,
		.country = q->country,
		.group = q->group,
		.network = q->network,
		.sensor = q->sensor,
		.rank = conf->rank,
		.surveyors = q->surveyors,
		.names = conf->names};
	if (conf->previous) {
		c.previous_from = conf->previous->from;
		c.previous_to = conf->previous->to;
	}
	return tt_report_changes(s, &c, conf->format, conf->services, conf->kev, out, err);
}

int run_changes(const struct args *a) {
	return run(a, report_changes);
}

static int report_top(const struct args *a, struct tt_store *s, const struct tt_top_conf *conf,
	FILE *out, struct tt_err *err) {
	return tt_report_top(s, conf, out, err);
}

static int report_series(const struct args *a, struct tt_store *s, const struct tt_top_conf *conf,
	FILE *out, struct tt_err *err) {
	return tt_report_series(s, conf, out, err);
}

int run_top(const struct args *a) {
	return run(a, report_top);
}

int run_series(const struct args *a) {
	return run(a, report_series);
}
