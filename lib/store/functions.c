/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "heavy.h"
#include "store.h"

// Adds a value to s; false where it is neither NULL nor a sketch, which is the function's error
// then.
static bool take_sketch(
	sqlite3_context *ctx, struct tt_sketch *s, sqlite3_value *v, const char *name) {
	char *msg;

	if (sqlite3_value_type(v) == SQLITE_NULL ||
		tt_sketch_merge_encoded(s, sqlite3_value_blob(v), (size_t)sqlite3_value_bytes(v)) ==
			0)
		return true;
	msg = sqlite3_mprintf("%s: is no sketch, expected one", name);
	sqlite3_result_error(ctx, msg != NULL ? msg : name, -1);
	sqlite3_free(msg);
	return false;
}

// sketch_count(blob): distinct sources of a row of a rollup.
static void sketch_count(sqlite3_context *ctx, int n, sqlite3_value **v) {
	struct tt_sketch *s = sqlite3_user_data(ctx);

	tt_sketch_reset(s);
	if (sqlite3_value_type(v[0]) != SQLITE_NULL && take_sketch(ctx, s, v[0], "sketch_count"))
		sqlite3_result_int64(ctx, (int64_t)tt_sketch_count(s));
}

static void sketch_error(sqlite3_context *ctx, int n, sqlite3_value **v) {
	struct tt_sketch *s = sqlite3_user_data(ctx);

	tt_sketch_reset(s);
	if (sqlite3_value_type(v[0]) != SQLITE_NULL && take_sketch(ctx, s, v[0], "sketch_error"))
		sqlite3_result_double(ctx, tt_sketch_error(s));
}

static void result_sketch(sqlite3_context *ctx, const struct tt_sketch *s) {
	size_t n = tt_sketch_encode(s, NULL, 0);
	void *p = sqlite3_malloc64(n);

	if (p == NULL) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	tt_sketch_encode(s, p, n);
	sqlite3_result_blob64(ctx, p, n, sqlite3_free);
}

// sketch_merge(blob): an aggregate; sketch_count of it is the count over all rows.
static void merge_step(sqlite3_context *ctx, int n, sqlite3_value **v) {
	struct tt_sketch **s = sqlite3_aggregate_context(ctx, sizeof(*s));

	if (s == NULL || (*s == NULL && (*s = tt_sketch_create()) == NULL)) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	take_sketch(ctx, *s, v[0], "sketch_merge");
}

static void merge_final(sqlite3_context *ctx) {
	struct tt_sketch **s = sqlite3_aggregate_context(ctx, 0);

	if (s == NULL || *s == NULL)
		return;
	result_sketch(ctx, *s);
	tt_sketch_destroy(s);
}

// sketch_union(a, b): what the rollups' upsert writes.
static void sketch_union(sqlite3_context *ctx, int n, sqlite3_value **v) {
	struct tt_sketch *s = sqlite3_user_data(ctx);

	tt_sketch_reset(s);
	if (take_sketch(ctx, s, v[0], "sketch_union") && take_sketch(ctx, s, v[1], "sketch_union"))
		result_sketch(ctx, s);
}

static void result_heavy(sqlite3_context *ctx, const struct heavy *h) {
	uint8_t buf[HEAVY_MAX];
	size_t n = heavy_encode(h, buf);

	sqlite3_result_blob(ctx, buf, (int)n, SQLITE_TRANSIENT);
}

// Adds a row's: what is heaviest, its sketch, its packets that have a source.
static int add_heavy(struct heavy *h, sqlite3_value **v) {
	struct heavy one;
	int rc = heavy_decode(&one, sqlite3_value_blob(v[0]), (size_t)sqlite3_value_bytes(v[0]),
		sqlite3_value_blob(v[1]), (size_t)sqlite3_value_bytes(v[1]),
		(uint64_t)sqlite3_value_int64(v[2]));

	if (rc == 0)
		heavy_merge(h, &one);
	return rc;
}

// heaviest_union(heaviest, sources, packets, ...): of two rows; what the rollups' upsert writes.
static void heaviest_union(sqlite3_context *ctx, int n, sqlite3_value **v) {
	struct heavy h;

	heavy_reset(&h);
	if (add_heavy(&h, v) < 0 || add_heavy(&h, v + 3) < 0)
		sqlite3_result_error(ctx, "heaviest_union: cannot be read", -1);
	else
		result_heavy(ctx, &h);
}

// heaviest_merge(heaviest, sources, packets): an aggregate.
static void heaviest_step(sqlite3_context *ctx, int n, sqlite3_value **v) {
	struct heavy **h = sqlite3_aggregate_context(ctx, sizeof(*h));

	if (h == NULL || (*h == NULL && (*h = heavy_create()) == NULL))
		sqlite3_result_error_nomem(ctx);
	else if (add_heavy(*h, v) < 0)
		sqlite3_result_error(ctx, "heaviest_merge: cannot be read", -1);
}

static void heaviest_final(sqlite3_context *ctx) {
	struct heavy **h = sqlite3_aggregate_context(ctx, 0);

	if (h == NULL || *h == NULL)
		return;
	result_heavy(ctx, *h);
	free(*h);
	*h = NULL;
}

static void free_sketch(void *p) {
	struct tt_sketch *s = p;

	tt_sketch_destroy(&s);
}

int functions_add(struct tt_store *s, struct tt_err *err) {
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	static const struct {
		const char *name;
		int args;
		void (*fn)(sqlite3_context *, int, sqlite3_value **);
	} scalars[] = {
		{"sketch_count", 1, sketch_count},
		{"sketch_error", 1, sketch_error},
		{"sketch_union", 2, sketch_union},
		{"heaviest_union", 6, heaviest_union},
	};

	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
		struct tt_sketch *own = tt_sketch_create();

		if (own == NULL)
			return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
		if (sqlite3_create_function_v2(s->db, scalars[i].name, scalars[i].args, flags, own,
			    scalars[i].fn, NULL, NULL, free_sketch) != SQLITE_OK)
			return db_fail(s, err, "functions");
	}
	if (sqlite3_create_function_v2(s->db, "sketch_merge", 1, flags, NULL, NULL, merge_step,
		    merge_final, NULL) != SQLITE_OK ||
		sqlite3_create_function_v2(s->db, "heaviest_merge", 3, flags, NULL, NULL,
			heaviest_step, heaviest_final, NULL) != SQLITE_OK)
		return db_fail(s, err, "functions");
	return 0;
}
