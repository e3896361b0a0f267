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

/// ../shared/data beside the source tree, or $TEITEN_DATA. Says so where it is not there.
static inline bool data_path(const char *name, char *out, size_t size) {
	const char *base = getenv("TEITEN_DATA"), *source = getenv("TT_SOURCE_DIR");
	if (base)
		snprintf(out, size, "%s/%s", base, name);
	else
		snprintf(out, size, "%s/../../../shared/data/%s", source ? source : ".", name);
	if (access(out, R_OK) == 0)
		return true;
	print_message("%s is not here: not tried\n", out);
	return false;
}
