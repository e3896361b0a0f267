/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_names.h"

// What somebody who has not shown a key of the list may hold and do.
#define CONNS_STRANGERS	  1024		// connections of all of them
#define CONNS_PER_ADDRESS 32		// of one address (IPv6: of one /64)
#define CONNS_STRANGER_NS 10000000000ll // time to become known
#define CONNS_RATE	  20		// new connections of an address a second,
#define CONNS_BURST	  100		// after so many at once

#define CONNS_BYTES	  65536 // that it may send until then, where that is limited: HELLO is 74

#define CONNS_TOPICS_MAX  1024 // subscriptions of a connection
#define CONNS_ADDRESS_LEN 64

/// A connection that libzmq accepted, by its descriptor. The kernel's cookie tells whether the
/// descriptor still is that connection.
struct conn {
	uint64_t cookie; // 0: no connection
	int64_t since_ns;
	bool trusted;
	uint32_t topics;
	char name[TT_ID_LEN], key[41]; // of the list, where trusted
	uint8_t prefix[16];	       // address it counts for
	char address[CONNS_ADDRESS_LEN];
};

struct conns {
	struct conn *rows; // by descriptor
	unsigned cap;
	int strangers[CONNS_STRANGERS + 1]; // descriptors, oldest first
	unsigned stranger_n;
	struct {
		double tokens;
		int64_t at_ns;
	} rate[1024]; // by keyed hash of the address
	uint8_t secret[16];
};

enum conns_cut { CONNS_KEPT, CONNS_RATED, CONNS_CROWDED };

void conns_init(struct conns *c);
void conns_free(struct conns *c);
/// A descriptor was accepted. Returns what was cut because of it: itself, or the oldest stranger of
/// its address or of all (*victim: the address that was).
enum conns_cut conns_accepted(struct conns *c, int fd, char victim[CONNS_ADDRESS_LEN]);
/// The connection has shown a key of the list. NULL where it is gone, or without memory.
struct conn *conns_trust(struct conns *c, int fd, const char *name, const char *key);
/// libzmq closed a descriptor. Whether it was a stranger's (*address: whose).
bool conns_gone(struct conns *c, int fd, char address[CONNS_ADDRESS_LEN]);
/// Where a key of the list has more than max connections, its oldest is cut.
void conns_limit(struct conns *c, const struct conn *of, unsigned max);
/// The oldest stranger that had its time is cut: true, with its address.
bool conns_overdue(struct conns *c, char address[CONNS_ADDRESS_LEN]);
/// Going down from index *at of the strangers: the next that sent more than CONNS_BYTES is cut, as
/// its frames may be as large as a probe's: true, with its address. *at begins as stranger_n.
bool conns_talkative(struct conns *c, unsigned *at, char address[CONNS_ADDRESS_LEN]);
/// Ends a connection as if the peer had; libzmq cleans up.
void conns_cut(struct conns *c, int fd);
