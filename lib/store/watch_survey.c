/* SPDX-License-Identifier: BSD-3-Clause */
// Local days that are not settled: what watches count of surveyors is told from raw when it is
// read.
#include "watch.h"

int watch_count_open(struct watch_count *c, struct tt_store *s, const struct watches *w,
	int64_t from, int64_t to, struct survey *survey, struct tt_err *err) {
	int rc = 0;

	*survey = (struct survey){0};
	if (!w->surveyors || !w->w[0].active)
		return 0;
	if ((rc = survey_read_open(s, from, to, survey, err)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < survey->open_n; i++)
		rc = watch_count_raw(
			c, s, w, RAW_ALL, survey->open[i].from, survey->open[i].to, survey, err);
	return rc;
}
