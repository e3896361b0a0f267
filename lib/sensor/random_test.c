/* SPDX-License-Identifier: BSD-3-Clause */
// Random rules and packets against the plainest reading of what rules mean: every rule is tried on
// every packet.
#include "tt_hash.h"
#include "world.h"

static uint64_t seed;

static uint32_t any(uint32_t n) {
	seed = tt_mix64(seed + 0x9e3779b97f4a7c15ull);
	return (uint32_t)(seed >> 33) % n;
}

// Few values each, so that rules overlap and packets meet them.
struct packet {
	char dst[20], outer_src[20], outer_dst[20];
	int vlan; // -1: none
	unsigned uplink;
	bool feed, keyed;
	uint32_t key;
};

static void random_prefix(char *out, size_t size, uint32_t net) {
	unsigned len = 24 + any(9);
	uint32_t host = any(256) & (0xff00u >> (len - 24) & 0xff);
	snprintf(
		out, size, "%u.%u.%u.%u/%u", net >> 16 & 255, net >> 8 & 255, net & 255, host, len);
}

static void random_rules(struct tt_buf *out, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		char p[24];
		tt_buf_printf(out, "%s{\"id\":\"s%u\",\"match\":{", i ? "," : "", i);
		const char *comma = "";
		if (any(3) == 0) {
			tt_buf_printf(out, "\"uplink\":\"%s\"", uplinks[any(2)]);
			comma = ",";
		}
		if (any(3) == 0) {
			tt_buf_printf(out, "%s\"vlan\":[%u]", comma, 5 + any(2));
			comma = ",";
		}
		if (any(2) == 0) {
			tt_buf_printf(out, "%s\"tunnel\":{\"type\":\"gre\"", comma);
			if (any(2) == 0)
				tt_buf_printf(out, ",\"key\":%u", any(2));
			for (unsigned side = 0; side < 2; side++) {
				if (any(2))
					continue;
				tt_buf_printf(
					out, ",\"outer_%s\":[", side ? "destinations" : "sources");
				for (unsigned k = 0, m = 1 + any(3); k < m; k++) {
					random_prefix(p, sizeof(p), side ? 0xac1002 : 0xac1001);
					tt_buf_printf(out, "%s\"%s\"", k ? "," : "", p);
				}
				tt_buf_printf(out, "]");
			}
			tt_buf_printf(out, "}");
			comma = ",";
		}
		if (any(6)) {
			random_prefix(p, sizeof(p), 0x0a0000);
			tt_buf_printf(out, "%s\"prefixes\":[\"%s\"]", comma, p);
		}
		tt_buf_printf(out, "}}");
	}
}

static bool within(const struct tt_prefix *list, unsigned n, const char *address) {
	struct tt_addr a;
	tt_addr_parse(address, &a);
	for (unsigned i = 0; i < n; i++) {
		if (tt_prefix_contains(&list[i], &a))
			return true;
	}
	return n == 0;
}

static bool feed_holds(const struct tt_rule *r, const struct packet *p) {
	const struct tt_tunnel_rule *t = &r->tunnel[0];
	return r->tunnel_n == 1 && (!t->has_key || (p->keyed && p->key == t->key)) &&
	       within(t->outer_sources, t->outer_source_n, p->outer_src) &&
	       within(t->outer_destinations, t->outer_destination_n, p->outer_dst);
}

// The index of the sensor or -1; whether the packet comes out of a feed.
static int expected(const struct packet *p, bool *opened) {
	int best = -1;
	unsigned best_rank = 0;
	*opened = false;
	for (int inside = 1; inside >= 0 && !*opened; inside--) {
		for (unsigned i = 0; i < catalog->sensor_n; i++) {
			const struct tt_rule *r = &catalog->sensors[i].rule;
			if ((*r->uplink && strcmp(r->uplink, uplinks[p->uplink]) != 0) ||
				(r->vlan_n && r->vlan[0] != p->vlan))
				continue;
			if (inside ? !p->feed || !feed_holds(r, p) : r->tunnel_n > 0)
				continue;
			*opened |= inside;
			if (!within(r->prefixes, r->prefix_n,
				    inside || !p->feed ? p->dst : p->outer_dst))
				continue;
			unsigned len = r->prefix_n ? r->prefixes[0].len : 0;
			unsigned rank =
				1 + (len << 3 | (r->vlan_n ? 4u : 0) | (*r->uplink ? 2u : 0) |
					    (r->tunnel_n && r->tunnel[0].has_key));
			if (rank > best_rank) {
				best_rank = rank;
				best = (int)i;
			}
		}
	}
	return best;
}

static void send_one(void) {
	struct packet p = {.vlan = any(2) ? -1 : 5 + (int)any(2),
		.uplink = any(2),
		.feed = any(3) != 0,
		.keyed = any(2),
		.key = any(3)};
	snprintf(p.dst, sizeof(p.dst), "10.0.0.%u", any(256));
	snprintf(p.outer_src, sizeof(p.outer_src), "172.16.1.%u", any(256));
	snprintf(p.outer_dst, sizeof(p.outer_dst), any(4) ? "172.16.2.%u" : "10.0.0.%u", any(256));
	struct frame f;
	start(&f);
	tcp_syn(&f);
	ip4(&f, 6, "198.51.100.77", p.dst);
	if (p.feed) {
		if (p.keyed)
			gre_key(&f, 0x0800, p.key);
		else
			gre(&f, 0x0800);
		ip4(&f, 47, p.outer_src, p.outer_dst);
	}
	if (p.vlan >= 0)
		tag(&f, (uint16_t)p.vlan, 0x0800);
	eth(&f, p.vlan >= 0 ? 0x8100 : 0x0800);
	struct tt_pkt k = resolve_on(&f, p.uplink);
	bool opened;
	int sensor = expected(&p, &opened);
	assert_int_equal(k.depth, opened);
	assert_string_equal(sensor_of(&k), sensor < 0 ? "none" : catalog->sensors[sensor].id);
}

static void random_rules_mean_what_they_say(void **state) {
	unsigned worlds = 0;
	for (seed = 1; worlds < 300; seed++) {
		struct tt_buf list = TT_BUF_INIT(1 << 20), text = TT_BUF_INIT(1 << 20);
		random_rules(&list, 1 + any(40));
		tt_buf_printf(&text, "{\"kind\":\"sensors\",\"v\":1,\"sensors\":[%s]}",
			(const char *)list.data);
		// equal rules are refused: then another list
		struct tt_catalog *c =
			tt_catalog_loads((const char *)text.data, text.len, "x", NULL);
		if (c) {
			open_world((const char *)list.data, false);
			for (int i = 0; i < 300; i++)
				send_one();
			worlds++;
		}
		tt_catalog_destroy(&c);
		tt_buf_free(&list);
		tt_buf_free(&text);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_mean_what_they_say),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
