/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "tt_err.h"

// The tables that validation, defaults, JSON Schema and the manual are made of: one row an option.

enum option_type { O_BOOL, O_INT, O_NUMBER, O_STRING, O_OBJECT, O_LIST };

enum option_flag {
	O_REQUIRED = 1u << 0,
	O_NULL = 1u << 1,     // may be null
	O_ONE = 1u << 2,      // one element, or one text, may stand for the list or for all members
	O_DISTINCT = 1u << 3, // of a list: no two elements alike
};

// Where validation is, for messages.
struct place {
	const char *file;
	struct tt_err *err;
	size_t len;
	char path[512];
};

// A check that no single row can make: 0, or -EINVAL through option_bad.
typedef int option_check(const json_t *value, struct place *at);

// What texts may look like.
struct format {
	const char *expected; // "an id of ..."
	bool (*ok)(const char *text);
	const char *pattern; // for the schema; NULL: none
	size_t max;	     // bytes; 0: TEXT_MAX
};
#define TEXT_MAX 1024

struct option {
	const char *name; // NULL ends a table
	enum option_type type;
	unsigned flags;
	double min, max;	     // of a number; of a list's length (max 0: LIST_MAX)
	const char *preset;	     // default as JSON; NULL: the option stays away
	const char *choices;	     // of a text: "tcp|udp"
	const struct format *format; // of a text; NULL: format_text
	const struct option *of;     // members of an object; the element (one row) of a list
	const char *unique;  // of a list of objects: members that no two share, "proto|port"
	option_check *check; // after its rows were checked
	const char *help;    // a sentence; NULL only for elements
};
#define LIST_MAX 65536

struct kind {
	const char *name;
	const char *title;	      // one line
	const char *help;	      // paragraphs before the table, Markdown
	const char *example;	      // a whole file
	const struct option *options; // besides "kind" and "v"
	option_check *check;
};

extern const struct kind kind_sensors, kind_watches, kind_probe, kind_collector, kind_services,
	kind_scanners, kind_regions, kind_contacts, kind_report;
/// The kind of a name, or NULL.
const struct kind *kind_find(const char *name);
extern const struct kind *const kinds[];       // NULL ends
extern const struct option text_element;       // of lists of plain texts
extern const struct option reader_key_element; // of lists of readers' keys
extern const struct option bilingual[];	       // members "en" and "ja"

extern const struct format format_text, format_line, format_id, format_prefix, format_time,
	format_country, format_region, format_zone, format_endpoint, format_path, format_proto,
	format_service, format_key, format_cve, format_id_or_star, format_https;

/// Appends ".key" to the path and returns the length to give back to option_leave.
size_t option_enter(struct place *at, const char *key);
size_t option_enter_index(struct place *at, size_t i);
void option_leave(struct place *at, size_t len);
/// The message "FILE: PATH: is VALUE, expected ..."; value NULL: "is missing". Returns -EINVAL.
int option_bad(struct place *at, const json_t *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/// Checks a value and puts in defaults.
int option_check_value(const struct option *o, json_t *value, struct place *at);
int option_check_members(const struct option *rows, json_t *object, struct place *at);
/// Whether `text` is one of "a|b|c"; the next choice of a list as (start, length).
bool choice_has(const char *choices, const char *text);
const char *choice_next(const char **rest, size_t *len);
