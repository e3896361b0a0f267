/* SPDX-License-Identifier: BSD-3-Clause */
// Out of a DPDK port: the only part that starts EAL.
#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define BURST	  32
#define TX_RING	  1024
#define DATA_ROOM (RTE_PKTMBUF_HEADROOM + 2048)

struct port {
	uint16_t id;
	struct rte_mempool *pool;
	struct rte_mbuf *burst[BURST];
	unsigned n;
	uint64_t sent;
	double rate; // packets a second; 0: no limit
	uint64_t start, made;
};

static int start_eal(const struct options *o, struct tt_err *err) {
	char line[2048], *argv[64], *save = NULL;
	int argc = 0;
	bool vdev = strncmp(o->port, "net_", 4) == 0;
	// no hugepages, nothing in the file system: what --eal adds comes last and wins
	snprintf(line, sizeof(line),
		"teiten-gen --no-huge -m 128 -l 0 --no-shconf --no-telemetry --log-level=error "
		"%s%s %s %s",
		vdev ? "--vdev=" : "--allow=", o->port, vdev ? "--no-pci" : "",
		o->eal ? o->eal : "");
	for (char *s = strtok_r(line, " ", &save); s && argc < 63; s = strtok_r(NULL, " ", &save))
		argv[argc++] = s;
	argv[argc] = NULL;
	if (rte_eal_init(argc, argv) < 0)
		return tt_err_set(err, -EIO, "--port %s: EAL does not start: %s", o->port,
			rte_strerror(rte_errno));
	return 0;
}

static int start_port(struct port *p, const struct options *o, struct tt_err *err) {
	struct rte_eth_conf conf = {0};
	if (rte_eth_dev_count_avail() == 0)
		return tt_err_set(err, -ENODEV, "--port %s: no such device", o->port);
	p->id = (uint16_t)rte_eth_find_next(0);
	p->pool = rte_pktmbuf_pool_create("gen", 8191, 128, 0, DATA_ROOM, (int)rte_socket_id());
	int rc = p->pool ? rte_eth_dev_configure(p->id, 1, 1, &conf) : -ENOMEM;
	if (rc == 0)
		rc = rte_eth_rx_queue_setup(p->id, 0, 64, rte_socket_id(), NULL, p->pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup(p->id, 0, TX_RING, rte_socket_id(), NULL);
	if (rc == 0)
		rc = rte_eth_dev_start(p->id);
	if (rc < 0)
		return tt_err_set(err, rc, "--port %s: does not start: %s", o->port, strerror(-rc));
	return 0;
}

struct port *port_open(const struct options *o, struct tt_err *err) {
	struct port *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->rate = o->rate;
	if (start_eal(o, err) < 0 || start_port(p, o, err) < 0) {
		free(p);
		return NULL;
	}
	p->start = rte_get_tsc_cycles();
	return p;
}

static void flush(struct port *p) {
	unsigned done = 0;
	// a device that takes nothing for a second has lost its link: count, do not hang
	uint64_t limit = rte_get_tsc_cycles() + rte_get_tsc_hz();
	while (done < p->n && rte_get_tsc_cycles() < limit)
		done += rte_eth_tx_burst(p->id, 0, p->burst + done, (uint16_t)(p->n - done));
	p->sent += done;
	rte_pktmbuf_free_bulk(p->burst + done, p->n - done);
	p->n = 0;
}

int port_send(struct port *p, const struct packet *k) {
	uint32_t len = k->end - k->start;
	if (p->rate > 0) {
		uint64_t due =
			p->start + (uint64_t)((double)p->made * (double)rte_get_tsc_hz() / p->rate);
		if (rte_get_tsc_cycles() < due) {
			flush(p);
			while (rte_get_tsc_cycles() < due)
				rte_pause();
		}
	}
	p->made++;
	struct rte_mbuf *b = rte_pktmbuf_alloc(p->pool);
	char *at = b ? rte_pktmbuf_append(b, (uint16_t)len) : NULL;
	if (!at) {
		rte_pktmbuf_free(b);
		return 0; // counted as made and not sent
	}
	memcpy(at, k->buf + k->start, len);
	p->burst[p->n++] = b;
	if (p->n == BURST)
		flush(p);
	return 0;
}

uint64_t port_close(struct port **pp) {
	struct port *p = *pp;
	flush(p);
	uint64_t sent = p->sent;
	rte_eth_dev_stop(p->id);
	rte_eth_dev_close(p->id);
	rte_eal_cleanup();
	free(p);
	*pp = NULL;
	return sent;
}
