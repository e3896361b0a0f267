/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

#include "tt_err.h"

struct fetch_conf {
	const char *ca_file; // NULL: the system's
	long timeout_s;	     // of one file, whole
	uint64_t max;	     // bytes of one file
};

/// Fetches an address over HTTPS (at most five redirections, those over HTTPS too) into a file. 0
/// with the MD5 of its bytes in hex digits, or -errno with one line; then a file may be left.
int fetch_file(const struct fetch_conf *conf, const char *url, const char *path, char md5[33],
	struct tt_err *err);
/// The same into memory, of at most `size` - 1 bytes, as a text.
int fetch_text(const struct fetch_conf *conf, const char *url, char *text, size_t size,
	struct tt_err *err);
