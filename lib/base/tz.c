/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tt_time.h"

// The C library knows one zone a process; a second one must not silently take its place.
static atomic_int open_zones;
static char open_name[64];

struct tt_tz {
	char name[64];
	// The day of the last answer: packets and hours come in runs of the same day.
	int64_t day, day_from, day_to;
};

bool tt_tz_exists(const char *name) {
	if (!strcmp(name, "UTC"))
		return 1;
	size_t n = strlen(name);
	if (!n || n >= sizeof(open_name) || !isalpha((unsigned char)name[0]) ||
		strstr(name, "..") ||
		strspn(name,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != n)
		return 0;
	char path[PATH_MAX], magic[4];
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	FILE *f = fopen(path, "re");
	if (!f)
		return 0;
	int ok = fread(magic, 1, 4, f) == 4 && !memcmp(magic, "TZif", 4);
	fclose(f);
	return ok;
}

struct tt_tz *tt_tz_create(const char *name, struct tt_err *err) {
	if (!tt_tz_exists(name)) {
		tt_err_set(err, 0,
			"timezone: is \"%s\", expected an IANA name that is in "
			"/usr/share/zoneinfo, as "
			"\"Asia/Tokyo\"",
			name);
		errno = ENOENT;
		return NULL;
	}
	if (atomic_load(&open_zones) && strcmp(open_name, name)) {
		tt_err_set(err, 0, "timezone: is \"%s\", but \"%s\" is in use in this process",
			name, open_name);
		errno = EBUSY;
		return NULL;
	}
	struct tt_tz *tz = calloc(1, sizeof(*tz));
	if (!tz || setenv("TZ", name, 1) < 0) {
		tt_err_set(err, 0, "timezone: out of memory");
		free(tz);
		errno = ENOMEM;
		return NULL;
	}
	tzset();
	atomic_fetch_add(&open_zones, 1);
	snprintf(open_name, sizeof(open_name), "%s", name);
	snprintf(tz->name, sizeof(tz->name), "%s", name);
	tz->day_from = 1;
	tz->day_to = 0;
	return tz;
}

void tt_tz_destroy(struct tt_tz **tz) {
	if (!tz || !*tz)
		return;
	atomic_fetch_sub(&open_zones, 1);
	free(*tz);
	*tz = NULL;
}

const char *tt_tz_name(const struct tt_tz *tz) {
	return tz->name;
}

static int64_t local_day(int64_t sec) {
	struct tm tm;
	time_t t = (time_t)sec;
	if (!localtime_r(&t, &tm))
		return sec / 86400;
	return tt_civil_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

// Binary search instead of mktime(): right also where a zone skips midnight, or a whole day. A
// local day begins within 26 hours of the UTC day of the same date.
int64_t tt_tz_day_start(struct tt_tz *tz, int64_t day) {
	(void)tz;
	int64_t lo = day * 86400 - 26 * 3600, hi = day * 86400 + 26 * 3600;
	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;
		if (local_day(mid) >= day)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

int64_t tt_tz_day(struct tt_tz *tz, int64_t sec) {
	if (sec >= tz->day_from && sec < tz->day_to)
		return tz->day;
	int64_t day = local_day(sec);
	tz->day = day;
	tz->day_from = tt_tz_day_start(tz, day);
	tz->day_to = tt_tz_day_start(tz, day + 1);
	return day;
}

// Reads n digits; -1 where they are none.
static int digits(const char *p, int n) {
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)p[i]))
			return -1;
		v = v * 10 + p[i] - '0';
	}
	return v;
}

// "YYYY-MM-DD" of `len` characters as a local day.
static int parse_date(const char *p, size_t len, int64_t *day) {
	if (len != 10 || p[4] != '-' || p[7] != '-')
		return -EINVAL;
	int y = digits(p, 4), m = digits(p + 5, 2), d = digits(p + 8, 2);
	if (y < 0 || m < 1 || m > 12 || d < 1)
		return -EINVAL;
	int64_t first = tt_civil_days(y, m, 1);
	if (d > tt_month_next(first) - first)
		return -EINVAL;
	*day = first + d - 1;
	return 0;
}

int tt_tz_parse_time(struct tt_tz *tz, const char *text, int64_t *sec, struct tt_err *err) {
	int64_t day;
	if (!parse_date(text, strlen(text), &day)) {
		*sec = tt_tz_day_start(tz, day);
		return 0;
	}
	if (!tt_time_parse(text, sec))
		return 0;
	return tt_err_set(err, -EINVAL,
		"is \"%s\", expected RFC 3339 (2024-12-18T03:04:00Z) or a date (2024-12-18)", text);
}

int tt_tz_parse_period(
	struct tt_tz *tz, const char *text, int64_t *from, int64_t *to, struct tt_err *err) {
	size_t n = strlen(text);
	int y = n >= 4 ? digits(text, 4) : -1;
	const char *dots = strstr(text, "..");
	int64_t a = 0, b = 0;
	int ok = 0;
	if (dots) {
		ok = !parse_date(text, (size_t)(dots - text), &a) &&
		     !parse_date(dots + 2, strlen(dots + 2), &b);
		if (ok && a >= b)
			return tt_err_set(err, -EINVAL,
				"is \"%s\", expected its end, which is exclusive, after its begin",
				text);
	} else if (y >= 0 && n == 4) {
		a = tt_civil_days(y, 1, 1);
		b = tt_civil_days(y + 1, 1, 1);
		ok = 1;
	} else if (y >= 0 && n == 6 && text[4] == 'Q' && text[5] >= '1' && text[5] <= '4') {
		int q = text[5] - '1';
		a = tt_civil_days(y, q * 3 + 1, 1);
		b = tt_month_next(tt_civil_days(y, q * 3 + 3, 1));
		ok = 1;
	} else if (y >= 0 && n == 7 && text[4] == '-') {
		int m = digits(text + 5, 2);
		ok = m >= 1 && m <= 12;
		if (ok) {
			a = tt_civil_days(y, m, 1);
			b = tt_month_next(a);
		}
	}
	if (!ok)
		return tt_err_set(err, -EINVAL,
			"is \"%s\", expected 2024Q4, 2024-12, 2024 or "
			"2024-10-01..2025-01-01",
			text);
	*from = tt_tz_day_start(tz, a);
	*to = tt_tz_day_start(tz, b);
	return 0;
}
