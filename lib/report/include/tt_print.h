/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>
#include <stdio.h>

/// Pieces of output that several commands share.

/// A table whose columns are as wide as their widest text; numbers to the right. Not thread-safe.
struct tt_grid;
#define TT_GRID_COLS 64
/// NULL with errno EINVAL (0 or more than TT_GRID_COLS columns) or ENOMEM.
struct tt_grid *tt_grid_create(unsigned cols);
void tt_grid_destroy(struct tt_grid **g);
/// Aligns a column to the left.
void tt_grid_left(struct tt_grid *g, unsigned col);
/// The next cell, row by row (copied). A failure is told by tt_grid_print.
void tt_grid_add(struct tt_grid *g, const char *text);
/// Prints all rows; 0 or -ENOMEM.
int tt_grid_print(struct tt_grid *g, FILE *out);

/// A JSON string with its quotes; text is UTF-8.
void tt_print_json_text(FILE *out, const char *text);
/// A field of CSV (RFC 4180).
void tt_print_csv_text(FILE *out, const char *text);

/// Texts for people: "1,234,567"; "41.3 %" ("-" for a negative share); "12.5 kB".
#define TT_SHOW_LEN 48
const char *tt_show_count(uint64_t u, char buf[TT_SHOW_LEN]);
const char *tt_show_share(double d, char buf[TT_SHOW_LEN]);
const char *tt_show_bytes(uint64_t u, char buf[TT_SHOW_LEN]);
/// A time in the zone that is open (tt_tz), as short as it is exact: "2024-10-01",
/// "2024-10-01 09:30".
const char *tt_show_time(int64_t sec, char buf[TT_SHOW_LEN]);
