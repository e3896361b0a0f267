/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tt_buf.h"
#include "tt_file.h"
#include "tt_knowledge.h"

#define KEV_MAX (64u << 20) // bytes of the file

struct tt_kev {
	json_t *root;		      // owns the texts
	struct tt_kev_entry *entries; // by id
	unsigned n;
	char date[11];
};

static bool is_date(const char *s) {
	static const char shape[] = "dddd-dd-dd";
	for (unsigned i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != '-')
			return false;
	return !s[10] || s[10] == 'T';
}

static const char *text(const json_t *row, const char *key) {
	const char *s = json_string_value(json_object_get(row, key));
	return s ? s : "";
}

static int bad(const char *path, size_t i, const char *key, const json_t *value,
	const char *expected, struct tt_err *err) {
	char shown[64] = "missing";
	if (json_is_string(value))
		snprintf(shown, sizeof(shown), "\"%.48s\"", json_string_value(value));
	else if (value)
		snprintf(shown, sizeof(shown), "no text");
	return tt_err_set(err, -EINVAL, "%s: $.vulnerabilities[%zu].%s: is %s, expected %s", path,
		i, key, shown, expected);
}

static int read_entry(
	struct tt_kev_entry *e, const char *path, size_t i, const json_t *row, struct tt_err *err) {
	const char *cve = text(row, "cveID"), *added = text(row, "dateAdded");
	if (strncmp(cve, "CVE-", 4) || !isdigit((unsigned char)cve[4]))
		return bad(path, i, "cveID", json_object_get(row, "cveID"),
			"an id as \"CVE-2018-14847\"", err);
	if (!is_date(added))
		return bad(path, i, "dateAdded", json_object_get(row, "dateAdded"),
			"a date as \"2024-12-18\"", err);
	*e = (struct tt_kev_entry){.cve = cve,
		.vendor = text(row, "vendorProject"),
		.product = text(row, "product"),
		.name = text(row, "vulnerabilityName"),
		.ransomware = !strcmp(text(row, "knownRansomwareCampaignUse"), "Known")};
	memcpy(e->added, added, 10);
	return 0;
}

static int by_cve(const void *x, const void *y) {
	const struct tt_kev_entry *a = x, *b = y;
	return strcmp(a->cve, b->cve);
}

// Rows that say the same twice are one; rows that contradict each other are an error.
static int drop_doubles(struct tt_kev *k, const char *path, struct tt_err *err) {
	unsigned n = 0;
	for (unsigned i = 0; i < k->n; i++) {
		struct tt_kev_entry *e = &k->entries[i];
		if (n && !strcmp(k->entries[n - 1].cve, e->cve)) {
			if (strcmp(k->entries[n - 1].added, e->added))
				return tt_err_set(err, -EINVAL,
					"%s: lists %s twice, added on %s and on %s, expected one "
					"date",
					path, e->cve, k->entries[n - 1].added, e->added);
			continue;
		}
		k->entries[n++] = *e;
	}
	k->n = n;
	return 0;
}

static int read_all(struct tt_kev *k, const char *path, struct tt_err *err) {
	const json_t *list = json_object_get(k->root, "vulnerabilities"), *row;
	const json_t *count = json_object_get(k->root, "count");
	const char *released = text(k->root, "dateReleased");
	size_t n = json_array_size(list), i;
	int rc = 0;
	if (!json_is_array(list))
		return tt_err_set(err, -EINVAL,
			"%s: has no list $.vulnerabilities, expected CISA's catalogue of known "
			"exploited vulnerabilities",
			path);
	if (json_is_integer(count) && (size_t)json_integer_value(count) != n)
		return tt_err_set(err, -EINVAL,
			"%s: $.count: is %lld, expected %zu as the list holds: the file was cut or "
			"changed",
			path, (long long)json_integer_value(count), n);
	if (is_date(released))
		memcpy(k->date, released, 10);
	k->entries = calloc(n ? n : 1, sizeof(*k->entries));
	if (!k->entries)
		return tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	json_array_foreach(list, i, row) {
		if ((rc = read_entry(&k->entries[k->n++], path, i, row, err)))
			return rc;
	}
	qsort(k->entries, k->n, sizeof(*k->entries), by_cve);
	return drop_doubles(k, path, err);
}

static int parse(struct tt_kev *k, const char *path, struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(KEV_MAX);
	json_error_t e;
	int rc = tt_file_read(path, &b, err);
	if (!rc) {
		k->root =
			json_loadb(b.data ? (char *)b.data : "", b.len, JSON_REJECT_DUPLICATES, &e);
		if (!k->root)
			rc = tt_err_set(
				err, -EINVAL, "%s:%d:%d: %s", path, e.line, e.column, e.text);
	}
	tt_buf_free(&b);
	return rc ? rc : read_all(k, path, err);
}

struct tt_kev *tt_kev_load(const char *path, struct tt_err *err) {
	struct tt_kev *k = calloc(1, sizeof(*k));
	int rc = k ? parse(k, path, err) : tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	if (rc) {
		tt_kev_destroy(&k);
		errno = -rc;
	}
	return k;
}

void tt_kev_destroy(struct tt_kev **k) {
	if (!k || !*k)
		return;
	free((*k)->entries);
	json_decref((*k)->root);
	free(*k);
	*k = NULL;
}

const struct tt_kev_entry *tt_kev_find(const struct tt_kev *k, const char *cve) {
	struct tt_kev_entry key = {.cve = cve};
	return k ? bsearch(&key, k->entries, k->n, sizeof(key), by_cve) : NULL;
}

const char *tt_kev_date(const struct tt_kev *k) {
	return k ? k->date : "";
}

unsigned tt_kev_count(const struct tt_kev *k) {
	return k ? k->n : 0;
}
