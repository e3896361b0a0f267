/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "store.h"

// ---- survey.c
/// Surveyors by behaviour of the local days of a span.
struct survey {
	struct tt_tz *tz;
	unsigned limit; // ports in a day; 0: there are none
	int64_t first;	// day that keys count from
	struct map set; // day and source to ports
	struct ids6 v6;
	int64_t day, from, to; // the day that was asked last
};
/// How many ports make a surveyor; 0: none is told by behaviour.
int survey_ports(struct tt_store *s, unsigned *out, struct tt_err *err);
/// Reads the whole local days that touch [from, to) from raw batches.
int survey_read(
	struct tt_store *s, int64_t from, int64_t to, struct survey *out, struct tt_err *err);
bool survey_has(struct survey *v, int64_t time, uint8_t family, const uint8_t src[16]);
void survey_free(struct survey *v);
