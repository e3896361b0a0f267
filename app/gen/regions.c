/* SPDX-License-Identifier: BSD-3-Clause */
// Where sources come from. The built-in ranges are large ones that the registries delegated; only
// the country matters. Some are no prefixes on purpose: 768 addresses, 259 times 256.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gen.h"
#include "tt_conf.h"
#include "tt_file.h"
#include "tt_time.h"

static const struct {
	const char *cc, *registry, *ranges;
	double weight;
} built_in[] = {
	{"US", "arin", "16.0.0.0+65536,23.128.96.0+768,2600:1f00::/24", 22},
	{"CN", "apnic", "183.0.0.0+196608,240e:300::/32", 15},
	{"RU", "ripencc", "178.64.0.0+65536,2a00:1370::/32", 8},
	{"NL", "ripencc", "145.192.0.0+66304,2a02:a450::/32", 7},
	{"BR", "lacnic", "179.72.0.0+65536,2804:14c::/32", 5},
	{"IN", "apnic", "122.160.0.0+65536,2401:4900::/32", 5},
	{"DE", "ripencc", "79.192.0.0+65536,2003:c000::/32", 4},
	{"KR", "apnic", "14.32.0.0+65536,2001:e60::/32", 4},
	{"GB", "ripencc", "82.0.0.0+65536,2a00:23c4::/32", 3.5},
	{"TW", "apnic", "1.160.0.0+65536,2001:b000::/32", 3.2},
	{"VN", "apnic", "14.224.0.0+65536,2405:4800::/32", 3},
	{"HK", "apnic", "218.188.0.0+65536,2404:c800::/32", 2.8},
	{"BG", "ripencc", "151.251.0.0+65536,2a01:5a80::/32", 2.6},
	{"FR", "ripencc", "92.128.0.0+65536,2a01:cb00::/32", 2.3},
	{"JP", "apnic", "153.124.168.0+66304,2400:4050::/32", 2},
	{"SG", "apnic", "116.86.0.0+229376,2406:3000::/32", 1.9},
	{"ID", "apnic", "36.64.0.0+65536,2404:8000::/32", 1.7},
	{"CA", "arin", "142.12.0.0+65536,2605:8d80::/32", 1.5},
	{"AR", "lacnic", "181.20.0.0+65536,2800:810::/32", 1.2},
	{"MX", "lacnic", "189.201.252.0+66560,2806:2f0::/32", 1},
	{"ZA", "afrinic", "105.208.0.0+65536,2c0f:f000::/32", 0.9},
	{"EG", "afrinic", "105.192.0.0+65536,2c0f:fc88::/32", 0.8},
	{"--", "ripencc", "151.252.0.0+4096,2a09:bac0::/32", 0.4}, // available, so nobody's
	{"--", "", "10.9.0.0+4096,100.64.0.0+1024,2001:db8:bad::/48", 0.3},
};

static int add_range(struct region *r, const char *text) {
	char copy[64];
	if (r->range_n == sizeof(r->ranges) / sizeof(r->ranges[0]) || strlen(text) >= sizeof(copy))
		return -E2BIG;
	struct range *x = &r->ranges[r->range_n];
	snprintf(copy, sizeof(copy), "%s", text);
	char *plus = strchr(copy, '+');
	struct tt_prefix p;
	if (plus) {
		char *end;
		*plus = 0;
		x->count = strtoull(plus + 1, &end, 10);
		if (*end || x->count == 0 || tt_addr_parse(copy, &x->first) < 0 ||
			x->first.family != 4 || tt_addr_v4(&x->first) + x->count > 1ull << 32)
			return -EINVAL;
	} else {
		if (tt_prefix_parse(copy, &p) < 0 || (p.addr.family == 6 && p.len > 64))
			return -EINVAL;
		x->first = p.addr;
		x->len = p.len;
		x->count = p.addr.family == 4 ? 1ull << (32 - p.len) : 0;
	}
	r->range_n++;
	return 0;
}

void regions_default(struct regions *r) {
	memset(r, 0, sizeof(*r));
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++) {
		struct region *x = &r->r[r->n++];
		snprintf(x->cc, sizeof(x->cc), "%s", built_in[i].cc);
		snprintf(x->registry, sizeof(x->registry), "%s", built_in[i].registry);
		x->weight = built_in[i].weight;
		char list[128], *save = NULL;
		snprintf(list, sizeof(list), "%s", built_in[i].ranges);
		for (char *s = strtok_r(list, ",", &save); s; s = strtok_r(NULL, ",", &save))
			add_range(x, s);
	}
}

static const char *const registries[] = {"afrinic", "apnic", "arin", "lacnic", "ripencc"};

static bool registry_known(const char *name) {
	for (size_t i = 0; i < 5; i++)
		if (strcmp(name, registries[i]) == 0)
			return true;
	return false;
}

static int read_ranges(struct region *r, const json_t *list, const char *path, size_t at,
	const char *key, struct tt_err *err) {
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));
		int rc = add_range(r, s ? s : "");
		if (rc < 0)
			return tt_err_set(err, rc,
				"%s: $.regions[%zu].%s[%zu]: expected a prefix (IPv6 up to /64) or "
				"FIRST+COUNT (IPv4), at most 8 in all",
				path, at, key, i);
	}
	return 0;
}

json_t *json_read(const char *path, struct tt_err *err) {
	json_error_t je;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
	if (!root && je.line < 0) // it cannot be opened
		tt_err_set(err, -EINVAL, "%s", je.text);
	else if (!root)
		tt_err_set(err, -EINVAL, "%s:%d:%d: %s", path, je.line, je.column, je.text);
	return root;
}

int regions_load(struct regions *r, const char *path, struct tt_err *err) {
	json_t *root = json_read(path, err);
	if (!root)
		return -EINVAL;
	const json_t *list = json_object_get(root, "regions");
	memset(r, 0, sizeof(*r));
	int rc = 0;
	size_t n = json_array_size(list);
	if (n == 0 || n > REGION_MAX)
		rc = tt_err_set(err, -EINVAL, "%s: $.regions: expected a list of 1 to %d", path,
			REGION_MAX);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct region *x = &r->r[r->n++];
		const char *cc = NULL, *registry = "";
		const json_t *v4 = NULL, *v6 = NULL;
		json_error_t ue;
		x->weight = 1;
		if (json_unpack_ex(json_array_get(list, i), &ue, JSON_STRICT,
			    "{s:s, s?s, s?o, s?o, s?F}", "region", &cc, "registry", &registry,
			    "ipv4", &v4, "ipv6", &v6, "weight", &x->weight) < 0) {
			rc = tt_err_set(err, -EINVAL, "%s: $.regions[%zu]: %s", path, i, ue.text);
		} else if (strlen(cc) != 2 || (*registry && !registry_known(registry)) ||
			   x->weight < 0) {
			rc = tt_err_set(err, -EINVAL,
				"%s: $.regions[%zu]: expected two letters, one of the five "
				"registries and a weight",
				path, i);
		} else {
			snprintf(x->cc, sizeof(x->cc), "%s", cc);
			snprintf(x->registry, sizeof(x->registry), "%s", registry);
			rc = read_ranges(x, v4, path, i, "ipv4", err);
			if (rc == 0)
				rc = read_ranges(x, v6, path, i, "ipv6", err);
		}
	}
	json_decref(root);
	return rc;
}

static void write_rows(struct tt_buf *b, const struct regions *r, const char *registry, int family,
	const char *date, bool extended) {
	unsigned holder = 0;
	for (unsigned i = 0; i < r->n; i++) {
		const struct region *x = &r->r[i];
		if (strcmp(x->registry, registry) != 0)
			continue;
		bool none = strcmp(x->cc, "--") == 0;
		for (unsigned j = 0; j < x->range_n; j++) {
			const struct range *g = &x->ranges[j];
			char text[TT_ADDR_STRLEN];
			if (g->first.family != family)
				continue;
			tt_buf_printf(b, "%s|%s|%s|%s|%llu|%s|%s", registry, none ? "" : x->cc,
				family == 4 ? "ipv4" : "ipv6", tt_addr_format(&g->first, text),
				family == 4 ? (unsigned long long)g->count : g->len,
				none ? "" : date,
				none	     ? "available"
				: j % 2 == 0 ? "allocated"
					     : "assigned");
			if (extended)
				tt_buf_printf(b, "|%s%u", none ? "" : "holder-", holder++);
			tt_buf_append(b, "\n", 1);
		}
	}
}

static unsigned count_rows(const struct regions *r, const char *registry, int family) {
	unsigned n = 0;
	for (unsigned i = 0; i < r->n; i++)
		for (unsigned j = 0; j < r->r[i].range_n; j++)
			n += strcmp(r->r[i].registry, registry) == 0 &&
			     r->r[i].ranges[j].first.family == family;
	return n;
}

int regions_write(const struct regions *r, const char *dir, int64_t sec, struct tt_err *err) {
	int y, m, d;
	tt_civil_from_days(sec / 86400, &y, &m, &d);
	char date[40], path[4096];
	snprintf(date, sizeof(date), "%04d%02d%02d", y, m, d);
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return tt_err_set(err, -errno, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < 5; i++) {
		struct tt_buf b = TT_BUF_INIT(1u << 20);
		const char *name = registries[i];
		unsigned n4 = count_rows(r, name, 4), n6 = count_rows(r, name, 6);
		bool extended = i % 2 == 0; // some of each format
		tt_buf_printf(&b,
			"# generated for tests: no registry's data\n%s|%s|%s|%u|19830101|"
			"%s|+0000\n",
			extended ? "2.3" : "2", name, date, n4 + n6, date);
		tt_buf_printf(
			&b, "%s|*|ipv4|*|%u|summary\n%s|*|ipv6|*|%u|summary\n", name, n4, name, n6);
		write_rows(&b, r, name, 4, date, extended);
		write_rows(&b, r, name, 6, date, extended);
		snprintf(path, sizeof(path), "%s/delegated-%s-%slatest", dir, name,
			extended ? "extended-" : "");
		int rc = b.rc < 0 ? tt_err_set(err, b.rc, "%s: too many rows", path)
				  : tt_file_write(path, b.data, b.len, 0644, err);
		tt_buf_free(&b);
		if (rc < 0)
			return rc;
	}
	return 0;
}

bool address_special(const struct tt_addr *a) {
	static const char *const list[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10",
		"127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
		"192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/3", "::/8", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23",
		"2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
		"ff00::/8"};
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct tt_prefix p;
		if (tt_prefix_parse(list[i], &p) == 0 && tt_prefix_contains(&p, a))
			return true;
	}
	return false;
}

static bool range_contains(const struct range *g, const struct tt_addr *a) {
	if (g->first.family != a->family)
		return false;
	if (a->family == 4) {
		uint32_t first = tt_addr_v4(&g->first), v = tt_addr_v4(a);
		return v >= first && v - first < g->count;
	}
	struct tt_prefix p = {.addr = g->first, .len = g->len};
	return tt_prefix_contains(&p, a);
}

int regions_of(const struct regions *r, const struct tt_addr *a) {
	for (unsigned i = 0; i < r->n; i++)
		for (unsigned j = 0; j < r->r[i].range_n; j++)
			if (range_contains(&r->r[i].ranges[j], a))
				return (int)i;
	return -1;
}
