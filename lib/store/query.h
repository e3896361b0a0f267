/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "heavy.h"
#include "survey.h"

// One question on its way: raw.c or rollup.c bring rows, gather.c filters them into items,
// merge.c joins parts of one observation where a verdict needs the whole, agg.c adds items up,
// up.c says when sensors were up, result.c writes the answer.

#define BLOCK	    256
#define GROUP_MIXED (1ull << 32) // key of a port group without a port
#define GROUP_TYPES (2ull << 32) // key of a port group of ICMP that holds all types
#define GROUP_V6    (2ull << 32) // key of a source group: IPv6, by number
#define GROUP_V4    (1ull << 32)
#define STEPS_MAX   1000000
#define POINTS_MAX  (64u << 20) // of all rows together

/// What one observation adds to one group.
struct item {
	uint64_t group; // key, by what is asked
	uint64_t packets, bytes;
	uint32_t src; // IPv4 in host order, or number of an IPv6 address
	uint32_t step, asn;
	uint16_t sensor, region;
	uint8_t family; // 0: no source
};

struct group {
	uint64_t key, packets, bytes;
	uint64_t sources, top_source, top_sensor; // set at the end
	struct tt_sketch *sketch;		  // with rollups
	struct counters *tops;			  // with rollups: its heaviest sources
	uint32_t asn;
	uint16_t region;
	bool no_sources;
	double rate, median;
};

struct cell { // of a group in a step
	uint32_t group, step;
	uint64_t packets, bytes, sources;
	struct tt_sketch *sketch;
};

struct agg {
	bool stepped, by_source, sketched, unrated;
	bool light; // counts alone are asked for
	const uint8_t *secret;
	const struct ids6 *v6;
	struct map group_of; // key to index + 1
	struct group *groups;
	size_t group_n, group_cap;
	struct map cell_of; // group << 32 | step to index + 1
	struct cell *cells;
	size_t cell_n, cell_cap;
	struct map by_sensor;	  // group << 16 | sensor to packets
	struct map pairs[2];	  // group << 32 | source to packets, IPv4 and IPv6
	struct map cell_pairs[2]; // cell << 32 | source
	struct item items[BLOCK]; // not added yet
	uint32_t at[BLOCK];	  // their groups
	unsigned item_n;
};

int agg_flush(struct agg *a);
/// The bytes of an item's source; *buf holds those of IPv4.
static inline const uint8_t *source_bytes(
	const struct ids6 *v6, uint8_t family, uint32_t src, uint8_t buf[16]) {
	if (family != 4)
		return v6->addr[src];
	for (unsigned i = 0; i < 16; i++)
		buf[i] = i < 4 ? (uint8_t)(src >> (24 - 8 * i)) : 0;
	return buf;
}
/// Index of a group, made where it was not there; negative: -ENOMEM.
int64_t agg_group(struct agg *a, uint64_t key);
/// Adds a row of a rollup: the same as an item, with a sketch in place of a source.
int agg_add_sketch(struct agg *a, const struct item *it, const void *sketch, size_t len);
/// What is known of the heaviest sources of that row; packets of which it is not known.
int agg_add_tops(
	struct agg *a, const struct item *it, const struct counters *top, uint64_t unknown);
/// At least and at most how many packets one source sent; false where nothing is known.
bool group_top(const struct group *g, uint64_t *least, uint64_t *most);
/// The same without its sources.
int agg_add_light(struct agg *a, const struct item *it);
/// Counts distinct sources and tops once everything is in.
int agg_finish(struct agg *a);
void agg_free(struct agg *a);

static inline int agg_add(struct agg *a, const struct item *it) {
	a->items[a->item_n++] = *it;
	return a->item_n == BLOCK ? agg_flush(a) : 0;
}

/// Parts of one observation (two workers, a table switched early, captures that meet in an
/// epoch), joined.
struct part {
	uint32_t epoch, src;
	uint16_t sensor, port;
	uint8_t proto, class, family, flags;
	uint16_t other_port, region;
	uint32_t asn;
	uint64_t packets, bytes, matches[TT_TOOL_N], tested;
};
struct merge {
	struct part *parts;
	size_t n, cap, flush_at;
	uint32_t *slots; // index + 1
	size_t size;
};

/// What is heaviest in all rows together (tt_store_heaviest).
struct heaviest {
	enum heavy_dim dim;
	struct map counts; // by key
	uint64_t packets, slack;
};

struct sensor_up {
	double up_days; // 0: not rated
	double addresses;
	double completeness; // up / expected time, negative: nothing was expected
	bool in_time;	     // its since to until meets the span
};

struct query {
	struct tt_store *s;
	const struct tt_query *q;
	struct tt_err *err;
	int64_t from, to;
	bool from_rollups;

	bool *match;			    // by sensor number
	const struct tt_sensor_conf **conf; // by number, NULL: not described
	uint32_t sensor_n;
	bool sensor_filter, source_filter;
	bool region_filter;
	uint64_t regions[65536 / 64]; // bits by region
	uint8_t first[16], last[16];  // of the source prefix

	int64_t *steps; // starts, and the end of the last one
	uint32_t step_n;
	size_t step_cap;

	struct map in_set;  // services of q->set
	struct map sets_at; // service to index + 1 in sets: its first one
	struct set_of {
		uint64_t service;
		uint32_t set;
	} * sets; // by service; of q->sets
	size_t set_n, set_cap;

	struct heaviest *heaviest; // asked for instead of groups, or NULL
	struct map only;	   // groups that are asked for, where q->key_n is not 0
	struct survey survey;	   // with a filter on surveyors

	struct agg agg;
	struct merge merge;
	struct ids6 v6;
	bool lower_bound;
	uint64_t rows_read, rest_packets;
	uint64_t bogon_packets;					  // by region, from raw
	uint64_t tool_matches[TT_TOOL_N], tool_tested[TT_TOOL_N]; // by tool, of what is tagged
	char rir[TT_RIR_LEN];

	struct sensor_up *up; // by sensor number
	uint32_t rated_n;
	double completeness;		    // of all, negative: no data
	double *step_completeness;	    // negative: nobody was up
	struct tt_up_account *sensor_steps; // by sensor number * step_n + step, or NULL
};

/// The key of a port's group.
static inline uint64_t port_group(const struct tt_query *q, uint8_t proto, uint16_t port) {
	if (q->icmp_one && tt_proto_is_icmp(proto))
		return GROUP_TYPES | (uint64_t)proto << 16;
	return (uint64_t)proto << 16 | port;
}

static inline bool region_passes(const struct query *r, unsigned region) {
	return !r->region_filter || (r->regions[region / 64] >> (region % 64) & 1);
}

/// The step that holds a time in [from, to).
uint32_t query_step(const struct query *r, int64_t t);

/// Whether a group is asked for.
static inline bool query_wants(const struct query *r, uint64_t group) {
	return r->q->key_n == 0 || map_find(&r->only, group) != NULL;
}

/// The key of a service in maps.
static inline uint64_t service_key(uint8_t proto, uint16_t port) {
	return (uint64_t)proto << 16 | port;
}

/// Whether a service passes the filters on services.
static inline bool service_passes(const struct query *r, uint8_t proto, uint16_t port) {
	const struct tt_query *q = r->q;

	if (q->set != NULL && map_find(&r->in_set, service_key(proto, port)) == NULL)
		return false;
	return !q->has_port || (proto == q->proto && port == q->port);
}

// ---- query.c
/// Span, filters, sensors and when they were up, steps.
int query_prepare(struct query *r, struct tt_store_info *info);
/// Reads what rollups hold and what they do not hold yet.
int query_rollups(struct query *r, unsigned kind, unsigned level);
void query_release(struct query *r);

// ---- keys.c
int query_keys(struct query *r);
/// Looks up which sets services are of.
int query_sets(struct query *r);
/// The n-th set that holds a service, or -1.
int64_t query_set(const struct query *r, uint8_t proto, uint16_t port, unsigned n);

// ---- gather.c
/// Reads raw batches of [from, to) into r->agg: all of them, or the tail that rollups lack less
/// what is of days that raw batches answer for.
int gather_raw(struct query *r, enum raw_which which, int64_t from, int64_t to);
/// Adds what a row adds to the groups that it counts for.
int gather_part(struct query *r, const struct part *p);

// ---- merge.c
int merge_add(struct merge *m, const struct part *p);
/// Hands parts of epochs before `before` on; when `full` is set only if many are held.
int merge_flush(struct query *r, int64_t before);
bool merge_is_full(const struct merge *m);
void merge_free(struct merge *m);

// ---- up.c
int up_load(struct query *r);
void up_free(struct query *r);

// ---- result.c
/// A series of that many rows has too many points: -E2BIG with a message.
int too_long(struct query *r, size_t rows);
int add_tallies(struct query *r);
int result_build(struct query *r, struct tt_result *out);

// ---- rollup.c
/// Whether a rollup answers these filters; *kind which.
bool rollup_covers(const struct query *r, unsigned *kind);
/// Whether the span begins and ends where rollups' steps do; *level the coarsest that serves.
bool rollup_aligned(const struct query *r, unsigned *level);
/// Takes all rows of a statement of read_table's columns.
int rollup_take(struct query *r, sqlite3_stmt *st, unsigned kind);
// ---- seek.c
/// Where certain services or regions are asked for, looks them up by key: 1 done, 0 where reading
/// the whole span is better.
int rollup_seek(struct query *r, unsigned kind, unsigned level);
// ---- rollup.c
int rollup_read(struct query *r, unsigned kind, unsigned level);
/// Sets r->rir from the batches that were folded.
