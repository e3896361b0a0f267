/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tt_conf.h"
#include "tt_link.h"

enum {
	OPT_DB = 256,
	OPT_LISTEN,
	OPT_PUBLISH,
	OPT_TZ,
	OPT_RIR,
	OPT_ASN,
	OPT_SCANNERS,
	OPT_WATCHES,
	OPT_REPLAY
};

static const struct option longopts[] = {
	{"config", required_argument, NULL, 'c'},
	{"db", required_argument, NULL, OPT_DB},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"publish", required_argument, NULL, OPT_PUBLISH},
	{"timezone", required_argument, NULL, OPT_TZ},
	{"rir", required_argument, NULL, OPT_RIR},
	{"asn", required_argument, NULL, OPT_ASN},
	{"scanners", required_argument, NULL, OPT_SCANNERS},
	{"watches", required_argument, NULL, OPT_WATCHES},
	{"replay", no_argument, NULL, OPT_REPLAY},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

const char *options_help(void) {
	return "usage: teiten-collector [-c collector.json] [options]\n"
	       "\n"
	       "Receives the observations of any number of probes and keeps them in a database.\n"
	       "\n"
	       "  -c, --config FILE       configuration (kind \"collector\"); options win over it\n"
	       "      --db FILE           the database; made where it is not there\n"
	       "      --listen ENDPOINT   where probes deliver\n"
	       "      --publish ENDPOINT  where the merged streams are published\n"
	       "      --timezone TZ       local days of a new database (IANA name)\n"
	       "      --rir DIR           RIR delegation files: source regions\n"
	       "      --asn FILE          start,end,asn,name rows: origin AS of sources\n"
	       "      --scanners DIR      prefix lists of survey scanners\n"
	       "      --watches FILE      watches.json: what is followed day by day\n"
	       "      --replay            a new database is one made by replay: expires nothing\n"
	       "  -h, --help              this text\n"
	       "  -V, --version           the version\n"
	       "\n"
	       "SIGHUP reads RIR, AS, scanner and watch files and the lists of keys again (all but "
	       "watches are\nread by themselves too, once their file changed); SIGTERM and SIGINT "
	       "commit and end.\n"
	       "\n"
	       "example: teiten-collector --db teiten.db --listen ipc:///run/teiten/collector\n";
}

/// A string option of the file; NULL where it is null.
static const char *text(const json_t *conf, const char *key) {
	return json_string_value(json_object_get(conf, key));
}

/// Paths in a file are relative to it. Replaces them in the document, which then owns them.
static int resolve_paths(json_t *conf, const char *file) {
	static const char *const keys[] = {
		"db", "rir", "asn", "scanners", "watches", "secret_key_file"};
	const char *slash = strrchr(file, '/');
	if (!slash)
		return 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *path = text(conf, keys[i]);
		if (!path || path[0] == '/')
			continue;
		json_t *whole = json_sprintf("%.*s/%s", (int)(slash - file), file, path);
		if (!whole || json_object_set_new(conf, keys[i], whole) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_keys(struct options *o, const json_t *conf, struct tt_err *err) {
	struct tt_link_peer_key *probes = NULL, *readers = NULL;
	unsigned probe_n, reader_n;
	if (tt_link_peer_keys(json_object_get(conf, "probe_keys"), "probe", &probes, &probe_n) ||
		tt_link_peer_keys(
			json_object_get(conf, "reader_keys"), "reader", &readers, &reader_n)) {
		free(probes);
		return tt_err_set(err, -ENOMEM, "out of memory");
	}
	free(o->probe_keys);
	free(o->reader_keys);
	o->probe_keys = probes;
	o->probe_key_n = probe_n;
	o->reader_keys = readers;
	o->reader_key_n = reader_n;
	return 0;
}

int options_reload_keys(struct options *o, struct tt_err *err) {
	json_t *conf;
	int rc = o->file ? tt_conf_load(o->file, "collector", &conf, err) : 0;
	if (rc || !o->file)
		return rc;
	rc = read_keys(o, conf, err);
	json_decref(conf);
	return rc;
}

static int from_file(struct options *o, const char *file, struct tt_err *err) {
	int rc = tt_conf_load(file, "collector", &o->conf, err);
	if (rc)
		return rc;
	if (resolve_paths(o->conf, file) < 0)
		return tt_err_set(err, -ENOMEM, "out of memory");
	o->db = text(o->conf, "db");
	o->timezone = text(o->conf, "timezone");
	o->listen = text(o->conf, "listen");
	o->publish = text(o->conf, "publish");
	o->rir = text(o->conf, "rir");
	o->asn = text(o->conf, "asn");
	o->scanners = text(o->conf, "scanners");
	o->watches = text(o->conf, "watches");
	o->raw_days = (int)json_integer_value(json_object_get(o->conf, "raw_days"));
	o->rollup_rows = (uint32_t)json_integer_value(json_object_get(o->conf, "rollup_rows"));
	o->rollup_sketch_bytes =
		(uint64_t)json_integer_value(json_object_get(o->conf, "rollup_sketch_mb")) << 20;
	o->checkpoint_s = (int)json_integer_value(json_object_get(o->conf, "checkpoint_s"));
	o->disk_limit = (uint64_t)json_integer_value(json_object_get(o->conf, "disk_limit_mb"))
			<< 20;
	o->user = text(o->conf, "user");
	o->group = text(o->conf, "group");
	o->file = file;
	rc = read_keys(o, o->conf, err);
	if (rc)
		return rc;
	const char *key = text(o->conf, "secret_key_file");
	return key ? tt_link_keys_load(&o->keys, key, err) : 0;
}

static int from_option(struct options *o, int opt, const char *word, struct tt_err *err) {
	if (opt != '?' && opt != ':' && optarg && !*optarg)
		return tt_err_set(
			err, -EINVAL, "%s: its value is empty; see teiten-collector --help", word);
	switch (opt) {
	case OPT_DB:
		o->db = optarg;
		return 0;
	case OPT_LISTEN:
		o->listen = optarg;
		return 0;
	case OPT_PUBLISH:
		o->publish = optarg;
		return 0;
	case OPT_TZ:
		o->timezone = optarg;
		return 0;
	case OPT_RIR:
		o->rir = optarg;
		return 0;
	case OPT_ASN:
		o->asn = optarg;
		return 0;
	case OPT_SCANNERS:
		o->scanners = optarg;
		return 0;
	case OPT_WATCHES:
		o->watches = optarg;
		return 0;
	case OPT_REPLAY:
		o->replay = true;
		return 0;
	case 'c':
		return 0; // read before all others
	case 'h':
		o->help = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	default:
		return tt_err_set(err, -EINVAL, "%s: %s; see teiten-collector --help", word,
			opt == ':' ? "expected a value" : "unknown option");
	}
}

// what others can reach needs CURVE; settled before anything is opened
static int check_endpoint(
	const struct options *o, const char *name, const char *endpoint, struct tt_err *err) {
	if (tt_link_endpoint_check(endpoint, err))
		return tt_err_prefix(err, -EINVAL, "%s", name);
	if (tt_link_is_local(endpoint) || o->keys.secret_key[0])
		return 0;
	return tt_err_set(err, -EINVAL,
		"%s %s: is neither ipc nor loopback, expected \"secret_key_file\" in -c FILE "
		"(CURVE)",
		name, endpoint);
}

static int check(const struct options *o, struct tt_err *err) {
	if (!o->db)
		return tt_err_set(err, -EINVAL, "no database given, expected --db FILE or -c FILE");
	if (!o->listen)
		return tt_err_set(err, -EINVAL,
			"no endpoint to listen on, expected --listen ENDPOINT or \"listen\" in -c "
			"FILE");
	int rc = check_endpoint(o, "listen", o->listen, err);
	if (!rc && !tt_link_is_local(o->listen) && !o->probe_key_n)
		rc = tt_err_set(err, -EINVAL,
			"listen %s: is neither ipc nor loopback, expected the probes' keys in "
			"\"probe_keys\" in -c FILE",
			o->listen);
	return rc || !o->publish ? rc : check_endpoint(o, "publish", o->publish, err);
}

int options_read(struct options *o, int argc, char **argv, struct tt_err *err) {
	*o = (struct options){.raw_days = 200, .checkpoint_s = 60};
	int opt, rc = 0;
	opterr = 0;
	// twice: the file first, wherever -c stands
	while ((opt = getopt_long(argc, argv, ":c:hV", longopts, NULL)) != -1 && !rc)
		if (opt == 'c' && *optarg)
			rc = from_file(o, optarg, err);
	optind = 1;
	while (!rc && (opt = getopt_long(argc, argv, ":c:hV", longopts, NULL)) != -1)
		rc = from_option(
			o, opt, argv[optind - (optarg && optarg == argv[optind - 1] ? 2 : 1)], err);
	if (!rc && !o->help && !o->version && optind < argc)
		rc = tt_err_set(
			err, -EINVAL, "%s: unexpected; see teiten-collector --help", argv[optind]);
	if (!rc && !o->help && !o->version)
		rc = check(o, err);
	return rc;
}

void options_free(struct options *o) {
	free(o->probe_keys);
	free(o->reader_keys);
	o->probe_keys = o->reader_keys = NULL;
	json_decref(o->conf);
	o->conf = NULL;
}
