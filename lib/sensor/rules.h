/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

#include "tt_obs.h"
#include "tt_ranges.h"
#include "tt_sensor.h"

// A rule's claim on a destination as one number: the largest wins. Longest prefix, VLAN given,
// uplink given, number of keys that the feed gives, first in the file. 0: no rule.
#define CLAIM_SENSOR_BITS 14
#define CLAIM_KEYS_BITS	  2
_Static_assert(TT_SENSOR_MAX <= 1 << CLAIM_SENSOR_BITS, "claims hold every sensor's index");

static inline uint16_t claim_sensor(uint32_t claim) {
	return claim == 0 ? TT_NO_SENSOR
			  : (uint16_t)((1u << CLAIM_SENSOR_BITS) - 1 -
				       ((claim - 1) & ((1u << CLAIM_SENSOR_BITS) - 1)));
}

// The exact conditions of a rule, as the key of a hash table.
enum key_kind {
	KEY_PLAIN,    // no feed
	KEY_FEED,     // tunnel of whatever key
	KEY_KEYED,    // tunnel and its key
	KEY_BAD,      // a tunnel whose header does not parse: GRE stands for ERSPAN too
	KEY_FRAGMENT, // nothing but the protocol known: GRE for ERSPAN, VXLAN for GENEVE
};
#define ANY_UPLINK 0xffff
struct key {
	uint64_t vlan; // vlan_of(); 0: any
	uint32_t key;  // of the tunnel
	uint16_t uplink;
	uint8_t kind;	// enum key_kind
	uint8_t tunnel; // enum tt_tunnel
};
_Static_assert(sizeof(struct key) == 16, "compared and hashed as bytes");

// A VLAN stack as a number.
static inline uint64_t vlan_of(const uint16_t *vlan, unsigned n) {
	uint64_t v = n;
	for (unsigned i = 0; i < n; i++)
		v = v << 12 | (vlan[i] & 0xfff);
	return v;
}

struct key_slot {
	struct key key;
	uint32_t value; // TT_RANGES_NONE: free
};
struct key_map {
	struct key_slot *slots;
	uint32_t mask;
};
int key_map_init(struct key_map *m, size_t entries);
void key_map_free(struct key_map *m);
/// Adds a key that is not there.
void key_map_add(struct key_map *m, const struct key *k, uint32_t value);
uint32_t key_map_get(const struct key_map *m, const struct key *k);

/// What stands for a tunnel where less than its header is known.
static inline uint8_t tunnel_for(enum key_kind kind, uint8_t tunnel) {
	if (kind >= KEY_BAD && tunnel == TT_TUNNEL_ERSPAN)
		return TT_TUNNEL_GRE;
	if (kind == KEY_FRAGMENT && tunnel == TT_TUNNEL_GENEVE)
		return TT_TUNNEL_VXLAN;
	return tunnel;
}

// Which of a rule's conditions occur at all: bit i is set where some key has the conditions i.
enum given { GIVEN_UPLINK = 1, GIVEN_VLAN = 2, GIVEN_KEY = 4 };
static inline unsigned given_of(const struct key *k) {
	return (k->uplink != ANY_UPLINK ? GIVEN_UPLINK : 0) | (k->vlan ? GIVEN_VLAN : 0) |
	       (k->kind == KEY_KEYED ? GIVEN_KEY : 0);
}

// The feeds whose rules name one outer source prefix, and the next shorter prefix that holds it.
#define NO_NODE UINT32_MAX
struct node {
	uint32_t parent;
	uint32_t first, n; // in matcher.feeds, in the file's order
};

// Finds the feeds that a tunnel packet may come from.
struct feed;
struct matcher {
	struct key_map buckets;	    // to an index in `sources`
	struct tt_ranges **sources; // outer source address to node
	struct node *nodes;
	uint32_t *refs; // to feeds
	struct feed *feeds;
	uint32_t source_n, feed_n;
	uint8_t combinations; // bits 1 << enum given
};

// One layer that rules declare, under one uplink and VLAN condition.
struct feed {
	const struct tt_tunnel_rule *rule; // the catalogue's; while building only
	struct tt_prefix *outer_dst;	   // empty: any
	unsigned outer_dst_n;
	struct key key;
	uint16_t first_sensor; // of its rules, in the file's order
	struct tt_ranges *dst; // claims by inner destination; NULL: only further layers
	struct matcher *inner; // second layers; NULL: none
};

/// Sensors by IPv4 destination. An entry is a sensor, DIRECT_NONE, or leads to a block of 256 for
/// the next eight bits.
struct direct {
	uint16_t top[1 << 16]; // by the first two bytes as they lie in memory
	uint16_t *blocks;
	uint32_t block_n;
};
enum { DIRECT_NONE = 0x7fff, DIRECT_BLOCK = 0x8000, DIRECT_BLOCK_MAX = 4096 };
_Static_assert(
	TT_SENSOR_MAX <= DIRECT_NONE && DIRECT_BLOCK_MAX <= DIRECT_BLOCK, "entries are told apart");

static inline uint16_t direct_top(const uint8_t *dst) {
	uint16_t at;
	__builtin_memcpy(&at, dst, sizeof(at));
	return at;
}

/// The entry, no block, of the destination whose four bytes are there in network order.
static inline uint16_t direct_get(const struct direct *d, const uint8_t *dst) {
	uint16_t entry = d->top[direct_top(dst)];
	for (dst += 2; entry & DIRECT_BLOCK; dst++)
		entry = d->blocks[(entry & ~DIRECT_BLOCK) << 8 | *dst];
	return entry;
}

/// The rules that hold on one uplink for packets without VLAN tags. NULL: they do not fit.
struct direct *direct_create(const struct tt_sensors *s, uint16_t uplink);
void direct_destroy(struct direct **d);

struct tt_sensors {
	struct direct **direct; // by uplink; NULL where the rules do not fit
	unsigned direct_n;
	struct key_map plain; // to an index in `tables`
	struct tt_ranges **tables;
	uint32_t table_n;
	uint8_t combinations;
	struct matcher *feeds; // NULL: none declared
	uint16_t tunnels;
};

// A tunnel packet seen from outside.
struct outer {
	struct tt_addr src, dst;
	uint64_t vlan;
	uint32_t key;
	uint16_t uplink;
	uint8_t tunnel, has_key;
};
/// Calls fn for every feed that the packet may come from until it returns true; whether it did.
/// KEY_FEED: by its key too. KEY_BAD, KEY_FRAGMENT: of feeds that claim the same, only the first.
typedef bool feed_fn(const struct feed *f, void *arg);
bool matcher_visit(
	const struct matcher *m, enum key_kind kind, const struct outer *o, feed_fn *fn, void *arg);
/// Builds the lookups of feeds that were filled in (rule, key), in the file's order. Takes `feeds`.
int matcher_build(struct matcher *m, struct feed *feeds, uint32_t n);
void matcher_destroy(struct matcher **m);
