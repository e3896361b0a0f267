/* SPDX-License-Identifier: BSD-3-Clause */
// Few services or regions of a long span: looked up by the tables' keys instead of reading all.
#include <errno.h>

#include "query.h"

#define SEEKS_MAX 2000000 // beyond that reading the span is no slower
#define ANY_B	  0x10000u

struct wanted { // the last columns of a table's key
	unsigned a, b;
};
struct seeker {
	struct query *r;
	struct wanted *w;
	size_t n, cap;
};

static int want(struct seeker *k, unsigned a, unsigned b) {
	for (size_t i = 0; i < k->n; i++)
		if (k->w[i].a == a && k->w[i].b == b)
			return 0;
	if (big_grow((void **)&k->w, &k->cap, k->n + 1, sizeof(*k->w)) < 0)
		return tt_err_set(k->r->err, -ENOMEM, "%s: no memory", k->r->s->path);
	k->w[k->n++] = (struct wanted){a, b};
	return 0;
}

static int want_set(struct seeker *k, const struct tt_service_set *set) {
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < set->service_n; i++)
		rc = want(k, set->services[i].proto, set->services[i].port);
	return rc;
}

// 1: what is asked for is in the list; 0: anything is.
static int want_ports(struct seeker *k) {
	const struct tt_query *q = k->r->q;
	bool by = q->by == TT_BY_PORT || q->by == TT_BY_DPORT;
	int rc;

	if (!q->has_port && q->set == NULL && q->by != TT_BY_MALWARE && (!by || q->key_n == 0))
		return 0;
	// what was not told apart may be any of them
	if ((rc = want(k, 0, PORT_CLASS_TOTAL)) < 0 || (rc = want(k, 0, PORT_REST)) < 0)
		return rc;
	if (q->has_port)
		return (rc = want(k, q->proto, q->port)) < 0 ? rc : 1;
	if (q->set != NULL)
		return (rc = want_set(k, q->set)) < 0 ? rc : 1;
	if (q->by == TT_BY_MALWARE) {
		for (unsigned i = 0; rc == 0 && i < q->set_n; i++)
			rc = want_set(k, &q->sets[i]);
		return rc < 0 ? rc : 1;
	}
	for (unsigned i = 0; rc == 0 && i < q->key_n; i++) {
		const struct tt_row_key *key = &q->keys[i];
		bool all = q->icmp_one && tt_proto_is_icmp(key->proto);

		if (!key->mixed)
			rc = want(k, key->proto, all ? ANY_B : key->port);
	}
	return rc < 0 ? rc : 1;
}

static int want_regions(struct seeker *k) {
	const struct tt_query *q = k->r->q;
	int rc = 0;

	if ((k->r->region_filter || q->key_n > 0) && (rc = want(k, 0, REGION_NONE)) < 0)
		return rc; // where what has no source is
	for (unsigned i = 0; rc == 0 && k->r->region_filter && i < 65536; i++)
		if (k->r->regions[i / 64] >> (i % 64) & 1)
			rc = want(k, 0, i);
	if (k->r->region_filter)
		return rc < 0 ? rc : 1;
	if (q->by != TT_BY_REGION || q->key_n == 0)
		return 0;
	for (unsigned i = 0; rc == 0 && i < q->key_n; i++)
		rc = want(k, 0,
			(uint8_t)q->keys[i].region[0] | (unsigned)(uint8_t)q->keys[i].region[1]
								<< 8);
	return rc < 0 ? rc : 1;
}

static uint64_t seeks(const struct query *r, unsigned level, size_t n) {
	uint64_t steps = 0, sensors = 0, classes = 0;

	for (int64_t t = local_start(r->s->tz, level_steps[level], r->from); t < r->to;
		t = local_next(r->s->tz, level_steps[level], t))
		steps++;
	for (uint32_t i = 1; i <= r->sensor_n; i++)
		sensors += r->match[i];
	for (unsigned c = 0; c < TT_OBSERVED_CLASS_N; c++)
		classes += r->q->classes >> c & 1;
	return steps * sensors * classes * n;
}

static sqlite3_stmt *prepare(struct query *r, unsigned kind, unsigned level, bool any) {
	char sql[320];
	const struct rollup *k = &rollups[kind];

	snprintf(sql, sizeof(sql),
		"SELECT start, surveyor, packets, bytes, spilled, %s, %s FROM %s_%s WHERE start = "
		"?1 AND sensor = ?2 AND class = ?3 AND %s",
		r->q->light ? "NULL, NULL" : "sources, heaviest", k->columns, k->name,
		level_names[level],
		kind == KIND_REGION ? "region = ?4"
		: any		    ? "proto = ?4"
				    : "proto = ?4 AND port = ?5");
	return db_prepare(r->s, r->err, sql);
}

static int seek_one(struct query *r, sqlite3_stmt *st, unsigned kind, const struct wanted *w) {
	char region[2] = {(char)(w->b & 0xff), (char)(w->b >> 8)};
	int rc;

	if (kind == KIND_REGION) {
		sqlite3_bind_text(st, 4, region, 2, SQLITE_STATIC);
	} else {
		sqlite3_bind_int(st, 4, (int)w->a);
		if (w->b != ANY_B)
			sqlite3_bind_int(st, 5, (int)w->b);
	}
	rc = rollup_take(r, st, kind);
	sqlite3_reset(st);
	return rc;
}

static int seek_sensor(struct seeker *k, sqlite3_stmt *const st[2], unsigned kind, int64_t start,
	uint32_t sensor) {
	int rc = 0;

	for (unsigned c = 0; rc == 0 && c < TT_OBSERVED_CLASS_N; c++) {
		if (!(k->r->q->classes >> c & 1))
			continue;
		for (unsigned i = 0; i < 2; i++) {
			sqlite3_bind_int64(st[i], 1, start);
			sqlite3_bind_int64(st[i], 2, sensor);
			sqlite3_bind_int(st[i], 3, (int)c);
		}
		for (size_t i = 0; rc == 0 && i < k->n; i++)
			rc = seek_one(k->r, st[k->w[i].b == ANY_B], kind, &k->w[i]);
	}
	return rc;
}

static int seek_all(struct seeker *k, unsigned kind, unsigned level) {
	struct query *r = k->r;
	sqlite3_stmt *st[2] = {prepare(r, kind, level, false), prepare(r, kind, level, true)};
	int rc = st[0] == NULL || st[1] == NULL ? r->s->rc : 0;

	for (int64_t t = local_start(r->s->tz, level_steps[level], r->from); rc == 0 && t < r->to;
		t = local_next(r->s->tz, level_steps[level], t))
		for (uint32_t i = 1; rc == 0 && i <= r->sensor_n; i++)
			if (r->match[i])
				rc = seek_sensor(k, st, kind, t, i);
	sqlite3_finalize(st[0]);
	sqlite3_finalize(st[1]);
	return rc < 0 ? rc : 1;
}

int rollup_seek(struct query *r, unsigned kind, unsigned level) {
	struct seeker k = {.r = r};
	int rc = kind == KIND_PORT ? want_ports(&k) : kind == KIND_REGION ? want_regions(&k) : 0;

	if (rc > 0)
		rc = seeks(r, level, k.n) <= SEEKS_MAX ? seek_all(&k, kind, level) : 0;
	big_free(k.w, k.cap * sizeof(*k.w));
	return rc;
}
