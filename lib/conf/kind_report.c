/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "option.h"

static const struct option language_element = {.type = O_STRING, .choices = "en|ja"};
static const struct option id_element = {.type = O_STRING, .format = &format_id};

static bool is_key(const char *text) {
	return strlen(text) >= 16;
}
static const struct format pseudonym_key = {
	.expected = "a secret of 16 to 256 characters", .ok = is_key, .max = 256};

static const struct option contact[] = {
	{.name = "name",
		.type = O_OBJECT,
		.flags = O_ONE,
		.preset = "{}",
		.of = bilingual,
		.help = "Whom to ask."},
	{.name = "email", .type = O_STRING, .flags = O_NULL, .preset = "null", .help = "By mail."},
	{.name = "url", .type = O_STRING, .flags = O_NULL, .preset = "null", .help = "On the web."},
	{NULL},
};

static const struct option options[] = {
	{.name = "title",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "Title; a neutral one where not given."},
	{.name = "issuer",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "Who publishes it."},
	{.name = "date",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_time,
		.preset = "null",
		.help = "Day of publication, for the cover."},
	{.name = "contact",
		.type = O_OBJECT,
		.preset = "{}",
		.of = contact,
		.help = "Who answers questions."},
	{.name = "languages",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.min = 1,
		.max = 2,
		.preset = "[\"en\"]",
		.of = &language_element,
		.help = "Languages, the first is the one without `--lang`."},
	{.name = "country",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_country,
		.preset = "null",
		.help = "One's own country: its sensors make the tables, and `$country` of watches "
			"is "
			"it. Null: all sensors."},
	{.name = "top",
		.type = O_INT,
		.min = 1,
		.max = 100,
		.preset = "5",
		.help = "Rows of a table and lines of a figure."},
	{.name = "previous_top",
		.type = O_INT,
		.min = 1,
		.max = 1000,
		.preset = "10",
		.help = "Ranks of the previous period that are told; beyond: \"outside top 10\"."},
	{.name = "watches",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.max = 64,
		.preset = "null",
		.of = &id_element,
		.help = "Watches that become topics, in this order; null: all."},
	{.name = "surveyors",
		.type = O_STRING,
		.choices = "with|without|only",
		.preset = "\"with\"",
		.help = "Whether survey scanners count."},
	{.name = "notes",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "Folder of the analysts' texts."},
	{.name = "services",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "services.json; null: the database's, else the installed one."},
	{.name = "iana",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "IANA's service-names-port-numbers.csv, or a file as /etc/services: names "
			"in place of the system's."},
	{.name = "kev",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "CISA's catalogue of Known Exploited Vulnerabilities (JSON)."},
	{.name = "regions",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "regions.json: names of regions and groups; null: built-in names."},
	{.name = "logo",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "An SVG or PNG file for the head."},
	{.name = "tlp",
		.type = O_STRING,
		.choices = "CLEAR|GREEN|AMBER|AMBER+STRICT|RED",
		.preset = "\"CLEAR\"",
		.help = "Traffic Light Protocol 2.0."},
	{.name = "pseudonym_key",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &pseudonym_key,
		.preset = "null",
		.help = "Secret that the pseudonyms of `--recipient` are made with, so that they "
			"stay the same over several databases; null: the database's own."},
	{.name = "licence",
		.type = O_STRING,
		.preset = "\"\"",
		.max = 256,
		.help = "Under which others may use tables and figures."},
	{NULL},
};

const struct kind kind_report = {
	.name = "report",
	.title = "The quarterly report",
	.help = "Read by `teiten report`. Relative paths are relative to the file's folder.",
	.example = "{\n"
		   "  \"kind\": \"report\", \"v\": 1,\n"
		   "  \"title\": {\"en\": \"What our sensors saw\", \"ja\": "
		   "\"定点観測レポート\"},\n"
		   "  \"issuer\": {\"en\": \"Example CERT\"}, \"country\": \"JP\",\n"
		   "  \"languages\": [\"ja\", \"en\"], \"watches\": [\"dns-reflection-domestic\"]\n"
		   "}\n",
	.options = options,
};
