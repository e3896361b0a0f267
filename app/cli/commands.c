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
	{"watches", 0, "F",
		"Watches (watches.json): put in force, so that they count what is read now."},
	{"services", 0, "F", "Names of services (services.json), kept in the database."},
	{"scanners", 0, "DIR", "Lists of known survey scanners, a file each; or scanners.json."},
	{"rir", 0, "DIR",
		"Delegation files of the registries (or folders of them by date), for "
		"source regions."},
	{"asn", 0, "FILE", "Prefixes and their AS numbers."},
	{"timezone", 0, "TZ", "Decides days and months of a new database (IANA name, UTC)."},
	{"again", 0, NULL, "Read also what is in the database already."},
	{NULL},
};

#define BY "port|dport|region|sensor|source|asn|class|tool|malware"
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
		"Services that a malware family is known to ask for (services.json): Mirai."},
	{"family", 0, "4|6", "IPv4 or IPv6."},
	{"surveyors", 0, "with|without|only",
		"Survey scanners: on a list, or probing many ports in a local day (with)."},
	{"icmp", 0, "types|one", "Rows of ports: ICMP by type and code (types), or one row."},
	{"read", 0, "auto|raw|rollups",
		"Where from: raw batches, exactly, while they are at hand and not too many, else "
		"rollups (auto)."},
	{"from", 0, "T", "Begin: RFC 3339, or a local date."},
	{"to", 0, "T", "End, exclusive."},
	{"period", 0, "P", "Instead of both: 2024Q4, 2024-12, 2024, FROM..TO in local dates."},
	{NULL},
};

static const struct opt format[] = {
	{"format", 0, "table|json|csv", "How it is printed (table)."},
	{"services", 0, "F", "Names of services (services.json) instead of the database's."},
	{"iana", 0, "FILE",
		"IANA's service-names-port-numbers.csv: names in place of the system's."},
	{"kev", 0, "FILE",
		"CISA's catalogue of Known Exploited Vulnerabilities (JSON): what of a service is "
		"exploited, and since when that is known."},
	{NULL},
};

static const struct opt report[] = {
	{"period", 0, "P", "2024Q4, 2024-12, 2024, or FROM..TO in local dates."},
	{"output", 'o', "DIR", "Folder of what is written; made where there is none."},
	{"config", 'c', "report.json", "Title, issuer, country, ... (kind report)."},
	{"country", 0, "CC",
		"One's own country: its sensors make the tables (report.json's; else all)."},
	{"group", 0, "G", "Only sensors of a group."},
	{"surveyors", 0, "with|without|only",
		"Whether survey scanners count (report.json's; with)."},
	{"lang", 0, "en|ja", "Language of the page (report.json's first; en)."},
	{"notes", 0, "DIR", "Markdown by the analysts, SECTION[.replace][.LANG].md."},
	{"previous", 0, "FILE.json",
		"The report.json of an earlier report, whose ranks are those before."},
	{"publish", 0, NULL, "Freeze this period's ranks in the database, for the next report."},
	{"recipient", 0, "NAME",
		"Name sensors and networks by pseudonyms that are this recipient's own."},
	{"iana", 0, "FILE", "IANA's service-names-port-numbers.csv (report.json's)."},
	{"kev", 0, "FILE", "CISA's catalogue of Known Exploited Vulnerabilities (report.json's)."},
	{"regions", 0, "F", "Names of regions (regions.json) instead of the built-in ones."},
	{"services", 0, "F", "Names of services (services.json) instead of the database's."},
	{NULL},
};

static const struct opt show[] = {
	{"from", 0, "T", "Begin: RFC 3339, or a local date."},
	{"to", 0, "T", "End, exclusive."},
	{"format", 0, "table|json", "How it is printed (table)."},
	{"port", 0, "PROTO/PORT",
		"Instead of a source: a service, what arrived for it (with --db) and what is known "
		"of it."},
	{"services", 0, "F", "Knowledge of services (services.json) instead of the database's."},
	{"iana", 0, "FILE", "IANA's service-names-port-numbers.csv."},
	{"kev", 0, "FILE", "CISA's catalogue of Known Exploited Vulnerabilities (JSON)."},
	{NULL},
};

static const struct opt sql[] = {
	{"format", 0, "table|json|csv", "How it is printed (table)."},
	{NULL},
};

static const struct opt span[] = {
	{"from", 0, "T", "Begin: RFC 3339, or a local date."},
	{"to", 0, "T", "End, exclusive."},
	{"period", 0, "P", "Instead of both: 2024Q4, 2024-12, 2024, FROM..TO in local dates."},
	{"format", 0, "table|json|csv", "How it is printed (table)."},
	{NULL},
};

static const struct opt changes[] = {
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

static const struct opt annotate[] = {
	{"watch", 0, "NAME", "The watch whose sources the verdicts are about."},
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

static const struct opt feed[] = {
	{"day", 0, "D", "The local day: 2024-12-18."},
	{"watch", 0, "NAME", "The watch whose sources are told (keep_sources and feed)."},
	{"format", 0, "intelmq|shadowserver", "IntelMQ events, or Shadowserver's columns."},
	{"output", 'o', "DIR", "Where the files go; made where it is not there."},
	{"contacts", 0, "F", "Whom sources are told to (contacts.json)."},
	{"rir", 0, "DIR", "Delegation files, for the registries of sources."},
	{"asn", 0, "FILE", "Prefixes and their AS, for names and networks."},
	{"told", 0, "FILE", "Who was told when (DIR/.told-NAME): for the cool-down."},
	{"lang", 0, "en|ja", "Language of all letters; without it the contact's."},
	{NULL},
};

static const struct opt regions[] = {
	{"config", 'c', "regions.json", "Addresses of the files, and where sets are put."},
	{"rir", 0, "DIR", "Where sets are put, over that of the file."},
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
		"$ teiten replay --timezone Asia/Tokyo -s sensors.json --rir rir --db q.db q3.pcap "
		"q4.pcap\n"
		"{\"files\":2,\"skipped\":0,\"packets\":300000,\"bytes\":29510261,\"observed\":"
		"297446,...,\"seconds\":1.593016}\n",
		{replay}, run_replay},
	{"top", "", 0, 0, "db by", "rank ports, regions, sources, ...",
		"Ranks what arrived. Equal values share a rank; -- (unknown region) and mixed "
		"(ports "
		"that varied) are listed, never ranked. rate is packets per address and day, the "
		"mean "
		"over the sensors.",
		"$ teiten top --db q.db --by region --period 2024Q4 --previous 2024Q3 -n 3\n"
		"Top source regions by packets: class scan\n"
		"2024-10-01 to 2025-01-01 (Asia/Tokyo), completeness 100.0 %, regions of "
		"2024-12-31\n"
		"\n"
		"rank  previous  region  packets  sources    bytes  rate  median rate  top sensor  "
		"top source\n"
		"   1         1  US       33,416    3,447   2.8 MB  91.3          122      33.7 %  "
		"     7.0 %\n"
		"   2         2  CN       19,175    2,033   1.6 MB  52.2         69.0      33.8 %  "
		"     8.0 %\n"
		"   3        10  BG       15,284      494   1.3 MB  41.8         55.4      33.9 %  "
		"    11.2 %\n"
		"   -         -  --          953      107  79.8 kB  2.55         3.36      34.8 %  "
		"     9.0 %\n",
		{db, top, filters, format}, run_top},
	{"series", "", 0, 0, "db", "count by hour, day or month",
		"Counts over time. A step in which no sensor was up has no values, not zero.",
		"$ teiten series --db q.db --by port --step month --period 2024Q4 -n 3\n"
		"Packets per month by port: class scan\n"
		"2024-10-01 to 2025-01-01 (Asia/Tokyo), completeness 100.0 %, regions of "
		"2024-12-31\n"
		"\n"
		"month    tcp/23  tcp/8728  tcp/22  complete\n"
		"2024-10  11,491     5,647   3,475   100.0 %\n"
		"2024-11  11,211     6,310   3,415   100.0 %\n"
		"2024-12  11,316     6,329   3,556   100.0 %\n",
		{db, series, filters, format}, run_series},
	{"report", "", 0, 0, "db period output", "make the quarterly report",
		"Writes DIR/report.html (one self-contained page that prints on A4), report.json "
		"(every table and figure), tables/*.csv and figures/*.svg. Ranks are by rate, "
		"class scan, ICMP as one row. Prints the name of the page.",
		"$ teiten report --db q.db --period 2024Q4 --country JP -o q4\n"
		"q4/report.html\n",
		{db, report}, run_report},
	{"changes", "", 0, 0, "db", "surges, new levels, newcomers and leavers",
		"Compares each day of a period with what is usual: the median of eight weeks "
		"before "
		"it (of working days, or of Saturdays and Sundays), for services, regions and "
		"sensors of class scan, services of class reflection, and watches. A day counts "
		"that is five deviations, half as much again and twenty packets off; what passes "
		"must double, or halve, on one of its days. Sensors that were not up long enough "
		"are not compared.",
		"$ teiten changes --db q.db --period 2024Q4 --rank rate\n"
		"...\n"
		"change   of        from        to          packets  usual/day  times  sources\n"
		"surge    udp/123   2024-11-05  2024-11-14    3,948       10.0   39.5      693\n"
		"rise     BG        2024-10-12  lasts        11,773       23.5   6.18      171\n"
		"decline  RU        2024-10-12  lasts         2,942        206  0.177      573\n"
		"...\n",
		{db, changes, span}, run_changes},
	{"show", "[ADDRESS]", 0, 1, NULL, "all that is known of a source or a service",
		"Prints what a source did, when, to which sensors, and what it is (needs --db); or "
		"with --port what is known of a service: products, malware, vulnerabilities and "
		"when they were published as exploited.",
		"$ teiten show 23.128.97.218 --db q.db\n"
		"source       23.128.97.218\n"
		"region       US\n"
		"asn          -\n"
		"surveyor     no\n"
		"timezone     Asia/Tokyo\n"
		"packets      4,545\n"
		"bytes        374,935\n"
		"first        2024-06-30T15:38:17.175472Z\n"
		"last         2024-12-31T11:42:40.281133Z\n"
		"ttl_min      243\n"
		"ttl_max      243\n"
		"days_active  184\n"
		"traits       tcp_no_options, tcp_df_clear, reflector_port\n"
		"\n"
		"tools:\n"
		"...\n",
		{db, show}, run_show},
	{"sql", "QUERY", 1, 1, "db", "read-only SQL",
		"Runs one query on the database, which has the table observation beside its own.",
		"$ teiten sql --db q.db 'select class, sum(packets) as packets from observation "
		"group by 1'\n"
		"class        packets\n"
		"backscatter    15020\n"
		"fragment        1550\n"
		"other           3770\n"
		"reflection      8964\n"
		"scan          268142\n",
		{db, sql}, run_sql},
	{"watch", "list|show NAME|sources NAME|backfill NAME", 1, 2, "db", "what watches counted",
		"list: the watches of the database. show: a watch's days, surges, who saw them and "
		"what the packets were like. sources: its sources by local day, where it keeps "
		"them. backfill: counts it anew from --from on, of the raw observations that are "
		"still there; stop the collector of that database meanwhile.",
		"$ teiten watch show dns-reflection-domestic --db q.db --period 2024Q4\n"
		"...\n"
		"Surge of 2024-12-05 to 2024-12-06: 1,173 packets of 449 sources, at most 346 a "
		"day (usual: 0)\n"
		"network  addresses       up  expected   seen\n"
		"Cloud X       20.0  100.0 %     1,172  1,172  saw it\n"
		"ISP A         9.00  100.0 %       527      1  did not see it\n"
		"Only the sensors in Cloud X saw it.\n"
		"...\n",
		{db, span}, run_watch},
	{"annotate", "FILE.csv", 1, 1, "db watch", "join verdicts made elsewhere",
		"Reads rows of address, date, open (yes or no), product and note, in any order of "
		"columns by the names in the first line, and keeps them beside the sources of a "
		"watch: `teiten watch show` and the report count them. A row replaces what was "
		"said about the same address and date. A file with a bad row is not taken at all.",
		"$ teiten annotate --db q.db --watch dns-reflection-domestic scan.csv\n"
		"scan.csv: 512 verdicts\n",
		{db, annotate}, run_annotate},
	{"sub", "ENDPOINT [TOPIC...]", 1, INT_MAX, NULL, "print a stream of messages",
		"Subscribes to what a probe or a collector publishes and prints one JSON message a "
		"line until it is interrupted. Without a topic: everything. Topics are matched "
		"from "
		"their beginning and end with a full stop.",
		"$ teiten sub tcp://127.0.0.1:5491 live. -n 1\n"
		"{\"v\":1,\"probe\":\"trial\",\"boot\":\"9d10ebfdc1b46d0e\",\"seq\":5,\"sensor\":"
		"\"trial-a\",\n"
		"\"start\":\"2026-11-22T23:19:26Z\",\"end\":\"2026-11-22T23:19:27Z\",\n"
		"\"classes\":{\"scan\":{\"packets\":40,\"bytes\":2160},...}}\n",
		{sub, curve}, run_sub},
	{"status", "ENDPOINT", 1, 1, NULL, "a probe's health",
		"Waits for the next health message of a probe (one an epoch) and prints it.",
		"$ teiten status tcp://127.0.0.1:5491\n"
		"probe trial, boot a2a26bb3689c54d5, 2026-11-22T23:22:50Z to 2026-11-22T23:22:55Z\n"
		"configuration sha256:ec62e56fa210, clock skew 2 ms\n"
		"\n"
		"uplink  link  packets  observed  spilled  malformed  non_ip  unassigned  imissed  "
		"ierrors  rx_nombuf\n"
		"up0     up          0         0        0          0       0           0        0  "
		"      0          0\n"
		"\n"
		" worker   busy  poll gap p99/max (us)  table used  table size\n"
		"lcore 1  0.0 %            1,248/8,501           0     143,360\n"
		"\n"
		"sensor       state   last packet\n"
		"trial-a      up      2026-11-22T23:22:47Z\n"
		"trial-cloud  silent  -\n"
		"\n"
		"harvest: 0 overruns, 0 late packets\n"
		"spool:   0 batches (0 B), 0 lost\n"
		"link:    2 sent, 2 acknowledged, 0.0 s behind\n",
		{status, curve}, run_status},
	{"feed", "", 0, 0, "db day watch format output", "tell those who answer for sources",
		"Writes the sources of a watch on one local day, a file and a letter for each "
		"origin "
		"AS and contact. A source is told once a day and not again within the watch's "
		"cool-down; the same day again gives the same. Sensors are not in it. The last "
		"line "
		"is one JSON object.",
		"$ teiten feed --db q.db --day 2024-12-18 --watch dns-reflection-domestic --format "
		"intelmq \\\n"
		"    --contacts contacts.json -o feed\n"
		"{\"day\":\"2024-12-18\",\"watch\":\"dns-reflection-domestic\",\"groups\":12,"
		"\"told\":"
		"431,\"cooling\":57}\n",
		{db, feed}, run_feed},
	{"regions", "update", 1, 1, NULL, "fetch the registries' delegation files",
		"Fetches the five delegation files over HTTPS into a new folder named by their "
		"date, "
		"beside the sets that are there; a running collector reads it by itself. Checksums "
		"and summaries are checked: unless every file is whole, nothing changes and the "
		"status is 1.",
		"$ teiten regions update --rir rir\n"
		"afrinic  2024-12-17   17,214 rows\n"
		"apnic    2024-12-18  110,480 rows\n"
		"arin     2024-12-18  190,611 rows\n"
		"lacnic   2024-12-17   51,322 rows\n"
		"ripencc  2024-12-17  291,406 rows\n"
		"rir/2024-12-18: new set\n",
		{regions}, run_regions},
	{"check", "FILE...", 1, INT_MAX, NULL, "check configuration files and databases",
		"Reads configuration files, whose kind each says itself (\"kind\"), and prints a "
		"line "
		"for each. The status is 2 if any is wrong. Of a database all is read; the line "
		"says "
		"what is damaged and how much can be read, and the status is 1.",
		"$ teiten check sensors.json\n"
		"sensors.json: ok (sensors)\n",
		{none}, run_check},
	{"schema", "KIND", 1, 1, NULL, "JSON Schema of a kind of file",
		"Prints the JSON Schema of a kind of configuration file: sensors, watches, probe, "
		"collector, services, scanners, "
		"regions, contacts, report.",
		"$ teiten schema sensors > sensors.schema.json\n", {none}, run_schema},
	{"keygen", "FILE", 1, 1, NULL, "draw a pair of CURVE keys",
		"Writes a new secret key to FILE (mode 600) and the public key to FILE.pub, and "
		"prints the public key, which goes into the lists of those who are to know it. "
		"Files that are there already are left alone, with status 1.",
		"$ teiten keygen probe.key\n"
		"wHo7IxCn8=7@v6FGjY1%)%oPqt/ZjWi^u.!V5d7B\n",
		{none}, run_keygen},
	{NULL},
};
