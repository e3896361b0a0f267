/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>

#include "tt_err.h"

/// JSON configuration by tables: each kind is one table of options (name, type, range, default,
/// help), from which come validation, defaults, `teiten schema` and the configuration manual.
#define TT_CONF_MAX (64u << 20) // bytes of one file

/// Kinds: "sensors", "watches", "probe", "collector", "services", "scanners", "regions",
/// "contacts", "report"; NULL ends.
const char *const *tt_conf_kinds(void);
/// Reads a file of a kind (NULL: whatever its "kind" says): syntax, duplicate and unknown keys,
/// types, ranges; puts in defaults. On success *root is owned by the caller. 0, or -errno with
/// "FILE: $.sensors[0].match.vlan[1]: is ..., expected ..." (file:line:column for syntax). Options
/// that may be null and are not given are there as null.
int tt_conf_load(const char *path, const char *kind, json_t **root, struct tt_err *err);
int tt_conf_loads(const char *text, size_t len, const char *name, const char *kind, json_t **root,
	struct tt_err *err);
/// A path that a configuration file gives: relative ones are relative to that file's folder.
int tt_conf_path(const char *file, const char *path, char *out, size_t size, struct tt_err *err);
/// JSON Schema (draft 2020-12) of a kind; owned by the caller; NULL for an unknown kind.
json_t *tt_conf_schema(const char *kind);
/// The manual of a kind's options as Markdown (appended to out; 0 or out->rc, -EINVAL for an
/// unknown kind).
struct tt_buf;
int tt_conf_manual(const char *kind, struct tt_buf *out);
