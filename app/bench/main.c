/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "bench.h"

#define MEMORY_MB	1536
#define MEMORY_QUICK_MB 128

static const char help[] =
	"usage: teiten-bench [-q] [-r RUNS] [-g GROUP] [-j FILE]\n"
	"Measures the data path on this machine, as ratios within one run.\n"
	"\n"
	"  -g, --group NAME  only this group of figures: path, flow, attack, workers,\n"
	"                    switch, link, instructions (for callgrind)\n"
	"  -j, --json FILE   write machine and results there too\n"
	"  -q, --quick       small and short: whether it works, not how fast\n"
	"  -r, --runs N      runs of each figure (default 7, at most 31)\n"
	"  -h, --help        this text\n"
	"  -V, --version     the version\n"
	"\n"
	"Hugepages are used where enough are free (768 of 2 MiB), as in\n"
	"  sysctl vm.nr_hugepages=768 && teiten-bench --json build/bench.json\n";

static const struct {
	const char *name;
	void (*run)(struct bench *b);
	bool by_name; // only when asked for
} groups[] = {{"path", bench_path, false}, {"flow", bench_flow, false},
	{"attack", bench_attack, false}, {"workers", bench_workers, false},
	{"switch", bench_switch, false}, {"link", bench_link, false},
	{"instructions", bench_instructions, true}};

#define GROUPS (sizeof(groups) / sizeof(*groups))

/// Whether that many MiB of 2 MiB pages are free.
static bool huge_free(unsigned mb) {
	unsigned pages = 0;
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	if (f && fscanf(f, "%u", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages >= mb / 2;
}

/// counting: under valgrind, where DPDK gets no hugepages whether they are free or not.
static int eal_start(struct bench *b, bool counting) {
	char memory[16];
	unsigned mb = b->quick ? MEMORY_QUICK_MB : MEMORY_MB;
	b->huge = !counting && huge_free(mb);
	snprintf(memory, sizeof(memory), "%u", mb);
	char args[][20] = {"teiten-bench", "--no-pci", "--no-telemetry", "--log-level=1", "-m", "",
		"", "", ""};
	char *argv[9];
	unsigned n = 0;
	snprintf(args[5], sizeof(args[5]), "%s", memory);
	snprintf(args[6], sizeof(args[6]), "%s", b->huge ? "--in-memory" : "--no-huge");
	snprintf(args[7], sizeof(args[7]), "--no-shconf");
	for (; n < 8; n++)
		argv[n] = args[n];
	if (rte_eal_init((int)n, argv) >= 0)
		return 0;
	fprintf(stderr, "teiten-bench: DPDK does not start with %u MiB %s: %s\n", mb,
		b->huge ? "of hugepages" : "without hugepages", rte_strerror(rte_errno));
	return -EIO;
}

static int usage(const char *what, const char *value) {
	fprintf(stderr, "teiten-bench: %s %s (try --help)\n", what, value);
	return 2;
}

/// Returns -1 to go on, else the exit status.
static int read_options(
	struct bench *b, int argc, char **argv, const char **group, const char **json) {
	static const struct option options[] = {{"group", required_argument, NULL, 'g'},
		{"json", required_argument, NULL, 'j'}, {"quick", no_argument, NULL, 'q'},
		{"runs", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {0}};
	for (int c; (c = getopt_long(argc, argv, "g:j:qr:hV", options, NULL)) != -1;) {
		switch (c) {
		case 'g':
			*group = optarg;
			break;
		case 'j':
			*json = optarg;
			break;
		case 'q':
			b->quick = true;
			break;
		case 'r':
			b->runs = (unsigned)strtoul(optarg, NULL, 10);
			if (b->runs < 1 || b->runs > RUNS_MAX)
				return usage("--runs: expected 1 to 31, not", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'V':
			puts("teiten-bench " TT_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc)
		return usage("takes no argument", argv[optind]);
	unsigned known = 0;
	for (unsigned i = 0; i < GROUPS; i++)
		known += !*group || !strcmp(*group, groups[i].name);
	if (!known)
		return usage("--group: expected path, flow, attack, workers, switch, link or "
			     "instructions, not",
			*group);
	return -1;
}

int main(int argc, char **argv) {
	struct bench b = {.runs = 7};
	const char *json = NULL, *group = NULL;
	int status = read_options(&b, argc, argv, &group, &json);
	if (status >= 0)
		return status;
	bool counting = group && !strcmp(group, "instructions");
	if (eal_start(&b, counting))
		return 1;
	b.results = json_array();
	if (!counting)
		result_heading();
	for (unsigned i = 0; i < GROUPS; i++)
		if (group ? !strcmp(group, groups[i].name) : !groups[i].by_name)
			groups[i].run(&b);
	int rc = json ? result_write(&b, json) : 0;
	if (rc)
		fprintf(stderr, "teiten-bench: %s: %s\n", json, strerror(-rc));
	json_decref(b.results);
	rte_eal_cleanup();
	return rc ? 1 : 0;
}
