/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

// The large quarter that quarter_bench asks, and the one before it.

#define DAYS	92	     // of the quarter; as many before it
#define FROM	1719792000ll // 2024-07-01T00:00:00Z
#define QUARTER 1727740800ll // 2024-10-01T00:00:00Z
#define DAY	86400

/// Makes its database, with so many rows by hour. Ends the program where that fails.
void quarter_make(const char *path, uint64_t hourly);
/// Ends the program with a message.
void die(const char *what) __attribute__((noreturn));
