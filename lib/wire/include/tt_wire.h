/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "tt_err.h"
#include "tt_obs.h"

/// Observation batches: a versioned header, lists of sensor and uplink ids, then columns, zstd.
/// docs/wire-format.md has the layout with golden bytes.
#define TT_BATCH_ROWS_MAX  65536       // observations in one batch
#define TT_BATCH_BYTES_MAX (16u << 20) // of an encoded batch; more is refused unseen
#define TT_BOOT_LEN	   17	       // 16 hex digits

/// Who sent it and what it spans. `boot` is drawn at start-up (replay: one per capture), `seq`
/// counts the batches of a boot from 1.
struct tt_batch_head {
	char probe[TT_ID_LEN];
	char boot[TT_BOOT_LEN];
	uint64_t seq;
	uint32_t epoch_s;
	int64_t epoch_min, epoch_max; // of its rows; both 0 without rows
	uint32_t obs_n, tally_n, state_n, meta_len;
	uint16_t sensor_n, uplink_n;
};

/// A batch being filled. Not thread-safe.
struct tt_batch;
struct tt_batch *tt_batch_create(void);
void tt_batch_destroy(struct tt_batch **b);
/// Empties it and sets who it is from and what the indexes of rows mean (ids are copied).
int tt_batch_begin(struct tt_batch *b, const char *probe, const char *boot, uint32_t epoch_s,
	const char *const *sensors, unsigned sensor_n, const char *const *uplinks,
	unsigned uplink_n);
/// 0, or -ENOSPC when the batch is full: encode, send, begin again.
int tt_batch_add_obs(struct tt_batch *b, const struct tt_obs *o);
int tt_batch_add_tally(struct tt_batch *b, const struct tt_tally *t);
int tt_batch_add_state(struct tt_batch *b, const struct tt_sensor_state *s);
/// A JSON document that travels with the batch: {"type":"catalog"|"config"|"file"|...}. At most
/// one.
int tt_batch_set_meta(struct tt_batch *b, const char *json, size_t len);
/// Whether anything is in it.
int tt_batch_empty(const struct tt_batch *b);
/// Encodes with a sequence number; *msg (owned by the batch, valid until the next call on it).
int tt_batch_encode(struct tt_batch *b, uint64_t seq, const void **msg, size_t *len);

/// A decoded batch: columns in host memory. Owned by the decoder object that is reused.
struct tt_batch_view {
	struct tt_batch_head head;
	const char (*sensors)[TT_ID_LEN];
	const char (*uplinks)[TT_ID_LEN];
	// observations, one array per field of struct tt_obs, obs_n long
	const uint32_t *epoch_index; // epoch = epoch_index * epoch_s
	const uint8_t (*src)[16];
	const uint16_t *sensor, *port;
	const uint8_t *family, *class, *proto, *flags;
	const uint64_t *packets, *bytes;
	const uint32_t *first_us, *last_us, *traits;
	const uint32_t *matches[TT_TOOL_N], *tested;
	const uint64_t *dst_bitmap;
	const uint32_t *opt_hash;
	const uint16_t *window, *other_port;
	const uint8_t *tcp_flags, *ttl_min, *ttl_max;
	const struct tt_tally *tallies;
	const struct tt_sensor_state *states;
	const char *meta; // NULL without
};
struct tt_batch_decoder;
struct tt_batch_decoder *tt_batch_decoder_create(void);
void tt_batch_decoder_destroy(struct tt_batch_decoder **d);
/// Checks everything (magic, version, lengths, checksum, ids, indexes, enum ranges) before it
/// returns 0; the view is valid until the next call. -EPROTONOSUPPORT for another version,
/// -EBADMSG for anything else, with a message.
int tt_batch_decode(struct tt_batch_decoder *d, const void *msg, size_t len,
	struct tt_batch_view *view, struct tt_err *err);
/// How much of a batch is decoded: who stored it once need not check and unpack all of it again.
enum tt_batch_part {
	TT_BATCH_ALL,
	TT_BATCH_ROWS, // observations and sensors; no tallies, states, uplinks or meta
	TT_BATCH_KEYS, // of observations epoch, sensor, source, class, protocol, port and flags
		       // alone
};
/// The same for a part of it; what is left out is NULL, or counted 0 in the view's header.
int tt_batch_decode_part(struct tt_batch_decoder *d, const void *msg, size_t len,
	enum tt_batch_part part, struct tt_batch_view *view, struct tt_err *err);
/// Only the header (no decompression): cheap, for routing and refusing.
int tt_batch_peek(const void *msg, size_t len, struct tt_batch_head *head, struct tt_err *err);
/// Row i of a view.
void tt_batch_row(const struct tt_batch_view *v, uint32_t i, struct tt_obs *out);
