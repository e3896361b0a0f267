/* SPDX-License-Identifier: BSD-3-Clause */
// Machines that do not exist, as trees of /sys and /proc in a temporary folder.
#include "preflight.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];
static struct machine machine;
static struct preflight flight;
static struct config config;

static void make_parents(const char *path) {
	char part[1024];
	for (const char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(p - path), path);
		assert_true(mkdir(part, 0755) == 0 || errno == EEXIST);
	}
}

static void put(const char *path, const char *text) {
	char full[1024];
	snprintf(full, sizeof(full), "%s%s", root, path);
	make_parents(full);
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put_link(const char *path, const char *target) {
	char full[1024];
	snprintf(full, sizeof(full), "%s%s", root, path);
	make_parents(full);
	unlink(full);
	assert_int_equal(symlink(target, full), 0);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *ftw) {
	(void)s;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void take_away(const char *path) {
	char full[1024];
	snprintf(full, sizeof(full), "%s%s", root, path);
	assert_int_equal(nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

// A server as it should be: two nodes of four cores, 1-3 and 5-7 isolated, a NIC on node 1.
static int good_server(void **state) {
	(void)state;
	strcpy(root, "/tmp/tt-machine-XXXXXX");
	assert_non_null(mkdtemp(root));
	put("/proc/self/status", "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n"
				 "Cpus_allowed_list:\t0-7\n");
	put("/proc/self/limits", "Limit\nMax locked memory         unlimited unlimited bytes\n");
	put("/proc/self/environ", "");
	put("/sys/devices/system/cpu/isolated", "1-3,5-7\n");
	put("/sys/devices/system/node/node0/cpulist", "0-3\n");
	put("/sys/devices/system/node/node1/cpulist", "4-7\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	put("/sys/kernel/iommu_groups/7/type", "DMA\n");
	put("/sys/devices/system/cpu/cpu5/cpufreq/scaling_governor", "performance\n");
	put("/sys/bus/pci/devices/0000:81:00.0/vendor", "0x8086\n");
	put("/sys/bus/pci/devices/0000:81:00.0/numa_node", "1\n");
	put_link("/sys/bus/pci/devices/0000:81:00.0/driver", "../../../bus/pci/drivers/vfio-pci");
	put_link("/sys/bus/pci/devices/0000:81:00.0/iommu_group", "../../../iommu_groups/7");
	memset(&config, 0, sizeof(config));
	strcpy(config.probe, "tokyo");
	strcpy(config.uplinks[0].id, "up0");
	config.uplinks[0].kind = DEVICE_PCI;
	config.uplinks[0].device = (char *)"81:00.0,arg=1";
	config.uplink_n = 1;
	config.main_lcore = 4;
	config.workers[0] = 5;
	config.workers[1] = 6;
	config.worker_n = 2;
	config.telemetry = true;
	config.idle = IDLE_ADAPTIVE;
	return 0;
}

static int remove_server(void **state) {
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const struct preflight_finding *look(const char *check, unsigned need_mb) {
	const struct preflight_finding *worst = NULL;
	machine_read(&machine, root);
	preflight_run(&flight, &config, &machine, need_mb);
	for (unsigned i = 0; i < flight.n; i++)
		if (strcmp(flight.findings[i].check, check) == 0 &&
			(!worst || flight.findings[i].level > worst->level))
			worst = &flight.findings[i];
	assert_non_null(worst);
	return worst;
}

static void says(const struct preflight_finding *f, enum preflight_level level, const char *finding,
	const char *mend) {
	assert_string_equal(preflight_level_name(f->level), preflight_level_name(level));
	if (!strstr(f->finding, finding))
		fail_msg("\"%s\" does not say \"%s\"", f->finding, finding);
	if (!strstr(f->remedy, mend))
		fail_msg("\"%s\" does not say \"%s\"", f->remedy, mend);
}

static void a_machine_as_it_should_be_has_no_findings(void **state) {
	(void)state;
	look("hugepages", 800);
	for (unsigned i = 0; i < flight.n; i++)
		if (flight.findings[i].level != PREFLIGHT_OK || *flight.findings[i].remedy)
			fail_msg("%s: %s", flight.findings[i].check, flight.findings[i].finding);
	assert_true(flight.n >= 12);
	assert_int_equal(preflight_worst(&flight), PREFLIGHT_OK);
	says(look("driver", 1), PREFLIGHT_OK, "0000:81:00.0 is bound to vfio-pci", "");
}

static void missing_hugepages_are_counted(void **state) {
	(void)state;
	// 2,000 MB: 1,000 free already, 500 pages more than the 512
	says(look("hugepages", 2000), PREFLIGHT_WARNING,
		"1000 MB are free, this configuration takes 2000",
		"echo 1012 > /sys/devices/system/node/node1/hugepages/hugepages-2048kB/");
	take_away("/sys/devices/system/node/node1");
	says(look("hugepages", 2000), PREFLIGHT_WARNING, "1000 MB",
		"sysctl -w vm.nr_hugepages=1012 ");
	config.hugepages = HUGEPAGES_ON;
	says(look("hugepages", 2000), PREFLIGHT_ERROR, "2000 MB", "vm.nr_hugepages=1012 ");
	config.memory_mb = 4000;
	says(look("hugepages", 2000), PREFLIGHT_ERROR, "takes 4000 MB", "=2012 ");
	config.memory_mb = 0;
	config.hugepages = HUGEPAGES_AUTO;
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
	says(look("transparent hugepages", 2000), PREFLIGHT_ADVICE, "turned off", "echo madvise");
	says(look("transparent hugepages", 20), PREFLIGHT_OK, "not needed", "");
	take_away("/sys/kernel/mm/hugepages");
	says(look("hugepages", 10), PREFLIGHT_WARNING, "0 MB are free", "CONFIG_HUGETLBFS");
}

static void a_nic_of_the_kernel_s_is_not_usable(void **state) {
	(void)state;
	put_link("/sys/bus/pci/devices/0000:81:00.0/driver", "../../../bus/pci/drivers/ixgbe");
	put("/sys/bus/pci/devices/0000:81:00.0/net/ens1f0/address", "00:00:00:00:00:01\n");
	says(look("driver", 1), PREFLIGHT_ERROR, "bound to ixgbe, interface ens1f0",
		"ip link set ens1f0 down; modprobe vfio-pci; dpdk-devbind.py --bind=vfio-pci "
		"0000:81:00.0");
	take_away("/sys/bus/pci/devices/0000:81:00.0/driver");
	take_away("/sys/bus/pci/devices/0000:81:00.0/net");
	says(look("driver", 1), PREFLIGHT_ERROR, "bound to no driver", "modprobe vfio-pci");
	put_link("/sys/bus/pci/devices/0000:81:00.0/driver", "../../../bus/pci/drivers/mlx5_core");
	says(look("driver", 1), PREFLIGHT_OK, "mlx5_core", "");
	config.uplinks[0].device = (char *)"0000:82:00.0";
	says(look("driver", 1), PREFLIGHT_ERROR, "there is no device 0000:82:00.0",
		"dpdk-devbind.py");
}

static void vfio_needs_an_iommu_or_leave_to_do_without(void **state) {
	(void)state;
	take_away("/sys/kernel/iommu_groups");
	says(look("IOMMU", 1), PREFLIGHT_ERROR, "is off", "intel_iommu=on iommu=pt");
	put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n");
	says(look("IOMMU", 1), PREFLIGHT_ERROR, "is off", "enable_unsafe_noiommu_mode");
	put("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	says(look("IOMMU", 1), PREFLIGHT_ADVICE, "does without", "intel_iommu=on");
	config.uplinks[0].kind = DEVICE_VDEV;
	config.uplinks[0].device = (char *)"net_null0";
	says(look("IOMMU", 1), PREFLIGHT_OK, "not needed", "");
}

static void cores_that_others_use_or_that_are_far_are_named(void **state) {
	(void)state;
	put("/sys/devices/system/cpu/isolated", "5\n");
	says(look("core isolation", 1), PREFLIGHT_WARNING, "cores 6 too",
		"isolcpus=5-6 nohz_full=5-6 rcu_nocbs=5-6");
	put("/sys/devices/system/cpu/cpu6/cpufreq/scaling_governor", "powersave\n");
	says(look("frequency", 1), PREFLIGHT_WARNING,
		"core 6 changes its frequency (governor powersave)",
		"echo performance > /sys/devices/system/cpu/cpu6/cpufreq/scaling_governor");
	config.workers[0] = 1;
	config.workers[1] = 2;
	says(look("NUMA", 1), PREFLIGHT_WARNING, "up0: 0000:81:00.0 is on NUMA node 1",
		"node: 4-7");
	config.workers[1] = 7;
	says(look("NUMA", 1), PREFLIGHT_OK, "a worker on its node", "");
}

static void too_few_cores_are_told(void **state) {
	(void)state;
	put("/proc/self/status", "Uid:\t0\t0\t0\t0\nCpus_allowed_list:\t4,6\n");
	says(look("cores", 1), PREFLIGHT_ERROR, "core 5 is not among", "lcores.workers");
	put("/proc/self/status", "Uid:\t0\t0\t0\t0\nCpus_allowed_list:\t3\n");
	says(look("cores", 1), PREFLIGHT_WARNING, "core 3 only", "two cores or more");
	put("/proc/self/status", "Uid:\t0\t0\t0\t0\nCpus_allowed_list:\t4-6\n");
	config.idle = IDLE_BUSY;
	says(look("idle", 1), PREFLIGHT_WARNING, "takes 2 of 3 cores", "adaptive");
}

static void rights_of_a_user_are_checked(void **state) {
	(void)state;
	put("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n"
				 "Cpus_allowed_list:\t0-7\n");
	put("/proc/self/limits", "Limit\nMax locked memory         65536   65536   bytes\n");
	says(look("locked memory", 300), PREFLIGHT_ERROR, "64 kB may be locked",
		"LimitMEMLOCK=infinity");
	says(look("telemetry", 1), PREFLIGHT_ADVICE, "XDG_RUNTIME_DIR is set: no socket",
		"/run/user/1000");
	put("/proc/self/environ", "");
	char path[128];
	snprintf(path, sizeof(path), "%s/proc/self/environ", root);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	static const char environ_text[] = "HOME=/x\0XDG_RUNTIME_DIR=/run/user/1000\0Z=1";
	fwrite(environ_text, 1, sizeof(environ_text), f);
	fclose(f);
	says(look("telemetry", 1), PREFLIGHT_OK, "has a folder", "");
	config.uplinks[0].kind = DEVICE_VDEV;
	config.uplinks[0].device = (char *)"net_af_packet0,iface=veth1";
	says(look("capabilities", 1), PREFLIGHT_ERROR, "net_af_packet needs CAP_NET_RAW",
		"AmbientCapabilities=CAP_NET_RAW");
	put("/proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000002000\n"
				 "Cpus_allowed_list:\t0-7\n");
	says(look("capabilities", 1), PREFLIGHT_OK, "has those", "");
	says(look("core isolation", 1), PREFLIGHT_OK, "leaves", "");
}

static void without_a_nic_hardware_is_advice(void **state) {
	(void)state;
	config.uplinks[0].kind = DEVICE_VDEV;
	config.uplinks[0].device = (char *)"net_af_packet0,iface=veth1";
	put("/sys/devices/system/cpu/isolated", "\n");
	put("/sys/devices/system/cpu/cpu5/cpufreq/scaling_governor", "powersave\n");
	look("hugepages", 100000);
	assert_int_equal(preflight_worst(&flight), PREFLIGHT_ADVICE);
}

static void an_empty_machine_is_survived(void **state) {
	(void)state;
	machine_read(&machine, "/nonexistent");
	preflight_run(&flight, &config, &machine, 100);
	assert_int_equal(preflight_worst(&flight), PREFLIGHT_ERROR);
}

static void json_says_the_same(void **state) {
	(void)state;
	struct tt_buf out = TT_BUF_INIT(1 << 20);
	take_away("/sys/kernel/iommu_groups");
	look("IOMMU", 77);
	assert_int_equal(preflight_json(&flight, &out), 0);
	json_t *j = json_loadb((char *)out.data, out.len, 0, NULL), *row;
	assert_string_equal(json_string_value(json_object_get(j, "kind")), "preflight");
	assert_string_equal(json_string_value(json_object_get(j, "worst")), "error");
	assert_int_equal(json_integer_value(json_object_get(j, "need_mb")), 77);
	size_t i;
	json_array_foreach(json_object_get(j, "checks"), i, row) {
		assert_string_equal(json_string_value(json_object_get(row, "finding")),
			flight.findings[i].finding);
		assert_true(json_is_null(json_object_get(row, "remedy")) ==
			    !*flight.findings[i].remedy);
	}
	assert_int_equal(i, flight.n);
	json_decref(j);
	tt_buf_reset(&out);
	preflight_text(&flight, &out);
	assert_non_null(strstr((char *)out.data, "\nerror    IOMMU: is off"));
	tt_buf_free(&out);
}

static void the_document_names_every_check(void **state) {
	(void)state;
	char path[1024], quoted[64];
	static char doc[65536];
	snprintf(path, sizeof(path), "%s/../../docs/operations.md", getenv("TT_SOURCE_DIR"));
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	doc[fread(doc, 1, sizeof(doc) - 1, f)] = 0;
	fclose(f);
	look("hugepages", 1);
	for (unsigned i = 0; i < flight.n; i++) {
		snprintf(quoted, sizeof(quoted), "| `%s` |", flight.findings[i].check);
		if (!strstr(doc, quoted))
			fail_msg("docs/operations.md does not name %s", quoted);
	}
}

#define ON_A_SERVER(test) cmocka_unit_test_setup_teardown(test, good_server, remove_server)

int main(void) {
	const struct CMUnitTest tests[] = {
		ON_A_SERVER(a_machine_as_it_should_be_has_no_findings),
		ON_A_SERVER(missing_hugepages_are_counted),
		ON_A_SERVER(a_nic_of_the_kernel_s_is_not_usable),
		ON_A_SERVER(vfio_needs_an_iommu_or_leave_to_do_without),
		ON_A_SERVER(cores_that_others_use_or_that_are_far_are_named),
		ON_A_SERVER(too_few_cores_are_told),
		ON_A_SERVER(rights_of_a_user_are_checked),
		ON_A_SERVER(without_a_nic_hardware_is_advice),
		ON_A_SERVER(an_empty_machine_is_survived),
		ON_A_SERVER(json_says_the_same),
		ON_A_SERVER(the_document_names_every_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
