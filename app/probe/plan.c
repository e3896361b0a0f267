/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include <string.h>

// A ring holds a millisecond of the smallest packets at line rate, within what drivers are good at.
#define RING_MIN     1024u
#define RING_MAX     4096u
#define RING_VIRTUAL 1024u
// What one worker is trusted to take off a link, about half of what it was measured to do.
#define PER_QUEUE    10000000u
#define QUEUES_MAX   64u
// The kernel's rings: so many frames of ordinary size, fewer of large ones.
#define FRAMES	     4096u
#define FRAMES_BYTES (32u << 20)
#define FRAME_MIN    2048u
// Of a frame in the kernel's ring, what is not packet: TPACKET2_HDRLEN and sockaddr_ll, aligned,
// and room for two VLAN tags and the Ethernet header.
#define FRAME_HEADER 128u

#define ROOM_HEAD    128u  // RTE_PKTMBUF_HEADROOM
#define ROOM_DEFAULT 2176u // RTE_MBUF_DEFAULT_BUF_SIZE
#define LINK_HEADER  26u   // Ethernet, two VLAN tags, FCS
// struct rte_mbuf, mempool header and trailer, and what some processors' memory channels ask for.
#define PER_BUFFER   256u
// Its places in the rings of pool and device, which are powers of two.
#define PER_PLACE    32u

static unsigned least(unsigned a, unsigned b) {
	return a < b ? a : b;
}
static unsigned most(unsigned a, unsigned b) {
	return a > b ? a : b;
}

static unsigned power_of_two(uint64_t at_least) {
	unsigned n = 1;
	while (n < at_least && n < 1u << 30)
		n *= 2;
	return n;
}

uint64_t plan_line_rate(unsigned mbps) {
	return (uint64_t)mbps * 1000000 / (8 * (64 + 20)); // preamble and gap: 20 bytes
}

static bool near(const struct plan_device *d, const struct plan_worker *w) {
	return d->node < 0 || w->node < 0 || d->node == w->node;
}

// As many queues as the link's rate needs, at most one for each worker of the device's node.
static unsigned choose_queues(
	const struct plan_device *d, const struct plan_worker *workers, unsigned worker_n) {
	unsigned n = d->queues;
	if (n == 0 && d->kind == DEVICE_PCI) {
		unsigned local = 0;
		for (unsigned i = 0; i < worker_n; i++)
			local += near(d, &workers[i]);
		n = local ? local : worker_n;
		if (d->mbps)
			n = least(n, (unsigned)(plan_line_rate(d->mbps) / PER_QUEUE + 1));
		if (d->queues_max)
			n = least(n, d->queues_max);
	}
	return least(most(n, 1), QUEUES_MAX);
}

static unsigned choose_ring(const struct plan_device *d, unsigned queues) {
	unsigned n = d->descriptors;
	if (n == 0 && d->kind != DEVICE_PCI)
		n = RING_VIRTUAL;
	if (n == 0 && d->mbps)
		n = power_of_two(plan_line_rate(d->mbps) / 1000 / queues);
	if (n == 0)
		n = RING_MAX;
	if (d->descriptors == 0)
		n = least(most(n, RING_MIN), RING_MAX);
	return d->ring_max ? least(n, d->ring_max) : n;
}

static void choose_frames(const struct plan_device *d, struct plan_uplink *u) {
	u->frame_size = most(FRAME_MIN, power_of_two(d->mtu + FRAME_HEADER));
	u->frames = d->descriptors ? power_of_two(d->descriptors)
				   : least(FRAMES, FRAMES_BYTES / u->frame_size);
}

static void plan_uplink(struct plan_uplink *u, const struct plan_device *d,
	const struct plan_worker *workers, unsigned worker_n) {
	memset(u, 0, sizeof(*u));
	if (d->kind == DEVICE_FILE) {
		u->queues = 1;
		return;
	}
	u->queues = choose_queues(d, workers, worker_n);
	u->ring = choose_ring(d, u->queues);
	u->mtu = d->in_kernel ? 0 : d->mtu;
	u->room = ROOM_DEFAULT;
	if (d->in_kernel) {
		choose_frames(d, u);
		u->ring = least(u->ring, RING_VIRTUAL); // holds no packets
		u->room = u->frame_size + ROOM_HEAD;	// the driver wants a frame to fit
	} else if (!d->scatters && d->mtu + LINK_HEADER + ROOM_HEAD > ROOM_DEFAULT) {
		u->room = (d->mtu + LINK_HEADER + ROOM_HEAD + 63) / 64 * 64;
	}
	u->buffers = most(
		d->buffers, 2 * u->queues * u->ring + worker_n * (PLAN_BURST + 2 * PLAN_CACHE));
	u->nap_max_us = PLAN_NAP_MAX_US;
	if (d->mbps && !d->in_kernel) {
		uint64_t full_us =
			(uint64_t)u->ring * u->queues * 1000000 / plan_line_rate(d->mbps);
		u->nap_max_us = most(1, least(PLAN_NAP_MAX_US, (unsigned)(full_us / 2)));
	}
}

// What a queue brings at most, in thousand packets a second: what workers are balanced by.
static uint64_t weight(const struct plan_device *d, unsigned queues) {
	return d->mbps ? plan_line_rate(d->mbps) / 1000 / queues + 1 : 1000 / queues + 1;
}

// The worker for a queue: on the device's node where there is one, of these one without a queue
// of this uplink, of these the one with least to do, of these the first.
static unsigned choose_worker(const struct plan_device *d, const struct plan_worker *workers,
	unsigned worker_n, const uint64_t *load, const unsigned *of_uplink) {
	unsigned best = 0;
	for (unsigned i = 1; i < worker_n; i++) {
		bool ni = near(d, &workers[i]), nb = near(d, &workers[best]);
		if (ni != nb) {
			best = ni ? i : best;
		} else if (of_uplink[i] != of_uplink[best]) {
			best = of_uplink[i] < of_uplink[best] ? i : best;
		} else if (load[i] < load[best]) {
			best = i;
		}
	}
	return best;
}

void plan_make(struct plan *p, const struct plan_device *devices, unsigned device_n,
	const struct plan_worker *workers, unsigned worker_n) {
	uint64_t load[WORKER_MAX + 1] = {0};
	p->uplink_n = device_n;
	p->queue_n = 0;
	for (unsigned u = 0; u < device_n; u++) {
		unsigned of_uplink[WORKER_MAX + 1] = {0};
		const struct plan_device *d = &devices[u];
		plan_uplink(&p->uplinks[u], d, workers, worker_n);
		unsigned n = p->uplinks[u].queues;
		for (unsigned q = 0; q < n && p->queue_n < PLAN_QUEUES_MAX; q++) {
			unsigned w = choose_worker(d, workers, worker_n, load, of_uplink);
			p->queues[p->queue_n++] =
				(struct plan_queue){u, q, w, !near(d, &workers[w])};
			load[w] += weight(d, n);
			of_uplink[w]++;
		}
	}
}

uint64_t plan_bytes(const struct plan *p, uint64_t page) {
	uint64_t bytes = 0;
	for (unsigned i = 0; i < p->uplink_n; i++) {
		uint64_t each = p->uplinks[i].room + PER_BUFFER;
		if (each <= page)
			each = page / (page / each);
		bytes += p->uplinks[i].buffers * (each + PER_PLACE);
	}
	return bytes;
}
