/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "flow_model.h"

#define RIG_UPLINKS 3
#define RIG_SENSORS 5

/// One flow table under test, with what went in and what came out.
struct rig {
	struct tt_flow *flow;
	struct tt_flow_conf conf;
	struct model in, out;
	struct tt_flow_sink sink;
};

/// What random traffic is made of.
struct rig_traffic {
	uint32_t sources, ports; // distinct ones
	int64_t start;		 // seconds
	uint32_t span_s;
};

/// Room for everything that the tests add, epochs of 60 s, never waits.
extern const struct tt_flow_conf rig_conf;
/// State of the random numbers.
extern uint64_t rig_seed;

void rig_open(struct rig *b, const struct tt_flow_conf *conf);
void rig_close(struct rig *b);
void rig_packet(const struct rig_traffic *t, struct tt_pkt *p, int64_t *ns, uint32_t *len);
/// Adds all packets, harvesting where the table asks for it.
void rig_add(struct rig *b, unsigned uplink, const struct tt_pkt *p, const int64_t *ns,
	const uint32_t *len, unsigned n);
/// Bursts of any length with flows that come twice in a burst, on all uplinks.
void rig_add_random(struct rig *b, const struct rig_traffic *t, unsigned bursts);
/// Harvests both tables; leaves them empty.
void rig_drain(struct rig *b);
/// What went in and what came out, folded before: tallies alone.
void rig_assert_same_tallies(struct rig *b);
/// Everything that went in came out, field by field.
void rig_assert_same(struct rig *b);
/// The same, but packets may have been counted without their source, service or both; in another
/// epoch where epochs is false.
void rig_assert_same_but_spilled(struct rig *b, bool epochs);
