/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>

#include "tt_report.h"

/// What a recipient calls a sensor ('s'), network ('n'), group ('g'), ...: "s-" and ten digits.
void pseudonym_make(struct tt_store *s, const struct tt_pseudonyms *names, char kind,
	const char *of, char out[TT_ID_LEN]);
/// Puts it in place of a name; "" stays.
void pseudonym_put(
	struct tt_store *s, const struct tt_pseudonyms *names, char kind, char *name, size_t size);
/// Gives probes and their boots a recipient's names ("p-", "b-").
void pseudonym_clock(
	struct tt_store *s, const struct tt_pseudonyms *names, struct tt_clock_steps *c);
/// The same of "clock_steps" in JSON; NULL: none.
void pseudonym_clock_json(
	struct tt_store *s, const struct tt_pseudonyms *names, json_t *clock_steps);
/// Whether a text has a sensor's id or name, or its network, as a word: not for a recipient.
bool names_a_sensor(struct tt_store *s, const char *text);
