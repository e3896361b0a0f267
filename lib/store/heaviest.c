/* SPDX-License-Identifier: BSD-3-Clause */
// What is heaviest in the packets that a question is about, from rollups and what they do not hold
// yet.
#include <errno.h>
#include <stdlib.h>

#include "query.h"

static void fill_key(const struct query *r, enum tt_by by, uint64_t key, struct tt_row_key *out) {
	switch (by) {
	case TT_BY_ASN:
		out->asn = (uint32_t)key;
		break;
	case TT_BY_REGION:
		out->region[0] = (char)(key >> 8);
		out->region[1] = (char)(key & 0xff);
		break;
	default:
		key = port_group(r->q, (uint8_t)(key >> 16), (uint16_t)key);
		out->all_types = key >= GROUP_TYPES;
		out->proto = (uint8_t)(key >> 16);
		out->port = (uint16_t)key;
		break;
	}
}

static uint64_t key_of(const struct query *r, enum tt_by by, uint64_t key) {
	return by == TT_BY_PORT ? port_group(r->q, (uint8_t)(key >> 16), (uint16_t)key) : key;
}

// Types of ICMP become one row where that is asked.
static int join(const struct query *r, enum tt_by by, const struct map *from, struct map *to) {
	for (uint64_t i = 0; i < from->size; i++) {
		uint64_t *v;

		if (from->slots[i].key1 == 0)
			continue;
		v = map_at(to, key_of(r, by, from->slots[i].key1 - 1));
		if (v == NULL)
			return -ENOMEM;
		*v += from->slots[i].val;
	}
	return 0;
}

static int build(struct query *r, enum tt_by by, struct tt_heaviest *out) {
	struct map joined = {0};
	int rc = join(r, by, &r->heaviest->counts, &joined);

	out->rows = calloc(joined.n + 1, sizeof(*out->rows));
	if (rc == 0 && out->rows == NULL)
		rc = -ENOMEM;
	for (uint64_t i = 0; rc == 0 && i < joined.size; i++) {
		const struct map_slot *m = &joined.slots[i];

		if (m->key1 == 0)
			continue;
		fill_key(r, by, m->key1 - 1, &out->rows[out->row_n].key);
		out->rows[out->row_n++].packets = m->val;
	}
	out->packets = r->heaviest->packets;
	out->slack = r->heaviest->slack;
	map_free(&joined);
	return rc < 0 ? tt_err_set(r->err, rc, "%s: no memory", r->s->path) : 0;
}

static int read_all(struct query *r, enum tt_by by) {
	struct tt_store_info info;
	unsigned kind, level;
	int rc = query_prepare(r, &info);

	if (rc < 0 || r->from >= r->to)
		return rc;
	// the other thing of rows by service is the region, and of rows by region the service
	if (!rollup_covers(r, &kind) || !rollup_aligned(r, &level) ||
		(by == TT_BY_REGION && kind != KIND_PORT) ||
		(by == TT_BY_PORT && kind != KIND_REGION))
		return tt_err_set(r->err, -ENODATA,
			"%s: rollups do not tell that, expected a span of whole hours and filters "
			"that they know",
			r->s->path);
	return query_rollups(r, kind, level);
}

int tt_store_heaviest(struct tt_store *s, const struct tt_query *q, enum tt_by by,
	struct tt_heaviest *out, struct tt_err *err) {
	struct heaviest heaviest = {.dim = by == TT_BY_ASN ? HEAVY_ASN : HEAVY_OTHER};
	struct query *r = calloc(1, sizeof(*r));
	struct tt_query whole = *q;
	bool tx = sqlite3_get_autocommit(s->db);
	int rc;

	*out = (struct tt_heaviest){0};
	if (r == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	whole.by = TT_BY_NONE;
	whole.step = TT_STEP_NONE;
	whole.key_n = 0;
	whole.light = false;
	*r = (struct query){.s = s, .q = &whole, .err = err, .heaviest = &heaviest};
	rc = tx ? db_tx(s, ST_BEGIN_READ, err) : 0;
	if (rc == 0 && (rc = read_all(r, by)) == 0)
		rc = build(r, by, out);
	if (tx && !sqlite3_get_autocommit(s->db))
		db_tx(s, ST_COMMIT, NULL);
	map_free(&heaviest.counts);
	query_release(r);
	return rc;
}

void tt_heaviest_free(struct tt_heaviest *h) {
	free(h->rows);
	*h = (struct tt_heaviest){0};
}
