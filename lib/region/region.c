/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_region.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sets.h"
#include "special.h"
#include "tt_ranges.h"

#define FILES_MAX 64
#define CODES_MAX (26 * 26 + 1)
#define CODE_BITS 10 // of a value: index in codes; above: registry
#define CODE_MASK ((1u << CODE_BITS) - 1)
static const char none[] = "--";
static const char *const registries[] = {"afrinic", "apnic", "arin", "lacnic", "ripencc"};
#define REGISTRY_N (sizeof(registries) / sizeof(registries[0]))

struct tt_region {
	struct tt_ranges *ranges; // to an index in codes (0: none) and a registry
	char codes[CODES_MAX][3];
	unsigned code_n;
	uint64_t records;
	char date[11];
};

// What is being put together.
struct load {
	const char *dir;
	char **names;
	unsigned name_n;
	struct rir_file files[FILES_MAX];
	rir_warn *warn;
	void *arg;
	struct rir_record *all;
	size_t n;
	struct tt_err *err;
};

static void warn(const struct load *ld, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void warn(const struct load *ld, const char *fmt, ...) {
	char line[1024];
	va_list ap;
	if (!ld->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ld->warn(ld->arg, line);
}

static bool ends_with(const char *text, const char *end) {
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

// Checksums and signatures lie beside the files.
bool region_is_delegation(const char *name) {
	static const char *const beside[] = {
		".md5", ".asc", ".sig", ".sha1", ".sha256", ".sha512", ".tmp", ".part"};
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		if (ends_with(name, beside[i]))
			return false;
	}
	return strncmp(name, "delegated-", 10) == 0;
}

static int parse_file(struct load *ld, unsigned i) {
	char path[PATH_MAX];
	struct lines l;
	snprintf(path, sizeof(path), "%s/%s", ld->dir, ld->names[i]);
	int rc = lines_open(&l, path, ld->err);
	if (rc != 0)
		return rc;
	rc = rir_parse(&l, &ld->files[i], ld->warn, ld->arg, ld->err);
	lines_close(&l);
	return rc;
}

// Of several files of one registry the newest counts, then the extended, then the last by name:
// yesterday's and today's would contradict each other everywhere.
static bool supersedes(const struct rir_file *a, const struct rir_file *b) {
	return a->date != b->date ? a->date > b->date : a->extended >= b->extended;
}

static void keep_newest(struct load *ld) {
	for (unsigned i = 0; i < ld->name_n; i++) {
		struct rir_file *a = &ld->files[i];
		for (unsigned j = 0; j < i && *a->registry; j++) {
			struct rir_file *b = &ld->files[j];
			if (!*b->registry || strcmp(a->registry, b->registry) != 0)
				continue;
			bool newer = supersedes(a, b);
			warn(ld, "%s/%s: not used, %s is of the same registry and newer", ld->dir,
				ld->names[newer ? j : i], ld->names[newer ? i : j]);
			rir_free(newer ? b : a);
			*(newer ? b : a)->registry = '\0';
			(newer ? b : a)->date = 0;
		}
	}
}

// From 1; 0 for one that is none of the five.
static uint32_t registry_index(const char *name) {
	for (uint32_t i = 0; i < REGISTRY_N; i++) {
		if (strcmp(name, registries[i]) == 0)
			return i + 1;
	}
	return 0;
}

static void name_missing(const struct load *ld) {
	for (size_t r = 0; r < REGISTRY_N; r++) {
		bool found = false;
		for (unsigned i = 0; i < ld->name_n; i++)
			found |= strcmp(ld->files[i].registry, registries[r]) == 0;
		if (!found)
			warn(ld, "%s: has no file of %s: its addresses have no region", ld->dir,
				registries[r]);
	}
}

static int gather(struct load *ld) {
	size_t n = 0;
	for (unsigned i = 0; i < ld->name_n; i++)
		n += ld->files[i].record_n;
	ld->all = malloc((n + 1) * sizeof(*ld->all));
	if (!ld->all)
		return -ENOMEM;
	for (unsigned i = 0; i < ld->name_n; i++) {
		for (size_t r = 0; r < ld->files[i].record_n; r++) {
			ld->all[ld->n] = ld->files[i].records[r];
			ld->all[ld->n++].file = (uint16_t)i;
		}
		rir_free(&ld->files[i]);
	}
	return 0;
}

static int by_start(const void *a, const void *b) {
	const struct rir_record *x = a, *y = b;
	int c = tt_addr_cmp(&x->first, &y->first);
	if (c == 0)
		c = -tt_addr_cmp(&x->last, &y->last);
	if (c == 0)
		c = (int)x->file - (int)y->file;
	return c ? c : x->row < y->row ? -1 : x->row > y->row;
}

// Length of a range as a number that orders (the addresses are of one family and last >= first).
static void size_of(const struct rir_record *r, uint8_t out[16]) {
	int borrow = 0;
	unsigned n = r->first.family == 4 ? 4 : 16;
	for (unsigned i = n; i-- > 0;) {
		int d = r->last.b[i] - r->first.b[i] - borrow;
		borrow = d < 0;
		out[i] = (uint8_t)d;
	}
}

// Where two records hold one address: the later allocation counts, then the smaller range, then
// the file whose name comes last, then the later row. As an order, the winner last.
static int by_weight(const void *a, const void *b) {
	const struct rir_record *x = a, *y = b;
	if (x->first.family != y->first.family)
		return (int)x->first.family - (int)y->first.family;
	if (x->date != y->date)
		return x->date < y->date ? -1 : 1;
	uint8_t sx[16] = {0}, sy[16] = {0};
	size_of(x, sx);
	size_of(y, sy);
	int c = memcmp(sy, sx, sizeof(sx));
	if (c == 0)
		c = (int)x->file - (int)y->file;
	return c ? c : x->row < y->row ? -1 : x->row > y->row;
}

static void report(const struct load *ld, const struct rir_record *a, const struct rir_record *b) {
	const struct rir_record *wins = by_weight(a, b) > 0 ? a : b, *loses = wins == a ? b : a;
	char first[TT_ADDR_STRLEN], last[TT_ADDR_STRLEN], other[TT_ADDR_STRLEN];
	tt_addr_format(&loses->first, first);
	tt_addr_format(&loses->last, last);
	tt_addr_format(&wins->first, other);
	warn(ld, "%s/%s:%u: %s to %s (%.2s) overlaps %s (%.2s) of %s:%u, which counts: %s", ld->dir,
		ld->names[loses->file], loses->row, first, last, loses->cc, other, wins->cc,
		ld->names[wins->file], wins->row,
		wins->date > loses->date ? "later allocation" : "smaller range or later file");
}

// Sorted by start, a record overlaps something before it where the furthest end so far reaches it.
static void report_overlaps(const struct load *ld) {
	enum { TOLD = 20 };
	size_t found = 0;
	const struct rir_record *reach = NULL;
	for (size_t i = 0; i < ld->n; i++) {
		const struct rir_record *r = &ld->all[i];
		if (reach && reach->first.family == r->first.family &&
			tt_addr_cmp(&r->first, &reach->last) <= 0 && ++found <= TOLD)
			report(ld, reach, r);
		if (!reach || reach->first.family != r->first.family ||
			tt_addr_cmp(&r->last, &reach->last) > 0)
			reach = r;
	}
	if (found > TOLD)
		warn(ld, "%s: %zu more overlaps", ld->dir, found - TOLD);
}

// A range that a registry gives to two countries on one day, of records by start: no rule chooses.
static int find_contradiction(
	const struct rir_record *all, size_t n, const char *dir, char **names, struct tt_err *err) {
	for (size_t i = 1; i < n; i++) {
		const struct rir_record *a = &all[i - 1], *b = &all[i];
		char first[TT_ADDR_STRLEN];
		if (a->file != b->file || a->date != b->date || memcmp(a->cc, b->cc, 2) == 0 ||
			tt_addr_cmp(&a->first, &b->first) || tt_addr_cmp(&a->last, &b->last))
			continue;
		return tt_err_set(err, -EINVAL,
			"%s%s%s:%u: has %s in %.2s, and row %u in %.2s, expected one country", dir,
			names ? "/" : "", names ? names[b->file] : "", b->row,
			tt_addr_format(&b->first, first), b->cc, a->row, a->cc);
	}
	return 0;
}

static int add_special(struct tt_ranges_builder *b) {
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < special_prefix_n; i++) {
		const struct special_prefix *s = &special_prefixes[i];
		struct tt_prefix p = {.addr.family = s->family, .len = s->len};
		struct tt_addr first, last;
		memcpy(p.addr.b, s->addr, sizeof(p.addr.b));
		tt_prefix_range(&p, &first, &last);
		rc = tt_ranges_add(b, &first, &last, 0, UINT32_MAX);
	}
	return rc;
}

static int build(struct load *ld, struct tt_region *out) {
	uint16_t code_of[26 * 26] = {0};
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	int rc = b ? add_special(b) : -ENOMEM;
	memcpy(out->codes[0], none, sizeof(none));
	out->code_n = 1;
	qsort(ld->all, ld->n, sizeof(*ld->all), by_weight);
	for (size_t i = 0; rc == 0 && i < ld->n; i++) {
		const struct rir_record *r = &ld->all[i];
		uint16_t *code = &code_of[(r->cc[0] - 'A') * 26 + (r->cc[1] - 'A')];
		if (*code == 0) {
			*code = (uint16_t)out->code_n;
			memcpy(out->codes[out->code_n++], r->cc, 2);
		}
		rc = tt_ranges_add(b, &r->first, &r->last,
			*code | registry_index(ld->files[r->file].registry) << CODE_BITS,
			(uint32_t)i);
	}
	if (rc == 0 && !(out->ranges = tt_ranges_build(b)))
		rc = -ENOMEM;
	tt_ranges_builder_destroy(&b);
	return rc;
}

static void format_date(uint32_t date, char out[11]) {
	out[0] = '\0';
	if (date != 0)
		snprintf(out, 11, "%04u-%02u-%02u", date / 10000 % 10000, date / 100 % 100,
			date % 100);
}

static int load(struct load *ld, struct tt_region *out) {
	int rc = list_files(ld->dir, region_is_delegation, &ld->names, &ld->name_n, ld->err);
	if (rc != 0)
		return rc;
	if (ld->name_n == 0)
		return tt_err_set(ld->err, -ENOENT,
			"%s: has no file delegated-REGISTRY-..., expected RIR delegation "
			"statistics",
			ld->dir);
	if (ld->name_n > FILES_MAX)
		return tt_err_set(ld->err, -E2BIG,
			"%s: has %u files delegated-..., expected at most %d", ld->dir, ld->name_n,
			FILES_MAX);
	for (unsigned i = 0; rc == 0 && i < ld->name_n; i++)
		rc = parse_file(ld, i);
	if (rc != 0)
		return rc;
	keep_newest(ld);
	rc = gather(ld);
	if (rc == 0) {
		qsort(ld->all, ld->n, sizeof(*ld->all), by_start);
		rc = find_contradiction(ld->all, ld->n, ld->dir, ld->names, ld->err);
	}
	if (rc == 0) {
		name_missing(ld);
		report_overlaps(ld);
		rc = build(ld, out);
	}
	uint32_t date = 0;
	for (unsigned i = 0; i < ld->name_n; i++)
		date = ld->files[i].date > date ? ld->files[i].date : date;
	format_date(date, out->date);
	out->records = ld->n;
	return rc == -ENOMEM ? tt_err_set(ld->err, rc, "%s: out of memory", ld->dir) : rc;
}

struct tt_region *region_load_set(
	const char *dir, rir_warn *warn_fn, void *arg, struct tt_err *err) {
	struct load *ld = calloc(1, sizeof(*ld));
	struct tt_region *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;
	if (ld && r) {
		*ld = (struct load){.dir = dir, .warn = warn_fn, .arg = arg, .err = err};
		rc = load(ld, r);
		for (unsigned i = 0; i < ld->name_n && i < FILES_MAX; i++)
			rir_free(&ld->files[i]);
		free_files(ld->names, ld->name_n);
		free(ld->all);
	} else {
		tt_err_set(err, rc, "%s: out of memory", dir);
	}
	free(ld);
	if (rc != 0) {
		tt_region_destroy(&r);
		errno = -rc;
	}
	return r;
}

int tt_region_check(
	const char *path, const char *registry, char date[11], uint64_t *rows, struct tt_err *err) {
	struct lines l;
	struct rir_file f;
	int rc = lines_open(&l, path, err);
	if (rc != 0)
		return rc;
	rc = rir_parse(&l, &f, NULL, NULL, err);
	lines_close(&l);
	if (rc != 0)
		return rc;
	if (f.record_n > 0)
		qsort(f.records, f.record_n, sizeof(*f.records), by_start);
	rc = find_contradiction(f.records, f.record_n, path, NULL, err);
	rir_free(&f);
	if (rc != 0)
		return rc;
	if (strcmp(f.registry, registry) != 0)
		return tt_err_set(err, -EINVAL, "%s: is of the registry \"%s\", expected \"%s\"",
			path, f.registry, registry);
	format_date(f.date, date);
	*rows = f.seen[RIR_ASN] + f.seen[RIR_IPV4] + f.seen[RIR_IPV6];
	return 0;
}

void tt_region_destroy(struct tt_region **r) {
	if (!r || !*r)
		return;
	tt_ranges_destroy(&(*r)->ranges);
	free(*r);
	*r = NULL;
}

const char *tt_region_of(const struct tt_region *r, uint8_t family, const uint8_t addr[16]) {
	if (!r || (family != 4 && family != 6))
		return none;
	uint32_t v4 = (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 |
		      addr[3];
	uint32_t code =
		family == 4 ? tt_ranges_get4(r->ranges, v4) : tt_ranges_get6(r->ranges, addr);
	return code == TT_RANGES_NONE ? none : r->codes[code & CODE_MASK];
}

const char *tt_region_registry(const struct tt_region *r, uint8_t family, const uint8_t addr[16]) {
	struct tt_addr a = {.family = family};
	if (!r || (family != 4 && family != 6))
		return NULL;
	memcpy(a.b, addr, family == 4 ? 4 : 16);
	uint32_t value = tt_ranges_get(r->ranges, &a);
	return value == TT_RANGES_NONE || value >> CODE_BITS == 0
		       ? NULL
		       : registries[(value >> CODE_BITS) - 1];
}

const char *tt_region_date(const struct tt_region *r) {
	return r ? r->date : "";
}

uint64_t tt_region_records(const struct tt_region *r) {
	return r ? r->records : 0;
}
