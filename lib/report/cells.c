/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "report.h"

void cell_uint(struct cell *c, uint64_t u) {
	c->kind = CELL_UINT;
	c->u = u;
}

void cell_real(struct cell *c, double d) {
	c->kind = isfinite(d) ? CELL_REAL : CELL_NULL;
	c->d = d;
}

void cell_text(struct cell *c, const char *text) {
	c->kind = text ? CELL_TEXT : CELL_NULL;
	snprintf(c->text, sizeof(c->text), "%s", text ? text : "");
}

const char *tt_show_count(uint64_t u, char buf[TT_SHOW_LEN]) {
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, u);
	char *p = buf;
	for (int i = 0; i < n; i++) {
		*p++ = digits[i];
		if (i + 1 < n && (n - i - 1) % 3 == 0)
			*p++ = ',';
	}
	*p = '\0';
	return buf;
}

const char *tt_show_share(double d, char buf[TT_SHOW_LEN]) {
	if (d < 0 || !isfinite(d))
		return strcpy(buf, "-");
	// what is not whole does not look whole
	snprintf(buf, TT_SHOW_LEN, "%.1f %%", d < 1 && d > 0.999 ? 99.9 : d * 100);
	return buf;
}

const char *tt_show_bytes(uint64_t u, char buf[TT_SHOW_LEN]) {
	static const char units[][4] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double d = (double)u;
	unsigned i = 0;
	while (d >= 999.5 && i < 6) {
		d /= 1000;
		i++;
	}
	snprintf(buf, TT_SHOW_LEN, i && d < 99.95 ? "%.1f %s" : "%.0f %s", d, units[i]);
	return buf;
}

const char *show_rate(double d, char buf[TT_SHOW_LEN]) {
	if (!isfinite(d))
		return strcpy(buf, "-");
	if (d >= 1000)
		return tt_show_count((uint64_t)(d + 0.5), buf);
	// a prefix of IPv6 has more addresses than decimals can show
	if (d > 0 && d < 0.001) {
		if (d < 1e-6)
			snprintf(buf, TT_SHOW_LEN, "%.1e", d);
		else
			snprintf(buf, TT_SHOW_LEN, "%.*f", 1 - (int)floor(log10(d)), d);
		return buf;
	}
	// three digits that mean something
	int decimals = d >= 100 || d == 0 ? 0 : d >= 10 ? 1 : d >= 1 ? 2 : 3;
	snprintf(buf, TT_SHOW_LEN, "%.*f", decimals, d);
	return buf;
}

const char *tt_show_time(int64_t sec, char buf[TT_SHOW_LEN]) {
	time_t t = (time_t)sec;
	struct tm tm;
	if (!localtime_r(&t, &tm))
		return strcpy(buf, "?");
	const char *fmt = tm.tm_sec		      ? "%Y-%m-%d %H:%M:%S"
			  : (tm.tm_min || tm.tm_hour) ? "%Y-%m-%d %H:%M"
						      : "%Y-%m-%d";
	if (!strftime(buf, TT_SHOW_LEN, fmt, &tm))
		return strcpy(buf, "?");
	return buf;
}
