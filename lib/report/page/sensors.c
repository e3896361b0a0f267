/* SPDX-License-Identifier: BSD-3-Clause */
// Who the sensors are, by name or by pseudonym, what each of them saw, and how those of one's own
// country compare with the others.
#include <errno.h>
#include <string.h>

#include "../pseudonym.h"
#include "page.h"

#define SENSOR_TOP  10
#define COMPARE_TOP 10

struct tt_pseudonyms page_names(const struct page *p) {
	return (struct tt_pseudonyms){
		p->conf->recipient, json_string_value(json_object_get(p->config, "pseudonym_key"))};
}

const struct tt_sensor_conf *sensor_conf(struct page *p, const char *id) {
	const struct tt_catalog *c = tt_store_catalog(p->s, p->err);
	for (unsigned i = 0; c && i < c->sensor_n; i++)
		if (!strcmp(c->sensors[i].id, id))
			return &c->sensors[i];
	return NULL;
}

static json_t *describe(struct page *p, const char *id) {
	const struct tt_sensor_conf *c = sensor_conf(p, id);
	const char *country = c && c->country[0] ? c->country : NULL;
	const char *network = c && c->network[0] ? c->network : NULL;
	char name[TT_ID_LEN], of[TT_ID_LEN];
	if (p->conf->recipient) {
		struct tt_pseudonyms names = page_names(p);
		pseudonym_make(p->s, &names, 's', id, name);
		if (network)
			pseudonym_make(p->s, &names, 'n', network, of);
		return json_pack("{s:s, s:{s:s, s:s}, s:s?, s:s?}", "id", name, "name", "en", name,
			"ja", name, "country", country, "network", network ? of : NULL);
	}
	return json_pack("{s:s, s:{s:s, s:s}, s:s?, s:s?, s:f}", "id", id, "name", "en",
		c ? c->name_en : id, "ja", c ? c->name_ja : id, "country", country, "network",
		network, "addresses", c ? c->addresses : 1);
}

static int add_sensor(struct page *p, const char *id, json_t *list) {
	struct tt_query q = page_query(p, TT_BY_PORT);
	struct answer a;
	q.country = q.group = NULL;
	q.sensor = id;
	int rc = ask(p, &q, TT_RANK_RATE, &a);
	if (rc)
		return rc;
	json_t *o = describe(p, id), *top = top_json(p, &a, TT_BY_PORT, SENSOR_TOP);
	json_int_t packets = 0;
	for (unsigned i = 0; i < a.result.row_n; i++)
		packets += (json_int_t)a.result.rows[i].packets;
	json_object_set_new(o, "packets",
		a.result.completeness < 0 && !packets ? json_null() : json_integer(packets));
	json_object_set(o, "completeness", json_object_get(top, "completeness"));
	json_object_set(o, "rows", json_object_get(top, "rows"));
	json_decref(top);
	answer_free(&a);
	json_array_append_new(list, o);
	return 0;
}

bool in_group(const struct tt_sensor_conf *c, const char *group) {
	if (!group)
		return true;
	for (unsigned i = 0; i < c->group_n; i++)
		if (!strcmp(c->groups[i], group))
			return true;
	return false;
}

// In the order of names that the page shows, so that pseudonyms give no order away.
static int by_id(const void *x, const void *y) {
	const json_t *const *a = x, *const *b = y;
	return strcmp(json_string_value(json_object_get(*a, "id")),
		json_string_value(json_object_get(*b, "id")));
}

static int sort_sensors(struct page *p, json_t *list) {
	size_t n = json_array_size(list);
	json_t **all = calloc(n + 1, sizeof(*all)), *sorted = json_array();
	if (!all)
		return tt_err_set(p->err, -ENOMEM, "report: no memory");
	for (size_t i = 0; i < n; i++)
		all[i] = json_array_get(list, i);
	qsort(all, n, sizeof(*all), by_id);
	for (size_t i = 0; i < n; i++)
		json_array_append(sorted, all[i]);
	free(all);
	json_object_set_new(p->doc, "sensors", sorted);
	return 0;
}

// Those that came later or were gone are no sensors of the period, unless packets came for them.
static bool is_of_period(
	struct page *p, const struct tt_sensor_conf *c, const struct answer *seen) {
	struct tt_tz *tz = tt_store_tz(p->s);
	int64_t since = INT64_MIN, until = INT64_MAX;
	if (c->since[0])
		(void)tt_tz_parse_time(tz, c->since, &since, NULL);
	if (c->until[0])
		(void)tt_tz_parse_time(tz, c->until, &until, NULL);
	if (since < p->to && until > p->from)
		return true;
	for (unsigned i = 0; i < seen->ranking.n; i++)
		if (!strcmp(seen->ranking.rows[i].row->key.sensor, c->id))
			return true;
	return false;
}

static void add_clock_steps(struct page *p, struct tt_clock_steps *c) {
	if (p->conf->recipient) {
		struct tt_pseudonyms names = page_names(p);
		pseudonym_clock(p->s, &names, c);
	}
	tt_clock_steps_json(c, p->doc);
}

// All sensors of the group, whatever their country: the comparison with others is about them.
int sensors_gather(struct page *p) {
	const struct tt_catalog *c = tt_store_catalog(p->s, p->err);
	json_t *list = json_array();
	struct answer a;
	struct tt_query q = page_query(p, TT_BY_SENSOR);
	q.country = NULL;
	int rc = ask(p, &q, TT_RANK_RATE, &a);
	for (unsigned i = 0; !rc && i < c->sensor_n; i++)
		if (in_group(&c->sensors[i], p->conf->group) && is_of_period(p, &c->sensors[i], &a))
			rc = add_sensor(p, c->sensors[i].id, list);
	// those that nobody described, as "default" of replay
	for (unsigned i = 0; !rc && i < a.ranking.n; i++)
		if (!sensor_conf(p, a.ranking.rows[i].row->key.sensor))
			rc = add_sensor(p, a.ranking.rows[i].row->key.sensor, list);
	if (!rc)
		add_clock_steps(p, &a.result.clock);
	answer_free(&a);
	if (!rc)
		rc = sort_sensors(p, list);
	json_decref(list);
	return rc;
}

// Rates of a list's rows on other sensors, beside.
static void add_other(json_t *rows, const struct answer *other) {
	json_t *row;
	size_t i;
	bool told = other->result.completeness >= 0 && !other->ranking.rates_hidden;
	json_array_foreach(rows, i, row) {
		json_object_set_new(row, "other_rank", json_null());
		json_object_set_new(row, "other_rate", told ? json_real(0) : json_null());
		for (unsigned j = 0; j < other->ranking.ranked_n; j++) {
			const struct ranked *r = &other->ranking.rows[j];
			json_t *key = key_json(&r->row->key, TT_BY_PORT);
			bool equal = key_equals(key, row, TT_BY_PORT);
			json_decref(key);
			if (!equal)
				continue;
			json_object_set_new(row, "other_rank", json_integer(r->rank));
			if (told)
				json_object_set_new(row, "other_rate", json_real(r->row->rate));
			break;
		}
	}
}

static json_t *side(struct page *p, const struct answer *own, const struct answer *other) {
	json_t *top = top_json(p, own, TT_BY_PORT, COMPARE_TOP);
	size_t n = json_array_size(json_object_get(top, "rows"));
	while (n > own->ranking.ranked_n) // rows that are listed only
		json_array_remove(json_object_get(top, "rows"), --n);
	while (n > COMPARE_TOP)
		json_array_remove(json_object_get(top, "rows"), --n);
	add_other(json_object_get(top, "rows"), other);
	return top;
}

// Sensors of other countries, up or not.
static unsigned others_n(struct page *p) {
	const struct tt_catalog *c = tt_store_catalog(p->s, p->err);
	unsigned n = 0;
	for (unsigned i = 0; c && i < c->sensor_n; i++)
		n += strcmp(c->sensors[i].country, p->country) != 0 &&
		     in_group(&c->sensors[i], p->conf->group);
	return n;
}

int compare_gather(struct page *p) {
	struct tt_query q = page_query(p, TT_BY_PORT);
	struct answer own, other;
	char others[4];
	json_object_set_new(p->doc, "compare", json_null());
	if (!p->country[0] || !p->any_country || !others_n(p))
		return 0;
	snprintf(others, sizeof(others), "!%s", p->country);
	int rc = ask(p, &q, TT_RANK_RATE, &own);
	if (rc)
		return rc;
	q.country = others;
	rc = ask(p, &q, TT_RANK_RATE, &other);
	if (!rc) {
		json_object_set_new(p->doc, "compare",
			json_pack("{s:o, s:o}", "domestic", side(p, &own, &other), "overseas",
				side(p, &other, &own)));
		answer_free(&other);
	}
	answer_free(&own);
	return rc;
}
