/* SPDX-License-Identifier: BSD-3-Clause */
// The story of a series: which of its levels differ, when one turned into the next, and which days
// left their level and came back.
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "usual.h"

#define GAP		 1     // days inside a run that are not odd
#define LEVEL_DEVIATIONS 2     // that two levels differ by
#define RAMP_DAYS	 56    // before a level is reached, at most, that lead to it
#define RAMP_SLACK	 1     // deviations that a day may be off and be no part of a ramp
#define RAMP_MOST	 3     // and that it counts at most
#define RAMP_LEAST	 1.5   // deviations beyond the slack that make one
#define MOVING_SHARE	 0.125 // of a change, that goes on within a level that is but a stage of it
#define USUAL_SPAN	 28    // days beside a run that stand for what is usual

struct level {
	unsigned first, last, known;
};

struct shift {
	unsigned before, after; // levels
	unsigned first;		// the first day that left the level before
	unsigned settled;	// the first day of the level after
	int direction;
};

struct story {
	struct series_day *d;
	unsigned n, end, from; // days; past the last that is known; the first of the period
	const struct thresholds *t;
	struct level *levels;
	struct shift *shifts;
	bool *ramp; // days on the way from a level to the next
	unsigned level_n, shift_n;
	struct run *runs;
	unsigned run_n, cap;
};

// ---- levels that differ

static int list_levels(struct story *s) {
	unsigned n = 0;
	for (unsigned i = 0; i < s->n; i++)
		n = s->d[i].level >= n ? s->d[i].level + 1u : n;
	s->levels = calloc(n + 1, sizeof(*s->levels));
	s->shifts = calloc(n + 1, sizeof(*s->shifts));
	s->ramp = calloc(s->n + 1, sizeof(*s->ramp));
	if (!s->levels || !s->shifts || !s->ramp)
		return -ENOMEM;
	for (unsigned i = 0; i < s->n; i++) {
		struct level *l = &s->levels[s->d[i].level];
		if (!s->d[i].known)
			continue;
		if (!l->known++)
			l->first = i;
		l->last = i;
		s->end = i + 1;
	}
	s->level_n = n;
	return 0;
}

// What is usual in a part [from, to) of a level.
static struct tt_usual usual_part(
	const struct story *s, unsigned level, unsigned from, unsigned to, bool weekend) {
	return usual_in(s->d + from, to - from, to - from, level, weekend);
}

static struct tt_usual usual_level(const struct story *s, unsigned level, bool weekend) {
	const struct level *l = &s->levels[level];
	return usual_part(s, level, l->first, l->last + 1, weekend);
}

// Whether y is another level than x: 1 higher, -1 lower.
static int differ(const struct thresholds *t, const struct tt_usual *x, const struct tt_usual *y) {
	double off = y->median - x->median;
	double deviation = x->deviation > y->deviation ? x->deviation : y->deviation;
	if (!x->days || !y->days || fabs(off) < t->min_excess ||
		fabs(off) <= LEVEL_DEVIATIONS * deviation)
		return 0;
	if (off > 0)
		return y->median >= t->factor * x->median && y->median >= t->min_value;
	return -(y->median <= x->median / t->factor);
}

static int differs(const struct story *s, unsigned a, unsigned b) {
	int direction = 0;
	for (int weekend = 0; !direction && weekend < 2; weekend++) {
		struct tt_usual x = usual_level(s, a, weekend), y = usual_level(s, b, weekend);
		direction = differ(s->t, &x, &y);
	}
	return direction;
}

static int way(const struct story *s, unsigned a, unsigned b) {
	double off = usual_level(s, b, false).median - usual_level(s, a, false).median;
	return (off > 0) - (off < 0);
}

// A level that did not last, or that was still moving, is a stage on the way to the next.
static bool is_stage(const struct story *s, unsigned before, unsigned level, int direction) {
	const struct level *l = &s->levels[level];
	unsigned middle = (l->first + l->last + 1) / 2;
	if (l->known < LEVEL_ANYHOW)
		return true;
	struct tt_usual a = usual_part(s, level, l->first, middle, false),
			b = usual_part(s, level, middle, l->last + 1, false);
	double all = usual_level(s, level + 1, false).median - usual_level(s, before, false).median;
	double moved = (b.median - a.median) * direction;
	return a.days && b.days && moved > fabs(all) * MOVING_SHARE &&
	       moved > LEVEL_DEVIATIONS * 1.2533 * b.deviation / sqrt(b.days); // of a median
}

// By how many deviations a day is off a level that ended with day `at`.
static double off_level(
	const struct story *s, unsigned i, unsigned at, unsigned level, int direction) {
	struct tt_usual u = usual_in(s->d, s->n, at, level, s->d[i].weekend);
	return u.days ? (s->d[i].value - u.median) * direction / u.deviation : 0;
}

// The day from which on the level was left: where what exceeds the slack adds up to most
// (Page's cumulative sum, Biometrika 41, 1954, from the change backwards).
static unsigned left_from(const struct story *s, unsigned level, unsigned reached, int direction) {
	double sum = 0, most = 0;
	unsigned first = reached;
	for (unsigned i = reached; i-- > 0 && s->d[i].level == level && reached - i <= RAMP_DAYS;) {
		if (!s->d[i].known)
			continue;
		double z = off_level(s, i, reached, level, direction);
		sum += (z > RAMP_MOST ? RAMP_MOST : z) - RAMP_SLACK;
		if (sum > most) {
			most = sum;
			first = i;
		}
	}
	if (most >= RAMP_LEAST)
		return first;
	// nor do days that are still usual belong to the next
	for (first = reached; first < s->n && first - reached < 7; first++)
		if (s->d[first].known &&
			off_level(s, first, reached, level, direction) > RAMP_SLACK)
			return first;
	return reached;
}

static void find_shifts(struct story *s) {
	unsigned next;
	for (unsigned i = 0; i + 1 < s->level_n; i = next) {
		int direction = way(s, i, i + 1);
		next = i + 1;
		while (next + 1 < s->level_n && way(s, next, next + 1) == direction &&
			is_stage(s, i, next, direction))
			next++;
		direction = differs(s, i, next);
		if (!direction)
			continue;
		struct shift *x = &s->shifts[s->shift_n++];
		*x = (struct shift){.before = i,
			.after = next,
			.first = left_from(s, i, s->levels[i + 1].first, direction),
			.settled = s->levels[next].first,
			.direction = direction};
	}
}

// Days on the way belong to the level they lead to, but are none of its surges or dips.
static void take_ramps(struct story *s) {
	for (unsigned k = 0; k < s->shift_n; k++) {
		struct shift *x = &s->shifts[k];
		for (unsigned i = s->levels[x->before + 1].first; i < x->first; i++)
			s->d[i].level = (unsigned short)x->before;
		for (unsigned i = x->first; i < x->settled; i++)
			s->d[i].level = (unsigned short)x->after;
		x->settled = x->settled < x->first ? x->first : x->settled;
	}
	usual_mark(s->d, s->n, s->t);
	for (unsigned k = 0; k < s->shift_n; k++) {
		const struct shift *x = &s->shifts[k];
		unsigned end = x->settled;
		for (unsigned i = end; i < s->n && i <= end + GAP; i++)
			if (s->d[i].odd == -x->direction && s->d[i].level == x->after)
				end = i + 1;
		for (unsigned i = x->first; i < end; i++)
			s->ramp[i] = s->d[i].odd == -x->direction;
	}
}

// ---- runs

// Days that are usual: the nearest before the run without an odd one among them, else after it.
static void find_usual_days(const struct story *s, struct run *r, unsigned level) {
	unsigned days = 0;
	for (unsigned i = r->first; i-- > 0 && days < USUAL_SPAN;) {
		bool fits = s->d[i].level == level && s->d[i].known && !s->d[i].odd;
		if (!fits && days >= USUAL_LEAST)
			break;
		days = fits ? days + 1 : 0;
		r->usual_first = i + !fits;
	}
	days = days < USUAL_LEAST ? 0 : days;
	for (unsigned i = r->last + 1; days < USUAL_LEAST && i < s->n; i++) {
		bool fits = s->d[i].level == level && s->d[i].known && !s->d[i].odd;
		days = fits ? days + 1 : 0;
		r->usual_first = i + 1 - days;
	}
	r->usual_days = days >= USUAL_LEAST ? days : 0;
}

static int add_run(struct story *s, const struct run *run, unsigned level) {
	struct tt_usual sum = {0};
	unsigned n = 0;
	if (s->run_n == s->cap) {
		unsigned cap = s->cap ? s->cap * 2 : 8;
		struct run *more = realloc(s->runs, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->runs = more;
		s->cap = cap;
	}
	struct run *r = &s->runs[s->run_n];
	*r = *run;
	for (unsigned i = r->first; i <= r->last; i++) {
		struct tt_usual u =
			usual_in(s->d, s->n, r->level ? r->first : i, level, s->d[i].weekend);
		if (!u.days)
			continue;
		sum.median += u.median;
		sum.deviation += u.deviation;
		sum.days = u.days > sum.days ? u.days : sum.days;
		n++;
	}
	if (!n)
		return 0;
	r->usual = (struct tt_usual){sum.median / n, sum.deviation / n, sum.days};
	find_usual_days(s, r, level);
	s->run_n++;
	return 0;
}

static bool is_odd(const struct story *s, unsigned i, int direction) {
	return s->d[i].odd == direction && !s->ramp[i];
}

// Whether one of the days is large enough for what passes.
static bool is_large(const struct story *s, const struct run *r) {
	for (unsigned i = r->first; i <= r->last; i++) {
		struct tt_usual u = usual_of(s->d, s->n, i);
		double v = s->d[i].value, p = s->t->passing;
		if (is_odd(s, i, r->direction) &&
			(r->direction > 0 ? v >= p * u.median : v * p <= u.median))
			return true;
	}
	return false;
}

// What left its level and did not come back for so long is a new level, whatever its shape.
static void settle(const struct story *s, struct run *r) {
	if (!r->lasts || r->last + 1 - r->first < LEVEL_LASTS)
		return;
	r->level = true;
	r->settled = r->first;
	r->first = left_from(s, s->d[r->first].level, r->first, r->direction);
}

static int add_passing(struct story *s) {
	unsigned begin = 0, next;
	int rc = 0;
	while (begin < s->end && !s->d[begin].known)
		begin++;
	for (unsigned i = 0; !rc && i < s->n; i = next) {
		struct run r = {.first = i, .last = i, .settled = i, .direction = s->d[i].odd};
		next = i + 1;
		if (!s->d[i].odd || s->ramp[i])
			continue;
		for (unsigned j = i + 1; j < s->n && j <= r.last + GAP + 1; j++)
			if (is_odd(s, j, r.direction))
				r.last = j;
		next = r.last + 1;
		r.lasts = next >= s->end;
		// nobody knows whether there was more before the first day
		bool from_nothing = r.direction < 0 && r.first <= begin;
		if (from_nothing || (r.direction < 0 && !s->t->down) || !is_large(s, &r))
			continue;
		settle(s, &r);
		if (r.last >= s->from)
			rc = add_run(s, &r, s->d[i].level);
	}
	return rc;
}

// A run that goes on, by which the days came back to what was usual before a level: it is the
// level's end, and no news of its own.
static const struct run *way_back(const struct story *s, const struct shift *x) {
	struct run *r = s->run_n ? &s->runs[s->run_n - 1] : NULL;
	if (!r || !r->lasts || r->direction != -x->direction || s->d[r->last].level != x->after)
		return NULL;
	for (unsigned i = r->settled; i <= r->last; i++) {
		struct tt_usual u = usual_in(s->d, s->n, x->first, x->before, s->d[i].weekend);
		if (is_odd(s, i, r->direction) && usual_judge(&s->d[i], &u, s->t))
			return NULL;
	}
	return r;
}

// Whether the period before knew this level: its days alone tell it.
static int was_known(const struct story *s, const struct shift *x, bool *known) {
	struct series_day *d;
	struct run *runs;
	unsigned n, first = s->from < LEVEL_LASTS ? 0 : s->from - LEVEL_LASTS;
	*known = false;
	if (x->first >= s->from)
		return 0;
	if (!(d = calloc(s->from, sizeof(*d))))
		return -ENOMEM;
	for (unsigned i = 0; i < s->from; i++)
		d[i] = s->d[i];
	int rc = usual_find(d, s->from, 0, s->t, &runs, &n);
	for (unsigned i = 0; !rc && i < n; i++) {
		const struct run *r = &runs[i];
		if (!r->level || !r->lasts || r->direction != x->direction || r->last < x->first)
			continue;
		for (unsigned j = first; j < s->from; j++)
			d[j] = (struct series_day){.value = d[j].value, .known = d[j].known};
		struct tt_usual before = usual_of(d + first, s->from - first, s->from - first - 1),
				after = usual_level(s, x->after, false);
		*known = differ(s->t, &before, &after) != x->direction;
	}
	free(runs);
	free(d);
	return rc;
}

static int add_level(struct story *s, const struct shift *x, const struct shift *y, bool *over) {
	struct run r = {.first = x->first,
		.settled = x->settled,
		.last = y ? y->first - 1 : s->n - 1,
		.direction = x->direction,
		.level = true,
		.lasts = !y};
	bool known;
	int rc = was_known(s, x, &known);
	*over = false;
	if (rc || known || r.last < s->from || (r.direction < 0 && !s->t->down))
		return rc;
	*over = y && y->direction != x->direction && !differs(s, x->before, y->after);
	const struct run *back = y ? NULL : way_back(s, x);
	if (back) {
		r.last = back->first - 1;
		r.lasts = false;
		s->run_n--;
	}
	return add_run(s, &r, x->before);
}

static int add_levels(struct story *s) {
	bool over = false; // the last one ended with this shift
	int rc = 0;
	for (unsigned k = 0; !rc && k < s->shift_n; k++)
		if (over)
			over = false;
		else
			rc = add_level(s, &s->shifts[k],
				k + 1 < s->shift_n ? &s->shifts[k + 1] : NULL, &over);
	return rc;
}

static int by_last(const void *x, const void *y) {
	const struct run *a = x, *b = y;
	return a->last != b->last ? (a->last > b->last) - (a->last < b->last)
				  : (a->first > b->first) - (a->first < b->first);
}

// What never moves by as much as counts needs no closer look.
static bool can_move(const struct series_day *d, unsigned n, const struct thresholds *t) {
	double low = INFINITY, high = -INFINITY;
	for (unsigned i = 0; i < n; i++) {
		low = d[i].known && d[i].value < low ? d[i].value : low;
		high = d[i].value > high ? d[i].value : high;
	}
	return high >= t->min_value && high - low >= t->min_excess;
}

int usual_find(struct series_day *d, unsigned n, unsigned from, const struct thresholds *t,
	struct run **out, unsigned *out_n) {
	struct story s = {.d = d, .n = n, .from = from, .t = t};
	int rc = 0;
	for (unsigned i = 0; i < n; i++) {
		d[i].odd = 0;
		d[i].level = 0;
	}
	bool moves = can_move(d, n, t);
	if (moves && !(rc = levels_find(d, n)) && !(rc = list_levels(&s))) {
		find_shifts(&s);
		take_ramps(&s);
		rc = add_passing(&s);
	}
	if (moves && !rc)
		rc = add_levels(&s);
	if (s.run_n)
		qsort(s.runs, s.run_n, sizeof(*s.runs), by_last);
	free(s.levels);
	free(s.shifts);
	free(s.ramp);
	if (rc) {
		free(s.runs);
		s.runs = NULL;
		s.run_n = 0;
	}
	*out = s.runs;
	*out_n = s.run_n;
	return rc;
}
