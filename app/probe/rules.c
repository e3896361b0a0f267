/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules.h"

#include <errno.h>
#include <rte_rcu_qsbr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tt_file.h"
#include "tt_log.h"
#include "tt_obs.h"

// Places for sensors that later reloads bring; costs a few hundred bytes each and worker.
#define SLOTS_SPARE 1024

int slots_init(struct slots *s, unsigned cap) {
	s->ids = calloc(cap ? cap : 1, sizeof(*s->ids));
	s->names = calloc(cap ? cap : 1, sizeof(*s->names));
	s->cap = cap;
	if (!s->ids || !s->names) {
		slots_free(s);
		return -ENOMEM;
	}
	return 0;
}

void slots_free(struct slots *s) {
	free(s->ids);
	free(s->names);
	memset(s, 0, sizeof(*s));
}

static int slot_get(struct slots *s, const char *id, unsigned guess, bool fresh) {
	unsigned n = atomic_load_explicit(&s->n, memory_order_relaxed);
	if (guess < n && strcmp(s->ids[guess], id) == 0)
		return (int)guess;
	// only for sensors that a reload moved or added: a plain search will do
	for (unsigned i = 0; !fresh && i < n; i++)
		if (strcmp(s->ids[i], id) == 0)
			return (int)i;
	if (n == s->cap)
		return -ENOSPC;
	snprintf(s->ids[n], sizeof(s->ids[n]), "%s", id);
	s->names[n] = s->ids[n];
	atomic_store_explicit(&s->n, n + 1, memory_order_release);
	return (int)n;
}

static int assign_slots(struct rules *r, struct slots *slots, struct tt_err *err) {
	unsigned n = r->catalog->sensor_n;
	if (!slots->ids && slots_init(slots, slots->cap ? slots->cap : n))
		return tt_err_set(err, -ENOMEM, "out of memory");
	r->slot_of = calloc(n ? n : 1, sizeof(*r->slot_of));
	if (!r->slot_of)
		return tt_err_set(err, -ENOMEM, "out of memory");
	r->identity = true;
	bool fresh = atomic_load(&slots->n) == 0;
	for (unsigned i = 0; i < n; i++) {
		int slot = slot_get(slots, r->catalog->sensors[i].id, i, fresh);
		if (slot < 0)
			return tt_err_set(err, slot,
				"sensors: %u places are taken since the start, restart to make "
				"room",
				slots->cap);
		r->slot_of[i] = (uint16_t)slot;
		r->identity &= slot == (int)i;
	}
	return 0;
}

static void region_warning(void *arg, const char *line) {
	(void)arg;
	tt_log(TT_WARN, "%s", line);
}

static int load(struct rules *r, const struct config *c, struct slots *slots, struct tt_err *err) {
	r->catalog = c->sensors ? tt_catalog_load(c->sensors, err) : tt_catalog_default();
	if (!r->catalog)
		return -errno;
	const char *uplinks[UPLINK_MAX] = {"replay"};
	unsigned n = c->replay ? 1 : c->uplink_n;
	for (unsigned i = 0; !c->replay && i < n; i++)
		uplinks[i] = c->uplinks[i].id;
	r->sensors = tt_sensors_create(r->catalog, uplinks, n, c->replay, err);
	if (!r->sensors)
		return tt_err_prefix(err, -errno, "%s", c->sensors ? c->sensors : "sensors");
	r->packet = c->packet;
	r->packet.tunnels = tt_sensors_tunnels(r->sensors);
	// a replay publishes no regions: its collector finds them
	if (c->rir && !c->replay &&
		!(r->region = tt_region_load(c->rir, region_warning, NULL, err)))
		return -errno;
	if (slots->cap == 0) {
		unsigned cap = r->catalog->sensor_n + (c->replay ? 0 : SLOTS_SPARE);
		slots->cap = cap > TT_SENSOR_MAX ? TT_SENSOR_MAX : cap;
	}
	return assign_slots(r, slots, err);
}

struct rules *rules_create(
	const struct config *c, struct slots *slots, uint64_t generation, struct tt_err *err) {
	struct rules *r = calloc(1, sizeof(*r));
	if (!r) {
		errno = ENOMEM;
		tt_err_set(err, 0, "out of memory");
		return NULL;
	}
	int rc = load(r, c, slots, err);
	if (rc) {
		rules_destroy(&r);
		errno = -rc;
		return NULL;
	}
	r->generation = generation;
	char both[130];
	snprintf(both, sizeof(both), "%s\n%s", c->sha256, r->catalog->sha256);
	tt_sha256(both, strlen(both), r->sha256);
	return r;
}

void rules_destroy(struct rules **rp) {
	struct rules *r = *rp;
	if (!r)
		return;
	tt_sensors_destroy(&r->sensors);
	tt_catalog_destroy(&r->catalog);
	tt_region_destroy(&r->region);
	free(r->slot_of);
	free(r);
	*rp = NULL;
}

int rules_ref_init(struct rules_ref *ref, unsigned readers) {
	size_t size = rte_rcu_qsbr_get_memsize(readers);
	if (posix_memalign((void **)&ref->readers, RTE_CACHE_LINE_SIZE, size)) {
		ref->readers = NULL;
		return -ENOMEM;
	}
	return rte_rcu_qsbr_init(ref->readers, readers) ? -EINVAL : 0;
}

void rules_publish(struct rules_ref *ref, struct rules *r) {
	struct rules *old = atomic_exchange(&ref->current, r);
	if (!old)
		return;
	uint64_t token = rte_rcu_qsbr_start(ref->readers);
	while (rte_rcu_qsbr_check(ref->readers, token, false) != 1)
		usleep(1000);
	rules_destroy(&old);
}

void rules_ref_free(struct rules_ref *ref) {
	struct rules *r = atomic_exchange(&ref->current, NULL);
	rules_destroy(&r);
	free(ref->readers);
	ref->readers = NULL;
}
