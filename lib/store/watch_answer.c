/* SPDX-License-Identifier: BSD-3-Clause */
// What was gathered of a watch, as days and parts of an answer.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch_read.h"

static void fill_day(const struct cell *c, struct tt_watch_day *d) {
	d->packets = c->packets;
	d->bytes = c->bytes;
	d->sources = c->sketch != NULL ? tt_sketch_count(c->sketch) : 0;
	d->sources_error = c->sketch != NULL ? tt_sketch_error(c->sketch) : 0;
}

static void fill_days(const struct reader *r, const struct part *p, struct tt_watch_day *days) {
	const struct watch *w = &r->w.w[0];

	for (unsigned i = 0; i < r->up.step_n; i++) {
		int64_t end = local_next(r->s->tz, TT_STEP_DAY, r->up.starts[i]);
		// what was there before the watch was, and not backfilled, is not known
		bool gap = r->up.starts[i] < w->gap_to && end > w->gap_from;

		fill_day(&p->days[i], &days[i]);
		days[i].start = r->up.starts[i];
		days[i].completeness = gap	       ? -1
				       : p->up != NULL ? tt_up_completeness(&p->up[i])
						       : r->up.step_completeness[i];
		days[i].known = !gap && (days[i].completeness >= 0 || p->days[i].packets > 0);
	}
}

// Where the watch keeps its sources they are counted, not estimated.
static int count_sources(const struct reader *r, struct tt_watch_counts *out) {
	uint64_t whole, *of_day = calloc(out->day_n + 1, sizeof(*of_day));
	int rc;

	if (of_day == NULL)
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	rc = watch_exact(r->s, &r->w.w[0], &r->c, &r->survey, r->up.starts, out->day_n, of_day,
		&whole, r->err);
	for (unsigned i = 0; rc == 0 && i < out->day_n; i++) {
		out->days[i].sources = of_day[i];
		out->days[i].sources_error = 0;
	}
	if (rc == 0) {
		out->whole.sources = whole;
		out->whole.sources_error = 0;
	}
	free(of_day);
	return rc < 0 ? rc : 0;
}

int tt_watch_part_cmp(const void *x, const void *y) {
	const struct tt_watch_part *a = x, *b = y;

	if (a->by != b->by)
		return a->by < b->by ? -1 : 1;
	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	return strcmp(a->key, b->key);
}

// Of the span: days before the watch count as not observed; -1 where it lies before it whole.
static double completeness(const struct reader *r, const struct tt_watch_day *days) {
	unsigned expected = 0, counted = 0;

	for (unsigned i = 0; i < r->up.step_n; i++) {
		expected += r->up.step_completeness[i] >= 0;
		counted += days[i].completeness >= 0;
	}
	return counted != 0 ? r->up.completeness * counted / expected : -1;
}

int watch_answer(struct reader *r, struct tt_watch_counts *out) {
	size_t parts = r->n - PART_FIRST, n = r->up.step_n;

	out->from = r->up.from;
	out->to = r->up.to;
	out->lower_bound = r->lower_bound;
	out->survey = r->survey.days;
	out->day_n = (unsigned)n;
	out->days = calloc((parts + PART_FIRST) * n + 1, sizeof(*out->days));
	out->parts = calloc(parts + 1, sizeof(*out->parts));
	if (out->days == NULL || out->parts == NULL)
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	out->plain_days = out->days + n;
	fill_days(r, &r->parts[PART_WHOLE], out->days);
	fill_days(r, &r->parts[PART_PLAIN], out->plain_days);
	out->completeness = completeness(r, out->days);
	fill_day(&r->parts[PART_WHOLE].all, &out->whole);
	fill_day(&r->parts[PART_PLAIN].all, &out->plain);
	for (size_t i = 0; i < parts; i++) {
		const struct part *p = &r->parts[PART_FIRST + i];
		struct tt_watch_part *o = &out->parts[out->part_n++];
		struct tt_watch_day all;

		*o = p->p;
		fill_day(&p->all, &all);
		o->packets = all.packets;
		o->bytes = all.bytes;
		o->sources = all.sources;
		o->sources_error = all.sources_error;
		o->days = out->days + (PART_FIRST + i) * n;
		fill_days(r, p, o->days);
	}
	qsort(out->parts, out->part_n, sizeof(*out->parts), tt_watch_part_cmp);
	return r->w.w[0].keep_sources ? count_sources(r, out) : 0;
}
