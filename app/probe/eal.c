/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"
#include "run_dir.h"
#include "tt_buf.h"
#include "tt_log.h"

#define ARG_MAX_N   256
#define EAL_NO_HUGE "TEITEN_NO_HUGE"

struct args {
	char *v[ARG_MAX_N + 1];
	int n;
	bool failed;
};

static void arg(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void arg(struct args *a, const char *fmt, ...) {
	va_list ap;
	va_start(ap, fmt);
	char *s = NULL;
	if (a->n == ARG_MAX_N || vasprintf(&s, fmt, ap) < 0)
		a->failed = true;
	else
		a->v[a->n++] = s;
	va_end(ap);
}

static void args_free(struct args *a) {
	for (int i = 0; i < a->n; i++)
		free(a->v[i]);
}

static bool debug(void) {
	return getenv("TEITEN_DEBUG") != NULL;
}

// DPDK's log stream: keeps the first complaint, which says most (what follows are its
// consequences), or the last line where there is none.
static ssize_t log_write(void *cookie, const char *buf, size_t size) {
	struct eal *e = cookie;
	// that there is no folder for its run is our doing
	bool complaint = rte_log_cur_msg_loglevel() <= (int)RTE_LOG_ERR &&
			 !memmem(buf, size, RUN_DIR_NONE, sizeof(RUN_DIR_NONE) - 1);
	if (debug())
		(void)!write(STDERR_FILENO, buf, size);
	if (e->complained)
		return (ssize_t)size;
	size_t n = size < sizeof(e->said) - 1 ? size : sizeof(e->said) - 1;
	while (n && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	if (n) {
		memcpy(e->said, buf, n);
		e->said[n] = 0;
		e->complained = complaint;
	}
	return (ssize_t)size;
}

void eal_listen(struct eal *e) {
	e->said[0] = 0;
	e->complained = false;
}

const char *eal_said(const struct eal *e) {
	return e->said;
}

static uint64_t free_hugepages_mb(void) {
	static struct machine m;
	machine_read(&m, "");
	return machine_free_mb(&m);
}

static int memory_args(struct eal *e, const struct config *c, const struct eal_need *need,
	struct args *a, struct tt_err *err) {
	bool off = c->hugepages == HUGEPAGES_OFF || getenv(EAL_NO_HUGE);
	uint64_t free_mb = off ? 0 : free_hugepages_mb();
	unsigned mb = c->memory_mb ? c->memory_mb : need->tables + need->buffers;
	e->hugepages = free_mb >= mb;
	if (c->hugepages == HUGEPAGES_ON && !e->hugepages)
		return tt_err_set(err, -ENOMEM,
			"$.eal.hugepages: %lu MB of hugepages are free, expected %u MB: "
			"sysctl -w vm.nr_hugepages=%u",
			(unsigned long)free_mb, mb, (mb + 1) / 2);
	if (e->hugepages) {
		arg(a, "--in-memory");
	} else {
		e->heap_len = (size_t)(c->memory_mb ? c->memory_mb : need->tables) << 20;
		// DPDK 22.11 refuses --no-huge with --in-memory
		arg(a, "--no-huge");
		arg(a, "--no-shconf");
		arg(a, "-m");
		arg(a, "%u", need->buffers_small);
	}
	return 0;
}

// "(0,1,5)" of the cores this process may use.
static void allowed_cores(struct tt_buf *b, const cpu_set_t *set) {
	char sep = '(';
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, set)) {
			tt_buf_printf(b, "%c%d", sep, i);
			sep = ',';
		}
	tt_buf_append(b, ")", 1);
}

static int check_core(const struct config *c, const cpu_set_t *set, unsigned core, const char *what,
	struct tt_err *err) {
	if (core < RTE_MAX_LCORE && CPU_ISSET(core, set))
		return 0;
	return tt_err_set(err, -EINVAL,
		"%s: $.lcores.%s: is %u, expected a core that this process may run on and below %d",
		c->path, what, core, RTE_MAX_LCORE);
}

// Live workers stay on their cores. A replay shares the machine with its collector: its threads
// may run on any core, and more workers than cores are allowed.
static int lcore_args(const struct config *c, struct args *a, struct tt_err *err) {
	cpu_set_t set;
	struct tt_buf b = TT_BUF_INIT(1 << 16), all = TT_BUF_INIT(1 << 13);
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set))
		return tt_err_set(err, -errno, "sched_getaffinity: %s", strerror(errno));
	bool one = CPU_COUNT(&set) == 1, floating = c->replay || one;
	int rc = 0;
	allowed_cores(&all, &set);
	if (floating) {
		tt_buf_printf(&b, "0@%s", (char *)all.data);
		for (unsigned i = 0; i < c->worker_n; i++)
			tt_buf_printf(&b, ",%u@%s", i + 1, (char *)all.data);
	} else {
		rc = check_core(c, &set, c->main_lcore, "main", err);
		tt_buf_printf(&b, "%u@%u", c->main_lcore, c->main_lcore);
		for (unsigned i = 0; i < c->worker_n && rc == 0; i++) {
			char what[32];
			snprintf(what, sizeof(what), "workers[%u]", i);
			rc = check_core(c, &set, c->workers[i], what, err);
			tt_buf_printf(&b, ",%u@%u", c->workers[i], c->workers[i]);
		}
	}
	if (rc == 0 && (b.rc || all.rc))
		rc = tt_err_set(err, -ENOMEM, "out of memory");
	if (rc == 0) {
		arg(a, "--lcores");
		arg(a, "%s", (char *)b.data);
		arg(a, "--main-lcore");
		arg(a, "%u", floating ? 0 : c->main_lcore);
	}
	tt_buf_free(&b);
	tt_buf_free(&all);
	return rc;
}

static void device_args(const struct config *c, struct args *a) {
	bool pci = false;
	for (unsigned i = 0; !c->replay && i < c->uplink_n; i++)
		if (c->uplinks[i].kind == DEVICE_PCI) {
			arg(a, "-a");
			arg(a, "%s", c->uplinks[i].device);
			pci = true;
		}
	if (!pci)
		arg(a, "--no-pci");
}

static int build_args(struct eal *e, const struct config *c, const struct eal_need *need,
	struct args *a, struct tt_err *err) {
	arg(a, "teiten-probe");
	int rc = memory_args(e, c, need, a, err);
	if (rc == 0)
		rc = lcore_args(c, a, err);
	if (!e->telemetry)
		arg(a, "--no-telemetry");
	arg(a, "--file-prefix");
	arg(a, "teiten-%s", c->probe);
	device_args(c, a);
	const json_t *list = json_object_get(json_object_get(c->json, "eal"), "args");
	for (size_t i = 0; i < json_array_size(list); i++)
		arg(a, "%s", json_string_value(json_array_get(list, i)));
	if (rc == 0 && a->failed)
		rc = tt_err_set(err, -E2BIG, "%s: $.eal.args: too many", c->path);
	return rc;
}

// rte_eal_init also writes to stderr past its log: keep the terminal clean.
static int init_quietly(struct args *a) {
	char *argv[ARG_MAX_N + 1]; // getopt moves entries
	memcpy(argv, a->v, sizeof(argv));
	int saved = -1, null = -1;
	fflush(stderr);
	if (!debug() && (null = open("/dev/null", O_WRONLY | O_CLOEXEC)) >= 0 &&
		(saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) >= 0)
		dup2(null, STDERR_FILENO);
	int rc = rte_eal_init(a->n, argv);
	if (saved >= 0) {
		dup2(saved, STDERR_FILENO);
		close(saved);
	}
	if (null >= 0)
		close(null);
	return rc;
}

// Without hugepages DPDK's memory is a shared file of small pages: slow to touch and slow to look
// up in. Tables get a heap of private memory instead, which the kernel may back with huge ones.
static int own_heap(struct eal *e, struct tt_err *err) {
	const size_t page = 2u << 20;
	size_t len = (e->heap_len + page - 1) / page * page;
	char *raw = mmap(NULL, len + page, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw == MAP_FAILED)
		return tt_err_set(err, -errno, "no memory for tables (%zu MB): %s", len >> 20,
			strerror(errno));
	char *base = raw + (page - (uintptr_t)raw % page) % page;
	if (base > raw)
		munmap(raw, (size_t)(base - raw));
	if (raw + page > base)
		munmap(base + len, (size_t)(raw + page - base));
	(void)madvise(base, len, MADV_HUGEPAGE); // advice
	e->heap = base;
	e->heap_len = len;
	if (rte_malloc_heap_create("tables") ||
		rte_malloc_heap_memory_add("tables", base, len, NULL, (unsigned)(len / page), page))
		return tt_err_set(
			err, -rte_errno, "DPDK takes no heap: %s", rte_strerror(rte_errno));
	e->socket = rte_malloc_heap_get_socket("tables");
	return 0;
}

int eal_start(
	struct eal *e, const struct config *c, const struct eal_need *need, struct tt_err *err) {
	struct args a = {.n = 0};
	struct run_dir run;
	char prefix[TT_ID_LEN + 8];
	snprintf(prefix, sizeof(prefix), "teiten-%s", c->probe);
	e->telemetry = c->telemetry && run_dir_open(&run, prefix);
	int rc = build_args(e, c, need, &a, err);
	if (rc == 0) {
		// DPDK makes a folder for its run even where it puts nothing into it, and does
		// without where it cannot
		char *saved = run_dir_set(e->telemetry ? run.base : NULL);
		cookie_io_functions_t io = {.write = log_write};
		FILE *log = fopencookie(e, "w", io);
		if (log) {
			setvbuf(log, NULL, _IOLBF, 0);
			rte_openlog_stream(log);
		}
		eal_listen(e);
		if (init_quietly(&a) < 0)
			rc = tt_err_set(err, rte_errno ? -rte_errno : -EIO,
				"DPDK does not start: %s",
				*eal_said(e) ? eal_said(e) : rte_strerror(rte_errno));
		run_dir_restore(saved);
	}
	args_free(&a);
	if (e->telemetry)
		run_dir_unlock(&run);
	e->up = rc == 0;
	e->socket = SOCKET_ID_ANY;
	return rc || e->hugepages ? rc : own_heap(e, err);
}

void eal_stop(struct eal *e) {
	if (e->up)
		rte_eal_cleanup();
	if (e->heap)
		munmap(e->heap, e->heap_len);
	e->heap = NULL;
	e->up = false;
}

void eal_retry(const struct eal *e, const struct config *c, char **argv) {
	// they were taken by somebody else since they were counted: DPDK starts once a process, so
	// begin again as a new one
	if (!e->hugepages || c->hugepages != HUGEPAGES_AUTO)
		return;
	setenv(EAL_NO_HUGE, "1", 1);
	execv("/proc/self/exe", argv);
}
