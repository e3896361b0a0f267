/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "asn.h"
#include "tt_ranges.h"
#include "tt_region.h"
#include "tt_text.h"

struct name {
	uint32_t asn, at; // in names
	uint32_t seq;
};

struct tt_asn {
	struct tt_ranges *ranges; // to the AS number
	struct name *index;	  // by AS number, the first seen name each
	size_t index_n;
	char *names;
};

void asn_rows_free(struct asn_rows *r) {
	free(r->rows);
	free(r->names);
	*r = (struct asn_rows){0};
}

// RFC 4180: a field in quotes may hold commas and doubled quotes. Cuts in place.
static bool next_field(char **rest, char **field) {
	char *in = *rest, *out = in;
	*field = in;
	if (*in != '"') {
		char *end = strchr(in, ',');
		*rest = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		return true;
	}
	for (in++;; in++) {
		if (*in == '"' && in[1] == '"')
			in++;
		else if (*in == '"')
			break;
		else if (!*in)
			return false;
		*out++ = *in;
	}
	if (in[1] && in[1] != ',')
		return false;
	*rest = in[1] ? in + 2 : NULL;
	*out = '\0';
	return true;
}

static int add_name(struct asn_rows *out, const char *name, uint32_t *at) {
	size_t n = strlen(name) + 1;
	if (out->names_len + n > UINT32_MAX)
		return -EFBIG;
	if (out->names_len + n > out->names_cap) {
		size_t cap = out->names_cap ? out->names_cap * 2 : 65536;
		while (cap < out->names_len + n)
			cap *= 2;
		char *p = realloc(out->names, cap);
		if (!p)
			return -ENOMEM;
		out->names = p;
		out->names_cap = cap;
	}
	*at = (uint32_t)out->names_len;
	memcpy(out->names + out->names_len, name, n);
	out->names_len += n;
	return 0;
}

static int add_row(struct asn_rows *out, const struct asn_row *row) {
	if (out->n == out->cap) {
		size_t cap = out->cap ? out->cap * 2 : 4096;
		struct asn_row *p = realloc(out->rows, cap * sizeof(*p));
		if (!p)
			return -ENOMEM;
		out->rows = p;
		out->cap = cap;
	}
	out->rows[out->n++] = *row;
	return 0;
}

static int parse_row(const struct lines *l, char *line, struct asn_rows *out, struct tt_err *err) {
	char *rest = line, *f[4] = {NULL};
	unsigned n = 0;
	for (; n < 4 && rest; n++) {
		if (n == 3 && *rest != '"') { // a name without quotes keeps its commas
			f[n] = rest;
			rest = NULL;
		} else if (!next_field(&rest, &f[n])) {
			return lines_bad(l, err,
				"has a quote that is not closed, expected start,end,asn,name");
		}
	}
	out->fields = out->fields ? out->fields : n;
	if (n < 3 || (l->unclosed && n < out->fields))
		return lines_bad(l, err, "has %u fields, expected start,end,asn,name%s", n,
			l->unclosed ? " and the end of a line" : "");
	struct asn_row row = {.row = (uint32_t)out->n, .line = (uint32_t)l->row, .file = out->file};
	uint64_t asn;
	if (l->row == 1 && tt_addr_parse(f[0], &row.first) != 0 &&
		!parse_u64(f[2], UINT32_MAX, &asn))
		return 0; // names of the columns
	if (tt_addr_parse(f[0], &row.first) != 0 || tt_addr_parse(f[1], &row.last) != 0)
		return lines_bad(l, err, "is from \"%.48s\" to \"%.48s\", expected two addresses",
			f[0], f[1]);
	if (tt_addr_cmp(&row.first, &row.last) > 0 || row.first.family != row.last.family)
		return lines_bad(l, err, "is from %.48s to %.48s, expected a range of one family",
			f[0], f[1]);
	if (!parse_u64(f[2], UINT32_MAX - 1, &asn))
		return lines_bad(
			l, err, "has the AS number \"%.32s\", expected 0 to 4294967294", f[2]);
	if (f[3] && !tt_utf8_valid(f[3]))
		return lines_bad(l, err, "has the name \"%.64s\", expected UTF-8", f[3]);
	row.asn = (uint32_t)asn;
	int rc = add_name(out, f[3] ? f[3] : "", &row.name);
	if (rc == 0)
		rc = add_row(out, &row);
	return rc ? tt_err_set(err, rc, "%s: %s", l->name, strerror(-rc)) : 0;
}

int asn_parse(struct lines *l, struct asn_rows *out, struct tt_err *err) {
	char *line;
	int rc;
	while ((rc = lines_next(l, &line, err)) > 0) {
		if (!*line || *line == '#')
			continue;
		rc = parse_row(l, line, out, err);
		if (rc != 0)
			break;
	}
	return rc;
}

// The range that starts last wins where two overlap, then the later row.
static int by_start(const void *a, const void *b) {
	const struct asn_row *x = a, *y = b;
	int c = tt_addr_cmp(&x->first, &y->first);
	return c ? c : x->row < y->row ? -1 : x->row > y->row;
}

static int by_range(const void *a, const void *b) {
	const struct asn_row *x = a, *y = b;
	int c = tt_addr_cmp(&x->first, &y->first);
	c = c ? c : tt_addr_cmp(&x->last, &y->last);
	return c ? c : x->row < y->row ? -1 : x->row > y->row;
}

static int by_asn(const void *a, const void *b) {
	const struct name *x = a, *y = b;
	if (x->asn != y->asn)
		return x->asn < y->asn ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int build_names(struct tt_asn *a, struct asn_rows *rows) {
	a->index = malloc((rows->n + 1) * sizeof(*a->index));
	if (!a->index)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n; i++)
		a->index[i] =
			(struct name){rows->rows[i].asn, rows->rows[i].name, rows->rows[i].row};
	qsort(a->index, rows->n, sizeof(*a->index), by_asn);
	for (size_t i = 0; i < rows->n; i++) {
		if (a->index_n == 0 || a->index[a->index_n - 1].asn != a->index[i].asn)
			a->index[a->index_n++] = a->index[i];
	}
	a->names = rows->names;
	rows->names = NULL;
	struct name *p = realloc(a->index, (a->index_n + 1) * sizeof(*p));
	a->index = p ? p : a->index;
	return 0;
}

static int build(struct tt_asn *a, struct asn_rows *rows) {
	int rc = build_names(a, rows);
	if (rows->n > 0)
		qsort(rows->rows, rows->n, sizeof(*rows->rows), by_start);
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	if (!b)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < rows->n; i++)
		rc = tt_ranges_add(b, &rows->rows[i].first, &rows->rows[i].last, rows->rows[i].asn,
			(uint32_t)i);
	if (rc == 0 && !(a->ranges = tt_ranges_build(b)))
		rc = -ENOMEM;
	tt_ranges_builder_destroy(&b);
	return rc;
}

static int load_file(const char *path, struct asn_rows *rows, struct tt_err *err) {
	struct lines l;
	int rc = lines_open(&l, path, err);
	if (rc != 0)
		return rc;
	size_t was = rows->n;
	rc = asn_parse(&l, rows, err);
	if (rc == 0 && rows->n == was)
		rc = tt_err_set(
			err, -EINVAL, "%s: holds no rows, expected start,end,asn,name", path);
	lines_close(&l);
	return rc;
}

// Of ranges that overlap one is the closer; of two that are the same nobody could tell which.
static int find_contradiction(
	struct asn_rows *rows, const char *dir, char **names, struct tt_err *err) {
	if (rows->n > 0)
		qsort(rows->rows, rows->n, sizeof(*rows->rows), by_range);
	for (size_t i = 1; i < rows->n; i++) {
		const struct asn_row *a = &rows->rows[i - 1], *b = &rows->rows[i];
		char first[TT_ADDR_STRLEN], last[TT_ADDR_STRLEN];
		if (a->asn == b->asn || tt_addr_cmp(&a->first, &b->first) ||
			tt_addr_cmp(&a->last, &b->last))
			continue;
		return tt_err_set(err, -EINVAL,
			"%s%s%s:%u: has %s to %s in AS%u, and row %u%s%s in AS%u, expected one AS",
			dir, names ? "/" : "", names ? names[b->file] : "", b->line,
			tt_addr_format(&b->first, first), tt_addr_format(&b->last, last), b->asn,
			a->line, names ? " of " : "", names ? names[a->file] : "", a->asn);
	}
	return 0;
}

static bool is_csv(const char *name) {
	size_t n = strlen(name);
	return name[0] != '.' && ((n > 4 && strcmp(name + n - 4, ".csv") == 0) ||
					 (n > 7 && strcmp(name + n - 7, ".csv.gz") == 0));
}

static int load_all(const char *path, struct asn_rows *rows, struct tt_err *err) {
	struct stat st;
	if (stat(path, &st) < 0)
		return tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		int rc = load_file(path, rows, err);
		return rc ? rc : find_contradiction(rows, path, NULL, err);
	}
	char **names;
	unsigned n;
	int rc = list_files(path, is_csv, &names, &n, err);
	if (rc == 0 && n == 0)
		rc = tt_err_set(err, -ENOENT, "%s: has no file *.csv or *.csv.gz", path);
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		char file[PATH_MAX];
		snprintf(file, sizeof(file), "%s/%s", path, names[i]);
		rows->file = (uint16_t)i;
		rows->fields = 0;
		rc = i > UINT16_MAX
			     ? tt_err_set(err, -E2BIG, "%s: has %u files, expected less", path, n)
			     : load_file(file, rows, err);
	}
	if (rc == 0)
		rc = find_contradiction(rows, path, names, err);
	free_files(names, n);
	return rc;
}

struct tt_asn *tt_asn_load(const char *path, struct tt_err *err) {
	struct asn_rows rows = {0};
	struct tt_asn *a = calloc(1, sizeof(*a));
	int rc = a ? load_all(path, &rows, err)
		   : tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	if (rc == 0) {
		rc = build(a, &rows);
		if (rc != 0)
			tt_err_set(err, rc, "%s: %s", path, strerror(-rc));
	}
	asn_rows_free(&rows);
	if (rc != 0) {
		tt_asn_destroy(&a);
		errno = -rc;
	}
	return a;
}

void tt_asn_destroy(struct tt_asn **a) {
	if (!a || !*a)
		return;
	tt_ranges_destroy(&(*a)->ranges);
	free((*a)->index);
	free((*a)->names);
	free(*a);
	*a = NULL;
}

uint32_t tt_asn_of(const struct tt_asn *a, uint8_t family, const uint8_t addr[16]) {
	struct tt_addr x = {.family = family};
	if (!a || (family != 4 && family != 6))
		return 0;
	memcpy(x.b, addr, family == 4 ? 4 : 16);
	uint32_t asn = tt_ranges_get(a->ranges, &x);
	return asn == TT_RANGES_NONE ? 0 : asn;
}

bool tt_asn_network(const struct tt_asn *a, const struct tt_addr *addr, struct tt_prefix *out) {
	struct tt_addr first, last, lo, hi;
	unsigned bits = addr->family == 4 ? 32 : 128;
	if (!a || !tt_ranges_interval(a->ranges, addr, &first, &last))
		return false;
	for (unsigned len = 0; len <= bits; len++) {
		struct tt_prefix p = {.addr = *addr, .len = (uint8_t)len};
		tt_prefix_range(&p, &lo, &hi);
		if (tt_addr_cmp(&lo, &first) >= 0 && tt_addr_cmp(&hi, &last) <= 0) {
			*out = (struct tt_prefix){.addr = lo, .len = (uint8_t)len};
			return true;
		}
	}
	return false;
}

const char *tt_asn_name(const struct tt_asn *a, uint32_t asn) {
	size_t low = 0, high = a ? a->index_n : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (a->index[mid].asn == asn)
			return a->names[a->index[mid].at] ? a->names + a->index[mid].at : NULL;
		if (a->index[mid].asn < asn)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
