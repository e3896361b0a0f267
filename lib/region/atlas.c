/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_atlas.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "names_table.h"
#include "tt_conf.h"

static const struct built_in {
	char code[3];
	const char *name[TT_LANG_N];
} built_in[] = {
#define X(code, en, ja) {#code, {en, ja}},
	REGION_NAMES
#undef X
};
#define BUILT_IN_N (sizeof(built_in) / sizeof(*built_in))

struct tt_atlas {
	json_t *root; // owns all texts
	struct tt_region_group *groups;
	unsigned group_n;
};

static const char *const lang_keys[TT_LANG_N] = {"en", "ja"};

static int read_group(struct tt_region_group *g, const json_t *row) {
	const json_t *codes = json_object_get(row, "regions"),
		     *title = json_object_get(row, "title");
	size_t n = json_array_size(codes);
	const char **list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	g->name = json_string_value(json_object_get(row, "name"));
	for (int l = 0; l < TT_LANG_N; l++) {
		g->title[l] = json_string_value(json_object_get(title, lang_keys[l]));
		if (!g->title[l])
			g->title[l] = g->name;
	}
	for (size_t i = 0; i < n; i++)
		list[i] = json_string_value(json_array_get(codes, i));
	g->regions = list;
	g->region_n = (unsigned)n;
	return 0;
}

struct tt_atlas *tt_atlas_load(const char *path, struct tt_err *err) {
	struct tt_atlas *a = calloc(1, sizeof(*a));
	int rc = a ? tt_conf_load(path, "regions", &a->root, err)
		   : tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	const json_t *groups = rc ? NULL : json_object_get(a->root, "groups");
	size_t n = json_array_size(groups);
	if (!rc && n && !(a->groups = calloc(n, sizeof(*a->groups))))
		rc = tt_err_set(err, -ENOMEM, "%s: out of memory", path);
	for (size_t i = 0; !rc && i < n; i++, a->group_n++)
		if ((rc = read_group(&a->groups[i], json_array_get(groups, i))))
			tt_err_set(err, rc, "%s: out of memory", path);
	if (rc) {
		tt_atlas_destroy(&a);
		errno = -rc;
	}
	return a;
}

void tt_atlas_destroy(struct tt_atlas **ap) {
	struct tt_atlas *a = ap ? *ap : NULL;
	if (!a)
		return;
	for (unsigned i = 0; i < a->group_n; i++)
		free((void *)a->groups[i].regions);
	free(a->groups);
	json_decref(a->root);
	free(a);
	*ap = NULL;
}

static int by_code(const void *key, const void *row) {
	return strcmp(key, ((const struct built_in *)row)->code);
}

const char *tt_atlas_name(const struct tt_atlas *a, const char *code, enum tt_lang lang) {
	static const char *const unknown[TT_LANG_N] = {"unknown", "不明"};
	const json_t *row;
	size_t i;
	json_array_foreach(a ? json_object_get(a->root, "names") : NULL, i, row) {
		const char *name = json_string_value(json_object_get(row, lang_keys[lang]));
		if (name && !strcmp(json_string_value(json_object_get(row, "region")), code))
			return name;
	}
	if (!strcmp(code, "--"))
		return unknown[lang];
	const struct built_in *b = bsearch(code, built_in, BUILT_IN_N, sizeof(*built_in), by_code);
	return b ? b->name[lang] : code;
}

const char *tt_atlas_code(unsigned i) {
	return i < BUILT_IN_N ? built_in[i].code : NULL;
}

const struct tt_region_group *tt_atlas_group(const struct tt_atlas *a, const char *name) {
	for (unsigned i = 0; a && i < a->group_n; i++)
		if (!strcmp(a->groups[i].name, name))
			return &a->groups[i];
	return NULL;
}
