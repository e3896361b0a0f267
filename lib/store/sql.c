/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

// What a query may do: read, and ask what tables there are. Not the secret: with it one could
// tell whether a given address is in a sketch.
static int authorize(
	void *arg, int action, const char *a, const char *b, const char *db, const char *trigger) {
	static const char *const pragmas[] = {"table_info", "table_xinfo", "table_list",
		"index_list", "index_info", "user_version", "application_id"};

	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_READ:
		return strcmp(a, "secret") == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_FUNCTION:
		return strcmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++)
			if (strcmp(a, pragmas[i]) == 0 &&
				(b == NULL || strstr(pragmas[i], "_i") != NULL))
				return SQLITE_OK;
		return SQLITE_DENY;
	}
	return SQLITE_DENY;
}

struct row {
	const char **values, **names;
	char **hex, *types;
	int n;
};

static int blob_as_hex(sqlite3_stmt *st, int i, char **out) {
	const uint8_t *p = sqlite3_column_blob(st, i);
	size_t n = (size_t)sqlite3_column_bytes(st, i);

	free(*out);
	if ((*out = malloc(2 * n + 1)) == NULL)
		return -ENOMEM;
	(*out)[0] = '\0';
	for (size_t j = 0; j < n; j++)
		snprintf(*out + 2 * j, 3, "%02x", p[j]);
	return 0;
}

static int give_row(sqlite3_stmt *st, struct row *r, tt_store_sql_fn *fn, void *arg) {
	for (int i = 0; i < r->n; i++) {
		r->types[i] = "irtbn"[sqlite3_column_type(st, i) - 1];
		if (r->types[i] != 'b') {
			r->values[i] = (const char *)sqlite3_column_text(st, i);
			continue;
		}
		if (blob_as_hex(st, i, &r->hex[i]) < 0)
			return -ENOMEM;
		r->values[i] = r->hex[i];
	}
	return fn(arg, r->n, r->names, r->values, r->types);
}

static int run(
	struct tt_store *s, sqlite3_stmt *st, tt_store_sql_fn *fn, void *arg, struct tt_err *err) {
	struct row r = {.n = sqlite3_column_count(st)};
	size_t n = (size_t)r.n + 1;
	int rc = 0, step = SQLITE_DONE;

	r.values = calloc(n, sizeof(*r.values));
	r.names = calloc(n, sizeof(*r.names));
	r.hex = calloc(n, sizeof(*r.hex));
	r.types = calloc(n, 1);
	if (r.values == NULL || r.names == NULL || r.hex == NULL || r.types == NULL)
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	for (int i = 0; rc == 0 && i < r.n; i++)
		r.names[i] = sqlite3_column_name(st, i);
	if (rc == 0)
		rc = fn(arg, r.n, r.names, NULL, NULL);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW)
		rc = give_row(st, &r, fn, arg);
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "query");
	for (int i = 0; r.hex != NULL && i < r.n; i++)
		free(r.hex[i]);
	free(r.values);
	free(r.names);
	free(r.hex);
	free(r.types);
	return rc;
}

int tt_store_sql(
	struct tt_store *s, const char *query, tt_store_sql_fn *fn, void *arg, struct tt_err *err) {
	bool tx = sqlite3_get_autocommit(s->db);
	sqlite3_stmt *st = NULL;
	const char *rest = "";
	static const char uses[] = "SELECT 1 FROM observation, json_each('[]'), json_tree('[]'), "
				   "pragma_table_info('batch'), pragma_table_list";
	int rc = tx ? db_tx(s, ST_BEGIN_READ, err) : 0;

	if (rc < 0)
		return rc;
	// the first use of a table that SQLite does not store declares it, which what follows does
	// not allow: these may be used, others may not
	if (sqlite3_prepare_v3(s->db, uses, -1, 0, &st, NULL) != SQLITE_OK)
		rc = db_fail(s, err, "observation");
	sqlite3_finalize(st);
	st = NULL;
	sqlite3_set_authorizer(s->db, authorize, s);
	if (rc == 0 && sqlite3_prepare_v3(s->db, query, -1, 0, &st, &rest) != SQLITE_OK)
		rc = db_fail(s, err, "query");
	sqlite3_set_authorizer(s->db, NULL, NULL);
	while (rc == 0 && (isspace((unsigned char)*rest) || *rest == ';'))
		rest++;
	if (rc == 0 && (st == NULL || *rest != '\0'))
		rc = tt_err_set(err, -EINVAL, "query: is %s, expected one SELECT",
			st == NULL ? "empty" : "more than one statement");
	if (rc == 0 && !sqlite3_stmt_readonly(st))
		rc = tt_err_set(err, -EPERM, "query: would write, expected one that reads");
	if (rc == 0)
		rc = run(s, st, fn, arg, err);
	sqlite3_finalize(st);
	if (tx && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_COMMIT, NULL);
	return rc;
}
