/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

// What the kernel says of the machine, by reading /sys and /proc below any root.

#define MACHINE_POOLS_MAX 4

struct machine_pool {
	unsigned page_kb;
	uint64_t total, free; // pages
};

struct machine {
	char root[256]; // "": this machine
	cpu_set_t allowed, isolated;
	int16_t node[CPU_SETSIZE]; // of each core, -1 where unknown
	unsigned nodes;		   // at least 1
	struct machine_pool pools[MACHINE_POOLS_MAX];
	unsigned pool_n;
	bool transparent;    // huge pages for whoever asks with madvise
	bool iommu, noiommu; // groups exist; vfio may do without
	uint64_t memlock_kb; // UINT64_MAX: no limit
	uint64_t capabilities;
	unsigned uid;
	char run_dir[256]; // XDG_RUNTIME_DIR of this process, "" without
};

/// Reads everything but devices; what is not there stays empty. `root` is shorter than 256.
void machine_read(struct machine *m, const char *root);
/// Free memory in hugepages, MB.
uint64_t machine_free_mb(const struct machine *m);
/// Frequency governor of a core; "" where there is none.
void machine_governor(const struct machine *m, unsigned core, char out[32]);

/// A device on the PCI bus.
struct machine_pci {
	bool exists;
	char address[32]; // with its domain
	char driver[64];  // "" unbound
	char iface[64];	  // of a kernel driver, else ""
	int node;	  // -1: unknown
	bool group;	  // the IOMMU has one for it
};
void machine_pci(const struct machine *m, const char *address, struct machine_pci *out);

/// "0-3,8" of a set of cores.
void machine_list(const cpu_set_t *set, char *out, unsigned size);
