/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <rte_cycles.h>

#include "tt_flow.h"
#include "tt_sensor.h"

#define BURST	    64
#define POLL_BURSTS 4 // that the probe's worker takes in a poll under load: TURNS
#define RUNS_MAX    31

struct bench {
	unsigned runs;
	bool quick; // small working sets and short passes: whether it works, not how fast
	bool huge;  // DPDK has hugepages
	json_t *results;
};

// ---- results (result.c)

/// What a figure is compared with; name NULL: nothing.
struct bar {
	double value;
	const char *better; // "lower" or "higher"
};

/// Adds a figure: median, minimum and maximum of n samples, printed and kept. unit "": a ratio.
void result_add(struct bench *b, const char *name, const char *unit, struct bar bar,
	const double *samples, unsigned n);
void result_heading(void);
/// Writes {"machine":..,"results":[..]}; 0 or -errno.
int result_write(const struct bench *b, const char *path);

/// The machine, the compiler, DPDK's version and flags (machine.c). New reference.
json_t *machine_json(const struct bench *b);

// ---- traffic (traffic.c)

#define FRAME_LEN  60 // 64 bytes on the wire without the checksum
#define FRAME6_LEN 78 // the same SYN over IPv6

/// The layout of the flow table's IPv4 key, for the bare hash to compare with.
struct traffic_key {
	uint32_t src, epoch;
	uint16_t sensor, port;
	uint8_t class, proto, zero[2];
} __attribute__((aligned(16)));

/// The same of the IPv6 key.
struct traffic_key6 {
	uint8_t src[16];
	uint32_t epoch;
	uint16_t sensor, port;
	uint8_t class, proto, zero[6];
} __attribute__((aligned(16)));

/// A stream of frames of `flows` scanning sources in random order, and their keys.
struct traffic {
	uint32_t flows, n; // n: frames, a multiple of BURST
	uint32_t len;	   // of each frame
	uint32_t stride;   // bytes from frame to frame
	uint32_t key_len;
	uint8_t *frames, *keys;
};

static inline uint8_t *traffic_frame_at(const struct traffic *t, uint32_t i) {
	return t->frames + (size_t)i * t->stride;
}

static inline void *traffic_key_at(const struct traffic *t, uint32_t i) {
	return t->keys + (size_t)i * t->key_len;
}

enum traffic_order {
	TRAFFIC_RANDOM, // uniform draws, with repeats
	TRAFFIC_ZIPF,	// exponent 1
	TRAFFIC_ONCE,	// every flow once: n is flows
};

bool traffic_create(struct traffic *t, uint32_t flows, uint32_t n, enum traffic_order order);
/// The same over IPv6.
bool traffic_create6(struct traffic *t, uint32_t flows, uint32_t n, enum traffic_order order);
void traffic_destroy(struct traffic *t);

/// A burst of all kinds of packets in the proportions of a telescope; the bytes are constants.
void mix_burst(struct tt_frame frames[BURST], uint32_t len[BURST]);

// ---- the path under test (bench_path.c)

/// The worker's path without receiving: parse, resolve, count.
struct path {
	struct tt_packet_conf conf;
	struct tt_sensors *sensors;
	struct tt_flow *flow;
	struct tt_pkt pkts[BURST];
	struct tt_frame frames[BURST];
	int64_t ns[BURST];
	uint32_t len[BURST];
	uint64_t parse, resolve; // cycles of a stage, where asked for; others: tt_flow_cycles
};

/// What this thread has used of the processor, in cycles of the time stamp counter: what else runs
/// on the core while it waits does not count.
uint64_t cycles_used(void);
struct path *path_create(const struct tt_flow_conf *conf);
void path_destroy(struct path **p);
/// Puts BURST frames of the stream from `at` on where the path begins, with their times.
void path_receive(struct path *p, const struct traffic *t, uint32_t at);
/// Makes the path ready for the frames of a stream.
void path_begin(struct path *p, const struct traffic *t);
/// Cycles that the stream takes.
uint64_t path_run(struct path *p, const struct traffic *t);
/// The same, with the stages told apart (which costs a little).
void path_run_stages(struct path *p, const struct traffic *t);

/// A table of the flow tables' kind with DPDK's own hash, for a traffic's keys.
struct rte_hash *bare_create(uint32_t entries, uint32_t key_len);

// ---- other threads (threads.c)

/// What a thread does that has nothing to do.
void thread_nap(void);
/// Binds the calling thread to a core.
void thread_bind(unsigned cpu);

/// The harvester, as a probe has it: on a thread of its own.
struct harvester {
	struct tt_flow *flow;
	pthread_t thread;
	_Atomic bool stop;	// written by who started it
	_Atomic uint64_t done;	// harvests; written by the harvester
	uint64_t rows, packets; // of all of them; the harvester's until it was stopped
};
/// On core 1 where bound. False: there is no thread.
bool harvester_start(struct harvester *h, struct tt_flow *flow, bool bound);
void harvester_stop(struct harvester *h);

// ---- groups of figures

void bench_path(struct bench *b);
void bench_flow(struct bench *b);
void bench_attack(struct bench *b);
void bench_workers(struct bench *b);
void bench_switch(struct bench *b);
void bench_link(struct bench *b);
void bench_instructions(struct bench *b);

/// Flow table conf that all figures start from: two sensors, one uplink, epochs of an hour.
struct tt_flow_conf bench_conf(uint32_t ipv4);
