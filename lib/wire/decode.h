/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <zstd.h>

#include "format.h"

/// A column of the message that is being read: where its stored bytes are.
struct stored {
	bool present;
	uint8_t width, encoding;
	uint32_t count, len;
	const uint8_t *data;
};

struct tt_batch_decoder {
	ZSTD_DCtx *zstd;
	struct wire_head head;
	enum tt_batch_part part; // that is asked for
	struct stored columns[COL_N + WIRE_TABLE];
	struct tt_err *err;

	uint32_t obs_cap;      // rows that the arrays hold
	uint32_t zeros[COL_N]; // leading values of a column's array that are zero for sure
	void *obs_memory;
	uint32_t *epoch, *src4, *first_us, *last_us, *traits, *matches[TT_TOOL_N], *tested;
	uint32_t *opt_hash;
	uint64_t *src6_hi, *src6_lo, *packets, *bytes, *dst_bitmap, *bitmap_values;
	uint16_t *sensor, *port, *window, *other_port;
	uint8_t (*src)[16];
	uint8_t *family, *class, *proto, *flags, *dst_bit, *tcp_flags, *ttl_min, *ttl_max;

	struct tt_tally *tallies;
	struct tt_sensor_state *states;
	char (*ids)[TT_ID_LEN];
	char *meta;
	size_t tally_cap, state_cap, id_cap, meta_cap, scratch_cap;
	uint8_t *scratch; // a column before it is widened
};

/// Reads column `id` of n values into dst (values of `width` bytes): zeros where it is left out,
/// one value for all, through its table. -EBADMSG where its shape is wrong or a value is over max.
int decode_column(struct tt_batch_decoder *d, unsigned id, void *dst, unsigned width, uint32_t n,
	uint64_t max);
/// Reads the observations' columns into the decoder's arrays.
int decode_obs(struct tt_batch_decoder *d);
