/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "tt_region.h"

struct order {
	enum tt_by by;
	enum tt_rank rank;
};

static int cmp_u(uint64_t a, uint64_t b) {
	return (a > b) - (a < b);
}

// Protocols are ordered as they are written, so that whoever reads the JSON can check the order.
static int cmp_port(const struct tt_row_key *a, const struct tt_row_key *b) {
	char x[8], y[8];
	if (a->mixed != b->mixed)
		return a->mixed - b->mixed;
	int c = strcmp(tt_proto_format(a->proto, x), tt_proto_format(b->proto, y));
	return c ? c : cmp_u(a->port, b->port);
}

int rank_key_cmp(const struct tt_row_key *a, const struct tt_row_key *b, enum tt_by by) {
	switch (by) {
	case TT_BY_PORT:
	case TT_BY_DPORT:
		return cmp_port(a, b);
	case TT_BY_REGION:
		return strcmp(a->region, b->region);
	case TT_BY_SENSOR:
		return strcmp(a->sensor, b->sensor);
	case TT_BY_SOURCE:
		return tt_addr_cmp(&a->source, &b->source);
	case TT_BY_ASN:
		return cmp_u(a->asn, b->asn);
	case TT_BY_CLASS:
		return strcmp(tt_class_name(a->class), tt_class_name(b->class));
	case TT_BY_TOOL:
		return strcmp(tt_tool_name(a->tool), tt_tool_name(b->tool));
	case TT_BY_MALWARE:
		return strcmp(a->set->name, b->set->name);
	case TT_BY_NONE:
		break;
	}
	return 0;
}

// Whoever sends from such an address has forged it: it says nothing of who sent most.
static bool is_bogon(const struct tt_row *r, enum tt_by by) {
	const struct tt_addr *a = &r->key.source;
	return by == TT_BY_SOURCE && a->family && tt_region_special(a->family, a->b);
}

// Rows that stand for "not known" or for a rest, and bogons, are listed but take no rank.
static bool can_rank(const struct tt_row *r, enum tt_by by, enum tt_rank rank) {
	if (r->key.mixed || (by == TT_BY_REGION && !strcmp(r->key.region, "--")) ||
		(by == TT_BY_ASN && !r->key.asn) || (by == TT_BY_SOURCE && !r->key.source.family) ||
		is_bogon(r, by))
		return false;
	return rank == TT_RANK_PACKETS || (rank == TT_RANK_RATE ? r->has_rate : r->has_sources);
}

static int cmp_value(const struct tt_row *a, const struct tt_row *b, enum tt_rank rank) {
	switch (rank) {
	case TT_RANK_RATE:
		return (a->rate > b->rate) - (a->rate < b->rate);
	case TT_RANK_SOURCES:
		return cmp_u(a->sources, b->sources);
	case TT_RANK_PACKETS:
		break;
	}
	return cmp_u(a->packets, b->packets);
}

static int cmp_ranked(const void *x, const void *y, void *arg) {
	const struct ranked *a = x, *b = y;
	const struct order *o = arg;
	if (a->rank != b->rank) // here still 1: takes a rank, 0: does not
		return a->rank ? -1 : 1;
	int c = cmp_value(b->row, a->row, o->rank);
	return c ? c : rank_key_cmp(&a->row->key, &b->row->key, o->by);
}

int rank_rows(const struct tt_row *rows, unsigned n, enum tt_by by, enum tt_rank rank,
	struct ranking *out) {
	memset(out, 0, sizeof(*out));
	out->rows = calloc(n ? n : 1, sizeof(*out->rows));
	if (!out->rows)
		return -ENOMEM;
	out->n = n;
	for (unsigned i = 0; i < n; i++) {
		out->rows[i].row = &rows[i];
		out->rows[i].rank = can_rank(&rows[i], by, rank);
		out->ranked_n += out->rows[i].rank;
	}
	struct order o = {by, rank};
	qsort_r(out->rows, n, sizeof(*out->rows), cmp_ranked, &o);
	for (unsigned i = 0; i < out->ranked_n; i++) {
		struct ranked *r = &out->rows[i];
		bool equal = i && !cmp_value(r[-1].row, r->row, rank);
		r->rank = equal ? r[-1].rank : i + 1;
	}
	return 0;
}

static int cmp_keys(const void *x, const void *y, void *arg) {
	const struct ranked *const *a = x, *const *b = y;
	return rank_key_cmp(&(*a)->row->key, &(*b)->row->key, *(enum tt_by *)arg);
}

static const struct ranked *find(const struct ranked *const *sorted, unsigned n,
	const struct tt_row_key *key, enum tt_by by) {
	unsigned lo = 0, hi = n;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		int c = rank_key_cmp(&sorted[mid]->row->key, key, by);
		if (!c)
			return sorted[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

int rank_compare(
	struct ranking *r, const struct ranking *other, bool other_has_data, enum tt_by by) {
	const struct ranked **sorted = calloc(other->n ? other->n : 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (unsigned i = 0; i < other->n; i++)
		sorted[i] = &other->rows[i];
	qsort_r(sorted, other->n, sizeof(*sorted), cmp_keys, &by);
	for (unsigned i = 0; i < r->ranked_n; i++) {
		struct ranked *x = &r->rows[i];
		if (!other_has_data) {
			x->previous = PREVIOUS_UNKNOWN;
			continue;
		}
		const struct ranked *o = find(sorted, other->n, &x->row->key, by);
		bool inside = o && o->rank && o->rank <= TOP_OUTSIDE;
		x->previous = inside ? PREVIOUS_RANK : PREVIOUS_OUTSIDE;
		x->previous_rank = inside ? o->rank : 0;
	}
	free(sorted);
	return 0;
}

void rank_cut(struct ranking *r, unsigned n) {
	if (!n)
		return;
	unsigned ranked = r->ranked_n < n ? r->ranked_n : n, rest = r->n - r->ranked_n;
	if (rest > n) // bogons may be as many as there are addresses of them
		rest = n;
	memmove(&r->rows[ranked], &r->rows[r->ranked_n], rest * sizeof(*r->rows));
	r->ranked_n = ranked;
	r->n = ranked + rest;
}

void rank_free(struct ranking *r) {
	free(r->rows);
	memset(r, 0, sizeof(*r));
}
