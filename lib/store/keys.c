/* SPDX-License-Identifier: BSD-3-Clause */
// Questions about certain rows only.
#include <errno.h>

#include "query.h"

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
