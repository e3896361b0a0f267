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

static bool in_group(const struct tt_sensor_conf *c, const char *group) {
	for (unsigned i = 0; i < c->group_n; i++)
		if (!strcmp(c->groups[i], group))
			return true;
	return false;
}

// A filter that no sensor of the database can match is most likely a slip.
static void note_unknown(const struct args *a, struct tt_store *s, const struct tt_query *q) {
	const struct tt_catalog *catalog = tt_store_catalog(s, NULL);
	const char *const names[] = {"sensor", "group", "network", "country"};
	const char *const values[] = {q->sensor, q->group, q->network, q->country};
	for (unsigned f = 0; catalog && catalog->sensor_n && f < 4; f++) {
		bool found = !values[f] || !values[f][0] || values[f][0] == '!';
		for (unsigned i = 0; i < catalog->sensor_n && !found; i++) {
			const struct tt_sensor_conf *c = &catalog->sensors[i];
			found = f == 0	 ? !strcmp(c->id, values[f])
				: f == 1 ? in_group(c, values[f])
				: f == 2 ? !strcmp(c->network, values[f])
					 : !strcmp(c->country, values[f]);
		}
		if (!found)
			tt_log(TT_WARN, "%s: no sensor in %s has --%s %s", a->command->name,
				arg(a, "db"), names[f], values[f]);
	}
}

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
	if (question_read(a, s, &q, &err)) {
		status = complain(USAGE, "%s: %s", a->command->name, err.msg);
	} else {
		note_unknown(a, s, &q.conf.query);
		struct progress *p = progress_start("teiten: reading %s", arg(a, "db"));
		// the answer appears whole, after the line that says how long it takes is gone
		char *text = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&text, &len);
		int rc = out ? report(a, s, &q.conf, out, &err) : -errno;
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
	return tt_report_changes(s, &c, conf->format, conf->services, out, err);
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
