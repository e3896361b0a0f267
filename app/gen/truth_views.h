/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdio.h>

#include "truth.h"

// The questions that the side file answers.

struct entry {
	uint64_t row; // what the view ranks
	uint32_t source;
	uint32_t cell;
};

struct fold {
	const struct truth *t;
	FILE *f;
	struct cell_view *views;
	uint32_t n;
	struct entry *e, *spare;
};

// A question: which cells, by what, and how its rows read.
struct view {
	const char *name;
	bool (*row)(const struct fold *f, const struct cell_view *c, uint64_t *row);
	void (*print)(const struct fold *f, uint64_t row);
};

// By name, ended by one without.
extern const struct view truth_views[];

// Two letters, "--" where no range has the address.
const char *truth_region(const struct fold *f, uint32_t source);
