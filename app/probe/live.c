/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harvest.h"
#include "probe.h"
#include "tt_hash.h"
#include "tt_log.h"
#include "tt_time.h"

// How long the end waits for the collector.
#define FLUSH_MS 10000

// The queue q of the plan to its worker.
static void deal(struct probe *p, const struct plan_queue *q) {
	struct worker *w = &p->workers[q->worker];
	struct uplink *u = &p->uplinks[q->uplink];
	struct source *s = &w->sources[w->source_n++];
	s->queue = (uint16_t)q->queue;
	s->uplink = (uint16_t)q->uplink;
	s->worker = w;
	s->reader = u->is_port ? NULL : &u->reader;
	u->sources[q->queue] = s;
	if (u->is_port)
		source_set(s, u, true);
}

static int deal_sources(struct probe *p) {
	const struct plan *plan = &p->plan;
	for (unsigned i = 0; i < p->worker_n; i++) {
		struct worker *w = &p->workers[i];
		unsigned n = 0, nap = PLAN_NAP_MAX_US;
		for (unsigned k = 0; k < plan->queue_n; k++) {
			if (plan->queues[k].worker != i)
				continue;
			unsigned most = plan->uplinks[plan->queues[k].uplink].nap_max_us;
			nap = most && most < nap ? most : nap;
			n++;
		}
		w->sources = calloc(n ? n : 1, sizeof(*w->sources));
		if (!w->sources || idle_init(&w->idler, p->config.idle, nap))
			return -ENOMEM;
	}
	for (unsigned k = 0; k < plan->queue_n; k++)
		deal(p, &plan->queues[k]);
	return 0;
}

// Says where packets go, and what does not go as asked for.
static void say_uplinks(const struct probe *p) {
	for (unsigned i = 0; i < p->uplink_n; i++) {
		const struct uplink *u = &p->uplinks[i];
		if (!u->is_port)
			continue;
		if (p->config.idle == IDLE_INTERRUPT && u->sources[0]->wake == WAKE_NONE)
			tt_log(TT_WARN,
				"uplink %s: %s has no receive interrupts, its workers nap instead",
				u->conf->id, u->driver);
		if (u->plan.queues > 1)
			tt_log(TT_INFO, "uplink %s: %s, %u queues, packets spread %s", u->conf->id,
				u->driver, u->plan.queues, u->spread);
	}
}

void probe_boot(const struct probe *p, unsigned era, char boot[TT_BOOT_LEN]) {
	uint64_t id = strtoull(p->boot, NULL, 16);
	for (unsigned i = 0; i < era; i++)
		id = tt_mix64(id + 1);
	snprintf(boot, TT_BOOT_LEN, "%016" PRIx64, id);
}

int live_start(struct probe *p, struct tt_err *err) {
	if (deal_sources(p))
		return tt_err_set(err, -ENOMEM, "out of memory");
	say_uplinks(p);
	unsigned up = uplinks_wait(p->uplinks, p->uplink_n, p->config.link_wait_s);
	if (up < p->uplink_n)
		tt_log(TT_WARN, "%u of %u links are up, the others may come at any time", up,
			p->uplink_n);
	clock_adjust(&p->clock);
	int64_t now = clock_now(&p->clock) / TT_NS;
	for (unsigned i = 0; i < p->worker_n; i++)
		atomic_store(&p->workers[i].closed, now - now % p->config.epoch_s);
	const struct rules *r = atomic_load(&p->rules.current);
	if (sender_begin(&p->sender, p->boot, p->link, r->catalog))
		return tt_err_set(err, -ENOMEM, "%s", p->sender.err.msg);
	return workers_launch(p, err);
}

// The harvester floats over the cores that no worker has.
static int start_harvester(struct probe *p, pthread_t *thread) {
	return -rte_ctrl_thread_create(thread, "teiten-harvest", NULL, harvest_live, p);
}

// Says what of the batches did not get through.
static void flush_link(struct probe *p) {
	struct tt_err err = {""};
	struct tt_link_client_stats s;
	if (!p->link)
		return;
	if (tt_link_client_flush(p->link, FLUSH_MS, &err) == 0)
		return;
	tt_link_client_stats(p->link, &s);
	tt_log(TT_WARN, "%lu batches are not acknowledged (%s), %s", (unsigned long)s.spool_batches,
		err.msg, p->config.spool ? "they stay in the spool" : "they are lost");
}

int live_run(struct probe *p) {
	struct control control;
	pthread_t thread;
	int rc = control_init(&control, p);
	if (rc == 0)
		rc = start_harvester(p, &thread);
	if (rc) {
		tt_log(TT_ERR, "harvester: %s", strerror(-rc));
		_exit(1); // workers run and nobody empties their tables
	}
	tt_log(TT_INFO, "running: %u uplinks, %u workers, %u sensors, epochs of %u s", p->uplink_n,
		p->worker_n, atomic_load(&p->slots.n), p->config.epoch_s);
	control_run(&control);
	atomic_store(&p->stop, true);
	rte_eal_mp_wait_lcore();
	pthread_join(thread, NULL);
	control_last_words(&control);
	flush_link(p);
	control_free(&control);
	return 0;
}
