/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <string.h>

#include "rules.h"

static struct tt_addr destination(const struct tt_pkt *p) {
	struct tt_addr a = {.family = p->family};
	memcpy(a.b, p->dst, sizeof(a.b));
	return a;
}

static uint32_t destination4(const struct tt_pkt *p) {
	return (uint32_t)p->dst[0] << 24 | (uint32_t)p->dst[1] << 16 | (uint32_t)p->dst[2] << 8 |
	       p->dst[3];
}

static uint32_t claim_in(const struct tt_ranges *r, const struct tt_pkt *p) {
	uint32_t claim = TT_RANGES_NONE;
	if (p->family == 4)
		claim = tt_ranges_get4(r, destination4(p));
	else if (p->family == 6)
		claim = tt_ranges_get6(r, p->dst);
	return claim == TT_RANGES_NONE ? 0 : claim;
}

// Rules without a feed: at most one lookup for each combination of conditions that occurs.
static uint32_t plain_claim(const struct tt_sensors *s, unsigned uplink, const struct tt_pkt *p) {
	uint64_t vlan = vlan_of(p->vlan, p->vlan_n);
	uint32_t best = 0;
	for (unsigned given = 0; given < 4; given++) {
		if (!(s->combinations >> given & 1) || (given & GIVEN_VLAN && !vlan))
			continue;
		struct key k = {.vlan = given & GIVEN_VLAN ? vlan : 0,
			.uplink = given & GIVEN_UPLINK ? (uint16_t)uplink : ANY_UPLINK};
		uint32_t table = key_map_get(&s->plain, &k);
		uint32_t claim = table == TT_RANGES_NONE ? 0 : claim_in(s->tables[table], p);
		best = claim > best ? claim : best;
	}
	return best;
}

static bool is_observed(const struct tt_pkt *p) {
	return p->class < TT_OBSERVED_CLASS_N;
}

// The feeds that a packet may come from: nearly always one. Where they are more than there is room
// for, they are looked for again instead.
#define FOUND_MAX 8
struct found {
	const struct feed *feeds[FOUND_MAX];
	unsigned n; // more than FOUND_MAX: not all are here
};

static bool collect(const struct feed *f, void *arg) {
	struct found *found = arg;
	if (found->n < FOUND_MAX)
		found->feeds[found->n] = f;
	return ++found->n > FOUND_MAX;
}

static void for_found(const struct tt_sensors *s, const struct found *found,
	const struct outer *first, feed_fn *fn, void *arg) {
	if (found->n > FOUND_MAX) {
		matcher_visit(s->feeds, KEY_FEED, first, fn, arg);
		return;
	}
	for (unsigned i = 0; i < found->n && !fn(found->feeds[i], arg); i++)
		;
}

// What is gathered while feeds are visited.
struct search {
	const struct tt_pkt *inner; // the packet as it is inside
	const struct outer *second; // as it was inside the first layer; NULL: one layer opened
	enum key_kind kind;	    // of the second layer
	bool listed;		    // a rule lists the second layer
	uint32_t claim;
	uint16_t first_sensor;
};

static bool any_feed(const struct feed *f, void *arg) {
	return true;
}

static bool best_claim(const struct feed *f, void *arg) {
	struct search *s = arg;
	uint32_t claim = f->dst ? claim_in(f->dst, s->inner) : 0;
	if (claim > s->claim)
		s->claim = claim;
	return false;
}

static bool first_sensor(const struct feed *f, void *arg) {
	struct search *s = arg;
	if (f->first_sensor < s->first_sensor)
		s->first_sensor = f->first_sensor;
	return false;
}

// The second layer, under a feed of the first.
static bool any_second(const struct feed *f, void *arg) {
	struct search *s = arg;
	s->listed = f->inner && matcher_visit(f->inner, s->kind, s->second, any_feed, s);
	return s->listed;
}

static bool best_second(const struct feed *f, void *arg) {
	struct search *s = arg;
	if (f->inner)
		matcher_visit(f->inner, s->kind, s->second, best_claim, s);
	return false;
}

static bool first_second(const struct feed *f, void *arg) {
	struct search *s = arg;
	if (f->inner)
		matcher_visit(f->inner, s->kind, s->second, first_sensor, s);
	return false;
}

static struct outer outer_of(const struct tt_pkt *p, unsigned uplink) {
	struct outer o = {.dst = destination(p),
		.vlan = vlan_of(p->vlan, p->vlan_n),
		.key = p->tunnel_key,
		.uplink = (uint16_t)uplink,
		.tunnel = p->tunnel,
		.has_key = p->tunnel_has_key};
	o.src.family = p->family;
	memcpy(o.src.b, p->src, sizeof(o.src.b));
	return o;
}

static enum key_kind kind_of(const struct tt_pkt *p) {
	return p->tunnel_state == TT_TUNNEL_BAD	       ? KEY_BAD
	       : p->tunnel_state == TT_TUNNEL_FRAGMENT ? KEY_FRAGMENT
						       : KEY_FEED;
}

// A declared feed whose payload cannot be looked at.
static void settle(struct tt_pkt *p, uint16_t fragment_sensor) {
	p->sensor = TT_NO_SENSOR;
	if (p->tunnel_state == TT_TUNNEL_FRAGMENT) {
		p->sensor = fragment_sensor;
		p->feed_fragment = 1;
		return;
	}
	p->class = p->tunnel_state == TT_TUNNEL_BAD ? TT_MALFORMED : TT_NON_IP;
	p->port = 0;
}

// The packet came out of the feeds found. Opens a second layer where a rule lists it.
static void resolve_inside(const struct tt_sensors *s, const struct tt_packet_conf *conf,
	const struct outer *first, const struct found *found, const struct tt_frame *frame,
	struct tt_pkt *p) {
	struct search search = {.inner = p, .first_sensor = TT_NO_SENSOR};
	struct outer second;
	if (p->tunnel != TT_TUNNEL_NONE) {
		second = outer_of(p, ANY_UPLINK);
		search.second = &second;
		search.kind = kind_of(p);
		for_found(s, found, first, any_second, &search);
	}
	if (search.listed && p->tunnel_state == TT_TUNNEL_FRAGMENT)
		for_found(s, found, first, first_second, &search);
	if (search.listed && p->tunnel_state != TT_TUNNEL_OK) {
		settle(p, search.first_sensor);
		return;
	}
	if (search.listed)
		tt_packet_open(conf, frame, p);
	if (!is_observed(p))
		return;
	for_found(s, found, first, search.listed ? best_second : best_claim, &search);
	p->sensor = claim_sensor(search.claim);
}

// A tunnel packet whose header says nothing that a payload could be opened by.
static bool resolve_closed(const struct tt_sensors *s, const struct outer *first,
	enum key_kind kind, struct tt_pkt *p) {
	struct search search = {.first_sensor = TT_NO_SENSOR};
	matcher_visit(s->feeds, kind, first, first_sensor, &search);
	if (search.first_sensor == TT_NO_SENSOR)
		return false;
	settle(p, search.first_sensor);
	return true;
}

// Whether a tunnel packet belongs to a declared feed, and then all that follows from it.
static bool resolve_feed(const struct tt_sensors *s, const struct tt_packet_conf *conf,
	unsigned uplink, const struct tt_frame *frame, struct tt_pkt *p) {
	struct outer first = outer_of(p, uplink);
	if (p->tunnel_state == TT_TUNNEL_BAD || p->tunnel_state == TT_TUNNEL_FRAGMENT)
		return resolve_closed(s, &first, kind_of(p), p);
	struct found found = {.n = 0};
	matcher_visit(s->feeds, KEY_FEED, &first, collect, &found);
	if (found.n == 0 && p->tunnel == TT_TUNNEL_ERSPAN) {
		// to a rule for GRE, ERSPAN is GRE with a payload that is neither IP nor Ethernet
		first.tunnel = TT_TUNNEL_GRE;
		first.has_key = 0;
		matcher_visit(s->feeds, KEY_FEED, &first, collect, &found);
		p->tunnel_state = found.n ? TT_TUNNEL_NOT_IP : p->tunnel_state;
	}
	if (found.n == 0)
		return false;
	if (p->tunnel_state != TT_TUNNEL_OK) {
		settle(p, TT_NO_SENSOR);
		return true;
	}
	tt_packet_open(conf, frame, p);
	if (is_observed(p))
		resolve_inside(s, conf, &first, &found, frame, p);
	return true;
}

// A packet by all that its headers say.
static void resolve_one(const struct tt_sensors *s, const struct tt_packet_conf *conf,
	unsigned uplink, const struct tt_frame *frame, struct tt_pkt *p) {
	p->sensor = TT_NO_SENSOR;
	if (!is_observed(p))
		return;
	if (p->tunnel != TT_TUNNEL_NONE && s->feeds && resolve_feed(s, conf, uplink, frame, p))
		return;
	p->sensor = claim_sensor(plain_claim(s, uplink, p));
}

// Whether nothing but the destination decides: IPv4, of no feed, no VLAN, no tunnel.
static inline bool is_plain4(const struct tt_pkt *p) {
	_Static_assert(offsetof(struct tt_pkt, feed_fragment) == 57 &&
			       offsetof(struct tt_pkt, tunnel) == 60,
		"the five bytes at family");
	static const uint8_t family[8] = {4}, mask[8] = {255, 255, 255, 255, 255};
	uint64_t x, is, among;
	memcpy(&x, &p->family, sizeof(x));
	memcpy(&is, family, sizeof(is));
	memcpy(&among, mask, sizeof(among));
	return (x & among) == is && is_observed(p);
}

void tt_sensors_resolve(const struct tt_sensors *s, const struct tt_packet_conf *conf,
	unsigned uplink, const struct tt_frame *frames, struct tt_pkt *pkts, unsigned n) {
	const struct direct *direct = uplink < s->direct_n ? s->direct[uplink] : NULL;
	for (unsigned i = 0; i < n; i++) {
		struct tt_pkt *p = &pkts[i];
		if (__builtin_expect(direct && is_plain4(p), 1)) {
			uint16_t entry = direct_get(direct, p->dst);
			p->sensor = entry == DIRECT_NONE ? TT_NO_SENSOR : entry;
		} else {
			resolve_one(s, conf, uplink, &frames[i], p);
		}
	}
}
