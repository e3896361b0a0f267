/* SPDX-License-Identifier: BSD-3-Clause */
// The levels of a series of days: piecewise constant, with a loss that is bounded, so that days far
// off cost what any odd day costs, and a price for each change of level (Fearnhead, Rigaill:
// Changepoint Detection in the Presence of Outliers, JASA 114, 2019). A change costs as much as
// LEVEL_LASTS odd days: so many at the end are a new level; before a return, which is a second
// change, twice as many. Counts are compared by their square roots, whose deviation does not depend
// on the level (Anscombe, Biometrika 35, 1948).
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "usual.h"

#define ODD_LOSS     4.5 // of a day three deviations off, or more: z^2 / 2
#define KIND_LEAST   4	 // weekend days that tell how weekends differ
#define KIND_DIFFERS 1.25

static double root(double v) {
	return 2 * sqrt(v + 0.375);
}

static int by_value(const void *x, const void *y) {
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

static double median(double *v, unsigned n) {
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[n / 2] : 0;
}

// Weekends against the working days around them; 1 where they hardly differ.
static double weekend_factor(const struct series_day *d, unsigned n, double *v) {
	unsigned got = 0;
	for (unsigned i = 0; i < n; i++) {
		double sum = 0;
		unsigned days = 0;
		for (unsigned j = i < 5 ? 0 : i - 5; j < n && j <= i + 5; j++)
			if (d[j].known && !d[j].weekend) {
				sum += d[j].value;
				days++;
			}
		if (d[i].known && d[i].weekend && sum > 0)
			v[got++] = d[i].value * days / sum;
	}
	double w = median(v, got);
	return got < KIND_LEAST || w <= 0 || (w < KIND_DIFFERS && w > 1 / KIND_DIFFERS) ? 1 : w;
}

// How much a day differs from the last one of its kind, as a standard deviation.
static double scatter(const struct series_day *d, unsigned n, double *v) {
	unsigned got = 0, last[2] = {0, 0};
	bool have[2] = {false, false};
	for (unsigned i = 0; i < n; i++) {
		unsigned kind = d[i].weekend;
		if (!d[i].known)
			continue;
		if (have[kind])
			v[got++] = fabs(root(d[i].value) - root(d[last[kind]].value));
		last[kind] = i;
		have[kind] = true;
	}
	double s = median(v, got) / (0.6745 * sqrt(2));
	return s > 1 ? s : 1;
}

struct fit {
	struct series_day *d;
	unsigned n, candidates;
	double *level[2]; // roots of the candidates, on working days and weekends
	double *cost;	  // of the best way to a candidate
	double scatter;
	uint8_t *jumped; // by day and candidate: it came from the day's best
	unsigned *best;
};

// Levels that are tried: the values there are.
static void add_candidates(struct fit *f, double weekend) {
	for (unsigned i = 0; i < f->n; i++) {
		const struct series_day *d = &f->d[i];
		double v = d->weekend ? d->value / weekend : d->value;
		if (!d->known)
			continue;
		f->level[0][f->candidates] = root(v);
		f->level[1][f->candidates++] = root(v * weekend);
	}
}

static unsigned cheapest(const struct fit *f) {
	unsigned best = 0;
	for (unsigned g = 1; g < f->candidates; g++)
		if (f->cost[g] < f->cost[best])
			best = g;
	return best;
}

// Of a change, in odd days: at the beginning what a baseline needs is enough, since nobody knows
// what was before. It grows slower than the days, so that it never pays to put a change too early.
static double price(unsigned seen) {
	double days = (USUAL_LEAST + (seen > USUAL_LEAST ? seen : USUAL_LEAST)) / 2.0 - 0.5;
	return days < LEVEL_LASTS ? days : LEVEL_LASTS;
}

static void step(struct fit *f, unsigned i, unsigned seen) {
	unsigned best = f->best[i] = cheapest(f);
	double change = f->cost[best] + ODD_LOSS * price(seen);
	const double *level = f->level[f->d[i].weekend], x = root(f->d[i].value);
	for (unsigned g = 0; g < f->candidates; g++) {
		double z = (x - level[g]) / f->scatter, loss = z * z / 2;
		if (seen && change < f->cost[g]) {
			f->cost[g] = change;
			f->jumped[(size_t)i * f->candidates + g] = 1;
		}
		f->cost[g] += loss < ODD_LOSS ? loss : ODD_LOSS;
	}
}

static void trace(struct fit *f) {
	unsigned g = cheapest(f), changes = 0;
	for (unsigned i = f->n; i-- > 0;) {
		f->d[i].level = (unsigned short)changes;
		if (f->jumped[(size_t)i * f->candidates + g]) {
			g = f->best[i];
			changes++;
		}
	}
	for (unsigned i = 0; i < f->n; i++)
		f->d[i].level = (unsigned short)(changes - f->d[i].level);
}

int levels_find(struct series_day *d, unsigned n) {
	unsigned seen = 0;
	double *v = calloc((size_t)n * 4 + 1, sizeof(*v));
	struct fit f = {.d = d, .n = n};
	int rc = -ENOMEM;
	if (!v)
		return rc;
	double weekend = weekend_factor(d, n, v);
	f.scatter = scatter(d, n, v);
	f.level[0] = v + n;
	f.level[1] = v + (size_t)n * 2;
	f.cost = v + (size_t)n * 3;
	add_candidates(&f, weekend);
	f.jumped = calloc((size_t)n * f.candidates + 1, 1);
	f.best = calloc(n + 1, sizeof(*f.best));
	if (f.jumped && f.best) {
		for (unsigned i = 0; i < n; i++)
			if (d[i].known)
				step(&f, i, seen++);
		if (f.candidates)
			trace(&f);
		rc = 0;
	}
	free(f.jumped);
	free(f.best);
	free(v);
	return rc;
}
