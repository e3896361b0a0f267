/* SPDX-License-Identifier: BSD-3-Clause */
#include "catalog_rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One destination prefix of one rule, with the rest of the rule as text that is the same for what
// means the same: equal rules become neighbours when sorted.
struct claim {
	const char *condition;
	struct tt_prefix prefix;
	unsigned sensor, index; // of the prefix in its rule
};

static int by_prefix(const void *a, const void *b) {
	const struct tt_prefix *x = a, *y = b;
	int c = tt_addr_cmp(&x->addr, &y->addr);
	return c ? c : (int)x->len - (int)y->len;
}

static int by_condition(const void *a, const void *b) {
	const struct claim *x = a, *y = b;
	int c = strcmp(x->condition, y->condition);
	if (c == 0)
		c = by_prefix(&x->prefix, &y->prefix);
	if (c == 0)
		c = x->sensor != y->sensor ? (x->sensor < y->sensor ? -1 : 1)
					   : (x->index < y->index ? -1 : x->index > y->index);
	return c;
}

static void print_outer(
	struct tt_buf *out, const char *label, const struct tt_prefix *list, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		char text[TT_PREFIX_STRLEN];
		tt_buf_printf(out, "%s%s%s", i ? "," : label, i ? "" : " ",
			tt_prefix_format(&list[i], text));
	}
}

// Everything of a rule but its prefixes.
static char *condition_of(const struct tt_rule *r) {
	struct tt_buf out = TT_BUF_INIT(65536);
	tt_buf_printf(&out, "uplink %s", *r->uplink ? r->uplink : "any");
	for (unsigned i = 0; i < r->vlan_n; i++)
		tt_buf_printf(&out, "%s%u", i ? "," : " vlan ", r->vlan[i]);
	for (unsigned i = 0; i < r->tunnel_n; i++) {
		const struct tt_tunnel_rule *t = &r->tunnel[i];
		tt_buf_printf(&out, " in %s", t->type);
		if (t->has_key)
			tt_buf_printf(&out, " %u", t->key);
		print_outer(&out, " from", t->outer_sources, t->outer_source_n);
		print_outer(&out, " to", t->outer_destinations, t->outer_destination_n);
	}
	if (out.rc == 0)
		return (char *)out.data;
	tt_buf_free(&out);
	return NULL;
}

static int refuse(const struct tt_catalog *c, const struct claim *a, const struct claim *b,
	const char *name, struct tt_err *err) {
	const struct tt_sensor_conf *x = &c->sensors[a->sensor], *y = &c->sensors[b->sensor];
	char prefix[TT_PREFIX_STRLEN] = "every address";
	if (x->rule.prefix_n || y->rule.prefix_n)
		tt_prefix_format(&b->prefix, prefix);
	if (a->sensor == b->sensor)
		return tt_err_set(err, -EINVAL,
			"%s: $.sensors[%u].match.prefixes[%u]: is \"%s\" again, expected it once",
			name, b->sensor, b->index, prefix);
	return tt_err_set(err, -EINVAL,
		"%s: $.sensors[%u].match: %s of \"%s\" is claimed by \"%s\" ($.sensors[%u].match) "
		"by an "
		"equal rule (%.200s), expected rules that differ in uplink, vlan, tunnel or "
		"prefixes",
		name, b->sensor, prefix, y->id, x->id, a->sensor, b->condition);
}

static int find_equal(const struct tt_catalog *c, struct claim *claims, size_t n, const char *name,
	struct tt_err *err) {
	qsort(claims, n, sizeof(*claims), by_condition);
	const struct claim *first = NULL; // of the messages possible, that about the first sensor
	for (size_t i = 1; i < n; i++) {
		if (strcmp(claims[i - 1].condition, claims[i].condition) == 0 &&
			by_prefix(&claims[i - 1].prefix, &claims[i].prefix) == 0 &&
			(!first || claims[i].sensor < first->sensor))
			first = &claims[i];
	}
	return first ? refuse(c, first - 1, first, name, err) : 0;
}

static int check_rules(const struct tt_catalog *c, const char *name, struct tt_err *err) {
	size_t n = 0, at = 0;
	for (unsigned i = 0; i < c->sensor_n; i++)
		n += c->sensors[i].rule.prefix_n ? c->sensors[i].rule.prefix_n : 2;
	struct claim *claims = calloc(n, sizeof(*claims));
	char **conditions = calloc(c->sensor_n, sizeof(*conditions));
	int rc = claims && conditions ? 0 : -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < c->sensor_n; i++) {
		const struct tt_rule *r = &c->sensors[i].rule;
		conditions[i] = condition_of(r);
		if (!conditions[i])
			rc = -ENOMEM;
		// no prefixes: all of IPv4 and of IPv6
		static const struct tt_prefix everything[] = {
			{.addr.family = 4}, {.addr.family = 6}};
		const struct tt_prefix *list = r->prefix_n ? r->prefixes : everything;
		for (unsigned p = 0; rc == 0 && p < (r->prefix_n ? r->prefix_n : 2); p++)
			claims[at++] = (struct claim){conditions[i], list[p], i, p};
	}
	if (rc != 0)
		tt_err_set(err, rc, "%s: out of memory", name);
	else
		rc = find_equal(c, claims, n, name, err);
	for (unsigned i = 0; conditions && i < c->sensor_n; i++)
		free(conditions[i]);
	free(conditions);
	free(claims);
	return rc;
}

static int check_maintenance(const struct tt_catalog *c, const char *name, struct tt_err *err) {
	json_t *ids = json_object();
	int rc = ids ? 0 : -ENOMEM;
	for (unsigned i = 0; rc == 0 && i < c->sensor_n; i++)
		rc = json_object_set_new(ids, c->sensors[i].id, json_true()) < 0 ? -ENOMEM : 0;
	if (rc != 0)
		tt_err_set(err, rc, "%s: out of memory", name);
	for (unsigned i = 0; rc == 0 && i < c->maintenance_n; i++) {
		for (unsigned s = 0; rc == 0 && s < c->maintenance[i].sensor_n; s++) {
			if (!json_object_get(ids, c->maintenance[i].sensors[s]))
				rc = tt_err_set(err, -EINVAL,
					"%s: $.maintenance[%u].sensors[%u]: is \"%s\", expected "
					"the id "
					"of a sensor in $.sensors",
					name, i, s, c->maintenance[i].sensors[s]);
		}
	}
	json_decref(ids);
	return rc;
}

int catalog_check(const struct tt_catalog *c, const char *name, struct tt_err *err) {
	int rc = check_rules(c, name, err);
	return rc ? rc : check_maintenance(c, name, err);
}
