/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tt_addr.h"
#include "tt_catalog.h"
#include "tt_err.h"
#include "tt_obs.h"
#include "tt_time.h"

/// The database: raw batches, rollups, who the sensors are, when they were up. One interface;
/// SQLite is its first implementation. One thread per object; several processes may read while
/// one writes.
struct tt_store;

#define TT_STORE_VERSION 6
#define TT_RIR_LEN	 128

enum tt_store_mode {
	TT_STORE_READ,
	TT_STORE_WRITE,
	TT_STORE_BESIDE, // reads, and puts documents, also while the one writer is at work
	TT_STORE_VERIFY, // for tt_store_verify only: opens what is damaged, too
};
struct tt_store_conf {
	const char *path;
	enum tt_store_mode mode;
	/// For a new database; NULL: UTC. Another one than the database has is an error.
	const char *timezone;
	bool replay; // for a new database: made by replay, expires nothing
};
/// Opens, or creates in write mode. -ENOENT, -EACCES, -ENOTDIR, -EPROTONOSUPPORT (another version),
/// -EINVAL (no teiten database, another timezone), -EBUSY (another writer), with a message.
int tt_store_open(const struct tt_store_conf *conf, struct tt_store **s, struct tt_err *err);
/// What a failure to open is to whoever named the database: -EINVAL where his naming was wrong
/// (nothing is there, it is none, may not be read), else something that could not be done.
int tt_store_open_input(int rc);
int tt_store_close(struct tt_store **s, struct tt_err *err); // writes what is pending
/// The database's zone, opened (tt_tz_create) with the store; owned by it.
struct tt_tz *tt_store_tz(struct tt_store *s);
/// The installation's secret for tt_sketch_hash.
const uint8_t *tt_store_secret(const struct tt_store *s);

/// What there is, for messages and status pages. Times are UTC seconds, [from, to), both 0 where
/// there is nothing; data of captures that are not complete does not count.
struct tt_store_info {
	bool replay;			// made by replay, expires nothing
	int64_t raw_from, raw_to;	// raw batches
	int64_t data_from, data_to;	// raw batches, rollups, tallies or up-time
	uint64_t batches, observations; // stored, raw still there or not
	uint64_t unfolded;		// batches that rollups do not hold yet
	uint64_t disk_bytes;		// pages in use
};
int tt_store_info(struct tt_store *s, struct tt_store_info *out, struct tt_err *err);

/// How observations are resolved while they are stored (all may be NULL). Borrowed; each epoch is
/// judged by the set of regions in force then.
struct tt_regions;
struct tt_asn;
struct tt_scanners;
void tt_store_resolvers(struct tt_store *s, struct tt_regions *regions, const struct tt_asn *asn,
	const struct tt_scanners *scanners);

// ---- writing: one thread, one writer a database
/// A transaction around any number of puts; commit is durable (synchronous=FULL).
int tt_store_begin(struct tt_store *s, struct tt_err *err);
int tt_store_commit(struct tt_store *s, struct tt_err *err);
void tt_store_rollback(struct tt_store *s);
/// Stores one encoded batch, once per (probe, boot, seq). 1: new, 0: there already, -errno:
/// -EBADMSG, -EPROTONOSUPPORT, -ENOSPC, -EIO, -ESTALE (of a capture whose begin was superseded).
/// Without tt_store_begin it is a transaction of its own. Its meta document is acted upon: a
/// catalogue {"type":"catalog","sensors":{...sensors.json...}} becomes the sensors' current
/// description; the end of a capture {"type":"file_end",...} completes the file of this boot.
int tt_store_put(struct tt_store *s, const void *msg, size_t len, struct tt_err *err);
/// Writes rollups up to the batches committed so far (begins its own transaction). A database made
/// by replay does so only from 20 million observations on: what is fewer is answered from raw.
int tt_store_checkpoint(struct tt_store *s, struct tt_err *err);
/// Whether so much is folded in memory that a checkpoint should not wait.
bool tt_store_due(const struct tt_store *s);
/// Settles who is a surveyor by behaviour on local days that were over at `before` (UTC seconds;
/// INT64_MAX: all days are), brings what checkpoints wrote of such days into the tables of hours,
/// days and months, and joins pieces of other hours where they are many; for about `ms`
/// milliseconds (0: as long as it takes). 1: more is left, 0: done, -errno.
int tt_store_settle(struct tt_store *s, int64_t before, unsigned ms, struct tt_err *err);
/// How much of a rollup is kept of each hour and sensor: the heaviest rows while they are at most
/// so many and their sketches so long; the others become one row a class. Defaults: 10,000, 16 MiB.
void tt_store_budget(struct tt_store *s, uint32_t rows, uint64_t sketch_bytes);

/// Captures (replay). Begin: 1 with a fresh boot id where the file is to be read (what an earlier,
/// interrupted try left is removed first), 0 where it is in already and !again. Durable.
int tt_store_file_begin(struct tt_store *s, const char *sha256, const char *name, uint64_t size,
	bool again, char boot[17], struct tt_err *err);

/// Drops raw batches that end at or before `before`, where their local days are settled, then the
/// oldest until pages in use fit in `max_bytes` (0: no limit). Rollups stay. A database made by
/// replay drops nothing. Returns the number of batches dropped, at most a few thousand a call, or
/// -errno.
int tt_store_expire(struct tt_store *s, int64_t before, uint64_t max_bytes, struct tt_err *err);

/// What can be read of a database that may be damaged.
struct tt_store_damage {
	unsigned problems;		// 0: sound
	char what[700];			// the first of them
	uint64_t batches, batches_read; // raw
	unsigned tables, tables_read;	// the others, whole
};
/// Reads all of it, of a store opened with TT_STORE_VERIFY. 1: damaged, 0: sound, -errno: not
/// known.
int tt_store_verify(struct tt_store *s, struct tt_store_damage *out, struct tt_err *err);

/// Configuration that travels with the database ("services": the services.json of a replay). put
/// replaces, in a transaction of its own where none is open; text is copied. get: 1 with *text
/// owned by the caller, 0 where there is none.
int tt_store_document_put(
	struct tt_store *s, const char *name, const char *text, struct tt_err *err);
int tt_store_document_get(struct tt_store *s, const char *name, char **text, struct tt_err *err);

// ---- reading
enum tt_by {
	TT_BY_PORT,
	TT_BY_DPORT,
	TT_BY_REGION,
	TT_BY_SENSOR,
	TT_BY_SOURCE,
	TT_BY_ASN,
	TT_BY_CLASS,
	TT_BY_TOOL,
	TT_BY_MALWARE, // the query's sets of services
	TT_BY_NONE,    // one total (series without --by)
};
enum tt_step { TT_STEP_NONE, TT_STEP_HOUR, TT_STEP_DAY, TT_STEP_MONTH };
enum tt_surveyors { TT_SURVEYORS_WITH, TT_SURVEYORS_WITHOUT, TT_SURVEYORS_ONLY };

/// Where an answer is read from. AUTO: raw batches while they cover the span and hold no more than
/// raw_rows_max observations in it, else rollups where one covers the filters, else raw.
enum tt_read { TT_READ_AUTO, TT_READ_RAW, TT_READ_ROLLUPS };

/// The name of an AS that a source was of, as the file said when it was first seen: written to buf;
/// NULL where none is known.
const char *tt_store_as_name(struct tt_store *s, uint32_t asn, char *buf, size_t size);

/// Services under one name: those that a malware family is known to ask for.
struct tt_service_set {
	const char *name;
	const struct tt_service {
		uint8_t proto;
		uint16_t port;
	} * services;
	unsigned service_n;
};

/// What identifies a row; which fields hold depends on `by`.
struct tt_row_key {
	uint8_t proto, class, tool;
	bool mixed;	// the row of dport whose port varied; by port, dport: spilled without port
	bool all_types; // ICMP of any type and code (icmp_one); port is 0
	uint16_t port;
	uint32_t asn;
	struct tt_addr source;
	char region[3];
	char sensor[TT_ID_LEN];
	const struct tt_service_set *set; // by malware; one of the query's, borrowed
};

/// A question. Zeroed fields mean "no filter". Strings are borrowed during the call.
struct tt_query {
	enum tt_by by;
	enum tt_step step;
	bool icmp_one;	  // by port and dport: all types and codes of ICMP are one row
	uint32_t classes; // bit 1 << enum tt_class
	bool has_port;
	uint8_t proto;
	uint16_t port;
	const struct tt_service_set *set; // only its services; NULL: no filter
	/// By malware: what rows are. A service of several sets counts for each.
	const struct tt_service_set *sets;
	unsigned set_n;
	bool has_source;
	struct tt_prefix source;
	const char *region; // of the sources: "JP", or several, "JP,KR"; "" or NULL: none
	const char *country, *sensor, *group, *network; // of the sensors; "" or NULL: none
	// a country behind '!' stands for the sensors of every other one that is known
	const char *const *sensors; // only these, where sensor_n is not 0
	unsigned sensor_n;
	uint32_t asn;
	int tool;   // enum tt_tool, -1: none (note: zero is ZMap; use TT_QUERY_INIT)
	int family; // 0, 4, 6
	enum tt_surveyors surveyors;
	int64_t from, to; // UTC seconds [from, to), by the start of the epoch; 0: open
	enum tt_read read;
	uint64_t raw_rows_max; // 0: 20 million
	/// Only the rows of these keys, where key_n is not 0.
	const struct tt_row_key *keys;
	unsigned key_n;
	/// Distinct sources may be left out where that is quicker (tt_result.light says whether).
	bool light;
	/// Where light holds, rates and shares of sensors may be left out too.
	bool unrated;
	/// -E2BIG instead of reading more raw observations than that; 0: as many as it takes.
	uint64_t raw_rows_limit;
};
#define TT_QUERY_INIT                                                                              \
	{ .classes = 1u << TT_SCAN, .tool = -1 }

struct tt_point { // one step of a series
	int64_t start;
	bool known; // false: no sensor (by sensor: not this one) was up, values are no data
	uint64_t packets, bytes, sources;
	double sources_error, completeness; // completeness negative: no data (null)
};
struct tt_row {
	struct tt_row_key key;
	uint64_t packets, bytes;
	bool has_sources; // malformed and non_ip have none
	uint64_t sources;
	double sources_error;
	bool has_rate;
	double rate, median_rate; // packets / (addresses * up-days) over the sensors
	double top_sensor_share;  // 0..1
	/// Of the source that sent most: at least and at most that; the same where it is known,
	/// both negative where nothing is. Rollups leave a quarter open at most.
	double top_source_share, top_source_share_max;
	// by source
	char region[3];
	uint32_t asn;
	// by region, of "--": from special-purpose addresses; by tool: its rule and what was tagged
	bool from_raw; // false: rollups do not know
	uint64_t bogon_packets, tool_matches, tool_tested;
	double tool_confidence;
	struct tt_point *points; // point_n of the result, with a step
};
/// Local days, by what tells who was a surveyor by behaviour on them.
struct tt_survey_days {
	unsigned settled; // verdicts that were made when they were over
	unsigned running; // raw batches as they are now: they are not over, or some came late
	unsigned listed;  // nothing: only lists tell surveyors
};
/// Clocks of probes that did not simply go on (they were set, or the machine slept), by more than
/// two seconds. Back: [after, before] was told twice, by two boots, and counts once as up-time.
/// Forward: what is between is told by nobody and no up-time.
#define TT_CLOCK_STEPS_MAX 20
struct tt_clock_steps {
	struct tt_clock_step {
		char probe[TT_ID_LEN], boot[17];
		char next[17];	       // the boot that began with a time set back; "": none did
		int64_t before, after; // what the clock said, UTC seconds
	} steps[TT_CLOCK_STEPS_MAX];   // the furthest first
	unsigned n;
	uint64_t other; // how many more there are
};
/// Sets "clock_steps" and "clock_steps_other", each where there are any.
void tt_clock_steps_json(const struct tt_clock_steps *c, json_t *to);

struct tt_result {
	struct tt_row *rows;
	unsigned row_n;
	unsigned point_n;
	int64_t from, to;	   // what was asked, or what there is
	double completeness;	   // negative: no data (null)
	double *step_completeness; // of all sensors asked for, point_n
	bool sources_lower_bound;
	/// Dates of the RIR sets that the regions come from: "2024-12-17", "2024-10-01,2024-12-17",
	/// where they are many "2024-10-01..2024-12-17"; "" without.
	char rir_date[TT_RIR_LEN];
	int64_t raw_from, raw_to; // what raw batches cover
	uint64_t rest_packets; // of services past the budget of rollups: any port may have had them
	struct tt_survey_days survey; // where the question is about surveyors
	struct tt_clock_steps clock;  // in the span, of probes of the sensors asked for
	bool light;		      // rows have no sources: they were not asked for
	bool from_rollups;	      // read from rollups: distinct sources may be estimates
	uint64_t rows_read;	      // raw observations looked at
};
/// Answers a question exactly from raw batches, or from rollups where those serve. Rows are not
/// sorted. -ENODATA with a message where neither covers the span.
int tt_store_query(
	struct tt_store *s, const struct tt_query *q, struct tt_result *out, struct tt_err *err);
void tt_result_free(struct tt_result *r);

/// The same for the local days with data that touch [from, to) (0: open), by their rollups.
int tt_store_survey_days(struct tt_store *s, int64_t from, int64_t to, struct tt_survey_days *out,
	struct tt_err *err);

/// The dates of the RIR sets that judged the observations of a span, as tt_result has them; ""
/// where none did.
int tt_store_rir(
	struct tt_store *s, int64_t from, int64_t to, char out[TT_RIR_LEN], struct tt_err *err);

/// What is heaviest in the packets that a question is about, as rollups know it: of any key, listed
/// or not, `packets` (0 where it is not listed) <= what there were <= `packets` + slack.
struct tt_heaviest {
	struct tt_heaviest_row {
		struct tt_row_key key;
		uint64_t packets;
	} * rows; // in no order
	unsigned row_n;
	uint64_t packets; // of all
	uint64_t slack;	  // at most a quarter of them, and those of rollups that kept nothing
};
/// By AS, or by region of the packets to a service (has_port), or by service of those from regions.
/// -ENODATA where rollups do not cover the question. tt_heaviest_free in every case.
int tt_store_heaviest(struct tt_store *s, const struct tt_query *q, enum tt_by by,
	struct tt_heaviest *out, struct tt_err *err);
void tt_heaviest_free(struct tt_heaviest *h);

/// When sensors were up.
struct tt_up_sensor {
	char id[TT_ID_LEN];
	double addresses, up_days;
	double completeness; // up / expected seconds; negative: nothing was expected
	bool in_time;	     // `since` (or the first up-time) to `until` meets the span
};
/// What completeness is made of: seconds up, expected, and up where expected; packets.
struct tt_up_account {
	double up, good, expected, received, lost;
};
void tt_up_add(struct tt_up_account *to, const struct tt_up_account *a);
/// 0 to 1; negative: no data (null).
double tt_up_completeness(const struct tt_up_account *a);
struct tt_up {
	int64_t from, to;
	double completeness; // of all, negative: no data (null)
	struct tt_up_sensor *sensors;
	unsigned sensor_n;
	int64_t *starts; // of the steps, where the question has steps
	double *step_completeness;
	unsigned step_n;
	struct tt_up_account *sensor_steps; // with a question by sensor: step_n of each in turn
};
/// Answers the part of a question that is about its sensors and span; nothing else is read.
/// tt_up_free in every case.
int tt_store_up(
	struct tt_store *s, const struct tt_query *q, struct tt_up *out, struct tt_err *err);
void tt_up_free(struct tt_up *u);

/// Sensors known to the store (union over probes, latest description each). Owned by the store.
const struct tt_catalog *tt_store_catalog(struct tt_store *s, struct tt_err *err);
/// Everything kept about one source, as JSON (for `show`); owned by the caller.
json_t *tt_store_show(
	struct tt_store *s, const struct tt_addr *a, int64_t from, int64_t to, struct tt_err *err);
/// Runs one read-only SQL statement with the `observation` table. fn is called once with values and
/// types NULL when the columns are known, then for each row; values as text (NULL for null), types
/// one character a column: 'i' integer, 'r' real, 't' text, 'b' blob (as hex digits), 'n' null.
/// Where fn returns other than 0, that ends the query and is returned.
typedef int tt_store_sql_fn(
	void *arg, int n, const char *const *names, const char *const *values, const char *types);
int tt_store_sql(
	struct tt_store *s, const char *query, tt_store_sql_fn *fn, void *arg, struct tt_err *err);
