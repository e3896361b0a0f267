/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "tt_err.h"

#define TT_NS	       1000000000ll
#define TT_RFC3339_LEN 40
/// The last second that an observation may carry: 2106-02-07T06:28:15Z, what 32 bits hold.
/// Packets stamped later (broken clocks) are counted there, before 1970 at 0.
#define TT_TIME_MAX    4294967295ll

/// Writes UNIX seconds as "2024-12-18T03:04:00Z"; returns buf.
const char *tt_time_format(int64_t sec, char buf[TT_RFC3339_LEN]);
/// Writes nanoseconds since 1970 with as many of `digits` (0, 3, 6, 9) decimals.
const char *tt_time_format_ns(int64_t ns, unsigned digits, char buf[TT_RFC3339_LEN]);
/// Reads RFC 3339 ("2024-12-18T03:04:00+09:00", fractions cut); UNIX seconds. 0 or -EINVAL.
int tt_time_parse(const char *text, int64_t *sec);
/// CLOCK_REALTIME and CLOCK_MONOTONIC in nanoseconds.
int64_t tt_now_ns(void);
int64_t tt_mono_ns(void);

/// Civil calendar (proleptic Gregorian): days since 1970-01-01 and back.
int64_t tt_civil_days(int year, int month, int day);
void tt_civil_from_days(int64_t days, int *year, int *month, int *day);

/// A time zone, for local days. Only one zone can be in use in a process at a time (it is the C
/// library's TZ); functions on it are for one thread at a time unless stated.
struct tt_tz;

/// Whether the system's tz database has a zone of that name.
bool tt_tz_exists(const char *name);
/// Opens an IANA zone by name ("Asia/Tokyo", "UTC"); NULL with errno ENOENT and a message for a
/// name that the system's tz database does not have, EBUSY where another zone is open.
struct tt_tz *tt_tz_create(const char *name, struct tt_err *err);
void tt_tz_destroy(struct tt_tz **tz);
const char *tt_tz_name(const struct tt_tz *tz);
/// Local day of a time, as days since 1970-01-01 of the local calendar.
int64_t tt_tz_day(struct tt_tz *tz, int64_t sec);
/// UTC second at which a local day starts (the first second that belongs to it).
int64_t tt_tz_day_start(struct tt_tz *tz, int64_t day);
/// Start of the local month that a local day is in, as a local day; and of the next one.
int64_t tt_month_start(int64_t day);
int64_t tt_month_next(int64_t day);
/// Reads T of the command line: RFC 3339 or a local date; UTC seconds. The message of an error
/// begins with "is": the caller says what.
int tt_tz_parse_time(struct tt_tz *tz, const char *text, int64_t *sec, struct tt_err *err);
/// Reads --period: "2024Q4", "2024-12", "2024", "FROM..TO" (local dates, TO exclusive);
/// UTC seconds [from, to). Messages as above.
int tt_tz_parse_period(
	struct tt_tz *tz, const char *text, int64_t *from, int64_t *to, struct tt_err *err);
/// "2024-12-18" of a local day.
const char *tt_day_format(int64_t day, char buf[TT_RFC3339_LEN]);
