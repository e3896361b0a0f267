/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdint.h>

#include "tt_err.h"

/// Reader of capture files: pcap (micro- and nanoseconds, both byte orders) and pcapng (several
/// sections and interfaces, any resolution, both byte orders). Maps the file; records point into
/// the map and stay valid until destroy. Link types: Ethernet, raw IP (12, 14, 101, 228, 229),
/// Linux cooked v1 and v2; others are refused by name when their first packet comes.
/// One thread at a time. Should another process cut the file while it is read, that is reported as
/// a failure at the next window of 4 MiB; only a cut within the window in use raises SIGBUS.
struct tt_capture;

struct tt_capture_rec {
	int64_t ns;	     // since 1970, clamped to 0..TT_TIME_MAX seconds
	const uint8_t *data; // into the map
	uint32_t caplen;
	uint32_t len;	  // original length without FCS; at least caplen
	uint8_t link;	  // enum tt_link_type
	uint16_t ifindex; // interface of a pcapng, 0 otherwise
};

/// Opens and reads the file header. NULL with errno (EINVAL, ENOTSUP, or open's) and a message
/// that names file and offset.
struct tt_capture *tt_capture_open(const char *path, struct tt_err *err);
void tt_capture_close(struct tt_capture **c);
/// Reads up to n records in file order. Returns how many (0: end of file), or -errno with a
/// message that names file and offset: -EBADMSG where a record is cut or makes no sense, -ENOTSUP
/// for a link type. A failure comes after all records before it, and stays.
int tt_capture_read(
	struct tt_capture *c, struct tt_capture_rec *recs, unsigned n, struct tt_err *err);
/// Bytes of the file, and how far reading has come (for progress).
uint64_t tt_capture_size(const struct tt_capture *c);
uint64_t tt_capture_pos(const struct tt_capture *c);

/// Writer, for the generator and for tests.
struct tt_capture_writer;
enum tt_capture_format { TT_PCAP_US, TT_PCAP_NS, TT_PCAPNG };
/// A pcapng gets one interface for each (ifindex, link type), when its first packet comes, numbered
/// in that order; a pcap refuses (-EINVAL) a second link type. snaplen cuts records; 0 cuts none.
/// NULL with errno and a message. Failures to write stick and come back from finish.
struct tt_capture_writer *tt_capture_create(const char *path, enum tt_capture_format format,
	int big_endian, uint32_t snaplen, struct tt_err *err);
int tt_capture_write(struct tt_capture_writer *w, const struct tt_capture_rec *rec);
/// Flushes and closes; -errno where anything could not be written.
int tt_capture_finish(struct tt_capture_writer **w, struct tt_err *err);
