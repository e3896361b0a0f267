/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "fold.h"

// Surveyors by behaviour: sources that probe more than so many ports in a local day. survey.c knows
// what is settled, judge.c tells them from raw batches, survey_close.c settles a day when it is
// over, survey_swap.c brings the verdicts into the rollups.

/// What became of a local day; numbers are those of the table `survey`.
enum survey_state {
	SURVEY_OPEN = -1,   // nothing is settled, and its rollups are pieces
	SURVEY_LISTED = 0,  // never settled: its rollups know lists alone
	SURVEY_SETTLED = 1, // its verdicts are in its rollups
	SURVEY_FIRST = 2,   // being settled; its rollups are pieces
	SURVEY_AGAIN = 3,   // being settled anew, because later batches made other surveyors
	SURVEY_LATE = 4,    // settled; later batches are being added by the same verdicts
};
struct survey_day {
	int64_t start, end;
	enum survey_state state;
	unsigned ports_per_day; // that was in force when it was settled; 0: no such rule
	int64_t surveyors, settled, last_segment;
	bool pending; // visible batches are not in what was settled
	bool whole;   // raw batches hold all of it
};

/// Surveyors by behaviour of the local days of a span.
struct survey {
	struct tt_tz *tz;
	int64_t first;	// day that keys count from
	struct map set; // day and source to a number other than 0
	struct ids6 v6;
	int64_t day, from, to; // the day that was asked last
	struct {
		int64_t from, to;
	} * open; // days of which rollups do not know and raw batches do
	size_t open_n, open_cap;
	struct tt_survey_days days;
};

// ---- survey.c
/// How many ports make a surveyor now; 0: none is told by behaviour.
int survey_ports(struct tt_store *s, unsigned *out, struct tt_err *err);
int survey_day_read(struct tt_store *s, int64_t start, struct survey_day *out, struct tt_err *err);
/// The whole local days that touch [from, to), for who reads raw batches: what was settled, else
/// told from raw, else left to lists.
int survey_read(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err);
/// The same for who reads rollups: of days that are not settled, told from raw and listed in
/// `open`.
int survey_read_open(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err);
/// Only what was settled.
int survey_read_settled(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err);
bool survey_has(struct survey *v, int64_t time, uint8_t family, const uint8_t src[16]);
/// Whether a time is of a day in `open`.
bool survey_is_open(const struct survey *v, int64_t time);
/// Adds a source of a local day.
int survey_add(struct survey *v, int64_t day, uint8_t family, const uint8_t src[16]);
/// The number of a source of a local day (what `set` holds); NULL where it is no surveyor.
uint64_t *survey_find(struct survey *v, int64_t time, uint8_t family, const uint8_t src[16]);
void survey_free(struct survey *v);

// ---- survey_days.c
/// Records the local days that a batch's rows are of, as what is not settled.
int survey_note(
	struct tt_store *s, int64_t batch, const struct tt_batch_view *v, struct tt_err *err);
/// The same for all that rollups do not hold; a transaction.
int survey_note_unfolded(struct tt_store *s, struct tt_err *err);
/// What a database of a version before this needs.
int survey_upgrade(struct tt_store *s, struct tt_err *err);

// ---- judge.c
/// Reads a day a batch at a time. Where it has too many sources for memory, it is read several
/// times, a part of them each.
struct judge {
	struct survey *out;
	struct raw_cursor *raw; // opened for the day
	int64_t day, from, to;
	unsigned limit, parts, part;
	struct map pairs;  // source, protocol and port
	struct map counts; // ports by source
	struct ids6 v6;
};
/// 1: there is more, 0: done, -E2BIG: there are too many surveyors, -errno.
int judge_step(struct judge *j, struct tt_err *err);
void judge_free(struct judge *j);

// ---- survey_close.c
/// Goes on with settling days that were over at `before`: 1 where there was something to do.
int survey_close(struct tt_store *s, int64_t before, struct tt_err *err);
void survey_close_free(struct tt_store *s);

// ---- survey_swap.c
/// Goes on with bringing the verdicts of a day into the rollups: 1 where there was one.
int survey_swap(struct tt_store *s, struct tt_err *err);
