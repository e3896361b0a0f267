/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "gen.h"

int alias_build(struct alias *a, const double *weights, uint32_t n) {
	alias_free(a);
	a->keep = malloc(n * sizeof(*a->keep) + 1);
	a->other = malloc(n * sizeof(*a->other) + 1);
	uint32_t *work = malloc(n * sizeof(*work) + 1);
	if (!a->keep || !a->other || !work) {
		free(work);
		return -ENOMEM;
	}
	a->n = n;
	a->total = 0;
	for (uint32_t i = 0; i < n; i++)
		a->total += weights[i];
	uint32_t small = 0, large = n; // two stacks that grow towards each other
	for (uint32_t i = 0; i < n; i++) {
		a->keep[i] = a->total > 0 ? weights[i] * n / a->total : 1;
		a->other[i] = i;
		if (a->keep[i] < 1)
			work[small++] = i;
		else
			work[--large] = i;
	}
	while (small > 0 && large < n) {
		uint32_t s = work[--small], l = work[large];
		a->other[s] = l;
		a->keep[l] -= 1 - a->keep[s];
		if (a->keep[l] < 1) {
			large++;
			work[small++] = l;
		}
	}
	// what rounding left over: keep it only where it has a weight at all
	while (large < n)
		a->keep[work[large++]] = 1;
	for (uint32_t i = 0; i < small; i++)
		if (weights[work[i]] > 0)
			a->keep[work[i]] = 1;
	free(work);
	return 0;
}

void alias_free(struct alias *a) {
	free(a->keep);
	free(a->other);
	*a = (struct alias){0};
}
