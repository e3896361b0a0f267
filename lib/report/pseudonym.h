/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_findings.h"

/// What a recipient calls a sensor ('s'), network ('n') or group ('g'): "s-" and ten digits.
void pseudonym_make(struct tt_store *s, const struct tt_pseudonyms *names, char kind,
	const char *of, char out[TT_ID_LEN]);
