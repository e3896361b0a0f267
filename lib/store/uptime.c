/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "store.h"

// One row is a run of epochs of one state within one hour. Epochs with known loss stay apart, so
// that loss keeps its time.

static int add(struct tt_store *s, int64_t boot, int sensor, int64_t from, int64_t to, int state,
	int64_t received, int64_t lost, struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_UP_ADD, err);

	if (st == NULL)
		return s->rc;
	db_bind(st, "iiiiiii", (int64_t)sensor, boot, from, to, (int64_t)state, received, lost);
	return db_run(s, st, err, "up-time");
}

int uptime_add(struct tt_store *s, int64_t boot, int sensor, int64_t from, int64_t to,
	struct tt_err *err) {
	return add(s, boot, sensor, from, to, TT_STATE_UP, 0, 0, err);
}

struct run {
	bool is; // there is one
	int64_t start, end, received, lost;
	int state;
};

// the last run of a sensor and boot that starts at `from` or before
static int last_run(struct tt_store *s, int64_t boot, int sensor, int64_t from, struct run *out,
	struct tt_err *err) {
	sqlite3_stmt *st = db_st(s, ST_UP_LAST, err);
	int rc;

	*out = (struct run){0};
	if (st == NULL)
		return s->rc;
	db_bind(st, "iii", (int64_t)sensor, boot, from);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = (struct run){true, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
			sqlite3_column_int64(st, 4), sqlite3_column_int64(st, 3),
			sqlite3_column_int(st, 2)};
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_fail(s, err, "up-time");
}

// Part [from, to) of a run, with its share of what was received; rows with loss are one epoch long.
static int add_part(struct tt_store *s, int64_t boot, int sensor, const struct run *r, int64_t from,
	int64_t to, struct tt_err *err) {
	int64_t received = r->received * (to - from) / (r->end - r->start);

	return from < to ? add(s, boot, sensor, from, to, r->state, received, r->lost, err) : 0;
}

// What a spool gave up was received and is not there: it moves from one to the other. The epoch
// becomes a row of its own; one whose state is not told yet waits for it.
static int put_given_up(struct tt_store *s, int64_t boot, int sensor, uint32_t epoch_s,
	const struct tt_sensor_state *state, struct tt_err *err) {
	int64_t from = state->epoch, to = from + epoch_s, n = (int64_t)state->given_up;
	struct run r;
	int rc = last_run(s, boot, sensor, from, &r, err);

	if (rc < 0)
		return rc;
	if (!r.is || r.end <= from)
		return add(s, boot, sensor, from, to, TT_STATE_UNTOLD, -n, n, err);
	if (r.start < from || r.end > to) {
		// the first part replaces the run
		if ((rc = add_part(s, boot, sensor, &r, r.start, from, err)) < 0 ||
			(rc = add_part(s, boot, sensor, &r, to, r.end, err)) < 0)
			return rc;
		r.received = r.received * epoch_s / (r.end - r.start);
	}
	return add(s, boot, sensor, from, to, r.state, r.received - n, r.lost + n, err);
}

static int put_told(struct tt_store *s, int64_t boot, int sensor, uint32_t epoch_s,
	const struct tt_sensor_state *state, struct tt_err *err) {
	int64_t from = state->epoch, to = from + epoch_s;
	sqlite3_stmt *extend = db_st(s, ST_UP_EXTEND, err);
	struct run r;
	int rc = extend == NULL ? s->rc : last_run(s, boot, sensor, from, &r, err);

	if (rc < 0)
		return rc;
	if (r.is && r.start == from && r.state == TT_STATE_UNTOLD)
		return add(s, boot, sensor, from, to, state->state,
			r.received + (int64_t)state->received, r.lost + (int64_t)state->lost, err);
	if (r.end > from)
		return 0; // said already
	if (r.end != from || r.start / 3600 != from / 3600 || state->lost || r.lost ||
		r.state != state->state)
		return add(s, boot, sensor, from, to, state->state, (int64_t)state->received,
			(int64_t)state->lost, err);
	db_bind(extend, "iiiii", to, (int64_t)state->received, (int64_t)sensor, boot, r.start);
	return db_run(s, extend, err, "up-time");
}

int uptime_put(struct tt_store *s, int64_t boot, int sensor, uint32_t epoch_s,
	const struct tt_sensor_state *state, struct tt_err *err) {
	int rc = 0;

	if (state->state != TT_STATE_UNTOLD)
		rc = put_told(s, boot, sensor, epoch_s, state, err);
	if (rc == 0 && state->given_up > 0)
		rc = put_given_up(s, boot, sensor, epoch_s, state, err);
	return rc;
}
