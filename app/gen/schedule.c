/* SPDX-License-Identifier: BSD-3-Clause */
// When packets come and of what: cells (stream, sensor, region) with weights that events change
// from slot to slot. A slot's number of packets is its share of all, exactly; within a slot times
// are spread evenly with some jitter, and cells are drawn.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "schedule.h"
#include "tt_time.h"

#define PI 3.14159265358979323846

struct cell {
	struct pick pick;
	uint64_t events; // bits of those that change it
	double weight;
};

struct schedule {
	const struct scenario *s;
	struct cell *cells;
	uint32_t cell_n, cell_cap;
	double *weights; // of the cells, in the slot that the alias is for
	struct alias alias;
	double factors[64]; // of the events in that slot
	bool built;
	double total; // over all slots
	int64_t slot_ns, slot_start;
	uint64_t done, slot_done, slot_packets;
	double cumulative;
	int64_t last_ns;
};

static bool event_matches(
	const struct event *e, const struct stream *x, unsigned sensor, unsigned region) {
	if (e->class >= 0 && e->class != x->class)
		return false;
	if (e->proto >= 0 && (x->tail || e->proto != x->proto || e->port != x->port))
		return false;
	if (sensor < 64 && !(e->sensors >> sensor & 1))
		return false;
	return e->region < 0 || (unsigned)e->region == region;
}

static uint64_t events_of(
	const struct scenario *s, const struct stream *x, unsigned sensor, unsigned region) {
	if (x->event >= 0)
		return 1ull << x->event;
	uint64_t mask = 0;
	for (unsigned i = 0; i < s->event_n; i++)
		if (!s->events[i].sources && event_matches(&s->events[i], x, sensor, region))
			mask |= 1ull << i;
	return mask;
}

// Quantised to whole days, so that weights change rarely.
static double ramp(const struct event *e, int64_t sec) {
	double days = floor((double)(sec - e->from) / 86400);
	return e->ramp_days <= 0 || days >= e->ramp_days ? 1 : (days + 1) / (e->ramp_days + 1);
}

static double event_factor(const struct event *e, int64_t sec) {
	bool active = sec >= e->from && sec < e->until;
	if (e->sources) // its own stream, whose weight has the factor
		return active ? ramp(e, sec) : 0;
	if (!active)
		return e->before;
	double p = ramp(e, sec);
	return e->before > 0 && e->factor > 0 ? e->before * pow(e->factor / e->before, p)
					      : e->before + (e->factor - e->before) * p;
}

static double weigh(struct schedule *s, int64_t ns, double *sum) {
	double f[64];
	int64_t sec = ns / TT_NS;
	for (unsigned i = 0; i < s->s->event_n; i++)
		f[i] = event_factor(&s->s->events[i], sec);
	if (!s->built || memcmp(f, s->factors, s->s->event_n * sizeof(f[0])) != 0) {
		memcpy(s->factors, f, s->s->event_n * sizeof(f[0]));
		s->built = true;
		*sum = 0;
		for (uint32_t i = 0; i < s->cell_n; i++) {
			double w = s->cells[i].weight;
			for (uint64_t m = s->cells[i].events; m; m &= m - 1)
				w *= f[__builtin_ctzll(m)];
			s->weights[i] = w;
			*sum += w;
		}
		s->alias.n = 0; // not built for these
		s->alias.total = *sum;
	}
	double hour = (double)(sec % 86400) / 3600;
	double noise = (double)(tt_mix64((uint64_t)(ns / s->slot_ns) + s->s->seed) >> 40) * 0x1p-24;
	return 1 + s->s->diurnal * (0.7 * sin(2 * PI * (hour - 9) / 24) + 0.6 * (noise - 0.5));
}

static int64_t slot_end(const struct schedule *s, int64_t start) {
	int64_t end = (start / s->slot_ns + 1) * s->slot_ns;
	return end < s->s->end_ns ? end : s->s->end_ns;
}

static int add_cell(
	struct schedule *s, unsigned stream, unsigned sensor, unsigned region, double w) {
	if (s->cell_n == s->cell_cap) {
		uint32_t cap = s->cell_cap ? s->cell_cap * 2 : 4096;
		struct cell *more = realloc(s->cells, cap * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->cells = more;
		s->cell_cap = cap;
	}
	s->cells[s->cell_n++] = (struct cell){
		.pick = {(uint16_t)stream, (uint16_t)sensor, (uint16_t)region},
		.events = events_of(s->s, &s->s->streams[stream], sensor, region),
		.weight = w,
	};
	return 0;
}

static bool sensor_takes(const struct target *t, const struct stream *x, unsigned sensor) {
	if (sensor < 64 && !(x->sensors >> sensor & 1))
		return false;
	if (x->kind == K_MALFORMED || x->kind == K_NON_IP || x->kind == K_UNASSIGNED)
		return true;
	return x->family == 4 ? t->has4 : t->has6;
}

static int make_cells(struct schedule *s, const struct regions *regions, const struct targets *t,
	const struct sources *src) {
	for (unsigned i = 0; i < s->s->stream_n; i++) {
		const struct stream *x = &s->s->streams[i];
		const double *rw = x->regions ? x->regions : s->s->region_weight;
		double all = 0;
		for (unsigned k = 0; k < regions->n; k++)
			all += sources_group(src, x->pool, k, x->family)->n ? rw[k] : 0;
		double w = x->weight * s->s->class_weight[x->class];
		if (w <= 0 || all <= 0)
			continue;
		for (unsigned j = 0; j < t->n; j++)
			for (unsigned k = 0; k < regions->n; k++) {
				if (!sensor_takes(&t->t[j], x, j) || s->s->sensor_weight[j] <= 0 ||
					rw[k] <= 0 || !sources_group(src, x->pool, k, x->family)->n)
					continue;
				// a stream has its weight at every sensor
				double v = w * rw[k] / all * s->s->sensor_weight[j];
				if (add_cell(s, i, j, k, v) < 0)
					return -ENOMEM;
			}
	}
	return 0;
}

struct schedule *schedule_create(const struct scenario *scenario, const struct regions *regions,
	const struct targets *t, const struct sources *src, struct tt_err *err) {
	struct schedule *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->s = scenario;
	int64_t span = scenario->end_ns - scenario->start_ns;
	s->slot_ns = span >= 24 * 3600 * TT_NS ? 3600 * TT_NS : span / 24 + 1;
	if (make_cells(s, regions, t, src) < 0 ||
		!(s->weights = malloc(s->cell_n * sizeof(*s->weights) + 1))) {
		schedule_destroy(&s);
		tt_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	double sum = 0;
	for (int64_t at = scenario->start_ns; at < scenario->end_ns; at = slot_end(s, at)) {
		double f = weigh(s, at, &sum);
		s->total += f * sum * (double)(slot_end(s, at) - at);
	}
	s->built = false;
	s->slot_start = scenario->start_ns;
	if (!(s->total > 0) || !isfinite(s->total)) {
		tt_err_set(err, -EINVAL, "%s",
			s->total <= 0 ? "nothing to send: no stream has a weight and a sensor"
				      : "weights that add up to no number, expected smaller ones");
		schedule_destroy(&s);
		return NULL;
	}
	return s;
}

void schedule_destroy(struct schedule **sp) {
	if (!*sp)
		return;
	alias_free(&(*sp)->alias);
	free((*sp)->cells);
	free((*sp)->weights);
	free(*sp);
	*sp = NULL;
}

bool schedule_time(struct schedule *s, struct rng *r, int64_t *ns) {
	while (s->slot_done == s->slot_packets) {
		if (s->done == s->s->packets || s->slot_start >= s->s->end_ns)
			return false;
		if (s->last_ns)
			s->slot_start = slot_end(s, s->slot_start);
		s->last_ns = 1;
		if (s->slot_start >= s->s->end_ns)
			return false;
		int64_t len = slot_end(s, s->slot_start) - s->slot_start;
		double sum = s->alias.total, f = weigh(s, s->slot_start, &sum);
		if (s->alias.n == 0 && sum > 0 && alias_build(&s->alias, s->weights, s->cell_n) < 0)
			return false;
		s->cumulative += f * sum * (double)len;
		double upto = (double)s->s->packets * (s->cumulative / s->total) + 0.5;
		uint64_t want =
			slot_end(s, s->slot_start) == s->s->end_ns ? s->s->packets : (uint64_t)upto;
		if (want > s->s->packets)
			want = s->s->packets;
		s->slot_packets = want > s->done && sum > 0 ? want - s->done : 0;
		s->slot_done = 0;
	}
	int64_t len = slot_end(s, s->slot_start) - s->slot_start;
	double at = ((double)s->slot_done + rng_unit(r)) / (double)s->slot_packets;
	*ns = s->slot_start + (int64_t)(at * (double)len);
	if (*ns >= s->slot_start + len)
		*ns = s->slot_start + len - 1;
	s->slot_done++;
	s->done++;
	return true;
}

void schedule_pick(struct schedule *s, struct rng *r, struct pick *p) {
	*p = s->cells[alias_pick(&s->alias, r)].pick;
}

static int clone_streams(struct scenario *s, unsigned event, unsigned pool) {
	struct event *e = &s->events[event];
	unsigned n = s->stream_n;
	for (unsigned i = 0; i < n; i++) {
		struct stream x = s->streams[i];
		if (x.event >= 0 || x.tail || x.class != e->class || x.proto != e->proto ||
			x.port != e->port)
			continue;
		bool newcomer = strcmp(e->type, "newcomer") == 0;
		x.weight *= newcomer ? e->factor : e->factor - e->before;
		if (newcomer)
			s->streams[i].weight = 0;
		x.pool = pool;
		x.event = (int)event;
		x.sensors = e->sensors;
		x.regions = e->region_weights;
		if (s->stream_n == s->stream_cap) {
			unsigned cap = s->stream_cap * 2;
			struct stream *more = realloc(s->streams, cap * sizeof(*more));
			if (!more)
				return -ENOMEM;
			s->streams = more;
			s->stream_cap = cap;
		}
		s->streams[s->stream_n++] = x;
	}
	return 0;
}

int schedule_pools(struct scenario *s, const struct regions *r, struct sources *src,
	struct rng *rng, struct tt_err *err) {
	static const double shares[ROLE_N] = {0.6, 0.15, 0.25};
	const struct tool_shares none = {0};
	int rc = 0;
	for (int i = 0; rc >= 0 && i < ROLE_N; i++)
		rc = sources_add_pool(src, r, s->region_weight,
			(uint32_t)(s->sources * shares[i]) + 1, s->six, s->zipf,
			i == ROLE_SCANNER ? &s->tools : &none, rng);
	for (unsigned i = 0; rc >= 0 && i < s->event_n; i++) {
		struct event *e = &s->events[i];
		if (!e->sources)
			continue;
		bool any = false;
		for (unsigned k = 0; k < r->n; k++)
			any |= e->region_weights[k] > 0;
		if (!any)
			memcpy(e->region_weights, s->region_weight, sizeof(e->region_weights));
		// many sources that send little each: no few of them dominate
		rc = sources_add_pool(src, r, e->region_weights, e->sources, s->six, s->zipf / 3,
			e->class == TT_SCAN ? &s->tools : &none, rng);
		if (rc >= 0)
			rc = clone_streams(s, i, (unsigned)rc);
	}
	return rc < 0 ? tt_err_set(err, rc, "out of memory") : 0;
}
