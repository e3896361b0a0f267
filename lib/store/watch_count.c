/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

int64_t watch_day(struct watch_count *c, struct tt_tz *tz, int64_t t) {
	uint64_t *v;

	if (t >= c->day_from && t < c->day_to)
		return c->day_slot;
	c->day_from = local_start(tz, TT_STEP_DAY, t);
	c->day_to = local_next(tz, TT_STEP_DAY, c->day_from);
	if ((v = map_at(&c->day_of, (uint64_t)c->day_from)) == NULL)
		return -ENOMEM;
	if (*v == 0) {
		if (c->day_n == WATCH_DAYS)
			return -ENOSPC;
		if (big_grow((void **)&c->days, &c->day_cap, c->day_n + 1, sizeof(*c->days)) < 0)
			return -ENOMEM;
		c->days[c->day_n] = c->day_from;
		*v = ++c->day_n;
	}
	return c->day_slot = (int64_t)*v - 1;
}

struct watch_row *watch_row(struct watch_count *c, uint64_t key) {
	uint64_t *v = map_at(&c->at, key);

	if (v == NULL)
		return NULL;
	if (*v == 0) {
		if (big_grow((void **)&c->rows, &c->cap, c->n + 1, sizeof(*c->rows)) < 0)
			return NULL;
		c->rows[c->n].key = key;
		*v = ++c->n;
	}
	return &c->rows[*v - 1];
}

static int need_sketch(struct watch_row *r) {
	if (r->sketch != NULL)
		return 0;
	if ((r->sketch = tt_sketch_create()) == NULL)
		return -ENOMEM;
	return r->hash != 0 ? tt_sketch_add(r->sketch, r->hash) : 0;
}

int watch_row_source(struct watch_count *c, struct watch_row *r, uint64_t hash) {
	size_t before;
	int rc;

	hash += hash == 0; // as the sketch takes it
	if (r->sketch == NULL && (r->hash == 0 || r->hash == hash)) {
		r->hash = hash;
		return 0;
	}
	if (need_sketch(r) < 0)
		return -ENOMEM;
	before = tt_sketch_memory(r->sketch);
	rc = tt_sketch_add(r->sketch, hash);
	c->sketch_bytes += tt_sketch_memory(r->sketch) - before;
	return rc;
}

int watch_row_sketch(struct watch_count *c, struct watch_row *r, const void *sketch, size_t len) {
	size_t before;
	int rc;

	if (need_sketch(r) < 0)
		return -ENOMEM;
	before = tt_sketch_memory(r->sketch);
	rc = tt_sketch_merge_encoded(r->sketch, sketch, len);
	c->sketch_bytes += tt_sketch_memory(r->sketch) - before;
	return rc;
}

struct one { // an observation that matches
	struct watch_count *c;
	const struct watch *w;
	const struct raw_cursor *raw;
	uint32_t i;
	unsigned watch, slot;
	uint64_t hash;
};

static int add(const struct one *o, enum watch_dim dim, uint32_t key) {
	const struct tt_batch_view *v = &o->raw->v;
	struct watch_row *r = watch_row(o->c, WATCH_KEY(o->watch, o->slot, dim, key));

	if (r == NULL)
		return -ENOMEM;
	r->packets += v->packets[o->i];
	r->bytes += v->bytes[o->i];
	if (v->family[o->i] != 0)
		return watch_row_source(o->c, r, o->hash);
	r->spilled += v->packets[o->i];
	return 0;
}

static int add_dims(const struct one *o, unsigned sensor) {
	const struct tt_batch_view *v = &o->raw->v;
	uint32_t i = o->i, dims = o->w->dims;
	int rc = add(o, DIM_SENSOR, sensor);

	if (rc == 0 && dims >> DIM_REGION & 1)
		rc = add(o, DIM_REGION, o->raw->d.region[i]);
	if (rc == 0 && dims >> DIM_PORT & 1)
		rc = add(o, DIM_PORT, (uint32_t)v->proto[i] << 16 | v->port[i]);
	if (rc == 0 && dims >> DIM_ASN & 1)
		rc = add(o, DIM_ASN, o->raw->d.asn[i]);
	for (unsigned t = 0; rc == 0 && dims >> DIM_TOOL & 1 && t < TT_TOOL_N; t++)
		if (view_tool(v, i, t))
			rc = add(o, DIM_TOOL, t);
	for (unsigned t = 0; rc == 0 && t < TT_TRAIT_N; t++)
		if (v->traits[i] >> t & 1)
			rc = add(o, DIM_TRAIT, t);
	return rc;
}

static struct tt_watch_source *source_at(const struct one *o) {
	const struct tt_batch_view *v = &o->raw->v;
	const uint8_t *b = v->src[o->i];
	struct watch_count *c = o->c;
	uint64_t key = (uint64_t)o->watch << 52 | (uint64_t)o->slot << 36, *at;
	int64_t six;

	if (v->family[o->i] == 4) {
		key |= (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	} else {
		if ((six = ids6_at(&c->v6, b)) < 0)
			return NULL;
		key |= 1ull << 32 | (uint64_t)six;
	}
	if ((at = map_at(&c->source_at, key)) == NULL)
		return NULL;
	if (*at == 0) {
		if (big_grow((void **)&c->sources, &c->source_cap, c->source_n + 1,
			    sizeof(*c->sources)) < 0)
			return NULL;
		c->sources[c->source_n].watch = o->watch;
		*at = ++c->source_n;
	}
	return &c->sources[*at - 1].s;
}

static int add_source(const struct one *o) {
	const struct tt_batch_view *v = &o->raw->v;
	uint32_t i = o->i;
	int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s * 1000000;
	int64_t first = epoch + v->first_us[i], last = epoch + v->last_us[i];
	bool seen = v->flags[i] & TT_OBS_OTHER_PORT;
	struct tt_watch_source *s = source_at(o);

	if (s == NULL)
		return -ENOMEM;
	if (s->packets == 0) {
		s->day = o->c->days[o->slot];
		s->source.family = v->family[i];
		memcpy(s->source.b, v->src[i], 16);
		s->last_us = last;
	}
	if (s->packets == 0 || first < s->first_us) {
		s->first_us = first;
		s->proto = v->proto[i];
		s->port = v->port[i];
		s->region[0] = (char)(o->raw->d.region[i] & 0xff);
		s->region[1] = (char)(o->raw->d.region[i] >> 8);
		s->asn = o->raw->d.asn[i];
	}
	s->last_us = last > s->last_us ? last : s->last_us;
	if (seen && s->has_other_port && s->other_port != v->other_port[i])
		s->other_port_varied = true;
	if (seen && !s->has_other_port)
		s->other_port = v->other_port[i];
	s->has_other_port |= seen;
	s->other_port_varied |= (v->flags[i] & TT_OBS_OTHER_PORT_VARIED) != 0;
	s->packets += v->packets[i];
	s->bytes += v->bytes[i];
	s->traits |= v->traits[i];
	return 0;
}

// An observation without a source counts where no condition needs one, else only as what may lack.
static int add_spilled(const struct one *o, unsigned sensor) {
	const struct watch *w = o->w;
	struct watch_row *r;

	if (!watch_could_match(w, &o->raw->v, o->i, sensor))
		return 0;
	if (!(o->raw->v.flags[o->i] & TT_OBS_CLASS_TOTAL) && w->regions == NULL &&
		w->asns == NULL && w->sources == NULL && w->tools == 0 && w->traits == 0 &&
		w->surveyors != TT_SURVEYORS_ONLY)
		return add(o, DIM_SENSOR, sensor);
	if ((r = watch_row(o->c, WATCH_KEY(o->watch, o->slot, DIM_SENSOR, sensor))) == NULL)
		return -ENOMEM;
	r->spilled += o->raw->v.packets[o->i];
	return 0;
}

static int ask(struct one *o, struct tt_store *s, unsigned sensor, bool surveyor) {
	const struct tt_batch_view *v = &o->raw->v;
	bool match = watch_matches(o->w, v, &o->raw->d, o->i, sensor, surveyor);
	bool plain = watch_matches_plain(o->w, v, &o->raw->d, o->i, sensor, surveyor);
	int rc = 0;

	if (v->family[o->i] == 0)
		return add_spilled(o, sensor);
	if (!match && !plain)
		return 0;
	o->hash = tt_sketch_hash(s->secret, v->family[o->i], v->src[o->i]);
	if (match)
		rc = add_dims(o, sensor);
	if (rc == 0 && match && o->w->keep_sources)
		rc = add_source(o);
	return rc == 0 && plain ? add(o, DIM_PLAIN, sensor) : rc;
}

int watch_count_batch(struct watch_count *c, struct tt_store *s, const struct watches *w,
	const struct raw_cursor *raw, int64_t from, int64_t to, struct survey *survey) {
	const struct tt_batch_view *v = &raw->v;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < v->head.obs_n; i++) {
		int64_t epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s, slot;
		unsigned sensor = raw->sensor[v->sensor[i]];
		bool surveyor = raw->d.surveyor[i] != 0;

		if (epoch < from || epoch >= to || sensor > w->sensor_n)
			continue;
		if ((slot = watch_day(c, s->tz, epoch)) < 0)
			return (int)slot;
		if (w->surveyors && !surveyor)
			surveyor = survey_has(survey, epoch, v->family[i], v->src[i]);
		for (unsigned k = 0; rc == 0 && k < w->n; k++) {
			struct one o = {c, &w->w[k], raw, i, k, (unsigned)slot, 0};

			rc = ask(&o, s, sensor, surveyor);
		}
	}
	return rc;
}

int watch_count_raw(struct watch_count *c, struct tt_store *s, const struct watches *w,
	enum raw_which which, int64_t from, int64_t to, struct survey *survey, struct tt_err *err) {
	struct raw_cursor raw;
	int rc = raw_open(s, &raw, from, to, which, err), more;

	if (rc < 0)
		return rc;
	while (rc == 0 && (more = raw_next(&raw, err)) != 0) {
		rc = more < 0 ? more : watch_count_batch(c, s, w, &raw, from, to, survey);
		if (rc < 0 && more > 0)
			tt_err_set(err, rc, "%s: no memory for watches", s->path);
	}
	raw_close(&raw);
	return rc;
}

size_t watch_count_memory(const struct watch_count *c) {
	return c->sketch_bytes + c->cap * sizeof(*c->rows) + c->at.size * sizeof(*c->at.slots) +
	       c->source_cap * sizeof(*c->sources) +
	       c->source_at.size * sizeof(*c->source_at.slots);
}

void watch_count_free(struct watch_count *c) {
	for (size_t i = 0; i < c->n; i++)
		tt_sketch_destroy(&c->rows[i].sketch);
	map_free(&c->at);
	map_free(&c->day_of);
	map_free(&c->source_at);
	ids6_free(&c->v6);
	big_free(c->rows, c->cap * sizeof(*c->rows));
	big_free(c->days, c->day_cap * sizeof(*c->days));
	big_free(c->sources, c->source_cap * sizeof(*c->sources));
	*c = (struct watch_count){0};
}
