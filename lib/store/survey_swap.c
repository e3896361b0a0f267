/* SPDX-License-Identifier: BSD-3-Clause */
// The staged pieces of a settled day in the place of those that arrived, one sensor a transaction:
// each packet is in either all the time. Recorded in the database, so that it goes on after a
// crash.
#include <errno.h>
#include <string.h>

#include "tt_crash.h"
#include "watch.h"

// A month once more, of the days that are left of it.
static int month_again(
	struct tt_store *s, unsigned kind, int64_t start, unsigned who, struct tt_err *err) {
	int64_t end = local_next(s->tz, TT_STEP_MONTH, start);
	char sql[1600], days[800] = "";
	size_t n = 0;
	int rc;

	for (int64_t t = start; t < end; t = local_next(s->tz, TT_STEP_DAY, t))
		n += (size_t)snprintf(
			days + n, sizeof(days) - n, "%s%lld", n == 0 ? "" : ",", (long long)t);
	snprintf(sql, sizeof(sql), "DELETE FROM %s_month WHERE start = ? AND sensor = ?",
		rollups[kind].name);
	if ((rc = db_run_sql(s, err, "rollups", sql, start, who)) < 0)
		return rc;
	snprintf(sql, sizeof(sql),
		"INSERT INTO %s_month(start, %s, surveyor, packets, bytes, spilled, sources, "
		"heaviest) SELECT ?1, %s, surveyor, sum(packets), sum(bytes), sum(spilled), "
		"sketch_merge(sources), heaviest_merge(heaviest, sources, packets - spilled) "
		"FROM %s_day WHERE start IN (%s) AND sensor = ?2 GROUP BY %s, surveyor",
		rollups[kind].name, rollups[kind].columns, rollups[kind].columns,
		rollups[kind].name, days, rollups[kind].columns);
	return db_run_sql(s, err, "rollups", sql, start, who);
}

static int take_back(struct tt_store *s, const struct survey_day *d, unsigned kind, unsigned who,
	struct tt_err *err) {
	char sql[96];
	int rc;

	snprintf(sql, sizeof(sql), "DELETE FROM %s_hour WHERE start = ? AND sensor = ?",
		rollups[kind].name);
	for (int64_t t = d->start; t < d->end; t = local_next(s->tz, TT_STEP_HOUR, t))
		if ((rc = db_run_sql(s, err, "rollups", sql, t, who)) < 0)
			return rc;
	snprintf(sql, sizeof(sql), "DELETE FROM %s_day WHERE start = ? AND sensor = ?",
		rollups[kind].name);
	if ((rc = db_run_sql(s, err, "rollups", sql, d->start, who)) < 0)
		return rc;
	return month_again(s, kind, local_start(s->tz, TT_STEP_MONTH, d->start), who, err);
}

static int swap_pieces(
	struct tt_store *s, const struct survey_day *d, unsigned who, struct tt_err *err) {
	sqlite3_stmt *st;
	int rc = 0;

	for (unsigned k = 0; d->state == SURVEY_AGAIN && rc == 0 && k < KIND_N; k++)
		rc = take_back(s, d, k, who, err);
	if (rc < 0)
		return rc;
	st = db_prepare(s, err,
		"DELETE FROM segment WHERE who = ? AND start >= ? AND start < ? AND ((state = 0 "
		"AND id <= ?) OR (state = 2 AND ?))");
	if (st == NULL)
		return s->rc;
	db_bind(st, "iiiii", (int64_t)who, d->start, d->end, d->last_segment,
		(int64_t)(d->state == SURVEY_AGAIN));
	rc = db_run(s, st, err, "rollups");
	sqlite3_finalize(st);
	return rc < 0 ? rc
		      : db_run_sql(s, err, "rollups",
				"UPDATE segment SET state = 2 WHERE state = 1 AND who = ?",
				(int64_t)who, 0);
}

static int finish(struct tt_store *s, const struct survey_day *d, struct tt_err *err) {
	int rc = d->state == SURVEY_LATE ? 0 : watch_recount_finish(s, d, err);

	if (rc == 0)
		rc = db_run_sql(s, err, "rollups", "UPDATE survey SET state = 1 WHERE start = ?",
			d->start, 0);
	return rc < 0 ? rc
		      : db_run_sql(s, err, "rollups",
				"DELETE FROM unjudged WHERE start = ? AND taken", d->start, 0);
}

// The day that is being settled, and a sensor that has staged pieces; *who negative: none has.
static int find(struct tt_store *s, int64_t *start, int64_t *who, struct tt_err *err) {
	int rc = db_int(
		s, err, "SELECT start FROM survey WHERE state > 1 LIMIT 1", INT64_MIN, start);

	if (rc < 0 || *start == INT64_MIN)
		return rc;
	rc = db_int(s, err, "SELECT who FROM segment WHERE state = 1 LIMIT 1", -1, who);
	return rc < 0 ? rc : 1;
}

int survey_swap(struct tt_store *s, struct tt_err *err) {
	int64_t start, who;
	struct survey_day d;
	int rc = find(s, &start, &who, err);

	if (rc <= 0)
		return rc;
	if ((rc = survey_day_read(s, start, &d, err)) < 0 || (rc = db_tx(s, ST_BEGIN, err)) < 0)
		return rc;
	TT_CRASH_POINT("store.swap.before");
	rc = who >= 0 ? swap_pieces(s, &d, (unsigned)who, err) : finish(s, &d, err);
	TT_CRASH_POINT("store.swap.commit");
	if (rc == 0)
		rc = db_tx(s, ST_COMMIT, err);
	TT_CRASH_POINT("store.swap.after");
	if (rc < 0 && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_ROLLBACK, NULL);
	return rc < 0 ? rc : 1;
}
