/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TT_ID_MAX 32 // of [a-z0-9-]{1,32}
#define TT_ID_LEN (TT_ID_MAX + 1)

/// Classes of a packet (the telescope's view of what it is); the first five are observed, the last
/// two are fates only. Order is the order of outputs.
enum tt_class {
	TT_SCAN,
	TT_BACKSCATTER,
	TT_REFLECTION,
	TT_OTHER,
	TT_FRAGMENT,
	TT_MALFORMED,
	TT_NON_IP,
	TT_CLASS_N,
};
#define TT_OBSERVED_CLASS_N 5

/// What became of a packet: exactly one of these.
enum tt_fate {
	TT_FATE_NON_IP,
	TT_FATE_MALFORMED,
	TT_FATE_UNASSIGNED,
	TT_FATE_OBSERVED,
	TT_FATE_SPILLED,
	TT_FATE_N,
};

/// Bits that are OR-ed over the packets of an observation.
enum tt_trait {
	TT_TRAIT_DNS_OVER_512 = 1u << 0,  // DNS response of more than 512 bytes
	TT_TRAIT_DNS_OVER_1232 = 1u << 1, // of more than 1,232 bytes
	TT_TRAIT_DNS_TC = 1u << 2,
	TT_TRAIT_DNS_RA = 1u << 3,
	TT_TRAIT_DNS_AA = 1u << 4,
	TT_TRAIT_DNS_EDNS = 1u << 5,
	TT_TRAIT_DNS_DO = 1u << 6,
	TT_TRAIT_DNS_DNSSEC = 1u << 7, // RRSIG, DNSKEY, DS, NSEC or NSEC3 records
	TT_TRAIT_DNS_ANY = 1u << 8,    // query type ANY
	TT_TRAIT_DNS_RCODE = 1u << 9,  // rcode is not 0
	TT_TRAIT_NTP_MONLIST = 1u << 10,
	TT_TRAIT_NTP_CONTROL = 1u << 11,
	TT_TRAIT_TCP_NO_OPTIONS = 1u << 12,
	TT_TRAIT_TCP_DF_CLEAR = 1u << 13,
	TT_TRAIT_TCP_WINDOWS = 1u << 14, // Windows-style option list
	TT_TRAIT_UNVERIFIED = 1u << 15,
	TT_TRAIT_REFLECTOR_PORT = 1u << 16,
};
#define TT_TRAIT_N 17

/// Tools recognised by a relation inside the packet.
enum tt_tool { TT_TOOL_ZMAP, TT_TOOL_MASSCAN, TT_TOOL_MIRAI, TT_TOOL_N };

const char *tt_class_name(enum tt_class c);
/// The class of a name, or -1.
int tt_class_parse(const char *name);
const char *tt_fate_name(enum tt_fate f);
/// Name of trait bit i (0 <= i < TT_TRAIT_N), as "dns_over_512"; and back (-1 where unknown).
const char *tt_trait_name(unsigned bit);
int tt_trait_parse(const char *name);
const char *tt_tool_name(enum tt_tool t);
int tt_tool_parse(const char *name);

/// "tcp", "udp", "icmp", "icmp6", else the number.
const char *tt_proto_format(uint8_t proto, char buf[8]);
/// Back from the text; -1 where it is none.
int tt_proto_parse(const char *text);
/// Reads "tcp/8728", "icmp/8" (code 0), "icmp/3/1"; the port of ICMP is type<<8|code.
int tt_service_parse(const char *text, uint8_t *proto, uint16_t *port);
/// Whether the protocol's "port" is type<<8|code.
static inline bool tt_proto_is_icmp(uint8_t proto) {
	return proto == 1 || proto == 58;
}

/// Whether text is [a-z0-9-]{1,32}.
bool tt_id_valid(const char *text);
