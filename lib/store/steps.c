/* SPDX-License-Identifier: BSD-3-Clause */
#include "store.h"

int64_t local_start(struct tt_tz *tz, enum tt_step step, int64_t t) {
	int64_t day = tt_tz_day(tz, t), start;

	if (step == TT_STEP_MONTH)
		return tt_tz_day_start(tz, tt_month_start(day));
	start = tt_tz_day_start(tz, day);
	return step == TT_STEP_DAY ? start : start + (t - start) / 3600 * 3600;
}

int64_t local_next(struct tt_tz *tz, enum tt_step step, int64_t start) {
	int64_t day = tt_tz_day(tz, start), end = tt_tz_day_start(tz, day + 1);

	if (step == TT_STEP_MONTH)
		return tt_tz_day_start(tz, tt_month_next(day));
	return step == TT_STEP_DAY || start + 3600 > end ? end : start + 3600;
}
