/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <zstd.h>

#include "format.h"

#define ROWS	    TT_BATCH_ROWS_MAX
#define COLUMNS_MAX 96 // of a message: every field, and tables

// Rows are taken apart when they are added: each column is written in order, so that encoding
// reads straight through memory.
struct tt_batch {
	struct tt_batch_head head;
	bool begun;
	char (*ids)[WIRE_ID_WIDTH]; // sensors, then uplinks
	size_t id_cap;
	char *meta;
	size_t meta_cap;
	int64_t last_epoch; // epoch of the last row, and its index
	uint32_t last_index;

	uint32_t n4, n6, bitmap_n;
	uint32_t *epoch, *src4, *first_us, *span_us, *traits, *zmap, *masscan, *mirai, *tested;
	uint32_t *opt_hash;
	uint64_t *src6_hi, *src6_lo, *packets, *bytes, *dst_bitmap;
	uint16_t *sensor, *port, *window, *other_port;
	uint8_t *family, *class, *proto, *flags, *dst_bit, *tcp_flags, *ttl_min, *ttl_span;
	void *rows; // the memory of all these

	struct tt_tally *tallies;
	struct tt_sensor_state *states;
	uint32_t tally_cap, state_cap;

	ZSTD_CCtx *zstd;
	uint8_t *out;
	size_t out_len, out_cap;
	struct wire_entry entries[COLUMNS_MAX];
	unsigned entry_n;
	const uint8_t *msg;
	size_t msg_len;
	int rc;
	uint64_t scratch[ROWS]; // a column in its narrow form
	uint64_t gather[ROWS];	// a column gathered from rows
	uint8_t index[ROWS];
};

/// Grows *pp (an array of `size` bytes an element) to at least `want` elements. 0 or -ENOMEM.
int batch_grow(void *pp, size_t *cap, size_t want, size_t size);
