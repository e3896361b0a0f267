/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tt_time.h"

static const char help[] =
	"usage: teiten-gen [options] OUT.pcap [OUT2.pcap...]\n"
	"       teiten-gen [options] --port DEVICE [--rate PPS]\n"
	"\n"
	"Generates telescope traffic: the same bytes from the same seed and options.\n"
	"\n"
	"what\n"
	"  --packets N           packets in all (100000)\n"
	"  --sources N           sources, about (5000)\n"
	"  --zipf S              exponent of the packets per source (1.0)\n"
	"  --ipv6 SHARE          of the packets (0.08)\n"
	"  --vary-ports SHARE    of victims and reflectors that answer to many ports (0)\n"
	"  --mix CLASS=W,...     weights of scan, backscatter, reflection, other, fragment,\n"
	"                        malformed, non_ip, unassigned over the mix (1 each; 0: none)\n"
	"  --scenario FILE       mix and planted events\n"
	"  --attack KIND         nothing but SYNs whose sources are chosen\n"
	"                        spoofed: a new source in every packet\n"
	"                        overload: each of --sources once a second (packets: sources\n"
	"                        times seconds)\n"
	"                        collide: all flows of an epoch of --epoch seconds have one\n"
	"                        CRC32 as the key of a table, up to 65,535 for each sensor\n"
	"  --sensors FILE        sensors.json (built-in: every kind of feed)\n"
	"  --regions FILE        where sources come from (built-in: 22 regions)\n"
	"  --seed N              (1)\n"
	"when\n"
	"  --start T             RFC 3339 (2024-10-01T00:00:00Z)\n"
	"  --days N, --seconds N (1 day)\n"
	"  --cut T,...           times at which the next output file begins\n"
	"to files\n"
	"  --format pcap|pcap-ns|pcapng   (by the file's name: .pcapng, else pcap)\n"
	"  --big-endian          the other byte order\n"
	"  --snaplen N           bytes kept of a packet (all)\n"
	"  --links UP=LINK,...   an uplink's ethernet, raw, sll or sll2; a pcapng has an\n"
	"                        interface for each uplink\n"
	"to a port\n"
	"  --port DEVICE         vdev (net_af_packet0,iface=veth0) or PCI address\n"
	"  --rate PPS            packets a second (1000; 0: as fast as it goes)\n"
	"  --eal ARGS            further EAL arguments, in one string\n"
	"beside\n"
	"  --truth FILE          what was generated, by the generator's own books\n"
	"  --truth-split T,...   also apart, before and after each of these times\n"
	"  --truth-cells         also every cell (part, sensor, class, service, source, ...)\n"
	"  --epoch S             epoch for which varying ports are told, and hashes aimed (60)\n"
	"  --write-sensors FILE  the sensors.json in use\n"
	"  --write-rir DIR       delegation files of five registries that fit the sources\n"
	"  -h, --help   -V, --version\n"
	"\n"
	"example: a day for the built-in sensors, with what is needed to check it\n"
	"  teiten-gen --packets 200000 --truth truth.json --write-sensors sensors.json \\\n"
	"             --write-rir rir day.pcapng\n";

enum {
	O_PACKETS = 256,
	O_SOURCES,
	O_ZIPF,
	O_IPV6,
	O_VARY,
	O_MIX,
	O_ATTACK,
	O_SCENARIO,
	O_SENSORS,
	O_REGIONS,
	O_SEED,
	O_START,
	O_DAYS,
	O_SECONDS,
	O_CUT,
	O_FORMAT,
	O_BIG,
	O_SNAPLEN,
	O_LINKS,
	O_PORT,
	O_RATE,
	O_EAL,
	O_TRUTH,
	O_SPLIT,
	O_CELLS,
	O_EPOCH,
	O_WRITE_SENSORS,
	O_WRITE_RIR,
};

static const struct option table[] = {
	{"packets", 1, NULL, O_PACKETS},
	{"sources", 1, NULL, O_SOURCES},
	{"zipf", 1, NULL, O_ZIPF},
	{"ipv6", 1, NULL, O_IPV6},
	{"vary-ports", 1, NULL, O_VARY},
	{"mix", 1, NULL, O_MIX},
	{"attack", 1, NULL, O_ATTACK},
	{"scenario", 1, NULL, O_SCENARIO},
	{"sensors", 1, NULL, O_SENSORS},
	{"regions", 1, NULL, O_REGIONS},
	{"seed", 1, NULL, O_SEED},
	{"start", 1, NULL, O_START},
	{"days", 1, NULL, O_DAYS},
	{"seconds", 1, NULL, O_SECONDS},
	{"cut", 1, NULL, O_CUT},
	{"format", 1, NULL, O_FORMAT},
	{"big-endian", 0, NULL, O_BIG},
	{"snaplen", 1, NULL, O_SNAPLEN},
	{"links", 1, NULL, O_LINKS},
	{"port", 1, NULL, O_PORT},
	{"rate", 1, NULL, O_RATE},
	{"eal", 1, NULL, O_EAL},
	{"truth", 1, NULL, O_TRUTH},
	{"truth-split", 1, NULL, O_SPLIT},
	{"truth-cells", 0, NULL, O_CELLS},
	{"epoch", 1, NULL, O_EPOCH},
	{"write-sensors", 1, NULL, O_WRITE_SENSORS},
	{"write-rir", 1, NULL, O_WRITE_RIR},
	{"help", 0, NULL, 'h'},
	{"version", 0, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static const char *name_of(int value) {
	for (const struct option *o = table; o->name; o++)
		if (o->val == value)
			return o->name;
	return "?";
}

static int read_number(int opt, uint64_t low, uint64_t high, uint64_t *out, struct tt_err *err) {
	char *end;
	errno = 0;
	unsigned long long v = strtoull(optarg, &end, 10);
	if (errno || *end || end == optarg || *optarg == '-' || v < low || v > high)
		return tt_err_set(err, -EINVAL, "--%s: is \"%s\", expected %llu to %llu",
			name_of(opt), optarg, (unsigned long long)low, (unsigned long long)high);
	*out = v;
	return 0;
}

static int read_real(int opt, double low, double high, double *out, struct tt_err *err) {
	char *end;
	double v = strtod(optarg, &end);
	if (*end || end == optarg || !(v >= low && v <= high))
		return tt_err_set(err, -EINVAL, "--%s: is \"%s\", expected %g to %g", name_of(opt),
			optarg, low, high);
	*out = v;
	return 0;
}

static int read_times(int opt, int64_t *times, unsigned max, unsigned *n, struct tt_err *err) {
	char *save = NULL, *copy = strdup(optarg);
	int rc = copy ? 0 : -ENOMEM;
	for (char *s = strtok_r(copy, ",", &save); rc == 0 && s; s = strtok_r(NULL, ",", &save)) {
		if (*n == max || tt_time_parse(s, &times[*n]) < 0 ||
			(*n > 0 && times[*n] <= times[*n - 1]))
			rc = tt_err_set(err, -EINVAL,
				"--%s: %s: expected times as 2024-10-01T00:00:00+09:00, rising, "
				"%u at most",
				name_of(opt), s, max);
		else
			(*n)++;
	}
	free(copy);
	return rc;
}

static int read_mix(struct options *o, struct tt_err *err) {
	char *save = NULL, *copy = strdup(optarg);
	int rc = copy ? 0 : -ENOMEM;
	for (char *s = strtok_r(copy, ",", &save); rc == 0 && s; s = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(s, '='), *end = NULL;
		if (eq)
			*eq++ = 0;
		int c = strcmp(s, "unassigned") == 0 ? TT_CLASS_N : tt_class_parse(s);
		double w = eq ? strtod(eq, &end) : -1;
		if (c < 0 || !eq || end == eq || *end || !(w >= 0))
			rc = tt_err_set(err, -EINVAL,
				"--mix: %s: expected CLASS=WEIGHT, the class also \"unassigned\"",
				s);
		else
			o->class_weight[c] = w;
	}
	free(copy);
	return rc;
}

static int read_attack(struct options *o, struct tt_err *err) {
	int kind = attack_parse(optarg);
	if (kind < 0)
		return tt_err_set(err, -EINVAL,
			"--attack: is \"%s\", expected spoofed, overload or collide", optarg);
	o->attack = (enum attack)kind;
	return 0;
}

static int read_span(struct options *o, int opt, struct tt_err *err) {
	double v = 0;
	double unit = opt == O_DAYS ? 86400 : 1;
	int rc = read_real(opt, 1e-3, 1e9 / unit, &v, err);
	o->has_span = true;
	o->span_s = (int64_t)(v * unit) > 0 ? (int64_t)(v * unit) : 1;
	return rc;
}

static int read_format(struct options *o, struct tt_err *err) {
	static const char *const names[] = {"pcap", "pcap-ns", "pcapng"};
	for (int i = 0; i < 3; i++)
		if (strcmp(optarg, names[i]) == 0) {
			o->format = (enum tt_capture_format)i;
			o->format_given = true;
			return 0;
		}
	return tt_err_set(
		err, -EINVAL, "--format: is \"%s\", expected pcap, pcap-ns or pcapng", optarg);
}

static int read_scaled(struct options *o, int opt, struct tt_err *err) {
	uint64_t v = 0;
	int rc;
	switch (opt) {
	case O_PACKETS:
		o->has_packets = true;
		return read_number(opt, 0, UINT32_MAX, &o->packets, err);
	case O_SOURCES:
		o->has_sources = true;
		return read_number(opt, 1, 20000000, &o->sources, err);
	case O_SEED:
		o->has_seed = true;
		return read_number(opt, 0, INT64_MAX, &o->seed, err);
	case O_ZIPF:
		o->has_zipf = true;
		return read_real(opt, 0, 5, &o->zipf, err);
	case O_IPV6:
		o->has_six = true;
		return read_real(opt, 0, 1, &o->six, err);
	case O_VARY:
		o->has_vary = true;
		return read_real(opt, 0, 1, &o->vary, err);
	case O_RATE:
		return read_real(opt, 0, 1e9, &o->rate, err);
	case O_SNAPLEN:
		rc = read_number(opt, 1, 262144, &v, err);
		o->snaplen = (uint32_t)v;
		return rc;
	default:
		rc = read_number(opt, 1, 3600, &v, err);
		o->epoch_s = (uint32_t)v;
		if (rc == 0 && 3600 % v)
			rc = tt_err_set(err, -EINVAL, "--epoch: is %u, expected a divisor of 3600",
				o->epoch_s);
		return rc;
	}
}

// Options whose value is kept as it is; false where it is another one.
static bool read_text(struct options *o, int opt) {
	static const struct {
		int opt;
		size_t at;
	} texts[] = {
		{O_SCENARIO, offsetof(struct options, scenario)},
		{O_SENSORS, offsetof(struct options, sensors)},
		{O_REGIONS, offsetof(struct options, regions)},
		{O_LINKS, offsetof(struct options, links)},
		{O_TRUTH, offsetof(struct options, truth)},
		{O_WRITE_SENSORS, offsetof(struct options, write_sensors)},
		{O_WRITE_RIR, offsetof(struct options, write_rir)},
		{O_PORT, offsetof(struct options, port)},
		{O_EAL, offsetof(struct options, eal)},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].opt == opt) {
			*(const char **)(void *)((char *)o + texts[i].at) = optarg;
			return true;
		}
	return false;
}

static int read_one(struct options *o, int opt, struct tt_err *err) {
	if (read_text(o, opt))
		return 0;
	switch (opt) {
	case O_MIX:
		return read_mix(o, err);
	case O_ATTACK:
		return read_attack(o, err);
	case O_START:
		o->has_start = true;
		return tt_time_parse(optarg, &o->start) < 0 || o->start < 0
			       ? tt_err_set(err, -EINVAL,
					 "--start: is \"%s\", expected a time as "
					 "2024-10-01T00:00:00+09:00",
					 optarg)
			       : 0;
	case O_DAYS:
	case O_SECONDS:
		return read_span(o, opt, err);
	case O_CUT:
		return read_times(opt, o->cuts, 64, &o->cut_n, err);
	case O_SPLIT:
		return read_times(opt, o->splits, 512, &o->split_n, err);
	case O_FORMAT:
		return read_format(o, err);
	case O_BIG:
		o->big_endian = true;
		return 0;
	case O_CELLS:
		o->cells = true;
		return 0;
	default:
		return read_scaled(o, opt, err);
	}
}

int options_read(struct options *o, int argc, char **argv, struct tt_err *err) {
	*o = (struct options){.rate = 1000, .epoch_s = 60};
	for (int i = 0; i <= TT_CLASS_N; i++)
		o->class_weight[i] = -1;
	int c, rc = 0;
	opterr = 0;
	while (rc == 0 && (c = getopt_long(argc, argv, ":hV", table, NULL)) != -1) {
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? help : "teiten-gen " TT_VERSION "\n", stdout);
			return 1;
		}
		if (c == '?' || c == ':')
			return tt_err_set(err, -EINVAL, "%s: %s (see --help)", argv[optind - 1],
				c == '?' ? "no such option" : "needs a value");
		if (optarg && !*optarg)
			return tt_err_set(err, -EINVAL, "%s: its value is empty (see --help)",
				argv[optind - (optarg == argv[optind - 1] ? 2 : 1)]);
		rc = read_one(o, c, err);
	}
	if (rc < 0)
		return rc;
	o->outputs = argv + optind;
	o->output_n = (unsigned)(argc - optind);
	for (unsigned i = 0; i < o->output_n; i++)
		if (!*o->outputs[i])
			return tt_err_set(err, -EINVAL, "the name of an output file is empty");
	if ((o->port != NULL) == (o->output_n > 0) && !(o->write_sensors || o->write_rir))
		return tt_err_set(err, -EINVAL, "expected output files, or --port (see --help)");
	return 0;
}

void options_apply(const struct options *o, struct scenario *s) {
	if (o->has_packets)
		s->packets = o->packets;
	if (o->has_seed)
		s->seed = o->seed;
	if (o->has_sources)
		s->sources = (uint32_t)o->sources;
	if (o->has_zipf)
		s->zipf = o->zipf;
	if (o->has_vary)
		s->vary = o->vary;
	int64_t span = s->end_ns - s->start_ns;
	if (o->has_start)
		s->start_ns = o->start * TT_NS;
	if (o->has_span)
		span = o->span_s * TT_NS;
	s->end_ns = s->start_ns + span;
	if (o->cut_n) {
		memcpy(s->cuts, o->cuts, sizeof(s->cuts));
		s->cut_n = o->cut_n;
	}
	for (int i = 0; i <= TT_CLASS_N; i++)
		if (o->class_weight[i] >= 0)
			s->class_weight[i] = o->class_weight[i];
	s->attack = o->attack;
	s->epoch_s = o->epoch_s;
	if (s->attack == ATTACK_OVERLOAD && !o->has_packets)
		s->packets = s->sources * (uint64_t)((s->end_ns - s->start_ns) / TT_NS);
	attack_apply(s);
	// Cut responses cannot be told from cut decoys: no decoys where packets are cut short.
	for (unsigned i = 0; i < s->stream_n; i++)
		if (o->snaplen && o->snaplen < 512 && s->streams[i].kind == K_UDP_DECOY)
			s->streams[i].weight = 0;
}
