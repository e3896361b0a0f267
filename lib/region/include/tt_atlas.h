/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>

#include "tt_err.h"

/// What regions are called, and groups of them: built in for every code of ISO 3166-1 (and EU and
/// AP, which registries use), names replaced and groups given by regions.json. Immutable once
/// loaded.
struct tt_atlas;

/// Languages that names are known in.
enum tt_lang { TT_EN, TT_JA, TT_LANG_N };

struct tt_region_group {
	const char *name;	      // an id
	const char *title[TT_LANG_N]; // the id where not given
	const char *const *regions;   // region_n codes
	unsigned region_n;
};

/// Reads regions.json. NULL with errno and a message.
struct tt_atlas *tt_atlas_load(const char *path, struct tt_err *err);
void tt_atlas_destroy(struct tt_atlas **a);
/// The name of a region ("US": "United States", 米国), "unknown" and 不明 for "--", the code itself
/// where it has none. a may be NULL: built-in names.
const char *tt_atlas_name(const struct tt_atlas *a, const char *code, enum tt_lang lang);
/// The i-th built-in code in alphabetical order; NULL past the last.
const char *tt_atlas_code(unsigned i);
/// A group by name; NULL where there is none (a may be NULL).
const struct tt_region_group *tt_atlas_group(const struct tt_atlas *a, const char *name);
