/* SPDX-License-Identifier: BSD-3-Clause */
// Where clocks of probes did not simply go on, for those who look at completeness.
#include <stdio.h>
#include <stdlib.h>

#include "store.h"

// Those that touch the span: a clock that was set back passed [after, before] twice, one that was
// set forward left [before, after] out. The furthest first.
static const char sql[] =
	"SELECT boot.probe, boot.boot, c.next, c.before, c.after, count(*) OVER () FROM clock_step "
	"AS c JOIN boot ON boot.id = c.boot WHERE NOT boot.hidden AND min(c.before, c.after) < ?2 "
	"AND max(c.before, c.after) >= ?1 AND (?3 IS NULL OR EXISTS (SELECT 1 FROM uptime AS u "
	"WHERE u.boot = c.boot AND u.sensor IN (SELECT value FROM json_each(?3)))) "
	"ORDER BY abs(c.after - c.before) DESC, c.before, boot.probe LIMIT ?4";

static void text(char *to, size_t size, sqlite3_stmt *st, int column) {
	const char *is = (const char *)sqlite3_column_text(st, column);

	snprintf(to, size, "%s", is != NULL ? is : "");
}

int clock_steps_read(struct tt_store *s, int64_t from, int64_t to, const char *sensors,
	struct tt_clock_steps *out, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err, sql);
	int step;

	*out = (struct tt_clock_steps){0};
	if (st == NULL)
		return s->rc;
	db_bind(st, "ii", from, to);
	if (sensors != NULL)
		sqlite3_bind_text(st, 3, sensors, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 4, TT_CLOCK_STEPS_MAX);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct tt_clock_step *c = &out->steps[out->n++];

		text(c->probe, sizeof(c->probe), st, 0);
		text(c->boot, sizeof(c->boot), st, 1);
		text(c->next, sizeof(c->next), st, 2);
		c->before = sqlite3_column_int64(st, 3);
		c->after = sqlite3_column_int64(st, 4);
		out->other = (uint64_t)sqlite3_column_int64(st, 5) - out->n;
	}
	sqlite3_finalize(st);
	return step == SQLITE_DONE ? 0 : db_fail(s, err, "clock steps");
}

void tt_clock_steps_json(const struct tt_clock_steps *c, json_t *to) {
	json_t *list = c->n > 0 ? json_array() : NULL;
	char before[TT_RFC3339_LEN], after[TT_RFC3339_LEN];

	for (unsigned i = 0; i < c->n; i++) {
		const struct tt_clock_step *x = &c->steps[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "probe", x->probe, "boot",
				      x->boot, "before", tt_time_format(x->before, before), "after",
				      tt_time_format(x->after, after), "next",
				      x->next[0] ? x->next : NULL));
	}
	if (list != NULL)
		json_object_set_new(to, "clock_steps", list);
	if (c->other > 0)
		json_object_set_new(to, "clock_steps_other", json_integer((json_int_t)c->other));
}
