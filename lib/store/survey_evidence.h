/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "survey.h"

/// What surveyors of a day did: counted once they are known.
struct surveyor {
	uint8_t family, src[16];
	uint32_t sensors;
	uint64_t packets, destinations; // bits
	struct tt_sketch *ports;	// NULL: past the budget, not counted
};
struct evidence {
	struct survey *verdicts;
	struct surveyor *list; // by the numbers of the verdicts
	size_t n, cap, sketches;
	struct map sensors; // surveyor and sensor
};
/// Numbers the verdicts, which are borrowed.
int evidence_begin(struct evidence *e, struct survey *verdicts);
int evidence_add(struct evidence *e, const struct raw_cursor *raw, int64_t from, int64_t to);
/// In place of what there was of the day, in the caller's transaction.
int evidence_write(struct tt_store *s, struct evidence *e, int64_t start, struct tt_err *err);
void evidence_free(struct evidence *e);
