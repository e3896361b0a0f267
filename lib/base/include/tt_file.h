/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_buf.h"
#include "tt_err.h"

/// Reads a whole file into `out` (reset first; out->max bounds it). 0 or -errno with a message
/// that names the file.
int tt_file_read(const char *path, struct tt_buf *out, struct tt_err *err);
/// The same of a text: where a zero byte or one that is no UTF-8 stands, -EINVAL with "FILE:ROW:
/// ...". out->data is a text also where the file is empty.
int tt_file_read_text(const char *path, struct tt_buf *out, struct tt_err *err);
/// Writes a file by a temporary neighbour, fsync and rename: readers see the old or the new.
int tt_file_write(
	const char *path, const void *data, size_t len, unsigned mode, struct tt_err *err);
/// A number that changes when a file is put, taken away or written: of names, sizes, inodes and
/// times of modification of a file, or of the files in a folder and in its folders down to `depth`
/// levels (0: its own files only). Hidden ones do not count. 0 where there is nothing.
uint64_t tt_path_signature(const char *path, unsigned depth);
/// Files that may change while they are in use, by their signature. Starts with both members the
/// signature of what is in use.
struct tt_file_watch {
	uint64_t used, seen;
};
/// To be asked about once a second with the signature of now: whether the files are others than
/// those in use and have stood still since it was last asked (nobody is writing them any more).
/// Then these count as in use.
bool tt_file_watch_changed(struct tt_file_watch *w, uint64_t signature);
/// SHA-256 of a file's content as 64 lower-case hex digits.
int tt_file_sha256(const char *path, char hex[65], struct tt_err *err);
/// SHA-256 of bytes in memory.
void tt_sha256(const void *data, size_t len, char hex[65]);
/// Fills `out` with bytes from the operating system's generator; never fails (aborts nothing:
/// getrandom(2) without flags cannot fail for up to 256 bytes).
void tt_random(void *out, size_t len);
