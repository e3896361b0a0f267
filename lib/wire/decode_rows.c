/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "column.h"
#include "decode.h"

// memory for n rows; the message, or its directory, claims that many
static int reserve(struct tt_batch_decoder *d, uint32_t n) {
	if (n <= d->obs_cap)
		return 0;
	uint32_t cap = (n + 1023) & ~1023u;
	uint64_t *q = malloc((size_t)cap * (6 * 8 + 16 + 10 * 4 + 4 * 2 + 8 + 4));
	if (!q)
		return tt_err_set(d->err, -ENOMEM, "batch: out of memory");
	free(d->obs_memory);
	d->obs_memory = q;
	d->obs_cap = cap;
	memset(d->zeros, 0, sizeof(d->zeros));
	d->src = (uint8_t(*)[16])q;
	q += 2 * (size_t)cap;
	uint64_t **wide[] = {&d->src6_hi, &d->src6_lo, &d->packets, &d->bytes, &d->dst_bitmap,
		&d->bitmap_values};
	for (unsigned i = 0; i < 6; i++, q += cap)
		*wide[i] = q;
	uint32_t *w = (uint32_t *)q;
	uint32_t **words[] = {&d->epoch, &d->src4, &d->first_us, &d->last_us, &d->traits,
		&d->matches[0], &d->matches[1], &d->matches[2], &d->tested, &d->opt_hash};
	for (unsigned i = 0; i < 10; i++, w += cap)
		*words[i] = w;
	uint16_t *h = (uint16_t *)w;
	uint16_t **halves[] = {&d->sensor, &d->port, &d->window, &d->other_port};
	for (unsigned i = 0; i < 4; i++, h += cap)
		*halves[i] = h;
	uint8_t *c = (uint8_t *)h;
	uint8_t **chars[] = {&d->family, &d->class, &d->proto, &d->flags, &d->dst_bit,
		&d->tcp_flags, &d->ttl_min, &d->ttl_max};
	for (unsigned i = 0; i < 8; i++, c += cap)
		*chars[i] = c;
	return 0;
}

static int plain_columns(struct tt_batch_decoder *d, uint32_t n) {
	const struct tt_batch_head *h = &d->head.h;
	const struct {
		uint8_t id, width;
		void *dst;
		uint64_t max;
	} columns[] = {
		{COL_EPOCH, 4, d->epoch, (uint64_t)(h->epoch_max - h->epoch_min) / h->epoch_s},
		{COL_SENSOR, 2, d->sensor, h->sensor_n - 1u},
		{COL_FAMILY, 1, d->family, 6},
		{COL_CLASS, 1, d->class, TT_OBSERVED_CLASS_N - 1},
		{COL_PROTO, 1, d->proto, UINT64_MAX},
		{COL_PORT, 2, d->port, UINT64_MAX},
		{COL_FLAGS, 1, d->flags, 31},
		{COL_PACKETS, 8, d->packets, WIRE_PACKETS_MAX - 1},
		{COL_BYTES, 8, d->bytes, WIRE_BYTES_MAX - 1},
		{COL_FIRST_US, 4, d->first_us, UINT64_MAX},
		{COL_SPAN_US, 4, d->last_us, UINT64_MAX},
		{COL_TRAITS, 4, d->traits, UINT64_MAX},
		{COL_ZMAP, 4, d->matches[TT_TOOL_ZMAP], UINT64_MAX},
		{COL_MASSCAN, 4, d->matches[TT_TOOL_MASSCAN], UINT64_MAX},
		{COL_MIRAI, 4, d->matches[TT_TOOL_MIRAI], UINT64_MAX},
		{COL_TESTED, 4, d->tested, UINT64_MAX},
		{COL_DST_BIT, 1, d->dst_bit, UINT64_MAX},
		{COL_OPT_HASH, 4, d->opt_hash, UINT64_MAX},
		{COL_WINDOW, 2, d->window, UINT64_MAX},
		{COL_OTHER_PORT, 2, d->other_port, UINT64_MAX},
		{COL_TCP_FLAGS, 1, d->tcp_flags, UINT64_MAX},
		{COL_TTL_MIN, 1, d->ttl_min, UINT64_MAX},
		{COL_TTL_SPAN, 1, d->ttl_max, UINT64_MAX},
	};
	int rc = 0;
	for (unsigned i = 0; i < sizeof(columns) / sizeof(columns[0]) && !rc; i++) {
		if (d->part == TT_BATCH_KEYS && columns[i].id >= COL_PACKETS)
			break;
		rc = decode_column(
			d, columns[i].id, columns[i].dst, columns[i].width, n, columns[i].max);
	}
	return rc;
}

// Adds the bases and checks what concerns two columns at a time; every loop can be vector code.
static int combine_keys(struct tt_batch_decoder *d, uint32_t n) {
	const struct tt_batch_head *h = &d->head.h;
	uint32_t base = (uint32_t)(h->epoch_min / h->epoch_s);
	uint8_t odd = 0;
	for (uint32_t i = 0; i < n; i++)
		d->epoch[i] += base;
	for (uint32_t i = 0; i < n; i++) {
		uint8_t f = d->family[i], s = d->flags[i] & TT_OBS_SPILLED;
		uint8_t known = (uint8_t)((f == 4) | (f == 6));
		odd |= (uint8_t)((s ? f != 0 : !known) |
				 ((d->flags[i] & TT_OBS_CLASS_TOTAL) && !s));
	}
	return odd ? tt_err_set(d->err, -EBADMSG,
			     "batch: an observation's family and flags contradict each other")
		   : 0;
}

static int combine_values(struct tt_batch_decoder *d, uint32_t n) {
	const struct tt_batch_head *h = &d->head.h;
	uint64_t limit = h->epoch_s * 1000000ull, zero = 0;
	uint32_t wrong = 0;
	uint32_t latest = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit - 1;
	uint8_t odd = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t first = d->first_us[i], last = first + d->last_us[i];
		wrong |= (uint32_t)(last < first) | (uint32_t)(last > latest);
		d->last_us[i] = last;
	}
	for (uint32_t i = 0; i < n; i++)
		zero |= (uint64_t)!d->packets[i];
	for (uint32_t i = 0; i < n; i++) {
		uint8_t min = d->ttl_min[i], max = (uint8_t)(min + d->ttl_max[i]);
		odd |= (uint8_t)(max < min);
		d->ttl_max[i] = max;
	}
	if (wrong || zero || odd)
		return tt_err_set(d->err, -EBADMSG, "batch: an observation's %s",
			wrong  ? "times are not within its epoch"
			: zero ? "packets are 0"
			       : "TTLs contradict each other");
	return 0;
}

static uint32_t count_byte(const uint8_t *p, uint32_t n, uint8_t v) {
	uint32_t count = 0;
	for (uint32_t i = 0; i < n; i++)
		count += p[i] == v;
	return count;
}

static void put4(uint8_t out[16], uint32_t v) {
	uint64_t w[2] = {__builtin_bswap32(v), 0};
	memcpy(out, w, 16);
}

static int sources(struct tt_batch_decoder *d, uint32_t n) {
	uint32_t n4 = count_byte(d->family, n, 4), n6 = count_byte(d->family, n, 6);
	int rc = decode_column(d, COL_SRC4, d->src4, 4, n4, UINT64_MAX);
	if (!rc)
		rc = decode_column(d, COL_SRC6_HI, d->src6_hi, 8, n6, UINT64_MAX);
	if (!rc)
		rc = decode_column(d, COL_SRC6_LO, d->src6_lo, 8, n6, UINT64_MAX);
	if (rc)
		return rc;
	if (n4 == n) {
		for (uint32_t i = 0; i < n; i++)
			put4(d->src[i], d->src4[i]);
		return 0;
	}
	for (uint32_t i = 0, i4 = 0, i6 = 0; i < n; i++) {
		uint64_t v[2] = {0, 0};
		if (d->family[i] == 4) {
			v[0] = __builtin_bswap32(d->src4[i4++]);
		} else if (d->family[i] == 6) {
			v[0] = __builtin_bswap64(d->src6_hi[i6]);
			v[1] = __builtin_bswap64(d->src6_lo[i6++]);
		}
		memcpy(d->src[i], v, 16);
	}
	return 0;
}

static int bitmaps(struct tt_batch_decoder *d, uint32_t n) {
	uint32_t listed = count_byte(d->dst_bit, n, WIRE_BIT_COLUMN), at = 0;
	uint8_t over = 0;
	int rc = decode_column(d, COL_DST_BITMAP, d->bitmap_values, 8, listed, UINT64_MAX);
	if (rc)
		return rc;
	if (!listed) {
		for (uint32_t i = 0; i < n; i++) {
			uint8_t bit = d->dst_bit[i];
			over |= (uint8_t)(bit > WIRE_BIT_NONE);
			d->dst_bitmap[i] = (uint64_t) !(bit >> 6) << (bit & 63);
		}
	}
	for (uint32_t i = 0; i < n && listed; i++) {
		uint8_t bit = d->dst_bit[i];
		over |= (uint8_t)(bit > WIRE_BIT_NONE && bit != WIRE_BIT_COLUMN);
		d->dst_bitmap[i] = bit == WIRE_BIT_COLUMN ? d->bitmap_values[at++]
				   : bit < WIRE_BIT_NONE  ? 1ull << bit
							  : 0;
	}
	if (over)
		return tt_err_set(
			d->err, -EBADMSG, "batch: column dst_bit: has a value out of range");
	return 0;
}

int decode_obs(struct tt_batch_decoder *d) {
	uint32_t n = d->head.h.obs_n;
	if (n && !d->head.h.sensor_n)
		return tt_err_set(d->err, -EBADMSG, "batch: observations without sensors");
	int rc = reserve(d, n ? n : 1);
	if (!rc)
		rc = plain_columns(d, n);
	if (!rc)
		rc = combine_keys(d, n);
	if (!rc)
		rc = sources(d, n);
	if (!rc && d->part != TT_BATCH_KEYS)
		rc = combine_values(d, n);
	return rc || d->part == TT_BATCH_KEYS ? rc : bitmaps(d, n);
}

void tt_batch_row(const struct tt_batch_view *v, uint32_t i, struct tt_obs *o) {
	*o = (struct tt_obs){
		.epoch = (int64_t)v->epoch_index[i] * v->head.epoch_s,
		.sensor = v->sensor[i],
		.port = v->port[i],
		.family = v->family[i],
		.class = v->class[i],
		.proto = v->proto[i],
		.flags = v->flags[i],
		.packets = v->packets[i],
		.bytes = v->bytes[i],
		.first_us = v->first_us[i],
		.last_us = v->last_us[i],
		.traits = v->traits[i],
		.matches = {v->matches[0][i], v->matches[1][i], v->matches[2][i]},
		.tested = v->tested[i],
		.dst_bitmap = v->dst_bitmap[i],
		.opt_hash = v->opt_hash[i],
		.window = v->window[i],
		.other_port = v->other_port[i],
		.tcp_flags = v->tcp_flags[i],
		.ttl_min = v->ttl_min[i],
		.ttl_max = v->ttl_max[i],
	};
	memcpy(o->src, v->src[i], 16);
}
