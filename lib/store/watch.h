/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "survey.h"
#include "tt_watch.h"

// Watches on their way: watches.c knows what is in force, watch_match.c asks observations,
// watch_count.c adds up what matches, watch_fold.c writes and watch_read.c reads it.

// What rows of watch_day are by. Networks, groups and countries of sensors are made of their
// sensors when they are read: they may be described anew at any time.
enum watch_dim {
	DIM_SENSOR,
	DIM_PLAIN, // by sensor: source port, whatever the payload
	DIM_REGION,
	DIM_PORT,
	DIM_ASN,
	DIM_TOOL,
	DIM_TRAIT,
};

struct watch {
	int64_t id, gap_from, gap_to;
	char name[TT_ID_LEN];
	char country[3]; // what $country stands for, "" where not known
	json_t *json;
	uint32_t classes; // bits
	uint32_t *ports;  // proto << 16 | port; NULL: all
	unsigned port_n;
	uint16_t *regions; // as in derived; NULL: all
	unsigned region_n;
	struct {
		uint8_t family, first[16], last[16];
	} * sources;
	unsigned source_n;
	uint32_t *asns;
	unsigned asn_n;
	uint32_t tools, traits; // bits; 0: all
	bool *sensors;		// by number
	enum tt_surveyors surveyors;
	bool has_plain, keep_sources, active;
	uint8_t plain_proto;
	uint16_t plain_port;
	uint32_t dims; // bits of enum watch_dim that are kept
};
struct watches {
	struct watch *w;
	unsigned n;
	uint32_t sensor_n; // that w[].sensors were made for
	bool surveyors;	   // some ask who is one
};
/// Those in force, or the one of that name in force or not (-ENOENT).
int watches_load(struct tt_store *s, const char *name, struct watches *out, struct tt_err *err);
/// Keeps the first n.
void watches_drop(struct watches *w, unsigned n);
void watches_free(struct watches *w);

// ---- watch_match.c
bool watch_matches(const struct watch *w, const struct tt_batch_view *v, const struct derived *d,
	uint32_t i, unsigned sensor, bool surveyor);
/// Whether it counts for the plain source port.
bool watch_matches_plain(const struct watch *w, const struct tt_batch_view *v,
	const struct derived *d, uint32_t i, unsigned sensor, bool surveyor);
/// Whether an observation without a source could be one that matches.
bool watch_could_match(
	const struct watch *w, const struct tt_batch_view *v, uint32_t i, unsigned sensor);

// ---- watch_count.c
struct watch_row {
	uint64_t key; // watch 11, day slot 16, dim 4, key 32
	uint64_t packets, bytes, spilled;
	uint64_t hash; // the first source, 0: none yet
	struct tt_sketch *sketch;
};
#define WATCH_KEY(watch, slot, dim, key)                                                           \
	((uint64_t)(watch) << 52 | (uint64_t)(slot) << 36 | (uint64_t)(dim) << 32 | (uint32_t)(key))
#define WATCH_OF(k)   ((unsigned)((k) >> 52))
#define WATCH_SLOT(k) ((unsigned)((k) >> 36 & 0xffff))
#define WATCH_DIM(k)  ((unsigned)((k) >> 32 & 0xf))
#define WATCH_VAL(k)  ((uint32_t)(k))
#define WATCH_DAYS    65536

struct watch_count {
	struct map at; // key to index + 1
	struct watch_row *rows;
	size_t n, cap;
	int64_t *days; // starts, by slot
	size_t day_n, day_cap;
	struct map day_of;		    // start to slot + 1
	int64_t day_from, day_to, day_slot; // the last one asked for
	struct ids6 v6;
	struct map source_at; // watch, slot and source to index + 1
	struct watch_source {
		unsigned watch;
		struct tt_watch_source s;
	} * sources;
	size_t source_n, source_cap;
	size_t sketch_bytes;
};
/// Slot of the local day that holds t; -ENOMEM or -ENOSPC.
int64_t watch_day(struct watch_count *c, struct tt_tz *tz, int64_t t);
/// The row of a key, made where it was not there; NULL without memory.
struct watch_row *watch_row(struct watch_count *c, uint64_t key);
int watch_row_source(struct watch_count *c, struct watch_row *r, uint64_t hash);
int watch_row_sketch(struct watch_count *c, struct watch_row *r, const void *sketch, size_t len);
/// Adds the rows of a batch that lie in [from, to); survey: who was a surveyor by behaviour.
int watch_count_batch(struct watch_count *c, struct tt_store *s, const struct watches *w,
	const struct raw_cursor *raw, int64_t from, int64_t to, struct survey *survey);
/// The same for all raw batches of the span.
int watch_count_raw(struct watch_count *c, struct tt_store *s, const struct watches *w,
	enum raw_which which, int64_t from, int64_t to, struct survey *survey, struct tt_err *err);
/// Counts the sources of a watch that keeps them, those of an unfolded tail with them, and in place
/// of what was kept of days that are open in `survey`: of each of
/// the days that begin at `starts` (ascending) and of all together. Returns 1 where they are too
/// many to count one by one, -errno; the counts mean nothing then.
int watch_exact(struct tt_store *s, const struct watch *w, const struct watch_count *tail,
	const struct survey *survey, const int64_t *starts, unsigned day_n, uint64_t *of_day,
	uint64_t *whole, struct tt_err *err);
size_t watch_count_memory(const struct watch_count *c);
void watch_count_free(struct watch_count *c);

// ---- watch_fold.c
/// Counts on their way into the tables.
struct folder {
	struct tt_store *s;
	struct tt_err *err;
	struct watches w;
	struct watch_count c;
	struct raw_cursor raw;
	struct survey survey;
	sqlite3_stmt *day, *source, *mark;
	size_t marked; // batches of the list that are marked
};
int folder_prepare(struct folder *f);
/// Writes what is counted, in the caller's transaction.
int folder_write(struct folder *f);
void folder_close(struct folder *f);

// ---- watch_survey.c
/// Days of a span that are not settled are counted from raw for who asks about surveyors: fills
/// `survey` and adds them to c. Nothing is done where w is not in force or does not ask.
int watch_count_open(struct watch_count *c, struct tt_store *s, const struct watches *w,
	int64_t from, int64_t to, struct survey *survey, struct tt_err *err);

// ---- watch_recount.c: the watches that ask about surveyors, once a day is settled
struct watch_recount;
/// Those whose counts of the day are known; *out NULL: none. Freed with watch_recount_free.
int watch_recount_begin(struct tt_store *s, const struct survey_day *d, struct watch_recount **out,
	struct tt_err *err);
int watch_recount_add(struct watch_recount *r, const struct raw_cursor *raw,
	const struct survey_day *d, struct survey *survey);
/// Stages what is counted, in the caller's transaction.
int watch_recount_write(struct watch_recount *r, struct tt_err *err);
bool watch_recount_due(const struct watch_recount *r);
void watch_recount_free(struct watch_recount **r);
/// Puts what is staged in the place of what was counted, with what came since, in the caller's
/// transaction.
int watch_recount_finish(struct tt_store *s, const struct survey_day *d, struct tt_err *err);
