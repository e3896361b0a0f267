/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tt_names.h"

#define PEERS_MAX    4096 // connections that said HELLO; the one silent longest makes room
#define PEER_ID_MAX  255
#define PEER_BUCKETS 1024

/// A connection that said HELLO, by the routing id that ZeroMQ gave it.
struct peer {
	struct peer *next; // in its bucket
	uint64_t serial;   // never used twice
	int64_t seen_ns;
	int64_t hello_skew_ms; // how far our clock is before the probe's, when it said HELLO,
	int64_t skew_ms;       // and of what came since it was last asked the least
	bool skew_known;
	char probe[TT_ID_LEN];
	uint8_t id_len;
	uint8_t id[PEER_ID_MAX];
};
struct peers {
	struct peer *buckets[PEER_BUCKETS];
	unsigned count;
	uint64_t serials;
};

struct peer *peers_find(struct peers *p, const void *id, size_t len);
struct peer *peers_by_serial(struct peers *p, uint64_t serial);
/// Finds or adds. NULL without memory.
struct peer *peers_add(struct peers *p, const void *id, size_t len);
void peers_remove(struct peers *p, struct peer *peer);
void peers_clear(struct peers *p);

/// Up to which sequence number everything of a boot is committed. A hint that spares batches a
/// second way: the store knows in any case.
struct boots {
	struct boot {
		char probe[TT_ID_LEN];
		uint64_t boot, acked, used;
	} rows[1024];
	unsigned count;
	uint64_t clock;
};
uint64_t boots_acked(struct boots *b, const char *probe, uint64_t boot);
void boots_note(struct boots *b, const char *probe, uint64_t boot, uint64_t seq);
