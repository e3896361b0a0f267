/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"
#include "tt_names.h"

static const struct option class_element = {
	.type = O_STRING, .choices = "scan|backscatter|reflection|other|fragment"};
static const struct option service_element = {.type = O_STRING, .format = &format_service};
static const struct option region_element = {.type = O_STRING, .format = &format_region};
static const struct option prefix_element = {.type = O_STRING, .format = &format_prefix};
static const struct option asn_element = {.type = O_INT, .max = 4294967295.0};
static const struct option tool_element = {.type = O_STRING, .choices = "zmap|masscan|mirai"};
static const struct option by_element = {
	.type = O_STRING, .choices = "sensor|network|group|country|region|port|asn|tool|trait"};
static const struct option sensor_element = {.type = O_STRING, .format = &format_id_or_star};
static const struct option id_element = {.type = O_STRING, .format = &format_id};
static const struct option trait_element = {.type = O_STRING,
	.choices = "dns_over_512|dns_over_1232|dns_tc|dns_ra|dns_aa|dns_edns|dns_do|dns_dnssec|dns_"
		   "any|"
		   "dns_rcode|ntp_monlist|ntp_control|tcp_no_options|tcp_df_clear|tcp_windows|"
		   "unverified|reflector_port"};

static const struct option where[] = {
	{.name = "class",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.min = 1,
		.max = 5,
		.preset = "[\"scan\"]",
		.of = &class_element,
		.help = "Classes."},
	{.name = "ports",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.min = 1,
		.max = 256,
		.preset = "null",
		.of = &service_element,
		.help = "Services, as `udp/53`; null: all."},
	{.name = "region",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.min = 1,
		.max = 256,
		.preset = "null",
		.of = &region_element,
		.help = "Regions of the sources; `$country` is that of this file; null: all."},
	{.name = "sources",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.min = 1,
		.max = 4096,
		.preset = "null",
		.of = &prefix_element,
		.help = "Prefixes of the sources; null: all."},
	{.name = "asn",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.min = 1,
		.max = 4096,
		.preset = "null",
		.of = &asn_element,
		.help = "Origin AS numbers of the sources; null: all."},
	{.name = "tool",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.min = 1,
		.max = 3,
		.preset = "null",
		.of = &tool_element,
		.help = "Tools; null: whatever tool."},
	{.name = "traits",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.min = 1,
		.max = 32,
		.preset = "null",
		.of = &trait_element,
		.help = "Traits that an observation must have, all of them; null: none."},
	{NULL},
};

static const struct option surge[] = {
	{.name = "min",
		.type = O_NUMBER,
		.max = 1e18,
		.preset = "10",
		.help = "Least value of a day that can be a surge."},
	{.name = "factor",
		.type = O_NUMBER,
		.min = 1,
		.max = 1e9,
		.preset = "5",
		.help = "How many times the usual a surge is."},
	{NULL},
};

static const struct option feed[] = {
	{.name = "identifier",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.max = 128,
		.help = "Identifier of the events (`dns-open-resolver`)."},
	{.name = "tlp",
		.type = O_STRING,
		.choices = "CLEAR|GREEN|AMBER|AMBER+STRICT|RED",
		.preset = "\"AMBER\"",
		.help = "Traffic Light Protocol 2.0."},
	{.name = "cooldown_days",
		.type = O_INT,
		.max = 3660,
		.preset = "7",
		.help = "Days before the same source is told again."},
	{NULL},
};

static const struct option watch[] = {
	{.name = "name",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "Name of the watch."},
	{.name = "title",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "What people call it."},
	{.name = "where",
		.type = O_OBJECT,
		.preset = "{}",
		.of = where,
		.help = "What it counts: observations that meet every condition."},
	{.name = "sensors",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.min = 1,
		.max = 16384,
		.preset = "[\"*\"]",
		.of = &sensor_element,
		.help = "At which sensors; `*`: all."},
	{.name = "groups",
		.type = O_LIST,
		.flags = O_NULL | O_DISTINCT,
		.min = 1,
		.max = 64,
		.preset = "null",
		.of = &id_element,
		.help = "Only at sensors of these groups; null: of any."},
	{.name = "plain_source_port",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_service,
		.preset = "null",
		.help = "Beside it, packets from this source port are counted whatever they carry, "
			"as `udp/53`; the conditions on sources and sensors hold for them too. "
			"Null: none."},
	{.name = "measure",
		.type = O_STRING,
		.choices = "packets|bytes|sources",
		.preset = "\"packets\"",
		.help = "What is counted."},
	{.name = "by",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 9,
		.preset = "[]",
		.of = &by_element,
		.help = "What it is shown by, besides the whole; `country` is that of the sensors, "
			"`region` that of the sources."},
	{.name = "keep_sources",
		.type = O_BOOL,
		.preset = "false",
		.help = "Whether the source addresses are kept (feeds need them)."},
	{.name = "surveyors",
		.type = O_STRING,
		.choices = "with|without|only",
		.preset = "\"with\"",
		.help = "Whether survey scanners count."},
	{.name = "surge",
		.type = O_OBJECT,
		.flags = O_NULL,
		.preset = "null",
		.of = surge,
		.help = "When a day counts as a surge; null: never."},
	{.name = "feed",
		.type = O_OBJECT,
		.flags = O_NULL,
		.preset = "null",
		.of = feed,
		.help = "How its sources are told to others; null: not."},
	{NULL},
};
static const struct option watch_element = {.type = O_OBJECT, .of = watch};

static const struct option options[] = {
	{.name = "country",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_country,
		.preset = "null",
		.help = "What `$country` stands for; null: the country that most sensors are in."},
	{.name = "watches",
		.type = O_LIST,
		.flags = O_REQUIRED,
		.max = 1024,
		.of = &watch_element,
		.unique = "name",
		.help = "The watches."},
	{NULL},
};

const struct kind kind_watches = {
	.name = "watches",
	.title = "What is followed day by day",
	.help = "A watch counts what meets its conditions by local day: packets, bytes and "
		"distinct "
		"sources, from when it was put in force or backfilled on (`teiten watch "
		"backfill`). Where its conditions are changed it begins anew; where it is taken "
		"out of the file, what it counted stays.",
	.example = "{\n"
		   "  \"kind\": \"watches\", \"v\": 1,\n"
		   "  \"watches\": [{\"name\": \"dns-reflection-domestic\",\n"
		   "    \"title\": {\"en\": \"DNS reflection, own country\", \"ja\": "
		   "\"国内からのDNS応答\"},\n"
		   "    \"where\": {\"class\": [\"reflection\"], \"ports\": [\"udp/53\"], "
		   "\"region\": [\"$country\"]},\n"
		   "    \"plain_source_port\": \"udp/53\",\n"
		   "    \"sensors\": [\"*\"], \"measure\": \"sources\", \"by\": [\"sensor\", "
		   "\"network\"],\n"
		   "    \"keep_sources\": true, \"surge\": {\"min\": 10, \"factor\": 5},\n"
		   "    \"feed\": {\"identifier\": \"dns-open-resolver\", \"tlp\": \"AMBER\", "
		   "\"cooldown_days\": 7}}]\n"
		   "}\n",
	.options = options,
};
