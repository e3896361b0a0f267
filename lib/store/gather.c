/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "query.h"
#include "tt_region.h"

uint32_t query_step(const struct query *r, int64_t t) {
	uint32_t lo = 0, hi = r->step_n;

	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (r->steps[mid] <= t)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static bool is_spilled(const struct part *p) {
	return p->family == 0;
}

// The key of a destination port: the service port where that is the destination's, else the other
// port, where there was one.
static uint64_t dport_key(const struct query *r, const struct part *p) {
	bool service = p->class == TT_BACKSCATTER || p->class == TT_REFLECTION;

	if (p->flags & TT_OBS_CLASS_TOTAL)
		return GROUP_MIXED;
	if (!service || tt_proto_is_icmp(p->proto))
		return port_group(r->q, p->proto, p->port);
	if (is_spilled(p) || !(p->flags & TT_OBS_OTHER_PORT) ||
		(p->flags & TT_OBS_OTHER_PORT_VARIED))
		return GROUP_MIXED;
	return port_group(r->q, p->proto, p->other_port);
}

static uint64_t group_key(const struct query *r, const struct part *p) {
	switch (r->q->by) {
	case TT_BY_PORT:
		return p->flags & TT_OBS_CLASS_TOTAL ? GROUP_MIXED
						     : port_group(r->q, p->proto, p->port);
	case TT_BY_DPORT:
		return dport_key(r, p);
	case TT_BY_REGION:
		return p->region;
	case TT_BY_SENSOR:
		return p->sensor;
	case TT_BY_SOURCE:
		return (p->family == 6 ? GROUP_V6 : GROUP_V4) | p->src;
	case TT_BY_ASN:
		return p->asn;
	case TT_BY_CLASS:
		return p->class;
	default:
		return 0;
	}
}

static bool part_tool(const struct part *p, unsigned tool) {
	return tool_verdict(
		tool, p->epoch, p->class, p->family, p->packets, p->matches[tool], p->tested);
}

static bool is_bogon(const struct query *r, const struct part *p) {
	uint8_t buf[16];

	return p->family != 0 && p->region == REGION_NONE &&
	       tt_region_special(p->family, source_bytes(&r->v6, p->family, p->src, buf));
}

static void tag(struct query *r, const struct part *p, unsigned tool) {
	r->tool_matches[tool] += p->matches[tool];
	r->tool_tested[tool] += tool == TT_TOOL_ZMAP ? p->packets : p->tested;
}

static int gather_heaviest(struct query *r, const struct part *p) {
	struct heaviest *out = r->heaviest;
	bool region = r->q->has_port || r->q->set != NULL;
	uint64_t key = out->dim == HEAVY_ASN ? p->asn
		       : region		     ? p->region
					     : service_key(p->proto, p->port),
		 *v;

	out->packets += p->packets;
	if (is_spilled(p)) {
		out->slack += p->packets;
		return 0;
	}
	// as rollups hold it
	if (out->dim == HEAVY_OTHER && region)
		key = (key & 0xff) << 8 | key >> 8;
	if ((v = map_at(&out->counts, key)) == NULL)
		return -ENOMEM;
	*v += p->packets;
	return 0;
}

// A service counts for each family that asks for it.
static int gather_sets(struct query *r, const struct part *p, struct item *it) {
	int64_t set;
	int rc = 0;

	for (unsigned n = 0; rc == 0 && (set = query_set(r, p->proto, p->port, n)) >= 0; n++) {
		it->group = (uint64_t)set;
		if (query_wants(r, it->group))
			rc = agg_add(&r->agg, it);
	}
	return rc;
}

int gather_part(struct query *r, const struct part *p) {
	struct item it = {
		.packets = p->packets,
		.bytes = p->bytes,
		.src = p->src,
		.asn = p->asn,
		.sensor = p->sensor,
		.region = p->region,
		.family = p->family,
		.step = r->step_n > 0 ? query_step(r, p->epoch) : 0,
	};
	int rc = 0;

	if (r->q->tool >= 0 && !part_tool(p, (unsigned)r->q->tool))
		return 0;
	if (r->q->by == TT_BY_REGION && is_bogon(r, p))
		r->bogon_packets += p->packets;
	if (r->heaviest != NULL)
		return gather_heaviest(r, p);
	if (r->q->by == TT_BY_MALWARE)
		return p->flags & TT_OBS_CLASS_TOTAL ? 0 : gather_sets(r, p, &it);
	if (r->q->by != TT_BY_TOOL) {
		it.group = group_key(r, p);
		return query_wants(r, it.group) ? agg_add(&r->agg, &it) : 0;
	}
	for (unsigned t = 0; rc == 0 && t < TT_TOOL_N; t++) {
		it.group = t;
		if (!part_tool(p, t) || !query_wants(r, t))
			continue;
		tag(r, p, t);
		rc = agg_add(&r->agg, &it);
	}
	return rc;
}

// Whether a verdict on an observation needs all of its parts.
static bool needs_whole(const struct query *r, const struct part *p) {
	if (r->q->by == TT_BY_TOOL || r->q->tool >= 0)
		return true;
	return r->q->by == TT_BY_DPORT && !is_spilled(p) &&
	       (p->class == TT_BACKSCATTER || p->class == TT_REFLECTION) &&
	       !tt_proto_is_icmp(p->proto);
}

static bool is_surveyor(
	struct query *r, const struct tt_batch_view *v, const struct derived *d, uint32_t i) {
	return d->surveyor[i] != 0 ||
	       survey_has(&r->survey, (int64_t)v->epoch_index[i] * v->head.epoch_s, v->family[i],
		       v->src[i]);
}

// Filters on the source, which spilled packets do not have.
static bool source_passes(
	struct query *r, const struct tt_batch_view *v, const struct derived *d, uint32_t i) {
	const struct tt_query *q = r->q;
	uint8_t family = v->family[i];

	if (q->family != 0 && family != q->family)
		return false;
	if (!region_passes(r, d->region[i]))
		return false;
	if (q->asn != 0 && d->asn[i] != q->asn)
		return false;
	if (q->surveyors != TT_SURVEYORS_WITH &&
		is_surveyor(r, v, d, i) != (q->surveyors == TT_SURVEYORS_ONLY))
		return false;
	if (q->has_source &&
		(family != q->source.addr.family || memcmp(v->src[i], r->first, 16) < 0 ||
			memcmp(v->src[i], r->last, 16) > 0))
		return false;
	return (q->tool < 0 && q->by != TT_BY_TOOL) || (family == 4 && v->class[i] == TT_SCAN);
}

static bool port_passes(const struct query *r, const struct tt_batch_view *v, uint32_t i) {
	if (!r->q->has_port && r->q->set == NULL)
		return true;
	return !(v->flags[i] & TT_OBS_CLASS_TOTAL) && service_passes(r, v->proto[i], v->port[i]);
}

static int64_t source_number(struct query *r, uint8_t family, const uint8_t src[16]) {
	if (family == 0)
		return 0;
	if (family == 6)
		return ids6_at(&r->v6, src);
	return (int64_t)((uint32_t)src[0] << 24 | (uint32_t)src[1] << 16 | (uint32_t)src[2] << 8 |
			 src[3]);
}

static int take_row(struct query *r, const struct raw_cursor *c, uint32_t i, int64_t epoch) {
	const struct tt_batch_view *v = &c->v;
	int64_t src = source_number(r, v->family[i], v->src[i]);
	struct part p = {
		.epoch = (uint32_t)epoch,
		.src = (uint32_t)src,
		.sensor = c->sensor[v->sensor[i]],
		.port = v->port[i],
		.proto = v->proto[i],
		.class = v->class[i],
		.family = v->family[i],
		.flags = v->flags[i],
		.other_port = v->other_port[i],
		.region = c->d.region[i],
		.asn = c->d.asn[i],
		.packets = v->packets[i],
		.bytes = v->bytes[i],
	};

	if (src < 0)
		return -ENOMEM;
	if (!needs_whole(r, &p))
		return gather_part(r, &p);
	p.tested = v->tested[i];
	for (unsigned t = 0; t < TT_TOOL_N; t++)
		p.matches[t] = v->matches[t][i];
	return merge_add(&r->merge, &p);
}

// A spilled row passes the port filter when its port does; past the spill table nobody knows, so
// that the answer becomes a lower bound.
static bool spilled_passes(struct query *r, const struct tt_batch_view *v, uint32_t i) {
	const struct tt_query *q = r->q;
	bool total = v->flags[i] & TT_OBS_CLASS_TOTAL, port = port_passes(r, v, i);

	if (!port && !total)
		return false;
	r->lower_bound = true;
	if (!port || q->by == TT_BY_SOURCE || q->by == TT_BY_TOOL || q->tool >= 0)
		return false;
	return q->family == 0 && q->asn == 0 && !q->has_source &&
	       q->surveyors != TT_SURVEYORS_ONLY && region_passes(r, REGION_NONE);
}

static int gather_batch(
	struct query *r, const struct raw_cursor *c, bool tail, int64_t from, int64_t to) {
	const struct tt_batch_view *v = &c->v;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s;

		if (!(r->q->classes >> v->class[i] & 1) || epoch < from || epoch >= to ||
			!r->match[c->sensor[v->sensor[i]]] ||
			(tail && survey_is_open(&r->survey, epoch)))
			continue;
		if (v->family[i] == 0 ? spilled_passes(r, v, i)
				      : port_passes(r, v, i) && source_passes(r, v, &c->d, i))
			rc = take_row(r, c, i, epoch);
	}
	r->rows_read += v->head.obs_n;
	return rc;
}

int gather_raw(struct query *r, enum raw_which which, int64_t from, int64_t to) {
	struct raw_cursor c;
	int rc = raw_open(r->s, &c, from, to, which, r->err), more;

	if (rc < 0)
		return rc;
	// rows beyond a few times what is in a cache make tables that are better large at once
	if (c.rows > 1000000 && !r->agg.sketched)
		rc = r->q->by == TT_BY_SOURCE ? map_reserve(&r->agg.by_sensor, c.rows / 4)
					      : map_reserve(&r->agg.pairs[0], c.rows / 4);
	while (rc == 0 && (more = raw_next(&c, r->err)) != 0) {
		if (more < 0) {
			rc = more;
			break;
		}
		if (merge_is_full(&r->merge))
			rc = merge_flush(r, c.v.head.epoch_min);
		if (rc == 0)
			rc = gather_batch(r, &c, which == RAW_TAIL, from, to);
		dates_add_part(r->rir, c.rir, c.v.head.epoch_min, c.v.head.epoch_max, from, to);
		if (rc < 0)
			tt_err_set(r->err, rc, "%s: no memory for so many groups", r->s->path);
	}
	raw_close(&c);
	if (rc == 0 && (rc = merge_flush(r, INT64_MAX)) < 0)
		tt_err_set(r->err, rc, "%s: no memory for so many groups", r->s->path);
	return rc;
}
