/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "report.h"
#include "tt_findings.h"
#include "usual.h"

// The search for changes on its way: changes.c says what is looked at, changes_days.c what is
// unusual in it, changes_ranks.c who came into the top and left it, drivers.c who drove a change.

struct search {
	struct tt_store *s;
	const struct tt_changes_conf *conf;
	struct tt_changes *out;
	struct tt_err *err;
	struct tt_tz *tz;
	struct thresholds limits;
	int64_t past;	    // where the days begin that say what is usual
	const char **panel; // sensors that are compared
	unsigned panel_n;
	size_t cap;
};

/// A row added to the answer, zeroed but for kind and what it is of; NULL without memory.
struct tt_change *change_add(
	struct search *f, enum tt_change_kind kind, enum tt_change_of of, enum tt_class class);
/// What a row is called; a sensor by the recipient's name for it.
void change_label(
	struct search *f, enum tt_by by, const struct tt_row_key *key, char label[TT_SHOW_LEN]);
/// A question about the sensors that are compared.
struct tt_query search_query(const struct search *f, enum tt_by by, enum tt_class class);

/// Surges and new levels of the things that `by` names: services, regions or sensors.
int changes_days(struct search *f, enum tt_change_of of, enum tt_by by, enum tt_class class);
int changes_watches(struct search *f);
int changes_ranks(struct search *f, enum tt_change_of of, enum tt_by by);
/// Fills who drove a change; what cannot be told stays unknown.
int change_drivers(struct search *f, struct tt_change *c);
