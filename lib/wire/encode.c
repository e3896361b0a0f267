/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "column.h"

#define PACK_MIN  128  // a smaller column is not worth a frame
#define SAMPLE	  4096 // bytes that tell whether the rest will shrink
#define TABLE_MIN 256  // fewer values are not worth a table

// whether a frame takes less than 7/8 of the bytes; out has room for ZSTD_compressBound(len)
static size_t pack(struct tt_batch *b, uint8_t *out, const void *data, size_t len) {
	size_t n = ZSTD_compress2(b->zstd, out, ZSTD_compressBound(len), data, len);
	return ZSTD_isError(n) || n >= len - len / 8 ? 0 : n;
}

// appends one column as it is or as a zstd frame, whichever is worth it
static void store(
	struct tt_batch *b, unsigned id, unsigned width, uint32_t count, const void *data) {
	size_t len = (size_t)width * count, n = 0;
	if (b->rc)
		return;
	b->rc = batch_grow(&b->out, &b->out_cap, b->out_len + ZSTD_compressBound(len), 1);
	if (b->rc)
		return;
	uint8_t *out = b->out + b->out_len;
	// addresses and times hardly shrink: a sample tells, for a tenth of the time
	bool try = len >= PACK_MIN && (len < 16 * SAMPLE || pack(b, out, data, SAMPLE));
	if (try)
		n = pack(b, out, data, len);
	if (!n)
		memcpy(out, data, len);
	b->entries[b->entry_n++] = (struct wire_entry){(uint16_t)id, (uint8_t)width,
		n ? WIRE_ZSTD : WIRE_PLAIN, count, (uint32_t)(n ? n : len)};
	b->out_len += n ? n : len;
}

// a column in its narrowest form: nothing where all is zero, one value where all are equal
static void column(struct tt_batch *b, unsigned id, unsigned width, const void *data, uint32_t n) {
	uint64_t all = n ? column_or(data, width, n) : 0;
	if (!all)
		return;
	unsigned w = column_width(all);
	if (column_same(data, width, n))
		n = 1;
	if (w != width) {
		column_convert(b->scratch, w, data, width, n);
		data = b->scratch;
	}
	store(b, id, w, n, data);
}

// a column of few distinct values: indexes now, the table is added at the end
struct table {
	unsigned id, count;
	uint32_t values[WIRE_TABLE_N];
};

static void indexed_column(struct tt_batch *b, unsigned id, unsigned width, const void *data,
	uint32_t n, struct table *t) {
	*t = (struct table){.id = id};
	if (n >= TABLE_MIN && column_or(data, width, n) > UINT8_MAX && !column_same(data, width, n))
		t->count = column_index(data, width, n, b->index, t->values);
	if (t->count)
		store(b, id, 1, n, b->index);
	else
		column(b, id, width, data, n);
}

static void epoch_column(struct tt_batch *b) {
	uint32_t n = b->head.obs_n, base = (uint32_t)(b->head.epoch_min / b->head.epoch_s);
	uint32_t *delta = (uint32_t *)b->gather;
	if (b->head.epoch_min == b->head.epoch_max)
		return;
	for (uint32_t i = 0; i < n; i++)
		delta[i] = b->epoch[i] - base;
	column(b, COL_EPOCH, 4, delta, n);
}

static void obs_columns(struct tt_batch *b, struct table tables[3]) {
	uint32_t n = b->head.obs_n;
	epoch_column(b);
	column(b, COL_SENSOR, 2, b->sensor, n);
	column(b, COL_FAMILY, 1, b->family, n);
	column(b, COL_SRC4, 4, b->src4, b->n4);
	column(b, COL_SRC6_HI, 8, b->src6_hi, b->n6);
	column(b, COL_SRC6_LO, 8, b->src6_lo, b->n6);
	column(b, COL_CLASS, 1, b->class, n);
	column(b, COL_PROTO, 1, b->proto, n);
	column(b, COL_PORT, 2, b->port, n);
	column(b, COL_FLAGS, 1, b->flags, n);
	column(b, COL_PACKETS, 8, b->packets, n);
	column(b, COL_BYTES, 8, b->bytes, n);
	column(b, COL_FIRST_US, 4, b->first_us, n);
	column(b, COL_SPAN_US, 4, b->span_us, n);
	indexed_column(b, COL_TRAITS, 4, b->traits, n, &tables[0]);
	column(b, COL_ZMAP, 4, b->zmap, n);
	column(b, COL_MASSCAN, 4, b->masscan, n);
	column(b, COL_MIRAI, 4, b->mirai, n);
	column(b, COL_TESTED, 4, b->tested, n);
	column(b, COL_DST_BIT, 1, b->dst_bit, n);
	column(b, COL_DST_BITMAP, 8, b->dst_bitmap, b->bitmap_n);
	indexed_column(b, COL_OPT_HASH, 4, b->opt_hash, n, &tables[1]);
	indexed_column(b, COL_WINDOW, 2, b->window, n, &tables[2]);
	column(b, COL_OTHER_PORT, 2, b->other_port, n);
	column(b, COL_TCP_FLAGS, 1, b->tcp_flags, n);
	column(b, COL_TTL_MIN, 1, b->ttl_min, n);
	column(b, COL_TTL_SPAN, 1, b->ttl_span, n);
}

// columns of tallies and states, gathered from their rows
static void member_columns(struct tt_batch *b, const struct wire_member *members, unsigned member_n,
	const void *rows, size_t row_size, uint32_t n) {
	for (unsigned m = 0; m < member_n; m++) {
		for (uint32_t i = 0; i < n; i++) {
			const uint8_t *p = (const uint8_t *)rows + i * row_size + members[m].offset;
			b->gather[i] = column_get(p, members[m].size, 0);
		}
		column(b, members[m].id, 8, b->gather, n);
	}
}

static void table_columns(struct tt_batch *b, const struct table *tables, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		const struct table *t = &tables[i];
		unsigned width = wire_field(t->id)->width;
		if (!t->count)
			continue;
		column_convert(b->scratch, width, t->values, 4, t->count);
		store(b, t->id + WIRE_TABLE, width, t->count, b->scratch);
	}
}

// the header and the directory go before the columns once their size is known
static int finish(struct tt_batch *b, uint64_t seq, size_t reserved) {
	size_t front = WIRE_HEAD + b->entry_n * WIRE_ENTRY;
	uint8_t *msg = b->out + reserved - front;
	size_t len = b->out_len - reserved + front;
	if (len > TT_BATCH_BYTES_MAX)
		return -EFBIG;
	b->head.seq = seq;
	struct wire_head w = {.h = b->head, .column_n = b->entry_n};
	w.payload = (uint32_t)(len - WIRE_HEAD);
	for (unsigned i = 0; i < b->entry_n; i++)
		wire_entry_pack(&b->entries[i], msg + WIRE_HEAD + i * WIRE_ENTRY);
	wire_head_pack(&w, msg);
	w.checksum = wire_checksum(msg, len);
	wire_head_pack(&w, msg);
	b->msg = msg;
	b->msg_len = len;
	return 0;
}

int tt_batch_encode(struct tt_batch *b, uint64_t seq, const void **msg, size_t *len) {
	static const size_t reserved = WIRE_HEAD + COLUMNS_MAX * WIRE_ENTRY;
	const struct tt_batch_head *h = &b->head;
	struct table tables[3];
	if (!b->begun || !seq)
		return -EINVAL;
	b->rc = batch_grow(&b->out, &b->out_cap, reserved, 1);
	b->out_len = reserved;
	b->entry_n = 0;
	obs_columns(b, tables);
	member_columns(b, wire_tally_members, wire_tally_member_n, b->tallies,
		sizeof(struct tt_tally), h->tally_n);
	member_columns(b, wire_state_members, wire_state_member_n, b->states,
		sizeof(struct tt_sensor_state), h->state_n);
	if (h->sensor_n)
		store(b, COL_SENSORS, WIRE_ID_WIDTH, h->sensor_n, b->ids);
	if (h->uplink_n)
		store(b, COL_UPLINKS, WIRE_ID_WIDTH, h->uplink_n, b->ids + h->sensor_n);
	if (h->meta_len)
		store(b, COL_META, 1, h->meta_len, b->meta);
	table_columns(b, tables, 3);
	if (!b->rc)
		b->rc = finish(b, seq, reserved);
	if (b->rc)
		return b->rc;
	*msg = b->msg;
	*len = b->msg_len;
	return 0;
}
