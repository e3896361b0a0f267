/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

// Malformed and non_ip packets were never observed: their counts come from the tallies.
static int add_tally(
	struct query *r, enum tt_class class, int64_t epoch, int64_t packets, int64_t bytes) {
	struct item it = {
		.group = r->q->by == TT_BY_CLASS ? (uint64_t) class : 0,
		.packets = (uint64_t)packets,
		.bytes = (uint64_t)bytes,
		.step = r->step_n > 0 ? query_step(r, epoch) : 0,
	};
	int64_t g;
	int rc;

	if (packets == 0)
		return 0;
	if ((rc = agg_flush(&r->agg)) < 0 || (g = agg_group(&r->agg, it.group)) < 0)
		return -ENOMEM;
	if (r->q->by == TT_BY_CLASS)
		r->agg.groups[g].no_sources = true;
	return agg_add(&r->agg, &it);
}

int add_tallies(struct query *r) {
	const struct tt_query *q = r->q;
	sqlite3_stmt *st;
	int step, rc = 0;

	if (!(q->classes & (1u << TT_MALFORMED | 1u << TT_NON_IP)) || r->sensor_filter ||
		r->source_filter || q->has_port || q->set != NULL ||
		(q->by != TT_BY_CLASS && q->by != TT_BY_NONE))
		return 0;
	st = db_prepare(r->s, r->err,
		"SELECT epoch, sum(malformed), sum(malformed_bytes), sum(non_ip), "
		"sum(non_ip_bytes) "
		"FROM tally JOIN boot ON boot.id = tally.boot WHERE NOT boot.hidden AND "
		"epoch >= ?1 AND epoch < ?2 GROUP BY epoch");
	if (st == NULL)
		return r->s->rc;
	db_bind(st, "ii", r->from, r->to);
	while (rc == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t epoch = sqlite3_column_int64(st, 0);

		if (q->classes >> TT_MALFORMED & 1)
			rc = add_tally(r, TT_MALFORMED, epoch, sqlite3_column_int64(st, 1),
				sqlite3_column_int64(st, 2));
		if (rc == 0 && q->classes >> TT_NON_IP & 1)
			rc = add_tally(r, TT_NON_IP, epoch, sqlite3_column_int64(st, 3),
				sqlite3_column_int64(st, 4));
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(r->s, r->err, "tallies");
	else if (rc < 0)
		tt_err_set(r->err, rc, "%s: no memory", r->s->path);
	sqlite3_finalize(st);
	return rc;
}

struct share { // what one sensor contributed to one group
	uint64_t packets;
	double rate; // negative: no up-time
};

static int by_rate(const void *x, const void *y) {
	const struct share *a = x, *b = y;

	return (a->rate > b->rate) - (a->rate < b->rate);
}

// Most groups have few sensors, and a source's groups are many: no calls for those.
static void sort_shares(struct share *s, size_t n) {
	if (n > 64) {
		qsort(s, n, sizeof(*s), by_rate);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct share one = s[i];
		size_t j = i;

		for (; j > 0 && s[j - 1].rate > one.rate; j--)
			s[j] = s[j - 1];
		s[j] = one;
	}
}

// rate = mean over the sensors that had any up-time of packets / (addresses * up-days); those
// that saw nothing of the group count as 0, in the median too.
static void rate_group(struct query *r, struct group *g, struct share *s, size_t n) {
	size_t rated = 0, zeros, all = r->rated_n, lo, hi;
	double sum = 0, values[2];

	sort_shares(s, n);
	for (size_t i = 0; i < n; i++) {
		g->top_sensor = s[i].packets > g->top_sensor ? s[i].packets : g->top_sensor;
		sum += s[i].rate < 0 ? 0 : s[i].rate;
		rated += s[i].rate >= 0;
	}
	if (r->q->by == TT_BY_SENSOR)
		all = rated;
	if (all == 0) {
		g->rate = g->median = -1;
		return;
	}
	g->rate = sum / (double)all;
	zeros = all - rated;
	lo = (all - 1) / 2;
	hi = all / 2;
	// unrated ones come first with their -1
	s += n - rated;
	values[0] = lo < zeros ? 0 : s[lo - zeros].rate;
	values[1] = hi < zeros ? 0 : s[hi - zeros].rate;
	g->median = (values[0] + values[1]) / 2;
}

// Which entries of the map count: sensor 0 stands for tallies, which no sensor has.
static bool is_share(const struct map_slot *m) {
	return m->key1 != 0 && ((m->key1 - 1) & 0xffff) != 0;
}

// Puts shares beside each other by group: end[g] is where those of group g end.
static void place_shares(const struct query *r, struct share *s, size_t *end) {
	const struct map *m = &r->agg.by_sensor;
	size_t n = 0;

	for (uint64_t i = 0; i < m->size; i++)
		if (is_share(&m->slots[i]))
			end[(m->slots[i].key1 - 1) >> 16]++;
	for (size_t g = 0; g < r->agg.group_n; g++) {
		size_t count = end[g];

		end[g] = n; // its start, until the shares are placed
		n += count;
	}
	for (uint64_t i = 0; i < m->size; i++) {
		uint64_t key = m->slots[i].key1 - 1;
		const struct sensor_up *up;
		struct share *p;

		if (!is_share(&m->slots[i]))
			continue;
		up = &r->up[key & 0xffff];
		p = &s[end[key >> 16]++];
		p->packets = m->slots[i].val;
		p->rate = up->up_days > 0 ? (double)p->packets / (up->addresses * up->up_days) : -1;
	}
}

static int rate_all(struct query *r) {
	struct agg *a = &r->agg;
	size_t size = (a->by_sensor.n + 1) * sizeof(struct share);
	size_t ends = (a->group_n + 1) * sizeof(size_t), *end = big_calloc(ends), at = 0;
	struct share *s = big_calloc(size);

	if (s != NULL && end != NULL) {
		place_shares(r, s, end);
		for (size_t g = 0; g < a->group_n; at = end[g++])
			rate_group(r, &a->groups[g], s + at, end[g] - at);
	}
	at = s == NULL || end == NULL;
	big_free(s, size);
	big_free(end, ends);
	return at ? -ENOMEM : 0;
}

static void region_text(uint16_t region, char out[3]) {
	out[0] = (char)(region & 0xff);
	out[1] = (char)(region >> 8);
	out[2] = '\0';
}

static void fill_source(const struct query *r, const struct group *g, struct tt_row *row) {
	struct tt_addr *a = &row->key.source;

	if (g->key >= GROUP_V6) {
		a->family = 6;
		memcpy(a->b, r->v6.addr[(uint32_t)g->key], 16);
	} else {
		a->family = 4;
		for (unsigned i = 0; i < 4; i++)
			a->b[i] = (uint8_t)(g->key >> (24 - 8 * i));
	}
	region_text(g->region, row->region);
	row->asn = g->asn;
}

static void fill_key(const struct query *r, const struct group *g, struct tt_row *row) {
	switch (r->q->by) {
	case TT_BY_PORT:
	case TT_BY_DPORT:
		row->key.mixed = g->key == GROUP_MIXED;
		row->key.all_types = g->key >= GROUP_TYPES;
		row->key.proto = (uint8_t)(g->key >> 16);
		row->key.port = (uint16_t)g->key;
		break;
	case TT_BY_REGION:
		region_text((uint16_t)g->key, row->key.region);
		row->from_raw = !r->from_rollups;
		if (g->key == REGION_NONE)
			row->bogon_packets = r->bogon_packets;
		break;
	case TT_BY_SENSOR:
		memcpy(row->key.sensor, r->s->sensors[g->key], TT_ID_LEN);
		break;
	case TT_BY_SOURCE:
		fill_source(r, g, row);
		break;
	case TT_BY_ASN:
		row->key.asn = (uint32_t)g->key;
		break;
	case TT_BY_CLASS:
		row->key.class = (uint8_t)g->key;
		break;
	case TT_BY_TOOL:
		row->key.tool = (uint8_t)g->key;
		row->from_raw = !r->from_rollups;
		row->tool_matches = r->tool_matches[g->key];
		row->tool_tested = r->tool_tested[g->key];
		row->tool_confidence =
			tool_confidence((unsigned)g->key, row->tool_matches, row->tool_tested);
		break;
	case TT_BY_MALWARE:
		row->key.set = &r->q->sets[g->key];
		break;
	case TT_BY_NONE:
		break;
	}
}

static void fill_row(const struct query *r, const struct group *g, struct tt_row *row) {
	uint64_t least = 0, most = 0;

	fill_key(r, g, row);
	row->packets = g->packets;
	row->bytes = g->bytes;
	row->has_sources =
		!g->no_sources && !(r->from_rollups && r->q->light) &&
		(r->q->by != TT_BY_NONE || (r->q->classes & ((1u << TT_OBSERVED_CLASS_N) - 1)));
	row->sources = row->has_sources ? g->sources : 0;
	row->sources_error = g->sketch != NULL ? tt_sketch_error(g->sketch) : 0;
	row->has_rate = g->rate >= 0 && !g->no_sources;
	row->rate = row->has_rate ? g->rate : 0;
	row->median_rate = row->has_rate ? g->median : 0;
	row->top_sensor_share =
		g->packets > 0 && !g->no_sources ? (double)g->top_sensor / (double)g->packets : 0;
	row->top_source_share = row->top_source_share_max = -1;
	if (!r->agg.sketched && g->sources > 0)
		least = most = g->top_source;
	else if (!r->agg.sketched || !group_top(g, &least, &most))
		return;
	if (g->packets == 0)
		return;
	row->top_source_share = (double)least / (double)g->packets;
	row->top_source_share_max = (double)most / (double)g->packets;
}

static void fill_points(const struct query *r, struct tt_row *rows) {
	for (uint32_t i = 0; i < r->agg.group_n; i++) {
		const struct tt_up_account *own =
			r->sensor_steps == NULL
				? NULL
				: r->sensor_steps + r->agg.groups[i].key * r->step_n;

		for (uint32_t j = 0; j < r->step_n; j++) {
			struct tt_point *p = &rows[i].points[j];

			p->start = r->steps[j];
			p->completeness =
				own != NULL ? tt_up_completeness(&own[j]) : r->step_completeness[j];
			p->known = p->completeness >= 0;
		}
	}
	for (size_t i = 0; i < r->agg.cell_n; i++) {
		const struct cell *c = &r->agg.cells[i];
		struct tt_point *p = &rows[c->group].points[c->step];

		p->known = true;
		p->packets = c->packets;
		p->bytes = c->bytes;
		p->sources = c->sources;
		p->sources_error = c->sketch != NULL ? tt_sketch_error(c->sketch) : 0;
	}
}

int too_long(struct query *r, size_t rows) {
	return tt_err_set(r->err, -E2BIG,
		"series of %zu rows and %u steps: too much, expected narrower filters, a longer "
		"step or a shorter span",
		rows, r->step_n);
}

int result_build(struct query *r, struct tt_result *out) {
	size_t n = r->agg.group_n, points = n * r->step_n;
	struct tt_point *p = NULL;
	int rc;

	if (n > UINT32_MAX || points > POINTS_MAX)
		return too_long(r, n);
	if ((rc = rate_all(r)) < 0)
		return tt_err_set(r->err, rc, "%s: no memory", r->s->path);
	out->rows = calloc(n + 1, sizeof(*out->rows));
	if (points > 0)
		p = calloc(points, sizeof(*p));
	if (out->rows == NULL || (points > 0 && p == NULL)) {
		free(out->rows);
		out->rows = NULL;
		return tt_err_set(r->err, -ENOMEM, "%s: no memory", r->s->path);
	}
	// the points of all rows are one piece, which the first row's pointer frees
	for (size_t i = 0; i < n; i++) {
		fill_row(r, &r->agg.groups[i], &out->rows[i]);
		out->rows[i].points = p == NULL ? NULL : p + i * r->step_n;
	}
	out->row_n = (unsigned)n;
	out->point_n = r->step_n;
	if (r->step_n > 0)
		fill_points(r, out->rows);
	// goes over to the result
	out->step_completeness = r->step_completeness;
	r->step_completeness = NULL;
	out->from = r->from;
	out->to = r->to;
	out->completeness = r->completeness;
	out->sources_lower_bound = r->lower_bound;
	out->from_rollups = r->from_rollups;
	out->survey = r->survey.days;
	out->light = r->from_rollups && r->q->light;
	out->rows_read = r->rows_read;
	out->rest_packets = r->rest_packets;
	memcpy(out->rir_date, r->rir, sizeof(out->rir_date));
	return 0;
}

void tt_result_free(struct tt_result *r) {
	struct tt_point *p = NULL;

	// rows may have been sorted since: the piece begins at the lowest
	for (unsigned i = 0; i < r->row_n; i++)
		if (r->rows[i].points != NULL && (p == NULL || r->rows[i].points < p))
			p = r->rows[i].points;
	free(p);
	free(r->rows);
	free(r->step_completeness);
	*r = (struct tt_result){0};
}
