/* SPDX-License-Identifier: BSD-3-Clause */
// Verdicts that were made elsewhere: reading their CSV, and counting them over a watch's sources.
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tt_file.h"
#include "usual.h"

enum column { C_ADDRESS, C_DATE, C_OPEN, C_PRODUCT, C_NOTE, C_N };
static const char *const columns[C_N] = {"address", "date", "open", "product", "note"};

struct csv {
	const char *path;
	char *p, *end; // what is left
	unsigned row;
	char *cell[16];
	unsigned n;
	struct tt_err *err;
};

static int bad(const struct csv *c, const char *what, const char *value, const char *expected) {
	return tt_err_set(c->err, -EINVAL, "%s:%u: %s is '%.64s', expected %s", c->path, c->row,
		what, value, expected);
}

// One field (RFC 4180), unquoted in place. Returns what ended it: ',' or '\n', 0 at the end, -1.
static int next_field(struct csv *c, char **out) {
	char *to = c->p;
	*out = c->p;
	if (c->p < c->end && *c->p == '"') {
		for (c->p++; c->p < c->end; c->p++) {
			if (*c->p == '"' && c->p + 1 < c->end && c->p[1] == '"')
				c->p++;
			else if (*c->p == '"')
				break;
			*to++ = *c->p;
		}
		if (c->p == c->end)
			return -1;
		c->p++;
	} else {
		while (c->p < c->end && *c->p != ',' && *c->p != '\n' && *c->p != '\r')
			*to++ = *c->p++;
	}
	if (c->p < c->end && *c->p == '\r')
		c->p++;
	int end = c->p < c->end ? *c->p : 0;
	c->p += c->p < c->end;
	*to = '\0';
	return end == ',' || end == '\n' || end == 0 ? end : -1;
}

// The next row that is not blank: 1, 0 at the end, -EINVAL.
static int next_row(struct csv *c) {
	for (;;) {
		int end = ',';
		if (c->p >= c->end)
			return 0;
		c->row++;
		for (c->n = 0; end == ','; c->n++) {
			if (c->n == sizeof(c->cell) / sizeof(*c->cell))
				return tt_err_set(c->err, -EINVAL,
					"%s:%u: more than %u fields, expected some of address, "
					"date, open, product, note",
					c->path, c->row, c->n);
			end = next_field(c, &c->cell[c->n]);
		}
		if (end < 0)
			return tt_err_set(c->err, -EINVAL,
				"%s:%u: a quoted field does not end, or goes on after its end",
				c->path, c->row);
		if (c->n > 1 || c->cell[0][0])
			return 1;
	}
}

static int read_head(struct csv *c, int at[C_N]) {
	int rc = next_row(c);
	for (int k = 0; k < C_N; k++)
		at[k] = -1;
	if (rc < 0)
		return rc;
	for (unsigned i = 0; rc > 0 && i < c->n; i++) {
		int k = 0;
		while (k < C_N && strcasecmp(c->cell[i], columns[k]))
			k++;
		if (k == C_N)
			return bad(
				c, "a column", c->cell[i], "address, date, open, product or note");
		if (at[k] >= 0)
			return bad(c, "a second column", c->cell[i], "each once");
		at[k] = (int)i;
	}
	if (at[C_ADDRESS] < 0 || at[C_DATE] < 0 || at[C_OPEN] < 0)
		return tt_err_set(c->err, -EINVAL,
			"%s:1: expected a line that names the columns: address, date and open, and "
			"product and note where there are",
			c->path);
	return 0;
}

static int read_open(const char *text) {
	static const char *const yes[] = {"yes", "true", "open", "1"};
	static const char *const no[] = {"no", "false", "closed", "0"};
	for (unsigned i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
		if (!strcasecmp(text, yes[i]))
			return 1;
		if (!strcasecmp(text, no[i]))
			return 0;
	}
	return -1;
}

static int read_text(const struct csv *c, int at, const char *name, char *out, size_t size) {
	const char *text = at < 0 ? "" : c->cell[at];
	if (strlen(text) >= size)
		return tt_err_set(c->err, -EINVAL, "%s:%u: %s has %zu bytes, expected at most %zu",
			c->path, c->row, name, strlen(text), size - 1);
	snprintf(out, size, "%s", text);
	return 0;
}

static int read_verdict(
	const struct csv *c, const int at[C_N], struct tt_tz *tz, struct tt_verdict *v) {
	struct tt_err ignored;
	int64_t sec;
	int open;
	for (int k = 0; k < C_N; k++)
		if (at[k] >= (int)c->n)
			return tt_err_set(c->err, -EINVAL,
				"%s:%u: has %u fields, expected one for each column", c->path,
				c->row, c->n);
	*v = (struct tt_verdict){0};
	if (tt_addr_parse(c->cell[at[C_ADDRESS]], &v->source) < 0)
		return bad(c, "address", c->cell[at[C_ADDRESS]], "an IPv4 or IPv6 address");
	if (tt_tz_parse_time(tz, c->cell[at[C_DATE]], &sec, &ignored) < 0)
		return bad(c, "date", c->cell[at[C_DATE]], "a date as 2024-12-18");
	v->day = tt_tz_day_start(tz, tt_tz_day(tz, sec));
	if ((open = read_open(c->cell[at[C_OPEN]])) < 0)
		return bad(c, "open", c->cell[at[C_OPEN]], "yes or no");
	v->open = open;
	int rc = read_text(c, at[C_PRODUCT], "product", v->product, sizeof(v->product));
	return rc ? rc : read_text(c, at[C_NOTE], "note", v->note, sizeof(v->note));
}

struct row_of { // where a verdict stands
	const struct tt_verdict *v;
	unsigned row;
};

static int by_subject(const void *x, const void *y) {
	const struct row_of *a = x, *b = y;
	int c = tt_addr_cmp(&a->v->source, &b->v->source);
	if (!c)
		c = (a->v->day > b->v->day) - (a->v->day < b->v->day);
	return c ? c : (a->row > b->row) - (a->row < b->row);
}

// Two verdicts on an address and day must agree: nobody could tell which one is meant.
static int find_contradiction(struct csv *c, struct tt_tz *tz, struct row_of *rows, size_t n) {
	char addr[TT_ADDR_STRLEN], day[TT_RFC3339_LEN];
	if (n)
		qsort(rows, n, sizeof(*rows), by_subject);
	for (size_t i = 1; i < n; i++) {
		const struct tt_verdict *a = rows[i - 1].v, *b = rows[i].v;
		if (tt_addr_cmp(&a->source, &b->source) || a->day != b->day ||
			(a->open == b->open && !strcmp(a->product, b->product)))
			continue;
		return tt_err_set(c->err, -EINVAL,
			"%s:%u: contradicts row %u about %s on %s, expected one verdict", c->path,
			rows[i].row, rows[i - 1].row, tt_addr_format(&b->source, addr),
			tt_day_format(tt_tz_day(tz, b->day), day));
	}
	return 0;
}

static int grow(struct tt_verdict **out, unsigned **at, size_t *cap) {
	*cap = *cap ? *cap * 2 : 1024;
	struct tt_verdict *more = realloc(*out, *cap * sizeof(*more));
	if (!more)
		return -ENOMEM;
	*out = more;
	unsigned *rows = realloc(*at, *cap * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	*at = rows;
	return 0;
}

static int read_rows(struct csv *c, struct tt_tz *tz, struct tt_verdict **out, size_t *n) {
	int at[C_N], rc = read_head(c, at);
	struct row_of *rows;
	unsigned *lines = NULL;
	size_t cap = 0;
	while (!rc && (rc = next_row(c)) > 0) {
		rc = *n == cap ? grow(out, &lines, &cap) : 0;
		if (rc)
			break;
		lines[*n] = c->row;
		rc = read_verdict(c, at, tz, &(*out)[*n]);
		*n += !rc;
	}
	if (!rc && !(rows = calloc(*n + 1, sizeof(*rows))))
		rc = -ENOMEM;
	if (!rc) {
		for (size_t i = 0; i < *n; i++)
			rows[i] = (struct row_of){&(*out)[i], lines[i]};
		rc = find_contradiction(c, tz, rows, *n);
		free(rows);
	}
	free(lines);
	return rc == -ENOMEM ? tt_err_set(c->err, rc, "%s: %s", c->path, strerror(-rc)) : rc;
}

int tt_verdicts_read(struct tt_tz *tz, const char *path, struct tt_verdict **out, size_t *n,
	struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(TT_VERDICTS_MAX);
	struct csv c = {.path = path, .err = err};
	int rc = tt_file_read_text(path, &b, err);
	*out = NULL;
	*n = 0;
	if (!rc) {
		c.p = (char *)b.data;
		c.end = c.p + b.len;
		if (!strncmp(c.p, "\xef\xbb\xbf", 3))
			c.p += 3;
		rc = read_rows(&c, tz, out, n);
	}
	tt_buf_free(&b);
	if (rc < 0) {
		free(*out);
		*out = NULL;
	}
	return rc;
}

// ---- counting

struct latest { // verdict on a source
	struct tt_verdict v;
	bool seen;
};
struct counter {
	struct latest *l; // by address
	size_t n, cap;
};

static int take(void *arg, const struct tt_verdict *v) {
	struct counter *c = arg;
	// they come by address and day: the last one of an address stays
	if (c->n && !tt_addr_cmp(&c->l[c->n - 1].v.source, &v->source)) {
		c->l[c->n - 1].v = *v;
		return 0;
	}
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 256;
		struct latest *more = realloc(c->l, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->l = more;
		c->cap = cap;
	}
	c->l[c->n++] = (struct latest){.v = *v};
	return 0;
}

static int mark(void *arg, const struct tt_watch_source *s) {
	struct counter *c = arg;
	size_t lo = 0, hi = c->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int cmp = tt_addr_cmp(&c->l[mid].v.source, &s->source);
		if (!cmp) {
			c->l[mid].seen = true;
			return 0;
		}
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

static int add_product(struct tt_watch_verdicts *v, const char *name) {
	unsigned i = 0;
	while (i < v->product_n && strcmp(v->products[i].name, name))
		i++;
	if (i == v->product_n) {
		void *more = realloc(v->products, (i + 1) * sizeof(*v->products));
		if (!more)
			return -ENOMEM;
		v->products = more;
		snprintf(v->products[i].name, sizeof(v->products[i].name), "%s", name);
		v->products[i].sources = 0;
		v->product_n++;
	}
	v->products[i].sources++;
	return 0;
}

static int by_sources(const void *x, const void *y) {
	const struct tt_watch_product *a = x, *b = y;
	if (a->sources != b->sources)
		return a->sources > b->sources ? -1 : 1;
	return strcmp(a->name, b->name);
}

int verdicts_count(struct tt_store *s, struct tt_watch_result *out, struct tt_err *err) {
	struct tt_watch_verdicts *v = &out->verdicts;
	struct counter c = {0};
	int64_t from = out->counts.from, to = out->counts.to;
	int rc = from < to ? tt_store_verdicts(s, out->info.name, from, to, take, &c, err) : 0;
	if (!rc && c.n)
		rc = tt_store_watch_sources(s, out->info.name, from, to, mark, &c, err);
	for (size_t i = 0; !rc && i < c.n; i++) {
		if (!c.l[i].seen) {
			v->unknown++;
			continue;
		}
		v->annotated++;
		v->open += c.l[i].v.open;
		v->closed += !c.l[i].v.open;
		if (c.l[i].v.open)
			rc = add_product(v, c.l[i].v.product);
	}
	if (rc == -ENOMEM)
		tt_err_set(err, rc, "verdicts: %s", strerror(-rc));
	if (v->product_n)
		qsort(v->products, v->product_n, sizeof(*v->products), by_sources);
	free(c.l);
	return rc;
}
