/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "survey.h"
#include "tt_region.h"

struct service { // of one sensor and class
	uint64_t packets, bytes;
	int64_t first_us, last_us;
	uint16_t sensor, port;
	uint8_t class, proto;
};
struct profile {
	struct tt_store *s;
	const struct tt_addr *a;
	struct map at; // sensor, class, protocol and port to index + 1
	struct service *services;
	size_t n, cap;
	struct map days;  // to distinct ports probed
	struct map pairs; // day, protocol and port
	struct service all;
	uint64_t matches[TT_TOOL_N], tested[TT_TOOL_N];		    // while the rule is in force
	uint64_t later_matches[TT_TOOL_N], later_tested[TT_TOOL_N]; // and after
	uint32_t traits, asn;
	uint16_t region, surveyor;
	json_t *settled;	     // days on which it was a surveyor by behaviour
	struct tt_clock_steps clock; // while it was seen
	char rir[TT_RIR_LEN];	     // sets that judged its regions then
	unsigned ports_per_day;	     // more make a surveyor; 0: none is told so
	uint8_t ttl_min, ttl_max;
};

static void widen(struct service *v, const struct service *by) {
	v->packets += by->packets;
	v->bytes += by->bytes;
	if (v->packets == by->packets || by->first_us < v->first_us)
		v->first_us = by->first_us;
	if (v->packets == by->packets || by->last_us > v->last_us)
		v->last_us = by->last_us;
}

static int add_service(struct profile *p, const struct service *one) {
	uint64_t key = (uint64_t)one->sensor << 32 | (uint64_t)one->class << 24 |
		       (uint64_t)one->proto << 16 | one->port;
	uint64_t *at = map_at(&p->at, key);

	if (at == NULL)
		return -ENOMEM;
	if (*at == 0) {
		if (big_grow((void **)&p->services, &p->cap, p->n + 1, sizeof(*p->services)) < 0)
			return -ENOMEM;
		p->services[p->n] = *one;
		p->services[p->n].packets = p->services[p->n].bytes = 0;
		*at = ++p->n;
	}
	widen(&p->services[*at - 1], one);
	widen(&p->all, one);
	return 0;
}

static void add_tools(struct profile *p, const struct tt_batch_view *v, uint32_t i, int64_t epoch) {
	if (v->class[i] != TT_SCAN || v->family[i] != 4)
		return;
	for (unsigned t = 0; t < TT_TOOL_N; t++) {
		bool later = epoch >= tool_rules[t].end;

		*(later ? &p->later_matches[t] : &p->matches[t]) += v->matches[t][i];
		*(later ? &p->later_tested[t] : &p->tested[t]) +=
			t == TT_TOOL_ZMAP ? v->packets[i] : v->tested[i];
	}
}

static int add_row(struct profile *p, const struct raw_cursor *c, uint32_t i, int64_t epoch) {
	const struct tt_batch_view *v = &c->v;
	struct service one = {
		.packets = v->packets[i],
		.bytes = v->bytes[i],
		.first_us = epoch * 1000000 + v->first_us[i],
		.last_us = epoch * 1000000 + v->last_us[i],
		.sensor = c->sensor[v->sensor[i]],
		.port = v->port[i],
		.class = v->class[i],
		.proto = v->proto[i],
	};
	uint64_t *day = map_at(&p->days, (uint64_t)(tt_tz_day(p->s->tz, epoch) + (1 << 20)));

	if (day == NULL)
		return -ENOMEM;
	if (v->class[i] == TT_SCAN && (v->proto[i] == 6 || v->proto[i] == 17)) {
		uint64_t key = (uint64_t)(tt_tz_day(p->s->tz, epoch) + (1 << 20)) << 17 |
			       (uint64_t)(v->proto[i] == 17) << 16 | v->port[i];
		uint64_t *seen = map_at(&p->pairs, key);

		if (seen == NULL)
			return -ENOMEM;
		*day += *seen == 0;
		*seen = 1;
	}
	add_tools(p, v, i, epoch);
	if (p->all.packets == 0 || v->ttl_min[i] < p->ttl_min)
		p->ttl_min = v->ttl_min[i];
	if (v->ttl_max[i] > p->ttl_max)
		p->ttl_max = v->ttl_max[i];
	p->traits |= v->traits[i];
	p->asn = c->d.asn[i];
	p->region = c->d.region[i];
	p->surveyor = c->d.surveyor[i];
	return add_service(p, &one);
}

static int collect(struct profile *p, int64_t from, int64_t to, struct tt_err *err) {
	struct raw_cursor c;
	int rc = raw_open(p->s, &c, from, to, RAW_ALL, err), more;

	if (rc < 0)
		return rc;
	while (rc == 0 && (more = raw_next(&c, err)) != 0) {
		if (more < 0) {
			rc = more;
			break;
		}
		for (uint32_t i = 0; rc == 0 && i < c.v.head.obs_n; i++) {
			int64_t epoch = (int64_t)c.v.epoch_index[i] * c.v.head.epoch_s;

			if (c.v.family[i] != p->a->family || epoch < from || epoch >= to ||
				memcmp(c.v.src[i], p->a->b, 16) != 0)
				continue;
			if ((rc = add_row(p, &c, i, epoch)) < 0)
				tt_err_set(err, rc, "%s: no memory", p->s->path);
		}
	}
	raw_close(&c);
	return rc;
}

static int by_packets(const void *x, const void *y) {
	const struct service *a = x, *b = y;

	if (a->packets != b->packets)
		return a->packets > b->packets ? -1 : 1;
	if (a->sensor != b->sensor)
		return a->sensor < b->sensor ? -1 : 1;
	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	return a->proto != b->proto ? a->proto - b->proto : a->port - b->port;
}

static int by_value(const void *x, const void *y) {
	const int64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static void set_time(json_t *o, const char *name, int64_t us) {
	char text[TT_RFC3339_LEN];

	json_object_set_new(o, name, json_string(tt_time_format_ns(us * 1000, 6, text)));
}

static json_t *service_json(const struct profile *p, const struct service *v) {
	char proto[8];
	json_t *o = json_pack("{s:s, s:s, s:s, s:i}", "sensor", p->s->sensors[v->sensor], "class",
		tt_class_name(v->class), "proto", tt_proto_format(v->proto, proto), "port",
		v->port);

	if (tt_proto_is_icmp(v->proto)) {
		json_object_set_new(o, "type", json_integer(v->port >> 8));
		json_object_set_new(o, "code", json_integer(v->port & 255));
	}
	json_object_set_new(o, "packets", json_integer((json_int_t)v->packets));
	json_object_set_new(o, "bytes", json_integer((json_int_t)v->bytes));
	set_time(o, "first", v->first_us);
	set_time(o, "last", v->last_us);
	return o;
}

static json_t *tool_json(const struct profile *p, unsigned t) {
	const struct tool_rule *rule = &tool_rules[t];
	uint64_t k = p->matches[t], n = p->tested[t], later = p->later_matches[t];
	json_t *o = json_pack("{s:s, s:I, s:I, s:b, s:f, s:s, s:s?}", "tool", tt_tool_name(t),
		"matches", (json_int_t)k, "of", (json_int_t)n, "verdict", tool_matches(k, n),
		"confidence", tool_confidence(t, k, n), "rule", rule->relation, "rule_until",
		rule->until);

	json_object_set_new(o, "later_matches", json_integer((json_int_t)later));
	json_object_set_new(o, "later_of", json_integer((json_int_t)p->later_tested[t]));
	json_object_set_new(o, "weak_hint", json_boolean(tool_matches(later, p->later_tested[t])));
	return o;
}

static json_t *tools_json(const struct profile *p) {
	json_t *list = json_array();

	for (unsigned t = 0; t < TT_TOOL_N; t++)
		if (p->matches[t] > 0 || p->later_matches[t] > 0)
			json_array_append_new(list, tool_json(p, t));
	return list;
}

static bool by_behaviour(const struct profile *p) {
	if (json_array_size(p->settled) > 0)
		return true;
	for (uint64_t i = 0; i < p->days.size; i++)
		if (p->days.slots[i].key1 != 0 && p->ports_per_day != 0 &&
			p->days.slots[i].val > p->ports_per_day)
			return true;
	return false;
}

// Days on which it was settled that the source was a surveyor, with what it did.
static json_t *settled_json(struct profile *p, int64_t from, int64_t to, struct tt_err *err) {
	sqlite3_stmt *st = db_prepare(p->s, err,
		"SELECT v.start, v.ports, v.sensors, v.destinations, v.packets, d.ports_per_day, "
		"d.settled FROM surveyor AS v JOIN survey AS d ON d.start = v.start WHERE v.source "
		"= ? AND v.start >= ? AND v.start < ? AND d.state != 2 ORDER BY v.start");
	static const char *const names[] = {
		"ports", "sensors", "destinations", "packets", "ports_per_day"};
	json_t *list = json_array();
	char day[TT_RFC3339_LEN], at[TT_RFC3339_LEN];
	int step;

	if (st == NULL)
		return list;
	db_bind(st, "bii", p->a->b, p->a->family == 4 ? 4 : 16,
		from == 0 ? INT64_MIN : local_start(p->s->tz, TT_STEP_DAY, from), to);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		json_t *o = json_pack("{s:s}", "day",
			tt_day_format(tt_tz_day(p->s->tz, sqlite3_column_int64(st, 0)), day));

		for (int i = 0; i < 5; i++)
			json_object_set_new(
				o, names[i], json_integer(sqlite3_column_int64(st, i + 1)));
		json_object_set_new(
			o, "settled", json_string(tt_time_format(sqlite3_column_int64(st, 6), at)));
		json_array_append_new(list, o);
	}
	if (step != SQLITE_DONE)
		db_fail(p->s, err, "surveyors");
	sqlite3_finalize(st);
	return list;
}

static json_t *surveyor_json(const struct profile *p) {
	json_t *list = json_array();

	if (p->surveyor != 0)
		json_array_append_new(list, json_string("list"));
	if (by_behaviour(p))
		json_array_append_new(list, json_string("behaviour"));
	return list;
}

static json_t *days_json(struct profile *p) {
	int64_t *days = calloc(p->days.n + 1, sizeof(*days));
	json_t *list = json_array();
	char text[TT_RFC3339_LEN];
	size_t n = 0;

	for (uint64_t i = 0; days != NULL && i < p->days.size; i++)
		if (p->days.slots[i].key1 != 0)
			days[n++] = (int64_t)p->days.slots[i].key1 - 1 - (1 << 20);
	if (n > 0)
		qsort(days, n, sizeof(*days), by_value);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(tt_day_format(days[i], text)));
	free(days);
	return list;
}

static json_t *profile_json(struct profile *p, const struct tt_store_info *info) {
	char text[TT_ADDR_STRLEN], region[3] = {(char)(p->region & 0xff), (char)(p->region >> 8)};
	json_t *o = json_object(), *list = json_array();
	json_t *traits = json_array();

	for (unsigned i = 0; i < TT_TRAIT_N; i++)
		if (p->traits >> i & 1)
			json_array_append_new(traits, json_string(tt_trait_name(i)));
	if (p->n > 0)
		qsort(p->services, p->n, sizeof(*p->services), by_packets);
	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(list, service_json(p, &p->services[i]));
	json_object_set_new(o, "source", json_string(tt_addr_format(p->a, text)));
	json_object_set_new(o, "region", p->n > 0 ? json_string(region) : json_null());
	json_object_set_new(o, "rir", p->rir[0] ? json_string(p->rir) : json_null());
	json_object_set_new(o, "bogon", json_boolean(tt_region_special(p->a->family, p->a->b)));
	json_object_set_new(o, "asn", p->asn != 0 ? json_integer(p->asn) : json_null());
	json_object_set_new(o, "surveyor", json_boolean(p->surveyor != 0 || by_behaviour(p)));
	json_object_set_new(o, "surveyor_by", surveyor_json(p));
	json_object_set(o, "surveyor_days", p->settled);
	json_object_set_new(o, "timezone", json_string(tt_tz_name(p->s->tz)));
	json_object_set_new(o, "packets", json_integer((json_int_t)p->all.packets));
	json_object_set_new(o, "bytes", json_integer((json_int_t)p->all.bytes));
	json_object_set_new(o, "first", json_null());
	json_object_set_new(o, "last", json_null());
	if (p->n > 0) {
		set_time(o, "first", p->all.first_us);
		set_time(o, "last", p->all.last_us);
		json_object_set_new(o, "ttl_min", json_integer(p->ttl_min));
		json_object_set_new(o, "ttl_max", json_integer(p->ttl_max));
	}
	json_object_set_new(o, "days_active", json_integer((json_int_t)p->days.n));
	json_object_set_new(o, "days", days_json(p));
	json_object_set_new(o, "tools", tools_json(p));
	json_object_set_new(o, "traits", traits);
	json_object_set_new(o, "services", list);
	tt_clock_steps_json(&p->clock, o);
	set_time(o, "raw_from", info->raw_from * 1000000);
	set_time(o, "raw_to", info->raw_to * 1000000);
	return o;
}

json_t *tt_store_show(
	struct tt_store *s, const struct tt_addr *a, int64_t from, int64_t to, struct tt_err *err) {
	struct profile p = {.s = s, .a = a, .region = REGION_NONE};
	bool tx = sqlite3_get_autocommit(s->db);
	struct tt_store_info info;
	json_t *out = NULL;
	int rc = tx ? db_tx(s, ST_BEGIN_READ, err) : 0;

	if (rc == 0 && (rc = tt_store_info(s, &info, err)) == 0 &&
		(rc = survey_ports(s, &p.ports_per_day, err)) == 0)
		rc = collect(&p, from, to != 0 ? to : INT64_MAX, err);
	if (rc == 0)
		p.settled = settled_json(&p, from, to != 0 ? to : INT64_MAX, err);
	if (rc == 0 && p.n > 0)
		rc = clock_steps_read(s, p.all.first_us / 1000000, p.all.last_us / 1000000 + 1,
			NULL, &p.clock, err);
	if (rc == 0 && p.n > 0)
		rc = tt_store_rir(
			s, p.all.first_us / 1000000, p.all.last_us / 1000000 + 1, p.rir, err);
	if (rc == 0)
		out = profile_json(&p, &info);
	json_decref(p.settled);
	if (tx && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_COMMIT, NULL);
	map_free(&p.at);
	map_free(&p.days);
	map_free(&p.pairs);
	big_free(p.services, p.cap * sizeof(*p.services));
	errno = rc < 0 ? -rc : 0;
	return out;
}
