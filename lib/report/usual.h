/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_findings.h"

// What is usual, and what is not: days that leave the level of a series and come back to it, and
// levels that end.

#define USUAL_DAYS   56 // how far back: eight weeks of days that can be used
#define USUAL_LEAST  7	// days that a baseline needs
#define LEVEL_LASTS  14 // days to the end of what is known that make a new level
#define LEVEL_ANYHOW 28 // days that make one, whatever comes after

struct series_day {
	double value;
	bool known;	      // somebody looked, and saw nearly all
	bool weekend;	      // Saturday or Sunday
	signed char odd;      // 1 above, -1 below the usual of its level
	unsigned short level; // counted from 0
};
struct thresholds {
	double min_value;  // of a day (a level) above the usual
	double min_excess; // packets (or sources, bytes) beyond the usual
	double deviations; // that a day is off
	double factor;	   // times the usual; downwards its inverse
	double passing;	   // times the usual on one day of what passes
	bool down;	   // whether what is below the usual counts
};

/// What is usual on day `at`: of the days of its level before it; where those are too few, also of
/// those after. Odd days are left out. Working days and weekends are kept apart where the level has
/// enough of both.
struct tt_usual usual_of(const struct series_day *d, unsigned n, unsigned at);

struct run {
	unsigned first, last;  // days
	unsigned settled;      // of a level: the day that it was reached
	unsigned usual_first;  // days that are usual and lie next to it: all of the level, none odd
	unsigned usual_days;   // 0: there are none
	int direction;	       // 1 up, -1 down
	bool level;	       // a level, not days that pass
	bool lasts;	       // it reaches the end
	struct tt_usual usual; // a day, as its days are working days and weekends
};
/// Finds what a period changed, whose days begin with `from`; those before only say what was. Sets
/// level and odd of all days. Runs that began earlier are told with their first day, unless those
/// days alone tell the same level. *out (owned by the caller) is in order of the last day; -ENOMEM.
int usual_find(struct series_day *d, unsigned n, unsigned from, const struct thresholds *t,
	struct run **out, unsigned *out_n);
bool is_weekend(int64_t local_day);

// ---- usual.c, levels.c: steps of usual_find

/// What is usual on a day like `at` by the days of a level.
struct tt_usual usual_in(
	const struct series_day *d, unsigned n, unsigned at, unsigned level, bool weekend);
/// 1 above, -1 below what is usual, 0 neither.
int usual_judge(const struct series_day *d, const struct tt_usual *u, const struct thresholds *t);
/// Marks odd days.
void usual_mark(struct series_day *d, unsigned n, const struct thresholds *t);
/// Numbers the levels of known days; -ENOMEM.
int levels_find(struct series_day *d, unsigned n);

// ---- verdicts.c
/// Counts verdicts on the sources of out->info over out->counts into out->verdicts.
int verdicts_count(struct tt_store *s, struct tt_watch_result *out, struct tt_err *err);
