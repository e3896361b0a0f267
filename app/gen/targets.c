/* SPDX-License-Identifier: BSD-3-Clause */
// Where packets go: the sensors, their feeds, and which destinations are theirs alone.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

const char sensors_default[] =
	"{\"kind\":\"sensors\",\"v\":1,\"sensors\":[\n"
	" {\"id\":\"jp-isp1\",\"name\":{\"en\":\"ISP A\",\"ja\":\"国内ISP A\"},\"country\":\"JP\","
	"\"network\":\"ISP A\",\"groups\":[\"access\"],\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up0\",\"prefixes\":[\"192.0.2.0/28\",\"2001:db8:1::/64\"]}},\n"
	" {\"id\":\"jp-isp2\",\"country\":\"JP\",\"network\":\"ISP B\",\"groups\":[\"access\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up0\",\"vlan\":[101],\"prefixes\":[\"192.0.2.32/29\"]}},\n"
	" {\"id\":\"jp-isp3\",\"country\":\"JP\",\"network\":\"ISP B\",\"groups\":[\"access\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up0\",\"vlan\":[200,7],\"prefixes\":[\"192.0.2.64/28\","
	"\"2001:db8:3::/64\"]}},\n"
	" {\"id\":\"jp-nested\",\"country\":\"JP\",\"network\":\"ISP A\",\"groups\":[\"access\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up0\",\"prefixes\":[\"192.0.2.8/31\"]}},\n"
	" {\"id\":\"cloud-vxlan\",\"country\":\"JP\",\"network\":\"Cloud "
	"X\",\"groups\":[\"cloud\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":{\"type\":\"vxlan\",\"vni\":7001,"
	"\"outer_sources\":[\"198.51.100.7/32\"],\"outer_destinations\":[\"198.51.100.1/32\"]},"
	"\"prefixes\":[\"203.0.113.0/28\",\"2001:db8:4::/64\"]}},\n"
	" {\"id\":\"cloud-geneve\",\"country\":\"SG\",\"network\":\"Cloud "
	"Y\",\"groups\":[\"cloud\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":{\"type\":\"geneve\",\"vni\":7002,"
	"\"outer_sources\":[\"198.51.100.8/32\"]},\"prefixes\":[\"203.0.113.16/28\"]}},\n"
	" {\"id\":\"remote-gre\",\"country\":\"DE\",\"network\":\"ISP C\",\"groups\":[\"remote\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":{\"type\":\"gre\",\"key\":77,"
	"\"outer_sources\":[\"198.51.100.9/32\"]},\"prefixes\":[\"203.0.113.32/28\","
	"\"2001:db8:5::/64\"]}},\n"
	" {\"id\":\"remote-gre-plain\",\"country\":\"ID\",\"network\":\"ISP D\",\"groups\":"
	"[\"remote\"],\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":{\"type\":\"gre\",\"outer_sources\":"
	"[\"198.51.100.10/32\"]},\"prefixes\":[\"203.0.113.48/28\"]}},\n"
	" {\"id\":\"remote-erspan\",\"country\":\"US\",\"network\":\"ISP "
	"E\",\"groups\":[\"remote\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":{\"type\":\"erspan\",\"session\":33,"
	"\"outer_sources\":[\"198.51.100.11/32\"]},\"prefixes\":[\"203.0.113.64/28\"]}},\n"
	" {\"id\":\"remote-ipip\",\"country\":\"BR\",\"network\":\"ISP F\",\"groups\":[\"remote\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":{\"type\":\"ipip\",\"outer_sources\":"
	"[\"198.51.100.12/32\"]},\"prefixes\":[\"203.0.113.80/28\"]}},\n"
	" {\"id\":\"remote-6in4\",\"country\":\"NL\",\"network\":\"ISP G\",\"groups\":[\"remote\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":{\"type\":\"6in4\",\"outer_sources\":"
	"[\"198.51.100.13/32\"]},\"prefixes\":[\"2001:db8:6::/64\"]}},\n"
	" {\"id\":\"nested-feed\",\"country\":\"ZA\",\"network\":\"Cloud "
	"X\",\"groups\":[\"cloud\"],"
	"\"since\":\"2024-01-01\",\n"
	"  \"match\":{\"uplink\":\"up1\",\"tunnel\":[{\"type\":\"gre\",\"key\":88,"
	"\"outer_sources\":[\"198.51.100.14/32\"]},{\"type\":\"vxlan\",\"vni\":99,"
	"\"outer_sources\":[\"198.51.100.15/32\"]}],\"prefixes\":[\"203.0.113.96/28\"]}}\n"
	"]}\n";

static int uplink_index(struct targets *t, const char *id) {
	if (!*id)
		return t->uplink_n > 0 ? 0 : uplink_index(t, "up0");
	for (unsigned i = 0; i < t->uplink_n; i++)
		if (strcmp(t->uplinks[i], id) == 0)
			return (int)i;
	if (t->uplink_n == UPLINK_MAX)
		return -E2BIG;
	snprintf(t->uplinks[t->uplink_n], TT_ID_LEN, "%s", id);
	return (int)t->uplink_n++;
}

static bool prefixes_alike(
	const struct tt_prefix *a, unsigned an, const struct tt_prefix *b, unsigned bn) {
	if (an != bn)
		return false;
	for (unsigned i = 0; i < an; i++)
		if (a[i].len != b[i].len || tt_addr_cmp(&a[i].addr, &b[i].addr) != 0)
			return false;
	return true;
}

static bool feeds_alike(const struct tt_rule *a, const struct tt_rule *b) {
	if (a->tunnel_n != b->tunnel_n)
		return false;
	for (unsigned i = 0; i < a->tunnel_n; i++) {
		const struct tt_tunnel_rule *x = &a->tunnel[i], *y = &b->tunnel[i];
		if (strcmp(x->type, y->type) != 0 || x->has_key != y->has_key || x->key != y->key ||
			!prefixes_alike(x->outer_sources, x->outer_source_n, y->outer_sources,
				y->outer_source_n) ||
			!prefixes_alike(x->outer_destinations, x->outer_destination_n,
				y->outer_destinations, y->outer_destination_n))
			return false;
	}
	return true;
}

// Whether packets with the tags of rule a also meet b's condition on tags.
static bool tags_meet(const struct tt_rule *a, const struct tt_rule *b) {
	return b->vlan_n == 0 ||
	       (a->vlan_n == b->vlan_n &&
		       memcmp(a->vlan, b->vlan, sizeof(a->vlan[0]) * a->vlan_n) == 0);
}

// Whether prefix p of a rule takes destinations away from prefix q of another one.
static bool beats(const struct tt_prefix *p, const struct tt_rule *pr, const struct tt_prefix *q,
	const struct tt_rule *qr) {
	if (p->addr.family != q->addr.family || p->len < q->len || !tt_prefix_contains(q, &p->addr))
		return false;
	if (p->len > q->len)
		return true;
	int x = (pr->vlan_n > 0) * 2 + (*pr->uplink != 0);
	int y = (qr->vlan_n > 0) * 2 + (*qr->uplink != 0);
	return x > y;
}

static int add_hole(struct target *t, const struct tt_prefix *p) {
	struct tt_prefix *more = realloc(t->holes, (t->hole_n + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	t->holes = more;
	t->holes[t->hole_n++] = *p;
	return 0;
}

static const struct tt_prefix anywhere[] = {{.addr.family = 4}, {.addr.family = 6}};

static int find_holes(struct targets *ts, unsigned at) {
	struct target *t = &ts->t[at];
	const struct tt_rule *mine = &t->conf->rule;
	for (unsigned i = 0; i < ts->n; i++) {
		const struct tt_rule *r = &ts->t[i].conf->rule;
		if (i == at || !feeds_alike(mine, r) || !tags_meet(mine, r))
			continue;
		const struct tt_prefix *p = r->prefix_n ? r->prefixes : anywhere;
		for (unsigned j = 0; j < (r->prefix_n ? r->prefix_n : 2); j++) {
			const struct tt_prefix *q = mine->prefix_n ? mine->prefixes : anywhere;
			for (unsigned k = 0; k < (mine->prefix_n ? mine->prefix_n : 2); k++)
				if (beats(&p[j], r, &q[k], mine) && add_hole(t, &p[j]) < 0)
					return -ENOMEM;
		}
	}
	return 0;
}

static bool outer_overlap(
	const struct tt_prefix *a, unsigned an, const struct tt_prefix *b, unsigned bn) {
	if (an == 0 || bn == 0)
		return true;
	for (unsigned i = 0; i < an; i++)
		for (unsigned j = 0; j < bn; j++)
			if (tt_prefix_contains(&a[i], &b[j].addr) ||
				tt_prefix_contains(&b[j], &a[i].addr))
				return true;
	return false;
}

// Outer fragments show addresses only: they can be told where no other feed has the same.
static bool fragments_ok(const struct targets *ts, unsigned at) {
	const struct tt_rule *mine = &ts->t[at].conf->rule;
	if (mine->tunnel_n != 1)
		return false;
	const struct tt_tunnel_rule *x = &mine->tunnel[0];
	for (unsigned i = 0; i < ts->n; i++) {
		const struct tt_rule *r = &ts->t[i].conf->rule;
		if (i == at || r->tunnel_n == 0)
			continue;
		const struct tt_tunnel_rule *y = &r->tunnel[0];
		if (outer_overlap(x->outer_sources, x->outer_source_n, y->outer_sources,
			    y->outer_source_n) &&
			outer_overlap(x->outer_destinations, x->outer_destination_n,
				y->outer_destinations, y->outer_destination_n))
			return false;
	}
	return true;
}

static int add_target(struct targets *ts, unsigned i, struct tt_err *err) {
	struct target *t = &ts->t[i];
	t->conf = &ts->catalog->sensors[i];
	const struct tt_rule *r = &t->conf->rule;
	int up = uplink_index(ts, r->uplink);
	if (up < 0)
		return tt_err_set(err, up, "more than %d uplinks", UPLINK_MAX);
	t->uplink = (unsigned)up;
	t->weight = 1;
	t->prefixes = r->prefixes;
	t->prefix_n = r->prefix_n;
	if (r->prefix_n == 0) {
		static struct tt_prefix free_choice[2];
		tt_prefix_parse("192.0.2.0/24", &free_choice[0]);
		tt_prefix_parse("2001:db8:ffff::/64", &free_choice[1]);
		t->prefixes = free_choice;
		t->prefix_n = 2;
		ts->catch_all |= r->tunnel_n == 0 && r->vlan_n == 0;
	}
	for (unsigned j = 0; j < t->prefix_n; j++) {
		t->has4 |= t->prefixes[j].addr.family == 4;
		t->has6 |= t->prefixes[j].addr.family == 6;
	}
	if (r->tunnel_n > 0) {
		const char *last = r->tunnel[r->tunnel_n - 1].type;
		t->has4 &= strcmp(last, "6in4") != 0;
		t->has6 &= strcmp(last, "ipip") != 0;
	}
	return 0;
}

int targets_init(struct targets *t, const char *path, struct tt_err *err) {
	memset(t, 0, sizeof(*t));
	t->catalog = path ? tt_catalog_load(path, err)
			  : tt_catalog_loads(sensors_default, strlen(sensors_default),
				    "built-in sensors", err);
	if (!t->catalog)
		return errno ? -errno : -EINVAL;
	t->n = t->catalog->sensor_n;
	t->t = calloc(t->n + 1, sizeof(*t->t));
	if (!t->t)
		return tt_err_set(err, -ENOMEM, "out of memory");
	if (t->n == 0)
		return tt_err_set(err, -EINVAL, "%s: no sensors", path);
	for (unsigned i = 0; i < t->n; i++) {
		int rc = add_target(t, i, err);
		if (rc < 0)
			return rc;
	}
	for (unsigned i = 0; i < t->n; i++) {
		if (find_holes(t, i) < 0)
			return tt_err_set(err, -ENOMEM, "out of memory");
		t->t[i].fragments_ok = fragments_ok(t, i);
	}
	return 0;
}

void targets_free(struct targets *t) {
	for (unsigned i = 0; t->t && i < t->n; i++)
		free(t->t[i].holes);
	free(t->t);
	tt_catalog_destroy(&t->catalog);
	memset(t, 0, sizeof(*t));
}

int targets_links(struct targets *t, const char *spec, struct tt_err *err) {
	static const char *const names[] = {"ethernet", "raw", "sll", "sll2"};
	char copy[512], *save = NULL;
	snprintf(copy, sizeof(copy), "%s", spec);
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(s, '=');
		unsigned up = 0, link = 0;
		if (eq)
			*eq++ = 0;
		while (eq && up < t->uplink_n && strcmp(t->uplinks[up], s) != 0)
			up++;
		while (eq && link < 4 && strcmp(names[link], eq) != 0)
			link++;
		if (!eq || up == t->uplink_n || link == 4)
			return tt_err_set(err, -EINVAL,
				"--links: %s: expected UPLINK=ethernet|raw|sll|sll2 with an uplink "
				"that a sensor names",
				s);
		t->links[up] = (uint8_t)link;
	}
	for (unsigned i = 0; i < t->n; i++)
		if (t->t[i].conf->rule.vlan_n && t->links[t->t[i].uplink] != TT_LINK_ETHERNET)
			return tt_err_set(err, -EINVAL,
				"--links: sensor %s has VLAN tags, so %s must be ethernet",
				t->t[i].conf->id, t->uplinks[t->t[i].uplink]);
	return 0;
}

bool prefix_random(const struct tt_prefix *p, struct rng *r, struct tt_addr *out) {
	unsigned bits = p->addr.family == 4 ? 32 : 128;
	uint64_t random[2] = {rng_next(r), bits > 32 ? rng_next(r) : 0};
	*out = p->addr;
	for (unsigned i = p->len; i < bits; i++)
		if (random[i / 64] >> (i % 64) & 1)
			out->b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	return true;
}

bool target_address(const struct target *t, int family, struct rng *r, struct tt_addr *out) {
	for (int tries = 0; tries < 64; tries++) {
		const struct tt_prefix *p = &t->prefixes[rng_below(r, t->prefix_n)];
		if (p->addr.family != family)
			continue;
		prefix_random(p, r, out);
		bool mine = true;
		for (unsigned i = 0; mine && i < t->hole_n; i++)
			mine = !tt_prefix_contains(&t->holes[i], out);
		if (mine)
			return true;
	}
	return false;
}

bool targets_plain_match(
	const struct targets *t, const uint16_t *vlan, unsigned vlan_n, const struct tt_addr *dst) {
	for (unsigned i = 0; i < t->n; i++) {
		const struct tt_rule *r = &t->t[i].conf->rule;
		if (r->tunnel_n > 0)
			continue;
		if (r->vlan_n && (r->vlan_n != vlan_n || memcmp(r->vlan, vlan, 2 * vlan_n) != 0))
			continue;
		if (r->prefix_n == 0)
			return true;
		for (unsigned j = 0; j < r->prefix_n; j++)
			if (tt_prefix_contains(&r->prefixes[j], dst))
				return true;
	}
	return false;
}
