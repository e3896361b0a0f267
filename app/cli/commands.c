/* SPDX-License-Identifier: BSD-3-Clause */
// The one table of commands.
#include <limits.h>

#include "options.h"

const struct command commands[] = {
	{"replay", "FILE.pcap...", 1, INT_MAX, "db", "read captures into a database",
		"Runs captures through the real probe and the real collector and ends when they "
		"are "
		"done. A capture that is in already (by content) is skipped. One that fails (cut, "
		"unknown link type) counts nothing; the others do, and the status is 1. What was "
		"interrupted is redone by the next run. The last line is one JSON object.",
		"$ teiten replay --timezone Asia/Tokyo -s sensors.json --rir rir --watches "
		"watches.json \\\n"
		"    --db q.db q3.pcap q4.pcap\n"
		"{\"files\":2,\"skipped\":0,\"packets\":300000,\"bytes\":29510261,\"observed\":"
		"297446,...,\"seconds\":0.554149}\n",
		{replay_options}, run_replay},
	{"top", "", 0, 0, "db by", "rank ports, regions, sources, ...",
		"Ranks what arrived. Equal values share a rank; -- (unknown region), bogons "
		"(special-purpose addresses) and mixed (ports that varied) are listed, never "
		"ranked. rate is packets per address and day, the "
		"mean "
		"over the sensors.",
		"$ teiten top --db q.db --by region --period 2024Q4 --previous 2024Q3 -n 3\n"
		"Top source regions by packets: class scan\n"
		"2024-10-01 to 2025-01-01 (Asia/Tokyo), completeness 100.0 %, regions of "
		"2024-12-31\n"
		"-- holds 578 packets from bogons (special-purpose addresses).\n"
		"\n"
		"rank  previous  region  packets  sources   bytes  rate  median rate  top sensor  "
		"top source\n"
		"   1         1  US       44,038    3,573  4.0 MB  82.6         88.9      25.7 %  "
		"     7.1 %\n"
		"   2         2  CN       26,065    2,094  2.4 MB  48.6         53.0      25.6 %  "
		"     7.5 %\n"
		"   3        10  BG       20,186      494  1.8 MB  37.7         40.9      25.5 %  "
		"    11.2 %\n"
		"   -         -  --        1,293      107  122 kB  2.40         2.54      25.9 %  "
		"     9.1 %\n",
		{db_options, top_options, filters_options, span_options, names_options,
			recipient_options},
		run_top},
	{"series", "", 0, 0, "db", "count by hour, day or month",
		"Counts over time. A step in which no sensor was up has no values, not zero.",
		"$ teiten series --db q.db --by port --step month --period 2024Q4 -n 3\n"
		"Packets per month by port: class scan\n"
		"2024-10-01 to 2025-01-01 (Asia/Tokyo), completeness 100.0 %, regions of "
		"2024-12-31\n"
		"\n"
		"month    tcp/23  tcp/8728  tcp/22  complete\n"
		"2024-10  15,138     7,406   4,575   100.0 %\n"
		"2024-11  14,984     8,195   4,606   100.0 %\n"
		"2024-12  15,323     8,523   4,738   100.0 %\n",
		{db_options, series_options, filters_options, span_options, names_options,
			recipient_options},
		run_series},
	{"report", "", 0, 0, "db period output", "make the quarterly report",
		"Writes DIR/report.html (one self-contained page that prints on A4), report.json "
		"(every table and figure), tables/*.csv and figures/*.svg. Ranks are by rate, "
		"class scan, ICMP as one row. Prints the name of the page.",
		"$ teiten report --db q.db --period 2024Q4 --country JP -o q4\n"
		"q4/report.html\n",
		{db_options, report_options}, run_report},
	{"changes", "", 0, 0, "db", "surges, new levels, newcomers and leavers",
		"Finds the levels of each service, region and sensor of class scan, service of "
		"class reflection, and watch, over a period and the weeks before it, and compares "
		"each day with what is usual in its level: the median of up to eight weeks "
		"(of working days, or of Saturdays and Sundays, where they differ). A day counts "
		"that is five deviations, half as much again and twenty packets off; what passes "
		"must double, or halve, on one of its days. What lasts for two weeks to the end, "
		"or four, is a new level, told from the day on which the old one was left, and in "
		"the first period that knows it. Sensors that were not up long enough are not "
		"compared.",
		"$ teiten changes --db q.db --period 2024Q4 --rank rate\n"
		"...\n"
		"change   of                       from        to          packets  usual/day  "
		"...\n"
		"...\n"
		"surge    reflection udp/53        2024-12-17  2024-12-18      685  ...\n"
		"...\n"
		"          of        top  rank  before\n"
		"newcomer  tcp/8728    5     2       7\n"
		"newcomer  tcp/5555    5     4      23\n"
		"leaver    icmp        5     6       4\n"
		"...\n",
		{db_options, changes_options, names_options, recipient_options, span_options},
		run_changes},
	{"show", "[ADDRESS]", 0, 1, NULL, "all that is known of a source or a service",
		"Prints what a source did, when, to which sensors, and what it is (needs --db); or "
		"with --port what is known of a service: products, malware, vulnerabilities and "
		"when they were published as exploited.",
		"$ teiten show 23.128.97.218 --db q.db\n"
		"source       23.128.97.218\n"
		"region       US\n"
		"rir          2024-12-31\n"
		"bogon        no\n"
		"asn          -\n"
		"surveyor     yes\n"
		"surveyor_by  behaviour\n"
		"timezone     Asia/Tokyo\n"
		"packets      6,164\n"
		"bytes        561,952\n"
		"first        2024-06-30T15:08:17.607720Z\n"
		"last         2024-12-31T14:13:59.313155Z\n"
		"...\n",
		{db_options, show_options, recipient_options}, run_show},
	{"sql", "QUERY", 1, 1, "db", "read-only SQL",
		"Runs one query on the database, which has the table observation beside its own.",
		"$ teiten sql --db q.db 'select class, sum(packets) as packets from observation "
		"group by 1'\n"
		"class        packets\n"
		"backscatter    20027\n"
		"fragment        2106\n"
		"other           5234\n"
		"reflection     11229\n"
		"scan          357851\n",
		{db_options, sql_options}, run_sql},
	{"watch", "list|show NAME|sources NAME|backfill NAME", 1, 2, "db", "what watches counted",
		"list: the watches of the database. show: a watch's days, surges, who saw them and "
		"what the packets were like. sources: its sources by local day, where it keeps "
		"them. backfill: counts it anew from --from on, of the raw observations that are "
		"still there (with --watches, a watch that the database did not have); stop the "
		"collector of that database meanwhile.",
		"$ teiten watch show dns-reflection-domestic --db q.db --period 2024Q4\n"
		"...\n"
		"day         packets  sources  complete         plain packets  plain sources\n"
		"...\n"
		"2024-12-17      336      284   100.0 %  surge            336            284\n"
		"2024-12-18      332      289   100.0 %  surge            332            289\n"
		"...\n"
		"network  addresses       up  expected  seen\n"
		"Cloud X       4.00  100.0 %       668   668  saw it\n"
		"Cloud Y       2.00  100.0 %       334     0  did not see it\n"
		"ISP A         1.00  100.0 %       167     0  did not see it\n"
		"ISP B         1.00  100.0 %       167     0  did not see it\n"
		"Only the sensors in Cloud X saw it.\n",
		{db_options, span_options, watch_options, recipient_options}, run_watch},
	{"annotate", "FILE.csv", 1, 1, "db watch", "join verdicts made elsewhere",
		"Reads rows of address, date, open (yes or no), product and note, in any order of "
		"columns by the names in the first line, and keeps them beside the sources of a "
		"watch: `teiten watch show` and the report count them. A row replaces what was "
		"said about the same address and date. A file with a bad row is not taken at all.",
		"$ teiten annotate --db q.db --watch dns-reflection-domestic scan.csv\n"
		"scan.csv: 512 verdicts\n",
		{db_options, annotate_options}, run_annotate},
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
		{sub_options, curve_options}, run_sub},
	{"status", "ENDPOINT", 1, 1, NULL, "a probe's health",
		"Waits for the next health message of a probe (one an epoch) and prints it.",
		"$ teiten status tcp://127.0.0.1:5491\n"
		"probe trial, boot c9eed050c2fc41be, 2026-11-28T05:59:00Z to 2026-11-28T06:00:00Z\n"
		"configuration sha256:83689eccd6f4, clock skew 0 ms\n"
		"\n"
		"uplink  link  packets  observed  spilled  malformed  non_ip  unassigned  imissed  "
		"ierrors  rx_nombuf   loss\n"
		"up0     up      5,987     5,824        0         47      59          57        0  "
		"      0          0  0.0 %\n"
		"\n"
		" worker   busy  asleep  poll gap p50/p99/max (us)  table used  table size\n"
		"lcore 1  1.7 %  89.9 %               44/252/7,277       4,778     143,360\n"
		"\n"
		"sensor       state  last packet\n"
		"trial-a      up     2026-11-28T05:59:51Z\n"
		"trial-cloud  up     2026-11-28T05:59:51Z\n"
		"\n"
		"harvest: 0 overruns, 0 late packets, 0 lost\n"
		"spool:   0 batches (0 B), 0 lost\n"
		"link:    0 sent, 0 acknowledged, 0.0 s behind\n",
		{status_options, curve_options}, run_status},
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
		{db_options, feed_options}, run_feed},
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
		{regions_options}, run_regions},
	{"check", "FILE...", 1, INT_MAX, NULL, "check configuration files and databases",
		"Reads configuration files, whose kind each says itself (\"kind\"), and prints a "
		"line "
		"for each. The status is 2 if any is wrong. Of a database all is read; the line "
		"says "
		"what is damaged and how much can be read, and the status is 1.",
		"$ teiten check sensors.json\n"
		"sensors.json: ok (sensors)\n",
		{NULL}, run_check},
	{"schema", "KIND", 1, 1, NULL, "JSON Schema of a kind of file",
		"Prints the JSON Schema of a kind of configuration file: sensors, watches, probe, "
		"collector, services, scanners, "
		"regions, contacts, report.",
		"$ teiten schema sensors > sensors.schema.json\n", {NULL}, run_schema},
	{"keygen", "FILE", 1, 1, NULL, "draw a pair of CURVE keys",
		"Writes a new secret key to FILE (mode 600) and the public key to FILE.pub, and "
		"prints the public key, which goes into the lists of those who are to know it. "
		"Files that are there already are left alone, with status 1.",
		"$ teiten keygen probe.key\n"
		"wHo7IxCn8=7@v6FGjY1%)%oPqt/ZjWi^u.!V5d7B\n",
		{NULL}, run_keygen},
	{NULL},
};
