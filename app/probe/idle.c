/* SPDX-License-Identifier: BSD-3-Clause */
#include "idle.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_epoll.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "uplink.h"
#include "worker.h"

// Rounds that bring little before the first nap, and before interrupts are asked for.
#define SPINS	   1000
#define SPINS_WAIT 64
#define MANY	   (BURST / 2)
// The epoch's end has to be noticed too.
#define WAIT_MS	   10
#define EVENTS	   16
#define VAIN_MAX   3

int idle_init(struct idler *i, enum idle mode, unsigned nap_max_us) {
	*i = (struct idler){.mode = mode, .nap_max_us = nap_max_us, .epoll = -1};
	if (mode == IDLE_INTERRUPT && (i->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		return -errno;
	return 0;
}

void idle_free(struct idler *i) {
	if (i->epoll >= 0)
		close(i->epoll);
	i->epoll = -1;
}

unsigned idle_nap(struct idler *i, unsigned n, bool full) {
	if (full) {
		i->low = i->nap_us = 0;
		return 0;
	}
	if (n >= MANY)
		return i->nap_us /= 2;
	if (i->low < SPINS) {
		i->low++;
		return 0;
	}
	i->nap_us = i->nap_us ? 2 * i->nap_us : 1;
	if (i->nap_us > i->nap_max_us)
		i->nap_us = i->nap_max_us;
	return i->nap_us;
}

static uint64_t nap(unsigned us) {
	usleep(us);
	return us * rte_get_tsc_hz() / 1000000;
}

// Whether something will wake the worker for every source that it has.
static bool can_wait(const struct worker *w) {
	for (unsigned i = 0; i < w->source_n; i++) {
		const struct source *s = &w->sources[i];
		if (s->reader || (atomic_load_explicit(&s->open, memory_order_acquire) &&
					 s->wake == WAKE_NONE))
			return false;
	}
	return true;
}

static void arm(struct worker *w, bool on) {
	for (unsigned i = 0; i < w->source_n; i++) {
		const struct source *s = &w->sources[i];
		if (!atomic_load_explicit(&s->open, memory_order_acquire) ||
			s->wake != WAKE_INTERRUPT)
			continue;
		if (on)
			rte_eth_dev_rx_intr_enable(s->port, s->queue);
		else
			rte_eth_dev_rx_intr_disable(s->port, s->queue);
	}
	w->idler.armed = on;
}

static uint64_t wait_for_packets(struct worker *w) {
	struct idler *i = &w->idler;
	struct rte_epoll_event events[EVENTS];
	if (!i->armed) {
		arm(w, true); // what came before this wakes nobody: look once more
		return 0;
	}
	uint64_t start = rte_rdtsc();
	int n = rte_epoll_wait(i->epoll, events, EVENTS, WAIT_MS);
	arm(w, false);
	i->vain += n != 0;
	return rte_rdtsc() - start;
}

uint64_t idle_round(struct worker *w, unsigned n, bool full) {
	struct idler *i = &w->idler;
	if (i->mode == IDLE_BUSY) {
		if (!n)
			rte_pause();
		return 0;
	}
	if (i->mode == IDLE_ADAPTIVE || !can_wait(w)) {
		unsigned us = idle_nap(i, n, full);
		return us ? nap(us) : 0;
	}
	if (n) {
		i->low = i->vain = 0;
		if (i->armed)
			arm(w, false);
		return 0;
	}
	if (i->low < SPINS_WAIT) {
		i->low++;
		rte_pause();
		return 0;
	}
	// a descriptor that stays ready without packets (its interface is down) must not spin
	if (i->vain >= VAIN_MAX && !i->armed)
		return nap(i->nap_max_us);
	return wait_for_packets(w);
}

static void wake_by(struct source *s, const struct uplink *u) {
	int epoll = s->worker->idler.epoll;
	s->wake = WAKE_NONE;
	if (epoll < 0)
		return;
	memset(&s->event, 0, sizeof(s->event));
	s->event.epdata.event = EPOLLIN;
	if (s->queue < u->socket_n) {
		if (rte_epoll_ctl(epoll, EPOLL_CTL_ADD, u->sockets[s->queue], &s->event) == 0)
			s->wake = WAKE_SOCKET;
	} else if (u->interrupts && rte_eth_dev_rx_intr_ctl_q(
					    s->port, s->queue, epoll, RTE_INTR_EVENT_ADD, s) == 0) {
		s->wake = WAKE_INTERRUPT;
	}
}

void source_set(struct source *s, const struct uplink *u, bool open) {
	if (open) {
		s->port = u->port;
		wake_by(s, u);
	}
	atomic_store_explicit(&s->open, open, memory_order_release);
}

void source_forget(struct uplink *u) {
	for (unsigned q = 0; q < u->plan.queues; q++) {
		struct source *s = u->sources[q];
		if (!s || s->wake == WAKE_NONE)
			continue;
		int epoll = s->worker->idler.epoll;
		if (s->wake == WAKE_SOCKET)
			rte_epoll_ctl(epoll, EPOLL_CTL_DEL, u->sockets[q], &s->event);
		else
			rte_eth_dev_rx_intr_ctl_q(s->port, s->queue, epoll, RTE_INTR_EVENT_DEL, s);
		s->wake = WAKE_NONE;
	}
}
