/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_wire.h"

// The layout that docs/wire-format.md describes: 96 bytes of header, the directory (one entry a
// column), the columns one after the other as they are stored.
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are copied as they are");

#define WIRE_MAGIC	 "TTOB"
#define WIRE_VERSION	 1
#define WIRE_HEAD	 96
#define WIRE_ENTRY	 12
#define WIRE_TALLY_MAX	 16384
#define WIRE_STATE_MAX	 65536
#define WIRE_META_MAX	 (8u << 20)
#define WIRE_ID_WIDTH	 32
#define WIRE_TABLE	 256	      // id of a column's table = id of the column + 256
#define WIRE_TABLE_N	 256	      // values in it at most
#define WIRE_BIT_NONE	 64	      // dst_bit: no bit at all
#define WIRE_BIT_COLUMN	 255	      // dst_bit: the next value of dst_bitmap
#define WIRE_PACKETS_MAX (1ull << 40) // of an observation: an hour at 300 Mpps
#define WIRE_BYTES_MAX	 (1ull << 50)
#define WIRE_COUNT_MAX	 (1ull << 60) // of a tally: counters of a whole uplink

enum wire_encoding { WIRE_PLAIN, WIRE_ZSTD };

enum wire_column {
	COL_EPOCH = 1,
	COL_SENSOR,
	COL_FAMILY,
	COL_SRC4,
	COL_SRC6_HI,
	COL_SRC6_LO,
	COL_CLASS,
	COL_PROTO,
	COL_PORT,
	COL_FLAGS,
	COL_PACKETS,
	COL_BYTES,
	COL_FIRST_US,
	COL_SPAN_US,
	COL_TRAITS,
	COL_ZMAP,
	COL_MASSCAN,
	COL_MIRAI,
	COL_TESTED,
	COL_DST_BIT,
	COL_DST_BITMAP,
	COL_OPT_HASH,
	COL_WINDOW,
	COL_OTHER_PORT,
	COL_TCP_FLAGS,
	COL_TTL_MIN,
	COL_TTL_SPAN,
	COL_TALLY_EPOCH = 33,
	COL_TALLY_UPLINK,
	COL_TALLY_LINK_UP,
	COL_TALLY_PACKETS, // five, in the order of enum tt_fate
	COL_TALLY_BYTES = COL_TALLY_PACKETS + TT_FATE_N,
	COL_TALLY_IMISSED = COL_TALLY_BYTES + TT_FATE_N,
	COL_TALLY_IERRORS,
	COL_TALLY_RX_NOMBUF,
	COL_TALLY_HARVEST_LOST,
	COL_TALLY_SPOOL_LOST,
	COL_TALLY_LATE,
	COL_TALLY_FEED_FRAGMENTS,
	COL_STATE_EPOCH = 65,
	COL_STATE_SENSOR,
	COL_STATE_STATE,
	COL_STATE_RECEIVED,
	COL_STATE_LOST,
	COL_STATE_GIVEN_UP,
	COL_SENSORS = 97,
	COL_UPLINKS,
	COL_META,
	COL_N = 100,
};

/// A column as both sides and the document know it: name, bytes of a value at most.
struct wire_field {
	uint8_t id, width;
	const char *name;
};
extern const struct wire_field wire_fields[];
extern const unsigned wire_field_n;
const struct wire_field *wire_field(unsigned id); // NULL: no such column

/// Members of struct tt_tally and struct tt_sensor_state: each is a column.
struct wire_member {
	uint8_t id, size;
	uint16_t offset;
};
extern const struct wire_member wire_tally_members[];
extern const unsigned wire_tally_member_n;
extern const struct wire_member wire_state_members[];
extern const unsigned wire_state_member_n;

/// The fixed part of a message.
struct wire_head {
	struct tt_batch_head h;
	unsigned column_n;
	uint32_t payload, checksum;
};
void wire_head_pack(const struct wire_head *w, uint8_t out[WIRE_HEAD]);
/// Checks everything that the header alone can tell, and that it fits a message of len bytes.
int wire_head_unpack(const void *msg, size_t len, struct wire_head *w, struct tt_err *err);
/// CRC-32C of the header without its last field, then of the payload.
uint32_t wire_checksum(const uint8_t *msg, size_t len);

struct wire_entry {
	uint16_t id;
	uint8_t width, encoding;
	uint32_t count, len;
};
void wire_entry_pack(const struct wire_entry *e, uint8_t out[WIRE_ENTRY]);
void wire_entry_unpack(struct wire_entry *e, const uint8_t in[WIRE_ENTRY]);

/// CRC-32C (RFC 3720, appendix B.4), continued from crc (0 at the start).
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/// The same without the processor's instruction.
uint32_t crc32c_soft(uint32_t crc, const void *data, size_t len);
