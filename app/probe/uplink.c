/* SPDX-License-Identifier: BSD-3-Clause */
// Opening, configuring and closing a device.
#include "uplink.h"

#include <errno.h>
#include <net/if.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet_socket.h"
#include "tt_log.h"

static bool in_kernel(const char *device) {
	return strncmp(device, "net_af_packet", 13) == 0 ||
	       strncmp(device, "eth_af_packet", 13) == 0;
}

// The value of an argument of a device string ("iface=NAME"), cut to size; false without.
static bool argument(const char *device, const char *key, char *out, size_t size) {
	size_t n = strlen(key);
	*out = 0;
	for (const char *p = strchr(device, ','); p; p = strchr(p + 1, ','))
		if (strncmp(p + 1, key, n) == 0 && p[1 + n] == '=') {
			p += n + 2;
			snprintf(out, size, "%.*s", (int)strcspn(p, ","), p);
			return true;
		}
	return false;
}

static unsigned interface_mtu(const char *iface) {
	struct ifreq r = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%.*s", IFNAMSIZ - 1, iface);
	unsigned mtu = fd >= 0 && ioctl(fd, SIOCGIFMTU, &r) == 0 ? (unsigned)r.ifr_mtu : 0;
	if (fd >= 0)
		close(fd);
	return mtu;
}

void uplink_guess(const struct uplink_conf *conf, struct plan_device *out) {
	char iface[64], qpairs[16];
	*out = (struct plan_device){.kind = conf->kind,
		.in_kernel = conf->kind == DEVICE_VDEV && in_kernel(conf->device),
		.queues = conf->queues,
		.descriptors = conf->descriptors,
		.buffers = conf->buffers,
		.mtu = conf->mtu,
		.node = -1};
	if (out->kind == DEVICE_VDEV && !out->queues &&
		argument(conf->device, "qpairs", qpairs, sizeof(qpairs)))
		out->queues = (unsigned)atoi(qpairs);
	if (out->in_kernel && !out->mtu && argument(conf->device, "iface", iface, sizeof(iface)))
		out->mtu = interface_mtu(iface);
}

// What the driver is to make: with the kernel's ring as planned where the configuration's string
// does not say itself.
static void device_string(const struct uplink *u, char *out, size_t size) {
	const struct plan_uplink *p = &u->plan;
	const char *device = u->conf->device;
	char value[16];
	int n = snprintf(out, size, "%s", device);
	if (!p->frames || (size_t)n >= size)
		return;
	if (p->queues > 1 && !argument(device, "qpairs", value, sizeof(value)))
		n += snprintf(out + n, size - (size_t)n, ",qpairs=%u", p->queues);
	if (!argument(device, "framesz", value, sizeof(value)) &&
		!argument(device, "blocksz", value, sizeof(value)) && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, ",framesz=%u,blocksz=%u", p->frame_size,
			p->frame_size > 65536 ? p->frame_size : 65536);
	if (!argument(device, "framecnt", value, sizeof(value)) && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, ",framecnt=%u", p->frames);
}

static int probe_device(struct uplink *u, struct tt_err *err) {
	char device[1200];
	struct packet_sockets before, after;
	device_string(u, device, sizeof(device));
	packet_sockets_list(&before);
	eal_listen(u->eal);
	int rc = rte_dev_probe(device);
	if (rc < 0)
		return tt_err_set(err, rc, "device \"%s\" cannot be opened: %s", u->conf->device,
			*eal_said(u->eal) ? eal_said(u->eal) : strerror(-rc));
	argument(u->conf->device, "iface", u->iface, sizeof(u->iface));
	u->ifindex = u->iface[0] ? if_nametoindex(u->iface) : 0;
	// the driver keeps its sockets to itself, and does not ask them what the kernel dropped
	packet_sockets_list(&after);
	u->socket_n = packet_sockets_new(&before, &after, u->sockets, UPLINK_QUEUES_MAX);
	return 0;
}

int uplink_find(struct uplink *u, struct tt_err *err) {
	char name[RTE_ETH_NAME_MAX_LEN], full[RTE_ETH_NAME_MAX_LEN];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(u->conf->device, ","), u->conf->device);
	// a PCI address may be written without its domain
	snprintf(full, sizeof(full), "0000:%.50s", name);
	bool there = rte_eth_dev_get_port_by_name(name, &u->port) == 0 ||
		     rte_eth_dev_get_port_by_name(full, &u->port) == 0;
	if (!there) {
		// EAL looked for PCI devices at its start; later ones are looked for here
		int rc = probe_device(u, err);
		if (rc < 0 && u->conf->kind == DEVICE_VDEV)
			return rc;
		there = rte_eth_dev_get_port_by_name(name, &u->port) == 0 ||
			rte_eth_dev_get_port_by_name(full, &u->port) == 0;
	}
	if (!there)
		return tt_err_set(err, -ENODEV,
			"device \"%s\" is not there, expected one that is bound to a driver DPDK "
			"can use (see teiten-probe --preflight)",
			u->conf->device);
	u->is_port = true;
	return 0;
}

// The fastest of the speeds that a device says it can do.
static unsigned fastest(uint32_t capabilities) {
	static const struct {
		uint32_t bit;
		unsigned mbps;
	} speeds[] = {{RTE_ETH_LINK_SPEED_200G, 200000}, {RTE_ETH_LINK_SPEED_100G, 100000},
		{RTE_ETH_LINK_SPEED_56G, 56000}, {RTE_ETH_LINK_SPEED_50G, 50000},
		{RTE_ETH_LINK_SPEED_40G, 40000}, {RTE_ETH_LINK_SPEED_25G, 25000},
		{RTE_ETH_LINK_SPEED_20G, 20000}, {RTE_ETH_LINK_SPEED_10G, 10000},
		{RTE_ETH_LINK_SPEED_5G, 5000}, {RTE_ETH_LINK_SPEED_2_5G, 2500},
		{RTE_ETH_LINK_SPEED_1G, 1000}, {RTE_ETH_LINK_SPEED_100M, 100},
		{RTE_ETH_LINK_SPEED_10M, 10}};
	for (unsigned i = 0; i < sizeof(speeds) / sizeof(*speeds); i++)
		if (capabilities & speeds[i].bit)
			return speeds[i].mbps;
	return 0;
}

static unsigned largest_mtu(const struct rte_eth_dev_info *info) {
	unsigned by_frame = info->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN;
	unsigned most = info->max_mtu ? info->max_mtu : UINT16_MAX;
	return info->max_rx_pktlen > RTE_ETHER_MIN_LEN && by_frame < most ? by_frame : most;
}

static int describe(struct uplink *u, struct plan_device *d, struct tt_err *err) {
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(u->port, &info);
	if (rc)
		return tt_err_set(err, rc, "device \"%s\": %s", u->conf->device, strerror(-rc));
	snprintf(u->driver, sizeof(u->driver), "%s", info.driver_name);
	d->queues_max = info.max_rx_queues;
	d->ring_max = info.rx_desc_lim.nb_max;
	d->scatters = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	d->node = rte_eth_dev_socket_id(u->port);
	if (d->kind == DEVICE_PCI)
		d->mbps = fastest(info.speed_capa);
	if (d->queues > info.max_rx_queues)
		return tt_err_set(err, -EINVAL, "queues is %u, expected at most %u on this device",
			d->queues, info.max_rx_queues);
	unsigned most = largest_mtu(&info);
	if (d->mtu > most && !d->in_kernel)
		return tt_err_set(err, -EINVAL, "mtu is %u, expected at most %u on this device",
			d->mtu, most);
	return 0;
}

int uplink_open(struct uplink *u, const struct uplink_conf *conf, const struct plan_uplink *plan,
	struct eal *e, struct plan_device *out, struct tt_err *err) {
	memset(u, 0, sizeof(*u));
	pthread_mutex_init(&u->lock, NULL);
	u->conf = conf;
	u->plan = *plan;
	u->eal = e;
	uplink_guess(conf, out);
	if (conf->kind == DEVICE_FILE) {
		reader_init(&u->reader);
		int rc = reader_open(&u->reader, conf->device, err);
		atomic_store(&u->link_up, rc == 0);
		return rc;
	}
	int rc = uplink_find(u, err);
	return rc ? rc : describe(u, out, err);
}

// All packets of a source to one worker, where the device can; of two addresses otherwise. Where
// it cannot do either, its own way: observations of one source then come from several workers, and
// readers add them.
static int configure_spread(struct uplink *u, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf, int (*configure)(struct uplink *u, struct rte_eth_conf *conf)) {
	uint64_t ip = info->flow_type_rss_offloads & RTE_ETH_RSS_IP;
	int rc = -ENOTSUP;
	if (u->plan.queues > 1 && ip) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		if (info->flow_type_rss_offloads & RTE_ETH_RSS_L3_SRC_ONLY) {
			conf->rx_adv_conf.rss_conf.rss_hf = ip | RTE_ETH_RSS_L3_SRC_ONLY;
			u->spread = "by source address";
			rc = configure(u, conf);
		}
		if (rc) {
			conf->rx_adv_conf.rss_conf.rss_hf = ip;
			u->spread = "by addresses";
			rc = configure(u, conf);
		}
	}
	if (rc) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
		conf->rx_adv_conf.rss_conf.rss_hf = 0;
		u->spread = u->plan.queues > 1 ? "by the device" : "";
		rc = configure(u, conf);
	}
	return rc;
}

static int configure_queues(struct uplink *u, struct rte_eth_conf *conf) {
	uint16_t queues = (uint16_t)u->plan.queues;
	int rc = rte_eth_dev_configure(u->port, queues, 0, conf);
	if (rc) // some drivers want to send
		rc = rte_eth_dev_configure(u->port, queues, queues, conf);
	return rc;
}

static int configure(struct uplink *u, const struct rte_eth_dev_info *info, enum idle idle) {
	struct rte_eth_conf conf = {0};
	bool large = u->plan.mtu + RTE_ETHER_HDR_LEN > u->plan.room - RTE_PKTMBUF_HEADROOM;
	// a virtual device tells no size beforehand
	if ((large || u->conf->kind == DEVICE_VDEV) &&
		(info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER))
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.rxmode.mtu = u->plan.mtu;
	conf.intr_conf.lsc = *info->dev_flags & RTE_ETH_DEV_INTR_LSC ? 1 : 0;
	conf.intr_conf.rmv = *info->dev_flags & RTE_ETH_DEV_INTR_RMV ? 1 : 0;
	conf.intr_conf.rxq = idle == IDLE_INTERRUPT;
	int rc = configure_spread(u, info, &conf, configure_queues);
	u->interrupts = rc == 0 && idle == IDLE_INTERRUPT;
	return rc;
}

// An uplink that went away and returned has one.
static int make_pool(struct uplink *u, struct tt_err *err) {
	uint16_t room = (uint16_t)RTE_MIN(u->plan.room, (unsigned)UINT16_MAX);
	if (u->pool)
		return 0;
	snprintf(u->name, sizeof(u->name), "uplink%u", u->port);
	u->pool = rte_pktmbuf_pool_create(
		u->name, u->plan.buffers, PLAN_CACHE, 0, room, rte_eth_dev_socket_id(u->port));
	return u->pool ? 0
		       : tt_err_set(err, -ENOMEM, "no memory for %u packet buffers of %u bytes: %s",
				 u->plan.buffers, u->plan.room, rte_strerror(rte_errno));
}

static int setup_queues(struct uplink *u) {
	struct rte_eth_dev_info info;
	uint16_t ring = (uint16_t)u->plan.ring, tx = 64;
	int node = rte_eth_dev_socket_id(u->port);
	int rc = rte_eth_dev_info_get(u->port, &info);
	if (rc == 0 && rte_eth_dev_adjust_nb_rx_tx_desc(u->port, &ring, &tx) &&
		info.rx_desc_lim.nb_max)
		ring = RTE_MIN(ring, info.rx_desc_lim.nb_max);
	for (uint16_t q = 0; q < u->plan.queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(u->port, q, ring, (unsigned)node, NULL, u->pool);
	for (uint16_t q = 0; q < info.nb_tx_queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(u->port, q, tx, (unsigned)node, NULL);
	return rc;
}

static int on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *out) {
	struct uplink *u = arg;
	(void)port;
	(void)out;
	atomic_store(type == RTE_ETH_EVENT_INTR_RMV ? &u->removed : &u->link_event, true);
	return 0;
}

int uplink_start(
	struct uplink *u, const struct plan_uplink *plan, enum idle idle, struct tt_err *err) {
	struct rte_eth_dev_info info;
	u->plan = *plan;
	if (!u->is_port)
		return 0;
	int rc = rte_eth_dev_info_get(u->port, &info);
	eal_listen(u->eal);
	if (rc == 0)
		rc = configure(u, &info, idle);
	if (rc == 0 && make_pool(u, err))
		return -ENOMEM;
	if (rc == 0)
		rc = setup_queues(u);
	if (rc == 0)
		rc = rte_eth_dev_start(u->port);
	if (rc)
		return tt_err_set(err, rc, "device \"%s\" does not start: %s", u->conf->device,
			*eal_said(u->eal) ? eal_said(u->eal) : strerror(-rc));
	u->started = true;
	atomic_store(&u->removed, false);
	rte_eth_dev_callback_register(u->port, RTE_ETH_EVENT_INTR_RMV, on_event, u);
	rte_eth_dev_callback_register(u->port, RTE_ETH_EVENT_INTR_LSC, on_event, u);
	// not every device knows it; those that filter then say so in their own counters
	(void)rte_eth_promiscuous_enable(u->port);
	rte_eth_stats_reset(u->port);
	for (unsigned i = 0; i < u->socket_n; i++)
		(void)packet_socket_drops(u->sockets[i]); // of before
	u->state = UPLINK_OPEN;
	return 0;
}

void uplink_release(struct uplink *u) {
	struct rte_eth_dev_info info = {0};
	if (!u->is_port)
		return;
	rte_eth_dev_callback_unregister(u->port, RTE_ETH_EVENT_INTR_RMV, on_event, u);
	rte_eth_dev_callback_unregister(u->port, RTE_ETH_EVENT_INTR_LSC, on_event, u);
	(void)rte_eth_dev_info_get(u->port, &info);
	if (u->started)
		rte_eth_dev_stop(u->port);
	rte_eth_dev_close(u->port);
	if (info.device)
		(void)rte_dev_remove(info.device);
	u->is_port = u->started = false;
	u->socket_n = 0;
}

void uplink_close(struct uplink *u) {
	if (!u->conf)
		return;
	if (u->conf->kind == DEVICE_FILE)
		reader_close(&u->reader);
	uplink_release(u);
	rte_mempool_free(u->pool);
	pthread_mutex_destroy(&u->lock);
	memset(u, 0, sizeof(*u));
}
