/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "tt_names.h"

// What travels on the link. Every message begins with a frame of 24 bytes:
//   0 "TL", 2 u8 type, 3 u8 version of the link, 4 u32 value, 8 u64 boot, 16 u64 seq
// followed, in the same frame, by what the type adds. A BATCH has the batch as its second frame.
#define PROTO_VERSION	 1
#define PROTO_HEAD	 24
#define PROTO_HELLO_LEN	 (PROTO_HEAD + 4 + 8 + 32)
#define PROTO_TEXT_MAX	 512
#define PROTO_RANGES_MAX 256
#define PROTO_FRAME_MAX	 (PROTO_HEAD + 16 * PROTO_RANGES_MAX)

enum proto_type {
	PROTO_HELLO = 1, // u16 lowest and highest version spoken, i64 clock (ns), probe (32 bytes)
	PROTO_WELCOME,	 // value: window; seq: every batch of the boot up to here is committed
	PROTO_BATCH,	 // value: the probe's clock, the low 32 bits of milliseconds
	PROTO_ACK,	 // value: number of ranges, each u64 first and last seq; they are committed
	PROTO_REFUSE,	 // value: enum proto_refusal; seq: the batch, 0: the connection; text
	PROTO_WHO,	 // the server does not know this connection: say HELLO again
};

enum proto_refusal {
	PROTO_LATER = 1, // not now (the store is full, say); the batch will be sent again
	PROTO_BAD,	 // this batch can never be taken
	PROTO_NEVER,	 // nothing of this probe is taken by this collector: version, name
};

struct proto_range {
	uint64_t first, last;
};

struct proto_frame {
	uint8_t type, version;
	uint32_t value;
	uint64_t boot, seq;
	uint16_t lowest, highest;   // HELLO
	int64_t clock_ns;	    // HELLO
	char probe[TT_ID_LEN];	    // HELLO
	char text[PROTO_TEXT_MAX];  // REFUSE
	struct proto_range *ranges; // ACK; to read: room for PROTO_RANGES_MAX
};

/// Writes a frame; returns its length.
size_t proto_pack(const struct proto_frame *f, uint8_t out[PROTO_FRAME_MAX]);
/// Checks and reads one. 0 or -EBADMSG.
int proto_unpack(const void *data, size_t len, struct proto_frame *f);
