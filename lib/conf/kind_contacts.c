/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "option.h"
#include "tt_addr.h"

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
			"answers for is in files called `unassigned`, without a letter."},
	{NULL},
};

// What two contacts answer for would be told to one of them by chance.
static int check_one(const json_t *row, const char *key, size_t i, json_t *seen, struct place *at) {
	const json_t *value;
	size_t was = option_enter(at, key), k;
	json_array_foreach(json_object_get(row, key), k, value) {
		char name[TT_PREFIX_STRLEN + 16];
		struct tt_prefix p;
		const char *text = json_string_value(value);
		if (text && !tt_prefix_parse(text, &p)) // written in several ways
			tt_prefix_format(&p, name);
		else if (text)
			snprintf(name, sizeof(name), "%s", text);
		else
			snprintf(name, sizeof(name), "AS%" JSON_INTEGER_FORMAT,
				json_integer_value(value));
		const json_t *first = json_object_get(seen, name);
		size_t before = option_enter_index(at, k);
		if (first)
			return option_bad(at, value,
				"another than in $.contacts[%" JSON_INTEGER_FORMAT "].%s",
				json_integer_value(first), key);
		if (json_object_set_new(seen, name, json_integer((json_int_t)i)))
			return tt_err_set(at->err, -ENOMEM, "%s: out of memory", at->file);
		option_leave(at, before);
	}
	option_leave(at, was);
	return 0;
}

// What nobody answers for is called so in names of files.
static int check_name(const json_t *row, struct place *at) {
	const json_t *name = json_object_get(row, "name");
	size_t was = option_enter(at, "name");
	int rc = strcmp(json_string_value(name), "unassigned")
			 ? 0
			 : option_bad(at, name,
				   "another: sources that nobody answers for are called so");
	option_leave(at, was);
	return rc;
}

static int check_contacts(const json_t *root, struct place *at) {
	static const char *const keys[] = {"asn", "prefixes", "regions"};
	const json_t *list = json_object_get(root, "contacts"), *row;
	json_t *seen = json_object();
	size_t i, was = option_enter(at, "contacts");
	int rc = 0;
	json_array_foreach(list, i, row) {
		size_t before = option_enter_index(at, i);
		rc = check_name(row, at);
		for (unsigned k = 0; !rc && k < sizeof(keys) / sizeof(*keys); k++)
			rc = check_one(row, keys[k], i, seen, at);
		if (rc)
			break;
		option_leave(at, before);
	}
	json_decref(seen);
	if (!rc)
		option_leave(at, was);
	return rc;
}

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
	.check = check_contacts,
};
