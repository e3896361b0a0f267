/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// What the parts of the generator share. Everything is decided by the seed and the options; no
// part asks the parser what it made.
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"
#include "tt_addr.h"
#include "tt_aim.h"
#include "tt_catalog.h"
#include "tt_err.h"
#include "tt_names.h"
#include "tt_packet.h"

/// Vose's alias method: O(1) choice among weighted indexes.
struct alias {
	uint32_t n;
	uint32_t *other;
	double *keep;
	double total; // sum of the weights
};
int alias_build(struct alias *a, const double *weights, uint32_t n);
void alias_free(struct alias *a);
static inline uint32_t alias_pick(const struct alias *a, struct rng *r) {
	uint32_t i = (uint32_t)rng_below(r, a->n);
	return rng_unit(r) < a->keep[i] ? i : a->other[i];
}

// ---- regions

#define REGION_MAX 64

/// A stretch of addresses as a registry delegates it: IPv4 by count, IPv6 by prefix length.
struct range {
	struct tt_addr first;
	uint64_t count; // IPv4
	uint8_t len;	// IPv6
};
struct region {
	char cc[3];	  // "--": delegated to nobody, or special-purpose
	char registry[8]; // "" for special-purpose addresses: no file
	struct range ranges[8];
	unsigned range_n;
	double weight;
};
struct regions {
	struct region r[REGION_MAX];
	unsigned n;
};
/// A JSON file; NULL with a message.
json_t *json_read(const char *path, struct tt_err *err);
/// The built-in regions.
void regions_default(struct regions *r);
/// Reads {"kind":"regions","v":1,"regions":[{"region","registry","ipv4":["16.0.0.0+65536"],"ipv6",
/// "weight"}]}.
int regions_load(struct regions *r, const char *path, struct tt_err *err);
/// Writes the five registries' delegation files, dated by `sec`, into a directory.
int regions_write(const struct regions *r, const char *dir, int64_t sec, struct tt_err *err);
/// Index of the region that holds an address, -1 for none.
int regions_of(const struct regions *r, const struct tt_addr *a);
bool address_special(const struct tt_addr *a);

// ---- sources

enum role { ROLE_SCANNER, ROLE_VICTIM, ROLE_REFLECTOR, ROLE_N };
enum persona { PLAIN, ZMAP, MASSCAN, MIRAI }; // tool + 1

struct source {
	struct tt_addr addr;
	uint8_t region;	 // index; REGION_MAX: none
	uint8_t persona; // of a scanner
	uint8_t ttl;
	uint8_t style; // of TCP options
};
/// A stretch of sources of one role (or event), region and family, chosen by Zipf.
struct group {
	uint32_t first, n;
	struct alias zipf;
};
struct sources {
	struct source *s;
	uint32_t n, cap;
	uint32_t *index, index_mask; // addresses already taken
	struct group *groups;	     // [pool][region][family 4, 6]
	unsigned pool_n;
};
struct tool_shares {
	double zmap, masscan, mirai;
};
int sources_init(struct sources *s);
void sources_free(struct sources *s);
/// Adds a pool of about n sources spread over the regions by weight, `six` of them IPv6.
/// Returns its number or -errno.
int sources_add_pool(struct sources *s, const struct regions *r, const double *weights, uint32_t n,
	double six, double zipf, const struct tool_shares *tools, struct rng *rng);
struct group *sources_group(const struct sources *s, unsigned pool, unsigned region, int family);
/// Index of an address as a source, added where it was none yet.
uint32_t sources_intern(struct sources *s, const struct tt_addr *a, unsigned region);

// ---- sensors

#define UPLINK_MAX 16

struct target {
	const struct tt_sensor_conf *conf;
	unsigned uplink;
	double weight;
	bool has4, has6;
	struct tt_prefix *prefixes; // of the inner destination
	unsigned prefix_n;
	struct tt_prefix *holes; // longer prefixes of rules that win inside
	unsigned hole_n;
	bool fragments_ok; // outer fragments can only be this sensor's
};
struct targets {
	struct tt_catalog *catalog;
	struct target *t;
	unsigned n;
	char uplinks[UPLINK_MAX][TT_ID_LEN];
	uint8_t links[UPLINK_MAX]; // enum tt_link_type
	unsigned uplink_n;
	bool catch_all; // a rule without feed and prefixes: nothing is unassigned
};
extern const char sensors_default[];
int targets_init(struct targets *t, const char *path, struct tt_err *err);
/// "up1=raw,up2=sll2".
int targets_links(struct targets *t, const char *spec, struct tt_err *err);
void targets_free(struct targets *t);
/// A destination that is this sensor's and no other's; false where there is none.
bool target_address(const struct target *t, int family, struct rng *r, struct tt_addr *out);
/// Whether a rule without a feed takes a packet.
bool targets_plain_match(
	const struct targets *t, const uint16_t *vlan, unsigned vlan_n, const struct tt_addr *dst);
bool prefix_random(const struct tt_prefix *p, struct rng *r, struct tt_addr *out);

// ---- what there is to send

enum kind {
	K_TCP_SYN,
	K_TCP_PROBE, // NULL, FIN, Xmas
	K_UDP_PROBE,
	K_UDP_DECOY, // from a reflector's port, without a response
	K_ICMP,
	K_TCP_BACK, // SYN-ACK, RST, RST-ACK
	K_REFLECTION,
	K_TCP_OTHER,
	K_IP_OTHER,  // by protocol number
	K_IP6_CHAIN, // more extension headers than are walked
	K_FRAGMENT,
	K_MALFORMED,
	K_NON_IP,
	K_UNASSIGNED,
	K_N,
};

/// One kind of traffic to one service.
struct stream {
	uint8_t kind;
	uint8_t class; // TT_CLASS_N: of unassigned packets, which have none
	uint8_t family;
	uint8_t proto;
	uint16_t port; // service; 0 with tail: any
	bool tail;
	uint16_t param; // which malformed, which reflector
	unsigned pool;	// of sources
	double weight;
	const double *regions; // weights of an event's own pool, or NULL
	uint64_t sensors;      // bits of those that it reaches; beyond 63 all
	int event;	       // index of the event it belongs to, -1: the base mix
};
struct event {
	char type[16];
	int class;	     // -1: any
	int proto, port;     // -1: any
	uint64_t sensors;    // bit mask over the first 64
	int region;	     // -1: any
	int64_t from, until; // seconds
	double ramp_days, before, factor;
	uint32_t sources; // of its own pool; 0: the usual ones
	double region_weights[REGION_MAX];
};
enum attack { ATTACK_NONE, ATTACK_SPOOFED, ATTACK_OVERLOAD, ATTACK_COLLIDE };
struct scenario {
	int64_t start_ns, end_ns;
	uint64_t packets, seed;
	uint32_t sources;
	double zipf, six; // exponent; share of IPv6
	double diurnal;	  // how much hours differ
	double fragments; // share of large feed packets that come in two outer fragments
	double vary;	  // share of victims and reflectors that answer to many ports
	int64_t cuts[64];
	unsigned cut_n;
	struct tool_shares tools;
	double class_weight[TT_CLASS_N + 1]; // by class; last: unassigned
	bool base;			     // the built-in mix
	enum attack attack;
	uint32_t epoch_s; // that an attack aims at
	struct stream *streams;
	unsigned stream_n, stream_cap;
	struct event *events;
	unsigned event_n;
	double region_weight[REGION_MAX];
	double *sensor_weight;
};
void scenario_init(struct scenario *s);
/// Reads a scenario file over what is there; regions and targets are known by then.
int scenario_load(struct scenario *s, const char *path, const struct regions *r, struct targets *t,
	struct tt_err *err);
void scenario_free(struct scenario *s);
/// Adds the built-in mix.
int mix_add(struct scenario *s);
/// Adds (or finds and weighs anew) a service of a class, for both families.
int mix_service(struct scenario *s, int class, int proto, int port, double weight);
const char *malformed_name(unsigned kind);

// ---- when and what

struct schedule;
struct pick {
	uint16_t stream, sensor;
	uint16_t region;
};
struct schedule *schedule_create(const struct scenario *s, const struct regions *r,
	const struct targets *t, const struct sources *src, struct tt_err *err);
void schedule_destroy(struct schedule **s);

// ---- packets

#define FRAME_HEAD 512
#define FRAME_MAX  (FRAME_HEAD + 4608)

/// A packet being made: payload first, headers in front of it. Positions are indexes into buf.
/// What it is, is noted while it is made.
struct packet {
	uint32_t start, end;
	uint32_t need;	   // cut before this position: malformed
	uint32_t mpls_end; // cut just here: what the labels carry cannot be told; 0: none
	uint32_t source;   // index, UINT32_MAX: none
	uint16_t sensor;
	uint16_t port, dport; // service port; destination port (ICMP: type<<8|code)
	uint8_t fate, class, proto;
	uint8_t tool; // enum persona, where the packet carries its mark
	uint8_t link; // enum tt_link_type
	uint16_t ifindex;
	bool feed_fragment;
	bool varies; // the destination port of its observation does
	bool no_pad; // neither padding nor labels: they would hide what is wrong
	uint16_t stream;
	uint8_t buf[FRAME_MAX];
};

/// What becomes of a packet of which a capture keeps the first bytes.
enum tt_fate packet_fate(const struct packet *p, uint32_t caplen);

#define PENDING_MAX 8

struct maker {
	const struct scenario *scenario;
	const struct regions *regions;
	struct targets *targets;
	struct sources *sources;
	struct rng rng;
	int64_t ns;
	struct packet *pending; // what belongs to a packet that went before: its further fragments
	unsigned pending_n, pending_at;
	struct tt_aim aim;	      // of attacks that collide
	uint64_t attack_n, attack_at; // packets of an attack; number of its next source
};
int maker_init(struct maker *m, const struct scenario *s, const struct regions *r,
	struct targets *t, struct sources *src);
void maker_free(struct maker *m);
/// The packet that has to follow those made so far, or NULL.
const struct packet *maker_pending(struct maker *m);
/// Makes the packet of a pick; false where there can be none (no destination, no such feed).
bool maker_make(struct maker *m, const struct pick *pick, struct packet *p);

// ---- attacks (attack.c)

/// enum attack by name, or -1.
int attack_parse(const char *name);
/// Leaves nothing of a scenario but what its attack needs.
void attack_apply(struct scenario *s);
/// maker_make, of a scenario that is an attack.
bool attack_make(struct maker *m, const struct pick *pick, struct packet *p);

// ---- the books

struct truth;
struct truth *truth_create(const struct scenario *s, const struct regions *r,
	const struct targets *t, const struct sources *src, const int64_t *splits, unsigned split_n,
	uint32_t epoch_s, uint32_t snaplen);
void truth_destroy(struct truth **t);
int truth_count(struct truth *t, int64_t ns, const struct packet *p);
/// Writes the JSON side file; cells: also every cell, from which any filter can be counted.
int truth_write(struct truth *t, const char *path, bool cells, struct tt_err *err);
