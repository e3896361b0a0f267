/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lines.h"
#include "tt_addr.h"
#include "tt_conf.h"
#include "tt_ranges.h"
#include "tt_region.h"

#define SCANNERS_MAX 4096

struct tt_scanners {
	struct tt_ranges *ranges; // to the index, from 1
	char **names;
	unsigned n, ports_per_day;
};

static bool is_list(const char *name) {
	size_t n = strlen(name);
	return name[0] != '.' && n > 4 && strcmp(name + n - 4, ".txt") == 0;
}

// Its place among the names, from 1.
static int name_of(struct tt_scanners *s, const char *text, size_t n) {
	for (unsigned i = 0; i < s->n; i++) {
		if (strncmp(s->names[i], text, n) == 0 && !s->names[i][n])
			return (int)i + 1;
	}
	if (s->n == SCANNERS_MAX)
		return -E2BIG;
	s->names[s->n] = strndup(text, n);
	return s->names[s->n] ? (int)++s->n : -ENOMEM;
}

// "shodan_v4.txt" and "shodan_v6.txt" are one organisation.
static int name_of_file(struct tt_scanners *s, const char *file) {
	size_t n = strlen(file) - 4;
	if (n > 3 && (memcmp(file + n - 3, "_v4", 3) == 0 || memcmp(file + n - 3, "_v6", 3) == 0))
		n -= 3;
	return name_of(s, file, n);
}

// A prefix with what surrounds it taken away; "" where the line holds none.
static char *trim(char *line) {
	line[strcspn(line, "#;")] = '\0';
	line += strspn(line, " \t");
	size_t n = strlen(line);
	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		line[--n] = '\0';
	return line;
}

static int load_list(
	struct lines *l, uint32_t index, struct tt_ranges_builder *b, struct tt_err *err) {
	char *line;
	int rc;
	bool any = false;
	while ((rc = lines_next(l, &line, err)) > 0) {
		struct tt_prefix p;
		struct tt_addr first, last;
		line = trim(line);
		if (!*line)
			continue;
		rc = tt_prefix_parse(line, &p);
		if (rc != 0 && rc != -EDOM) // published lists have bits set past the length
			return lines_bad(
				l, err, "is \"%.64s\", expected an address or a prefix", line);
		if (l->unclosed &&
			rc == -EDOM) // "203.0.113.0/24" without its end is a far larger one
			return lines_bad(l, err,
				"ends with \"%.64s\", expected no bits past its length or the end "
				"of a line: the file was cut",
				line);
		any = true;
		tt_prefix_range(&p, &first, &last);
		rc = tt_ranges_add(b, &first, &last, index, p.len);
		if (rc != 0)
			return tt_err_set(err, rc, "%s: %s", l->name, strerror(-rc));
	}
	return rc || any ? rc
			 : tt_err_set(err, -EINVAL,
				   "%s: is empty, expected an address or a prefix a line", l->name);
}

static int load_all(struct tt_scanners *s, const char *dir, char **files, unsigned n,
	struct tt_ranges_builder *b, struct tt_err *err) {
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		char path[PATH_MAX];
		struct lines l;
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		int index = name_of_file(s, files[i]);
		rc = index < 0 ? tt_err_set(err, index, "%s: %s", path, strerror(-index))

			       : lines_open(&l, path, err);
		if (rc == 0) {
			rc = load_list(&l, (uint32_t)index, b, err);
			lines_close(&l);
		}
	}
	return rc;
}

static int load_dir(
	struct tt_scanners *s, const char *dir, struct tt_ranges_builder *b, struct tt_err *err) {
	char **files = NULL;
	unsigned n = 0;
	int rc = list_files(dir, is_list, &files, &n, err);
	if (rc == 0 && (n == 0 || n > SCANNERS_MAX))
		rc = tt_err_set(err, n ? -E2BIG : -ENOENT,
			"%s: has %u lists (*.txt), expected 1 to %d", dir, n, SCANNERS_MAX);
	if (rc == 0)
		rc = load_all(s, dir, files, n, b, err);
	free_files(files, n);
	return rc;
}

static int add_prefixes(const json_t *list, uint32_t index, struct tt_ranges_builder *b) {
	const json_t *text;
	size_t i;
	int rc = 0;
	json_array_foreach(list, i, text) {
		struct tt_prefix p;
		struct tt_addr first, last;
		tt_prefix_parse(json_string_value(text), &p);
		tt_prefix_range(&p, &first, &last);
		rc = rc ? rc : tt_ranges_add(b, &first, &last, index, p.len);
	}
	return rc;
}

static int load_json(
	struct tt_scanners *s, const char *path, struct tt_ranges_builder *b, struct tt_err *err) {
	json_t *root = NULL, *row;
	char dir[PATH_MAX];
	size_t i;
	int rc = tt_conf_load(path, "scanners", &root, err);
	if (rc != 0)
		return rc;
	const char *folder = json_string_value(json_object_get(root, "directory"));
	if (folder && (rc = tt_conf_path(path, folder, dir, sizeof(dir), err)) == 0)
		rc = load_dir(s, dir, b, err);
	json_array_foreach(json_object_get(root, "scanners"), i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));
		int index = rc ? rc : name_of(s, name, strlen(name));
		if (index > 0)
			index = add_prefixes(json_object_get(row, "prefixes"), (uint32_t)index, b);
		if (rc == 0 && index < 0)
			rc = tt_err_set(
				err, index, "%s: $.scanners[%zu]: %s", path, i, strerror(-index));
	}
	const json_t *behaviour = json_object_get(root, "behaviour");
	s->ports_per_day =
		(unsigned)json_integer_value(json_object_get(behaviour, "ports_per_day"));
	json_decref(root);
	return rc;
}

struct tt_scanners *tt_scanners_load(const char *path, struct tt_err *err) {
	struct tt_scanners *s = calloc(1, sizeof(*s));
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	struct stat st;
	int rc = s && b && (s->names = calloc(SCANNERS_MAX, sizeof(*s->names)))
			 ? 0
			 : tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	if (rc == 0 && stat(path, &st) < 0)
		rc = tt_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (rc == 0) {
		s->ports_per_day = TT_PORTS_PER_DAY;
		rc = S_ISDIR(st.st_mode) ? load_dir(s, path, b, err) : load_json(s, path, b, err);
	}
	if (rc == 0 && !(s->ranges = tt_ranges_build(b)))
		rc = tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	tt_ranges_builder_destroy(&b);
	if (rc != 0) {
		tt_scanners_destroy(&s);
		errno = -rc;
	}
	return s;
}

unsigned tt_scanners_ports_per_day(const struct tt_scanners *s) {
	return s ? s->ports_per_day : TT_PORTS_PER_DAY;
}

void tt_scanners_destroy(struct tt_scanners **s) {
	if (!s || !*s)
		return;
	tt_ranges_destroy(&(*s)->ranges);
	free_files((*s)->names, (*s)->n);
	free(*s);
	*s = NULL;
}

uint16_t tt_scanners_of(const struct tt_scanners *s, uint8_t family, const uint8_t addr[16]) {
	struct tt_addr x = {.family = family};
	if (!s || (family != 4 && family != 6))
		return 0;
	memcpy(x.b, addr, family == 4 ? 4 : 16);
	uint32_t index = tt_ranges_get(s->ranges, &x);
	return index == TT_RANGES_NONE ? 0 : (uint16_t)index;
}

const char *tt_scanners_name(const struct tt_scanners *s, uint16_t index) {
	return s && index > 0 && index <= s->n ? s->names[index - 1] : NULL;
}
