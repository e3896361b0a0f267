/* SPDX-License-Identifier: BSD-3-Clause */
#include "uplink.h"

#include <errno.h>
#include <net/if.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tt_log.h"
#include "worker.h"

// Rings of hardware hold a millisecond of small packets at 4 Mpps; virtual devices have their own.
#define RING_PCI  4096
#define RING_VDEV 1024
#define CACHE	  256

static unsigned ring_size(const struct uplink_conf *c) {
	return c->kind == DEVICE_PCI ? RING_PCI : RING_VDEV;
}

// At least twice what all rings hold, or bursts in flight starve them.
static unsigned pool_size(
	const struct uplink_conf *c, unsigned queues, unsigned ring, unsigned workers) {
	unsigned need = 2 * queues * ring + workers * (BURST + 2 * CACHE) - 1;
	return c->buffers > need ? c->buffers : need;
}

unsigned uplinks_need_mb(const struct config *c) {
	uint64_t bytes = 0;
	for (unsigned i = 0; !c->replay && i < c->uplink_n; i++) {
		const struct uplink_conf *u = &c->uplinks[i];
		if (u->kind != DEVICE_FILE)
			bytes += (uint64_t)pool_size(u, u->queues, ring_size(u), c->worker_n) *
				 (RTE_MBUF_DEFAULT_BUF_SIZE + 256);
	}
	return (unsigned)(bytes >> 20) + 16;
}

// iface=NAME of a vdev string: where the kernel has the carrier that the device does not tell.
static void find_iface(struct uplink *u) {
	const char *p = strstr(u->conf->device, ",iface=");
	u->iface[0] = 0;
	if (p)
		snprintf(u->iface, sizeof(u->iface), "%.*s", (int)strcspn(p + 7, ","), p + 7);
}

static int find_port(struct uplink *u, struct eal *e, struct tt_err *err) {
	char name[RTE_ETH_NAME_MAX_LEN];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(u->conf->device, ","), u->conf->device);
	if (u->conf->kind == DEVICE_VDEV) {
		eal_listen(e);
		int rc = rte_dev_probe(u->conf->device);
		if (rc < 0)
			return tt_err_set(err, rc, "device \"%s\" cannot be opened: %s",
				u->conf->device, *eal_said(e) ? eal_said(e) : strerror(-rc));
		find_iface(u);
	}
	if (rte_eth_dev_get_port_by_name(name, &u->port) == 0)
		return 0;
	// a PCI address may be written without its domain
	char full[RTE_ETH_NAME_MAX_LEN];
	snprintf(full, sizeof(full), "0000:%.50s", name);
	if (rte_eth_dev_get_port_by_name(full, &u->port) == 0)
		return 0;
	return tt_err_set(err, -ENODEV,
		"device \"%s\" is not there, expected one that is bound to a driver DPDK can use",
		u->conf->device);
}

static void choose_conf(
	const struct uplink *u, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf) {
	memset(conf, 0, sizeof(*conf));
	if (u->conf->queues < 2)
		return;
	// all packets of a source to one worker, where the NIC can
	uint64_t hf = info->flow_type_rss_offloads & RTE_ETH_RSS_IP;
	if (hf && (info->flow_type_rss_offloads & RTE_ETH_RSS_L3_SRC_ONLY))
		hf |= RTE_ETH_RSS_L3_SRC_ONLY;
	if (hf) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = hf;
	}
}

static int configure(struct uplink *u, const struct rte_eth_dev_info *info, uint16_t *ring) {
	struct rte_eth_conf conf;
	uint16_t tx = 64, queues = (uint16_t)u->conf->queues;
	choose_conf(u, info, &conf);
	int rc = rte_eth_dev_configure(u->port, queues, 0, &conf);
	if (rc) // some drivers want to send
		rc = rte_eth_dev_configure(u->port, queues, queues, &conf);
	if (rc == 0 && rte_eth_dev_adjust_nb_rx_tx_desc(u->port, ring, &tx))
		*ring = info->rx_desc_lim.nb_max < *ring ? info->rx_desc_lim.nb_max : *ring;
	return rc;
}

static int setup_queues(struct uplink *u, unsigned index, unsigned workers, uint16_t ring) {
	char name[32];
	int socket = rte_eth_dev_socket_id(u->port), rc = 0;
	snprintf(name, sizeof(name), "uplink%u", index);
	u->pool = rte_pktmbuf_pool_create(name, pool_size(u->conf, u->conf->queues, ring, workers),
		CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, socket < 0 ? SOCKET_ID_ANY : socket);
	if (!u->pool)
		return -ENOMEM;
	for (uint16_t q = 0; q < u->conf->queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(u->port, q, ring,
			(unsigned)(socket < 0 ? SOCKET_ID_ANY : socket), NULL, u->pool);
	return rc;
}

static int start_port(
	struct uplink *u, unsigned index, unsigned workers, struct eal *e, struct tt_err *err) {
	struct rte_eth_dev_info info;
	uint16_t ring = (uint16_t)ring_size(u->conf);
	int rc = rte_eth_dev_info_get(u->port, &info);
	eal_listen(e);
	if (rc == 0 && u->conf->queues > info.max_rx_queues)
		return tt_err_set(err, -EINVAL, "queues is %u, expected at most %u on this device",
			u->conf->queues, info.max_rx_queues);
	if (rc == 0)
		rc = configure(u, &info, &ring);
	if (rc == 0)
		rc = setup_queues(u, index, workers, ring);
	if (rc == 0)
		rc = rte_eth_dev_start(u->port);
	if (rc)
		return tt_err_set(err, rc, "device \"%s\" does not start: %s", u->conf->device,
			*eal_said(e) ? eal_said(e) : strerror(-rc));
	u->started = true;
	// not every device knows it; those that filter then say so in their own counters
	(void)rte_eth_promiscuous_enable(u->port);
	rte_eth_stats_reset(u->port);
	return 0;
}

int uplink_open(struct uplink *u, const struct config *c, unsigned index, unsigned workers,
	struct eal *e, struct tt_err *err) {
	u->conf = &c->uplinks[index];
	int rc;
	if (u->conf->kind == DEVICE_FILE) {
		reader_init(&u->reader);
		rc = reader_open(&u->reader, u->conf->device, err);
		atomic_store(&u->link_up, rc == 0);
	} else {
		rc = find_port(u, e, err);
		if (rc == 0) {
			u->is_port = true;
			rc = start_port(u, index, workers, e, err);
		}
		if (rc == 0)
			uplink_poll_link(u);
	}
	return rc ? tt_err_prefix(err, rc, "%s: $.uplinks[%u]", c->path, index) : 0;
}

void uplink_close(struct uplink *u) {
	if (u->conf && u->conf->kind == DEVICE_FILE)
		reader_close(&u->reader);
	if (u->started)
		rte_eth_dev_stop(u->port);
	if (u->is_port)
		rte_eth_dev_close(u->port);
	rte_mempool_free(u->pool);
	memset(u, 0, sizeof(*u));
}

// Devices over a kernel interface say "up" whatever its cable does: ask the kernel. Not sysfs,
// which may show another network namespace than ours.
static bool carrier(const char *iface) {
	struct ifreq r = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.*s", IFNAMSIZ - 1, iface);
	bool up = ioctl(fd, SIOCGIFFLAGS, &r) == 0 && (r.ifr_flags & IFF_RUNNING);
	close(fd);
	return up;
}

// A capture is up until it ends, well or not.
static void poll_capture(struct uplink *u) {
	if (!atomic_load_explicit(&u->link_up, memory_order_relaxed))
		return;
	pthread_mutex_lock(&u->reader.lock);
	bool ended = u->reader.ended;
	int rc = u->reader.rc;
	pthread_mutex_unlock(&u->reader.lock);
	if (!ended)
		return;
	atomic_store_explicit(&u->link_up, false, memory_order_relaxed);
	if (rc)
		tt_log(TT_ERR, "uplink %s: %s", u->conf->id, u->reader.err.msg);
	else
		tt_log(TT_INFO, "uplink %s: the end of %s after %lu packets", u->conf->id,
			u->conf->device, (unsigned long)atomic_load(&u->reader.packets));
}

void uplink_poll_link(struct uplink *u) {
	struct rte_eth_link link;
	if (!u->is_port) {
		poll_capture(u);
		return;
	}
	bool up =
		rte_eth_link_get_nowait(u->port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
	if (up && u->iface[0])
		up = carrier(u->iface);
	atomic_store_explicit(&u->link_up, up, memory_order_relaxed);
}

struct losses uplink_losses(struct uplink *u) {
	struct rte_eth_stats s;
	struct losses out = {0};
	if (!u->is_port || rte_eth_stats_get(u->port, &s))
		return out;
	out.imissed = s.imissed - u->last.imissed;
	out.ierrors = s.ierrors - u->last.ierrors;
	out.rx_nombuf = s.rx_nombuf - u->last.rx_nombuf;
	u->last = (struct losses){s.imissed, s.ierrors, s.rx_nombuf};
	return out;
}
