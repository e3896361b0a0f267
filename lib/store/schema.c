/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "store.h"
#include "tt_file.h"

// Version 1. docs/store.md says how to read this with SQL.
static const char tables[] =
	"CREATE TABLE setting(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE secret(value BLOB NOT NULL);"
	"CREATE TABLE sensor(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT);"
	"CREATE TABLE maintenance(probe TEXT PRIMARY KEY, spans TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE boot(id INTEGER PRIMARY KEY, probe TEXT NOT NULL, boot TEXT NOT NULL, "
	"epoch_s INTEGER NOT NULL, hidden INTEGER NOT NULL, sensors TEXT, UNIQUE(boot, probe));"
	"CREATE TABLE file(boot TEXT PRIMARY KEY, sha256 TEXT NOT NULL, name TEXT NOT NULL, "
	"size INTEGER NOT NULL, state TEXT NOT NULL, started INTEGER NOT NULL, completed INTEGER, "
	"last_seq INTEGER, first_ns INTEGER, last_ns INTEGER, packets INTEGER, bytes INTEGER);"
	"CREATE INDEX file_sha256 ON file(sha256);"
	"CREATE TABLE batch(id INTEGER PRIMARY KEY, boot INTEGER NOT NULL, seq INTEGER NOT NULL, "
	"epoch_s INTEGER NOT NULL, epoch_min INTEGER NOT NULL, epoch_max INTEGER NOT NULL, "
	"rows INTEGER NOT NULL, rir TEXT NOT NULL, raw INTEGER NOT NULL, folded INTEGER NOT NULL, "
	"UNIQUE(boot, seq));"
	"CREATE INDEX batch_span ON batch(epoch_min) WHERE rows > 0;"
	"CREATE INDEX batch_tail ON batch(id) WHERE folded = 0;"
	"CREATE TABLE raw(batch INTEGER PRIMARY KEY, message BLOB NOT NULL, derived BLOB NOT NULL);"
	"CREATE TABLE tally(epoch INTEGER, boot INTEGER, uplink TEXT, epoch_s INTEGER NOT NULL, "
	"link_up INTEGER NOT NULL, non_ip INTEGER NOT NULL, non_ip_bytes INTEGER NOT NULL, "
	"malformed INTEGER NOT NULL, malformed_bytes INTEGER NOT NULL, "
	"unassigned INTEGER NOT NULL, unassigned_bytes INTEGER NOT NULL, "
	"observed INTEGER NOT NULL, observed_bytes INTEGER NOT NULL, "
	"spilled INTEGER NOT NULL, spilled_bytes INTEGER NOT NULL, imissed INTEGER NOT NULL, "
	"ierrors INTEGER NOT NULL, rx_nombuf INTEGER NOT NULL, harvest_lost INTEGER NOT NULL, "
	"spool_lost INTEGER NOT NULL, late INTEGER NOT NULL, feed_fragments INTEGER NOT NULL, "
	"PRIMARY KEY(epoch, boot, uplink)) WITHOUT ROWID;"
	"CREATE TABLE uptime(sensor INTEGER, boot INTEGER, start INTEGER, \"end\" INTEGER NOT "
	"NULL, "
	"state INTEGER NOT NULL, received INTEGER NOT NULL, lost INTEGER NOT NULL, "
	"PRIMARY KEY(sensor, boot, start)) WITHOUT ROWID;";

// Version 2: watches; pieces of rollups of hours that are not over.
static const char version2[] =
	"ALTER TABLE batch ADD COLUMN watched INTEGER NOT NULL DEFAULT 0;"
	"CREATE INDEX batch_unwatched ON batch(id) WHERE watched = 0;"
	"CREATE TABLE watch(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
	"definition TEXT NOT NULL, country TEXT NOT NULL, place INTEGER NOT NULL, "
	"gap_from INTEGER NOT NULL, gap_to INTEGER NOT NULL, active INTEGER NOT NULL);"
	"CREATE TABLE watch_day(watch INTEGER, start INTEGER, dim INTEGER, key INTEGER, "
	"packets INTEGER NOT NULL, bytes INTEGER NOT NULL, spilled INTEGER NOT NULL, "
	"sources BLOB, PRIMARY KEY(watch, start, dim, key)) WITHOUT ROWID;"
	"CREATE TABLE watch_source(watch INTEGER, start INTEGER, source BLOB, "
	"region TEXT NOT NULL, asn INTEGER NOT NULL, packets INTEGER NOT NULL, "
	"bytes INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL, "
	"traits INTEGER NOT NULL, proto INTEGER NOT NULL, port INTEGER NOT NULL, "
	"other_port INTEGER, varied INTEGER NOT NULL, "
	"PRIMARY KEY(watch, start, source)) WITHOUT ROWID;"
	"CREATE TABLE verdict(watch INTEGER, source BLOB, day INTEGER, open INTEGER NOT NULL, "
	"product TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY(watch, source, day)) "
	"WITHOUT ROWID;"
	"CREATE TABLE segment(id INTEGER PRIMARY KEY, start INTEGER NOT NULL, "
	"who INTEGER NOT NULL, rows INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX segment_who ON segment(who, start, rows);";

// Version 3: counts without their sketches, which decide what rows are the first of a quarter.
static const char counts[] =
	"CREATE INDEX IF NOT EXISTS port_month_counts ON port_month(start, sensor, class, proto, "
	"port, surveyor, packets, bytes, spilled)";

// Version 4: surveyors by behaviour are settled when a local day is over. Pieces of rollups are as
// they arrived (0), staged (1: not to be read yet) or have the day's verdicts (2).
static const char version4[] =
	"ALTER TABLE segment ADD COLUMN state INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX segment_who;"
	"CREATE INDEX segment_who ON segment(state, who, start, rows);"
	"CREATE INDEX batch_gone ON batch(epoch_max, epoch_min) WHERE raw = 0 AND rows > 0;"
	"CREATE TABLE survey(start INTEGER PRIMARY KEY, state INTEGER NOT NULL, "
	"ports_per_day INTEGER NOT NULL, surveyors INTEGER NOT NULL, settled INTEGER NOT NULL, "
	"last_segment INTEGER NOT NULL);"
	"CREATE TABLE surveyor(start INTEGER, source BLOB, ports INTEGER NOT NULL, "
	"sensors INTEGER NOT NULL, destinations INTEGER NOT NULL, packets INTEGER NOT NULL, "
	"PRIMARY KEY(start, source)) WITHOUT ROWID;"
	"CREATE INDEX surveyor_source ON surveyor(source, start);"
	"CREATE TABLE unjudged(start INTEGER, batch INTEGER, taken INTEGER NOT NULL DEFAULT 0, "
	"PRIMARY KEY(start, batch)) WITHOUT ROWID;"
	"CREATE INDEX unjudged_batch ON unjudged(batch);";

// Version 5: what is heaviest in a row of the rollups; null where that is not known.
static const char version5[] = "ALTER TABLE port_hour ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE port_day ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE port_month ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE region_hour ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE region_day ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE region_month ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE tool_hour ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE tool_day ADD COLUMN heaviest BLOB;"
			       "ALTER TABLE tool_month ADD COLUMN heaviest BLOB;";

// What was there before: days whose rollups know lists alone, and batches that can still tell.
static const char unsettled[] =
	"INSERT INTO setting VALUES('unjudged_missing', 1);"
	"WITH RECURSIVE d(start) AS (SELECT min(start) FROM port_day UNION ALL SELECT (SELECT "
	"min(start) FROM port_day WHERE start > d.start) FROM d WHERE d.start IS NOT NULL) "
	"INSERT INTO survey SELECT start, 0, 0, 0, 0, 0 FROM d WHERE start IS NOT NULL;";

// Version 6: where probes' clocks did not simply go on.
static const char clock_steps[] =
	"CREATE TABLE clock_step(boot INTEGER, before INTEGER, after INTEGER NOT NULL, next TEXT, "
	"PRIMARY KEY(boot, before)) WITHOUT ROWID;";

// What a database of the version before lacks.
static const char *const steps_to[TT_STORE_VERSION + 1] = {
	[2] = version2, [3] = counts, [4] = version4, [5] = version5, [6] = clock_steps};

const struct rollup rollups[KIND_N] = {
	[KIND_PORT] = {.name = "port",
		.columns = "sensor, class, proto, port",
		.types = "sensor INTEGER, class INTEGER, proto INTEGER, port INTEGER",
		.parts = "wcab",
		.rest = true},
	[KIND_REGION] = {.name = "region",
		.columns = "sensor, class, region",
		.types = "sensor INTEGER, class INTEGER, region TEXT",
		.parts = "wcB"},
	[KIND_TOOL] = {.name = "tool",
		.columns = "sensor, class, tool",
		.types = "sensor INTEGER, class INTEGER, tool INTEGER",
		.parts = "wcb"},
};
const char *const level_names[LEVEL_N] = {"hour", "day", "month"};
const enum tt_step level_steps[LEVEL_N] = {TT_STEP_HOUR, TT_STEP_DAY, TT_STEP_MONTH};

static int create_rollups(struct tt_store *s, struct tt_err *err) {
	char sql[512];
	int rc = 0;

	rc = db_exec(s, err,
		"CREATE TABLE IF NOT EXISTS as_name(number INTEGER PRIMARY KEY, name TEXT NOT "
		"NULL)");
	for (unsigned k = 0; k < KIND_N; k++) {
		for (unsigned l = 0; l < LEVEL_N && rc == 0; l++) {
			snprintf(sql, sizeof(sql),
				"CREATE TABLE IF NOT EXISTS %s_%s(start INTEGER, %s, surveyor "
				"INTEGER, packets INTEGER NOT NULL, bytes INTEGER NOT NULL, "
				"spilled INTEGER NOT NULL, sources BLOB NOT NULL, heaviest BLOB, "
				"PRIMARY KEY(start, %s, surveyor)) WITHOUT ROWID",
				rollups[k].name, level_names[l], rollups[k].types,
				rollups[k].columns);
			rc = db_exec(s, err, sql);
		}
	}
	return rc;
}

int schema_create(struct tt_store *s, const char *timezone, struct tt_err *err) {
	uint8_t secret[16];
	char sql[256], hex[33];
	int rc;

	// the page size has to be set before the first page is written
	if ((rc = db_exec(s, err, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL")) < 0 ||
		(rc = db_tx(s, ST_BEGIN, err)) < 0)
		return rc;
	tt_random(secret, sizeof(secret));
	for (unsigned i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", secret[i]);
	snprintf(sql, sizeof(sql),
		"INSERT INTO setting VALUES('timezone', '%s'), ('replay', %d), ('created', %lld);"
		"INSERT INTO secret VALUES(x'%s');"
		"PRAGMA application_id = %d; PRAGMA user_version = %d",
		timezone, s->replay, (long long)(tt_now_ns() / TT_NS), hex, APPLICATION_ID,
		TT_STORE_VERSION);
	if ((rc = db_exec(s, err, tables)) == 0 && (rc = db_exec(s, err, version2)) == 0 &&
		(rc = create_rollups(s, err)) == 0 && (rc = db_exec(s, err, counts)) == 0 &&
		(rc = db_exec(s, err, version4)) == 0 && (rc = db_exec(s, err, clock_steps)) == 0 &&
		(rc = db_exec(s, err, sql)) == 0)
		rc = db_tx(s, ST_COMMIT, err);
	if (rc < 0)
		db_tx(s, ST_ROLLBACK, NULL);
	return rc;
}

// One version after the other, all in one transaction.
static int upgrade(struct tt_store *s, int64_t version, struct tt_err *err) {
	char sql[64];
	int rc = db_tx(s, ST_BEGIN, err);

	if (rc < 0)
		return rc;
	for (int64_t v = version + 1; rc == 0 && v <= TT_STORE_VERSION; v++)
		rc = db_exec(s, err, steps_to[v]);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", TT_STORE_VERSION);
	if (rc == 0 && version < 4)
		rc = db_exec(s, err, unsettled);
	if (rc == 0 && (rc = create_rollups(s, err)) == 0 && (rc = db_exec(s, err, sql)) == 0)
		rc = db_tx(s, ST_COMMIT, err);
	if (rc < 0)
		db_tx(s, ST_ROLLBACK, NULL);
	return rc;
}

int schema_check(struct tt_store *s, bool *fresh, struct tt_err *err) {
	int64_t app, version, n;
	int rc;

	if ((rc = db_int(s, err, "PRAGMA application_id", 0, &app)) < 0 ||
		(rc = db_int(s, err, "PRAGMA user_version", 0, &version)) < 0 ||
		(rc = db_int(s, err, "SELECT count(*) FROM sqlite_master", 0, &n)) < 0)
		return rc;
	*fresh = app == 0 && version == 0 && n == 0;
	if (*fresh && s->write)
		return 0;
	if (app != APPLICATION_ID)
		return tt_err_set(err, -EINVAL,
			"%s: is another program's database, expected one of teiten", s->path);
	if (version >= 1 && version < TT_STORE_VERSION && s->write)
		return upgrade(s, version, err);
	if (version >= 1 && version < TT_STORE_VERSION)
		return tt_err_set(err, -EPROTONOSUPPORT,
			"%s: is of version %lld, expected version %d: the collector or a replay of "
			"this program makes it so when it opens the database",
			s->path, (long long)version, TT_STORE_VERSION);
	if (version != TT_STORE_VERSION)
		return tt_err_set(err, -EPROTONOSUPPORT,
			"%s: is of version %lld, expected version %d (of this program)", s->path,
			(long long)version, TT_STORE_VERSION);
	return 0;
}
