/* SPDX-License-Identifier: BSD-3-Clause */
#include "rir.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Fields of a row: registry|cc|type|start|value|date|status[|opaque-id[|...]]; the rest stays in
// the last part.
enum { F_REGISTRY, F_CC, F_TYPE, F_START, F_VALUE, F_DATE, F_STATUS, F_REST, F_N };
// version|registry|serial|records|startdate|enddate|UTCoffset
enum { H_VERSION, H_REGISTRY, H_SERIAL, H_RECORDS, H_START, H_END, H_OFFSET, H_N };

const char *const rir_type_names[RIR_TYPE_N] = {"asn", "ipv4", "ipv6"};

static int type_of(const char *name) {
	for (int i = 0; i < RIR_TYPE_N; i++) {
		if (strcasecmp(name, rir_type_names[i]) == 0)
			return i;
	}
	return -1;
}

// 20130510, as a number that orders; 0 for what is empty, 00000000 or no date.
static uint32_t date_of(const char *text) {
	uint64_t v;
	if (strlen(text) != 8 || !parse_u64(text, 99991231, &v))
		return 0;
	unsigned month = (unsigned)(v / 100 % 100), day = (unsigned)(v % 100);
	return v >= 19000101 && month >= 1 && month <= 12 && day >= 1 && day <= 31 ? (uint32_t)v
										   : 0;
}

static void set_registry(struct rir_file *out, const char *name) {
	for (size_t i = 0; name[i] && i + 1 < sizeof(out->registry); i++)
		out->registry[i] = (char)tolower((unsigned char)name[i]);
}

static int parse_header(
	const struct lines *l, char **f, unsigned n, struct rir_file *out, struct tt_err *err) {
	if (n < H_N || !*f[H_REGISTRY] || strlen(f[H_REGISTRY]) >= sizeof(out->registry))
		return lines_bad(l, err,
			"is a version line of %u fields, expected "
			"version|registry|serial|records|startdate|enddate|UTCoffset",
			n);
	out->has_header = true;
	set_registry(out, f[H_REGISTRY]);
	if (!parse_u64(f[H_RECORDS], UINT32_MAX, &out->header_records))
		return lines_bad(l, err, "the number of records is \"%.32s\", expected a number",
			f[H_RECORDS]);
	// RIPE's serial is a UNIX time, ARIN's has 13 digits: the end date is the snapshot's
	out->date = date_of(f[H_END]);
	if (out->date == 0)
		out->date = date_of(f[H_SERIAL]);
	return 0;
}

static int parse_summary(
	const struct lines *l, char **f, struct rir_file *out, struct tt_err *err) {
	int type = type_of(f[F_TYPE]);
	uint64_t count;
	if (!parse_u64(f[F_VALUE], UINT32_MAX, &count))
		return lines_bad(
			l, err, "the summary's count is \"%.32s\", expected a number", f[F_VALUE]);
	if (type >= 0) {
		out->has_summary[type] = true;
		out->summary[type] = count;
	}
	return 0;
}

static int parse_ipv4(const struct lines *l, char **f, struct rir_record *r, struct tt_err *err) {
	uint64_t count;
	if (tt_addr_parse(f[F_START], &r->first) != 0 || r->first.family != 4)
		return lines_bad(
			l, err, "starts at \"%.48s\", expected an IPv4 address", f[F_START]);
	if (!parse_u64(f[F_VALUE], 1ull << 32, &count) || count == 0)
		return lines_bad(l, err,
			"has \"%.32s\" addresses, expected a number from 1 to 2^32", f[F_VALUE]);
	uint64_t last = tt_addr_v4(&r->first) + count - 1;
	if (last > UINT32_MAX)
		return lines_bad(l, err,
			"has %s addresses from %s, expected none past "
			"255.255.255.255",
			f[F_VALUE], f[F_START]);
	r->last = (struct tt_addr){.family = 4};
	for (int i = 0; i < 4; i++)
		r->last.b[i] = (uint8_t)(last >> (24 - 8 * i));
	return 0;
}

static int parse_ipv6(const struct lines *l, char **f, struct rir_record *r, struct tt_err *err) {
	uint64_t len;
	if (tt_addr_parse(f[F_START], &r->first) != 0 || r->first.family != 6)
		return lines_bad(
			l, err, "starts at \"%.48s\", expected an IPv6 address", f[F_START]);
	if (!parse_u64(f[F_VALUE], 128, &len))
		return lines_bad(
			l, err, "has the prefix length \"%.32s\", expected 0 to 128", f[F_VALUE]);
	struct tt_prefix p = {r->first, (uint8_t)len};
	tt_prefix_range(&p, &r->first, &r->last);
	return 0;
}

static struct rir_record *next_record(struct rir_file *out) {
	if (out->record_n == out->record_cap) {
		size_t cap = out->record_cap ? out->record_cap * 2 : 1024;
		struct rir_record *p = realloc(out->records, cap * sizeof(*p));
		if (!p)
			return NULL;
		out->records = p;
		out->record_cap = cap;
	}
	return &out->records[out->record_n];
}

static bool known_status(const char *s) {
	return strcasecmp(s, "allocated") == 0 || strcasecmp(s, "assigned") == 0 ||
	       strcasecmp(s, "available") == 0 || strcasecmp(s, "reserved") == 0;
}

static bool gives_region(char **f) {
	const char *cc = f[F_CC], *status = f[F_STATUS];
	return *cc && strcasecmp(cc, "ZZ") != 0 &&
	       (strcasecmp(status, "allocated") == 0 || strcasecmp(status, "assigned") == 0);
}

static int parse_row(
	const struct lines *l, char **f, unsigned n, struct rir_file *out, struct tt_err *err) {
	if (n <= F_STATUS)
		return lines_bad(l, err,
			"has %u fields, expected registry|cc|type|start|value|date|status", n);
	if (!*out->registry)
		set_registry(out, f[F_REGISTRY]);
	const char *cc = f[F_CC];
	if (*cc && !(isalpha((unsigned char)cc[0]) && isalpha((unsigned char)cc[1]) && !cc[2]))
		return lines_bad(
			l, err, "the country is \"%.16s\", expected two letters or none", cc);
	// a status that nobody knows gives no region; one that was cut is told from it at the end
	if (l->unclosed && !known_status(f[F_STATUS]))
		return lines_bad(l, err,
			"the status is \"%.32s\", expected allocated, assigned, "
			"available or reserved",
			f[F_STATUS]);
	int type = type_of(f[F_TYPE]);
	if (type < 0)
		return lines_bad(
			l, err, "the type is \"%.16s\", expected asn, ipv4 or ipv6", f[F_TYPE]);
	out->seen[type]++;
	if (type == RIR_ASN)
		return 0;
	struct rir_record *r = next_record(out);
	if (!r)
		return tt_err_set(err, -ENOMEM, "%s: out of memory", l->name);
	*r = (struct rir_record){.date = date_of(f[F_DATE]), .row = l->row};
	int rc = type == RIR_IPV4 ? parse_ipv4(l, f, r, err) : parse_ipv6(l, f, r, err);
	if (rc == 0 && gives_region(f)) {
		r->cc[0] = (char)toupper((unsigned char)cc[0]);
		r->cc[1] = (char)toupper((unsigned char)cc[1]);
		out->record_n++;
	}
	return rc;
}

static int parse_line(const struct lines *l, char *line, struct rir_file *out, struct tt_err *err) {
	while (isspace((unsigned char)*line))
		line++;
	if (!*line || *line == '#')
		return 0;
	for (size_t n = strlen(line); n > 0 && isspace((unsigned char)line[n - 1]);)
		line[--n] = '\0';
	char *f[F_N];
	unsigned n = split(line, '|', f, F_N);
	if (!out->has_header && isdigit((unsigned char)*f[H_VERSION]))
		return parse_header(l, f, n, out, err);
	// registry|*|type|*|count|summary
	if (n > F_DATE && strcmp(f[F_CC], "*") == 0 && strcmp(f[F_DATE], "summary") == 0)
		return parse_summary(l, f, out, err);
	out->extended |= n > F_STATUS + 1;
	return parse_row(l, f, n, out, err);
}

// Whether rows are missing because the file was cut. Registries themselves have published files
// whose counts are a little off; such a file contradicts itself or differs by under 1 %. A file
// whose header and summaries agree with each other, but not with fewer rows, lost its end.
static int check_counts(const struct lines *l, const struct rir_file *f, rir_warn *warn, void *arg,
	struct tt_err *err) {
	uint64_t promised = 0, rows = 0;
	bool complete = f->has_header, any = false;
	for (int i = 0; i < RIR_TYPE_N; i++) {
		rows += f->seen[i];
		promised += f->summary[i];
		complete &= f->has_summary[i] || f->seen[i] == 0;
		any |= f->has_summary[i];
	}
	bool agree = complete && promised == f->header_records;
	for (int i = 0; i < RIR_TYPE_N; i++) {
		uint64_t want = f->summary[i], have = f->seen[i];
		if (!f->has_summary[i] || want == have)
			continue;
		if (have < want && (agree || want - have > want / 100))
			return tt_err_set(err, -EINVAL,
				"%s:%u: ends after %llu %s rows, expected %llu as its summary "
				"says: the "
				"file was cut",
				l->name, l->row, (unsigned long long)have, rir_type_names[i],
				(unsigned long long)want);
		char line[512];
		snprintf(line, sizeof(line), "%s: has %llu %s rows, its summary says %llu", l->name,
			(unsigned long long)have, rir_type_names[i], (unsigned long long)want);
		if (warn)
			warn(arg, line);
	}
	// some count the summary lines as records
	uint64_t slack = f->header_records / 100 + (any ? RIR_TYPE_N : 0);
	if (f->has_header && !agree && rows + slack < f->header_records)
		return tt_err_set(err, -EINVAL,
			"%s:%u: ends after %llu rows, expected %llu as its first line says: the "
			"file "
			"was cut",
			l->name, l->row, (unsigned long long)rows,
			(unsigned long long)f->header_records);
	if (f->has_header && rows != f->header_records && !agree && warn) {
		char line[512];
		snprintf(line, sizeof(line), "%s: has %llu rows, its first line says %llu", l->name,
			(unsigned long long)rows, (unsigned long long)f->header_records);
		warn(arg, line);
	}
	return 0;
}

int rir_parse(
	struct lines *l, struct rir_file *out, rir_warn *warn, void *arg, struct tt_err *err) {
	*out = (struct rir_file){0};
	char *line;
	int rc;
	while ((rc = lines_next(l, &line, err)) > 0) {
		rc = parse_line(l, line, out, err);
		if (rc != 0 && l->unclosed)
			rc = lines_bad(l, err, "the file was cut in its last row");
		if (rc != 0)
			break;
	}
	out->row = l->row;
	uint64_t rows = out->seen[RIR_ASN] + out->seen[RIR_IPV4] + out->seen[RIR_IPV6];
	if (rc == 0 && !out->has_header && rows == 0)
		rc = tt_err_set(err, -EINVAL,
			"%s:%u: holds no rows, expected RIR delegation statistics", l->name,
			l->row);
	if (rc == 0)
		rc = check_counts(l, out, warn, arg, err);
	if (rc != 0)
		rir_free(out);
	return rc;
}

int rir_peek(struct lines *l, struct rir_file *out, struct tt_err *err) {
	*out = (struct rir_file){0};
	char *line;
	int rc;
	while ((rc = lines_next(l, &line, err)) > 0) {
		while (isspace((unsigned char)*line))
			line++;
		if (!*line || *line == '#')
			continue;
		rc = parse_line(l, line, out, err);
		break;
	}
	rir_free(out);
	return rc < 0 ? rc : 0;
}

void rir_free(struct rir_file *f) {
	free(f->records);
	f->records = NULL;
	f->record_n = f->record_cap = 0;
}
