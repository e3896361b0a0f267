/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

// Packet sockets of this process: net_af_packet opens them, one for each queue, and tells neither
// their numbers nor what the kernel dropped at them.

#define PACKET_SOCKETS_MAX 1024
struct packet_sockets {
	int fds[PACKET_SOCKETS_MAX]; // ascending
	unsigned n;
};

/// Lists those that are open now (/proc/self/fd).
void packet_sockets_list(struct packet_sockets *s);
/// Those in `after` that are not in `before`, in the order they were opened. How many.
unsigned packet_sockets_new(const struct packet_sockets *before, const struct packet_sockets *after,
	int *fds, unsigned max);
/// What the kernel dropped at a socket since the last call (PACKET_STATISTICS, packet(7)).
uint64_t packet_socket_drops(int fd);
/// Takes the error that a lost interface leaves, so that waiting for packets works again.
void packet_socket_clear(int fd);
