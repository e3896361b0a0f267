/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_atlas.h"
#include "tt_region.h"
#include "tt_watch.h"

/// Feeds: the sources of a watch on one local day, for those who answer for them. Sensors and their
/// addresses are not in it.

enum tt_feed_format { TT_FEED_INTELMQ, TT_FEED_SHADOWSERVER };

struct tt_feed_conf {
	const char *watch;
	int64_t day; // start of the local day
	enum tt_feed_format format;
	const char *dir;      // made where it is not there
	const char *contacts; // contacts.json; NULL: everybody is `unassigned`
	const char *told;     // file of who was told when, for the cool-down; NULL: in dir
	int lang;	      // enum tt_lang, -1: the contact's
	const struct tt_region *region; // registries; NULL: not told
	const struct tt_asn *asn;	// names, networks, AS that were not known; NULL: not told
};
struct tt_feed_result {
	unsigned groups;     // of origin AS and contact; each has a file and a letter
	uint64_t told;	     // sources
	uint64_t unassigned; // sources that nobody answers for: a file without a letter, and not
			     // told
	uint64_t cooling;    // sources that were told in the days before
	bool surveyors;	     // the watch asks who is one
	struct tt_survey_days survey;
};
/// Writes the files of a day: for each origin AS and contact
/// - YYYY-MM-DD-WATCH-CONTACT-asN.jsonl, IntelMQ events, one a line; or
///   YYYY-MM-DD-event4_honeypot_darknet-CONTACT-WATCH-asN.csv, Shadowserver's columns;
/// - the same name with .txt, a letter; of those that nobody answers for (`unassigned`) none.
/// A source is told once a day, and not again within the watch's cool-down; the same day again
/// gives the same sources. 0, -ENOENT for an unknown watch, -EINVAL for one without sources or
/// feed, or another -errno, with a message.
int tt_report_feed(struct tt_store *s, const struct tt_feed_conf *conf, struct tt_feed_result *out,
	struct tt_err *err);
