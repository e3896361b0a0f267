/* SPDX-License-Identifier: BSD-3-Clause */
// What changed in the period, for the sensors of the tables.
#include <string.h>

#include "prose.h"
#include "tt_findings.h"

int moves_gather(struct page *p) {
	struct tt_query q = page_query(p, TT_BY_PORT);
	struct tt_changes_conf conf = {.from = p->from,
		.to = p->to,
		.previous_from = p->previous_from,
		.previous_to = p->previous_to,
		.country = q.country,
		.group = q.group,
		.rank = TT_RANK_RATE,
		.surveyors = q.surveyors,
		.names = page_names(p)};
	struct tt_changes c;
	int rc = tt_changes_find(p->s, &conf, &c, p->err);
	if (!rc) {
		json_object_set_new(p->doc, "changes",
			tt_changes_json(p->s, &c, p->conf->services, p->conf->kev));
	}
	tt_changes_free(&c);
	return rc;
}
