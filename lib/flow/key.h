/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <assert.h>
#include <stdint.h>

/// Key of an IPv4 flow; with source 0 also of a spilled one. All bytes count, so unused ones are 0.
struct key4 {
	uint32_t src;	// network order
	uint32_t epoch; // number of the epoch since 1970
	uint16_t sensor, port;
	uint8_t class, proto;
	uint16_t zero;
} __attribute__((aligned(16)));

struct key6 {
	uint8_t src[16];
	uint32_t epoch;
	uint16_t sensor, port;
	uint8_t class, proto;
	uint8_t zero[6];
} __attribute__((aligned(16)));

static_assert(sizeof(struct key4) == 16, "IPv4 keys are 16 bytes");
static_assert(sizeof(struct key6) == 32, "IPv6 keys are 32 bytes");

/// Counters of a flow: one cache line. packets is 0 where a place is empty, or taken in a burst
/// that stopped before it counted the packet.
struct flow_value {
	uint64_t packets, bytes;
	uint32_t first_us, last_us; // after the epoch's start: 3,600 s fit
	uint32_t matches[3];	    // by enum tt_tool
	uint32_t tested;
	uint32_t traits;
	uint32_t opt_hash;
	uint64_t dst_bitmap;
	uint16_t other_port, window;
	uint8_t tcp_flags, ttl_min, ttl_max;
	uint8_t flags; // enum tt_obs_flag
} __attribute__((aligned(64)));

static_assert(sizeof(struct flow_value) == 64, "a flow's counters are one cache line");
