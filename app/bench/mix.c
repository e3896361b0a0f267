/* SPDX-License-Identifier: BSD-3-Clause */
// What a telescope receives beside plain SYNs: one frame of each kind, repeated in proportion.
#include <string.h>

#include "bench.h"

#define MAC	   2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2
#define IP4(proto) 0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 50, proto, 0, 0, 192, 0, 2, 1, 198, 18, 0, 1
#define IP6(proto)                                                                                 \
	0x60, 0, 0, 0, 0, 0, proto, 50, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,    \
		0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
#define TCP(offset, flags) 1, 2, 3, 4, 0, 0, 0, 0, offset, flags, 0xfa, 0xf0, 0, 0, 0, 0
#define LINUX_OPTIONS	   2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7

static const struct {
	unsigned weight; // of 64
	uint8_t len;
	uint8_t frame[100];
} kinds[] = {
	{20, 74, {MAC, 8, 0, IP4(6), 156, 64, 0, 23, TCP(0xa0, 2), LINUX_OPTIONS}},
	{10, 60, {MAC, 8, 0, IP4(6), 156, 64, 0, 22, TCP(0x50, 2)}},
	{6, 60, {MAC, 8, 0, IP4(6), 0, 80, 156, 64, TCP(0x50, 0x12)}}, // SYN ACK
	{4, 60, {MAC, 8, 0, IP4(6), 1, 187, 156, 64, TCP(0x50, 4)}},   // RST
	{8, 60, {MAC, 8, 0, IP4(17), 156, 64, 0, 161, 0, 24, 0, 0, 0x30, 14}},
	{4, 74,
		{MAC, 8, 0, IP4(17), 0, 53, 156, 64, 0, 40, 0, 0, // DNS: AA RA, a question, no more
			0, 1, 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 2, 'j', 'p', 0, 0, 1, 0,
			1}},
	{4, 60, {MAC, 8, 0, IP4(1), 8, 0, 0, 0}},
	{1, 60,
		{MAC, 8, 0, 0x45, 0, 0, 0, 0, 1, 0, 100, 50, 17, 0, 0, 192, 0, 2, 1, 198, 18, 0,
			1}},
	{1, 60, {MAC, 8, 6, 0, 1}}, // ARP
	{2, 78, {MAC, 0x81, 0, 0, 101, 8, 0, IP4(6), 156, 64, 0, 23, TCP(0xa0, 2), LINUX_OPTIONS}},
	{3, 74, {MAC, 0x86, 0xdd, IP6(6), 156, 64, 0, 23, TCP(0x50, 2)}},
	{1, 70, {MAC, 0x86, 0xdd, IP6(58), 128, 0, 0, 0}},
};

void mix_burst(struct tt_frame frames[BURST], uint32_t len[BURST]) {
	unsigned at = 0;
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		for (unsigned i = 0; i < kinds[k].weight && at < BURST; i++, at++) {
			// 37 is odd: the kinds change place with every packet, as they do outside
			unsigned place = at * 37 % BURST;
			frames[place] = (struct tt_frame){
				kinds[k].frame, kinds[k].len, kinds[k].len, TT_LINK_ETHERNET};
			len[place] = kinds[k].len;
		}
}
