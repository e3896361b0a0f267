/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

static const struct option file[] = {
	{.name = "registry",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.choices = "afrinic|apnic|arin|lacnic|ripencc",
		.help = "Whose file it is; another registry's is refused."},
	{.name = "url",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_https,
		.help = "Where it is fetched."},
	{.name = "md5",
		.type = O_BOOL,
		.preset = "true",
		.help = "Whether its checksum is fetched too, from `URL.md5`, and compared."},
	{NULL},
};
static const struct option file_element = {.type = O_OBJECT, .of = file};

static const struct option name[] = {
	{.name = "region",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_country,
		.help = "The code."},
	{.name = "en", .type = O_STRING, .max = 128, .help = "What it is called in English."},
	{.name = "ja", .type = O_STRING, .max = 128, .help = "What it is called in Japanese."},
	{NULL},
};
static const struct option name_element = {.type = O_OBJECT, .of = name};

static const struct option code_element = {.type = O_STRING, .format = &format_country};
static const struct option group[] = {
	{.name = "name",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "How it is called in options."},
	{.name = "title",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "What people call it."},
	{.name = "regions",
		.type = O_LIST,
		.flags = O_REQUIRED | O_DISTINCT,
		.min = 1,
		.max = 300,
		.of = &code_element,
		.help = "Its regions."},
	{NULL},
};
static const struct option group_element = {.type = O_OBJECT, .of = group};

static const struct option options[] = {
	{.name = "directory",
		.type = O_STRING,
		.format = &format_path,
		.preset = "\"rir\"",
		.help = "Where `teiten regions update` puts sets, a folder by date each."},
	{.name = "files",
		.type = O_LIST,
		.min = 1,
		.max = 5,
		.preset = "["
			  "{\"registry\":\"afrinic\",\"url\":\"https://ftp.afrinic.net/pub/stats/"
			  "afrinic/delegated-afrinic-extended-latest\"},"
			  "{\"registry\":\"apnic\",\"url\":\"https://ftp.apnic.net/stats/"
			  "apnic/delegated-apnic-extended-latest\"},"
			  "{\"registry\":\"arin\",\"url\":\"https://ftp.arin.net/pub/stats/"
			  "arin/delegated-arin-extended-latest\"},"
			  "{\"registry\":\"lacnic\",\"url\":\"https://ftp.lacnic.net/pub/stats/"
			  "lacnic/delegated-lacnic-extended-latest\"},"
			  "{\"registry\":\"ripencc\",\"url\":\"https://ftp.ripe.net/pub/stats/"
			  "ripencc/delegated-ripencc-extended-latest\"}]",
		.of = &file_element,
		.unique = "registry",
		.help = "The delegation files; without it the registries' own five."},
	{.name = "ca_file",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "Certificates (PEM) that servers are checked against; null: the system's."},
	{.name = "timeout_s",
		.type = O_INT,
		.min = 1,
		.max = 86400,
		.preset = "600",
		.help = "Longest that one file may take."},
	{.name = "max_mb",
		.type = O_INT,
		.min = 1,
		.max = 1024,
		.preset = "256",
		.help = "Most that one file may hold, in MiB."},
	{.name = "names",
		.type = O_LIST,
		.max = 700,
		.preset = "[]",
		.of = &name_element,
		.unique = "region",
		.help = "Names in place of the built-in ones."},
	{.name = "groups",
		.type = O_LIST,
		.max = 256,
		.preset = "[]",
		.of = &group_element,
		.unique = "name",
		.help = "Groups of regions."},
	{NULL},
};

const struct kind kind_regions = {
	.name = "regions",
	.title = "Source regions: files, names and groups",
	.help = "Read by `teiten regions update -c` and by what prints names. Relative paths are "
		"relative to the file's folder.",
	.example = "{\n"
		   "  \"kind\": \"regions\", \"v\": 1, \"directory\": \"/var/lib/teiten/rir\",\n"
		   "  \"names\": [{\"region\": \"GB\", \"ja\": \"英国\"}],\n"
		   "  \"groups\": [{\"name\": \"east-asia\", \"title\": {\"en\": \"East Asia\", "
		   "\"ja\": \"東アジア\"},\n"
		   "    \"regions\": [\"CN\", \"HK\", \"JP\", \"KP\", \"KR\", \"MO\", \"MN\", "
		   "\"TW\"]}]\n"
		   "}\n",
	.options = options,
};
