/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const struct option longopts[] = {
	{"config", required_argument, NULL, 'c'},
	{"sensors", required_argument, NULL, 's'},
	{"rir", required_argument, NULL, 'r'},
	{"connect", required_argument, NULL, 'C'},
	{"replay", no_argument, NULL, 'R'},
	{"preflight", no_argument, NULL, 'P'},
	{"json", no_argument, NULL, 'J'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

const char *options_help(void) {
	return "usage: teiten-probe -c probe.json [-s sensors.json] [--rir DIR] [--connect "
	       "ENDPOINT]\n"
	       "       teiten-probe [-c probe.json] [-s sensors.json] --connect ENDPOINT\n"
	       "                    --replay BOOT=FILE [BOOT=FILE...]\n"
	       "       teiten-probe -c probe.json [-s sensors.json] --preflight [--json]\n"
	       "\n"
	       "Turns the packets of a telescope's uplinks, or of capture files, into "
	       "observations.\n"
	       "\n"
	       "  -c, --config FILE       configuration (kind \"probe\")\n"
	       "  -s, --sensors FILE      sensors; overrides the configuration's\n"
	       "      --rir DIR           delegation files for regions; overrides the "
	       "configuration's\n"
	       "      --connect ENDPOINT  the collector; overrides the configuration's\n"
	       "      --replay            read captures and end; BOOT is 16 hex digits and names "
	       "the\n"
	       "                          file's batches\n"
	       "      --preflight         say what of the machine does not suit the "
	       "configuration\n"
	       "                          and how to mend it, and end\n"
	       "      --json              with --preflight: as one JSON object\n"
	       "  -h, --help              this text\n"
	       "  -V, --version           the version\n"
	       "\n"
	       "SIGHUP reads sensors, delegation files and readers' keys again; SIGTERM and SIGINT "
	       "flush\n"
	       "and end.\n"
	       "TEITEN_DEBUG=1 in the environment shows what DPDK says.\n"
	       "\n"
	       "example: teiten-probe -c /etc/teiten/probe.json\n"
	       "example: teiten-probe --connect ipc:///tmp/c.sock --replay "
	       "00000000000000a1=day.pcap\n";
}

static int parse_job(struct job *j, const char *text, struct tt_err *err) {
	size_t n = 0;
	while (isxdigit((unsigned char)text[n]) && !isupper((unsigned char)text[n]))
		n++;
	if (n != TT_BOOT_LEN - 1 || text[n] != '=' || !text[n + 1])
		return tt_err_set(err, -EINVAL,
			"--replay: is \"%s\", expected BOOT=FILE with BOOT of 16 lower-case hex "
			"digits",
			text);
	memcpy(j->boot, text, n);
	j->boot[n] = 0;
	j->file = text + n + 1;
	return 0;
}

static int parse_jobs(struct options *o, int argc, char **argv, struct tt_err *err) {
	if (argc == 0)
		return tt_err_set(err, -EINVAL, "--replay: no capture given, expected BOOT=FILE");
	o->jobs = calloc((size_t)argc, sizeof(*o->jobs));
	if (!o->jobs)
		return tt_err_set(err, -ENOMEM, "out of memory");
	for (int i = 0; i < argc; i++) {
		int rc = parse_job(&o->jobs[i], argv[i], err);
		if (rc)
			return rc;
		for (int k = 0; k < i; k++)
			if (strcmp(o->jobs[k].boot, o->jobs[i].boot) == 0)
				return tt_err_set(err, -EINVAL,
					"--replay: boot %s is given twice, expected one for each "
					"file",
					o->jobs[i].boot);
		o->job_n++;
	}
	return 0;
}

static int check(const struct options *o, int rest, char **argv, struct tt_err *err) {
	if (!o->replay && rest)
		return tt_err_set(
			err, -EINVAL, "%s: unexpected argument (captures need --replay)", argv[0]);
	if (!o->replay && !o->config)
		return tt_err_set(
			err, -EINVAL, "no configuration, expected -c probe.json (or --replay)");
	if (o->preflight && o->replay)
		return tt_err_set(
			err, -EINVAL, "--preflight: is for live uplinks, expected no --replay");
	if (o->json && !o->preflight)
		return tt_err_set(err, -EINVAL, "--json: expected --preflight too");
	if (o->replay && !o->connect)
		return tt_err_set(err, -EINVAL, "--replay: expected --connect ENDPOINT too");
	return 0;
}

int options_parse(struct options *o, int argc, char **argv, struct tt_err *err) {
	memset(o, 0, sizeof(*o));
	o->argv = argv;
	opterr = 0;
	optind = 0; // glibc: start anew, also for a second call in tests
	for (int c; (c = getopt_long(argc, argv, ":c:s:hV", longopts, NULL)) != -1;) {
		if (c != '?' && c != ':' && optarg && !*optarg)
			return tt_err_set(err, -EINVAL, "%s: its value is empty (see -h)",
				argv[optind - (optarg == argv[optind - 1] ? 2 : 1)]);
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->sensors = optarg;
			break;
		case 'r':
			o->rir = optarg;
			break;
		case 'C':
			o->connect = optarg;
			break;
		case 'R':
			o->replay = true;
			break;
		case 'P':
			o->preflight = true;
			break;
		case 'J':
			o->json = true;
			break;
		case 'h':
			o->help = true;
			return 0;
		case 'V':
			o->version = true;
			return 0;
		case ':':
			return tt_err_set(
				err, -EINVAL, "%s: expected a value (see -h)", argv[optind - 1]);
		default:
			return tt_err_set(
				err, -EINVAL, "%s: unknown option (see -h)", argv[optind - 1]);
		}
	}
	int rc = check(o, argc - optind, argv + optind, err);
	return rc || !o->replay ? rc : parse_jobs(o, argc - optind, argv + optind, err);
}

void options_free(struct options *o) {
	free(o->jobs);
	memset(o, 0, sizeof(*o));
}
