/* SPDX-License-Identifier: BSD-3-Clause */
// Counters since the start, as of the last closed epoch, on DPDK's telemetry socket.
#include "telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_telemetry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"
#include "tt_time.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of the next: main sets, DPDK's reads
static struct probe *probe;

static void number(struct rte_tel_data *d, const char *name, uint64_t n) {
	rte_tel_data_add_dict_u64(d, name, n);
}

static void part(
	struct rte_tel_data *d, const char *what, unsigned i, const char *name, uint64_t n) {
	char full[64];
	snprintf(full, sizeof(full), "%s%u_%s", what, i, name);
	number(d, full, n);
}

static void add_tally(struct rte_tel_data *d, const struct tt_tally *t, const struct losses *l) {
	number(d, "packets",
		t->packets[TT_FATE_OBSERVED] + t->packets[TT_FATE_SPILLED] +
			t->packets[TT_FATE_MALFORMED] + t->packets[TT_FATE_NON_IP] +
			t->packets[TT_FATE_UNASSIGNED]);
	number(d, "observed", t->packets[TT_FATE_OBSERVED]);
	number(d, "spilled", t->packets[TT_FATE_SPILLED]);
	number(d, "malformed", t->packets[TT_FATE_MALFORMED]);
	number(d, "non_ip", t->packets[TT_FATE_NON_IP]);
	number(d, "unassigned", t->packets[TT_FATE_UNASSIGNED]);
	number(d, "imissed", l->imissed);
	number(d, "ierrors", l->ierrors);
	number(d, "rx_nombuf", l->rx_nombuf);
	number(d, "harvest_lost", t->harvest_lost);
	number(d, "late", t->late);
	number(d, "feed_fragments", t->feed_fragments);
}

static int health(const struct probe *p, const char *param, struct rte_tel_data *d) {
	const struct totals *t = &p->totals;
	struct tt_tally sum = {0};
	struct losses lost = {0};
	char until[TT_RFC3339_LEN], boot[TT_BOOT_LEN];
	(void)param;
	for (unsigned u = 0; u < p->uplink_n; u++) {
		for (unsigned f = 0; f < TT_FATE_N; f++)
			sum.packets[f] += t->uplinks[u].packets[f];
		sum.harvest_lost += t->uplinks[u].harvest_lost;
		sum.late += t->uplinks[u].late;
		sum.feed_fragments += t->uplinks[u].feed_fragments;
		lost.imissed += t->losses[u].imissed;
		lost.ierrors += t->losses[u].ierrors;
		lost.rx_nombuf += t->losses[u].rx_nombuf;
	}
	probe_boot(p, atomic_load(&p->clock.era), boot);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "probe", p->config.probe);
	rte_tel_data_add_dict_string(d, "boot", boot);
	rte_tel_data_add_dict_string(d, "until", tt_time_format(t->until, until));
	number(d, "epochs", t->epochs);
	add_tally(d, &sum, &lost);
	number(d, "overruns", t->overruns);
	number(d, "unpublished", t->unpublished);
	number(d, "spool_batches", t->link.spool_batches);
	number(d, "spool_bytes", t->link.spool_bytes);
	number(d, "spool_lost", t->link.lost_batches);
	number(d, "sent", t->link.sent);
	number(d, "acked", t->link.acked);
	return 0;
}

static int uplinks(const struct probe *p, const char *param, struct rte_tel_data *d) {
	(void)param;
	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	for (unsigned i = 0; i < p->uplink_n; i++)
		rte_tel_data_add_array_string(d, p->uplinks[i].conf->id);
	return 0;
}

static int uplink(const struct probe *p, const char *param, struct rte_tel_data *d) {
	const struct totals *t = &p->totals;
	unsigned u = 0;
	while (u < p->uplink_n && strcmp(p->uplinks[u].conf->id, param) != 0)
		u++;
	if (u == p->uplink_n)
		return -EINVAL;
	const struct uplink *x = &p->uplinks[u];
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "driver", x->driver);
	rte_tel_data_add_dict_string(d, "link", atomic_load(&x->link_up) ? "up" : "down");
	add_tally(d, &t->uplinks[u], &t->losses[u]);
	for (unsigned q = 0; q < x->plan.queues; q++) {
		part(d, "q", q, "lcore", x->sources[q]->worker->lcore);
		part(d, "q", q, "packets", t->queue_packets[u][q]);
		part(d, "q", q, "errors", t->losses[u].queue_errors[q]);
		if (t->losses[u].by_queue)
			part(d, "q", q, "imissed", t->losses[u].queue_imissed[q]);
	}
	return 0;
}

static int workers(const struct probe *p, const char *param, struct rte_tel_data *d) {
	(void)param;
	rte_tel_data_start_array(d, RTE_TEL_U64_VAL);
	for (unsigned i = 0; i < p->worker_n; i++)
		rte_tel_data_add_array_u64(d, p->workers[i].lcore);
	return 0;
}

static int find_worker(const struct probe *p, const char *param) {
	char *end;
	unsigned long lcore = strtoul(param, &end, 10);
	for (unsigned i = 0; i < p->worker_n && end != param && !*end; i++)
		if (p->workers[i].lcore == lcore)
			return (int)i;
	return -EINVAL;
}

static int worker(const struct probe *p, const char *param, struct rte_tel_data *d) {
	int i = find_worker(p, param);
	if (i < 0)
		return i;
	const struct tt_health_worker *w = &p->totals.workers[i];
	rte_tel_data_start_dict(d);
	number(d, "busy_permille", (uint64_t)(w->busy * 1000));
	number(d, "asleep_permille", (uint64_t)(w->asleep * 1000));
	number(d, "gap_us_p50", w->gap_us.p50);
	number(d, "gap_us_p90", w->gap_us.p90);
	number(d, "gap_us_p99", w->gap_us.p99);
	number(d, "gap_us_p999", w->gap_us.p999);
	number(d, "gap_us_max", w->gap_us.max);
	number(d, "table_used", w->used);
	number(d, "table_size", w->size);
	number(d, "queues", p->workers[i].source_n);
	return 0;
}

// Polls of the epoch at hand by the time since the one before, in powers of two of microseconds.
static int poll_gaps(const struct probe *p, const char *param, struct rte_tel_data *d) {
	uint64_t counts[40] = {0}, hz = rte_get_tsc_hz();
	int i = find_worker(p, param);
	if (i < 0)
		return i;
	const struct worker_stats *s = &p->workers[i].stats;
	const struct polls *polls =
		&s->polls[atomic_load_explicit(&s->turn, memory_order_relaxed) & 1];
	for (unsigned b = 0; b < GAP_BUCKETS; b++) {
		uint64_t us = (uint64_t)((__uint128_t)gap_upper(b) * 1000000 / hz);
		unsigned to = 0;
		while (to < 39 && us >= 1ull << to)
			to++;
		counts[to] += atomic_load_explicit(&polls->gap[b], memory_order_relaxed);
	}
	rte_tel_data_start_dict(d);
	for (unsigned b = 0; b < 40; b++) {
		char name[32];
		snprintf(name, sizeof(name), "under_%llu_us", 1ull << b);
		if (counts[b])
			number(d, name, counts[b]);
	}
	return 0;
}

static int sensors(const struct probe *p, const char *param, struct rte_tel_data *d) {
	unsigned n = atomic_load_explicit(&p->slots.n, memory_order_acquire);
	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	// as many as DPDK has room for; "/teiten/sensors,512" goes on
	for (unsigned i = (unsigned)strtoul(param, NULL, 10), k = 0;
		i < n && k < RTE_TEL_MAX_ARRAY_ENTRIES; i++, k++)
		rte_tel_data_add_array_string(d, p->slots.ids[i]);
	return 0;
}

static void add_live(const struct probe *p, unsigned slot, struct rte_tel_data *d) {
	int64_t last = 0;
	uint64_t packets[TT_OBSERVED_CLASS_N] = {0}, bytes[TT_OBSERVED_CLASS_N] = {0};
	char when[TT_RFC3339_LEN], name[64];
	for (unsigned i = 0; i < p->worker_n; i++) {
		const struct tt_live *l = tt_flow_live(p->workers[i].flow, (uint16_t)slot);
		int64_t ns = atomic_load_explicit(&l->last_ns, memory_order_relaxed);
		last = ns > last ? ns : last;
		for (unsigned k = 0; k < TT_OBSERVED_CLASS_N; k++) {
			packets[k] += atomic_load_explicit(&l->packets[k], memory_order_relaxed);
			bytes[k] += atomic_load_explicit(&l->bytes[k], memory_order_relaxed);
		}
	}
	rte_tel_data_add_dict_string(
		d, "last_packet", last ? tt_time_format(last / TT_NS, when) : "");
	for (unsigned k = 0; k < TT_OBSERVED_CLASS_N; k++) {
		snprintf(name, sizeof(name), "%s_packets", tt_class_name(k));
		number(d, name, packets[k]);
		snprintf(name, sizeof(name), "%s_bytes", tt_class_name(k));
		number(d, name, bytes[k]);
	}
}

static int sensor(const struct probe *p, const char *param, struct rte_tel_data *d) {
	unsigned n = atomic_load_explicit(&p->slots.n, memory_order_acquire), slot = 0;
	while (slot < n && strcmp(p->slots.ids[slot], param) != 0)
		slot++;
	if (slot == n)
		return -EINVAL;
	const struct tt_sensor_state *s = &p->totals.sensors[slot];
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "state", tt_state_name(s->state));
	number(d, "received", s->received);
	number(d, "lost", s->lost);
	add_live(p, slot, d);
	return 0;
}

static const struct command {
	const char *name, *help;
	int (*answer)(const struct probe *p, const char *param, struct rte_tel_data *d);
} commands[] = {
	{"/teiten/health", "Totals of all uplinks, harvest, spool and link.", health},
	{"/teiten/uplinks", "Ids of the uplinks.", uplinks},
	{"/teiten/uplink", "Packets, fates and losses of an uplink and its queues. Parameter: id",
		uplink},
	{"/teiten/workers", "Lcores of the workers.", workers},
	{"/teiten/worker", "A worker's last epoch. Parameter: lcore", worker},
	{"/teiten/poll_gaps", "Times between a worker's polls in this epoch. Parameter: lcore",
		poll_gaps},
	{"/teiten/sensors", "Ids of the sensors. Parameter: how many to pass over", sensors},
	{"/teiten/sensor", "State, packets and bytes by class of a sensor. Parameter: id", sensor},
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

static int answer(const char *name, const char *param, struct rte_tel_data *d) {
	int rc = -ENODEV;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < COMMANDS && probe; i++)
		if (strcmp(commands[i].name, name) == 0) {
			pthread_mutex_lock(&probe->totals.lock);
			rc = commands[i].answer(probe, param ? param : "", d);
			pthread_mutex_unlock(&probe->totals.lock);
		}
	pthread_mutex_unlock(&lock);
	return rc;
}

int telemetry_start(struct probe *p) {
	int rc = 0;
	pthread_mutex_lock(&lock);
	probe = p;
	pthread_mutex_unlock(&lock);
	for (unsigned i = 0; i < COMMANDS && rc == 0; i++)
		rc = rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help);
	return rc;
}

void telemetry_stop(void) {
	pthread_mutex_lock(&lock);
	probe = NULL;
	pthread_mutex_unlock(&lock);
}
