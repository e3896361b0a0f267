/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>

#include "tt_print.h"
#include "tt_report.h"
#include "tt_watch.h"

/// Findings: what changed, and what watches say, as rows for people and for the report. Times are
/// UTC seconds; spans are whole local days [from, to).

/// What is usual: of past days of the same level and kind (working days, or Saturdays and Sundays),
/// those of surges left out. The deviation is 1.4826 * the median absolute deviation (consistent
/// with the standard deviation of a normal distribution: Rousseeuw, Croux, JASA 88, 1993), no less
/// than sqrt(median) (Poisson).
struct tt_usual {
	double median, deviation;
	unsigned days; // that it was made of; 0: not known
};

/// A part that drove a change, by what exceeds the usual in its span.
struct tt_driver {
	enum tt_by by; // PORT, REGION, ASN, SENSOR or SOURCE
	struct tt_row_key key;
	char label[TT_SHOW_LEN]; // "tcp/23", "JP", "AS64500", "jp-a", "192.0.2.1"
	uint64_t packets;	 // in the span
	double usual;		 // packets in as many usual days
	double share;		 // of all that increased (of a decline: that became less), 0..1
	bool at_least;		 // rollups told: packets and share may be more
};
#define TT_DRIVERS 5 // at most, by each `by`

enum tt_change_kind {
	TT_CHANGE_SURGE,    // days above the usual, and then back
	TT_CHANGE_RISE,	    // a new level, higher
	TT_CHANGE_DECLINE,  // a new level, lower
	TT_CHANGE_DIP,	    // days below the usual, and then back
	TT_CHANGE_NEWCOMER, // in the top, where it was not in the period before
	TT_CHANGE_LEAVER,   // no longer in the top
};
enum tt_change_of { TT_OF_SERVICE, TT_OF_REGION, TT_OF_SENSOR, TT_OF_WATCH };
const char *tt_change_kind_name(enum tt_change_kind k); // "surge", "rise", ...
const char *tt_change_of_name(enum tt_change_of o);	// "service", "region", ...

struct tt_change {
	enum tt_change_kind kind;
	enum tt_change_of of;
	enum tt_class class;	 // of services and regions
	struct tt_row_key key;	 // of services (proto, port), regions and sensors
	char watch[TT_ID_LEN];	 // of watches
	char label[TT_SHOW_LEN]; // "tcp/23", "RU", "jp-a", "dns-reflection-domestic"
	int64_t from, to;	 // first and past the last day; the first may lie before the period
	bool lasts;		 // it had not ended at the end of the period
	unsigned days;
	int64_t settled;  // of a rise or decline: the day that the level was reached
	int64_t peak_day; // the day of the highest (lowest) value
	uint64_t peak;
	uint64_t value;	       // packets (or what the watch measures: the mean a day) in the span
	struct tt_usual usual; // a day, before
	int64_t usual_from;    // days that are usual, whom drivers are compared with
	unsigned usual_days;   // 0: none
	double factor;	       // mean of the span's days / usual; negative: usual is 0
	double completeness;   // of the span; negative: no data
	// of newcomers and leavers
	unsigned top;		      // 5 or 10
	unsigned rank, previous_rank; // 0: none
	// who drove it; counts -1 where raw batches are gone and rollups do not know
	int64_t sources, sources_usual; // distinct ones in the span; a usual span of as many days
	double top_source_share, top_source_share_max; // at least, at most; negative: not known
	unsigned unknown;	   // bit 1 << enum tt_by: what drove it by these is not known
	bool few_sources;	   // one made more than half
	bool one_sensor;	   // one sensor made more than nine tenths of it
	struct tt_driver *drivers; // by `by`, then share
	unsigned driver_n;
};
struct tt_changes {
	struct tt_change *rows; // by kind of thing, start, size
	unsigned n;
	int64_t from, to, previous_from, previous_to;
	bool previous_known; // that period has data
	double completeness, previous_completeness;
	double past_completeness; // of the days before that say what is usual; negative: none
	char rir[TT_RIR_LEN];	  // sets that judged the period's regions; "": none
	enum tt_surveyors surveyors;
	struct tt_survey_days survey; // where surveyors matter
	char (*left_out)[TT_ID_LEN]; // sensors that came, went or were down too long to be compared
	unsigned left_out_n;
};
struct tt_changes_conf {
	int64_t from, to;				// whole local days
	int64_t previous_from, previous_to;		// both 0: as many days (months) before
	const char *country, *group, *network, *sensor; // of the sensors; NULL: all
	enum tt_rank rank;				// that newcomers and leavers are told by
	enum tt_surveyors surveyors;			// not of watches, which have their own
	double min_count;  // least excess packets of a day that counts; 0: 20
	double deviations; // how many a day must be off; 0: 5
	double factor;	   // and how many times the usual; 0: 1.5
	struct tt_pseudonyms names;
};
/// Finds surges, level shifts, newcomers and leavers of services and regions (class scan, and
/// services of class reflection), sensors and watches. 0 or -errno with a message.
int tt_changes_find(struct tt_store *s, const struct tt_changes_conf *conf, struct tt_changes *out,
	struct tt_err *err);
void tt_changes_free(struct tt_changes *c);
/// The document that `teiten changes --format json` prints; owned by the caller. With a catalogue
/// rises of services have `published`, what it lists of them in the period.
json_t *tt_changes_json(struct tt_store *s, const struct tt_changes *c,
	const struct tt_services *services, const struct tt_kev *kev);

/// One network, group or sensor in the test of exclusivity.
struct tt_seen {
	char key[64];
	unsigned sensors;
	double addresses, address_days; // negative: hidden from a recipient
	double up_share;		// up-time of what was expected in the span, 0..1
	// packets, had it come to every address as it came to those that saw it; negative: hidden
	double expected;
	uint64_t seen; // beyond the usual
	bool saw;
};
enum tt_exclusive { TT_EXCLUSIVE_NO, TT_EXCLUSIVE_YES, TT_EXCLUSIVE_UNDECIDED };

/// Days on which a watch measured more than usual.
struct tt_watch_surge {
	int64_t from, to;
	unsigned days;
	bool level; // it did not pass: a new level
	int64_t peak_day;
	uint64_t peak, packets;
	uint64_t sources; // distinct in the span
	struct tt_usual usual;
	enum tt_exclusive exclusive; // by network
	char only[64];		     // the network that saw it, where exclusive
	char why[160];	      // where undecided: who was not up, or that too little was expected
	struct tt_seen *seen; // by network
	unsigned seen_n;
	struct tt_watch_part *traits; // of the span; days NULL
	unsigned trait_n;
	double mean_size; // bytes a packet
};
struct tt_watch_product {
	char name[64]; // "" where it was not given
	uint64_t sources;
};
struct tt_watch_verdicts {
	uint64_t annotated;		   // sources (of the watch, in the period) with a verdict
	uint64_t open, closed;		   // of them, by the latest verdict
	uint64_t unknown;		   // verdicts about addresses that the watch did not keep
	struct tt_watch_product *products; // of those that are open, by count
	unsigned product_n;
};
struct tt_watch_result {
	struct tt_watch_info info; // borrowed from the list
	struct tt_watch_list list;
	struct tt_watch_counts counts;
	struct tt_watch_surge *surges;
	unsigned surge_n;
	uint8_t *surge_days; // 1 where counts.days[i] is of a surge
	struct tt_watch_verdicts verdicts;
	/// What of the period was there before the watch and is not counted; from >= to: nothing.
	int64_t gap_from, gap_to;
	char timezone[64];
	char rir[TT_RIR_LEN]; // sets that judged the regions; "": none
};
/// All that a watch says of a period. -ENOENT for an unknown watch. tt_watch_result_free in every
/// case.
int tt_watch_find(struct tt_store *s, const char *name, int64_t from, int64_t to,
	struct tt_watch_result *out, struct tt_err *err);
void tt_watch_result_free(struct tt_watch_result *r);

/// Reads verdicts of a CSV file with the columns address, date (local), open, product, note by the
/// names in its first line. -EINVAL with "FILE:ROW: ..."; *out is owned by the caller.
#define TT_VERDICTS_MAX (1u << 30) // bytes of the file
int tt_verdicts_read(
	struct tt_tz *tz, const char *path, struct tt_verdict **out, size_t *n, struct tt_err *err);

/// Gives sensors, networks and groups a recipient's names, in an order that tells nothing of their
/// own, and takes numbers of addresses out. -EINVAL where the watch's own name or titles name them.
int tt_watch_hide(struct tt_store *s, const struct tt_pseudonyms *names, struct tt_watch_result *r,
	struct tt_err *err);
/// The same for the document of tt_store_show.
int tt_show_hide(struct tt_store *s, const struct tt_pseudonyms *names, json_t *show);

/// The document that `teiten watch show --format json` prints; owned by the caller.
json_t *tt_watch_json(struct tt_store *s, const struct tt_watch_result *r);

/// Prints `teiten changes` and `teiten watch show`.
int tt_report_changes(struct tt_store *s, const struct tt_changes_conf *conf, enum tt_format format,
	const struct tt_services *services, const struct tt_kev *kev, FILE *out,
	struct tt_err *err);
int tt_report_watch(struct tt_store *s, const char *name, int64_t from, int64_t to,
	const struct tt_pseudonyms *names, enum tt_format format, FILE *out, struct tt_err *err);
