/* SPDX-License-Identifier: BSD-3-Clause */
// Configuration that travels with a database: rows of `setting` named "document:NAME".
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

int tt_store_document_put(
	struct tt_store *s, const char *name, const char *text, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(
		s, err, "INSERT OR REPLACE INTO setting(name, value) VALUES('document:' || ?, ?)");
	int rc;

	if (st == NULL)
		return s->rc;
	db_bind(st, "tt", name, text);
	rc = db_run(s, st, err, "document");
	sqlite3_finalize(st);
	return rc;
}

int tt_store_document_get(struct tt_store *s, const char *name, char **text, struct tt_err *err) {
	sqlite3_stmt *st =
		db_prepare(s, err, "SELECT value FROM setting WHERE name = 'document:' || ?");
	int rc, step;

	*text = NULL;
	if (st == NULL)
		return s->rc;
	db_bind(st, "t", name);
	step = sqlite3_step(st);
	if (step == SQLITE_DONE) {
		rc = 0;
	} else if (step != SQLITE_ROW) {
		rc = db_fail(s, err, "document");
	} else if (sqlite3_column_text(st, 0) == NULL ||
		   (*text = strdup((const char *)sqlite3_column_text(st, 0))) == NULL) {
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	} else {
		rc = 1;
	}
	sqlite3_finalize(st);
	return rc;
}
