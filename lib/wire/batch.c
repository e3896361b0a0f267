/* SPDX-License-Identifier: BSD-3-Clause */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ZSTD_LEVEL 1

static int alloc_rows(struct tt_batch *b) {
	uint64_t *q = malloc((size_t)ROWS * (5 * 8 + 10 * 4 + 4 * 2 + 8));
	if (!q)
		return -ENOMEM;
	b->rows = q;
	uint64_t **wide[] = {&b->src6_hi, &b->src6_lo, &b->packets, &b->bytes, &b->dst_bitmap};
	for (unsigned i = 0; i < 5; i++, q += ROWS)
		*wide[i] = q;
	uint32_t *w = (uint32_t *)q;
	uint32_t **words[] = {&b->epoch, &b->src4, &b->first_us, &b->span_us, &b->traits, &b->zmap,
		&b->masscan, &b->mirai, &b->tested, &b->opt_hash};
	for (unsigned i = 0; i < 10; i++, w += ROWS)
		*words[i] = w;
	uint16_t *h = (uint16_t *)w;
	uint16_t **halves[] = {&b->sensor, &b->port, &b->window, &b->other_port};
	for (unsigned i = 0; i < 4; i++, h += ROWS)
		*halves[i] = h;
	uint8_t *c = (uint8_t *)h;
	uint8_t **chars[] = {&b->family, &b->class, &b->proto, &b->flags, &b->dst_bit,
		&b->tcp_flags, &b->ttl_min, &b->ttl_span};
	for (unsigned i = 0; i < 8; i++, c += ROWS)
		*chars[i] = c;
	return 0;
}

struct tt_batch *tt_batch_create(void) {
	struct tt_batch *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->zstd = ZSTD_createCCtx();
	if (!b->zstd || alloc_rows(b)) {
		tt_batch_destroy(&b);
		errno = ENOMEM;
		return NULL;
	}
	ZSTD_CCtx_setParameter(b->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	return b;
}

void tt_batch_destroy(struct tt_batch **bp) {
	struct tt_batch *b = *bp;
	if (!b)
		return;
	ZSTD_freeCCtx(b->zstd);
	free(b->ids);
	free(b->meta);
	free(b->rows);
	free(b->tallies);
	free(b->states);
	free(b->out);
	free(b);
	*bp = NULL;
}

int batch_grow(void *pp, size_t *cap, size_t want, size_t size) {
	void **p = pp;
	if (want <= *cap)
		return 0;
	size_t n = *cap ? *cap : 64;
	while (n < want)
		n *= 2;
	void *q = realloc(*p, n * size);
	if (!q)
		return -ENOMEM;
	*p = q;
	*cap = n;
	return 0;
}

static bool boot_valid(const char *boot) {
	return strlen(boot) == TT_BOOT_LEN - 1 && strspn(boot, "0123456789abcdef") == 16;
}

int tt_batch_begin(struct tt_batch *b, const char *probe, const char *boot, uint32_t epoch_s,
	const char *const *sensors, unsigned sensor_n, const char *const *uplinks,
	unsigned uplink_n) {
	unsigned n = sensor_n + uplink_n;
	b->begun = false;
	if (!tt_id_valid(probe) || !boot_valid(boot) || !epoch_s || 3600 % epoch_s ||
		sensor_n > UINT16_MAX || uplink_n > UINT16_MAX)
		return -EINVAL;
	if (batch_grow(&b->ids, &b->id_cap, n, WIRE_ID_WIDTH))
		return -ENOMEM;
	memset(b->ids, 0, (size_t)n * WIRE_ID_WIDTH);
	for (unsigned i = 0; i < n; i++) {
		const char *id = i < sensor_n ? sensors[i] : uplinks[i - sensor_n];
		if (!tt_id_valid(id))
			return -EINVAL;
		memcpy(b->ids[i], id, strlen(id));
	}
	memset(&b->head, 0, sizeof(b->head));
	memcpy(b->head.probe, probe, strlen(probe));
	memcpy(b->head.boot, boot, TT_BOOT_LEN);
	b->head.epoch_s = epoch_s;
	b->head.sensor_n = (uint16_t)sensor_n;
	b->head.uplink_n = (uint16_t)uplink_n;
	b->n4 = b->n6 = b->bitmap_n = 0;
	b->last_epoch = -1;
	b->begun = true;
	return 0;
}

// notes the epoch of a row of any kind; false where it is none of this batch's
static bool note_epoch(struct tt_batch *b, int64_t epoch) {
	struct tt_batch_head *h = &b->head;
	if (epoch < 0 || epoch > UINT32_MAX || epoch % h->epoch_s)
		return false;
	bool first = !h->obs_n && !h->tally_n && !h->state_n;
	if (first || epoch < h->epoch_min)
		h->epoch_min = epoch;
	if (first || epoch > h->epoch_max)
		h->epoch_max = epoch;
	return true;
}

static bool obs_valid(const struct tt_batch *b, const struct tt_obs *o) {
	bool spilled = o->flags & TT_OBS_SPILLED;
	return o->sensor < b->head.sensor_n && o->class < TT_OBSERVED_CLASS_N && o->flags < 32 &&
	       (spilled ? o->family == 0 : o->family == 4 || o->family == 6) &&
	       (spilled || !(o->flags & TT_OBS_CLASS_TOTAL)) && o->packets &&
	       o->packets < WIRE_PACKETS_MAX && o->bytes < WIRE_BYTES_MAX &&
	       o->first_us <= o->last_us && o->ttl_min <= o->ttl_max &&
	       o->last_us < b->head.epoch_s * 1000000ull;
}

static void add_source(struct tt_batch *b, const struct tt_obs *o) {
	if (o->family == 4) {
		uint32_t v;
		memcpy(&v, o->src, 4);
		b->src4[b->n4++] = __builtin_bswap32(v);
	} else if (o->family == 6) {
		uint64_t v[2];
		memcpy(v, o->src, 16);
		b->src6_hi[b->n6] = __builtin_bswap64(v[0]);
		b->src6_lo[b->n6++] = __builtin_bswap64(v[1]);
	}
}

static uint8_t dst_bit(struct tt_batch *b, uint64_t bitmap) {
	if (!bitmap)
		return WIRE_BIT_NONE;
	if (!(bitmap & (bitmap - 1)))
		return (uint8_t)__builtin_ctzll(bitmap);
	b->dst_bitmap[b->bitmap_n++] = bitmap;
	return WIRE_BIT_COLUMN;
}

int tt_batch_add_obs(struct tt_batch *b, const struct tt_obs *o) {
	uint32_t i = b->head.obs_n;
	if (i == ROWS)
		return -ENOSPC;
	if (!b->begun || !obs_valid(b, o))
		return -EINVAL;
	if (o->epoch != b->last_epoch) {
		if (!note_epoch(b, o->epoch))
			return -EINVAL;
		b->last_epoch = o->epoch;
		b->last_index = (uint32_t)(o->epoch / b->head.epoch_s);
	}
	add_source(b, o);
	b->epoch[i] = b->last_index;
	b->sensor[i] = o->sensor;
	b->family[i] = o->family;
	b->class[i] = o->class;
	b->proto[i] = o->proto;
	b->port[i] = o->port;
	b->flags[i] = o->flags;
	b->packets[i] = o->packets;
	b->bytes[i] = o->bytes;
	b->first_us[i] = o->first_us;
	b->span_us[i] = o->last_us - o->first_us;
	b->traits[i] = o->traits;
	b->zmap[i] = o->matches[TT_TOOL_ZMAP];
	b->masscan[i] = o->matches[TT_TOOL_MASSCAN];
	b->mirai[i] = o->matches[TT_TOOL_MIRAI];
	b->tested[i] = o->tested;
	b->dst_bit[i] = dst_bit(b, o->dst_bitmap);
	b->opt_hash[i] = o->opt_hash;
	b->window[i] = o->window;
	b->other_port[i] = o->other_port;
	b->tcp_flags[i] = o->tcp_flags;
	b->ttl_min[i] = o->ttl_min;
	b->ttl_span[i] = (uint8_t)(o->ttl_max - o->ttl_min);
	b->head.obs_n++;
	return 0;
}

static bool tally_valid(const struct tt_batch *b, const struct tt_tally *t) {
	uint64_t all = t->imissed | t->ierrors | t->rx_nombuf | t->harvest_lost | t->spool_lost |
		       t->late | t->feed_fragments;
	for (unsigned f = 0; f < TT_FATE_N; f++)
		all |= t->packets[f] | t->bytes[f];
	return t->uplink < b->head.uplink_n && t->link_up <= 1 && all < WIRE_COUNT_MAX;
}

int tt_batch_add_tally(struct tt_batch *b, const struct tt_tally *t) {
	size_t cap = b->tally_cap;
	if (b->head.tally_n == WIRE_TALLY_MAX)
		return -ENOSPC;
	if (!b->begun || !tally_valid(b, t))
		return -EINVAL;
	if (batch_grow(&b->tallies, &cap, b->head.tally_n + 1, sizeof(*t)))
		return -ENOMEM;
	b->tally_cap = (uint32_t)cap;
	if (!note_epoch(b, t->epoch))
		return -EINVAL;
	b->tallies[b->head.tally_n++] = *t;
	return 0;
}

int tt_batch_add_state(struct tt_batch *b, const struct tt_sensor_state *s) {
	size_t cap = b->state_cap;
	if (b->head.state_n == WIRE_STATE_MAX)
		return -ENOSPC;
	if (!b->begun || s->sensor >= b->head.sensor_n || s->state >= TT_STATE_N ||
		(s->received | s->lost | s->given_up) >= WIRE_COUNT_MAX)
		return -EINVAL;
	if (batch_grow(&b->states, &cap, b->head.state_n + 1, sizeof(*s)))
		return -ENOMEM;
	b->state_cap = (uint32_t)cap;
	if (!note_epoch(b, s->epoch))
		return -EINVAL;
	b->states[b->head.state_n++] = *s;
	return 0;
}

int tt_batch_set_meta(struct tt_batch *b, const char *json, size_t len) {
	if (!b->begun || memchr(json, 0, len))
		return -EINVAL;
	if (len > WIRE_META_MAX)
		return -EFBIG;
	if (batch_grow(&b->meta, &b->meta_cap, len, 1))
		return -ENOMEM;
	if (len)
		memcpy(b->meta, json, len);
	b->head.meta_len = (uint32_t)len;
	return 0;
}

int tt_batch_empty(const struct tt_batch *b) {
	return !b->head.obs_n && !b->head.tally_n && !b->head.state_n && !b->head.meta_len;
}
