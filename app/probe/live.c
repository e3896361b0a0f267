/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harvest.h"
#include "probe.h"
#include "tt_log.h"
#include "tt_time.h"

// How long the end waits for the collector.
#define FLUSH_MS 10000

// Deals the queues of all uplinks out to the workers in turn.
static int deal_sources(struct probe *p) {
	unsigned next = 0;
	for (unsigned u = 0; u < p->uplink_n; u++) {
		unsigned queues = p->uplinks[u].is_port ? p->uplinks[u].conf->queues : 1;
		for (unsigned q = 0; q < queues; q++, next++) {
			struct worker *w = &p->workers[next % p->worker_n];
			struct source *all = realloc(w->sources, (w->source_n + 1) * sizeof(*all));
			if (!all)
				return -ENOMEM;
			w->sources = all;
			all[w->source_n++] = (struct source){p->uplinks[u].port, (uint16_t)q,
				(uint16_t)u, p->uplinks[u].is_port ? NULL : &p->uplinks[u].reader};
		}
	}
	return 0;
}

int live_start(struct probe *p, struct tt_err *err) {
	if (deal_sources(p))
		return tt_err_set(err, -ENOMEM, "out of memory");
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
