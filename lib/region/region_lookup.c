/* SPDX-License-Identifier: BSD-3-Clause */
// region_lookup DIR: reads addresses, one a line, and prints the region of each; first a line with
// how long the files took to load and what they hold. For tests against other readers.
#include <stdio.h>
#include <string.h>

#include "tt_addr.h"
#include "tt_region.h"
#include "tt_time.h"

int main(int argc, char **argv) {
	struct tt_err err = {""};
	struct tt_addr a;
	char line[128];
	if (argc != 2) {
		fprintf(stderr, "usage: region_lookup DIR <ADDRESSES\n");
		return 2;
	}
	int64_t start = tt_mono_ns();
	struct tt_region *r = tt_region_load(argv[1], NULL, NULL, &err);
	if (!r) {
		fprintf(stderr, "region_lookup: %s\n", err.msg);
		return 1;
	}
	printf("{\"seconds\":%.3f,\"records\":%llu,\"date\":\"%s\"}\n",
		(double)(tt_mono_ns() - start) / TT_NS, (unsigned long long)tt_region_records(r),
		tt_region_date(r));
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		puts(tt_addr_parse(line, &a) ? "bad" : tt_region_of(r, a.family, a.b));
	}
	tt_region_destroy(&r);
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
