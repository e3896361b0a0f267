/* SPDX-License-Identifier: BSD-3-Clause */
#include "option.h"

static const struct option probe_key[] = {
	{.name = "probe",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "Name of the probe."},
	{.name = "key",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_key,
		.help = "Its public key."},
	{NULL},
};
static const struct option probe_key_element = {.type = O_OBJECT, .of = probe_key};

static const struct option reader_key[] = {
	{.name = "reader",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "Name of the reader, for messages."},
	{.name = "key",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_key,
		.help = "Its public key."},
	{NULL},
};
const struct option reader_key_element = {.type = O_OBJECT, .of = reader_key};

static const struct option options[] = {
	{.name = "db",
		.type = O_STRING,
		.format = &format_path,
		.preset = "\"teiten.db\"",
		.help = "The database; made where it is not there."},
	{.name = "timezone",
		.type = O_STRING,
		.format = &format_zone,
		.preset = "\"UTC\"",
		.help = "Decides local days, months and quarters (an IANA name). Fixed when the "
			"database is made."},
	{.name = "listen",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_endpoint,
		.preset = "null",
		.help = "Where probes deliver."},
	{.name = "publish",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_endpoint,
		.preset = "null",
		.help = "Where the merged streams are published; null: nowhere."},
	{.name = "rir",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "Folder of RIR delegation files (one set), or of dated folders of them: "
			"source "
			"regions. Each epoch is judged by the set in force then. Read again by "
			"itself when a file changes, and on SIGHUP."},
	{.name = "asn",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "File of `start,end,asn,name` rows (gzip too), or a folder of such files: "
			"origin AS of sources. Where ranges overlap, the one that starts last "
			"counts; one range in two AS is an error. Read again by itself when a file "
			"changes, and on SIGHUP."},
	{.name = "scanners",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "Folder of prefix lists of known survey scanners, or scanners.json. The "
			"longest prefix counts; of one in several lists, the list that comes last. "
			"Read again by itself when a file changes, and on SIGHUP."},
	{.name = "watches",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "watches.json: what is followed day by day; null: what the database was "
			"given before. Read again on SIGHUP."},
	{.name = "raw_days",
		.type = O_INT,
		.min = 1,
		.max = 36600,
		.preset = "200",
		.help = "Days that raw batches are kept, back from the newest."},
	{.name = "disk_limit_mb",
		.type = O_INT,
		.max = 1073741824,
		.preset = "0",
		.help = "Most that the database takes, in MiB; the oldest raw batches go first. 0: "
			"no "
			"limit."},
	{.name = "checkpoint_s",
		.type = O_INT,
		.min = 1,
		.max = 3600,
		.preset = "60",
		.help = "Seconds between checkpoints of the rollups at most; they are made earlier "
			"where much has arrived. What is later is read from raw."},
	{.name = "rollup_rows",
		.type = O_INT,
		.min = 100,
		.max = 1000000,
		.preset = "10000",
		.help = "Services that rollups keep of each hour and sensor, the heaviest; the "
			"others are one row a class."},
	{.name = "rollup_sketch_mb",
		.type = O_INT,
		.min = 1,
		.max = 64,
		.preset = "16",
		.help = "MiB that the counts of distinct sources of these services take; past it "
			"a service is one of the others."},
	{.name = "secret_key_file",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_path,
		.preset = "null",
		.help = "File of `teiten keygen`; needed where `listen` or `publish` is not ipc, "
			"inproc or loopback."},
	{.name = "probe_keys",
		.type = O_LIST,
		.max = 4096,
		.preset = "[]",
		.of = &probe_key_element,
		.unique = "probe|key",
		.help = "Probes that may deliver over CURVE; nobody else may. Read again by "
			"itself when the file changes, and on SIGHUP."},
	{.name = "reader_keys",
		.type = O_LIST,
		.max = 4096,
		.preset = "[]",
		.of = &reader_key_element,
		.unique = "reader|key",
		.help = "Readers that may subscribe over CURVE; nobody else may. Read again by "
			"itself when the file changes, and on SIGHUP."},
	{.name = "user",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_line,
		.preset = "null",
		.help = "User to become before anything is opened, where it is started by root."},
	{.name = "group",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_line,
		.preset = "null",
		.help = "Group to become with it; null: the user's own."},
	{NULL},
};

const struct kind kind_collector = {
	.name = "collector",
	.title = "The central process",
	.help = "Read by `teiten-collector -c`. Relative paths are relative to the file's folder.",
	.example = "{\n"
		   "  \"kind\": \"collector\", \"v\": 1, \"db\": \"/var/lib/teiten/teiten.db\",\n"
		   "  \"timezone\": \"Asia/Tokyo\", \"listen\": \"tcp://127.0.0.1:5490\",\n"
		   "  \"rir\": \"/var/lib/teiten/rir\", \"raw_days\": 200\n"
		   "}\n",
	.options = options,
};
