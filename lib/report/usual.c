/* SPDX-License-Identifier: BSD-3-Clause */
#include "usual.h"

#include <math.h>
#include <stdlib.h>

#define KIND_LEAST 4
#define NEAR_DAYS  16
#define GAP	   1 // days inside a run that are not odd

// 1970-01-01 was a Thursday.
bool is_weekend(int64_t local_day) {
	int64_t d = (local_day % 7 + 7) % 7;
	return d == 2 || d == 3;
}

static int by_value(const void *x, const void *y) {
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static double median_of(double *v, unsigned n) {
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static struct tt_usual from_values(double *v, unsigned n) {
	struct tt_usual u = {.days = n};
	if (!n)
		return u;
	u.median = median_of(v, n);
	for (unsigned i = 0; i < n; i++)
		v[i] = fabs(v[i] - u.median);
	u.deviation = 1.4826 * median_of(v, n);
	if (u.deviation < sqrt(u.median))
		u.deviation = sqrt(u.median);
	if (u.deviation < 1)
		u.deviation = 1;
	return u;
}

// Values of usable days, the latest before `at` first; of all days after them where `all`.
static unsigned collect(const struct series_day *d, unsigned n, unsigned at, bool kind, bool all,
	double v[USUAL_DAYS]) {
	unsigned got = 0;
	for (unsigned i = at; i-- > 0 && got < USUAL_DAYS;)
		if (d[i].known && !d[i].odd && (!kind || d[i].weekend == d[at].weekend))
			v[got++] = d[i].value;
	// the nearest: what is far off may be another level
	for (unsigned i = at + 1; all && i < n && got < NEAR_DAYS; i++)
		if (d[i].known && !d[i].odd && (!kind || d[i].weekend == d[at].weekend))
			v[got++] = d[i].value;
	return got;
}

struct tt_usual usual_of(const struct series_day *d, unsigned n, unsigned at) {
	// days of a kind before any, and what lies before rather than what comes after
	static const struct {
		bool kind, all;
		unsigned least;
	} tries[] = {{true, false, KIND_LEAST}, {true, true, KIND_LEAST},
		{false, false, USUAL_LEAST}, {false, true, USUAL_LEAST}};
	double v[USUAL_DAYS];
	if (collect(d, n, at, false, true, v) < USUAL_LEAST)
		return (struct tt_usual){0};
	for (unsigned i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		unsigned got = collect(d, n, at, tries[i].kind, tries[i].all, v);
		if (got >= tries[i].least)
			return from_values(v, got);
	}
	return (struct tt_usual){0};
}

static int judge(const struct series_day *d, const struct tt_usual *u, const struct thresholds *t,
	bool down) {
	double off = d->value - u->median;
	if (!u->days)
		return 0;
	// a day that is not known whole can be too high, but says nothing when it is low
	if (d->value >= t->min_value && off >= t->min_excess &&
		off > t->deviations * u->deviation && d->value >= t->factor * u->median)
		return 1;
	if (down && d->known && -off >= t->min_excess && -off > t->deviations * u->deviation &&
		d->value <= u->median / t->factor)
		return -1;
	return 0;
}

void usual_mark(
	struct series_day *d, unsigned n, unsigned from, const struct thresholds *t, bool down) {
	// twice: the first days are judged by later ones, whose oddness is not known before
	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = pass ? from : 0; i < n; i++) {
			struct tt_usual u;
			d[i].odd = 0;
			u = usual_of(d, n, i);
			d[i].odd = (signed char)judge(&d[i], &u, t, down);
		}
}

bool usual_run(const struct series_day *d, unsigned n, unsigned *at, struct run *out) {
	while (*at < n && !d[*at].odd)
		++*at;
	if (*at == n)
		return false;
	*out = (struct run){.first = *at, .last = *at, .direction = d[*at].odd};
	for (unsigned i = *at + 1; i < n && i <= out->last + GAP + 1; i++)
		if (d[i].odd == out->direction)
			out->last = i;
	*at = out->last + 1;
	unsigned end = n;
	while (end > 0 && !d[end - 1].known && !d[end - 1].odd)
		end--;
	out->lasts = out->last + 1 >= end;
	return true;
}
