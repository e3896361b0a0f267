/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "store.h"

#define DATE 10 // characters of "2024-12-17"

// A list is "D", "D,D,..." or "D..D".
static bool is_range(const char *list) {
	return strstr(list, "..") != NULL;
}

static void widen(char list[TT_RIR_LEN], const char *first, const char *last) {
	size_t n = strlen(list);
	char from[DATE + 1], to[DATE + 1];

	snprintf(from, sizeof(from), "%.10s", strncmp(first, list, DATE) < 0 ? first : list);
	snprintf(to, sizeof(to), "%.10s",
		strncmp(last, list + n - DATE, DATE) > 0 ? last : list + n - DATE);
	snprintf(list, TT_RIR_LEN, "%s..%s", from, to);
}

static void insert(char list[TT_RIR_LEN], const char *date) {
	size_t n = strlen(list), at = 0;

	while (at < n && strncmp(list + at, date, DATE) < 0)
		at += DATE + 1;
	if (at < n && strncmp(list + at, date, DATE) == 0)
		return;
	if (n + DATE + 2 > TT_RIR_LEN) {
		widen(list, date, date);
		return;
	}
	if (at >= n) {
		snprintf(list + n, TT_RIR_LEN - n, "%s%.*s", n > 0 ? "," : "", DATE, date);
		return;
	}
	memmove(list + at + DATE + 1, list + at, n - at + 1);
	memcpy(list + at, date, DATE);
	list[at + DATE] = ',';
}

void dates_add(char list[TT_RIR_LEN], const char *more) {
	size_t n = more == NULL ? 0 : strlen(more);

	if (n < DATE || strcmp(list, more) == 0)
		return;
	if (is_range(list) || (is_range(more) && list[0] != '\0')) {
		widen(list, more, more + n - DATE);
		return;
	}
	if (list[0] == '\0' && n < TT_RIR_LEN) {
		memcpy(list, more, n + 1);
		return;
	}
	for (size_t at = 0; at + DATE <= n; at += DATE + 1)
		if (is_range(list))
			widen(list, more + at, more + at);
		else
			insert(list, more + at);
}

// Each date's set is in force from its day's beginning until that of the next in the list; the
// first is also before. What was too long for a list of dates stays whole.
void dates_add_part(char list[TT_RIR_LEN], const char *more, int64_t epoch_min, int64_t epoch_max,
	int64_t from, int64_t to) {
	char day[2][TT_RFC3339_LEN];
	size_t n = more == NULL ? 0 : strlen(more);

	if (n <= DATE || is_range(more)) {
		dates_add(list, more);
		return;
	}
	tt_day_format((epoch_min > from ? epoch_min : from) / 86400, day[0]);
	tt_day_format((epoch_max < to ? epoch_max : to - 1) / 86400, day[1]);
	for (size_t at = 0; at + DATE <= n; at += DATE + 1) {
		bool begun = at == 0 || strncmp(more + at, day[1], DATE) <= 0;
		bool over = at + DATE < n && strncmp(more + at + DATE + 1, day[0], DATE) <= 0;
		char one[DATE + 1];

		snprintf(one, sizeof(one), "%.10s", more + at);
		if (begun && !over)
			dates_add(list, one);
	}
}

int tt_store_rir(
	struct tt_store *s, int64_t from, int64_t to, char out[TT_RIR_LEN], struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(s, err,
		"SELECT DISTINCT rir, CASE WHEN instr(rir, ',') THEN epoch_min END, CASE WHEN "
		"instr(rir, ',') THEN epoch_max END FROM batch JOIN boot ON boot.id = batch.boot "
		"WHERE NOT boot.hidden AND rows > 0 AND epoch_max >= ?1 AND epoch_min < ?2");
	int rc, step;

	out[0] = '\0';
	if (st == NULL)
		return s->rc;
	db_bind(st, "ii", from, to);
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		dates_add_part(out, (const char *)sqlite3_column_text(st, 0),
			sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), from, to);
	rc = step == SQLITE_DONE ? 0 : db_fail(s, err, "batches");
	sqlite3_finalize(st);
	return rc;
}
