/* SPDX-License-Identifier: BSD-3-Clause */
// Who was told when: a line a source, "2024-12-18 192.0.2.1".
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "tt_file.h"

#define TOLD_MAX (256u << 20) // bytes of the file

static int by_source(const void *x, const void *y) {
	const struct told_row *a = x, *b = y;
	int c = tt_addr_cmp(&a->source, &b->source);
	return c ? c : (a->day > b->day) - (a->day < b->day);
}

int told_add(struct told *t, const struct tt_addr *a, int64_t day) {
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct told_row *p = realloc(t->rows, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		t->rows = p;
		t->cap = cap;
	}
	t->rows[t->n++] = (struct told_row){*a, day};
	return 0;
}

static bool read_line(char *line, struct tt_addr *a, int64_t *day) {
	int y, m, d, n = 0;
	if (sscanf(line, "%4d-%2d-%2d %n", &y, &m, &d, &n) != 3 || n != 11)
		return false;
	*day = tt_civil_days(y, m, d);
	return m >= 1 && m <= 12 && d >= 1 && d <= 31 && !tt_addr_parse(line + n, a);
}

static int parse(struct told *t, const char *path, char *text, struct tt_err *err) {
	char *line;
	for (unsigned row = 1; (line = strsep(&text, "\n")); row++) {
		struct tt_addr a;
		int64_t day;
		if (!*line)
			continue;
		if (!read_line(line, &a, &day))
			return tt_err_set(err, -EINVAL,
				"%s:%u: is \"%.48s\", expected a date and an address", path, row,
				line);
		if (told_add(t, &a, day))
			return tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	}
	if (t->n)
		qsort(t->rows, t->n, sizeof(*t->rows), by_source);
	return 0;
}

int told_load(struct told *t, const char *path, struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(TOLD_MAX);
	memset(t, 0, sizeof(*t));
	int rc = tt_file_read(path, &b, err);
	if (rc == -ENOENT)
		rc = 0;
	else if (!rc && b.data)
		rc = parse(t, path, (char *)b.data, err);
	tt_buf_free(&b);
	return rc;
}

bool told_cools(const struct told *t, const struct tt_addr *a, int64_t day, unsigned days) {
	size_t lo = 0, hi = t->n;
	struct told_row key = {*a, day - (int64_t)days + 1};
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (by_source(&t->rows[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	bool before = false;
	for (; lo < t->n && !tt_addr_cmp(&t->rows[lo].source, a) && t->rows[lo].day <= day; lo++) {
		if (t->rows[lo].day == day)
			return false; // that day's file has it
		before = true;
	}
	return days && before;
}

int told_write(struct told *t, const char *path, int64_t day, unsigned keep, struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(TOLD_MAX);
	char addr[TT_ADDR_STRLEN], date[TT_RFC3339_LEN];
	if (t->n)
		qsort(t->rows, t->n, sizeof(*t->rows), by_source);
	for (size_t i = 0; i < t->n; i++) {
		const struct told_row *r = &t->rows[i];
		bool twice = i && !by_source(r, &t->rows[i - 1]);
		if (!twice && r->day >= day - (int64_t)keep)
			tt_buf_printf(&b, "%s %s\n", tt_day_format(r->day, date),
				tt_addr_format(&r->source, addr));
	}
	int rc = b.rc ? tt_err_set(err, b.rc, "%s: %s", path, strerror(-b.rc))
		      : tt_file_write(path, b.len ? b.data : (const uint8_t *)"", b.len, 0600, err);
	tt_buf_free(&b);
	return rc;
}

void told_free(struct told *t) {
	free(t->rows);
	memset(t, 0, sizeof(*t));
}
