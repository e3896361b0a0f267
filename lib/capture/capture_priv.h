/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <string.h>

#include "tt_capture.h"
#include "tt_packet.h"
#include "tt_time.h"

#define NOT_A_LINK 0xff
#define CAPLEN_MAX 262144 // libpcap's MAXIMUM_SNAPLEN
#define PREFETCH   2048	  // each header is found by the one before it: hides what memory takes

/// An interface of a pcapng section; a pcap file is one interface.
struct iface {
	uint32_t snaplen; // 0: no limit
	uint32_t linktype;
	int64_t offset_s; // if_tsoffset
	uint32_t mult; // ns = ts * mult where the unit is 1 ns or a decimal multiple of it, else 0
	uint8_t link;  // enum tt_link_type or NOT_A_LINK
	uint8_t tsresol; // if_tsresol as the file has it
	uint8_t fcs;	 // bytes of frame check sequence at the end of every frame
};

struct tt_capture {
	const uint8_t *map;
	uint64_t size, pos;
	uint64_t checked; // bytes that fstat said are there, and that have been read in
	int fd;
	int rc; // sticky failure, told once what was read before it has been handed out
	bool ng, swap;
	uint16_t minor; // version of a pcap
	struct iface *ifaces;
	unsigned iface_n, iface_cap;
	char *path;
	struct tt_err err;
};

/// Stores a failure at an offset of the file; returns rc.
int capture_fail(struct tt_capture *c, int rc, uint64_t off, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/// Refuses an interface's link type by name.
int capture_fail_link(struct tt_capture *c, uint64_t off, uint32_t linktype);

/// enum tt_link_type of a LINKTYPE_ value, or NOT_A_LINK.
uint8_t linktype_link(uint32_t linktype);
/// Name of a LINKTYPE_ value without the prefix; NULL where we know none.
const char *linktype_name(uint32_t linktype);

int pcap_open(struct tt_capture *c);
unsigned pcap_read(struct tt_capture *c, struct tt_capture_rec *recs, unsigned n);
int pcapng_open(struct tt_capture *c);
unsigned pcapng_read(struct tt_capture *c, struct tt_capture_rec *recs, unsigned n);

static inline uint16_t load16(const uint8_t *p, bool swap) {
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t load32(const uint8_t *p, bool swap) {
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return swap ? __builtin_bswap32(v) : v;
}

/// Takes the frame check sequence off a record: `bytes` never count it.
static inline void strip_fcs(struct tt_capture_rec *r, uint32_t fcs) {
	if (fcs > r->len)
		fcs = r->len;
	r->len -= fcs;
	if (r->caplen > r->len)
		r->caplen = r->len;
}

/// Asks for what comes PREFETCH bytes after a record: as many lines as records mostly fill, for a
/// line that is left out stops the reader.
static inline void prefetch_ahead(const uint8_t *record) {
	__builtin_prefetch(record + PREFETCH);
	__builtin_prefetch(record + PREFETCH + 64);
	__builtin_prefetch(record + PREFETCH + 128);
}
