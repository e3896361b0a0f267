/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_catalog.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog_rules.h"
#include "tt_file.h"

// The tables have checked all of it: what is read here is there and of its type, or null.
static const char *text_of(const json_t *o, const char *key) {
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : "";
}

static void copy_text(char *out, size_t size, const json_t *o, const char *key) {
	snprintf(out, size, "%s", text_of(o, key));
}

// Arrays of zero entries stay NULL.
static int allocate(void *out, const json_t *list, size_t size, unsigned *n) {
	void **p = out;
	*n = 0;
	*p = NULL;
	size_t count = json_array_size(list);
	if (count == 0)
		return 0;
	*p = calloc(count, size);
	if (!*p)
		return -ENOMEM;
	*n = (unsigned)count;
	return 0;
}

static int read_ids(const json_t *list, char (**out)[TT_ID_LEN], unsigned *n) {
	int rc = allocate(out, list, TT_ID_LEN, n);
	for (unsigned i = 0; i < *n; i++)
		snprintf((*out)[i], TT_ID_LEN, "%s", json_string_value(json_array_get(list, i)));
	return rc;
}

static int read_prefixes(const json_t *list, struct tt_prefix **out, unsigned *n) {
	int rc = allocate(out, list, sizeof(**out), n);
	for (unsigned i = 0; i < *n; i++)
		tt_prefix_parse(json_string_value(json_array_get(list, i)), &(*out)[i]);
	return rc;
}

static int by_prefix(const void *a, const void *b) {
	const struct tt_prefix *x = a, *y = b;
	int c = tt_addr_cmp(&x->addr, &y->addr);
	return c ? c : (int)x->len - (int)y->len;
}

// Sorted, so that layers that mean the same look the same.
static int read_outer(const json_t *list, struct tt_prefix **out, unsigned *n) {
	int rc = read_prefixes(list, out, n);
	if (*n > 0)
		qsort(*out, *n, sizeof(**out), by_prefix);
	return rc;
}

static int read_tunnel(const json_t *json, struct tt_tunnel_rule *t) {
	static const char *const keys[] = {"key", "session", "vni"};
	copy_text(t->type, sizeof(t->type), json, "type");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *key = json_object_get(json, keys[i]);
		if (json_is_integer(key)) {
			t->has_key = true;
			t->key = (uint32_t)json_integer_value(key);
		}
	}
	int rc = read_outer(
		json_object_get(json, "outer_sources"), &t->outer_sources, &t->outer_source_n);
	return rc ? rc
		  : read_outer(json_object_get(json, "outer_destinations"), &t->outer_destinations,
			    &t->outer_destination_n);
}

static int read_rule(const json_t *match, struct tt_rule *r) {
	copy_text(r->uplink, sizeof(r->uplink), match, "uplink");
	const json_t *vlan = json_object_get(match, "vlan");
	r->vlan_n = (uint8_t)json_array_size(vlan);
	for (unsigned i = 0; i < r->vlan_n; i++)
		r->vlan[i] = (uint16_t)json_integer_value(json_array_get(vlan, i));
	const json_t *tunnel = json_object_get(match, "tunnel");
	int rc = 0;
	if (json_is_object(tunnel)) {
		r->tunnel_n = 1;
		rc = read_tunnel(tunnel, &r->tunnel[0]);
	}
	for (size_t i = 0; rc == 0 && i < json_array_size(tunnel); i++) {
		r->tunnel_n++;
		rc = read_tunnel(json_array_get(tunnel, i), &r->tunnel[i]);
	}
	return rc ? rc
		  : read_prefixes(json_object_get(match, "prefixes"), &r->prefixes, &r->prefix_n);
}

// Prefixes of one rule may nest: what is inside another counts once. Sorted, whatever contains a
// prefix comes before it, and only the last one that was not inside another can.
static int count_addresses(const struct tt_rule *r, double *sum) {
	*sum = r->prefix_n ? 0 : 1;
	struct tt_prefix *sorted = malloc((r->prefix_n + 1) * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	if (r->prefix_n > 0)
		memcpy(sorted, r->prefixes, r->prefix_n * sizeof(*sorted));
	qsort(sorted, r->prefix_n, sizeof(*sorted), by_prefix);
	const struct tt_prefix *outer = NULL;
	for (unsigned i = 0; i < r->prefix_n; i++) {
		const struct tt_prefix *p = &sorted[i];
		if (outer && tt_prefix_contains(outer, &p->addr))
			continue;
		outer = p;
		*sum += ldexp(1, (p->addr.family == 4 ? 32 : 128) - p->len);
	}
	free(sorted);
	return 0;
}

static int read_sensor(const json_t *json, struct tt_sensor_conf *s) {
	copy_text(s->id, sizeof(s->id), json, "id");
	const json_t *name = json_object_get(json, "name");
	const char *en = json_string_value(json_object_get(name, "en")),
		   *ja = json_string_value(json_object_get(name, "ja"));
	s->name_en = strdup(en ? en : ja ? ja : s->id);
	s->name_ja = strdup(ja ? ja : en ? en : s->id);
	copy_text(s->country, sizeof(s->country), json, "country");
	s->network = strdup(text_of(json, "network"));
	copy_text(s->since, sizeof(s->since), json, "since");
	copy_text(s->until, sizeof(s->until), json, "until");
	s->silent_after_s = (uint32_t)json_integer_value(json_object_get(json, "silent_after_s"));
	if (!s->name_en || !s->name_ja || !s->network)
		return -ENOMEM;
	int rc = read_ids(json_object_get(json, "groups"), &s->groups, &s->group_n);
	if (rc == 0)
		rc = read_rule(json_object_get(json, "match"), &s->rule);
	const json_t *addresses = json_object_get(json, "addresses");
	if (rc == 0 && !json_is_number(addresses))
		return count_addresses(&s->rule, &s->addresses);
	s->addresses = json_number_value(addresses);
	return rc;
}

static int read_all(struct tt_catalog *c) {
	const json_t *sensors = json_object_get(c->json, "sensors"),
		     *list = json_object_get(c->json, "maintenance");
	int rc = allocate(&c->sensors, sensors, sizeof(*c->sensors), &c->sensor_n);
	for (unsigned i = 0; rc == 0 && i < c->sensor_n; i++)
		rc = read_sensor(json_array_get(sensors, i), &c->sensors[i]);
	if (rc == 0)
		rc = allocate(&c->maintenance, list, sizeof(*c->maintenance), &c->maintenance_n);
	for (unsigned i = 0; rc == 0 && i < c->maintenance_n; i++) {
		const json_t *m = json_array_get(list, i);
		rc = read_ids(json_object_get(m, "sensors"), &c->maintenance[i].sensors,
			&c->maintenance[i].sensor_n);
		copy_text(c->maintenance[i].from, sizeof(c->maintenance[i].from), m, "from");
		copy_text(c->maintenance[i].to, sizeof(c->maintenance[i].to), m, "to");
	}
	return rc;
}

struct tt_catalog *tt_catalog_loads(
	const char *text, size_t len, const char *name, struct tt_err *err) {
	struct tt_catalog *c = calloc(1, sizeof(*c));
	int rc = c ? 0 : tt_err_set(err, -ENOMEM, "%s: out of memory", name);
	if (rc == 0)
		rc = tt_conf_loads(text, len, name, "sensors", &c->json, err);
	if (rc == 0) {
		rc = read_all(c);
		if (rc != 0)
			tt_err_set(err, rc, "%s: out of memory", name);
	}
	if (rc == 0)
		rc = catalog_check(c, name, err);
	if (rc == 0) {
		tt_sha256(text, len, c->sha256);
		return c;
	}
	tt_catalog_destroy(&c);
	errno = -rc;
	return NULL;
}

struct tt_catalog *tt_catalog_load(const char *path, struct tt_err *err) {
	struct tt_buf text = TT_BUF_INIT(TT_CONF_MAX);
	struct tt_catalog *c = NULL;
	int rc = tt_file_read(path, &text, err);
	if (rc == 0) {
		c = tt_catalog_loads(text.data ? (const char *)text.data : "", text.len, path, err);
		rc = c ? 0 : -errno;
	}
	tt_buf_free(&text);
	errno = -rc;
	return c;
}

struct tt_catalog *tt_catalog_default(void) {
	static const char text[] =
		"{\"kind\":\"sensors\",\"v\":1,\"sensors\":[{\"id\":\"default\"}]}";
	return tt_catalog_loads(text, sizeof(text) - 1, "default", NULL);
}

void tt_catalog_destroy(struct tt_catalog **c) {
	if (!c || !*c)
		return;
	for (unsigned i = 0; i < (*c)->sensor_n; i++) {
		struct tt_sensor_conf *s = &(*c)->sensors[i];
		free(s->name_en);
		free(s->name_ja);
		free(s->network);
		free(s->groups);
		free(s->rule.prefixes);
		for (unsigned t = 0; t < 2; t++) {
			free(s->rule.tunnel[t].outer_sources);
			free(s->rule.tunnel[t].outer_destinations);
		}
	}
	for (unsigned i = 0; i < (*c)->maintenance_n; i++)
		free((*c)->maintenance[i].sensors);
	free((*c)->sensors);
	free((*c)->maintenance);
	json_decref((*c)->json);
	free(*c);
	*c = NULL;
}
