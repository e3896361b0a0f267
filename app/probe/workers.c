/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"
#include "tt_file.h"

// Epochs and uplinks that a table can tally before it is switched: a capture that is spread over
// a quarter has a packet or two in each of 131,000 epochs.
#define TALLIES_REPLAY 16384
#define TALLIES_LIVE   1024

void workers_flow_conf(const struct probe *p, unsigned i, struct tt_flow_conf *out) {
	const struct config *c = &p->config;
	*out = (struct tt_flow_conf){
		.socket = SOCKET_ID_ANY,
		.worker = i,
		.epoch_s = c->epoch_s,
		.ipv4 = c->ipv4,
		.ipv6 = c->ipv6,
		.spill = c->spill,
		.tallies = c->replay ? TALLIES_REPLAY : TALLIES_LIVE,
		.wait_when_full = c->wait_when_full,
		.keep_epochs = c->replay,
		.mark_late = !c->replay,
		.sensors = (uint16_t)p->slots.cap,
		.uplinks = (uint16_t)(c->replay ? 1 : c->uplink_n),
	};
}

static int create_worker(
	struct probe *p, unsigned i, const uint8_t secret[16], struct tt_err *err) {
	struct worker *w = &p->workers[i];
	struct tt_flow_conf conf;
	memset(w, 0, sizeof(*w));
	w->probe = p;
	w->index = i;
	w->lcore = rte_get_next_lcore(i ? p->workers[i - 1].lcore : (unsigned)-1, 1, 0);
	workers_flow_conf(p, i, &conf);
	if (p->eal.socket != SOCKET_ID_ANY)
		conf.socket = p->eal.socket;
	else if (p->eal.hugepages)
		conf.socket = (int)rte_lcore_to_socket_id(w->lcore);
	memcpy(conf.secret, secret, sizeof(conf.secret));
	w->flow = tt_flow_create(&conf, err);
	if (!w->flow)
		return tt_err_prefix(err, -errno, "worker %u", i);
	w->idler.epoll = -1;
	w->flat = p->config.replay ? NULL : malloc((size_t)BURST * FLAT_LEN);
	if (!p->config.replay && !w->flat)
		return tt_err_set(err, -ENOMEM, "out of memory");
	if (p->capture_pool && worker_capture_mbufs(w, p->capture_pool))
		return tt_err_set(err, -ENOMEM, "worker %u: no packet buffers", i);
	return 0;
}

static bool reads_captures(const struct config *c) {
	for (unsigned i = 0; i < c->uplink_n; i++)
		if (c->uplinks[i].kind == DEVICE_FILE)
			return true;
	return c->replay;
}

int workers_create(struct probe *p, struct tt_err *err) {
	uint8_t secret[16];
	tt_random(secret, sizeof(secret));
	unsigned n = p->config.worker_n;
	if (posix_memalign((void **)&p->workers, RTE_CACHE_LINE_SIZE, n * sizeof(*p->workers)))
		return tt_err_set(err, -ENOMEM, "out of memory");
	if (reads_captures(&p->config)) {
		p->capture_pool =
			rte_pktmbuf_pool_create("captures", n * BURST, 0, 0, 0, SOCKET_ID_ANY);
		if (!p->capture_pool)
			return tt_err_set(err, -ENOMEM, "no memory for packet buffers");
	}
	int rc = 0;
	for (unsigned i = 0; i < n && rc == 0; i++) {
		rc = create_worker(p, i, secret, err);
		p->worker_n = i + 1;
	}
	return rc;
}

void workers_destroy(struct probe *p) {
	for (unsigned i = 0; i < p->worker_n; i++) {
		tt_flow_destroy(&p->workers[i].flow);
		free(p->workers[i].sources);
		free(p->workers[i].flat);
		idle_free(&p->workers[i].idler);
	}
	rte_mempool_free(p->capture_pool);
	p->capture_pool = NULL;
	free(p->workers);
	p->workers = NULL;
	p->worker_n = 0;
}

int workers_launch(struct probe *p, struct tt_err *err) {
	for (unsigned i = 0; i < p->worker_n; i++) {
		int rc = rte_eal_remote_launch(p->config.replay ? worker_replay : worker_live,
			&p->workers[i], p->workers[i].lcore);
		if (rc)
			return tt_err_set(err, rc, "worker %u: lcore %u does not start", i,
				p->workers[i].lcore);
	}
	return 0;
}
