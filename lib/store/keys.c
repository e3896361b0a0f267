/* SPDX-License-Identifier: BSD-3-Clause */
// Questions about certain rows only.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static int by_service(const void *x, const void *y) {
	const struct set_of *a = x, *b = y;

	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	return (a->set > b->set) - (a->set < b->set);
}

static int add_set(struct query *r, const struct tt_service_set *set, uint32_t at) {
	for (unsigned i = 0; i < set->service_n; i++) {
		uint64_t key = service_key(set->services[i].proto, set->services[i].port);

		if (big_grow((void **)&r->sets, &r->set_cap, r->set_n + 1, sizeof(*r->sets)) < 0)
			return -ENOMEM;
		r->sets[r->set_n++] = (struct set_of){key, at};
	}
	return 0;
}

int query_sets(struct query *r) {
	const struct tt_query *q = r->q;
	uint64_t *v;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && q->set != NULL && i < q->set->service_n; i++) {
		const struct tt_service *s = &q->set->services[i];

		v = map_at(&r->in_set, service_key(s->proto, s->port));
		rc = v == NULL ? -ENOMEM : 0;
	}
	for (unsigned i = 0; rc == 0 && q->by == TT_BY_MALWARE && i < q->set_n; i++)
		rc = add_set(r, &q->sets[i], i);
	if (r->set_n > 0)
		qsort(r->sets, r->set_n, sizeof(*r->sets), by_service);
	for (size_t i = r->set_n; rc == 0 && i-- > 0;) {
		if ((v = map_at(&r->sets_at, r->sets[i].service)) != NULL)
			*v = i + 1;
		else
			rc = -ENOMEM;
	}
	return rc < 0 ? tt_err_set(r->err, rc, "%s: no memory", r->s->path) : 0;
}

int64_t query_set(const struct query *r, uint8_t proto, uint16_t port, unsigned n) {
	uint64_t key = service_key(proto, port);
	const uint64_t *v = map_find(&r->sets_at, key);
	size_t at = v == NULL ? r->set_n : (size_t)*v - 1 + n;

	return at < r->set_n && r->sets[at].service == key ? (int64_t)r->sets[at].set : -1;
}

// The group of a row's key; -ENOENT where the database cannot have it.
static int64_t group_of(struct query *r, const struct tt_row_key *k) {
	int sensor;

	switch (r->q->by) {
	case TT_BY_PORT:
	case TT_BY_DPORT:
		return k->mixed ? (int64_t)GROUP_MIXED
				: (int64_t)port_group(r->q, k->proto, k->port);
	case TT_BY_REGION:
		return (uint8_t)k->region[0] | (uint8_t)k->region[1] << 8;
	case TT_BY_SENSOR:
		sensor = sensor_number(r->s, k->sensor, false, r->err);
		return sensor > 0 ? sensor : -ENOENT;
	case TT_BY_SOURCE:
		if (k->source.family == 4)
			return (int64_t)(GROUP_V4 | tt_addr_v4(&k->source));
		sensor = (int)ids6_at(&r->v6, k->source.b);
		return sensor < 0 ? sensor : (int64_t)(GROUP_V6 | (uint32_t)sensor);
	case TT_BY_ASN:
		return k->asn;
	case TT_BY_CLASS:
		return k->class;
	case TT_BY_TOOL:
		return k->tool;
	case TT_BY_MALWARE:
		for (unsigned i = 0; k->set != NULL && i < r->q->set_n; i++)
			if (strcmp(r->q->sets[i].name, k->set->name) == 0)
				return i;
		return -ENOENT;
	case TT_BY_NONE:
		break;
	}
	return 0;
}

int query_keys(struct query *r) {
	for (unsigned i = 0; i < r->q->key_n; i++) {
		int64_t group = group_of(r, &r->q->keys[i]);
		uint64_t *v;

		if (group == -ENOENT)
			continue;
		if (group < 0 || (v = map_at(&r->only, (uint64_t)group)) == NULL)
			return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
		*v = 1;
	}
	return 0;
}
