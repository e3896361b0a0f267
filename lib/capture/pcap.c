/* SPDX-License-Identifier: BSD-3-Clause */
// The classic format (draft-ietf-opsawg-pcap).
#include "capture_priv.h"

#include <errno.h>
#include <stdlib.h>

#define MAGIC_US     0xa1b2c3d4u
#define MAGIC_NS     0xa1b23c4du
#define MAGIC_KUZNET 0xa1b2cd34u // Kuznetzov's patch to libpcap 0.4: longer record headers
#define MAGIC_NAVTEL 0xa12b3c4du
#define HEADER_LEN   24
#define RECORD_LEN   16

static int read_magic(struct tt_capture *c, uint32_t *mult) {
	uint32_t magic = load32(c->map, false);
	for (int i = 0; i < 2; i++, magic = __builtin_bswap32(magic)) {
		c->swap = i;
		switch (magic) {
		case MAGIC_US:
			*mult = 1000;
			return 0;
		case MAGIC_NS:
			*mult = 1;
			return 0;
		case MAGIC_KUZNET:
			return capture_fail(c, -ENOTSUP, 0,
				"the file is Kuznetzov-modified pcap, expected pcap or pcapng");
		case MAGIC_NAVTEL:
			return capture_fail(
				c, -ENOTSUP, 0, "the file is Navtel pcap, expected pcap or pcapng");
		}
	}
	return capture_fail(c, -EINVAL, 0,
		"the file begins with %02x %02x %02x %02x, expected the "
		"magic number of a pcap or pcapng",
		c->map[0], c->map[1], c->map[2], c->map[3]);
}

int pcap_open(struct tt_capture *c) {
	uint32_t mult = 0;
	int rc = read_magic(c, &mult);
	if (rc < 0)
		return rc;
	if (c->size < HEADER_LEN)
		return capture_fail(c, -EINVAL, 0, "the file header is cut: %llu of %d bytes",
			(unsigned long long)c->size, HEADER_LEN);
	uint16_t major = load16(c->map + 4, c->swap);
	c->minor = load16(c->map + 6, c->swap);
	if (major != 2 || c->minor > 4)
		return capture_fail(
			c, -ENOTSUP, 4, "pcap version %u.%u, expected up to 2.4", major, c->minor);
	uint32_t network = load32(c->map + 20, c->swap);
	c->ifaces = calloc(1, sizeof(*c->ifaces));
	if (!c->ifaces)
		return capture_fail(c, -ENOMEM, 0, "out of memory");
	c->iface_n = c->iface_cap = 1;
	struct iface *f = c->ifaces;
	f->linktype = network & 0xffff;
	f->link = linktype_link(f->linktype);
	f->mult = mult;
	if (network & 1u << 26) // the F bit: the four bits at the top count 16-bit words of FCS
		f->fcs = (uint8_t)(network >> 28) * 2;
	f->snaplen = load32(c->map + 16, c->swap);
	c->pos = HEADER_LEN;
	return 0;
}

static int bad_record(struct tt_capture *c, uint64_t off, uint32_t caplen, uint32_t limit) {
	uint64_t left = c->size - off;
	if (left < RECORD_LEN)
		return capture_fail(c, -EBADMSG, off, "the record header is cut: %llu of %d bytes",
			(unsigned long long)left, RECORD_LEN);
	if (caplen > limit)
		return capture_fail(c, -EBADMSG, off,
			"a record of %u captured bytes makes no sense, expected at most %u", caplen,
			limit);
	return capture_fail(c, -EBADMSG, off, "the record is cut: %llu of %u captured bytes",
		(unsigned long long)(left - RECORD_LEN), caplen);
}

// Files before version 2.3 had the two lengths the other way round, those of 2.3 had them either
// way (libpcap, sf-pcap.c).
static inline void order_lengths(uint16_t minor, struct tt_capture_rec *r) {
	if (minor < 3 || (minor == 3 && r->caplen > r->len)) {
		uint32_t t = r->caplen;
		r->caplen = r->len;
		r->len = t;
	}
}

static inline __attribute__((always_inline)) unsigned read_records(
	struct tt_capture *c, struct tt_capture_rec *recs, unsigned n, const bool swap) {
	const struct iface f = c->ifaces[0];
	const uint32_t limit = f.snaplen > CAPLEN_MAX ? f.snaplen : CAPLEN_MAX;
	const uint8_t *map = c->map;
	const uint64_t size = c->size, stop = c->checked;
	uint64_t pos = c->pos;
	unsigned i;
	for (i = 0; i < n && pos < stop; i++) {
		struct tt_capture_rec *r = &recs[i];
		const uint8_t *p = map + pos;
		prefetch_ahead(p);
		if (__builtin_expect(size - pos < RECORD_LEN, 0)) {
			bad_record(c, pos, 0, limit);
			break;
		}
		if (__builtin_expect(stop - pos < RECORD_LEN, 0))
			break;
		r->caplen = load32(p + 8, swap);
		r->len = load32(p + 12, swap);
		if (__builtin_expect(c->minor < 4, 0))
			order_lengths(c->minor, r);
		if (__builtin_expect(r->caplen > limit || r->caplen > size - pos - RECORD_LEN, 0)) {
			bad_record(c, pos, r->caplen, limit);
			break;
		}
		// seconds are unsigned: files reach 2106, and a sub-second of a second or more
		// carries
		r->ns = load32(p, swap) * TT_NS + (int64_t)load32(p + 4, swap) * f.mult;
		if (__builtin_expect(r->ns >= (TT_TIME_MAX + 1) * TT_NS, 0))
			r->ns = TT_TIME_MAX * TT_NS;
		r->data = p + RECORD_LEN;
		if (__builtin_expect(r->len < r->caplen, 0))
			r->len = r->caplen; // what is there was there
		r->link = f.link;
		r->ifindex = 0;
		pos += RECORD_LEN + r->caplen;
		if (f.fcs)
			strip_fcs(r, f.fcs);
	}
	c->pos = pos;
	return i;
}

unsigned pcap_read(struct tt_capture *c, struct tt_capture_rec *recs, unsigned n) {
	if (c->ifaces[0].link == NOT_A_LINK) {
		capture_fail_link(c, c->pos, c->ifaces[0].linktype);
		return 0;
	}
	return c->swap ? read_records(c, recs, n, true) : read_records(c, recs, n, false);
}
