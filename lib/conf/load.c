/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "option.h"
#include "tt_conf.h"
#include "tt_file.h"

// In the order of the manual.
#define KINDS                                                                                      \
	X(probe)                                                                                   \
	X(sensors) X(watches) X(collector) X(services) X(scanners) X(regions) X(contacts) X(report)

#define X(name) &kind_##name,
const struct kind *const kinds[] = {KINDS NULL};
#undef X

const char *const *tt_conf_kinds(void) {
#define X(name) #name,
	static const char *const names[] = {KINDS NULL};
#undef X
	return names;
}

const struct kind *kind_find(const char *name) {
	for (const struct kind *const *k = kinds; *k; k++) {
		if (strcmp((*k)->name, name) == 0)
			return *k;
	}
	return NULL;
}

// Brackets inside brackets, before the parser's recursion sees them. The tables nest 8 deep.
#define DEPTH_MAX 32

static bool too_deep(const char *text, size_t len) {
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (text[i] == '{' || text[i] == '[')
			depth++;
		else if ((text[i] == '}' || text[i] == ']') && depth > 0)
			depth--;
		if (depth > DEPTH_MAX)
			return true;
	}
	return false;
}

static json_t *parse(const char *text, size_t len, const char *name, struct tt_err *err) {
	if (len > TT_CONF_MAX) {
		tt_err_set(err, -EFBIG, "%s: is %zu bytes, expected at most %u", name, len,
			TT_CONF_MAX);
		return NULL;
	}
	if (too_deep(text, len)) {
		tt_err_set(err, -EINVAL, "%s: is nested too deep, expected at most %d levels", name,
			DEPTH_MAX);
		return NULL;
	}
	json_error_t je;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!root)
		tt_err_set(err, -EINVAL, "%s:%d:%d: %s", name, je.line, je.column, je.text);
	return root;
}

static int bad_kind(struct place *at, const json_t *value) {
	char list[256] = "";
	for (const struct kind *const *k = kinds; *k; k++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s\"%s\"",
			*list ? ", " : "", (*k)->name);
	return option_bad(at, value, "one of %s", list);
}

// "kind" and "v" come first: with the wrong kind every other message would mislead.
static int check_head(json_t *root, const char *kind, const struct kind **k, struct place *at) {
	if (!json_is_object(root))
		return option_bad(at, root, "an object with \"kind\" and \"v\"");
	const json_t *value = json_object_get(root, "kind");
	size_t was = option_enter(at, "kind");
	*k = json_is_string(value) ? kind_find(json_string_value(value)) : NULL;
	if (kind && (!*k || strcmp((*k)->name, kind) != 0))
		return option_bad(at, value, "\"%s\"", kind);
	if (!*k)
		return bad_kind(at, value);
	option_leave(at, was);
	value = json_object_get(root, "v");
	was = option_enter(at, "v");
	if (!json_is_integer(value) || json_integer_value(value) != 1)
		return option_bad(at, value, "1");
	option_leave(at, was);
	return 0;
}

static int check_root(json_t *root, const struct kind *k, struct place *at) {
	// the rows do not know "kind" and "v"; an object keeps the order in which keys are set
	json_t *rest = json_copy(root);
	if (!rest)
		return tt_err_set(at->err, -ENOMEM, "%s: out of memory", at->file);
	json_object_del(rest, "kind");
	json_object_del(rest, "v");
	int rc = option_check_members(k->options, rest, at);
	if (rc == 0 && json_object_update(root, rest) < 0)
		rc = tt_err_set(at->err, -ENOMEM, "%s: out of memory", at->file);
	json_decref(rest);
	return rc == 0 && k->check ? k->check(root, at) : rc;
}

int tt_conf_loads(const char *text, size_t len, const char *name, const char *kind, json_t **root,
	struct tt_err *err) {
	*root = NULL;
	if (kind && !kind_find(kind))
		return tt_err_set(
			err, -EINVAL, "%s: \"%s\" is no kind of configuration", name, kind);
	json_t *json = parse(text, len, name, err);
	if (!json)
		return len > TT_CONF_MAX ? -EFBIG : -EINVAL;
	struct place at = {.file = name, .err = err, .len = 1, .path = "$"};
	const struct kind *k = NULL;
	int rc = check_head(json, kind, &k, &at);
	if (rc == 0)
		rc = check_root(json, k, &at);
	if (rc == 0)
		*root = json;
	else
		json_decref(json);
	return rc;
}

int tt_conf_load(const char *path, const char *kind, json_t **root, struct tt_err *err) {
	*root = NULL;
	struct tt_buf text = TT_BUF_INIT(TT_CONF_MAX);
	int rc = tt_file_read(path, &text, err);
	if (rc == 0)
		rc = tt_conf_loads(
			text.data ? (const char *)text.data : "", text.len, path, kind, root, err);
	tt_buf_free(&text);
	return rc;
}

int tt_conf_path(const char *file, const char *path, char *out, size_t size, struct tt_err *err) {
	const char *slash = strrchr(file, '/');
	int dir = *path == '/' || !slash ? 0 : (int)(slash + 1 - file);
	if ((size_t)snprintf(out, size, "%.*s%s", dir, file, path) >= size)
		return tt_err_set(err, -ENAMETOOLONG, "%s: the path %s is too long", file, path);
	return 0;
}
