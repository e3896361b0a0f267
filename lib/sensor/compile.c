/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"
#include "tt_buf.h"

// A rule on its way into the lookups.
struct item {
	const struct tt_rule *rule;
	uint64_t vlan;
	uint16_t uplink; // condition that is looked up: ANY_UPLINK too where any uplink holds
	uint16_t sensor;
};

static int compare_prefixes(
	const struct tt_prefix *x, unsigned xn, const struct tt_prefix *y, unsigned yn) {
	if (xn != yn)
		return xn < yn ? -1 : 1;
	for (unsigned i = 0; i < xn; i++) {
		int c = tt_addr_cmp(&x[i].addr, &y[i].addr);
		if (c == 0)
			c = (int)x[i].len - (int)y[i].len;
		if (c != 0)
			return c;
	}
	return 0;
}

// The catalogue keeps outer prefixes sorted: equal layers look alike.
static int compare_layers(const struct tt_tunnel_rule *x, const struct tt_tunnel_rule *y) {
	int c = strcmp(x->type, y->type);
	if (c == 0)
		c = (int)x->has_key - (int)y->has_key;
	if (c == 0 && x->key != y->key)
		c = x->key < y->key ? -1 : 1;
	if (c == 0)
		c = compare_prefixes(
			x->outer_sources, x->outer_source_n, y->outer_sources, y->outer_source_n);
	return c ? c
		 : compare_prefixes(x->outer_destinations, x->outer_destination_n,
			   y->outer_destinations, y->outer_destination_n);
}

// Whether two rules share uplink, VLAN and the first `layers` layers; and an order for that.
static int compare_items(const struct item *x, const struct item *y, unsigned layers) {
	if (x->uplink != y->uplink)
		return x->uplink < y->uplink ? -1 : 1;
	if (x->vlan != y->vlan)
		return x->vlan < y->vlan ? -1 : 1;
	for (unsigned i = 0; i < layers; i++) {
		bool xl = x->rule->tunnel_n > i, yl = y->rule->tunnel_n > i;
		if (xl != yl)
			return xl ? 1 : -1;
		int c = xl ? compare_layers(&x->rule->tunnel[i], &y->rule->tunnel[i]) : 0;
		if (c != 0)
			return c;
	}
	return 0;
}

static int by_conditions(const void *a, const void *b) {
	const struct item *x = a, *y = b;
	int c = compare_items(x, y, 2);
	return c ? c : (int)x->sensor - (int)y->sensor;
}

static uint32_t claim_of(const struct item *it, unsigned prefix_len) {
	const struct tt_rule *r = it->rule;
	uint32_t rank = prefix_len << 2 | (r->vlan_n ? 2u : 0) | (*r->uplink ? 1u : 0), keys = 0;
	for (unsigned i = 0; i < r->tunnel_n; i++)
		keys += r->tunnel[i].has_key;
	return 1 + ((rank << CLAIM_KEYS_BITS | keys) << CLAIM_SENSOR_BITS |
			   ((1u << CLAIM_SENSOR_BITS) - 1 - it->sensor));
}

static const struct tt_prefix everything[] = {{.addr.family = 4}, {.addr.family = 6}};

// Claims are ordered by how specific they are: as priorities, the right one wins everywhere.
static struct tt_ranges *build_table(const struct item *items, size_t n) {
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	struct tt_ranges *r = NULL;
	int rc = b ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct tt_rule *rule = items[i].rule;
		const struct tt_prefix *p = rule->prefix_n ? rule->prefixes : everything;
		for (unsigned j = 0; rc == 0 && j < (rule->prefix_n ? rule->prefix_n : 2); j++) {
			struct tt_addr first, last;
			uint32_t claim = claim_of(&items[i], p[j].len);
			tt_prefix_range(&p[j], &first, &last);
			rc = tt_ranges_add(b, &first, &last, claim, claim);
		}
	}
	if (rc == 0)
		r = tt_ranges_build(b);
	tt_ranges_builder_destroy(&b);
	return r;
}

static size_t run_length(const struct item *items, size_t n, unsigned layers) {
	size_t end = 1;
	while (end < n && compare_items(items, &items[end], layers) == 0)
		end++;
	return end;
}

static int by_first_sensor(const void *a, const void *b) {
	const struct feed *x = a, *y = b;
	return (int)x->first_sensor - (int)y->first_sensor;
}

static int build_matcher(const struct item *items, size_t n, unsigned layer, struct matcher **out);

// Rules that share their layers up to this one; those that have no further one come first.
static int build_feed(const struct item *items, size_t n, unsigned layer, struct feed *f) {
	const struct tt_tunnel_rule *rule = &items->rule->tunnel[layer];
	*f = (struct feed){.rule = rule, .first_sensor = TT_NO_SENSOR};
	// uplink and VLAN are the outermost layer's matter
	f->key = (struct key){.vlan = layer ? 0 : items->vlan,
		.key = rule->has_key ? rule->key : 0,
		.uplink = layer ? ANY_UPLINK : items->uplink,
		.kind = rule->has_key ? KEY_KEYED : KEY_FEED,
		.tunnel = (uint8_t)tt_tunnel_parse(rule->type)};
	if (rule->outer_destination_n > 0) {
		size_t size = rule->outer_destination_n * sizeof(*f->outer_dst);
		f->outer_dst = malloc(size);
		if (!f->outer_dst)
			return -ENOMEM;
		memcpy(f->outer_dst, rule->outer_destinations, size);
		f->outer_dst_n = rule->outer_destination_n;
	}
	size_t here = 0;
	for (size_t i = 0; i < n; i++) {
		here += items[i].rule->tunnel_n == layer + 1;
		if (items[i].sensor < f->first_sensor)
			f->first_sensor = items[i].sensor;
	}
	if (here > 0 && !(f->dst = build_table(items, here)))
		return -ENOMEM;
	return here < n ? build_matcher(items + here, n - here, layer + 1, &f->inner) : 0;
}

static int build_matcher(const struct item *items, size_t n, unsigned layer, struct matcher **out) {
	struct matcher *m = *out = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	uint32_t feed_n = 0;
	for (size_t i = 0; i < n; i += run_length(items + i, n - i, layer + 1))
		feed_n++;
	m->feeds = calloc(feed_n, sizeof(*m->feeds));
	if (!m->feeds)
		return -ENOMEM;
	for (size_t i = 0; i < n;) {
		size_t run = run_length(items + i, n - i, layer + 1);
		int rc = build_feed(items + i, run, layer, &m->feeds[m->feed_n++]);
		if (rc != 0)
			return rc;
		i += run;
	}
	qsort(m->feeds, feed_n, sizeof(*m->feeds), by_first_sensor);
	return matcher_build(m, m->feeds, feed_n);
}

static int build_plain(struct tt_sensors *s, const struct item *items, size_t n) {
	size_t runs = 0;
	for (size_t i = 0; i < n; i += run_length(items + i, n - i, 0))
		runs++;
	s->tables = calloc(runs + 1, sizeof(struct tt_ranges *));
	if (!s->tables || key_map_init(&s->plain, runs) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < n;) {
		size_t run = run_length(items + i, n - i, 0);
		struct key k = {.vlan = items[i].vlan, .uplink = items[i].uplink};
		struct tt_ranges *r = build_table(items + i, run);
		if (!r)
			return -ENOMEM;
		key_map_add(&s->plain, &k, s->table_n);
		s->tables[s->table_n++] = r;
		s->combinations |= (uint8_t)(1u << given_of(&k));
		i += run;
	}
	return 0;
}

// Tables that do not fit are no error: the rules are looked up one by one then.
static int build_direct(struct tt_sensors *s, unsigned uplink_n) {
	s->direct_n = uplink_n ? uplink_n : 1;
	s->direct = calloc(s->direct_n, sizeof(struct direct *));
	for (unsigned i = 0; s->direct && i < s->direct_n; i++)
		s->direct[i] = direct_create(s, (uint16_t)i);
	return s->direct ? 0 : -ENOMEM;
}

static int find_uplink(const struct tt_sensor_conf *sensor, unsigned index,
	const char *const *uplinks, unsigned n, uint16_t *out, struct tt_err *err) {
	for (*out = 0; *out < n; (*out)++) {
		if (strcmp(uplinks[*out], sensor->rule.uplink) == 0)
			return 0;
	}
	struct tt_buf list = TT_BUF_INIT(512);
	for (unsigned i = 0; i < n; i++)
		tt_buf_printf(&list, "%s%s", i ? ", " : "", uplinks[i]);
	int rc = tt_err_set(err, -ENOENT,
		"$.sensors[%u].match.uplink: is \"%s\" (sensor %s), expected one of the uplinks: "
		"%s",
		index, sensor->rule.uplink, sensor->id, list.data ? (char *)list.data : "none");
	tt_buf_free(&list);
	return rc;
}

static int make_items(const struct tt_catalog *c, const char *const *uplinks, unsigned uplink_n,
	bool any_uplink, struct item *items, struct tt_sensors *s, struct tt_err *err) {
	for (unsigned i = 0; i < c->sensor_n; i++) {
		const struct tt_rule *r = &c->sensors[i].rule;
		items[i] = (struct item){.rule = r,
			.vlan = vlan_of(r->vlan, r->vlan_n),
			.uplink = ANY_UPLINK,
			.sensor = (uint16_t)i};
		for (unsigned l = 0; l < r->tunnel_n; l++) {
			int type = tt_tunnel_parse(r->tunnel[l].type);
			if (type <= TT_TUNNEL_NONE)
				return tt_err_set(err, -EINVAL, "%s: unknown tunnel type %s",
					c->sensors[i].id, r->tunnel[l].type);
			s->tunnels |= (uint16_t)(1u << type);
		}
		if (!*r->uplink || any_uplink)
			continue;
		int rc = find_uplink(&c->sensors[i], i, uplinks, uplink_n, &items[i].uplink, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

// Rules without a feed apart from those with one.
static size_t partition(struct item *items, size_t n) {
	size_t plain = 0;
	for (size_t i = 0; i < n; i++) {
		if (items[i].rule->tunnel_n == 0) {
			struct item x = items[plain];
			items[plain++] = items[i];
			items[i] = x;
		}
	}
	qsort(items, plain, sizeof(*items), by_conditions);
	qsort(items + plain, n - plain, sizeof(*items), by_conditions);
	return plain;
}

struct tt_sensors *tt_sensors_create(const struct tt_catalog *catalog, const char *const *uplinks,
	unsigned uplink_n, bool any_uplink, struct tt_err *err) {
	struct tt_sensors *s = calloc(1, sizeof(*s));
	size_t n = catalog->sensor_n;
	struct item *items = calloc(n + 1, sizeof(*items));
	int rc = s && items ? 0 : tt_err_set(err, -ENOMEM, "sensors: out of memory");
	if (rc == 0)
		rc = make_items(catalog, uplinks, uplink_n, any_uplink, items, s, err);
	if (rc == 0) {
		size_t plain = partition(items, n);
		rc = build_plain(s, items, plain);
		if (rc == 0)
			rc = build_direct(s, uplink_n);
		if (rc == 0 && plain < n)
			rc = build_matcher(items + plain, n - plain, 0, &s->feeds);
		if (rc != 0)
			tt_err_set(err, rc, "sensors: %s", strerror(-rc));
	}
	free(items);
	if (rc != 0) {
		tt_sensors_destroy(&s);
		errno = -rc;
	}
	return s;
}

void tt_sensors_destroy(struct tt_sensors **s) {
	if (!s || !*s)
		return;
	for (uint32_t i = 0; i < (*s)->table_n; i++)
		tt_ranges_destroy(&(*s)->tables[i]);
	for (unsigned i = 0; (*s)->direct && i < (*s)->direct_n; i++)
		direct_destroy(&(*s)->direct[i]);
	free((*s)->direct);
	free((*s)->tables);
	key_map_free(&(*s)->plain);
	matcher_destroy(&(*s)->feeds);
	free(*s);
	*s = NULL;
}

uint16_t tt_sensors_tunnels(const struct tt_sensors *s) {
	return s->tunnels;
}
