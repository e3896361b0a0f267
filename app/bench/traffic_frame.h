/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "bench.h"

#define TRAFFIC_SENSORS 2
#define TRAFFIC_EPOCH	480000u // an hour of 2024
#define TRAFFIC_SECONDS ((int64_t)TRAFFIC_EPOCH * 3600 + 60)

/// The frame of a flow: a TCP SYN of 60 bytes from a source of its own to a port that follows from
/// it, at a sensor that does too; destination and IP id by salt.
static inline void traffic_frame(uint8_t f[64], uint32_t flow, uint32_t salt) {
	static const uint16_t ports[8] = {23, 22, 80, 445, 3389, 8080, 2323, 5555};
	// odd multiplier: every flow number gives another address
	uint32_t src = flow * 0x9e3779b1u, sensor = flow & 1;
	uint32_t dst = 0xc6120000u | sensor << 15 | (salt & 0x7fff);
	uint16_t port = ports[flow & 7];
	const uint8_t head[64] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, // Ethernet
		0x45, 0, 0, 46, (uint8_t)(salt >> 8), (uint8_t)salt, 0x40, 0, 50, 6, 0, 0, // IPv4
		(uint8_t)(src >> 24), (uint8_t)(src >> 16), (uint8_t)(src >> 8), (uint8_t)src,
		(uint8_t)(dst >> 24), (uint8_t)(dst >> 16), (uint8_t)(dst >> 8), (uint8_t)dst,
		(uint8_t)(40000 >> 8), (uint8_t)40000, (uint8_t)(port >> 8), (uint8_t)port, // TCP
		1, 2, 3, 4, 0, 0, 0, 0, 0x60, 2, 0x72, 0x10, 0, 0, 0, 0, 2, 4, 5, 0xb4};
	__builtin_memcpy(f, head, 64);
}

/// The same SYN over IPv6, of 78 bytes.
static inline void traffic_frame6(uint8_t f[128], uint32_t flow, uint32_t salt) {
	static const uint16_t ports[8] = {23, 22, 80, 445, 3389, 8080, 2323, 5555};
	uint32_t src = flow * 0x9e3779b1u;
	uint8_t sensor = (uint8_t)((flow & 1) << 7);
	uint16_t port = ports[flow & 7];
	const uint8_t head[128] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, // Ethernet
		0x60, 0, 0, 0, 0, 24, 6, 50, 0x24, 0, 0xcb, 0, (uint8_t)(src >> 24),
		(uint8_t)(src >> 16), (uint8_t)(src >> 8), (uint8_t)src, 0, 0, 0, 0, 0, 0, 0, 1,
		0x20, 1, 0xd, 0xb8, sensor, 0, 0, 0, 0, 0, 0, 0, 0, 0, (uint8_t)(salt >> 8),
		(uint8_t)salt,								    // IPv6
		(uint8_t)(40000 >> 8), (uint8_t)40000, (uint8_t)(port >> 8), (uint8_t)port, // TCP
		1, 2, 3, 4, 0, 0, 0, 0, 0x60, 2, 0x72, 0x10, 0, 0, 0, 0, 2, 4, 5, 0xb4};
	__builtin_memcpy(f, head, 128);
}
