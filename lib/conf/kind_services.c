/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

static const struct option cve_element = {.type = O_STRING, .format = &format_cve};

static const struct option service[] = {
	{.name = "proto",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_proto,
		.help = "Protocol."},
	{.name = "port",
		.type = O_INT,
		.flags = O_REQUIRED,
		.max = 65535,
		.help = "Service port (ICMP: type * 256 + code)."},
	{.name = "name",
		.type = O_STRING,
		.flags = O_NULL,
		.max = 64,
		.preset = "null",
		.help = "Name in tables; null: the IANA registry's, if it has one."},
	{.name = "about",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "What listens there, in a sentence."},
	{.name = "products",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 64,
		.preset = "[]",
		.of = &text_element,
		.help = "Products that use the port."},
	{.name = "malware",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 64,
		.preset = "[]",
		.of = &text_element,
		.help = "Malware and tools that look for it."},
	{.name = "cves",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 64,
		.preset = "[]",
		.of = &cve_element,
		.help = "Vulnerabilities that are reached through it."},
	{.name = "source",
		.type = O_LIST,
		.flags = O_REQUIRED | O_ONE,
		.min = 1,
		.max = 16,
		.of = &text_element,
		.help = "Where this is known from: a text or a list of texts."},
	{NULL},
};
static const struct option service_element = {.type = O_OBJECT, .of = service};

static const struct option options[] = {
	{.name = "services",
		.type = O_LIST,
		.flags = O_REQUIRED,
		.of = &service_element,
		.unique = "proto|port",
		.help = "One entry a service."},
	{NULL},
};

const struct kind kind_services = {
	.name = "services",
	.title = "What is known of ports",
	.help = "Adds to the IANA registry's names. A name does not prove that packets spoke that "
		"protocol.",
	.example = "{\n"
		   "  \"kind\": \"services\", \"v\": 1,\n"
		   "  \"services\": [{\"proto\": \"tcp\", \"port\": 8728, \"name\": null,\n"
		   "    \"about\": {\"en\": \"MikroTik RouterOS API\", \"ja\": \"MikroTik "
		   "RouterOSのAPI\"},\n"
		   "    \"products\": [\"MikroTik RouterOS\"], \"source\": "
		   "\"https://help.mikrotik.com/docs/display/ROS/API\"}]\n"
		   "}\n",
	.options = options,
};
