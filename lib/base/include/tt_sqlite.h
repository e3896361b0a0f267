/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <sqlite3.h>
#include <stddef.h>

/// What the operating system said (an errno) when a write to a database or to its log last failed;
/// 0: nothing, or it was not asked. sqlite3_system_errno does not know it for writes. (SQLite's
/// SQLITE_FCNTL_LAST_ERRNO, of the files behind "main".)
static inline int tt_sqlite_errno(sqlite3 *db) {
	sqlite3_file *log = NULL;
	int e = 0;
	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
		log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &e);
	if (!e)
		sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &e);
	return e;
}
