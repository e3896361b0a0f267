/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_names.h"

/// What a frame begins with.
enum tt_link_type { TT_LINK_ETHERNET, TT_LINK_RAW, TT_LINK_SLL, TT_LINK_SLL2 };

/// A frame as it was received or captured. The bytes stay the caller's.
struct tt_frame {
	const uint8_t *data;
	uint32_t caplen; // bytes at data
	uint32_t len;	 // original length with link header, without FCS
	uint8_t link;	 // enum tt_link_type
};

/// Encapsulations that a sensor rule can declare as its feed.
enum tt_tunnel {
	TT_TUNNEL_NONE,
	TT_TUNNEL_GRE,	  // key: the GRE key where the K bit is set
	TT_TUNNEL_ERSPAN, // ERSPAN II in GRE; key: the session id
	TT_TUNNEL_VXLAN,  // key: VNI
	TT_TUNNEL_GENEVE, // key: VNI
	TT_TUNNEL_IPIP,	  // IPv4 in IPv4/IPv6 (protocol 4); no key
	TT_TUNNEL_6IN4,	  // IPv6 in IPv4/IPv6 (protocol 41); no key
	TT_TUNNEL_N,
};
const char *tt_tunnel_name(enum tt_tunnel t); // "gre", "erspan", ...
int tt_tunnel_parse(const char *name);

/// State of the header of a packet that could be a declared feed.
enum tt_tunnel_state {
	TT_TUNNEL_OK,	    // inner_off and inner_link say where the payload begins
	TT_TUNNEL_BAD,	    // does not parse: malformed, if the feed is declared. No key. A GRE
			    // header that is cut or of another version is called GRE where GRE is
			    // declared, ERSPAN otherwise: rules for either may own it
	TT_TUNNEL_NOT_IP,   // payload is neither IP nor Ethernet: non_ip, if declared
	TT_TUNNEL_FRAGMENT, // an outer fragment that is not the first: no header to read; the type
			    // is only one of those that its protocol could carry
};

/// How response tests of the reflector table are called in configuration; "none" takes a port out
/// of the table. Parsing returns -1 for an unknown name (so does tt_tunnel_parse, and for "none").
enum tt_reflector_test {
	TT_REFLECTOR_NONE,
	TT_REFLECTOR_DNS,
	TT_REFLECTOR_NTP,
	TT_REFLECTOR_SSDP,
	TT_REFLECTOR_SNMP,
	TT_REFLECTOR_CLDAP,
	TT_REFLECTOR_MEMCACHED,
	TT_REFLECTOR_CHARGEN,
	TT_REFLECTOR_PORTMAP,
	TT_REFLECTOR_NETBIOS,
	TT_REFLECTOR_WSD,
	TT_REFLECTOR_COAP,
	TT_REFLECTOR_N,
};
const char *tt_reflector_name(enum tt_reflector_test t); // "dns", "ntp", ...
int tt_reflector_parse(const char *name);

/// What the parser can be told. Immutable while workers use it; shared by any number of threads.
struct tt_packet_conf {
	uint8_t reflector[65536]; // enum tt_reflector_test by UDP source port
	uint16_t vxlan_ports[8];  // zero-terminated unless full
	uint16_t geneve_ports[8];
	uint16_t tunnels; // bit 1 << enum tt_tunnel for every type that some rule declares; types
			  // without their bit are never looked at
};
/// The table of field.md section 2, ports 4789 and 6081, no tunnels.
void tt_packet_conf_init(struct tt_packet_conf *conf);

/// What the parser found. Addresses in network order (IPv4 in the first four
/// bytes, rest zero).
struct tt_pkt {
	uint8_t src[16];
	uint8_t dst[16];
	// these eight bytes are as in a flow's key
	uint16_t sensor; // set by lib/sensor; TT_NO_SENSOR at first
	uint16_t port;	 // service port
	uint8_t class;	 // enum tt_class, with TT_MALFORMED and TT_NON_IP
	uint8_t proto;	 // IP protocol of the last header walked
	uint16_t zero;
	// these 16 bytes are as in a flow's counters, where two bytes are about the TTL
	uint16_t other_port; // the port that is not the service port
	uint16_t window;     // of a SYN of class scan
	uint8_t ttl, none;
	uint8_t tcp_flags;
	// one byte: tt_pkt_marks
	uint8_t has_ports : 1;	// other_port is one
	uint8_t syn_sample : 1; // window and opt_hash are a SYN's
	uint8_t testable : 1;	// an IPv4 TCP SYN of class scan: Masscan and Mirai could be tested
	uint8_t tools : 3;	// bit 1 << enum tt_tool that matched
	uint32_t traits;	// enum tt_trait
	uint32_t opt_hash;	// of a SYN's option kinds, in order; 0 without options

	uint8_t family; // 4, 6; 0 where there is no IP header
	// from here on 0 where there is neither VLAN tag nor declared tunnel nor UDP
	uint8_t feed_fragment; // 1, by lib/sensor: an outer fragment of a declared feed
	uint8_t vlan_n;	       // VLAN tags stripped, outermost first
	uint8_t depth;	       // feeds opened so far
	uint8_t tunnel;	       // enum tt_tunnel: what this could be, if declared
	uint8_t tunnel_state;  // enum tt_tunnel_state
	uint8_t inner_link;    // what the payload is, for tt_packet_open
	uint8_t tunnel_has_key;
	uint16_t vlan[4];
	uint32_t inner_off; // offset of the payload from the frame's data
	uint32_t inner_len; // bytes of it that are there and that enclosing length fields allow
	uint32_t tunnel_key;
	uint32_t payload_len; // of UDP, as the UDP length says (>= 8) or as it is there
} __attribute__((aligned(8)));

/// has_ports, syn_sample, testable and tools as one number: what most packets of a flow share.
enum {
	TT_MARK_PORTS = 1u << 0,
	TT_MARK_SYN = 1u << 1,
	TT_MARK_TESTABLE = 1u << 2,
	TT_MARK_TOOLS_SHIFT = 3, // bit 1 << (3 + enum tt_tool)
	TT_MARK_TOOLS = 7u << TT_MARK_TOOLS_SHIFT,
};
static inline uint8_t tt_pkt_marks(const struct tt_pkt *p) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ // bit fields begin at the lowest bit
	return *(&p->tcp_flags + 1);
#else
	return (uint8_t)(p->has_ports | p->syn_sample << 1 | p->testable << 2 | p->tools << 3);
#endif
}

/// Parses n frames (at most 64 a call) into n results: class, service port, traits, tools exactly
/// as the definitions say (field definitions, sections 2 and 3). Never reads past caplen. Pure:
/// no state, any thread.
void tt_packet_parse(const struct tt_packet_conf *conf, const struct tt_frame *frames,
	struct tt_pkt *pkts, unsigned n);
/// Replaces the result of one packet whose tunnel is TT_TUNNEL_OK by that of its payload; keeps
/// VLAN tags and counts depth. The outer length stays what `bytes` are taken from.
void tt_packet_open(
	const struct tt_packet_conf *conf, const struct tt_frame *frame, struct tt_pkt *pkt);
