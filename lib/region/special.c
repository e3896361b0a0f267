/* SPDX-License-Identifier: BSD-3-Clause */
#include "special.h"

#include <string.h>

#include "tt_region.h"

// IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), every outermost entry, also
// those that are globally reachable; multicast (RFC 5771, RFC 4291).
const struct special_prefix special_prefixes[] = {
	{4, 8, {0}},					    // this network
	{4, 8, {10}},					    // private use
	{4, 10, {100, 64}},				    // shared address space (RFC 6598)
	{4, 8, {127}},					    // loopback
	{4, 16, {169, 254}},				    // link local
	{4, 12, {172, 16}},				    // private use
	{4, 24, {192, 0, 0}},				    // IETF protocol assignments
	{4, 24, {192, 0, 2}},				    // documentation
	{4, 24, {192, 31, 196}},			    // AS112-v4
	{4, 24, {192, 52, 193}},			    // AMT
	{4, 24, {192, 88, 99}},				    // 6to4 relay anycast, deprecated
	{4, 16, {192, 168}},				    // private use
	{4, 24, {192, 175, 48}},			    // direct delegation AS112
	{4, 15, {198, 18}},				    // benchmarking
	{4, 24, {198, 51, 100}},			    // documentation
	{4, 24, {203, 0, 113}},				    // documentation
	{4, 4, {224}},					    // multicast
	{4, 4, {240}},					    // reserved, limited broadcast
	{6, 127, {0}},					    // unspecified, loopback
	{6, 96, {[10] = 0xff, 0xff}},			    // IPv4-mapped
	{6, 96, {0, 0x64, 0xff, 0x9b}},			    // IPv4-IPv6 translation
	{6, 48, {0, 0x64, 0xff, 0x9b, 0, 1}}, {6, 64, {1}}, // discard only
	{6, 64, {1, 0, 0, 0, 0, 0, 0, 1}},		    // dummy prefix (RFC 9780)
	{6, 23, {0x20, 0x01}},		   // IETF protocol assignments: Teredo, ORCHID, AS112, ...
	{6, 32, {0x20, 0x01, 0x0d, 0xb8}}, // documentation
	{6, 16, {0x20, 0x02}},		   // 6to4
	{6, 48, {0x26, 0x20, 0, 0x4f, 0x80}}, // direct delegation AS112
	{6, 20, {0x3f, 0xff}},		      // documentation (RFC 9637)
	{6, 16, {0x5f}},		      // SRv6 segment identifiers
	{6, 7, {0xfc}},			      // unique local
	{6, 10, {0xfe, 0x80}},		      // link local
	{6, 8, {0xff}},			      // multicast
};
const unsigned special_prefix_n = sizeof(special_prefixes) / sizeof(special_prefixes[0]);

bool tt_region_special(uint8_t family, const uint8_t addr[16]) {
	for (unsigned i = 0; i < special_prefix_n; i++) {
		const struct special_prefix *p = &special_prefixes[i];
		unsigned whole = p->len / 8, rest = p->len % 8;
		if (p->family == family && memcmp(addr, p->addr, whole) == 0 &&
			(!rest || (addr[whole] ^ p->addr[whole]) >> (8 - rest) == 0))
			return true;
	}
	return false;
}
