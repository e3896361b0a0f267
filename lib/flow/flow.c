/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "flow_impl.h"

/// Rows of the totals: a second epoch for each sensor and class, and some for wild clocks.
static uint32_t total_rows(const struct tt_flow_conf *c) {
	uint32_t groups = (uint32_t)c->sensors * TT_OBSERVED_CLASS_N;
	return c->wait_when_full ? 0 : groups * 2 + 256;
}

static uint32_t total_groups(const struct tt_flow_conf *c) {
	return c->wait_when_full ? 0 : (uint32_t)c->sensors * TT_OBSERVED_CLASS_N;
}

static struct table_conf conf4(const struct tt_flow_conf *c) {
	return (struct table_conf){table_budget(c->ipv4), sizeof(struct key4), true};
}

static struct table_conf conf6(const struct tt_flow_conf *c) {
	return (struct table_conf){table_budget(c->ipv6), sizeof(struct key6), true};
}

/// Budget 0: no spill table.
static struct table_conf conf_spill(const struct tt_flow_conf *c) {
	bool spills = !c->wait_when_full && c->spill;
	return (struct table_conf){spills ? table_budget(c->spill) : 0, sizeof(struct key4), false};
}

static void *zeroed(size_t n, size_t size, int socket) {
	void *p = rte_malloc_socket(
		"tt_flow", n * size, alignof(struct tt_live), socket); // none needs more
	if (p)
		memset(p, 0, n * size); // touches the pages now, not on the poll loop
	return p;
}

static void half_destroy(struct flow_half *h) {
	table_destroy(&h->v4);
	table_destroy(&h->v6);
	table_destroy(&h->spill);
	ledger_destroy(&h->tallies);
	ledger_destroy(&h->totals);
	rte_free(h->tally_rows);
	rte_free(h->total_rows);
}

static int half_table(struct flow_table *t, const struct tt_flow_conf *c, unsigned half,
	const char *what, struct table_conf conf) {
	// rte_hash makes names of 28 characters from this one; several flows may serve one worker
	static _Atomic unsigned instance;
	char name[22];
	snprintf(name, sizeof(name), "tt%" PRIx32 ".%x.%x.%x%s", (uint32_t)getpid() & 0x3fffff,
		c->worker & 0xfff, atomic_fetch_add(&instance, 1) & 0xffff, half, what);
	return table_create(t, &conf, name, c->socket);
}

static int half_create(struct flow_half *h, const struct tt_flow_conf *c, unsigned half) {
	struct table_conf spill = conf_spill(c);
	int rc = half_table(&h->v4, c, half, "a", conf4(c));
	if (!rc)
		rc = half_table(&h->v6, c, half, "b", conf6(c));
	if (!rc && spill.budget)
		rc = half_table(&h->spill, c, half, "s", spill);
	if (!rc)
		rc = ledger_create(&h->tallies, c->tallies, c->uplinks, c->socket);
	if (!rc && total_rows(c))
		rc = ledger_create(&h->totals, total_rows(c), total_groups(c), c->socket);
	if (rc)
		return rc;
	h->tally_rows = zeroed(h->tallies.cap, sizeof(*h->tally_rows), c->socket);
	if (total_rows(c))
		h->total_rows = zeroed(h->totals.cap, sizeof(*h->total_rows), c->socket);
	return h->tally_rows && (h->total_rows || !total_rows(c)) ? 0 : -ENOMEM;
}

static int check(const struct tt_flow_conf *c, struct tt_err *err) {
	if (!c->epoch_s || c->epoch_s > 3600 || 3600 % c->epoch_s)
		return tt_err_set(err, -EINVAL,
			"flow table: epochs of %" PRIu32 " s: expected a divisor of 3600",
			c->epoch_s);
	if (!c->uplinks)
		return tt_err_set(err, -EINVAL, "flow table: no uplinks: expected at least one");
	const struct {
		const char *what;
		uint32_t n;
	} sizes[] = {{"ipv4", c->ipv4}, {"ipv6", c->ipv6}, {"spill", c->spill}};
	for (unsigned i = 0; i < 3; i++)
		if (!table_budget(sizes[i].n))
			return tt_err_set(err, -EINVAL,
				"flow.%s: %" PRIu32 " places: expected at most %u", sizes[i].what,
				sizes[i].n, TABLE_MAX);
	if (c->tallies > 1u << 28)
		return tt_err_set(err, -EINVAL,
			"flow table: %" PRIu32 " tallies: expected at most %u", c->tallies,
			1u << 28);
	return 0;
}

size_t tt_flow_estimate(const struct tt_flow_conf *c) {
	struct table_conf v4 = conf4(c), v6 = conf6(c), spill = conf_spill(c);
	uint32_t rows = total_rows(c), groups = total_groups(c);
	size_t half = table_size(&v4) + table_size(&v6) + ledger_size(c->tallies, c->uplinks) +
		      ledger_rows(c->tallies, c->uplinks) * sizeof(struct tally_row) + 4096;
	if (spill.budget)
		half += table_size(&spill);
	if (rows)
		half += ledger_size(rows, groups) + rows * sizeof(struct total_row);
	return 2 * half + sizeof(struct tt_flow) + c->sensors * sizeof(struct tt_live) + 4096;
}

/// Bytes in use on all of DPDK's heaps.
static size_t heap_used(void) {
	size_t sum = 0;
	for (unsigned i = 0; i < RTE_MAX_NUMA_NODES; i++) {
		struct rte_malloc_socket_stats st;
		if (!rte_malloc_get_socket_stats((int)i, &st))
			sum += st.heap_allocsz_bytes;
	}
	return sum;
}

static struct tt_flow *build(const struct tt_flow_conf *c) {
	struct tt_flow *f = zeroed(1, sizeof(*f), c->socket);
	if (!f) {
		errno = ENOMEM;
		return NULL;
	}
	f->conf = *c;
	f->epoch_ns = c->epoch_s * 1000000000ll;
	f->stops = c->wait_when_full || c->keep_epochs;
	hasher_init(&f->hasher, c->secret, HASHER_AES_WIDE);
	memset(f->conf.secret, 0, sizeof(f->conf.secret));
	for (unsigned i = 0; i < BURST_MAX; i++) {
		f->burst.v4.key[i] = &f->burst.key4[i];
		f->burst.v6.key[i] = &f->burst.key6[i];
		f->burst.spill.key[i] = &f->burst.key_spill[i];
	}
	atomic_init(&f->handed, -1);
	f->live = zeroed(c->sensors ? c->sensors : 1, sizeof(*f->live), c->socket);
	int rc = f->live ? 0 : -ENOMEM;
	for (unsigned i = 0; i < 2 && !rc; i++)
		rc = half_create(&f->half[i], c, i);
	if (rc) {
		tt_flow_destroy(&f);
		errno = -rc;
	}
	return f;
}

struct tt_flow *tt_flow_create(const struct tt_flow_conf *conf, struct tt_err *err) {
	int rc = check(conf, err);
	if (rc) {
		errno = -rc;
		return NULL;
	}
	size_t before = heap_used();
	struct tt_flow *f = build(conf);
	if (!f) {
		rc = errno;
		tt_err_set(err, 0,
			"flow tables of worker %u: %s: %" PRIu32 " IPv4 and %" PRIu32
			" IPv6 flows need %zu MiB of DPDK memory (more eal.memory_mb, or fewer "
			"flows)",
			conf->worker, strerror(rc), conf->ipv4, conf->ipv6,
			(tt_flow_estimate(conf) >> 20) + 1);
		errno = rc;
		return NULL;
	}
	f->memory = heap_used() - before;
	return f;
}

void tt_flow_destroy(struct tt_flow **f) {
	if (!f || !*f)
		return;
	for (unsigned i = 0; i < 2; i++)
		half_destroy(&(*f)->half[i]);
	rte_free((*f)->live);
	memset(&(*f)->hasher, 0, sizeof((*f)->hasher)); // no secrets in freed memory
	rte_free(*f);
	*f = NULL;
}

size_t tt_flow_memory(const struct tt_flow *f) {
	return f->memory;
}

bool tt_flow_switch(struct tt_flow *f) {
	if (atomic_load_explicit(&f->handed, memory_order_acquire) != -1)
		return false;
	atomic_store_explicit(&f->handed, (int)f->current, memory_order_release);
	f->current ^= 1;
	atomic_store_explicit(&f->used4, 0, memory_order_relaxed);
	atomic_store_explicit(&f->used6, 0, memory_order_relaxed);
	atomic_store_explicit(&f->tallies, 0, memory_order_release);
	counter_add(&f->switches, 1);
	return true;
}

bool tt_flow_handed(const struct tt_flow *f) {
	return atomic_load_explicit(&f->handed, memory_order_acquire) != -1;
}

void tt_flow_set_back(struct tt_flow *f, int64_t by_ns) {
	f->newest = 0;
	for (unsigned i = 0; i < f->conf.sensors; i++) {
		int64_t last = atomic_load_explicit(&f->live[i].last_ns, memory_order_relaxed);
		if (last)
			atomic_store_explicit(
				&f->live[i].last_ns, last - by_ns, memory_order_relaxed);
	}
}

bool tt_flow_idle(const struct tt_flow *f) {
	// in this order: who sees the new half empty sees the old one handed over
	return atomic_load_explicit(&f->tallies, memory_order_acquire) == 0 &&
	       atomic_load_explicit(&f->handed, memory_order_acquire) == -1;
}

const struct tt_live *tt_flow_live(const struct tt_flow *f, uint16_t sensor) {
	return sensor < f->conf.sensors ? &f->live[sensor] : NULL;
}

void tt_flow_stats(const struct tt_flow *f, struct tt_flow_stats *out) {
	*out = (struct tt_flow_stats){
		.used4 = atomic_load_explicit(&f->used4, memory_order_relaxed),
		.used6 = atomic_load_explicit(&f->used6, memory_order_relaxed),
		.size4 = f->half[0].v4.budget,
		.size6 = f->half[0].v6.budget,
		.slots4 = rte_align32pow2(f->half[0].v4.entries),
		.slots6 = rte_align32pow2(f->half[0].v6.entries),
		.spilled = atomic_load_explicit(&f->spilled, memory_order_relaxed),
		.switches = atomic_load_explicit(&f->switches, memory_order_relaxed),
		.late = atomic_load_explicit(&f->late, memory_order_relaxed),
		.waits = atomic_load_explicit(&f->waits, memory_order_relaxed),
	};
}
