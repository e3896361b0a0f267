/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/// Levels of a message for people. Libraries only hand messages over; the program decides.
enum tt_level { TT_ERR, TT_WARN, TT_INFO, TT_DEBUG };

/// Receives whole lines without the newline. May be called from any thread.
typedef void tt_log_fn(enum tt_level level, const char *line);

/// Sets where messages go; NULL (the default) drops them. Call before threads start.
void tt_log_to(tt_log_fn *fn);
/// A tt_log_fn that writes "PROGRAM: line" to stderr, one write a line; debug only when
/// TEITEN_DEBUG is set in the environment.
void tt_log_stderr(enum tt_level level, const char *line);
/// The name that tt_log_stderr puts first (default "teiten"). Not copied.
void tt_log_name(const char *program);
/// Formats one line (cut at 1,023 bytes) and hands it over. Never from the poll loop.
void tt_log(enum tt_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
