/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <sqlite3.h>

#include "map.h"
#include "tt_region.h"
#include "tt_sketch.h"
#include "tt_store.h"
#include "tt_wire.h"

#define APPLICATION_ID	 0x7465696e // "tein"
#define SENSOR_ID_MAX	 65534	    // numbers of sensors fit 16 bits in keys
#define REGION_NONE	 0x2d2d	    // "--" as two bytes
#define RAW_ROWS_MAX	 20000000 // observations that a question reads raw where rollups could serve
#define DERIVED_VERSION	 1
#define PORT_CLASS_TOTAL 1 // with protocol 0, where no packet has a port: spilled past the table
#define PORT_REST	 2 // with protocol 0: rows of rollups past their budget
#define BUDGET_ROWS	 10000	     // of rollups for each hour, sensor and kind
#define BUDGET_SKETCHES	 (16u << 20) // bytes of their sketches

/// Statements that are kept prepared; their texts are a table in db.c.
enum st {
	ST_BEGIN,
	ST_BEGIN_READ,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_SENSORS,
	ST_SENSOR_ADD,
	ST_SENSOR_DESCRIBE,
	ST_MAINTENANCE_SET,
	ST_BOOT_GET,
	ST_BOOT_ADD,
	ST_BOOT_SHOW,
	ST_BOOT_SENSORS,
	ST_FILE_OF_BOOT,
	ST_FILE_END,
	ST_FILE_COMPLETE,
	ST_BATCH_ADD,
	ST_BATCH_RIR,
	ST_BATCH_COUNT,
	ST_RAW_ADD,
	ST_CLOCK_STEP,
	ST_AS_NAME,
	ST_TALLY_ADD,
	ST_UP_LAST,
	ST_UP_EXTEND,
	ST_UP_ADD,
	ST_FOLDED,
	ST_SEGMENT_ADD,
	ST_SEGMENT_DROP,
	ST_UNJUDGED_ADD,
	ST_N,
};

struct fold;
struct open_file;
struct closing;

/// Memory that is reused.
struct mem {
	uint8_t *p;
	size_t cap;
};

struct tt_store {
	sqlite3 *db;
	char *path;
	bool write, beside, replay; // beside: documents only, without the lock
	int lock_fd;
	char *lock_path;
	struct tt_tz *tz;
	uint8_t secret[16];
	sqlite3_stmt *st[ST_N];
	int rc; // of the last db_fail, for those that return pointers
	bool in_tx;

	struct tt_regions *regions;
	const struct tt_asn *asn;
	struct map as_named; // AS whose names this object has stored
	const struct tt_scanners *scanners;

	// names of sensors by number; what the database has at `sensors_version`
	char (*sensors)[TT_ID_LEN]; // [0] unused
	uint32_t sensor_n;
	uint32_t *sensor_slots, sensor_size; // open addressing by name
	struct tt_catalog *catalog;
	int64_t catalog_version;

	struct tt_batch_decoder *decoder;
	struct tt_store_info info; // as of info_version, where it only reads
	int64_t info_version;
	struct mem columns, packed; // derived, and compressed
	struct ZSTD_CCtx_s *zstd;
	// the boot of the last batch
	struct {
		int64_t id; // 0: none
		char probe[TT_ID_LEN], boot[TT_BOOT_LEN];
		bool hidden;
	} boot;

	char *begun; // hashes of captures that this object began, a blank after each

	struct fold *fold;	 // rollups of visible batches that were put by this object
	size_t fold_rows;	 // how many the one before had
	struct open_file *open;	 // and of captures that are not complete
	struct closing *closing; // a local day that is being settled
	uint32_t budget_rows;
	uint64_t budget_sketches;
	bool tail_unknown; // unfolded batches are in the database and not in `fold`
};

/// Makes room for n bytes (what was there is lost); 0 or -ENOMEM.
int mem_need(struct mem *m, size_t n);

// ---- db.c
/// Turns SQLite's last error into -errno and a line that names the database and what was done.
int db_fail(struct tt_store *s, struct tt_err *err, const char *what);
/// A kept statement, reset, prepared on first use; NULL: db_fail was called, its -errno is s->rc.
sqlite3_stmt *db_st(struct tt_store *s, enum st which, struct tt_err *err);
/// Prepares one of the caller's own.
sqlite3_stmt *db_prepare(struct tt_store *s, struct tt_err *err, const char *sql);
/// Binds from the first parameter on: i int64_t, t const char * (NULL: null), b const void * and
/// int length. Memory must stay until the statement is reset.
void db_bind(sqlite3_stmt *st, const char *types, ...);
/// Steps once and resets: for statements without rows.
int db_run(struct tt_store *s, sqlite3_stmt *st, struct tt_err *err, const char *what);
/// Statements as text, without parameters.
int db_exec(struct tt_store *s, struct tt_err *err, const char *sql);
int db_tx(struct tt_store *s, enum st begin_or_end, struct tt_err *err);
/// Ends a transaction that went as rc says: commits it, or undoes it and returns why.
int db_end(struct tt_store *s, int rc, struct tt_err *err);
/// Runs a statement once, with up to two numbers; `what` it is about.
int db_run_sql(struct tt_store *s, struct tt_err *err, const char *what, const char *sql, int64_t a,
	int64_t b);
/// One number of a query without parameters; `none` for null or no row.
int db_int(struct tt_store *s, struct tt_err *err, const char *sql, int64_t none, int64_t *out);

// ---- open.c
/// Timezone, secret and maker of the database; `timezone`: what is expected, or NULL.
int settings_read(struct tt_store *s, const char *timezone, struct tt_err *err);

// ---- schema.c
int schema_create(struct tt_store *s, const char *timezone, struct tt_err *err);
int schema_check(struct tt_store *s, bool *fresh, struct tt_err *err);

// ---- sensors.c
int sensors_load(struct tt_store *s, struct tt_err *err);
/// Number of a sensor by name: 0 where unknown and !create; -errno.
int sensor_number(struct tt_store *s, const char *name, bool create, struct tt_err *err);
void sensors_free(struct tt_store *s);
/// Takes the catalogue of a meta document; the ids it names become the boot's sensors.
int sensors_describe(
	struct tt_store *s, const char *probe, int64_t boot, json_t *doc, struct tt_err *err);

// ---- files.c
/// Whether a boot is one of a capture: 0 no, 1 begun, 2 complete, -ESTALE superseded.
int file_of_boot(struct tt_store *s, const char *boot, struct tt_err *err);
/// Records the end of a capture that came with batch `seq`; a boot without begun file counts too.
int file_end(struct tt_store *s, const struct tt_batch_head *h, json_t *doc, struct tt_err *err);
/// Makes the capture of the current boot visible once all its batches are there.
int file_try_complete(struct tt_store *s, const struct tt_batch_head *h, struct tt_err *err);

// ---- uptime.c
int uptime_put(struct tt_store *s, int64_t boot, int sensor, uint32_t epoch_s,
	const struct tt_sensor_state *state, struct tt_err *err);
int uptime_add(
	struct tt_store *s, int64_t boot, int sensor, int64_t from, int64_t to, struct tt_err *err);

// ---- derive.c
/// What is resolved once a row when a batch is stored; the same columns when it is read.
struct derived {
	const uint16_t *region;	  // two letters, the first in the low byte
	const uint32_t *asn;	  // 0: unknown
	const uint16_t *surveyor; // 0: none, else listed
};
/// Fills s->columns, which out points into, and s->packed with the stored form of *len bytes; rir:
/// the dates of the sets that gave regions.
int derive(struct tt_store *s, const struct tt_batch_view *v, struct derived *out, size_t *len,
	char rir[TT_RIR_LEN], struct tt_err *err);
/// Reads the stored form of n rows into buf; out points into it.
int derived_read(struct mem *buf, const void *blob, size_t len, uint32_t n, struct derived *out);

// ---- as_names.c
/// Stores the names of the AS in a column of n rows that were not stored yet.
int as_names_add(struct tt_store *s, const uint32_t *asn, uint32_t n, struct tt_err *err);

// ---- dates.c
/// Adds dates to a list of them ("2024-10-01,2024-12-17"), each once and in order; one that has no
/// room becomes "FIRST..LAST".
void dates_add(char list[TT_RIR_LEN], const char *more);
/// Adds those of a batch's dates that judge its epochs in [from, to).
void dates_add_part(char list[TT_RIR_LEN], const char *more, int64_t epoch_min, int64_t epoch_max,
	int64_t from, int64_t to);

// ---- raw.c
/// Walks visible raw batches in the order of their first epoch.
struct raw_cursor {
	struct tt_store *s;
	struct {
		int64_t id, epoch_min;
		bool folded;
	} * list;
	size_t list_n, list_cap, at; // at: the next one
	uint64_t rows;		     // of all
	sqlite3_stmt *st;
	struct tt_batch_decoder *decoder;
	enum tt_batch_part part; // of a batch; with keys alone, `d` and `sensor` are not read
	struct mem buf;
	int64_t id;
	char rir[TT_RIR_LEN];
	struct tt_batch_view v;
	struct derived d;
	uint16_t *sensor; // number by the batch's index
};
enum raw_which {
	RAW_ALL,
	RAW_TAIL,      // those that rollups do not hold
	RAW_UNWATCHED, // those that the watches in force have not counted
	RAW_NOTED,     // with what is not settled of the local day that starts at `from`
	RAW_NOT_TAKEN, // those of them that came while it was being settled, and watches counted
};
/// Batches with an epoch in [from, to).
int raw_open(struct tt_store *s, struct raw_cursor *c, int64_t from, int64_t to,
	enum raw_which which, struct tt_err *err);
int raw_next(struct raw_cursor *c, struct tt_err *err); // 1, 0 at the end, -errno
void raw_close(struct raw_cursor *c);
/// Numbers of a batch's sensors by its index.
int raw_sensor_map(struct tt_store *s, const struct tt_batch_view *v, bool create, uint16_t **map,
	struct tt_err *err);

// ---- clock_steps.c
/// Those that touch [from, to); `sensors`: only of boots that told of these (a JSON list of their
/// numbers), NULL: of all.
int clock_steps_read(struct tt_store *s, int64_t from, int64_t to, const char *sensors,
	struct tt_clock_steps *out, struct tt_err *err);

// ---- steps.c
/// Start of the local step that holds t, and of the next one. An hour counts from local midnight,
/// so that hours nest in days in every zone.
int64_t local_start(struct tt_tz *tz, enum tt_step step, int64_t t);
int64_t local_next(struct tt_tz *tz, enum tt_step step, int64_t start);

// ---- schema.c
enum kind { KIND_PORT, KIND_REGION, KIND_TOOL, KIND_N }; // 16 at most
enum { LEVEL_N = 3 };
/// A rollup: rows by local step and key. What a key is made of is who (a sensor's number, or what
/// the rollup has in its place), class, a, b and surveyor, and tables are ordered so.
struct rollup {
	const char *name;    // tables are called NAME_LEVEL
	const char *columns; // between start and surveyor
	const char *types;
	const char *parts; // of the key, a letter a column: w who, c class, a (8 bits), b (16
			   // bits); W and B as two letters
	bool rest;	   // what is over the budget becomes a row with a = 0, b = PORT_REST
};
extern const struct rollup rollups[KIND_N];
extern const char *const level_names[LEVEL_N]; // "hour", "day", "month"
extern const enum tt_step level_steps[LEVEL_N];

// ---- rollups.c
/// Adds a stored batch to the rollups in memory.
void fold_put(struct tt_store *s, int64_t batch, const struct tt_batch_view *v,
	const struct derived *d, const uint16_t *sensors);
/// The capture of a boot became visible; `batches`: how many with observations it has.
void fold_file_complete(struct tt_store *s, int64_t boot, int64_t batches);
/// Forgets what is in memory: the database has to be asked again.
void fold_forget(struct tt_store *s);
int fold_start(struct tt_store *s, struct tt_err *err);

// ---- tools.c
/// How a tool is told: the one place of its rule, for code and documents.
struct tool_rule {
	const char *relation; // that its packets keep to
	const char *until;    // the UTC day from which its makers no longer do; NULL: they still do
	int64_t end;	      // the same in Unix seconds; INT64_MAX
	double accident;      // how often other packets keep to it
};
extern const struct tool_rule tool_rules[TT_TOOL_N];

/// How sure k matches of n packets are: 1 less the chance that k or more are by accident (binomial
/// distribution).
double tool_confidence(unsigned tool, uint64_t k, uint64_t n);

/// Whether k matches of n packets make a tool (of a rule in force, or a weak hint after it).
static inline bool tool_matches(uint64_t k, uint64_t n) {
	return k >= 1 && 2 * k >= n;
}

/// Whether an observation counts for a tool (all its packets, bytes and source then): by the rules
/// of its time.
static inline bool tool_verdict(unsigned tool, int64_t epoch, uint8_t class, uint8_t family,
	uint64_t packets, uint64_t matches, uint64_t tested) {
	return class == TT_SCAN && family == 4 && epoch < tool_rules[tool].end &&
	       tool_matches(matches, tool == TT_TOOL_ZMAP ? packets : tested);
}

static inline bool view_tool(const struct tt_batch_view *v, uint32_t i, unsigned tool) {
	return tool_verdict(tool, (int64_t)v->epoch_index[i] * v->head.epoch_s, v->class[i],
		v -> family[i], v -> packets[i], v -> matches[tool][i], v -> tested[i]);
}

// ---- functions.c
int functions_add(struct tt_store *s, struct tt_err *err);
// ---- vtab.c
/// Distinct destinations that set these bits.
int64_t destinations_estimate(uint64_t bitmap);
int vtab_add(struct tt_store *s, struct tt_err *err);
