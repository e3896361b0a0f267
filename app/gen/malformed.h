/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/// What can be wrong with a packet, one for each row of the definition.
enum malformed {
	M_ETHER_SHORT, // SLL and SLL2 too, by the uplink's link type
	M_VLAN_CUT,
	M_VLAN_DEEP,
	M_MPLS_CUT,
	M_MPLS_DEEP,
	M_IP4_SHORT,
	M_IP4_VERSION,
	M_IP4_IHL,
	M_IP4_TOTAL,
	M_IP4_CUT,
	M_IP6_SHORT,
	M_IP6_VERSION,
	M_IP6_CHAIN_CUT,
	M_TCP_SHORT,
	M_TCP_OFFSET,
	M_UDP_SHORT,
	M_ICMP_SHORT,
	M_FIRST_FRAGMENT,
	M_FEED_HEADER, // a declared feed whose tunnel header does not parse
	M_FEED_CUT,    // a declared feed cut in the inner header
	MALFORMED_N,
};

enum non_ip {
	N_ARP,
	N_VLAN_ARP,
	N_LLDP,
	N_LLC,
	N_UNKNOWN,
	N_MPLS,	    // the payload's first nibble is neither 4 nor 6
	N_FEED_ARP, // inside a declared feed
	NON_IP_N,
};

enum unassigned {
	U_ADDRESS, // nobody's destination
	U_VLAN,	   // a sensor's, but under another tag
	U_KEY,	   // a feed's outer addresses under another key
	UNASSIGNED_N,
};
