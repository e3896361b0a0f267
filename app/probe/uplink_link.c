/* SPDX-License-Identifier: BSD-3-Clause */
// Links that come and go, devices that go and come back, and what they lost.
#include <errno.h>
#include <net/if.h>
#include <rte_ethdev.h>
#include <rte_rcu_qsbr.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "counter.h"
#include "packet_socket.h"
#include "tt_log.h"
#include "tt_time.h"
#include "uplink.h"
#include "worker.h"

#define RETRY_NS TT_NS
#define WAIT_MS	 50

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

static void set_link(struct uplink *u, bool up) {
	bool was = atomic_load_explicit(&u->link_up, memory_order_relaxed);
	if (!up)
		atomic_store_explicit(&u->was_down, true, memory_order_relaxed);
	if (up == was)
		return;
	atomic_store_explicit(&u->link_up, up, memory_order_relaxed);
	if (!up) {
		tt_log(TT_WARN, "uplink %s: the link is down", u->conf->id);
		return;
	}
	for (unsigned i = 0; i < u->socket_n; i++)
		packet_socket_clear(u->sockets[i]);
	if (u->mbps && u->mbps != RTE_ETH_SPEED_NUM_UNKNOWN)
		tt_log(TT_INFO, "uplink %s: the link is up, %u Mbit/s", u->conf->id, u->mbps);
	else
		tt_log(TT_INFO, "uplink %s: the link is up", u->conf->id);
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

static void poll_link(struct uplink *u) {
	struct rte_eth_link link;
	if (!u->is_port) {
		poll_capture(u);
		return;
	}
	bool up =
		rte_eth_link_get_nowait(u->port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
	u->mbps = u->conf->kind == DEVICE_PCI ? link.link_speed : 0;
	if (up && u->iface[0])
		up = carrier(u->iface);
	set_link(u, up);
}

static bool is_gone(const struct uplink *u) {
	if (atomic_load_explicit(&u->removed, memory_order_relaxed))
		return true;
	// another interface of the same name is not the one that the device has its hands on
	return u->is_port && u->ifindex && if_nametoindex(u->iface) != u->ifindex;
}

static void set_sources(struct uplink *u, bool open) {
	for (unsigned q = 0; q < u->plan.queues && u->is_port; q++)
		if (u->sources[q])
			source_set(u->sources[q], u, open);
}

static void leave(struct uplink *u, struct rte_rcu_qsbr *readers) {
	tt_log(TT_WARN, "uplink %s: %s is gone", u->conf->id, u->conf->device);
	set_link(u, false);
	set_sources(u, false);
	u->complained = false;
	u->token = rte_rcu_qsbr_start(readers);
	u->state = UPLINK_LEAVING;
}

static void retry(struct uplink *u, enum idle idle) {
	struct tt_err err = {""};
	// a packet socket needs its interface, other devices bring theirs
	if (u->plan.frames && !if_nametoindex(u->iface))
		return;
	pthread_mutex_lock(&u->lock);
	int rc = uplink_find(u, &err);
	if (rc == 0)
		rc = uplink_start(u, &u->plan, idle, &err);
	if (rc)
		uplink_release(u);
	memset(&u->seen, 0, sizeof(u->seen));
	pthread_mutex_unlock(&u->lock);
	if (rc) {
		// said once: it may take long
		tt_log(u->complained ? TT_DEBUG : TT_WARN, "uplink %s: not opened again yet: %s",
			u->conf->id, err.msg);
		u->complained = true;
		u->state = UPLINK_GONE;
		return;
	}
	tt_log(TT_INFO, "uplink %s: %s is back", u->conf->id, u->conf->device);
	set_sources(u, true);
}

void uplink_watch(struct uplink *u, struct rte_rcu_qsbr *readers, enum idle idle) {
	int64_t now = tt_mono_ns();
	bool due = now - u->looked_ns >= RETRY_NS;
	if (due)
		u->looked_ns = now;
	if (u->state == UPLINK_LEAVING && rte_rcu_qsbr_check(readers, u->token, false)) {
		// nobody is at it any more
		uplink_count(u);
		source_forget(u);
		pthread_mutex_lock(&u->lock);
		uplink_release(u);
		pthread_mutex_unlock(&u->lock);
		u->state = UPLINK_GONE;
	}
	if (u->state == UPLINK_GONE && due)
		retry(u, idle);
	if (u->state != UPLINK_OPEN)
		return;
	if (is_gone(u))
		leave(u, readers);
	else if (due || u->iface[0] || atomic_exchange(&u->link_event, false))
		poll_link(u);
	if (due)
		uplink_count(u);
}

bool uplink_was_up(struct uplink *u) {
	bool up = atomic_load_explicit(&u->link_up, memory_order_relaxed);
	return !atomic_exchange_explicit(&u->was_down, !up, memory_order_relaxed) && up;
}

unsigned uplinks_wait(struct uplink *u, unsigned n, unsigned seconds) {
	int64_t end = tt_mono_ns() + seconds * TT_NS;
	const struct timespec nap = {0, WAIT_MS * 1000000};
	for (;;) {
		unsigned up = 0;
		sigset_t pending;
		for (unsigned i = 0; i < n; i++) {
			if (!atomic_load(&u[i].link_up))
				poll_link(&u[i]);
			up += atomic_load(&u[i].link_up);
		}
		bool ask = sigpending(&pending) == 0 &&
			   (sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT));
		if (up == n || ask || tt_mono_ns() >= end) {
			for (unsigned i = 0; i < n; i++)
				atomic_store(&u[i].was_down, !atomic_load(&u[i].link_up));
			return up;
		}
		nanosleep(&nap, NULL);
	}
}

static void count_queues(struct uplink *u, const struct rte_eth_stats *s) {
	struct losses *t = &u->total;
	unsigned n = RTE_MIN(u->plan.queues, (unsigned)RTE_ETHDEV_QUEUE_STAT_CNTRS);
	for (unsigned q = 0; q < n; q++)
		t->queue_errors[q] += counter_advance(&u->seen.queue_errors[q], s->q_errors[q]);
	for (unsigned q = 0; q < u->socket_n; q++) {
		uint64_t drops = packet_socket_drops(u->sockets[q]);
		t->queue_imissed[q] += drops;
		t->imissed += drops;
	}
	t->by_queue = u->socket_n > 0;
}

void uplink_count(struct uplink *u) {
	struct rte_eth_stats s;
	pthread_mutex_lock(&u->lock);
	if (u->is_port && u->started && rte_eth_stats_get(u->port, &s) == 0) {
		u->total.imissed += counter_advance(&u->seen.imissed, s.imissed);
		u->total.ierrors += counter_advance(&u->seen.ierrors, s.ierrors);
		u->total.rx_nombuf += counter_advance(&u->seen.rx_nombuf, s.rx_nombuf);
		count_queues(u, &s);
	}
	pthread_mutex_unlock(&u->lock);
}

void uplink_losses(struct uplink *u, struct losses *out, struct losses *total) {
	uplink_count(u);
	pthread_mutex_lock(&u->lock);
	*total = u->total;
	*out = u->total;
	out->imissed -= u->taken.imissed;
	out->ierrors -= u->taken.ierrors;
	out->rx_nombuf -= u->taken.rx_nombuf;
	for (unsigned q = 0; q < UPLINK_QUEUES_MAX; q++) {
		out->queue_imissed[q] -= u->taken.queue_imissed[q];
		out->queue_errors[q] -= u->taken.queue_errors[q];
	}
	u->taken = u->total;
	pthread_mutex_unlock(&u->lock);
}
