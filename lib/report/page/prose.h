/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "page.h"

// Pieces that sentences share.

/// A local day of a member "YYYY-MM-DD", `shift` days on; 0 where it is none.
int64_t prose_day(struct page *p, const json_t *o, const char *key, int shift);
/// The days of "from" and "to" (past the last): "from 5 November 2024 to ... (10 days)".
void prose_span(struct page *p, const json_t *o, char en[NAME_LEN], char ja[NAME_LEN]);
/// "41.3 %", in Japanese without the blank.
const char *share_text(enum tt_lang lang, double share, char buf[TT_SHOW_LEN]);
const char *ordinal(json_int_t n, char buf[16]);

/// What a key of changes is called; `of` is "service", "port", "region", "sensor", ...
const char *thing_name(
	struct page *p, enum tt_lang lang, const char *of, const char *key, char buf[NAME_LEN]);

/// The same in a sentence, with the article that English wants.
const char *name_in_text(
	struct page *p, enum tt_lang lang, const char *of, const char *key, char buf[NAME_LEN]);

/// doc.knowledge: what was published about the services of Table 1.
void knowledge_gather(struct page *p);

void prose_topics(struct page *p);
void prose_changes(struct page *p);
/// Who came into the tops and left them, in the section of changes, and what could be compared.
void prose_ranks(struct page *p);
