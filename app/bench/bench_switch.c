/* SPDX-License-Identifier: BSD-3-Clause */
// What it costs a worker that tables change places at an epoch's end, and that the other one is
// harvested meanwhile. Every epoch begins with an empty table and its million flows come new, then
// known; that is the same with and without: "without", the worker first waits, untimed, until the
// harvester has emptied the other table, "with", it goes on at once and the harvest is beside it.
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "tt_time.h"

#define EPOCHS 3 // of each kind in a run
#define PASSES 4 // over the flows once they are known

#define UNIT   64   // cycles of a gap's place
#define GAPS   8192 // the last: that and longer

/// Times from one poll to the next.
struct gaps {
	uint32_t count[GAPS];
	uint64_t n, longest; // cycles
};

static void gaps_add(struct gaps *g, uint64_t cycles) {
	uint64_t at = cycles / UNIT;
	g->count[at < GAPS ? at : GAPS - 1]++;
	g->n++;
	if (cycles > g->longest)
		g->longest = cycles;
}

/// The time that this share of the gaps does not exceed, microseconds.
static double gaps_share(const struct gaps *g, double share) {
	uint64_t below = 0, wanted = (uint64_t)((double)g->n * share);
	unsigned i = 0;
	while (i < GAPS - 1 && (below += g->count[i]) < wanted)
		i++;
	return (i + 1.0) * UNIT / (double)rte_get_tsc_hz() * 1e6;
}

/// What a worker does, and what is beside it.
struct load {
	struct path *path;
	struct traffic once, known;
	struct harvester harvester;
	uint64_t switches, packets, late; // late: epochs that ended before the harvest did
};

/// One kind of epochs in one run.
struct seen {
	uint64_t used, packets, longest_switch; // cycles
	struct gaps gaps;
};

static void polls(struct path *p, const struct traffic *t, struct gaps *g) {
	path_begin(p, t);
	uint64_t last = rte_rdtsc();
	for (uint32_t at = 0; at < t->n; at += BURST) {
		path_receive(p, t, at);
		tt_packet_parse(&p->conf, p->frames, p->pkts, BURST);
		tt_sensors_resolve(p->sensors, &p->conf, 0, p->frames, p->pkts, BURST);
		tt_flow_add(p->flow, 0, p->pkts, p->ns, p->len, BURST);
		uint64_t now = rte_rdtsc();
		gaps_add(g, now - last);
		last = now;
	}
}

static void wait_harvested(struct load *l) {
	while (atomic_load(&l->harvester.done) < l->switches)
		thread_nap();
}

static void epoch(struct load *l, bool beside, struct seen *s) {
	struct path *p = l->path;
	if (atomic_load(&l->harvester.done) < l->switches) {
		l->late++;
		wait_harvested(l);
	}
	uint64_t start = rte_rdtsc();
	bool switched = tt_flow_switch(p->flow);
	uint64_t took = rte_rdtsc() - start;
	if (!switched)
		fprintf(stderr, "teiten-bench: switch: the other table was not free\n");
	l->switches += switched;
	if (took > s->longest_switch)
		s->longest_switch = took;
	for (unsigned i = 0; i < BURST; i++)
		p->ns[i] += 3600 * TT_NS;
	if (!beside)
		wait_harvested(l);
	uint64_t used = cycles_used();
	polls(p, &l->once, &s->gaps);
	for (unsigned i = 0; i < PASSES; i++)
		polls(p, &l->known, &s->gaps);
	s->used += cycles_used() - used;
	s->packets += l->once.n + (uint64_t)PASSES * l->known.n;
}

/// Everything that went in came out, and nothing was spilled or waited for.
static void check(struct load *l) {
	struct tt_flow_stats st;
	tt_flow_switch(l->path->flow);
	l->switches++;
	wait_harvested(l);
	tt_flow_stats(l->path->flow, &st);
	harvester_stop(&l->harvester);
	if (l->harvester.packets != l->packets || st.spilled || st.waits)
		fprintf(stderr, "teiten-bench: switch: packets are missing\n");
}

enum { WITHOUT, WITH, KINDS };

static void report(struct bench *b, double samples[][RUNS_MAX], struct seen *seen, double late) {
	static const struct {
		const char *name;
		double share;
	} shares[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}};
	result_add(b, "switch_vs_none", "", (struct bar){1.05, "lower"}, samples[0], b->runs);
	result_add(
		b, "switch_gap_p99_vs_none", "", (struct bar){1.1, "lower"}, samples[1], b->runs);
	result_add(b, "switch_gap_p999_vs_none", "", (struct bar){0}, samples[2], b->runs);
	result_add(b, "switch_call", "cycles", (struct bar){0}, samples[3], b->runs);
	for (unsigned k = 0; k < KINDS; k++) {
		const char *what = k == WITH ? "switch" : "none";
		char name[64];
		for (unsigned i = 0; i < 3; i++) {
			double us = gaps_share(&seen[k].gaps, shares[i].share);
			snprintf(name, sizeof(name), "gap_%s_%s", shares[i].name, what);
			result_add(b, name, "us", (struct bar){0}, &us, 1);
		}
		double us = (double)seen[k].gaps.longest / (double)rte_get_tsc_hz() * 1e6;
		snprintf(name, sizeof(name), "gap_max_%s", what);
		result_add(b, name, "us", (struct bar){0}, &us, 1);
	}
	result_add(b, "switch_late", "share", (struct bar){0}, &late, 1);
}

static void gaps_merge(struct gaps *all, const struct gaps *g) {
	for (unsigned i = 0; i < GAPS; i++)
		all->count[i] += g->count[i];
	all->n += g->n;
	all->longest = g->longest > all->longest ? g->longest : all->longest;
}

/// The kinds take turns, epoch by epoch.
static void run(struct bench *b, struct load *l, struct seen *now, struct seen *all) {
	double samples[4][RUNS_MAX];
	for (unsigned r = 0; r < b->runs; r++) {
		memset(now, 0, KINDS * sizeof(*now));
		for (unsigned e = 0; e < EPOCHS * KINDS; e++)
			epoch(l, e % KINDS == WITH, &now[e % KINDS]);
		double each[KINDS];
		for (unsigned k = 0; k < KINDS; k++) {
			each[k] = (double)now[k].used / (double)now[k].packets;
			l->packets += now[k].packets;
			gaps_merge(&all[k].gaps, &now[k].gaps);
		}
		samples[0][r] = each[WITH] / each[WITHOUT];
		samples[1][r] =
			gaps_share(&now[WITH].gaps, 0.99) / gaps_share(&now[WITHOUT].gaps, 0.99);
		samples[2][r] =
			gaps_share(&now[WITH].gaps, 0.999) / gaps_share(&now[WITHOUT].gaps, 0.999);
		samples[3][r] = (double)now[WITH].longest_switch;
	}
	check(l);
	report(b, samples, all, (double)l->late / (double)l->switches);
}

void bench_switch(struct bench *b) {
	uint32_t flows = b->quick ? 7000 : 1000000;
	struct tt_flow_conf conf = bench_conf(flows + BURST);
	struct load l = {0};
	struct seen *seen = calloc(2 * KINDS, sizeof(*seen));
	cpu_set_t before;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		fprintf(stderr, "teiten-bench: switch: needs two cores\n");
		free(seen);
		return;
	}
	sched_getaffinity(0, sizeof(before), &before);
	l.path = path_create(&conf);
	if (seen && l.path && traffic_create(&l.once, flows, flows, TRAFFIC_ONCE) &&
		traffic_create(&l.known, flows, flows, TRAFFIC_RANDOM) &&
		harvester_start(&l.harvester, l.path->flow, true)) {
		thread_bind(0);
		run(b, &l, seen, seen + KINDS);
	}
	sched_setaffinity(0, sizeof(before), &before);
	traffic_destroy(&l.once);
	traffic_destroy(&l.known);
	path_destroy(&l.path);
	free(seen);
}
