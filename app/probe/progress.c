/* SPDX-License-Identifier: BSD-3-Clause */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tt_time.h"

void progress_begin(struct progress *p) {
	const char *term = getenv("TERM");
	memset(p, 0, sizeof(*p));
	p->on = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
	p->start_ns = p->last_ns = tt_mono_ns();
}

void progress_show(struct progress *p, uint64_t packets, uint64_t done, uint64_t all) {
	int64_t now = tt_mono_ns();
	double seconds = (double)(now - p->start_ns) / TT_NS;
	double step = (double)(now - p->last_ns) / TT_NS;
	if (!p->on || seconds < 1 || step < 0.5)
		return;
	double rate = (double)(packets - p->last_packets) / step;
	double part = all ? (double)done / (double)all : 1;
	fprintf(stderr, "\r%lu packets, %.2f M/s, %3.0f %%, %.0f s left \033[K",
		(unsigned long)packets, rate / 1e6, part * 100,
		part > 0 ? seconds / part - seconds : 0);
	fflush(stderr);
	p->shown = true;
	p->last_ns = now;
	p->last_packets = packets;
}

void progress_end(struct progress *p) {
	if (!p->shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->shown = false;
}
