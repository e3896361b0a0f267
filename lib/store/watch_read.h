/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "watch.h"

// An answer about a watch on its way: watch_read.c gathers it, watch_answer.c writes it out.

struct cell { // of a part and day, or of all days
	uint64_t packets, bytes;
	struct tt_sketch *sketch;
};
struct part {
	struct tt_watch_part p;
	struct cell all, *days;
	struct tt_up_account *up; // of its sensors, by day; NULL: those of the whole
};
enum { PART_WHOLE, PART_PLAIN, PART_FIRST };

struct reader {
	struct tt_store *s;
	struct tt_err *err;
	struct watches w;
	struct watch_count c;
	struct survey survey; // days that are counted from raw: they are not settled
	const struct tt_catalog *catalog;
	const struct tt_sensor_conf **conf; // by number
	struct tt_up up;
	unsigned bys;
	struct map at; // by << 40 | id to index + 1
	struct part *parts;
	size_t n, cap;
	bool lower_bound;
};

/// Days and parts of what was gathered; 0 or -errno with a message.
int watch_answer(struct reader *r, struct tt_watch_counts *out);
