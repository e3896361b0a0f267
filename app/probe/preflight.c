/* SPDX-License-Identifier: BSD-3-Clause */
#include "preflight.h"

#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct preflight_finding *find(struct preflight *p, const char *check,
	enum preflight_level level, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static struct preflight_finding *find(
	struct preflight *p, const char *check, enum preflight_level level, const char *fmt, ...) {
	// the last place is overwritten rather than passed
	struct preflight_finding *f = &p->findings[p->n < PREFLIGHT_MAX ? p->n++ : p->n - 1];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->finding, sizeof(f->finding), fmt, ap);
	va_end(ap);
	f->check = check;
	f->level = level;
	f->remedy[0] = 0;
	return f;
}

static void remedy(struct preflight_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void remedy(struct preflight_finding *f, const char *fmt, ...) {
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

static bool has_nic(const struct config *c) {
	for (unsigned i = 0; i < c->uplink_n; i++)
		if (c->uplinks[i].kind == DEVICE_PCI)
			return true;
	return false;
}

// What matters on hardware is advice where there is none.
static enum preflight_level on_nic(const struct config *c) {
	return has_nic(c) ? PREFLIGHT_WARNING : PREFLIGHT_ADVICE;
}

static void worker_cores(const struct config *c, cpu_set_t *set) {
	CPU_ZERO(set);
	for (unsigned i = 0; i < c->worker_n; i++)
		if (c->workers[i] < CPU_SETSIZE)
			CPU_SET(c->workers[i], set);
}

// The smallest pages that the machine has: what is missing is easiest to get in these.
static const struct machine_pool *small_pool(const struct machine *m) {
	const struct machine_pool *small = NULL;
	for (unsigned i = 0; i < m->pool_n; i++)
		if (!small || m->pools[i].page_kb < small->page_kb)
			small = &m->pools[i];
	return small;
}

static void check_hugepages(struct preflight *p, const char *check) {
	const struct config *c = p->config;
	const struct machine *m = p->machine;
	const struct machine_pool *pool = small_pool(m);
	unsigned need = c->memory_mb ? c->memory_mb : p->need_mb;
	uint64_t has = machine_free_mb(m);
	if (c->hugepages == HUGEPAGES_OFF) {
		find(p, check, on_nic(c), "are turned off; this configuration would take %u MB",
			need);
		return;
	}
	if (has >= need) {
		find(p, check, PREFLIGHT_OK, "%lu MB are free, this configuration takes %u MB",
			(unsigned long)has, need);
		return;
	}
	struct preflight_finding *f =
		find(p, check, c->hugepages == HUGEPAGES_ON ? PREFLIGHT_ERROR : on_nic(c),
			"%lu MB are free, this configuration takes %u MB%s", (unsigned long)has,
			need, c->hugepages == HUGEPAGES_ON ? "" : ": ordinary memory will be used");
	if (!pool) {
		remedy(f, "a kernel with CONFIG_HUGETLBFS");
		return;
	}
	uint64_t missing = ((need - has) * 1024 + pool->page_kb - 1) / pool->page_kb;
	uint64_t pages = pool->total + missing;
	if (m->nodes < 2) {
		remedy(f,
			"sysctl -w vm.nr_hugepages=%lu (pages of %u kB; before other programs "
			"have scattered the memory, best at boot)",
			(unsigned long)pages, pool->page_kb);
		return;
	}
	int node = c->workers[0] < CPU_SETSIZE ? m->node[c->workers[0]] : 0;
	remedy(f,
		"echo %lu > /sys/devices/system/node/node%d/hugepages/hugepages-%ukB/nr_hugepages "
		"(the node of the first worker)",
		(unsigned long)pages, node < 0 ? 0 : node, pool->page_kb);
}

static void check_transparent(struct preflight *p, const char *check) {
	unsigned need = p->config->memory_mb ? p->config->memory_mb : p->need_mb;
	bool wants = p->config->hugepages == HUGEPAGES_OFF || machine_free_mb(p->machine) < need;
	if (!wants || p->machine->transparent) {
		find(p, check, PREFLIGHT_OK, "%s",
			wants ? "are given to whoever asks" : "are not needed");
		return;
	}
	remedy(find(p, check, PREFLIGHT_ADVICE,
		       "are turned off, and tables will live in ordinary memory"),
		"echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
}

static void check_cores(struct preflight *p, const char *check) {
	const struct config *c = p->config;
	const struct machine *m = p->machine;
	char allowed[256];
	unsigned n = (unsigned)CPU_COUNT(&m->allowed);
	machine_list(&m->allowed, allowed, sizeof(allowed));
	if (n == 1) {
		remedy(find(p, check, on_nic(c),
			       "this process may run on core %s only: all its threads share it",
			       allowed),
			"two cores or more (taskset, CPUAffinity=, cpuset)");
		return;
	}
	for (unsigned i = 0; i <= c->worker_n; i++) {
		unsigned core = i ? c->workers[i - 1] : c->main_lcore;
		if (core >= CPU_SETSIZE || !CPU_ISSET(core, &m->allowed))
			remedy(find(p, check, PREFLIGHT_ERROR,
				       "core %u is not among those that this "
				       "process may run on (%s)",
				       core, allowed),
				"other cores in lcores.%s, or a wider taskset, CPUAffinity= or "
				"cpuset",
				i ? "workers" : "main");
	}
	find(p, check, PREFLIGHT_OK, "%u worker%s and core %u for the rest, of cores %s",
		c->worker_n, c->worker_n == 1 ? "" : "s", c->main_lcore, allowed);
}

static void check_isolation(struct preflight *p, const char *check) {
	const struct machine *m = p->machine;
	cpu_set_t workers, isolated;
	char list[256];
	worker_cores(p->config, &workers);
	CPU_AND(&isolated, &workers, &m->isolated);
	if (CPU_EQUAL(&workers, &isolated)) {
		find(p, check, PREFLIGHT_OK, "the kernel leaves the workers' cores alone");
		return;
	}
	CPU_XOR(&isolated, &workers, &isolated);
	machine_list(&isolated, list, sizeof(list));
	struct preflight_finding *f = find(p, check, on_nic(p->config),
		"the kernel runs other programs on workers' cores %s too", list);
	machine_list(&workers, list, sizeof(list));
	remedy(f, "kernel command line: isolcpus=%s nohz_full=%s rcu_nocbs=%s", list, list, list);
}

static void check_governor(struct preflight *p, const char *check) {
	const struct config *c = p->config;
	bool all = true;
	for (unsigned i = 0; i < c->worker_n; i++) {
		char governor[32];
		machine_governor(p->machine, c->workers[i], governor);
		if (!*governor || strcmp(governor, "performance") == 0)
			continue;
		all = false;
		remedy(find(p, check, on_nic(c), "core %u changes its frequency (governor %s)",
			       c->workers[i], governor),
			"echo performance > /sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor",
			c->workers[i]);
	}
	if (all)
		find(p, check, PREFLIGHT_OK, "no worker's core changes its frequency by itself");
}

// Drivers that DPDK reaches a device through; those of Mellanox keep the kernel's.
static bool usable(const char *driver) {
	static const char *const names[] = {
		"vfio-pci", "uio_pci_generic", "igb_uio", "mlx5_core", "mlx4_core", "hv_netvsc"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(driver, names[i]) == 0)
			return true;
	return false;
}

static void check_binding(struct preflight *p, const char *check) {
	const struct config *c = p->config;
	for (unsigned i = 0; i < c->uplink_n; i++) {
		const struct uplink_conf *u = &c->uplinks[i];
		struct machine_pci d;
		if (u->kind != DEVICE_PCI)
			continue;
		machine_pci(p->machine, u->device, &d);
		if (!d.exists) {
			remedy(find(p, check, PREFLIGHT_ERROR, "uplink %s: there is no device %s",
				       u->id, d.address),
				"dpdk-devbind.py --status-dev net lists those that are there");
		} else if (usable(d.driver)) {
			find(p, check, PREFLIGHT_OK, "uplink %s: %s is bound to %s", u->id,
				d.address, d.driver);
		} else {
			struct preflight_finding *f = find(p, check, PREFLIGHT_ERROR,
				"uplink %s: %s is bound to %s%s%s, which DPDK cannot use", u->id,
				d.address, *d.driver ? d.driver : "no driver",
				*d.iface ? ", interface " : "", d.iface);
			char down[128] = "";
			if (*d.iface)
				snprintf(down, sizeof(down), "ip link set %s down; ", d.iface);
			remedy(f, "%smodprobe vfio-pci; dpdk-devbind.py --bind=vfio-pci %s", down,
				d.address);
		}
	}
}

static void check_iommu(struct preflight *p, const char *check) {
	const struct machine *m = p->machine;
	if (!has_nic(p->config)) {
		find(p, check, PREFLIGHT_OK, "is not needed without a NIC");
	} else if (m->iommu) {
		find(p, check, PREFLIGHT_OK, "is on");
	} else if (m->noiommu) {
		remedy(find(p, check, PREFLIGHT_ADVICE,
			       "is off, vfio does without: a device can write anywhere in memory"),
			"kernel command line: intel_iommu=on iommu=pt (AMD: iommu=pt), and VT-d or "
			"AMD-Vi on in the firmware");
	} else {
		remedy(find(p, check, PREFLIGHT_ERROR,
			       "is off, and vfio-pci does not work without"),
			"kernel command line: intel_iommu=on iommu=pt (AMD: iommu=pt), and VT-d or "
			"AMD-Vi on in the firmware; where there is none (virtual machines): echo Y "
			"> "
			"/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	}
}

static void node_cores(const struct machine *m, int node, char *out, unsigned size) {
	cpu_set_t set;
	CPU_ZERO(&set);
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (m->node[i] == node)
			CPU_SET(i, &set);
	machine_list(&set, out, size);
}

static void check_nodes(struct preflight *p, const char *check) {
	const struct config *c = p->config;
	const struct machine *m = p->machine;
	bool all = true;
	for (unsigned i = 0; i < c->uplink_n; i++) {
		struct machine_pci d;
		char list[256];
		bool near = false;
		if (c->uplinks[i].kind != DEVICE_PCI)
			continue;
		machine_pci(m, c->uplinks[i].device, &d);
		for (unsigned w = 0; w < c->worker_n; w++)
			near |= c->workers[w] < CPU_SETSIZE && m->node[c->workers[w]] == d.node;
		if (d.node < 0 || near)
			continue;
		all = false;
		node_cores(m, d.node, list, sizeof(list));
		remedy(find(p, check, PREFLIGHT_WARNING,
			       "uplink %s: %s is on NUMA node %d, where no worker is",
			       c->uplinks[i].id, d.address, d.node),
			"lcores.workers of its node: %s", list);
	}
	if (all)
		find(p, check, PREFLIGHT_OK, "every device has a worker on its node");
}

static void check_memlock(struct preflight *p, const char *check) {
	const struct machine *m = p->machine;
	bool ok = !has_nic(p->config) || m->uid == 0 || m->memlock_kb / 1024 >= p->need_mb;
	if (ok)
		find(p, check, PREFLIGHT_OK, "enough memory may be locked");
	else
		remedy(find(p, check, PREFLIGHT_ERROR,
			       "%lu kB may be locked, vfio maps %u MB for the device",
			       (unsigned long)m->memlock_kb, p->need_mb),
			"LimitMEMLOCK=infinity in the unit, or memlock in "
			"/etc/security/limits.d");
}

static void check_capabilities(struct preflight *p, const char *check) {
	static const struct {
		const char *device, *name;
		unsigned bit;
	} needs[] = {{"net_af_packet", "CAP_NET_RAW", CAP_NET_RAW},
		{"eth_af_packet", "CAP_NET_RAW", CAP_NET_RAW},
		{"net_tap", "CAP_NET_ADMIN", CAP_NET_ADMIN},
		{"net_af_xdp", "CAP_NET_ADMIN", CAP_NET_ADMIN}};
	const struct config *c = p->config;
	bool all = true;
	for (unsigned i = 0; i < c->uplink_n; i++)
		for (unsigned k = 0; k < sizeof(needs) / sizeof(*needs); k++) {
			const char *device = c->uplinks[i].device;
			if (strncmp(device, needs[k].device, strlen(needs[k].device)) != 0 ||
				p->machine->capabilities >> needs[k].bit & 1)
				continue;
			all = false;
			remedy(find(p, check, PREFLIGHT_ERROR, "uplink %s: %s needs %s",
				       c->uplinks[i].id, needs[k].device, needs[k].name),
				"AmbientCapabilities=%s in the unit, or start as root",
				needs[k].name);
		}
	if (all)
		find(p, check, PREFLIGHT_OK, "the process has those that its devices need");
}

static void check_telemetry(struct preflight *p, const char *check) {
	const struct machine *m = p->machine;
	if (!p->config->telemetry || m->uid == 0 || *m->run_dir)
		find(p, check, PREFLIGHT_OK, "%s",
			p->config->telemetry ? "its socket has a folder" : "is turned off");
	else
		remedy(find(p, check, PREFLIGHT_ADVICE,
			       "neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set: no socket"),
			"RuntimeDirectory=teiten in the unit, or export "
			"XDG_RUNTIME_DIR=/run/user/%u",
			m->uid);
}

static void check_idle(struct preflight *p, const char *check) {
	unsigned n = (unsigned)CPU_COUNT(&p->machine->allowed);
	if (p->config->idle == IDLE_BUSY && n <= p->config->worker_n + 1)
		remedy(find(p, check, PREFLIGHT_WARNING, "busy polling takes %u of %u cores whole",
			       p->config->worker_n, n),
			"\"idle\": \"adaptive\" or \"interrupt\"");
	else
		find(p, check, PREFLIGHT_OK, "other programs have cores left");
}

static const struct {
	const char *name;
	void (*run)(struct preflight *p, const char *check);
} checks[] = {
	{"hugepages", check_hugepages},
	{"transparent hugepages", check_transparent},
	{"cores", check_cores},
	{"core isolation", check_isolation},
	{"frequency", check_governor},
	{"driver", check_binding},
	{"IOMMU", check_iommu},
	{"NUMA", check_nodes},
	{"locked memory", check_memlock},
	{"capabilities", check_capabilities},
	{"telemetry", check_telemetry},
	{"idle", check_idle},
};

void preflight_run(
	struct preflight *p, const struct config *c, const struct machine *m, unsigned need_mb) {
	p->config = c;
	p->machine = m;
	p->need_mb = need_mb;
	p->n = 0;
	for (unsigned i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		checks[i].run(p, checks[i].name);
}
