/* SPDX-License-Identifier: BSD-3-Clause */
// How many sources a watch that keeps them really saw, by day and in a span.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

#define EXACT_MAX (4u << 20) // sources of days, 96 MiB; the sketches answer where there are more

struct seen {	      // one source on one day
	uint32_t day; // index
	uint8_t family, b[16];
};
struct gather {
	struct seen *list;
	size_t n, cap;
};

static int by_source(const void *x, const void *y) {
	const struct seen *a = x, *b = y;
	int c = (a->family > b->family) - (a->family < b->family);

	if (c == 0)
		c = memcmp(a->b, b->b, sizeof(a->b));
	return c != 0 ? c : (a->day > b->day) - (a->day < b->day);
}

static int by_start(const void *x, const void *y) {
	const int64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static int add(struct gather *g, const int64_t *starts, unsigned day_n, int64_t start, int family,
	const uint8_t *b) {
	const int64_t *day = bsearch(&start, starts, day_n, sizeof(*starts), by_start);
	struct seen *s;

	if (day == NULL)
		return 0;
	if (g->n == EXACT_MAX)
		return -ENOSPC;
	if (big_grow((void **)&g->list, &g->cap, g->n + 1, sizeof(*g->list)) < 0)
		return -ENOMEM;
	s = &g->list[g->n++];
	memset(s, 0, sizeof(*s));
	s->day = (uint32_t)(day - starts);
	s->family = (uint8_t)family;
	memcpy(s->b, b, family == 4 ? 4 : 16);
	return 0;
}

// What was folded, and what was not yet.
static int gather(struct gather *g, struct tt_store *s, const struct watch *w,
	const struct watch_count *tail, const struct survey *survey, const int64_t *starts,
	unsigned day_n, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT start, source FROM watch_source WHERE watch = ? AND start >= ? AND start "
		"<= ?");
	int step = SQLITE_ROW, rc = 0;

	if (st == NULL)
		return s->rc;
	db_bind(st, "iii", w->id, starts[0], starts[day_n - 1]);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		int n = sqlite3_column_bytes(st, 1);

		if ((n == 4 || n == 16) && !survey_is_open(survey, sqlite3_column_int64(st, 0)))
			rc = add(g, starts, day_n, sqlite3_column_int64(st, 0), n == 4 ? 4 : 6,
				sqlite3_column_blob(st, 1));
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "watches");
	sqlite3_finalize(st);
	for (size_t i = 0; rc == 0 && i < tail->source_n; i++) {
		const struct tt_watch_source *t = &tail->sources[i].s;

		rc = add(g, starts, day_n, t->day, t->source.family, t->source.b);
	}
	if (rc == -ENOMEM)
		tt_err_set(err, rc, "%s: no memory", s->path);
	return rc;
}

int watch_exact(struct tt_store *s, const struct watch *w, const struct watch_count *tail,
	const struct survey *survey, const int64_t *starts, unsigned day_n, uint64_t *of_day,
	uint64_t *whole, struct tt_err *err) {
	struct gather g = {NULL, 0, 0};
	int rc = day_n != 0 ? gather(&g, s, w, tail, survey, starts, day_n, err) : 0;

	*whole = 0;
	memset(of_day, 0, day_n * sizeof(*of_day));
	if (rc == 0 && g.n != 0)
		qsort(g.list, g.n, sizeof(*g.list), by_source);
	for (size_t i = 0; rc == 0 && i < g.n; i++) {
		const struct seen *a = &g.list[i], *before = i != 0 ? a - 1 : NULL;
		bool again = before != NULL && before->family == a->family &&
			     memcmp(before->b, a->b, sizeof(a->b)) == 0;

		*whole += !again;
		of_day[a->day] += !again || before->day != a->day;
	}
	big_free(g.list, g.cap * sizeof(*g.list));
	return rc == -ENOSPC ? 1 : rc;
}
