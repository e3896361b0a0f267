/* SPDX-License-Identifier: BSD-3-Clause */
// Work of a fixed size for callgrind to count, stage by stage: tools/instructions.py runs it.
#include <stdio.h>

#include <rte_version.h>

#include "bench.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else // the build does not need valgrind; without it there is nothing to count
#define RUNNING_ON_VALGRIND	      0
#define CALLGRIND_TOGGLE_COLLECT      (void)0
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

#define FLOWS	   4096u
#define MIX_ROUNDS 64u

enum stage { PARSE, SENSOR, TABLE };

static void run_stage(struct path *p, enum stage stage) {
	if (stage == PARSE)
		tt_packet_parse(&p->conf, p->frames, p->pkts, BURST);
	else if (stage == SENSOR)
		tt_sensors_resolve(p->sensors, &p->conf, 0, p->frames, p->pkts, BURST);
	else
		tt_flow_add(p->flow, 0, p->pkts, p->ns, p->len, BURST);
}

/// Instructions of one stage over a stream (NULL: over the burst that the path holds), as a dump
/// of that name.
static void count(struct path *p, const struct traffic *t, enum stage stage, const char *name) {
	uint32_t n = t ? t->n : MIX_ROUNDS * BURST;
	if (t)
		path_begin(p, t);
	for (uint32_t at = 0; at < n; at += BURST) {
		if (t)
			path_receive(p, t, at);
		for (enum stage before = PARSE; before < stage; before++)
			run_stage(p, before);
		CALLGRIND_TOGGLE_COLLECT;
		run_stage(p, stage);
		CALLGRIND_TOGGLE_COLLECT;
	}
	CALLGRIND_DUMP_STATS_AT(name);
	printf("{\"stage\": \"%s\", \"packets\": %u}\n", name, n);
}

void bench_instructions(struct bench *b) {
	struct tt_flow_conf conf = bench_conf(2 * FLOWS);
	conf.ipv6 = 64;
	struct path *p = path_create(&conf);
	struct traffic once = {0}, known = {0};
	if (!RUNNING_ON_VALGRIND)
		fprintf(stderr, "teiten-bench: instructions: only under valgrind, as "
				"tools/instructions.py runs it\n");
	printf("{\"compiler\": \"%s\", \"dpdk\": \"%s\"}\n", __VERSION__, rte_version());
	if (p && traffic_create(&once, FLOWS, FLOWS, TRAFFIC_ONCE) &&
		traffic_create(&known, FLOWS, FLOWS, TRAFFIC_RANDOM)) {
		count(p, &once, TABLE, "table_new");
		count(p, &known, PARSE, "parse_syn");
		count(p, &known, SENSOR, "classify_syn");
		count(p, &known, TABLE, "table_syn");
		mix_burst(p->frames, p->len);
		for (enum stage stage = PARSE; stage <= TABLE; stage++) // its flows become known
			run_stage(p, stage);
		count(p, NULL, PARSE, "parse_mix");
		count(p, NULL, SENSOR, "classify_mix");
		count(p, NULL, TABLE, "table_mix");
	}
	traffic_destroy(&once);
	traffic_destroy(&known);
	path_destroy(&p);
}
