/* SPDX-License-Identifier: BSD-3-Clause */
#include "decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "column.h"

struct tt_batch_decoder *tt_batch_decoder_create(void) {
	struct tt_batch_decoder *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->zstd = ZSTD_createDCtx();
	if (!d->zstd) {
		free(d);
		errno = ENOMEM;
		return NULL;
	}
	return d;
}

void tt_batch_decoder_destroy(struct tt_batch_decoder **dp) {
	struct tt_batch_decoder *d = *dp;
	if (!d)
		return;
	ZSTD_freeDCtx(d->zstd);
	free(d->obs_memory);
	free(d->tallies);
	free(d->states);
	free(d->ids);
	free(d->meta);
	free(d->scratch);
	free(d);
	*dp = NULL;
}

// ---- the directory

static int entry_check(const struct tt_batch_decoder *d, const struct wire_entry *e, size_t left) {
	const struct wire_field *f = wire_field(e->id & (WIRE_TABLE - 1));
	// not damaged: a later version may read it, so it is not this reader's to give up
	if (!f || e->id >= COL_N + WIRE_TABLE)
		return tt_err_set(d->err, -EPROTONOSUPPORT,
			"batch: column %u is not known, expected a reader of a later version",
			e->id);
	bool width_ok = f->width == WIRE_ID_WIDTH
				? e->width == WIRE_ID_WIDTH
				: e->width && e->width <= f->width && !(e->width & (e->width - 1));
	if (!width_ok || e->encoding > WIRE_ZSTD || e->len > left || !e->count ||
		(e->encoding == WIRE_PLAIN && e->len != (uint64_t)e->width * e->count))
		return tt_err_set(d->err, -EBADMSG,
			"batch: column %s: width %u, encoding %u, %u values in %u bytes (%zu left)",
			f->name, e->width, e->encoding, e->count, e->len, left);
	return 0;
}

static int directory(struct tt_batch_decoder *d, const uint8_t *msg) {
	const uint8_t *entry = msg + WIRE_HEAD;
	const uint8_t *data = entry + d->head.column_n * WIRE_ENTRY;
	size_t left = d->head.payload - d->head.column_n * WIRE_ENTRY;
	unsigned last = 0;
	memset(d->columns, 0, sizeof(d->columns));
	for (unsigned i = 0; i < d->head.column_n; i++, entry += WIRE_ENTRY) {
		struct wire_entry e;
		wire_entry_unpack(&e, entry);
		int rc = entry_check(d, &e, left);
		if (rc)
			return rc;
		if (e.id <= last)
			return tt_err_set(d->err, -EBADMSG,
				"batch: column %u after column %u, expected ascending ids", e.id,
				last);
		last = e.id;
		d->columns[e.id] = (struct stored){true, e.width, e.encoding, e.count, e.len, data};
		data += e.len;
		left -= e.len;
	}
	if (left)
		return tt_err_set(d->err, -EBADMSG, "batch: %zu bytes after the last column", left);
	return 0;
}

// ---- columns

static int bad_column(struct tt_batch_decoder *d, unsigned id, const char *what) {
	const struct wire_field *f = wire_field(id & (WIRE_TABLE - 1));
	return tt_err_set(d->err, -EBADMSG, "batch: column %s%s: %s", f->name,
		id >= WIRE_TABLE ? " (table)" : "", what);
}

// The column's values in their stored width: in the message itself, in `direct` (where that is
// given and has room for them), or in scratch.
static int unpack(struct tt_batch_decoder *d, unsigned id, void *direct, const void **out) {
	const struct stored *c = &d->columns[id];
	size_t len = (size_t)c->width * c->count;
	*out = c->data;
	if (c->encoding == WIRE_PLAIN)
		return 0;
	// the frame has to say what the directory says before a byte is written
	if (ZSTD_getFrameContentSize(c->data, c->len) != len ||
		ZSTD_findFrameCompressedSize(c->data, c->len) != c->len)
		return bad_column(d, id, "is no zstd frame of the size in the directory");
	if (!direct && batch_grow(&d->scratch, &d->scratch_cap, len, 1))
		return tt_err_set(d->err, -ENOMEM, "batch: out of memory");
	void *to = direct ? direct : d->scratch;
	if (ZSTD_decompressDCtx(d->zstd, to, len, c->data, c->len) != len)
		return bad_column(d, id, "does not decompress");
	*out = to;
	return 0;
}

static int through_table(
	struct tt_batch_decoder *d, unsigned id, void *dst, unsigned width, uint32_t n) {
	const struct stored *t = &d->columns[id + WIRE_TABLE];
	const void *values;
	uint32_t table[WIRE_TABLE_N] = {0};
	const uint8_t *index;
	if (t->count > WIRE_TABLE_N || t->width > 4 || d->columns[id].width != 1 ||
		d->columns[id].count != n || (width != 2 && width != 4))
		return bad_column(d, id, "is no column of indexes into a table");
	int rc = unpack(d, id + WIRE_TABLE, NULL, &values);
	if (rc)
		return rc;
	column_convert(table, 4, values, t->width, t->count);
	rc = unpack(d, id, NULL, (const void **)&index);
	if (rc)
		return rc;
	if (column_max(index, 1, n) >= t->count)
		return bad_column(d, id, "has an index past its table");
	for (uint32_t i = 0; i < n; i++) {
		if (width == 4)
			((uint32_t *)dst)[i] = table[index[i]];
		else
			((uint16_t *)dst)[i] = (uint16_t)table[index[i]];
	}
	return 0;
}

int decode_column(struct tt_batch_decoder *d, unsigned id, void *dst, unsigned width, uint32_t n,
	uint64_t max) {
	const struct stored *c = &d->columns[id];
	const void *p;
	// arrays of observations stay from batch to batch, those of absent columns mostly zero; the
	// three that get a base added afterwards do not
	bool stays =
		id < COL_TALLY_EPOCH && id != COL_EPOCH && id != COL_SPAN_US && id != COL_TTL_SPAN;
	if (!c->present) {
		if (!stays || d->zeros[id] < n)
			memset(dst, 0, (size_t)n * width);
		if (stays && d->zeros[id] < n)
			d->zeros[id] = n;
		return 0;
	}
	d->zeros[id] = 0;
	if (!n || (c->count != n && c->count != 1) || c->width > width)
		return bad_column(d, id, "has another number of values than the header says");
	if (id + WIRE_TABLE < COL_N + WIRE_TABLE && d->columns[id + WIRE_TABLE].present)
		return through_table(d, id, dst, width, n);
	int rc = unpack(d, id, c->width == width && c->count == n ? dst : NULL, &p);
	if (rc)
		return rc;
	bool mask = !(max & (max + 1)); // then the values OR-ed tell it too, and quicker
	uint64_t top = max == UINT64_MAX ? 0
		       : mask		 ? column_or(p, c->width, c->count)
					 : column_max(p, c->width, c->count);
	if (top > max)
		return bad_column(d, id, "has a value out of range");
	if (c->count != n)
		column_fill(dst, width, column_get(p, c->width, 0), n);
	else if (p != dst)
		column_convert(dst, width, p, c->width, n);
	return 0;
}

// ---- tallies, states, ids, meta

struct limit {
	uint8_t id;
	uint64_t max;
};

// A column's values into a member of all rows.
static void scatter(
	uint8_t *at, size_t row_size, unsigned size, const uint64_t *values, uint32_t n) {
#define F(type)                                                                                    \
	for (uint32_t i = 0; i < n; i++, at += row_size)                                           \
	*(type __attribute__((may_alias)) *)at = (type)values[i]
	switch (size) {
	case 1:
		F(uint8_t);
		break;
	case 2:
		F(uint16_t);
		break;
	case 4:
		F(uint32_t);
		break;
	default:
		F(uint64_t);
		break;
	}
#undef F
}

// Rows are zero before: columns that are left out need nothing.
static int members(struct tt_batch_decoder *d, const struct wire_member *m, unsigned member_n,
	const struct limit *limits, void *rows, size_t row_size, uint32_t n) {
	uint64_t *values = malloc((n ? n : 1) * sizeof(*values));
	int rc = values ? 0 : tt_err_set(d->err, -ENOMEM, "batch: out of memory");
	for (unsigned k = 0; k < member_n && !rc; k++) {
		uint64_t max = WIRE_COUNT_MAX - 1;
		if (!d->columns[m[k].id].present)
			continue;
		for (const struct limit *l = limits; l->id; l++)
			if (l->id == m[k].id)
				max = l->max;
		rc = decode_column(d, m[k].id, values, 8, n, max);
		if (!rc)
			scatter((uint8_t *)rows + m[k].offset, row_size, m[k].size, values, n);
	}
	free(values);
	return rc;
}

static int decode_tallies(struct tt_batch_decoder *d) {
	const struct tt_batch_head *h = &d->head.h;
	uint32_t n = h->tally_n;
	const struct limit limits[] = {{COL_TALLY_EPOCH, UINT32_MAX},
		{COL_TALLY_UPLINK, h->uplink_n ? h->uplink_n - 1u : 0}, {COL_TALLY_LINK_UP, 1},
		{0, 0}};
	if (n && !h->uplink_n)
		return tt_err_set(d->err, -EBADMSG, "batch: tallies without uplinks");
	if (batch_grow(&d->tallies, &d->tally_cap, n, sizeof(*d->tallies)))
		return tt_err_set(d->err, -ENOMEM, "batch: out of memory");
	if (n)
		memset(d->tallies, 0, n * sizeof(*d->tallies));
	return members(d, wire_tally_members, wire_tally_member_n, limits, d->tallies,
		sizeof(*d->tallies), n);
}

static int decode_states(struct tt_batch_decoder *d) {
	const struct tt_batch_head *h = &d->head.h;
	uint32_t n = h->state_n;
	const struct limit limits[] = {{COL_STATE_EPOCH, UINT32_MAX},
		{COL_STATE_SENSOR, h->sensor_n ? h->sensor_n - 1u : 0},
		{COL_STATE_STATE, TT_STATE_N - 1}, {0, 0}};
	if (n && !h->sensor_n)
		return tt_err_set(d->err, -EBADMSG, "batch: states without sensors");
	if (batch_grow(&d->states, &d->state_cap, n, sizeof(*d->states)))
		return tt_err_set(d->err, -ENOMEM, "batch: out of memory");
	if (n)
		memset(d->states, 0, n * sizeof(*d->states));
	return members(d, wire_state_members, wire_state_member_n, limits, d->states,
		sizeof(*d->states), n);
}

static int decode_ids(struct tt_batch_decoder *d, unsigned id, unsigned n, char (*out)[TT_ID_LEN]) {
	const struct stored *c = &d->columns[id];
	const void *p;
	if (c->present != (n > 0) || c->count != n)
		return bad_column(d, id, "has another number of values than the header says");
	if (!n)
		return 0;
	int rc = unpack(d, id, NULL, &p);
	if (rc)
		return rc;
	for (unsigned i = 0; i < n; i++) {
		static const char zero[WIRE_ID_WIDTH];
		memcpy(out[i], (const char *)p + (size_t)i * WIRE_ID_WIDTH, WIRE_ID_WIDTH);
		out[i][WIRE_ID_WIDTH] = 0;
		size_t len = strlen(out[i]);
		if (!tt_id_valid(out[i]) || memcmp(out[i] + len, zero, WIRE_ID_WIDTH - len))
			return bad_column(d, id, "has a text that is no id ([a-z0-9-]{1,32})");
	}
	return 0;
}

static int decode_meta(struct tt_batch_decoder *d) {
	const struct stored *c = &d->columns[COL_META];
	uint32_t n = d->head.h.meta_len;
	const void *p;
	if (c->present != (n > 0) || c->count != n)
		return bad_column(d, COL_META, "has another length than the header says");
	if (!n)
		return 0;
	if (batch_grow(&d->meta, &d->meta_cap, n + 1, 1))
		return tt_err_set(d->err, -ENOMEM, "batch: out of memory");
	int rc = unpack(d, COL_META, d->meta, &p);
	if (rc)
		return rc;
	if (p != d->meta)
		memcpy(d->meta, p, n);
	d->meta[n] = 0;
	return memchr(d->meta, 0, n) ? bad_column(d, COL_META, "has a zero byte") : 0;
}

// the header's epochs are those of the rows, exactly
static int check_epochs(struct tt_batch_decoder *d) {
	const struct tt_batch_head *h = &d->head.h;
	bool any = h->obs_n || h->tally_n || h->state_n, whole = true;
	int64_t min = any ? INT64_MAX : 0, max = 0;
	if (h->obs_n) {
		uint32_t lo = UINT32_MAX, hi = 0;
		for (uint32_t i = 0; i < h->obs_n; i++) {
			lo = d->epoch[i] < lo ? d->epoch[i] : lo;
			hi = d->epoch[i] > hi ? d->epoch[i] : hi;
		}
		min = (int64_t)lo * h->epoch_s;
		max = (int64_t)hi * h->epoch_s;
	}
	for (uint32_t i = 0; i < h->tally_n + h->state_n; i++) {
		int64_t e = i < h->tally_n ? d->tallies[i].epoch : d->states[i - h->tally_n].epoch;
		whole = whole && e % h->epoch_s == 0;
		min = e < min ? e : min;
		max = e > max ? e : max;
	}
	if (min != h->epoch_min || max != h->epoch_max || !whole)
		return tt_err_set(
			d->err, -EBADMSG, "batch: epochs of the rows are not those of the header");
	return 0;
}

static int decode_payload(struct tt_batch_decoder *d) {
	const struct tt_batch_head *h = &d->head.h;
	bool all = d->part == TT_BATCH_ALL;
	int rc = decode_obs(d);
	if (!rc && all)
		rc = decode_tallies(d);
	if (!rc && all)
		rc = decode_states(d);
	if (!rc && batch_grow(&d->ids, &d->id_cap, (size_t)h->sensor_n + h->uplink_n, TT_ID_LEN))
		rc = tt_err_set(d->err, -ENOMEM, "batch: out of memory");
	if (!rc)
		rc = decode_ids(d, COL_SENSORS, h->sensor_n, d->ids);
	if (rc || !all)
		return rc;
	rc = decode_ids(d, COL_UPLINKS, h->uplink_n, d->ids ? d->ids + h->sensor_n : NULL);
	if (!rc)
		rc = decode_meta(d);
	return rc ? rc : check_epochs(d);
}

static void fill_view(const struct tt_batch_decoder *d, struct tt_batch_view *v) {
	const struct tt_batch_head *h = &d->head.h;
	*v = (struct tt_batch_view){
		.head = *h,
		.sensors = (const char(*)[TT_ID_LEN])d->ids,
		.uplinks = d->ids ? (const char(*)[TT_ID_LEN])d->ids + h->sensor_n : NULL,
		.epoch_index = d->epoch,
		.src = (const uint8_t(*)[16])d->src,
		.sensor = d->sensor,
		.port = d->port,
		.family = d->family,
		.class = d->class,
		.proto = d->proto,
		.flags = d->flags,
		.packets = d->packets,
		.bytes = d->bytes,
		.first_us = d->first_us,
		.last_us = d->last_us,
		.traits = d->traits,
		.matches = {d->matches[0], d->matches[1], d->matches[2]},
		.tested = d->tested,
		.dst_bitmap = d->dst_bitmap,
		.opt_hash = d->opt_hash,
		.window = d->window,
		.other_port = d->other_port,
		.tcp_flags = d->tcp_flags,
		.ttl_min = d->ttl_min,
		.ttl_max = d->ttl_max,
		.tallies = d->tallies,
		.states = d->states,
		.meta = h->meta_len ? d->meta : NULL,
	};
	_Static_assert(TT_TOOL_N == 3, "the tools' columns are spelled out above");
	if (d->part == TT_BATCH_ALL)
		return;
	v->head.tally_n = v->head.state_n = v->head.uplink_n = 0;
	v->head.meta_len = 0;
	v->uplinks = NULL;
	v->tallies = NULL;
	v->states = NULL;
	v->meta = NULL;
	if (d->part == TT_BATCH_KEYS)
		*v = (struct tt_batch_view){.head = v->head,
			.sensors = v->sensors,
			.epoch_index = v->epoch_index,
			.src = v->src,
			.sensor = v->sensor,
			.port = v->port,
			.family = v->family,
			.class = v->class,
			.proto = v->proto,
			.flags = v->flags};
}

int tt_batch_decode_part(struct tt_batch_decoder *d, const void *msg, size_t len,
	enum tt_batch_part part, struct tt_batch_view *view, struct tt_err *err) {
	d->err = err;
	d->part = part;
	int rc = wire_head_unpack(msg, len, &d->head, err);
	if (rc)
		return rc;
	if (wire_checksum(msg, len) != d->head.checksum)
		return tt_err_set(err, -EBADMSG, "batch: checksum does not match");
	rc = directory(d, msg);
	if (!rc)
		rc = decode_payload(d);
	if (!rc)
		fill_view(d, view);
	return rc;
}

int tt_batch_decode(struct tt_batch_decoder *d, const void *msg, size_t len,
	struct tt_batch_view *view, struct tt_err *err) {
	return tt_batch_decode_part(d, msg, len, TT_BATCH_ALL, view, err);
}
