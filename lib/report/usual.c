/* SPDX-License-Identifier: BSD-3-Clause */
#include "usual.h"

#include <math.h>
#define KIND_LEAST 4 // days of each kind that keep the kinds apart, where they differ

// 1970-01-01 was a Thursday.
bool is_weekend(int64_t local_day) {
	int64_t d = (local_day % 7 + 7) % 7;
	return d == 2 || d == 3;
}

// The k-th smallest of n values (Hoare: Algorithm 65, Communications of the ACM 4, 1961).
static double smallest(double *v, int n, int k) {
	int low = 0, high = n - 1;
	while (low < high) {
		double pivot = v[k];
		int i = low, j = high;
		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (pivot < v[j])
				j--;
			if (i > j)
				break;
			double x = v[i];
			v[i++] = v[j];
			v[j--] = x;
		}
		if (j < k)
			low = i;
		if (k < i)
			high = j;
	}
	return v[k];
}

static double median_of(double *v, unsigned n) {
	int k = (int)n / 2;
	double a = smallest(v, (int)n, k);
	return n % 2 ? a : (smallest(v, (int)n, k - 1) + a) / 2;
}

static struct tt_usual from_values(double *v, unsigned n) {
	struct tt_usual u = {.days = n};
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

enum kind { KIND_WORKING, KIND_WEEKEND, KIND_ANY };

static bool usable(const struct series_day *d, unsigned level, enum kind kind) {
	return d->known && !d->odd && d->level == level &&
	       (kind == KIND_ANY || d->weekend == (kind == KIND_WEEKEND));
}

// Values of usable days, the latest before `at` first; of all days after them where `all`.
static unsigned collect(const struct series_day *d, unsigned n, unsigned at, unsigned level,
	enum kind kind, bool all, double v[USUAL_DAYS]) {
	unsigned got = 0;
	for (unsigned i = at < n ? at : n; i-- > 0 && got < USUAL_DAYS;)
		if (usable(&d[i], level, kind))
			v[got++] = d[i].value;
	for (unsigned i = at + 1; all && i < n && got < USUAL_DAYS; i++)
		if (usable(&d[i], level, kind))
			v[got++] = d[i].value;
	return got;
}

// Whether working days and weekends of a level differ, and there are enough of both.
static bool has_kinds(const struct series_day *d, unsigned n, unsigned at, unsigned level) {
	double v[2][USUAL_DAYS];
	unsigned a = collect(d, n, at, level, KIND_WORKING, true, v[0]);
	unsigned b = collect(d, n, at, level, KIND_WEEKEND, true, v[1]);
	if (a < KIND_LEAST || b < KIND_LEAST)
		return false;
	struct tt_usual x = from_values(v[0], a), y = from_values(v[1], b);
	return fabs(x.median - y.median) > fmax(x.deviation, y.deviation);
}

struct tt_usual usual_in(
	const struct series_day *d, unsigned n, unsigned at, unsigned level, bool weekend) {
	double v[USUAL_DAYS];
	bool kinds = has_kinds(d, n, at, level);
	enum kind kind = !kinds ? KIND_ANY : weekend ? KIND_WEEKEND : KIND_WORKING;
	unsigned least = kinds ? KIND_LEAST : USUAL_LEAST, got;
	// what lies before rather than what comes after, where it is enough to tell the deviation
	if ((got = collect(d, n, at, level, kind, false, v)) < 2 * least)
		got = collect(d, n, at, level, kind, true, v);
	if (got < least)
		return (struct tt_usual){0};
	return from_values(v, got);
}

struct tt_usual usual_of(const struct series_day *d, unsigned n, unsigned at) {
	return usual_in(d, n, at, d[at].level, d[at].weekend);
}

int usual_judge(const struct series_day *d, const struct tt_usual *u, const struct thresholds *t) {
	double off = d->value - u->median;
	if (!u->days)
		return 0;
	// a day that is not known whole can be too high, but says nothing when it is low
	if (d->value >= t->min_value && off >= t->min_excess &&
		off > t->deviations * u->deviation && d->value >= t->factor * u->median)
		return 1;
	if (d->known && -off >= t->min_excess && -off > t->deviations * u->deviation &&
		d->value <= u->median / t->factor)
		return -1;
	return 0;
}

void usual_mark(struct series_day *d, unsigned n, const struct thresholds *t) {
	// twice: the first days are judged by later ones, whose oddness is not known before
	for (unsigned i = 0; i < n; i++)
		d[i].odd = 0;
	for (int pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < n; i++) {
			struct tt_usual u;
			d[i].odd = 0;
			u = usual_of(d, n, i);
			d[i].odd = (signed char)usual_judge(&d[i], &u, t);
		}
}
