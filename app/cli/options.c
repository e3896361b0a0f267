/* SPDX-License-Identifier: BSD-3-Clause */
// The options of all commands, in the groups that commands have them in.
#include "options.h"

const struct opt common_options[] = {
	{"help", 'h', NULL, "This text."},
	{NULL},
};

const struct opt db_options[] = {
	{"db", 0, "DB", "The database, as replay or a collector made it."},
	{NULL},
};

const struct opt replay_options[] = {
	{"db", 0, "OUT.db", "The database; made where there is none."},
	{"config", 'c', "probe.json", "Configuration of the probe."},
	{"sensors", 's', "sensors.json", "The sensors; without it all belongs to one, 'default'."},
	{"watches", 0, "F",
		"Watches (watches.json): put in force, so that they count what is read now."},
	{"services", 0, "F", "Names of services (services.json), kept in the database."},
	{"scanners", 0, "DIR", "Lists of known survey scanners, a file each; or scanners.json."},
	{"rir", 0, "DIR",
		"Delegation files of the registries (or folders of them by date), for "
		"source regions."},
	{"asn", 0, "FILE", "Rows of start,end,asn,name (CSV, gzip too): origin AS of sources."},
	{"timezone", 0, "TZ", "Decides days and months of a new database (IANA name, UTC)."},
	{"again", 0, NULL, "Read also what is in the database already."},
	{NULL},
};

#define BY "port|dport|region|sensor|source|asn|class|tool|malware"
const struct opt top_options[] = {
	{"by", 0, BY, "What the rows are."},
	{"rank", 0, "packets|rate|sources", "What orders them (packets)."},
	{"number", 'n', "N", "How many ranked rows (10); 0: all."},
	{"previous", 0, "P",
		"Show the rank in this other period beside: a number up to 10, "
		"outside where it was beyond, none without data."},
	{NULL},
};

const struct opt series_options[] = {
	{"by", 0, BY, "What the rows are; without it one total."},
	{"step", 0, "hour|day|month", "Length of a step (day); days and months are local."},
	{"rank", 0, "packets|rate|sources", "What orders and chooses the rows (packets)."},
	{"number", 'n', "N", "How many ranked rows (10); 0: all."},
	{NULL},
};

const struct opt filters_options[] = {
	{"class", 0, "C[,C]",
		"Classes: scan, backscatter, reflection, other, fragment, malformed, "
		"non_ip; all (scan; by class and dport: all)."},
	{"port", 0, "PROTO/PORT", "One service: tcp/8728, icmp/8 (type), icmp/3/1 (and code)."},
	{"source", 0, "PREFIX", "Sources in a prefix: 192.0.2.0/24."},
	{"region", 0, "CC[,CC]",
		"Regions of the sources: JP; -- is unknown; a group of --regions by its name."},
	{"regions", 0, "F", "Groups of regions (regions.json)."},
	{"country", 0, "CC", "Country of the sensors; !CC: of every other one that is known."},
	{"sensor", 0, "ID", "One sensor."},
	{"group", 0, "G", "Sensors of a group."},
	{"network", 0, "N", "Sensors in a network."},
	{"asn", 0, "N", "AS of the sources: 64500."},
	{"tool", 0, "T", "Sources marked by a tool: zmap, masscan, mirai."},
	{"malware", 0, "NAME",
		"Services that a malware family is known to target (services.json): Mirai."},
	{"family", 0, "4|6", "IPv4 or IPv6."},
	{"surveyors", 0, "with|without|only",
		"Survey scanners: on a list, or probing many ports in a local day (with)."},
	{"icmp", 0, "types|one", "Rows of ports: ICMP by type and code (types), or one row."},
	{"read", 0, "auto|raw|rollups",
		"Where from: raw batches, exactly, while they are at hand and not too many, else "
		"rollups (auto)."},
	{NULL},
};

const struct opt span_options[] = {
	{"from", 0, "T", "Begin: RFC 3339, or a local date."},
	{"to", 0, "T", "End, exclusive."},
	{"period", 0, "P", "Instead of both: 2024Q4, 2024-12, 2024, FROM..TO in local dates."},
	{"format", 0, "table|json|csv", "How it is printed (table)."},
	{NULL},
};

const struct opt names_options[] = {
	{"services", 0, "F", "Names of services (services.json) instead of the database's."},
	{"iana", 0, "FILE",
		"IANA's service-names-port-numbers.csv, or a file as /etc/services: names in place "
		"of the system's."},
	{"kev", 0, "FILE",
		"CISA's catalogue of Known Exploited Vulnerabilities (JSON): what of a service is "
		"exploited, and since when that is known."},
	{NULL},
};

const struct opt report_options[] = {
	{"period", 0, "P", "2024Q4, 2024-12, 2024, or FROM..TO in local dates."},
	{"output", 'o', "DIR", "Folder of what is written; made where there is none."},
	{"config", 'c', "report.json", "Title, issuer, country, ... (kind report)."},
	{"country", 0, "CC",
		"One's own country: its sensors make the tables (report.json's; else all)."},
	{"group", 0, "G", "Only sensors of a group."},
	{"surveyors", 0, "with|without|only",
		"Whether survey scanners count (report.json's; with)."},
	{"lang", 0, "en|ja", "Language of the page (report.json's first; en)."},
	{"notes", 0, "DIR", "Markdown by the analysts, SECTION or watch-NAME[.replace][.LANG].md."},
	{"previous", 0, "FILE.json",
		"The report.json of an earlier report, whose ranks are those before."},
	{"publish", 0, NULL, "Freeze this period's ranks in the database, for the next report."},
	{"recipient", 0, "NAME",
		"Name sensors and networks by pseudonyms that are this recipient's own."},
	{"iana", 0, "FILE",
		"IANA's service-names-port-numbers.csv, or a file as /etc/services "
		"(report.json's)."},
	{"kev", 0, "FILE", "CISA's catalogue of Known Exploited Vulnerabilities (report.json's)."},
	{"regions", 0, "F", "Names of regions (regions.json) instead of the built-in ones."},
	{"services", 0, "F", "Names of services (services.json) instead of the database's."},
	{NULL},
};

const struct opt show_options[] = {
	{"from", 0, "T", "Begin: RFC 3339, or a local date."},
	{"to", 0, "T", "End, exclusive."},
	{"format", 0, "table|json", "How it is printed (table)."},
	{"port", 0, "PROTO/PORT",
		"Instead of a source: a service, what arrived for it (with --db) and what is known "
		"of it."},
	{"services", 0, "F", "Knowledge of services (services.json) instead of the database's."},
	{"iana", 0, "FILE", "IANA's service-names-port-numbers.csv, or a file as /etc/services."},
	{"kev", 0, "FILE", "CISA's catalogue of Known Exploited Vulnerabilities (JSON)."},
	{NULL},
};

const struct opt sql_options[] = {
	{"format", 0, "table|json|csv", "How it is printed (table)."},
	{NULL},
};

const struct opt changes_options[] = {
	{"previous", 0, "P",
		"The period that ranks are compared with; without it as long a one before."},
	{"rank", 0, "packets|rate|sources", "What ranks newcomers and leavers (packets)."},
	{"country", 0, "CC", "Country of the sensors."},
	{"sensor", 0, "ID", "One sensor."},
	{"group", 0, "G", "Sensors of a group."},
	{"network", 0, "N", "Sensors in a network."},
	{"surveyors", 0, "with|without|only",
		"Survey scanners: on a list, or probing many ports in a local day (with)."},
	{NULL},
};

const struct opt recipient_options[] = {
	{"recipient", 0, "NAME",
		"For others: name sensors, networks and groups by this recipient's pseudonyms, as "
		"report does."},
	{"config", 'c', "report.json", "Whose pseudonym_key makes them (the database's secret)."},
	{NULL},
};

const struct opt watch_options[] = {
	{"watches", 0, "F", "backfill: watches.json, put in force first, as by replay."},
	{NULL},
};

const struct opt annotate_options[] = {
	{"watch", 0, "NAME", "The watch whose sources the verdicts are about."},
	{NULL},
};

const struct opt curve_options[] = {
	{"server-key", 0, "KEY",
		"Public key of the other side (Z85), for endpoints that are not "
		"local."},
	{"secret-key-file", 0, "FILE",
		"File with one's own secret key (Z85); without it a new one "
		"is drawn."},
	{NULL},
};

const struct opt sub_options[] = {
	{"topic", 't', NULL, "Print the topic before the message."},
	{"number", 'n', "N", "End after so many messages."},
	{"timeout", 0, "S", "End with status 1 after so many seconds without a message."},
	{NULL},
};

const struct opt status_options[] = {
	{"probe", 0, "ID", "Of this probe, where several publish there."},
	{"timeout", 0, "S", "How long to wait for the end of an epoch (75)."},
	{"json", 0, NULL, "The message as it came."},
	{NULL},
};

const struct opt feed_options[] = {
	{"day", 0, "D", "The local day: 2024-12-18."},
	{"watch", 0, "NAME", "The watch whose sources are told (keep_sources and feed)."},
	{"format", 0, "intelmq|shadowserver", "IntelMQ events, or Shadowserver's columns."},
	{"output", 'o', "DIR", "Where the files go; made where it is not there."},
	{"contacts", 0, "F", "Whom sources are told to (contacts.json)."},
	{"rir", 0, "DIR", "Delegation files, for the registries of sources."},
	{"asn", 0, "FILE", "Rows of start,end,asn,name (CSV, gzip too), for names and networks."},
	{"told", 0, "FILE", "Who was told when (DIR/.told-NAME): for the cool-down."},
	{"lang", 0, "en|ja", "Language of all letters; without it the contact's."},
	{NULL},
};

const struct opt regions_options[] = {
	{"config", 'c', "regions.json", "Addresses of the files, and where sets are put."},
	{"rir", 0, "DIR", "Where sets are put, over that of the file."},
	{NULL},
};
