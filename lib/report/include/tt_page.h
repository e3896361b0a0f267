/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "tt_atlas.h"
#include "tt_report.h"

/// The quarterly report: one self-contained HTML page, and every table and figure of it as JSON,
/// CSV and SVG.

/// The language of "en" or "ja", or -1.
int tt_lang_parse(const char *text);

struct tt_page_conf {
	const char *db;		 // the database's name, for messages
	int64_t from, to;	 // the period, UTC seconds
	const char *country;	 // of one's own sensors; NULL: report.json's
	const char *group;	 // only sensors of this group; NULL: all
	const char *surveyors;	 // with, without or only; NULL: the configuration's
	const char *lang;	 // "en" or "ja"; NULL: report.json's first
	const char *config_name; // path of report.json, for messages and relative paths; NULL: none
	const json_t *config;	 // report.json, validated, with defaults
	const char *notes;	 // folder of the analysts' texts; NULL: report.json's
	const char *previous;	 // a report.json that an earlier report wrote; NULL: none
	const char *recipient;	 // sensors get the pseudonyms of this recipient; NULL: their names
	bool publish;		 // freeze the ranks of this period in the database
	const char *out;	 // folder; made where it is not there
	const struct tt_services *services;
	const struct tt_kev *kev;     // NULL: none
	const struct tt_atlas *atlas; // names of regions; NULL: the built-in ones
};

/// What report.json is where there is none; owned by the caller.
json_t *tt_page_config_default(struct tt_err *err);
/// Makes the report. Runs gnuplot for the figures (-ENOENT with a message where it is not
/// installed). The files of an earlier report in the same folder are replaced, each whole. 0 or
/// -errno with one line.
int tt_page_make(struct tt_store *s, const struct tt_page_conf *conf, struct tt_err *err);
