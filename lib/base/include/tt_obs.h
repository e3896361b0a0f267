/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

#include "tt_names.h"

#define TT_NO_SENSOR 0xffff

/// Bits of tt_obs.flags.
enum tt_obs_flag {
	TT_OBS_OTHER_PORT = 1u << 0,	    // other_port was seen at all
	TT_OBS_OTHER_PORT_VARIED = 1u << 1, // and took more than one value
	TT_OBS_SYN_SAMPLE = 1u << 2,	    // window and opt_hash hold a SYN's
	TT_OBS_SPILLED = 1u << 3,	    // no source (family 0): counted without a table place
	TT_OBS_CLASS_TOTAL = 1u << 4,	    // with SPILLED: no protocol and port either
};

/// What one source did to one service of one sensor in one epoch. The same key may come more than
/// once; readers add, OR, min and max.
struct tt_obs {
	// key
	int64_t epoch;	 // start of the epoch, UNIX seconds
	uint8_t src[16]; // network order; IPv4 in the first four bytes, the rest zero
	uint16_t sensor; // index into the sensor list that comes with it
	uint16_t port;	 // service port; ICMP: type<<8|code
	uint8_t family;	 // 4 or 6; 0: spilled, no source
	uint8_t class;	 // enum tt_class, of the observed ones
	uint8_t proto;	 // IP protocol
	// values
	uint8_t flags;	   // enum tt_obs_flag
	uint64_t packets;  // at least 1
	uint64_t bytes;	   // original frame lengths with link header, without FCS
	uint32_t first_us; // first and last packet, microseconds after the epoch's start
	uint32_t last_us;
	uint32_t traits;	     // enum tt_trait
	uint32_t matches[TT_TOOL_N]; // packets that matched the tool's relation (saturating)
	uint32_t tested;     // packets that Masscan and Mirai could be tested on (IPv4 TCP SYNs);
			     // ZMap: all packets of an IPv4 scan
	uint64_t dst_bitmap; // bit = keyed hash of the destination, 0..63: estimates distinct ones
	uint32_t opt_hash;   // of the sampled SYN's option kinds in order
	uint16_t window;     // of the sampled SYN
	uint16_t other_port; // the port that is not the service port, first seen
	uint8_t tcp_flags;   // OR
	uint8_t ttl_min, ttl_max;
};

/// One uplink in one epoch: what became of every packet received, and what was lost outside.
struct tt_tally {
	int64_t epoch;
	uint16_t uplink; // index into the uplink list that comes with it
	uint8_t link_up;
	uint64_t packets[TT_FATE_N], bytes[TT_FATE_N];
	uint64_t imissed, ierrors, rx_nombuf, harvest_lost, spool_lost;
	uint64_t late, feed_fragments;
};

/// State of a sensor in an epoch that its probe closed.
enum tt_state {
	TT_STATE_UP,
	TT_STATE_SILENT,
	TT_STATE_DOWN,
	TT_STATE_UNTOLD, // the row adds given_up, another one tells the state
	TT_STATE_N,
};
struct tt_sensor_state {
	int64_t epoch;
	uint16_t sensor;
	uint8_t state;		 // enum tt_state
	uint64_t received, lost; // of the sensor's uplinks: the factor in completeness
	uint64_t given_up;	 // of those received, packets whose observations the spool gave up
};
