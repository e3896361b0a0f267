/* SPDX-License-Identifier: BSD-3-Clause */
#include "machine.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_LEN 65536

static void path_of(const struct machine *m, char out[1024], const char *fmt, va_list ap) {
	int n = snprintf(out, 1024, "%s", m->root);
	vsnprintf(out + n, 1024 - (size_t)n, fmt, ap);
}

// The start of a file (all of it, with the sizes that these have), without its last newline. False
// where it cannot be read.
static bool slurp(const struct machine *m, char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static bool slurp(const struct machine *m, char *text, size_t size, const char *fmt, ...) {
	char path[1024];
	va_list ap;
	va_start(ap, fmt);
	path_of(m, path, fmt, ap);
	va_end(ap);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(text, 1, size - 1, f) : 0;
	if (f)
		fclose(f);
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = 0;
	return f != NULL;
}

static bool number(const struct machine *m, uint64_t *out, const char *dir, const char *file) {
	char text[64];
	if (!slurp(m, text, sizeof(text), "%s/%s", dir, file) || !isdigit((unsigned char)*text))
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

static void parse_list(const char *text, cpu_set_t *set) {
	CPU_ZERO(set);
	for (const char *p = text; isdigit((unsigned char)*p);) {
		char *end;
		unsigned long a = strtoul(p, &end, 10), b = a;
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		for (unsigned long i = a; i <= b && i < CPU_SETSIZE; i++)
			CPU_SET(i, set);
		p = *end == ',' ? end + 1 : end;
	}
}

void machine_list(const cpu_set_t *set, char *out, unsigned size) {
	unsigned n = 0;
	*out = 0;
	for (int i = 0; i < CPU_SETSIZE && n < size; i++) {
		int last = i;
		if (!CPU_ISSET(i, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		n += (unsigned)snprintf(
			out + n, size - n, last > i ? "%s%d-%d" : "%s%d", n ? "," : "", i, last);
		i = last;
	}
}

static void read_nodes(struct machine *m) {
	char text[4096];
	m->nodes = 0;
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		m->node[i] = -1;
	for (int16_t node = 0; node < 64; node++) {
		cpu_set_t set;
		if (!slurp(m, text, sizeof(text), "/sys/devices/system/node/node%d/cpulist", node))
			continue;
		m->nodes++;
		parse_list(text, &set);
		for (unsigned i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				m->node[i] = node;
	}
	if (m->nodes == 0)
		m->nodes = 1;
}

static DIR *open_dir(const struct machine *m, const char *path) {
	char full[1024];
	snprintf(full, sizeof(full), "%s%s", m->root, path);
	return opendir(full);
}

static void read_pools(struct machine *m) {
	DIR *d = open_dir(m, "/sys/kernel/mm/hugepages");
	m->pool_n = 0;
	for (struct dirent *x; d && m->pool_n < MACHINE_POOLS_MAX && (x = readdir(d));) {
		struct machine_pool *p = &m->pools[m->pool_n];
		char dir[384];
		snprintf(dir, sizeof(dir), "/sys/kernel/mm/hugepages/%s", x->d_name);
		if (sscanf(x->d_name, "hugepages-%ukB", &p->page_kb) == 1 &&
			number(m, &p->total, dir, "nr_hugepages") &&
			number(m, &p->free, dir, "free_hugepages"))
			m->pool_n++;
	}
	if (d)
		closedir(d);
}

static bool has_entries(const struct machine *m, const char *path) {
	DIR *d = open_dir(m, path);
	bool some = false;
	for (struct dirent *x; d && !some && (x = readdir(d));)
		some = x->d_name[0] != '.';
	if (d)
		closedir(d);
	return some;
}

// The value behind "name:" or "name" in a file of lines.
static const char *line_of(const char *text, const char *name) {
	size_t n = strlen(name);
	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, name, n) == 0)
			return p + n + strspn(p + n, ": \t");
	return NULL;
}

static void read_process(struct machine *m, char *text) {
	const char *p;
	CPU_ZERO(&m->allowed);
	m->uid = getuid();
	if (slurp(m, text, TEXT_LEN, "/proc/self/status")) {
		if ((p = line_of(text, "Cpus_allowed_list")))
			parse_list(p, &m->allowed);
		if ((p = line_of(text, "CapEff")))
			m->capabilities = strtoull(p, NULL, 16);
		if ((p = line_of(text, "Uid")))
			m->uid = (unsigned)strtoul(p, NULL, 10);
	}
	m->memlock_kb = UINT64_MAX;
	if (slurp(m, text, TEXT_LEN, "/proc/self/limits") &&
		(p = line_of(text, "Max locked memory")) && isdigit((unsigned char)*p))
		m->memlock_kb = strtoull(p, NULL, 10) >> 10;
}

static void read_run_dir(struct machine *m, char *text) {
	static const char key[] = "XDG_RUNTIME_DIR=";
	m->run_dir[0] = 0;
	memset(text, 0, TEXT_LEN);
	slurp(m, text, TEXT_LEN, "/proc/self/environ");
	for (const char *p = text; p < text + TEXT_LEN - 1 && *p; p += strlen(p) + 1)
		if (strncmp(p, key, sizeof(key) - 1) == 0)
			snprintf(m->run_dir, sizeof(m->run_dir), "%s", p + sizeof(key) - 1);
}

void machine_read(struct machine *m, const char *root) {
	static char text[TEXT_LEN]; // start-up has one thread
	memset(m, 0, sizeof(*m));
	snprintf(m->root, sizeof(m->root), "%s", root);
	CPU_ZERO(&m->isolated);
	if (slurp(m, text, sizeof(text), "/sys/devices/system/cpu/isolated"))
		parse_list(text, &m->isolated);
	read_nodes(m);
	read_pools(m);
	m->transparent =
		slurp(m, text, sizeof(text), "/sys/kernel/mm/transparent_hugepage/enabled") &&
		!strstr(text, "[never]");
	m->iommu = has_entries(m, "/sys/kernel/iommu_groups");
	m->noiommu = slurp(m, text, sizeof(text),
			     "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") &&
		     *text == 'Y';
	read_process(m, text);
	read_run_dir(m, text);
}

uint64_t machine_free_mb(const struct machine *m) {
	uint64_t kb = 0;
	for (unsigned i = 0; i < m->pool_n; i++)
		kb += m->pools[i].free * m->pools[i].page_kb;
	return kb >> 10;
}

void machine_governor(const struct machine *m, unsigned core, char out[32]) {
	slurp(m, out, 32, "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", core);
}

static void first_entry(const struct machine *m, char *out, size_t size, const char *path) {
	DIR *d = open_dir(m, path);
	for (struct dirent *x; d && (x = readdir(d));)
		if (x->d_name[0] != '.') {
			snprintf(out, size, "%.*s", (int)size - 1, x->d_name);
			break;
		}
	if (d)
		closedir(d);
}

static bool link_name(const struct machine *m, char *out, size_t size, const char *path) {
	char full[1024], target[1024];
	snprintf(full, sizeof(full), "%s%s", m->root, path);
	ssize_t n = readlink(full, target, sizeof(target) - 1);
	*out = 0;
	if (n < 0)
		return false;
	target[n] = 0;
	const char *name = strrchr(target, '/');
	snprintf(out, size, "%.*s", (int)size - 1, name ? name + 1 : target);
	return true;
}

void machine_pci(const struct machine *m, const char *address, struct machine_pci *out) {
	char dir[128], path[192], text[64];
	memset(out, 0, sizeof(*out));
	// DPDK takes an address without its domain, and with arguments behind it
	int n = (int)strcspn(address, ",");
	bool short_form = n == (int)strlen("00:00.0");
	snprintf(out->address, sizeof(out->address), "%s%.*s", short_form ? "0000:" : "",
		n < 16 ? n : 16, address);
	snprintf(dir, sizeof(dir), "/sys/bus/pci/devices/%s", out->address);
	out->exists = slurp(m, text, sizeof(text), "%s/vendor", dir);
	out->node = slurp(m, text, sizeof(text), "%s/numa_node", dir) ? atoi(text) : -1;
	snprintf(path, sizeof(path), "%s/driver", dir);
	link_name(m, out->driver, sizeof(out->driver), path);
	snprintf(path, sizeof(path), "%s/iommu_group", dir);
	out->group = link_name(m, text, sizeof(text), path);
	snprintf(path, sizeof(path), "%s/net", dir);
	first_entry(m, out->iface, sizeof(out->iface), path);
}
