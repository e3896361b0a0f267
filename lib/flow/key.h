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

/// Counters of a flow that every packet touches. They lie behind the flow's key in the table's own
/// key slot, so that comparing the key has already brought the cache line they are in. packets is 0
/// in a place that was taken in a burst which stopped before it counted the packet.
struct flow_value {
	uint64_t dst_bitmap;
	union {
		struct {
			uint32_t bytes, packets; // low parts; flow_high has the others
		};
		uint64_t sums; // both at once
	};
	uint32_t first_us, last_us; // after the epoch's start: 3,600 s fit
	// these 16 bytes are as in tt_pkt
	uint16_t other_port, window;
	uint8_t ttl_below; // 255 - the smallest: grows as the largest does
	uint8_t ttl_max;
	uint8_t tcp_flags;
	uint8_t marks; // tt_pkt_marks without tools: testable as the first packet, else as any
	uint32_t bits; // enum tt_trait, and enum value_bit
	uint32_t opt_hash;
};

enum { MARK_NEW = 0x80 }; // in a row that the table has just made

/// Bits above the traits. VALUE_FLAGS and up: enum tt_obs_flag.
enum value_bit {
	VALUE_RARE = 1u << 20, // the row has its flow_rare, where the table keeps those
	VALUE_FLAGS_SHIFT = 24,
	VALUE_TRAITS = VALUE_RARE - 1,
};

/// What counters' low parts run over into: 64 bits of bytes, 48 of packets (a thousand million a
/// second for three days). It lies before the key, in the 8 bytes that rte_hash keeps for its user.
struct flow_high {
	uint32_t bytes;
	uint16_t packets;
	uint16_t unlike; // of flow_rare
};

/// What few packets touch; valid where VALUE_RARE is set.
struct flow_rare {
	uint32_t matches[3]; // by enum tt_tool
	uint32_t unlike;     // packets whose being testable is not what the first was; low part
};

/// Bytes from row to row: high parts, key, value.
enum {
	ROW4 = sizeof(struct flow_high) + sizeof(struct key4) + sizeof(struct flow_value),
	ROW6 = ROW4 + 16
};

static_assert(ROW4 == 64, "an IPv4 flow is one cache line");
static_assert(sizeof(struct flow_high) == sizeof(void *), "what rte_hash keeps for a key");
static_assert(sizeof(struct flow_rare) == 16, "four to a cache line");
