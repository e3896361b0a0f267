/* SPDX-License-Identifier: BSD-3-Clause */
// What changed in the period, for the sensors of the tables.
#include <string.h>

#include "prose.h"
#include "tt_findings.h"

static void hide_changes(const struct page *p, json_t *changes) {
	json_t *row, *left = json_object_get(changes, "sensors_left_out");
	char alias[TT_ID_LEN];
	size_t i;
	json_array_foreach(json_object_get(changes, "rows"), i, row) {
		if (!strcmp(json_string_value(json_object_get(row, "of")), "sensor"))
			rename_member(p, row, "key", 's');
		rename_list(
			p, json_object_get(json_object_get(row, "drivers"), "sensor"), "key", 's');
	}
	json_array_foreach(left, i, row) {
		pseudonym(p, 's', json_string_value(row), alias);
		json_string_set(row, alias);
	}
}

int moves_gather(struct page *p) {
	struct tt_query q = page_query(p, TT_BY_PORT);
	struct tt_changes_conf conf = {.from = p->from,
		.to = p->to,
		.previous_from = p->previous_from,
		.previous_to = p->previous_to,
		.country = q.country,
		.group = q.group,
		.rank = TT_RANK_RATE,
		.surveyors = q.surveyors};
	struct tt_changes c;
	int rc = tt_changes_find(p->s, &conf, &c, p->err);
	if (!rc) {
		json_t *o = tt_changes_json(p->s, &c, p->conf->services);
		json_t *row;
		size_t i;
		if (p->conf->recipient)
			hide_changes(p, o);
		json_array_foreach(json_object_get(o, "rows"), i, row) published_add(p, row);
		json_object_set_new(p->doc, "changes", o);
	}
	tt_changes_free(&c);
	return rc;
}
