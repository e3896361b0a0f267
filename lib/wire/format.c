/* SPDX-License-Identifier: BSD-3-Clause */
#include "format.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct wire_field wire_fields[] = {
	{COL_EPOCH, 4, "epoch"},
	{COL_SENSOR, 2, "sensor"},
	{COL_FAMILY, 1, "family"},
	{COL_SRC4, 4, "src4"},
	{COL_SRC6_HI, 8, "src6_hi"},
	{COL_SRC6_LO, 8, "src6_lo"},
	{COL_CLASS, 1, "class"},
	{COL_PROTO, 1, "proto"},
	{COL_PORT, 2, "port"},
	{COL_FLAGS, 1, "flags"},
	{COL_PACKETS, 8, "packets"},
	{COL_BYTES, 8, "bytes"},
	{COL_FIRST_US, 4, "first_us"},
	{COL_SPAN_US, 4, "span_us"},
	{COL_TRAITS, 4, "traits"},
	{COL_ZMAP, 4, "zmap"},
	{COL_MASSCAN, 4, "masscan"},
	{COL_MIRAI, 4, "mirai"},
	{COL_TESTED, 4, "tested"},
	{COL_DST_BIT, 1, "dst_bit"},
	{COL_DST_BITMAP, 8, "dst_bitmap"},
	{COL_OPT_HASH, 4, "opt_hash"},
	{COL_WINDOW, 2, "window"},
	{COL_OTHER_PORT, 2, "other_port"},
	{COL_TCP_FLAGS, 1, "tcp_flags"},
	{COL_TTL_MIN, 1, "ttl_min"},
	{COL_TTL_SPAN, 1, "ttl_span"},
	{COL_TALLY_EPOCH, 4, "tally_epoch"},
	{COL_TALLY_UPLINK, 2, "tally_uplink"},
	{COL_TALLY_LINK_UP, 1, "tally_link_up"},
	{COL_TALLY_PACKETS + TT_FATE_NON_IP, 8, "tally_packets_non_ip"},
	{COL_TALLY_PACKETS + TT_FATE_MALFORMED, 8, "tally_packets_malformed"},
	{COL_TALLY_PACKETS + TT_FATE_UNASSIGNED, 8, "tally_packets_unassigned"},
	{COL_TALLY_PACKETS + TT_FATE_OBSERVED, 8, "tally_packets_observed"},
	{COL_TALLY_PACKETS + TT_FATE_SPILLED, 8, "tally_packets_spilled"},
	{COL_TALLY_BYTES + TT_FATE_NON_IP, 8, "tally_bytes_non_ip"},
	{COL_TALLY_BYTES + TT_FATE_MALFORMED, 8, "tally_bytes_malformed"},
	{COL_TALLY_BYTES + TT_FATE_UNASSIGNED, 8, "tally_bytes_unassigned"},
	{COL_TALLY_BYTES + TT_FATE_OBSERVED, 8, "tally_bytes_observed"},
	{COL_TALLY_BYTES + TT_FATE_SPILLED, 8, "tally_bytes_spilled"},
	{COL_TALLY_IMISSED, 8, "tally_imissed"},
	{COL_TALLY_IERRORS, 8, "tally_ierrors"},
	{COL_TALLY_RX_NOMBUF, 8, "tally_rx_nombuf"},
	{COL_TALLY_HARVEST_LOST, 8, "tally_harvest_lost"},
	{COL_TALLY_SPOOL_LOST, 8, "tally_spool_lost"},
	{COL_TALLY_LATE, 8, "tally_late"},
	{COL_TALLY_FEED_FRAGMENTS, 8, "tally_feed_fragments"},
	{COL_STATE_EPOCH, 4, "state_epoch"},
	{COL_STATE_SENSOR, 2, "state_sensor"},
	{COL_STATE_STATE, 1, "state_state"},
	{COL_STATE_RECEIVED, 8, "state_received"},
	{COL_STATE_LOST, 8, "state_lost"},
	{COL_STATE_GIVEN_UP, 8, "state_given_up"},
	{COL_SENSORS, WIRE_ID_WIDTH, "sensors"},
	{COL_UPLINKS, WIRE_ID_WIDTH, "uplinks"},
	{COL_META, 1, "meta"},
};
const unsigned wire_field_n = sizeof(wire_fields) / sizeof(wire_fields[0]);

const struct wire_field *wire_field(unsigned id) {
	for (unsigned i = 0; i < wire_field_n; i++)
		if (wire_fields[i].id == id)
			return &wire_fields[i];
	return NULL;
}

#define TALLY(id, m)                                                                               \
	{ id, sizeof(((struct tt_tally *)0)->m), offsetof(struct tt_tally, m) }
#define STATE(id, m)                                                                               \
	{ id, sizeof(((struct tt_sensor_state *)0)->m), offsetof(struct tt_sensor_state, m) }

const struct wire_member wire_tally_members[] = {
	TALLY(COL_TALLY_EPOCH, epoch),
	TALLY(COL_TALLY_UPLINK, uplink),
	TALLY(COL_TALLY_LINK_UP, link_up),
	TALLY(COL_TALLY_PACKETS + 0, packets[0]),
	TALLY(COL_TALLY_PACKETS + 1, packets[1]),
	TALLY(COL_TALLY_PACKETS + 2, packets[2]),
	TALLY(COL_TALLY_PACKETS + 3, packets[3]),
	TALLY(COL_TALLY_PACKETS + 4, packets[4]),
	TALLY(COL_TALLY_BYTES + 0, bytes[0]),
	TALLY(COL_TALLY_BYTES + 1, bytes[1]),
	TALLY(COL_TALLY_BYTES + 2, bytes[2]),
	TALLY(COL_TALLY_BYTES + 3, bytes[3]),
	TALLY(COL_TALLY_BYTES + 4, bytes[4]),
	TALLY(COL_TALLY_IMISSED, imissed),
	TALLY(COL_TALLY_IERRORS, ierrors),
	TALLY(COL_TALLY_RX_NOMBUF, rx_nombuf),
	TALLY(COL_TALLY_HARVEST_LOST, harvest_lost),
	TALLY(COL_TALLY_SPOOL_LOST, spool_lost),
	TALLY(COL_TALLY_LATE, late),
	TALLY(COL_TALLY_FEED_FRAGMENTS, feed_fragments),
};
const unsigned wire_tally_member_n = sizeof(wire_tally_members) / sizeof(wire_tally_members[0]);
_Static_assert(TT_FATE_N == 5, "the five fates are spelled out above");

const struct wire_member wire_state_members[] = {
	STATE(COL_STATE_EPOCH, epoch),
	STATE(COL_STATE_SENSOR, sensor),
	STATE(COL_STATE_STATE, state),
	STATE(COL_STATE_RECEIVED, received),
	STATE(COL_STATE_LOST, lost),
	STATE(COL_STATE_GIVEN_UP, given_up),
};
const unsigned wire_state_member_n = sizeof(wire_state_members) / sizeof(wire_state_members[0]);

static uint8_t *put(uint8_t *p, uint64_t v, unsigned n) {
	memcpy(p, &v, n); // little-endian by the assertion in format.h
	return p + n;
}

static const uint8_t *get(const uint8_t *p, void *v, unsigned n) {
	memcpy(v, p, n);
	return p + n;
}

void wire_head_pack(const struct wire_head *w, uint8_t out[WIRE_HEAD]) {
	const struct tt_batch_head *h = &w->h;
	uint8_t *p = out;
	memset(out, 0, WIRE_HEAD);
	memcpy(p, WIRE_MAGIC, 4);
	p = put(p + 4, WIRE_VERSION, 2);
	p = put(p, w->column_n, 2);
	p = put(p, h->seq, 8);
	p = put(p, strtoull(h->boot, NULL, 16), 8);
	memcpy(p, h->probe, strlen(h->probe));
	p = put(p + WIRE_ID_WIDTH, h->epoch_s, 4);
	p = put(p, (uint64_t)h->epoch_min, 4);
	p = put(p, (uint64_t)h->epoch_max, 4);
	p = put(p, h->obs_n, 4);
	p = put(p, h->tally_n, 4);
	p = put(p, h->state_n, 4);
	p = put(p, h->meta_len, 4);
	p = put(p, h->sensor_n, 2);
	p = put(p, h->uplink_n, 2);
	p = put(p, w->payload, 4);
	put(p, w->checksum, 4);
}

static void unpack(const uint8_t *p, struct wire_head *w) {
	struct tt_batch_head *h = &w->h;
	uint64_t boot;
	uint32_t min, max;
	uint16_t columns;
	memset(w, 0, sizeof(*w));
	p = get(p + 6, &columns, 2);
	p = get(p, &h->seq, 8);
	p = get(p, &boot, 8);
	snprintf(h->boot, sizeof(h->boot), "%016" PRIx64, boot);
	memcpy(h->probe, p, WIRE_ID_WIDTH); // the zero after it is there
	p = get(p + WIRE_ID_WIDTH, &h->epoch_s, 4);
	p = get(p, &min, 4);
	p = get(p, &max, 4);
	p = get(p, &h->obs_n, 4);
	p = get(p, &h->tally_n, 4);
	p = get(p, &h->state_n, 4);
	p = get(p, &h->meta_len, 4);
	p = get(p, &h->sensor_n, 2);
	p = get(p, &h->uplink_n, 2);
	p = get(p, &w->payload, 4);
	get(p, &w->checksum, 4);
	w->column_n = columns;
	h->epoch_min = min;
	h->epoch_max = max;
}

// whether the id's padding is all zero, so that one batch has one form
static bool padded(const char id[TT_ID_LEN]) {
	for (size_t i = strlen(id); i < WIRE_ID_WIDTH; i++)
		if (id[i])
			return false;
	return true;
}

static int head_check(const struct wire_head *w, struct tt_err *err) {
	const struct tt_batch_head *h = &w->h;
	if (!tt_id_valid(h->probe) || !padded(h->probe))
		return tt_err_set(err, -EBADMSG, "batch: probe name is no id ([a-z0-9-]{1,32})");
	if (!h->seq)
		return tt_err_set(err, -EBADMSG, "batch: sequence number is 0, expected 1 or more");
	if (!h->epoch_s || 3600 % h->epoch_s)
		return tt_err_set(err, -EBADMSG, "batch: epoch of %u s, expected a divisor of 3600",
			h->epoch_s);
	if (h->epoch_min > h->epoch_max || h->epoch_min % h->epoch_s || h->epoch_max % h->epoch_s)
		return tt_err_set(err, -EBADMSG,
			"batch: epochs %" PRId64 " to %" PRId64 " are no range of %u s epochs",
			h->epoch_min, h->epoch_max, h->epoch_s);
	if (h->obs_n > TT_BATCH_ROWS_MAX || h->tally_n > WIRE_TALLY_MAX ||
		h->state_n > WIRE_STATE_MAX || h->meta_len > WIRE_META_MAX)
		return tt_err_set(err, -EBADMSG,
			"batch: %u observations, %u tallies, %u states, %u bytes of meta: expected "
			"at "
			"most %u, %u, %u, %u",
			h->obs_n, h->tally_n, h->state_n, h->meta_len, TT_BATCH_ROWS_MAX,
			WIRE_TALLY_MAX, WIRE_STATE_MAX, WIRE_META_MAX);
	if (w->column_n > 2 * wire_field_n || w->payload < w->column_n * WIRE_ENTRY)
		return tt_err_set(err, -EBADMSG, "batch: %u columns in %u bytes of payload",
			w->column_n, w->payload);
	return 0;
}

int wire_head_unpack(const void *msg, size_t len, struct wire_head *w, struct tt_err *err) {
	uint16_t version;
	if (len < WIRE_HEAD || memcmp(msg, WIRE_MAGIC, 4))
		return tt_err_set(
			err, -EBADMSG, "batch: %zu bytes that do not begin as a batch", len);
	if (len > TT_BATCH_BYTES_MAX)
		return tt_err_set(err, -EBADMSG, "batch: %zu bytes, expected at most %u", len,
			TT_BATCH_BYTES_MAX);
	get((const uint8_t *)msg + 4, &version, 2);
	if (version != WIRE_VERSION)
		return tt_err_set(err, -EPROTONOSUPPORT, "batch: format version %u, expected %u",
			version, WIRE_VERSION);
	unpack(msg, w);
	if (len != (size_t)WIRE_HEAD + w->payload)
		return tt_err_set(err, -EBADMSG, "batch: %zu bytes, expected %zu by its header",
			len, (size_t)WIRE_HEAD + w->payload);
	return head_check(w, err);
}

int tt_batch_peek(const void *msg, size_t len, struct tt_batch_head *head, struct tt_err *err) {
	struct wire_head w;
	int rc = wire_head_unpack(msg, len, &w, err);
	if (!rc)
		*head = w.h;
	return rc;
}

uint32_t wire_checksum(const uint8_t *msg, size_t len) {
	uint32_t crc = crc32c(0, msg, WIRE_HEAD - 4);
	return crc32c(crc, msg + WIRE_HEAD, len - WIRE_HEAD);
}

void wire_entry_pack(const struct wire_entry *e, uint8_t out[WIRE_ENTRY]) {
	uint8_t *p = put(out, e->id, 2);
	p = put(p, e->width, 1);
	p = put(p, e->encoding, 1);
	p = put(p, e->count, 4);
	put(p, e->len, 4);
}

void wire_entry_unpack(struct wire_entry *e, const uint8_t in[WIRE_ENTRY]) {
	const uint8_t *p = get(in, &e->id, 2);
	p = get(p, &e->width, 1);
	p = get(p, &e->encoding, 1);
	p = get(p, &e->count, 4);
	get(p, &e->len, 4);
}
