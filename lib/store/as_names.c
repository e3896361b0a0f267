/* SPDX-License-Identifier: BSD-3-Clause */
// Names of the AS that sources were seen of, kept so that answers need no file.
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store.h"

int as_names_add(struct tt_store *s, const uint32_t *asn, uint32_t n, struct tt_err *err) {
	uint32_t last = 0;
	int rc = 0;

	for (uint32_t i = 0; s->asn != NULL && rc == 0 && i < n; i++) {
		uint32_t number = le32toh(asn[i]);
		const char *name;
		sqlite3_stmt *st;
		uint64_t *known;

		if (number == 0 || number == last)
			continue;
		last = number;
		if ((known = map_at(&s->as_named, number)) == NULL)
			return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
		if (*known != 0)
			continue;
		*known = 1;
		name = tt_asn_name(s->asn, number);
		if (name == NULL || name[0] == '\0')
			continue;
		if ((st = db_st(s, ST_AS_NAME, err)) == NULL)
			return s->rc;
		db_bind(st, "it", (int64_t)number, name);
		rc = db_run(s, st, err, "names of AS");
	}
	return rc;
}

const char *tt_store_as_name(struct tt_store *s, uint32_t asn, char *buf, size_t size) {
	sqlite3_stmt *st = NULL;
	const char *out = NULL;

	// a database that was made before there were names has no table of them
	if (sqlite3_prepare_v2(s->db, "SELECT name FROM as_name WHERE number = ?", -1, &st, NULL) !=
		SQLITE_OK)
		return NULL;
	db_bind(st, "i", (int64_t)asn);
	if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0) != NULL) {
		snprintf(buf, size, "%s", (const char *)sqlite3_column_text(st, 0));
		out = buf;
	}
	sqlite3_finalize(st);
	return out;
}
