/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

static const struct option prefix_element = {.type = O_STRING, .format = &format_prefix};

static const struct option list[] = {
	{.name = "name",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "The organisation."},
	{.name = "title",
		.type = O_STRING,
		.preset = "\"\"",
		.max = 256,
		.help = "What it calls itself."},
	{.name = "url",
		.type = O_STRING,
		.flags = O_NULL,
		.preset = "null",
		.help = "Where it says what it does."},
	{.name = "prefixes",
		.type = O_LIST,
		.flags = O_REQUIRED,
		.of = &prefix_element,
		.help = "The addresses that it scans from."},
	{NULL},
};
static const struct option list_element = {.type = O_OBJECT, .of = list};

static const struct option behaviour[] = {
	{.name = "ports_per_day",
		.type = O_INT,
		.min = 1,
		.max = 65535,
		.preset = "10",
		.help = "A source that probes more ports than this in one day is a surveyor."},
	{NULL},
};

static const struct option options[] = {
	{.name = "directory",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "Folder of further lists: a file `ORGANISATION_v4.txt` or `_v6.txt` each, "
			"one "
			"prefix a line."},
	{.name = "scanners",
		.type = O_LIST,
		.max = 4096,
		.preset = "[]",
		.of = &list_element,
		.unique = "name",
		.help = "Listed surveyors."},
	{.name = "behaviour",
		.type = O_OBJECT,
		.flags = O_NULL,
		.preset = "{}",
		.of = behaviour,
		.help = "Surveyors told by what they do; null: none."},
	{NULL},
};

const struct kind kind_scanners = {
	.name = "scanners",
	.title = "Who surveys the Internet",
	.help = "Research and survey scanners are counted as all others, and can be left out of "
		"every table.",
	.example = "{\n"
		   "  \"kind\": \"scanners\", \"v\": 1, \"directory\": \"scanners\",\n"
		   "  \"scanners\": [{\"name\": \"example-survey\", \"prefixes\": "
		   "[\"192.0.2.0/28\"]}],\n"
		   "  \"behaviour\": {\"ports_per_day\": 10}\n"
		   "}\n",
	.options = options,
};
