/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_findings.h"

// What is usual, and runs of days that are not.

#define USUAL_DAYS  56 // how far back: eight weeks of days that can be used
#define USUAL_LEAST 7  // days that a baseline needs; of one kind 4

struct series_day {
	double value;
	bool known;	 // somebody looked, and saw nearly all
	bool weekend;	 // Saturday or Sunday
	signed char odd; // 1 above, -1 below the usual; set by usual_mark
};
struct thresholds {
	double min_value;  // of a day above the usual
	double min_excess; // packets (or sources, bytes) beyond the usual
	double deviations;
	double factor; // times the usual; downwards its inverse
};
/// What is usual on day `at`, by the days before it; where those are too few, by all others. Days
/// marked odd are left out.
struct tt_usual usual_of(const struct series_day *d, unsigned n, unsigned at);
/// Marks odd days from day `from` on; the days before only say what is usual.
void usual_mark(
	struct series_day *d, unsigned n, unsigned from, const struct thresholds *t, bool down);

struct run {
	unsigned first, last; // days
	int direction;
	bool lasts; // it reaches the end
};
/// The next run of odd days of one direction from day *at on; a single day in between that is not
/// odd or not known does not end it. False where there is none.
bool usual_run(const struct series_day *d, unsigned n, unsigned *at, struct run *out);
bool is_weekend(int64_t local_day);

// ---- verdicts.c
/// Counts verdicts on the sources of out->info over out->counts into out->verdicts.
int verdicts_count(struct tt_store *s, struct tt_watch_result *out, struct tt_err *err);
