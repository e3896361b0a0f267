/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// For tests: a folder of their own with files in it, and real data where it is present.
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tt_addr.h"
#include "tt_buf.h"
#include "tt_file.h"

static char folder[64];

static inline int make_folder(void **state) {
	snprintf(folder, sizeof(folder), "/tmp/teiten-region-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline int remove_folder(void **state) {
	DIR *d = opendir(folder);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
	return rmdir(folder);
}

#define test_in_folder(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

static inline void put_bytes(const char *name, const void *data, size_t len) {
	char path[512];
	struct tt_err err = {""};
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (tt_file_write(path, data, len, 0600, &err) != 0)
		fail_msg("%s", err.msg);
}

static inline void put_file(const char *name, const char *text) {
	put_bytes(name, text, strlen(text));
}

/// A file or folder of real data below $TEITEN_DATA. Says so where there is none: the tests that
/// ask for it have generated data besides.
static inline bool data_path(const char *name, char *out, size_t size) {
	const char *base = getenv("TEITEN_DATA");
	snprintf(out, size, "%s/%s", base ? base : "", name);
	if (base && access(out, R_OK) == 0)
		return true;
	print_message(
		"$TEITEN_DATA%s%s: not here, not tried\n", base ? "=" : "/", base ? out : name);
	return false;
}
