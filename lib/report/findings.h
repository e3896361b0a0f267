/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>

#include "tt_findings.h"

// What the files that print findings share.

json_t *json_time_of(int64_t sec);
json_t *json_day_of(struct tt_tz *tz, int64_t sec);
json_t *json_usual(const struct tt_usual *u);
/// Whether only one network saw a surge, and if not, why.
void watch_judge(struct tt_watch_surge *s);
/// Prints and frees a document; 0 or -ENOMEM.
int print_json_document(FILE *out, json_t *o);
