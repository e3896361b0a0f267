/* SPDX-License-Identifier: BSD-3-Clause */
// Settling a local day that is over, a batch at a time: who was a surveyor is told from its raw
// batches, and the day is folded again by it into staged pieces, which survey_swap.c then puts in
// the place of those that arrived. Until all of that is recorded, nothing that is read changes, and
// a crash begins the day again.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "survey_evidence.h"
#include "tt_crash.h"
#include "watch.h"

#define AGAIN_S 3600 // between two settlings of a day for which batches came late

struct closing {
	struct survey_day d;
	unsigned limit;	  // ports; 0: no surveyors by behaviour
	bool folding;	  // else judging
	bool tables;	  // hold some of the day
	bool by_verdicts; // that there are: only what came late is folded
	struct raw_cursor raw;
	struct judge judge;
	struct survey verdicts;
	struct evidence evidence;
	struct watch_recount *watches; // that ask about surveyors; NULL: none
	struct fold *fold;
};

void survey_close_free(struct tt_store *s) {
	struct closing *c = s->closing;

	if (c == NULL)
		return;
	judge_free(&c->judge);
	evidence_free(&c->evidence);
	watch_recount_free(&c->watches);
	survey_free(&c->verdicts);
	fold_destroy(&c->fold);
	if (c->raw.s != NULL)
		raw_close(&c->raw);
	free(c);
	s->closing = NULL;
}

// The first day that is over and has batches that are not in what was settled; 1 where there is
// one.
static int find_day(struct tt_store *s, int64_t before, int64_t *start, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT DISTINCT u.start, v.state, v.settled FROM unjudged AS u JOIN batch AS b ON "
		"b.id = u.batch JOIN boot ON boot.id = b.boot LEFT JOIN survey AS v ON v.start = "
		"u.start WHERE NOT boot.hidden AND u.start < ? ORDER BY u.start");
	int rc = 0, step;

	if (st == NULL)
		return s->rc;
	db_bind(st, "i", before);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		bool settled = sqlite3_column_int(st, 1) == SURVEY_SETTLED;

		*start = sqlite3_column_int64(st, 0);
		rc = local_next(s->tz, TT_STEP_DAY, *start) <= before &&
		     (!settled || sqlite3_column_int64(st, 2) + AGAIN_S <= before);
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "surveyors");
	sqlite3_finalize(st);
	return rc;
}

static int run(struct tt_store *s, struct tt_err *err, const char *sql, const char *types,
	int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
	sqlite3_stmt *st = db_prepare(s, err, sql);
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, types, a, b, c, d, e);
	rc = db_run(s, st, err, "surveyors");
	sqlite3_finalize(st);
	return rc;
}

// Its pieces may go into the tables as they are.
static int pass(
	struct tt_store *s, struct closing *c, enum survey_state state, struct tt_err *err) {
	int rc = db_tx(s, ST_BEGIN, err);

	if (rc < 0)
		return rc;
	TT_CRASH_POINT("store.survey.pass");
	if ((rc = run(s, err,
		     "INSERT INTO survey(start, state, ports_per_day, surveyors, settled, "
		     "last_segment) VALUES(?1, ?2, ?3, 0, ?4, 0) ON CONFLICT DO UPDATE SET state = "
		     "?2, ports_per_day = iif(surveyors > 0, ports_per_day, ?3), settled = ?4",
		     "iiii", c->d.start, (int64_t)state, (int64_t)c->limit, tt_now_ns() / TT_NS,
		     0)) == 0 &&
		(rc = run(s, err,
			 "UPDATE segment SET state = 2 WHERE state = 0 AND start >= ? AND start < "
			 "? AND id <= ?",
			 "iii", c->d.start, c->d.end, c->d.last_segment, 0, 0)) == 0)
		rc = run(s, err, "DELETE FROM unjudged WHERE start = ? AND taken", "i", c->d.start,
			0, 0, 0, 0);
	rc = db_end(s, rc, err);
	survey_close_free(s);
	return rc < 0 ? rc : 1;
}

// What cannot be read or told is left to lists; verdicts that there are stay.
static int give_up(struct tt_store *s, struct closing *c, int rc) {
	bool settled = c->d.state == SURVEY_SETTLED;
	int passed;

	if (rc != -EIO && rc != -E2BIG) {
		survey_close_free(s);
		return rc;
	}
	passed = pass(s, c, settled ? SURVEY_SETTLED : SURVEY_LISTED, NULL);
	return passed < 0 || rc == -EIO ? rc : 1;
}

// What an interrupted try left goes, and the batches of this one are marked.
static int prepare(struct tt_store *s, int64_t start, struct tt_err *err) {
	int rc = db_tx(s, ST_BEGIN, err);

	if (rc < 0)
		return rc;
	if ((rc = db_exec(s, err,
		     "DELETE FROM segment WHERE state = 1;"
		     "DELETE FROM watch_day WHERE watch < 0;"
		     "DELETE FROM watch_source WHERE watch < 0;"
		     "UPDATE unjudged SET taken = 0 WHERE taken")) == 0)
		rc = run(s, err,
			"UPDATE unjudged SET taken = 1 WHERE start = ? AND batch IN (SELECT b.id "
			"FROM batch AS b JOIN boot ON boot.id = b.boot WHERE NOT boot.hidden)",
			"i", start, 0, 0, 0, 0);
	return db_end(s, rc, err);
}

static int tables_hold(struct tt_store *s, int64_t start, bool *out, struct tt_err *err) {
	char sql[80];
	int64_t n;
	int rc;

	snprintf(sql, sizeof(sql), "SELECT EXISTS(SELECT 1 FROM region_day WHERE start = %lld)",
		(long long)start);
	rc = db_int(s, err, sql, 0, &n);
	*out = n != 0;
	return rc;
}

static int fold_late(struct tt_store *s, struct closing *c, struct tt_err *err) {
	int rc;

	survey_free(&c->verdicts);
	if (c->raw.s != NULL)
		raw_close(&c->raw);
	if ((rc = survey_read_settled(s, c->d.start, c->d.end, &c->verdicts, err)) < 0 ||
		(rc = raw_open(s, &c->raw, c->d.start, c->d.end, RAW_NOTED, err)) < 0)
		return rc;
	c->folding = c->by_verdicts = true;
	return 1;
}

static int begin(struct tt_store *s, int64_t start, struct tt_err *err) {
	struct closing *c;
	int rc;

	// all that is visible is folded then, or (of a replay) nothing new is
	if ((rc = tt_store_checkpoint(s, err)) < 0 || (rc = prepare(s, start, err)) < 0)
		return rc;
	if ((c = s->closing = calloc(1, sizeof(*c))) == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	if ((rc = survey_day_read(s, start, &c->d, err)) < 0 ||
		(rc = survey_ports(s, &c->limit, err)) < 0 ||
		(rc = tables_hold(s, start, &c->tables, err)) < 0 ||
		(rc = db_int(s, err, "SELECT max(id) FROM segment", 0, &c->d.last_segment)) < 0)
		return rc;
	if (!c->d.whole || c->limit == 0) {
		if (c->d.surveyors > 0)
			return fold_late(s, c, err);
		return pass(s, c,
			c->d.whole || c->d.state == SURVEY_SETTLED ? SURVEY_SETTLED : SURVEY_LISTED,
			err);
	}
	c->verdicts = (struct survey){.tz = s->tz, .first = tt_tz_day(s->tz, start)};
	if ((rc = raw_open(s, &c->raw, start, c->d.end, RAW_ALL, err)) < 0)
		return rc;
	c->judge = (struct judge){.out = &c->verdicts,
		.raw = &c->raw,
		.day = c->verdicts.first,
		.from = start,
		.to = c->d.end,
		.limit = c->limit};
	return 1;
}

// Whether the verdicts are those that were settled before.
static int compare(struct tt_store *s, struct closing *c, bool *same, struct tt_err *err) {
	struct survey old;
	int rc = survey_read_settled(s, c->d.start, c->d.end, &old, err);

	*same = rc == 0 && old.set.n == c->verdicts.set.n;
	for (uint64_t i = 0; *same && i < old.set.size; i++) {
		const struct map_slot *slot = &old.set.slots[i];
		uint64_t src = slot->key1 - 1;
		uint8_t v4[16] = {(uint8_t)(src >> 24), (uint8_t)(src >> 16), (uint8_t)(src >> 8),
			(uint8_t)src};
		bool six = src >> 32 & 1;

		if (slot->key1 != 0)
			*same = survey_has(&c->verdicts, c->d.start, six ? 6 : 4,
				six ? old.v6.addr[(uint32_t)src] : v4);
	}
	survey_free(&old);
	return rc;
}

static int judge(struct tt_store *s, struct closing *c, struct tt_err *err) {
	bool same;
	int rc = judge_step(&c->judge, err);

	if (rc != 0)
		return rc;
	judge_free(&c->judge);
	if ((rc = compare(s, c, &same, err)) < 0)
		return rc;
	if (c->verdicts.set.n == 0 && same)
		return pass(s, c, SURVEY_SETTLED, err);
	if (same && c->d.state == SURVEY_SETTLED)
		return fold_late(s, c, err);
	c->folding = true;
	c->raw.part = TT_BATCH_ROWS;
	if ((rc = evidence_begin(&c->evidence, &c->verdicts)) < 0)
		return tt_err_set(err, rc, "%s: no memory", s->path);
	return (rc = watch_recount_begin(s, &c->d, &c->watches, err)) < 0 ? rc : 1;
}

// What is folded so far becomes staged pieces.
static int stage(struct tt_store *s, struct closing *c, struct tt_err *err) {
	int rc = db_tx(s, ST_BEGIN, err);

	if (rc < 0)
		return rc;
	if (fold_cut_open(s, c->fold) < 0)
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	if (rc == 0)
		rc = segments_insert(s, c->fold, SEGMENT_STAGED, err);
	if (rc == 0 && c->watches != NULL)
		rc = watch_recount_write(c->watches, err);
	rc = db_end(s, rc, err);
	fold_destroy(&c->fold);
	return rc;
}

// From here on the verdicts are those of the day, and survey_swap goes on.
static int record(struct tt_store *s, struct closing *c, struct tt_err *err) {
	enum survey_state state = c->by_verdicts ? SURVEY_LATE
				  : c->tables	 ? SURVEY_AGAIN
						 : SURVEY_FIRST;
	int64_t now = tt_now_ns() / TT_NS;
	int rc = db_tx(s, ST_BEGIN, err);

	if (rc < 0)
		return rc;
	TT_CRASH_POINT("store.survey.before");
	if (c->by_verdicts)
		rc = run(s, err,
			"UPDATE survey SET state = ?2, settled = ?3, last_segment = ?4 WHERE start "
			"= ?1",
			"iiii", c->d.start, (int64_t)state, now, c->d.last_segment, 0);
	else if ((rc = evidence_write(s, &c->evidence, c->d.start, err)) == 0 &&
		 (rc = run(s, err,
			  "INSERT OR REPLACE INTO survey(start, state, ports_per_day, settled, "
			  "last_segment, surveyors) VALUES(?1, ?2, ?3, ?4, ?5, 0)",
			  "iiiii", c->d.start, (int64_t)state, (int64_t)c->limit, now,
			  c->d.last_segment)) == 0)
		rc = run(s, err, "UPDATE survey SET surveyors = ?2 WHERE start = ?1", "ii",
			c->d.start, (int64_t)c->verdicts.set.n, 0, 0, 0);
	TT_CRASH_POINT("store.survey.commit");
	rc = db_end(s, rc, err);
	TT_CRASH_POINT("store.survey.after");
	survey_close_free(s);
	return rc < 0 ? rc : 1;
}

static int fold_batch(struct tt_store *s, struct closing *c, struct tt_err *err) {
	struct fold_day day = {c->d.start, c->d.end, &c->verdicts};
	int rc = 0;

	if (c->fold == NULL && (c->fold = fold_create(0)) == NULL)
		rc = -ENOMEM;
	// rollups of a replay may not hold it
	if (rc == 0 && c->raw.list[c->raw.at - 1].folded)
		rc = fold_view(c->fold, s, &c->raw.v, &c->raw.d, c->raw.sensor, &day);
	if (rc == 0 && c->watches != NULL)
		rc = watch_recount_add(c->watches, &c->raw, &c->d, &c->verdicts);
	if (rc == 0 && !c->by_verdicts)
		rc = evidence_add(&c->evidence, &c->raw, c->d.start, c->d.end);
	if (rc < 0)
		return tt_err_set(err, rc, "%s: no memory for the surveyors of a day", s->path);
	return 0;
}

static int fold(struct tt_store *s, struct closing *c, struct tt_err *err) {
	int more = raw_next(&c->raw, err), rc;

	if (more < 0)
		return more;
	if (more > 0) {
		rc = fold_batch(s, c, err);
		sqlite3_reset(c->raw.st);
		if (rc < 0)
			return rc;
	}
	if (c->fold != NULL &&
		(more == 0 || fold_memory(c->fold) > FOLD_DUE || watch_recount_due(c->watches)) &&
		(rc = stage(s, c, err)) < 0)
		return rc;
	return more > 0 ? 1 : record(s, c, err);
}

int survey_close(struct tt_store *s, int64_t before, struct tt_err *err) {
	int64_t start = 0;
	int rc;

	if ((rc = survey_swap(s, err)) != 0)
		return rc;
	if (s->closing == NULL) {
		if ((rc = find_day(s, before, &start, err)) > 0)
			rc = begin(s, start, err);
	} else {
		rc = s->closing->folding ? fold(s, s->closing, err) : judge(s, s->closing, err);
	}
	return rc < 0 && s->closing != NULL ? give_up(s, s->closing, rc) : rc;
}
