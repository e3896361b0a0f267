/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

#define NO_INDEX UINT32_MAX

int sources_init(struct sources *s) {
	*s = (struct sources){.index_mask = 1023};
	s->index = malloc((s->index_mask + 1) * sizeof(*s->index));
	if (!s->index)
		return -ENOMEM;
	memset(s->index, 0xff, (s->index_mask + 1) * sizeof(*s->index));
	return 0;
}

void sources_free(struct sources *s) {
	for (unsigned i = 0; i < s->pool_n * REGION_MAX * 2; i++)
		alias_free(&s->groups[i].zipf);
	free(s->groups);
	free(s->s);
	free(s->index);
	*s = (struct sources){0};
}

static uint64_t hash_addr(const struct tt_addr *a) {
	uint64_t w[2];
	memcpy(w, a->b, 16);
	return tt_mix64(w[0] + 0x9e3779b97f4a7c15ull * a->family) ^ tt_mix64(w[1]);
}

// Place of an address in the index: holds its number, or NO_INDEX.
static uint32_t *slot_of(const struct sources *s, const struct tt_addr *a) {
	uint32_t i = (uint32_t)tt_mix64(hash_addr(a)) & s->index_mask;
	while (s->index[i] != NO_INDEX && tt_addr_cmp(&s->s[s->index[i]].addr, a) != 0)
		i = (i + 1) & s->index_mask;
	return &s->index[i];
}

static int grow(struct sources *s) {
	if (s->n < s->cap)
		return 0;
	uint32_t cap = s->cap ? s->cap * 2 : 512;
	struct source *more = realloc(s->s, cap * sizeof(*more));
	uint32_t *index = malloc(cap * 4 * sizeof(*index));
	if (more)
		s->s = more;
	if (!more || !index) {
		free(index);
		return -ENOMEM;
	}
	free(s->index);
	s->index = index;
	s->index_mask = cap * 4 - 1;
	s->cap = cap;
	memset(index, 0xff, cap * 4 * sizeof(*index));
	for (uint32_t i = 0; i < s->n; i++)
		*slot_of(s, &s->s[i].addr) = i;
	return 0;
}

uint32_t sources_intern(struct sources *s, const struct tt_addr *a, unsigned region) {
	uint32_t *slot = slot_of(s, a);
	if (*slot != NO_INDEX)
		return *slot;
	if (grow(s) < 0)
		return NO_INDEX;
	s->s[s->n] = (struct source){.addr = *a, .region = (uint8_t)region};
	*slot_of(s, a) = s->n;
	return s->n++;
}

static bool random_address(
	const struct region *r, int family, struct rng *rng, struct tt_addr *out) {
	unsigned which[8], n = 0;
	for (unsigned i = 0; i < r->range_n; i++)
		if (r->ranges[i].first.family == family)
			which[n++] = i;
	if (n == 0)
		return false;
	const struct range *g = &r->ranges[which[rng_below(rng, n)]];
	*out = g->first;
	if (family == 4) {
		uint32_t v = tt_addr_v4(&g->first) + (uint32_t)rng_below(rng, g->count);
		for (int i = 0; i < 4; i++)
			out->b[i] = (uint8_t)(v >> (24 - 8 * i));
		return true;
	}
	struct tt_prefix p = {.addr = g->first, .len = g->len};
	return prefix_random(&p, rng, out);
}

static uint8_t pick_persona(const struct tool_shares *t, int family, struct rng *r) {
	double u = rng_unit(r);
	if (family != 4) // the relations are of IPv4 headers
		return PLAIN;
	if (u < t->zmap)
		return ZMAP;
	if (u < t->zmap + t->masscan)
		return MASSCAN;
	return u < t->zmap + t->masscan + t->mirai ? MIRAI : PLAIN;
}

static int fill_group(struct sources *s, struct group *g, const struct region *region,
	unsigned region_index, int family, uint32_t n, double zipf, const struct tool_shares *tools,
	struct rng *rng) {
	static const uint8_t ttls[] = {41, 47, 49, 52, 55, 107, 113, 118, 236, 243};
	g->first = s->n;
	for (uint32_t tries = 0; g->n < n && tries < n * 20; tries++) {
		struct tt_addr a;
		if (!random_address(region, family, rng, &a))
			break;
		uint32_t before = s->n, i = sources_intern(s, &a, region_index);
		if (i == NO_INDEX)
			return -ENOMEM;
		if (s->n == before)
			continue; // taken
		s->s[i].persona = pick_persona(tools, family, rng);
		s->s[i].ttl = ttls[rng_below(rng, sizeof(ttls))];
		s->s[i].style = (uint8_t)rng_below(rng, 16);
		g->n++;
	}
	if (g->n == 0)
		return 0;
	double *w = malloc(g->n * sizeof(*w));
	if (!w)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n; i++)
		w[i] = pow(i + 1, -zipf);
	int rc = alias_build(&g->zipf, w, g->n);
	free(w);
	return rc;
}

int sources_add_pool(struct sources *s, const struct regions *r, const double *weights, uint32_t n,
	double six, double zipf, const struct tool_shares *tools, struct rng *rng) {
	struct group *more = realloc(s->groups, (s->pool_n + 1) * REGION_MAX * 2 * sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->groups = more;
	memset(more + s->pool_n * REGION_MAX * 2, 0, REGION_MAX * 2 * sizeof(*more));
	unsigned pool = s->pool_n++;
	double total = 0;
	for (unsigned i = 0; i < r->n; i++)
		total += weights[i];
	for (unsigned i = 0; i < r->n; i++) {
		if (weights[i] <= 0)
			continue;
		for (int family = 4; family <= 6; family += 2) {
			double share = weights[i] / total * (family == 4 ? 1 - six : six) * n;
			if (share <= 0)
				continue;
			uint32_t want = share < 1 ? 1 : (uint32_t)(share + 0.5);
			int rc = fill_group(s, sources_group(s, pool, i, family), &r->r[i], i,
				family, want, zipf, tools, rng);
			if (rc < 0)
				return rc;
		}
	}
	return (int)pool;
}

struct group *sources_group(const struct sources *s, unsigned pool, unsigned region, int family) {
	return &s->groups[(pool * REGION_MAX + region) * 2 + (family == 6)];
}
