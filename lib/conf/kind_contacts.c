/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

static const struct option asn_element = {.type = O_INT, .min = 1, .max = 4294967295.0};
static const struct option prefix_element = {.type = O_STRING, .format = &format_prefix};
static const struct option region_element = {.type = O_STRING, .format = &format_country};

static const struct option contact[] = {
	{.name = "name",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "Its place in names of files."},
	{.name = "title",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "How letters address it; the name where not given."},
	{.name = "email",
		.type = O_LIST,
		.flags = O_DISTINCT | O_ONE,
		.max = 16,
		.preset = "[]",
		.of = &text_element,
		.help = "Where letters go."},
	{.name = "language",
		.type = O_STRING,
		.choices = "en|ja",
		.preset = "\"en\"",
		.help = "Of letters to it, where `--lang` says nothing."},
	{.name = "asn",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 4096,
		.preset = "[]",
		.of = &asn_element,
		.help = "Origin AS numbers that it answers for."},
	{.name = "prefixes",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 65536,
		.preset = "[]",
		.of = &prefix_element,
		.help = "Prefixes that it answers for, whatever their AS; the longest counts."},
	{.name = "regions",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 300,
		.preset = "[]",
		.of = &region_element,
		.help = "Regions that it answers for where nobody else does."},
	{NULL},
};
static const struct option contact_element = {.type = O_OBJECT, .of = contact};

static const struct option sender[] = {
	{.name = "name",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "Who tells: feed.provider of events, the signature of letters."},
	{.name = "email",
		.type = O_STRING,
		.preset = "\"\"",
		.max = 256,
		.help = "Whom to answer."},
	{.name = "url", .type = O_STRING, .preset = "\"\"", .help = "Where more is said."},
	{NULL},
};

static const struct option options[] = {
	{.name = "sender", .type = O_OBJECT, .preset = "{}", .of = sender, .help = "Who tells."},
	{.name = "contacts",
		.type = O_LIST,
		.flags = O_REQUIRED,
		.max = 65536,
		.of = &contact_element,
		.unique = "name",
		.help = "Whom sources are told to. Prefixes count first, then AS numbers, then "
			"regions; an AS, prefix or region of two contacts is an error. What nobody "
			"answers for goes to `unassigned`."},
	{NULL},
};

const struct kind kind_contacts = {
	.name = "contacts",
	.title = "Whom sources are told to",
	.help = "Read by `teiten feed --contacts`.",
	.example = "{\n"
		   "  \"kind\": \"contacts\", \"v\": 1,\n"
		   "  \"sender\": {\"name\": {\"en\": \"Example CERT\"}, \"email\": "
		   "\"cert@example.org\"},\n"
		   "  \"contacts\": [{\"name\": \"isp-a\", \"title\": {\"en\": \"ISP A, abuse "
		   "desk\"},\n"
		   "    \"email\": \"abuse@isp-a.example\", \"language\": \"ja\", \"asn\": "
		   "[64500]}]\n"
		   "}\n",
	.options = options,
};
