/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "tt_err.h"

// Lines of a file, plain or gzip, or of memory. Stated maxima: a line, and the whole unpacked.
#define LINE_MAX_BYTES	65536
#define LINES_MAX_BYTES (1ull << 30)

struct lines {
	const char *name; // for messages; the caller's
	gzFile gz;	  // NULL: memory
	const char *mem;
	size_t mem_len, mem_at;
	char *buf;
	size_t start, end; // of what is in buf and not handed out
	bool eof;
	uint64_t total;
	uint32_t row;  // of the last line, from 1
	bool unclosed; // it ended without a line feed
};

int lines_open(struct lines *l, const char *path, struct tt_err *err);
int lines_open_memory(struct lines *l, const char *name, const void *data, size_t len);
void lines_close(struct lines *l);
/// The next line without its end (LF or CR LF) as a text; valid until the next call. 1, 0 at the
/// end, -errno with a message.
int lines_next(struct lines *l, char **line, struct tt_err *err);
/// "FILE:ROW: ..."; returns -EINVAL.
int lines_bad(const struct lines *l, struct tt_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/// Cuts a line at the separator in place; at most `max` parts, the rest stays in the last one.
unsigned split(char *line, char separator, char **parts, unsigned max);
/// A decimal number of at most `max`; false where it is none.
bool parse_u64(const char *text, uint64_t max, uint64_t *out);
/// The regular files of a folder for which `want` holds, sorted by name.
int list_files(const char *dir, bool (*want)(const char *name), char ***names, unsigned *n,
	struct tt_err *err);
void free_files(char **names, unsigned n);
