/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <rte_version.h>

#include "bench.h"

/// Value of the first line of /proc/cpuinfo that begins with name.
static void cpu_field(const char *name, char *out, size_t size) {
	snprintf(out, size, "unknown");
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];
	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		if (strncmp(line, name, strlen(name)) || !colon)
			continue;
		colon[strcspn(colon, "\n")] = 0;
		snprintf(out, size, "%s", colon + 1 + (colon[1] == ' '));
		break;
	}
	if (f)
		fclose(f);
}

json_t *machine_json(const struct bench *b) {
	char model[128], cache[64];
	cpu_field("model name", model, sizeof(model));
	cpu_field("cache size", cache, sizeof(cache));
	struct utsname u = {0};
	uname(&u);
#ifdef __AVX2__
	const char *flags = "host";
#else
	const char *flags = "portable";
#endif
	return json_pack("{s:s, s:s, s:i, s:f, s:s, s:s, s:s, s:s, s:s, s:b}", "cpu", model,
		"cache", cache, "cpus", (int)sysconf(_SC_NPROCESSORS_ONLN), "tsc_ghz",
		(double)rte_get_tsc_hz() / 1e9, "kernel", u.release, "compiler", __VERSION__,
		"build", flags, "dpdk", rte_version(), "teiten", TT_VERSION, "hugepages", b->huge);
}
