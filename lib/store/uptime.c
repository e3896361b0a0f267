/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "store.h"

// One row is a run of epochs of one state within one hour. Epochs with known loss stay apart, so
// that loss keeps its time.

static int add(struct tt_store *s, int64_t boot, int sensor, int64_t from, int64_t to, int state,
	uint64_t received, uint64_t lost, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_UP_ADD, err);

	if (st == NULL)
		return s->rc;
	db_bind(st, "iiiiiii", (int64_t)sensor, boot, from, to, (int64_t)state, (int64_t)received,
		(int64_t)lost);
	return db_run(s, st, err, "up-time");
}

int uptime_add(struct tt_store *s, int64_t boot, int sensor, int64_t from, int64_t to,
	struct tt_err *err) {
	return add(s, boot, sensor, from, to, TT_STATE_UP, 0, 0, err);
}

int uptime_put(struct tt_store *s, int64_t boot, int sensor, uint32_t epoch_s,
	const struct tt_sensor_state *state, struct tt_err *err) {
	int64_t from = state->epoch, to = from + epoch_s, start = 0, end = 0;
	sqlite3_stmt *st = db_st(s, ST_UP_LAST, err), *extend = db_st(s, ST_UP_EXTEND, err);
	bool joins = false;
	int rc;

	if (st == NULL || extend == NULL)
		return s->rc;
	db_bind(st, "iii", (int64_t)sensor, boot, from);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		start = sqlite3_column_int64(st, 0);
		end = sqlite3_column_int64(st, 1);
		joins = end == from && start / 3600 == from / 3600 && state->lost == 0 &&
			sqlite3_column_int(st, 2) == state->state &&
			sqlite3_column_int64(st, 3) == 0;
	}
	sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return db_fail(s, err, "up-time");
	if (end > from)
		return 0; // said already
	if (!joins)
		return add(
			s, boot, sensor, from, to, state->state, state->received, state->lost, err);
	db_bind(extend, "iiiii", to, (int64_t)state->received, (int64_t)sensor, boot, start);
	return db_run(s, extend, err, "up-time");
}
