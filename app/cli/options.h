/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "cli.h"

// Groups of options; a NULL name ends each.
extern const struct opt db_options[], replay_options[], top_options[], series_options[],
	filters_options[], span_options[], names_options[], report_options[], show_options[],
	sql_options[], changes_options[], recipient_options[], annotate_options[], watch_options[],
	curve_options[], sub_options[], status_options[], feed_options[], regions_options[];
