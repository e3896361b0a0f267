/* SPDX-License-Identifier: BSD-3-Clause */
// The one table of commands and options.
#include <limits.h>

#include "cli.h"

const struct opt common_options[] = {
	{"help", 'h', NULL, "This text."},
	{NULL},
};

static const struct opt db[] = {
	{"db", 0, "DB", "The database, as replay or a collector made it."},
	{NULL},
};

static const struct opt replay[] = {
	{"db", 0, "OUT.db", "The database; made where there is none."},
	{"config", 'c', "probe.json", "Configuration of the probe."},
	{"sensors", 's', "sensors.json", "The sensors; without it all belongs to one, 'default'."},
	{"watches", 0, "F", "Watches (watches.json): checked."},
	{"services", 0, "F", "Names of services (services.json), kept in the database."},
	{"scanners", 0, "DIR", "Lists of known survey scanners, a file each."},
	{"rir", 0, "DIR", "Delegation files of the registries, for source regions."},
	{"asn", 0, "FILE", "Prefixes and their AS numbers."},
	{"timezone", 0, "TZ", "Decides days and months of a new database (IANA name, UTC)."},
	{"again", 0, NULL, "Read also what is in the database already."},
	{NULL},
};

#define BY "port|dport|region|sensor|source|asn|class|tool"
static const struct opt top[] = {
	{"by", 0, BY, "What the rows are."},
	{"rank", 0, "packets|rate|sources", "What orders them (packets)."},
	{"number", 'n', "N", "How many ranked rows (10); 0: all."},
	{"previous", 0, "P",
		"Show the rank in this other period beside: a number up to 10, "
		"outside where it was beyond, none without data."},
	{NULL},
};

static const struct opt series[] = {
	{"by", 0, BY, "What the rows are; without it one total."},
	{"step", 0, "hour|day|month", "Length of a step (day); days and months are local."},
	{"rank", 0, "packets|rate|sources", "What orders and chooses the rows (packets)."},
	{"number", 'n', "N", "How many ranked rows (10); 0: all."},
	{NULL},
};

static const struct opt filters[] = {
	{"class", 0, "C[,C]",
		"Classes: scan, backscatter, reflection, other, fragment, malformed, "
		"non_ip; all (scan; by class and dport: all)."},
	{"port", 0, "PROTO/PORT", "One service: tcp/8728, icmp/8 (type), icmp/3/1 (and code)."},
	{"source", 0, "PREFIX", "Sources in a prefix: 192.0.2.0/24."},
	{"region", 0, "CC", "Region of the sources: JP; -- is unknown."},
	{"country", 0, "CC", "Country of the sensors."},
	{"sensor", 0, "ID", "One sensor."},
	{"group", 0, "G", "Sensors of a group."},
	{"network", 0, "N", "Sensors in a network."},
	{"asn", 0, "N", "AS of the sources: 64500."},
	{"tool", 0, "T", "Sources marked by a tool: zmap, masscan, mirai."},
	{"family", 0, "4|6", "IPv4 or IPv6."},
	{"surveyors", 0, "with|without|only", "Known survey scanners (with)."},
	{"from", 0, "T", "Begin: RFC 3339, or a local date."},
	{"to", 0, "T", "End, exclusive."},
	{"period", 0, "P", "Instead of both: 2024Q4, 2024-12, 2024, FROM..TO in local dates."},
	{NULL},
};

static const struct opt format[] = {
	{"format", 0, "table|json|csv", "How it is printed (table)."},
	{"services", 0, "F", "Names of services (services.json) instead of the database's."},
	{NULL},
};

static const struct opt show[] = {
	{"from", 0, "T", "Begin: RFC 3339, or a local date."},
	{"to", 0, "T", "End, exclusive."},
	{"format", 0, "table|json", "How it is printed (table)."},
	{NULL},
};

static const struct opt sql[] = {
	{"format", 0, "table|json|csv", "How it is printed (table)."},
	{NULL},
};

static const struct opt curve[] = {
	{"server-key", 0, "KEY",
		"Public key of the other side (Z85), for endpoints that are not "
		"local."},
	{"secret-key-file", 0, "FILE",
		"File with one's own secret key (Z85); without it a new one "
		"is drawn."},
	{NULL},
};

static const struct opt sub[] = {
	{"topic", 't', NULL, "Print the topic before the message."},
	{"number", 'n', "N", "End after so many messages."},
	{"timeout", 0, "S", "End with status 1 after so many seconds without a message."},
	{NULL},
};

static const struct opt status[] = {
	{"probe", 0, "ID", "Of this probe, where several publish there."},
	{"timeout", 0, "S", "How long to wait for the end of an epoch (75)."},
	{"json", 0, NULL, "The message as it came."},
	{NULL},
};

static const struct opt none[] = {{NULL}};

const struct command commands[] = {
	{"replay", "FILE.pcap...", 1, INT_MAX, "db", "read captures into a database",
		"Runs captures through the real probe and the real collector and ends when they "
		"are "
		"done. A capture that is in already (by content) is skipped. One that fails (cut, "
		"unknown link type) counts nothing; the others do, and the status is 1. What was "
		"interrupted is redone by the next run. The last line is one JSON object.",
		"$ teiten replay --timezone Asia/Tokyo -s sensors.json --db q4.db q4.pcap\n",
		{replay}, run_replay},
	{"top", "", 0, 0, "db by", "rank ports, regions, sources, ...",
		"Ranks what arrived. Equal values share a rank; -- (unknown region) and mixed "
		"(ports "
		"that varied) are listed, never ranked. rate is packets per address and day, the "
		"mean "
		"over the sensors.",
		"$ teiten top --db q4.db --by port --period 2024Q4 --previous 2024Q3\n",
		{db, top, filters, format}, run_top},
	{"series", "", 0, 0, "db", "count by hour, day or month",
		"Counts over time. A step in which no sensor was up has no values, not zero.",
		"$ teiten series --db q4.db --by port --step month --period 2024Q4 -n 3\n",
		{db, series, filters, format}, run_series},
	{"show", "ADDRESS", 1, 1, "db", "all that is known of a source",
		"Prints what a source did, when, to which sensors, and what it is.",
		"$ teiten show 192.0.2.1 --db q4.db\n", {db, show}, run_show},
	{"sql", "QUERY", 1, 1, "db", "read-only SQL",
		"Runs one query on the database, which has the table observation beside its own.",
		"$ teiten sql --db q4.db 'select class, sum(packets) from observation group by "
		"1'\n",
		{db, sql}, run_sql},
	{"sub", "ENDPOINT [TOPIC...]", 1, INT_MAX, NULL, "print a stream of messages",
		"Subscribes to what a probe or a collector publishes and prints one JSON message a "
		"line until it is interrupted. Without a topic: everything. Topics are matched "
		"from "
		"their beginning and end with a full stop.",
		"$ teiten sub ipc:///run/teiten/pub live.tokyo.\n", {sub, curve}, run_sub},
	{"status", "ENDPOINT", 1, 1, NULL, "a probe's health",
		"Waits for the next health message of a probe (one an epoch) and prints it.",
		"$ teiten status ipc:///run/teiten/pub\n", {status, curve}, run_status},
	{"check", "FILE...", 1, INT_MAX, NULL, "check configuration files",
		"Reads configuration files, whose kind each says itself (\"kind\"), and prints a "
		"line "
		"for each. The status is 2 if any is wrong.",
		"$ teiten check sensors.json\n", {none}, run_check},
	{"schema", "KIND", 1, 1, NULL, "JSON Schema of a kind of file",
		"Prints the JSON Schema of a kind of configuration file: sensors, watches, probe, "
		"collector, services, scanners, report.",
		"$ teiten schema sensors\n", {none}, run_schema},
	{NULL},
};
