/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_store.h"

/// Watches: saved questions over observations (watches.json), counted by local day. A database
/// keeps the watches that it was given and what they counted; raw batches may be gone since.

/// What a watch is counted by, besides the whole.
enum tt_watch_by {
	TT_WATCH_BY_SENSOR,
	TT_WATCH_BY_NETWORK, // of the sensors, as they are described now
	TT_WATCH_BY_GROUP,
	TT_WATCH_BY_COUNTRY,
	TT_WATCH_BY_REGION, // of the sources
	TT_WATCH_BY_PORT,
	TT_WATCH_BY_ASN,
	TT_WATCH_BY_TOOL,
	TT_WATCH_BY_TRAIT,
	TT_WATCH_BY_N,
};
const char *tt_watch_by_name(enum tt_watch_by by);

enum tt_measure { TT_MEASURE_PACKETS, TT_MEASURE_BYTES, TT_MEASURE_SOURCES };

/// What the database knows of a watch.
struct tt_watch_info {
	char name[TT_ID_LEN];
	const char *title_en, *title_ja; // the name where not given; of settings
	enum tt_measure measure;
	unsigned by; // bit 1 << enum tt_watch_by: what watches.json asks to be shown by
	bool keep_sources, has_surge;
	double surge_min, surge_factor;
	bool has_plain; // packets of a UDP or TCP source port are counted beside
	uint8_t plain_proto;
	uint16_t plain_port;
	/// What lies in [missing_from, missing_to) was there before the watch and not backfilled.
	int64_t missing_from, missing_to;
	char country[3];  // what $country stands for, "" where not known
	json_t *settings; // the watch's object of watches.json, defaults filled in; borrowed
};
struct tt_watch_list {
	struct tt_watch_info *watches;
	unsigned n;
	json_t *json; // what `settings` points into
};
/// All watches of the database, in the order of watches.json. tt_watch_list_free in every case.
int tt_store_watches(struct tt_store *s, struct tt_watch_list *out, struct tt_err *err);
void tt_watch_list_free(struct tt_watch_list *l);

/// Puts a validated watches.json (tt_conf_load) in force, in a transaction of its own. Watches that
/// are new or whose conditions changed count what is stored from now on (and begin anew); those
/// that are gone keep what they counted and count no more.
int tt_store_watches_set(struct tt_store *s, const json_t *root, struct tt_err *err);
/// Counts visible batches that were not counted yet (a transaction of its own). tt_store_checkpoint
/// does so too.
int tt_store_watches_fold(struct tt_store *s, struct tt_err *err);
/// Counts a watch anew from the raw batches from the local day that holds `from` on. Returns 0 with
/// the span that raw covers, -ENOENT for an unknown watch, -ENODATA where raw no longer reaches
/// back to `from`: nothing is changed then.
int tt_store_watch_backfill(struct tt_store *s, const char *name, int64_t from, int64_t *raw_from,
	int64_t *raw_to, struct tt_err *err);

/// One day of a watch, or of a part of it.
struct tt_watch_day {
	int64_t start;
	bool known;	     // false: no sensor was up, values are no data
	double completeness; // negative: no data
	uint64_t packets, bytes, sources;
	double sources_error; // relative standard error, 0: exact
};
struct tt_watch_part {
	enum tt_watch_by by;
	char key[64]; // "jp-cloud", "Cloud X", "JP", "udp/53", "AS64500", "zmap", "dns_dnssec"
	// of the sensors of the part; 0 where it is not about sensors
	unsigned sensor_n;
	double addresses;
	double address_days; // addresses times days that they were up
	double completeness; // up / expected time; negative: nothing was expected, or not about it
	uint64_t packets, bytes, sources; // of the whole span
	double sources_error;
	struct tt_watch_day *days; // day_n of the counts
};
/// For qsort: by what they are of, then the most packets first, then by the name that is shown.
int tt_watch_part_cmp(const void *x, const void *y);

struct tt_watch_counts {
	int64_t from, to;
	unsigned day_n;
	struct tt_watch_day whole, plain; // of the span; plain: source port whatever the payload
	struct tt_watch_day *days, *plain_days;
	struct tt_watch_part *parts; // by `by`, then packets descending
	unsigned part_n;
	double completeness;
	bool lower_bound; // some packets were counted without the source that would decide
	struct tt_survey_days survey; // where the watch asks about surveyors
};
/// Reads what a watch counted in the local days that touch [from, to) (0: open), with batches that
/// are not folded yet. `bys`: bits of enum tt_watch_by. -ENOENT for an unknown watch.
/// tt_watch_counts_free in every case.
int tt_store_watch_read(struct tt_store *s, const char *name, int64_t from, int64_t to,
	unsigned bys, struct tt_watch_counts *out, struct tt_err *err);
void tt_watch_counts_free(struct tt_watch_counts *c);

/// A source of a watch on one local day (keep_sources).
struct tt_watch_source {
	int64_t day; // its start
	struct tt_addr source;
	char region[3];
	uint32_t asn; // 0: unknown
	uint64_t packets, bytes;
	int64_t first_us, last_us; // UNIX microseconds
	uint32_t traits;
	uint8_t proto;
	uint16_t port, other_port; // of the first observation
	bool has_other_port, other_port_varied;
};
typedef int tt_watch_source_fn(void *arg, const struct tt_watch_source *src);
/// Calls fn for each source and day, by day and address; other than 0 ends that and is returned.
/// Days that are not settled, of a watch that asks about surveyors, are counted from raw.
int tt_store_watch_sources(struct tt_store *s, const char *name, int64_t from, int64_t to,
	tt_watch_source_fn *fn, void *arg, struct tt_err *err);

/// Verdicts that were made elsewhere about sources of a watch (annotate).
struct tt_verdict {
	struct tt_addr source;
	int64_t day; // start of the local day it is about
	bool open;
	char product[64], note[128]; // "" where not given
};
/// Adds verdicts, or replaces those of the same source and day; a transaction of its own.
int tt_store_verdicts_put(struct tt_store *s, const char *watch, const struct tt_verdict *v,
	size_t n, struct tt_err *err);
typedef int tt_verdict_fn(void *arg, const struct tt_verdict *v);
int tt_store_verdicts(struct tt_store *s, const char *watch, int64_t from, int64_t to,
	tt_verdict_fn *fn, void *arg, struct tt_err *err);
