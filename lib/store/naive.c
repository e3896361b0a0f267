/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>

#include "world.h"

// The plainest way to count, as the definitions say it: join parts of an observation, filter, name
// the group, look everything up in lists.

#define SOURCES 256 // more than world_obs draws

struct count {
	char key[64];
	int64_t step; // start, -1: the row itself
	uint64_t packets, bytes, by_sensor[WORLD_SENSORS];
	uint64_t *by_source; // packets by number of the source
	unsigned sources;
};
struct counts {
	struct count *c;
	size_t n;
	struct tt_obs *parts;
	size_t part_n;
	uint8_t (*src)[17];
	size_t src_n;
};

static int by_key(const void *x, const void *y) {
	const struct tt_obs *a = x, *b = y;
	int c = memcmp(a->src, b->src, 16);

#define ORDER(field)                                                                               \
	if (a->field != b->field)                                                                  \
	return a->field < b->field ? -1 : 1
	ORDER(epoch);
	ORDER(sensor);
	ORDER(port);
	ORDER(family);
	ORDER(class);
	ORDER(proto);
	return c;
}

static void join_parts(struct counts *k, const struct world *w) {
	struct tt_obs *all = malloc((w->n + 1) * sizeof(*all));

	k->parts = malloc((w->n + 1) * sizeof(*k->parts));
	if (w->n > 0)
		memcpy(all, w->obs, w->n * sizeof(*all));
	qsort(all, w->n, sizeof(*all), by_key);
	for (size_t i = 0; i < w->n; i++) {
		struct tt_obs *p = k->part_n > 0 ? &k->parts[k->part_n - 1] : NULL;

		if (p == NULL || by_key(p, &all[i]) != 0) {
			k->parts[k->part_n++] = all[i];
			continue;
		}
		if ((p->flags & all[i].flags & TT_OBS_OTHER_PORT) &&
			p->other_port != all[i].other_port)
			p->flags |= TT_OBS_OTHER_PORT_VARIED;
		if (!(p->flags & TT_OBS_OTHER_PORT))
			p->other_port = all[i].other_port;
		p->flags |= all[i].flags;
		p->packets += all[i].packets;
		p->bytes += all[i].bytes;
		p->tested += all[i].tested;
		for (unsigned t = 0; t < TT_TOOL_N; t++)
			p->matches[t] += all[i].matches[t];
	}
	free(all);
}

static bool has_tool(const struct tt_obs *o, int t) {
	uint64_t of = t == TT_TOOL_ZMAP ? o->packets : o->tested;

	if (t == TT_TOOL_ZMAP && o->epoch >= 1710979200) // 2024-03-21T00:00:00Z
		return false;
	return o->class == TT_SCAN && o->family == 4 && o->matches[t] >= 1 &&
	       2ull * o->matches[t] >= of;
}

static bool country(const char *want, const char *is) {
	bool other = want[0] == '!';

	return is[0] != '\0' && (strcmp(want + other, is) == 0) != other;
}

static bool in_set(const struct tt_service_set *set, const struct tt_obs *o) {
	for (unsigned i = 0; i < set->service_n; i++)
		if (set->services[i].proto == o->proto && set->services[i].port == o->port)
			return true;
	return false;
}

static bool wanted(const struct tt_query *q, const struct tt_obs *o) {
	const struct world_sensor *c = &world_sensors[o->sensor];
	struct tt_addr a = {.family = o->family};

	memcpy(a.b, o->src, 16);
	return (q->classes >> o->class & 1) && (q->from == 0 || o->epoch >= q->from) &&
	       (q->to == 0 || o->epoch < q->to) &&
	       (!q->has_port || (o->proto == q->proto && o->port == q->port)) &&
	       (q->set == NULL || in_set(q->set, o)) &&
	       (!q->has_source || tt_prefix_contains(&q->source, &a)) &&
	       (q->region == NULL || strcmp(q->region, "--") == 0) &&
	       (q->country == NULL || country(q->country, c->country)) &&
	       (q->sensor == NULL || strcmp(q->sensor, c->id) == 0) &&
	       (q->group == NULL || strcmp(q->group, c->group) == 0) &&
	       (q->network == NULL || strcmp(q->network, c->network) == 0) && q->asn == 0 &&
	       (q->tool < 0 || has_tool(o, q->tool)) && (q->family == 0 || q->family == o->family);
}

static void name_service(char *out, size_t size, uint8_t proto, uint16_t port) {
	char text[8];

	snprintf(out, size, "%s/%u", tt_proto_format(proto, text), port);
}

static void name_port(
	const struct tt_query *q, char *out, size_t size, uint8_t proto, uint16_t port) {
	name_service(out, size, proto, q->icmp_one && tt_proto_is_icmp(proto) ? 0 : port);
}

static void name_group(const struct tt_query *q, const struct tt_obs *o, char *out, size_t size) {
	char text[TT_ADDR_STRLEN];

	out[0] = '\0';
	switch (q->by) {
	case TT_BY_PORT:
		name_port(q, out, size, o->proto, o->port);
		break;
	case TT_BY_DPORT:
		if (tt_proto_is_icmp(o->proto) ||
			(o->class != TT_BACKSCATTER && o->class != TT_REFLECTION))
			name_port(q, out, size, o->proto, o->port);
		else if (!(o->flags & TT_OBS_OTHER_PORT) || (o->flags & TT_OBS_OTHER_PORT_VARIED))
			snprintf(out, size, "mixed");
		else
			name_port(q, out, size, o->proto, o->other_port);
		break;
	case TT_BY_REGION:
		snprintf(out, size, "--");
		break;
	case TT_BY_SENSOR:
		snprintf(out, size, "%s", world_sensors[o->sensor].id);
		break;
	case TT_BY_SOURCE:
		snprintf(out, size, "%s", tt_addr_format_raw(o->family, o->src, text));
		break;
	case TT_BY_ASN:
		snprintf(out, size, "0");
		break;
	case TT_BY_CLASS:
		snprintf(out, size, "%s", tt_class_name(o->class));
		break;
	default:
		break;
	}
}

static void name_row(const struct tt_query *q, const struct tt_row *r, char *out, size_t size) {
	char text[TT_ADDR_STRLEN];

	out[0] = '\0';
	if (q->by == TT_BY_PORT || q->by == TT_BY_DPORT) {
		if (r->key.mixed)
			snprintf(out, size, "mixed");
		else
			name_service(out, size, r->key.proto, r->key.port);
	} else if (q->by == TT_BY_REGION) {
		snprintf(out, size, "%s", r->key.region);
	} else if (q->by == TT_BY_SENSOR) {
		snprintf(out, size, "%s", r->key.sensor);
	} else if (q->by == TT_BY_SOURCE) {
		snprintf(out, size, "%s", tt_addr_format(&r->key.source, text));
	} else if (q->by == TT_BY_ASN) {
		snprintf(out, size, "%u", r->key.asn);
	} else if (q->by == TT_BY_CLASS) {
		snprintf(out, size, "%s", tt_class_name(r->key.class));
	} else if (q->by == TT_BY_TOOL) {
		snprintf(out, size, "%s", tt_tool_name(r->key.tool));
	} else if (q->by == TT_BY_MALWARE) {
		snprintf(out, size, "%s", r->key.set->name);
	}
}

static struct count *count_of(struct counts *k, const char *key, int64_t step, bool make) {
	for (size_t i = 0; i < k->n; i++)
		if (k->c[i].step == step && strcmp(k->c[i].key, key) == 0)
			return &k->c[i];
	if (!make)
		return NULL;
	k->c = realloc(k->c, (k->n + 1) * sizeof(*k->c));
	memset(&k->c[k->n], 0, sizeof(*k->c));
	snprintf(k->c[k->n].key, sizeof(k->c[k->n].key), "%s", key);
	k->c[k->n].step = step;
	k->c[k->n].by_source = calloc(SOURCES, sizeof(uint64_t));
	return &k->c[k->n++];
}

static size_t number_of(struct counts *k, const struct tt_obs *o) {
	uint8_t s[17];

	s[0] = o->family;
	memcpy(s + 1, o->src, 16);
	for (size_t i = 0; i < k->src_n; i++)
		if (memcmp(k->src[i], s, 17) == 0)
			return i;
	k->src = realloc(k->src, (k->src_n + 1) * 17);
	memcpy(k->src[k->src_n], s, 17);
	assert_true(k->src_n < SOURCES);
	return k->src_n++;
}

static void add_to(struct count *c, const struct tt_obs *o, size_t src) {
	c->packets += o->packets;
	c->bytes += o->bytes;
	c->by_sensor[o->sensor] += o->packets;
	if (o->family == 0)
		return;
	c->sources += c->by_source[src] == 0;
	c->by_source[src] += o->packets;
}

// Start of the local step, by way of the calendar alone.
static int64_t step_of(struct tt_tz *tz, enum tt_step step, int64_t t) {
	int64_t day = tt_tz_day(tz, t), start = tt_tz_day_start(tz, day);
	int y, m, d;

	if (step == TT_STEP_DAY)
		return start;
	if (step == TT_STEP_HOUR) {
		while (start + 3600 <= t)
			start += 3600;
		return start;
	}
	tt_civil_from_days(day, &y, &m, &d);
	return tt_tz_day_start(tz, tt_civil_days(y, m, 1));
}

// Rows that an observation may count for.
static int ways(const struct tt_query *q) {
	return q->by == TT_BY_TOOL ? TT_TOOL_N : q->by == TT_BY_MALWARE ? (int)q->set_n : 1;
}

static void count_all(
	struct counts *k, const struct world *w, struct tt_tz *tz, const struct tt_query *q) {
	join_parts(k, w);
	bool *surveyor = world_surveyors(w, k->parts, k->part_n);

	for (size_t i = 0; i < k->part_n; i++) {
		const struct tt_obs *o = &k->parts[i];
		char key[64];
		size_t src = number_of(k, o);

		if (!wanted(q, o) || (q->surveyors != TT_SURVEYORS_WITH &&
					     surveyor[i] != (q->surveyors == TT_SURVEYORS_ONLY)))
			continue;
		for (int t = 0; t < ways(q); t++) {
			if ((q->by == TT_BY_TOOL && !has_tool(o, t)) ||
				(q->by == TT_BY_MALWARE && !in_set(&q->sets[t], o)))
				continue;
			name_group(q, o, key, sizeof(key));
			if (q->by == TT_BY_TOOL)
				snprintf(key, sizeof(key), "%s", tt_tool_name(t));
			if (q->by == TT_BY_MALWARE)
				snprintf(key, sizeof(key), "%s", q->sets[t].name);
			add_to(count_of(k, key, -1, true), o, src);
			if (q->step != TT_STEP_NONE)
				add_to(count_of(k, key, step_of(tz, q->step, o->epoch), true), o,
					src);
		}
	}
	free(surveyor);
}

static void count_tallies(
	struct counts *k, const struct world *w, struct tt_tz *tz, const struct tt_query *q) {
	if (q->by != TT_BY_CLASS || q->country || q->sensor || q->group || q->network ||
		q->has_port || q->set || q->has_source || q->region || q->asn || q->tool >= 0 ||
		q->family || q->surveyors != TT_SURVEYORS_WITH)
		return;
	for (unsigned i = 0; i < w->tally_n; i++) {
		int64_t epoch = w->tally[i].epoch;

		if ((q->from != 0 && epoch < q->from) || (q->to != 0 && epoch >= q->to))
			continue;
		for (int c = TT_MALFORMED; c <= TT_NON_IP; c++) {
			uint64_t n = c == TT_MALFORMED ? w->tally[i].malformed : w->tally[i].non_ip;
			uint64_t b = c == TT_MALFORMED ? w->tally[i].malformed_bytes
						       : w->tally[i].non_ip_bytes;

			if (n == 0 || !(q->classes >> c & 1))
				continue;
			for (int s = 0; s < (q->step != TT_STEP_NONE ? 2 : 1); s++) {
				struct count *e = count_of(k, tt_class_name(c),
					s == 0 ? -1 : step_of(tz, q->step, epoch), true);

				e->packets += n;
				e->bytes += b;
			}
		}
	}
}

static int by_double(const void *x, const void *y) {
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

// Every described sensor was up in the same spans, and the others never.
static void check_rate(const struct world *w, const struct tt_query *q, const struct count *c,
	const struct tt_row *row, const struct tt_result *res) {
	double days = 0, values[WORLD_SENSORS], sum = 0, median;
	unsigned n = 0;
	uint64_t top = 0;

	for (unsigned i = 0; i < w->up_n; i++) {
		int64_t a = w->up[i].from > res->from ? w->up[i].from : res->from;
		int64_t b = w->up[i].to < res->to ? w->up[i].to : res->to;

		days += a < b ? (double)(b - a) / 86400 : 0;
	}
	for (unsigned i = 0; i < WORLD_SENSORS; i++) {
		struct tt_obs o = {.sensor = (uint16_t)i};
		struct tt_query sensor_side = {.classes = 1,
			.tool = -1,
			.country = q->country,
			.sensor = q->sensor,
			.group = q->group,
			.network = q->network};

		top = c->by_sensor[i] > top ? c->by_sensor[i] : top;
		if (i == WORLD_SENSORS - 1 || days == 0 || !wanted(&sensor_side, &o) ||
			(q->by == TT_BY_SENSOR && strcmp(row->key.sensor, world_sensors[i].id)))
			continue;
		values[n] = (double)c->by_sensor[i] / (world_sensors[i].addresses * days);
		sum += values[n++];
	}
	if (c->packets > 0 && row->has_sources)
		assert_true(fabs(row->top_sensor_share - (double)top / (double)c->packets) < 1e-12);
	assert_int_equal(row->has_rate, n > 0 && row->has_sources);
	if (!row->has_rate)
		return;
	qsort(values, n, sizeof(*values), by_double);
	median = n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
	assert_true(fabs(row->rate - sum / n) <= 1e-9 * (1 + sum));
	assert_true(fabs(row->median_rate - median) <= 1e-9 * (1 + median));
}

static void check_sources(uint64_t got, double error, uint64_t want, bool exact) {
	if (exact || error == 0) {
		assert_int_equal(got, want);
		assert_true(error == 0);
	} else {
		assert_true(fabs((double)got / (double)want - 1) < 5 * error);
	}
}

static void check_points(struct counts *k, const struct tt_row *row, const struct tt_result *res,
	const char *key, bool exact) {
	uint64_t sum = 0;

	for (unsigned j = 0; j < res->point_n; j++) {
		const struct tt_point *p = &row->points[j];
		const struct count *c = count_of(k, key, p->start, false);

		assert_int_equal(p->packets, c == NULL ? 0 : c->packets);
		assert_int_equal(p->bytes, c == NULL ? 0 : c->bytes);
		check_sources(p->sources, p->sources_error, c == NULL ? 0 : c->sources, exact);
		assert_true(p->known || p->packets == 0);
		sum += p->packets;
	}
	assert_int_equal(sum, res->point_n > 0 ? row->packets : 0);
}

// Rollups leave a quarter open.
static void check_top_source(const struct tt_row *row, double share) {
	assert_true(row->top_source_share <= share + 1e-12);
	assert_true(row->top_source_share_max >= share - 1e-12);
	assert_true(row->top_source_share_max - row->top_source_share <= 0.25 + 1e-12);
}

void world_check(struct world *w, struct tt_store *s, const struct tt_query *q, bool exact) {
	struct tt_result res;
	struct tt_err err = {0};
	struct counts k = {0};
	size_t rows = 0;

	if (tt_store_query(s, q, &res, &err) != 0)
		fail_msg("%s", err.msg);
	count_all(&k, w, tt_store_tz(s), q);
	count_tallies(&k, w, tt_store_tz(s), q);
	for (size_t i = 0; i < k.n; i++)
		rows += k.c[i].step == -1;
	if (q->by == TT_BY_NONE) // always one row
		count_of(&k, "", -1, true);
	assert_int_equal(res.row_n, q->by == TT_BY_NONE ? 1 : rows);
	for (unsigned i = 0; i < res.row_n; i++) {
		const struct tt_row *row = &res.rows[i];
		char key[64];
		const struct count *c;
		uint64_t top = 0;

		name_row(q, row, key, sizeof(key));
		c = count_of(&k, key, -1, false);
		if (c == NULL)
			fail_msg("row %s is not expected", key);
		if (row->packets != c->packets)
			fail_msg("row %s by %d step %d tool %d read %d", key, q->by, q->step,
				q->tool, q->read);
		assert_int_equal(row->packets, c->packets);
		assert_int_equal(row->bytes, c->bytes);
		check_sources(row->sources, row->sources_error, c->sources, exact);
		check_rate(w, q, c, row, &res);
		for (size_t j = 0; j < k.src_n; j++)
			top = c->by_source[j] > top ? c->by_source[j] : top;
		if (exact && c->sources > 0)
			assert_true(fabs(row->top_source_share - (double)top / (double)c->packets) <
				    1e-12);
		if (!exact && c->sources > 0 && row->has_sources)
			check_top_source(row, (double)top / (double)c->packets);
		check_points(&k, row, &res, key, exact);
	}
	for (size_t i = 0; i < k.n; i++)
		free(k.c[i].by_source);
	free(k.c);
	free(k.src);
	free(k.parts);
	tt_result_free(&res);
}
