/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// Civil calendar arithmetic after Howard Hinnant, "chrono-compatible low-level date algorithms".
int64_t tt_civil_days(int year, int month, int day) {
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void tt_civil_from_days(int64_t days, int *year, int *month, int *day) {
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static int64_t floor_div(int64_t a, int64_t b) {
	return a / b - (a % b < 0);
}

// `frac`: nanoseconds past the second.
static const char *format(int64_t sec, int64_t frac, unsigned digits, char buf[TT_RFC3339_LEN]) {
	int64_t days = floor_div(sec, 86400), s = sec - days * 86400;
	int y, m, d;
	tt_civil_from_days(days, &y, &m, &d);
	int n = snprintf(buf, TT_RFC3339_LEN, "%04d-%02d-%02dT%02d:%02d:%02d", y, m, d,
		(int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
	for (unsigned i = digits; i < 9; i++)
		frac /= 10;
	if (digits)
		n += snprintf(buf + n, TT_RFC3339_LEN - (size_t)n, ".%0*d", (int)digits, (int)frac);
	snprintf(buf + n, TT_RFC3339_LEN - (size_t)n, "Z");
	return buf;
}

const char *tt_time_format_ns(int64_t ns, unsigned digits, char buf[TT_RFC3339_LEN]) {
	int64_t sec = floor_div(ns, TT_NS);
	return format(sec, ns - sec * TT_NS, digits, buf);
}

const char *tt_time_format(int64_t sec, char buf[TT_RFC3339_LEN]) {
	return format(sec, 0, 0, buf); // a year past 2262 is too many nanoseconds
}

// Two digits at p, -1 if they are none.
static int two(const char *p) {
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

static int month_days(int y, int m) {
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int leap = m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0));
	return days[m - 1] + leap;
}

int tt_time_parse(const char *text, int64_t *sec) {
	if (strnlen(text, 20) < 20 || text[4] != '-' || text[7] != '-' ||
		(text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
		text[16] != ':')
		return -EINVAL;
	int c = two(text), y2 = two(text + 2), mo = two(text + 5), d = two(text + 8),
	    h = two(text + 11), mi = two(text + 14), s = two(text + 17), y = c * 100 + y2;
	if (c < 0 || y2 < 0 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) || h < 0 ||
		h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60)
		return -EINVAL;
	const char *p = text + 19;
	if (*p == '.') {
		size_t n = strspn(p + 1, "0123456789");
		if (!n)
			return -EINVAL;
		p += 1 + n;
	}
	int off = 0;
	if (*p == 'Z' || *p == 'z') {
		p++;
	} else if (*p == '+' || *p == '-') {
		if (strnlen(p, 6) < 6)
			return -EINVAL;
		int oh = two(p + 1), om = two(p + 4);
		if (oh < 0 || oh > 23 || p[3] != ':' || om < 0 || om > 59)
			return -EINVAL;
		off = (oh * 3600 + om * 60) * (*p == '-' ? -1 : 1);
		p += 6;
	} else {
		return -EINVAL;
	}
	if (*p)
		return -EINVAL;
	*sec = tt_civil_days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - off;
	return 0;
}

static int64_t clock_ns(clockid_t id) {
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * TT_NS + ts.tv_nsec;
}

// Tests set the clock of one program: TEITEN_CLOCK names a file whose first eight bytes
// (nanoseconds, of this machine's byte order) are added to it, and may change at any time.
static const _Atomic int64_t *offset;

__attribute__((constructor)) static void map_offset(void) {
	const char *path = secure_getenv("TEITEN_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *p = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	offset = p == MAP_FAILED ? NULL : p;
	close(fd);
}

int64_t tt_now_ns(void) {
	int64_t now = clock_ns(CLOCK_REALTIME);
	return offset ? now + atomic_load_explicit(offset, memory_order_relaxed) : now;
}

int64_t tt_mono_ns(void) {
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t tt_month_start(int64_t day) {
	int y, m, d;
	tt_civil_from_days(day, &y, &m, &d);
	return tt_civil_days(y, m, 1);
}

int64_t tt_month_next(int64_t day) {
	int y, m, d;
	tt_civil_from_days(day, &y, &m, &d);
	return m == 12 ? tt_civil_days(y + 1, 1, 1) : tt_civil_days(y, m + 1, 1);
}

const char *tt_day_format(int64_t day, char buf[TT_RFC3339_LEN]) {
	int y, m, d;
	tt_civil_from_days(day, &y, &m, &d);
	snprintf(buf, TT_RFC3339_LEN, "%04d-%02d-%02d", y, m, d);
	return buf;
}
