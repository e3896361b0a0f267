/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

// One outer source prefix of one feed, under one key.
struct source {
	struct key key;
	struct tt_prefix prefix;
	uint32_t feed;
};

static int by_key_prefix(const struct source *x, const struct source *y) {
	int c = memcmp(&x->key, &y->key, sizeof(x->key));
	if (c == 0)
		c = tt_addr_cmp(&x->prefix.addr, &y->prefix.addr);
	return c ? c : (int)x->prefix.len - (int)y->prefix.len;
}

static int by_key(const void *a, const void *b) {
	const struct source *x = a, *y = b;
	int c = by_key_prefix(x, y);
	return c ? c : x->feed < y->feed ? -1 : x->feed > y->feed;
}

static const struct tt_prefix everything[] = {{.addr.family = 4}, {.addr.family = 6}};

static struct key key_for(const struct feed *f, enum key_kind kind) {
	struct key k = f->key;
	k.kind = (uint8_t)kind;
	k.tunnel = tunnel_for(kind, k.tunnel);
	if (kind != KEY_KEYED)
		k.key = 0;
	return k;
}

// Every feed is found in three ways: by its key, by a header that does not parse, by a fragment.
static struct source *list_sources(const struct matcher *m, size_t *count) {
	size_t n = 0;
	for (uint32_t i = 0; i < m->feed_n; i++)
		n += 3 * (m->feeds[i].rule->outer_source_n ? m->feeds[i].rule->outer_source_n : 2);
	struct source *list = calloc(n, sizeof(*list));
	*count = list ? n : 0;
	for (uint32_t i = 0, at = 0; list && i < m->feed_n; i++) {
		const struct tt_tunnel_rule *r = m->feeds[i].rule;
		const struct tt_prefix *p = r->outer_source_n ? r->outer_sources : everything;
		for (unsigned s = 0; s < (r->outer_source_n ? r->outer_source_n : 2); s++) {
			enum key_kind kinds[] = {m->feeds[i].key.kind, KEY_BAD, KEY_FRAGMENT};
			for (unsigned k = 0; k < 3; k++)
				list[at++] =
					(struct source){key_for(&m->feeds[i], kinds[k]), p[s], i};
		}
	}
	if (list)
		qsort(list, n, sizeof(*list), by_key);
	return list;
}

// The sources of one key: nested prefixes become nodes that know the next shorter one. Sorted by
// address and length, what holds a prefix comes before it.
static struct tt_ranges *build_bucket(
	struct matcher *m, const struct source *list, size_t n, uint32_t *node, uint32_t *ref) {
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	struct tt_ranges *r = NULL;
	if (!b)
		return NULL;
	struct {
		uint32_t node;
		struct tt_prefix prefix;
	} stack[130]; // no deeper than a prefix is long
	unsigned depth = 0;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || by_key_prefix(&list[i - 1], &list[i]) != 0) {
			const struct tt_prefix *p = &list[i].prefix;
			while (depth > 0 && !tt_prefix_contains(&stack[depth - 1].prefix, &p->addr))
				depth--;
			m->nodes[*node] =
				(struct node){.parent = depth > 0 ? stack[depth - 1].node : NO_NODE,
					.first = *ref};
			struct tt_addr first, last;
			tt_prefix_range(p, &first, &last);
			if (tt_ranges_add(b, &first, &last, *node, p->len) != 0)
				goto done;
			stack[depth].node = (*node)++;
			stack[depth++].prefix = *p;
		}
		m->nodes[*node - 1].n++;
		m->refs[(*ref)++] = list[i].feed;
	}
	r = tt_ranges_build(b);
done:
	tt_ranges_builder_destroy(&b);
	return r;
}

static int build_buckets(struct matcher *m, const struct source *list, size_t n, size_t keys) {
	uint32_t node = 0, ref = 0;
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1;
			end < n && memcmp(&list[i].key, &list[end].key, sizeof(list[i].key)) == 0;)
			end++;
		struct tt_ranges *r = build_bucket(m, list + i, end - i, &node, &ref);
		if (!r)
			return -ENOMEM;
		key_map_add(&m->buckets, &list[i].key, m->source_n);
		m->sources[m->source_n++] = r;
		m->combinations |= (uint8_t)(1u << given_of(&list[i].key));
	}
	return m->source_n == keys ? 0 : -EINVAL;
}

int matcher_build(struct matcher *m, struct feed *feeds, uint32_t n) {
	m->feeds = feeds;
	m->feed_n = n;
	size_t count, keys = 0;
	struct source *list = list_sources(m, &count);
	for (size_t i = 0; i < count; i++)
		keys += i == 0 || memcmp(&list[i - 1].key, &list[i].key, sizeof(list->key)) != 0;
	m->sources = calloc(keys + 1, sizeof(struct tt_ranges *));
	m->nodes = calloc(count + 1, sizeof(*m->nodes));
	m->refs = calloc(count + 1, sizeof(*m->refs));
	int rc = list && m->sources && m->nodes && m->refs ? key_map_init(&m->buckets, keys)
							   : -ENOMEM;
	if (rc == 0)
		rc = build_buckets(m, list, count, keys);
	free(list);
	return rc;
}

void matcher_destroy(struct matcher **m) {
	if (!m || !*m)
		return;
	for (uint32_t i = 0; i < (*m)->source_n; i++)
		tt_ranges_destroy(&(*m)->sources[i]);
	for (uint32_t i = 0; i < (*m)->feed_n; i++) {
		free((*m)->feeds[i].outer_dst);
		tt_ranges_destroy(&(*m)->feeds[i].dst);
		matcher_destroy(&(*m)->feeds[i].inner);
	}
	key_map_free(&(*m)->buckets);
	free((*m)->sources);
	free((*m)->nodes);
	free((*m)->refs);
	free((*m)->feeds);
	free(*m);
	*m = NULL;
}

static bool destination_holds(const struct feed *f, const struct tt_addr *dst) {
	for (unsigned i = 0; i < f->outer_dst_n; i++) {
		if (tt_prefix_contains(&f->outer_dst[i], dst))
			return true;
	}
	return f->outer_dst_n == 0;
}

static bool visit_node(const struct matcher *m, const struct node *node, enum key_kind kind,
	const struct outer *o, feed_fn *fn, void *arg) {
	for (uint32_t r = node->first; r < node->first + node->n; r++) {
		const struct feed *f = &m->feeds[m->refs[r]];
		if (!destination_holds(f, &o->dst))
			continue;
		if (fn(f, arg))
			return true;
		if (kind != KEY_FEED)
			break;
	}
	return false;
}

bool matcher_visit(const struct matcher *m, enum key_kind kind, const struct outer *o, feed_fn *fn,
	void *arg) {
	for (unsigned given = 0; given < 8; given++) {
		if (!(m->combinations >> given & 1) || (given & GIVEN_VLAN && !o->vlan) ||
			(given & GIVEN_KEY && (kind != KEY_FEED || !o->has_key)))
			continue;
		struct key k = {.vlan = given & GIVEN_VLAN ? o->vlan : 0,
			.key = given & GIVEN_KEY ? o->key : 0,
			.uplink = given & GIVEN_UPLINK ? o->uplink : ANY_UPLINK,
			.kind = given & GIVEN_KEY ? KEY_KEYED : (uint8_t)kind,
			.tunnel = tunnel_for(kind, o->tunnel)};
		uint32_t bucket = key_map_get(&m->buckets, &k);
		if (bucket == TT_RANGES_NONE)
			continue;
		uint32_t i = tt_ranges_get(m->sources[bucket], &o->src);
		for (; i != TT_RANGES_NONE; i = m->nodes[i].parent) {
			if (visit_node(m, &m->nodes[i], kind, o, fn, arg))
				return true;
		}
	}
	return false;
}
