/* SPDX-License-Identifier: BSD-3-Clause */
// The next generation format (draft-ietf-opsawg-pcapng).
#include "capture_priv.h"

#include <errno.h>
#include <stdlib.h>

#define BLOCK_SHB	 0x0a0d0d0au
#define BLOCK_IDB	 1u
#define BLOCK_PB	 2u // obsolete packet block
#define BLOCK_SPB	 3u
#define BLOCK_EPB	 6u

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define IFACES_MAX	 65536 // of a section: ifindex is 16 bits wide

#define OPT_END		 0
#define OPT_EPB_FLAGS	 2
#define OPT_IF_TSRESOL	 9
#define OPT_IF_FCSLEN	 13
#define OPT_IF_TSOFFSET	 14

struct block {
	const uint8_t *p; // of the whole block
	uint64_t off;
	uint32_t type, len;
};

static const uint64_t pow10_table[20] = {1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull,
	1000000ull, 10000000ull, 100000000ull, 1000000000ull, 10000000000ull, 100000000000ull,
	1000000000000ull, 10000000000000ull, 100000000000000ull, 1000000000000000ull,
	10000000000000000ull, 100000000000000000ull, 1000000000000000000ull,
	10000000000000000000ull};

// Nanoseconds of a timestamp in units of any resolution, within 0..TT_TIME_MAX seconds.
static int64_t any_ns(const struct iface *f, uint64_t ts) {
	unsigned v = f->tsresol & 0x7f;
	unsigned __int128 ns;
	if (f->tsresol & 0x80)
		ns = (unsigned __int128)ts * TT_NS >> v;
	else if (v <= 9)
		ns = (unsigned __int128)ts * pow10_table[9 - v];
	else
		ns = v - 9 < 20 ? ts / pow10_table[v - 9] : 0;
	__int128 all = (__int128)ns + (__int128)f->offset_s * TT_NS;
	if (all < 0)
		return 0;
	return all >= (TT_TIME_MAX + 1) * (__int128)TT_NS ? TT_TIME_MAX * TT_NS : (int64_t)all;
}

static inline int64_t to_ns(const struct iface *f, uint64_t ts) {
	if (__builtin_expect(f->mult != 0, 1)) {
		uint64_t ns;
		if (!__builtin_mul_overflow(ts, (uint64_t)f->mult, &ns) &&
			ns < (uint64_t)(TT_TIME_MAX + 1) * TT_NS)
			return (int64_t)ns;
	}
	return any_ns(f, ts);
}

struct option {
	uint16_t code, len;
	const uint8_t *value;
};

// Steps through the options between *p and end; false at their end. Options that do not fit end
// the list: what a packet was does not depend on them.
static bool next_option(const uint8_t **p, const uint8_t *end, bool swap, struct option *o) {
	if (end - *p < 4)
		return false;
	o->code = load16(*p, swap);
	o->len = load16(*p + 2, swap);
	o->value = *p + 4;
	if (o->code == OPT_END || end - o->value < o->len)
		return false;
	uint32_t padded = (o->len + 3u) & ~3u;
	*p = end - o->value < (ptrdiff_t)padded ? end : o->value + padded;
	return true;
}

static int read_shb(struct tt_capture *c, const struct block *b) {
	if (b->len < 28)
		return capture_fail(c, -EBADMSG, b->off,
			"a section header of %u bytes makes no sense, expected at least 28",
			b->len);
	uint16_t major = load16(b->p + 12, c->swap), minor = load16(b->p + 14, c->swap);
	if (major != 1)
		return capture_fail(
			c, -ENOTSUP, b->off, "pcapng version %u.%u, expected 1.0", major, minor);
	c->iface_n = 0; // interfaces belong to their section; the section's length is only a hint
	return 0;
}

static int add_iface(struct tt_capture *c, const struct block *b) {
	if (c->iface_n == IFACES_MAX)
		return capture_fail(
			c, -EBADMSG, b->off, "more than %d interfaces in a section", IFACES_MAX);
	if (c->iface_n < c->iface_cap)
		return 0;
	unsigned cap = c->iface_cap ? c->iface_cap * 2 : 4;
	struct iface *more = realloc(c->ifaces, cap * sizeof(*more));
	if (!more)
		return capture_fail(c, -ENOMEM, b->off, "out of memory");
	c->ifaces = more;
	c->iface_cap = cap;
	return 0;
}

static int read_idb(struct tt_capture *c, const struct block *b) {
	if (b->len < 20)
		return capture_fail(c, -EBADMSG, b->off,
			"an interface description of %u bytes makes no sense, expected at least 20",
			b->len);
	int rc = add_iface(c, b);
	if (rc < 0)
		return rc;
	struct iface *f = &c->ifaces[c->iface_n++];
	memset(f, 0, sizeof(*f));
	f->linktype = load16(b->p + 8, c->swap);
	f->link = linktype_link(f->linktype);
	f->snaplen = load32(b->p + 12, c->swap);
	f->tsresol = 6;
	const uint8_t *p = b->p + 16, *end = b->p + b->len - 4;
	struct option o;
	while (next_option(&p, end, c->swap, &o)) {
		if (o.code == OPT_IF_TSRESOL && o.len == 1) {
			f->tsresol = o.value[0];
		} else if (o.code == OPT_IF_FCSLEN && o.len == 1) {
			f->fcs = o.value[0];
		} else if (o.code == OPT_IF_TSOFFSET && o.len == 8) {
			uint64_t v;
			memcpy(&v, o.value, sizeof(v));
			f->offset_s = (int64_t)(c->swap ? __builtin_bswap64(v) : v);
		}
	}
	if (f->tsresol <= 9 && f->offset_s == 0)
		f->mult = (uint32_t)pow10_table[9 - f->tsresol];
	return 0;
}

// Frame check sequence of a packet: its flags say (bits 5 to 8), else its interface does.
static uint32_t packet_fcs(const uint8_t *p, const uint8_t *end, bool swap, uint32_t fcs) {
	struct option o;
	while (next_option(&p, end, swap, &o)) {
		if (o.code != OPT_EPB_FLAGS || o.len != 4)
			continue;
		uint32_t n = load32(o.value, swap) >> 5 & 15;
		return n ? n : fcs;
	}
	return fcs;
}

static int bad_packet(struct tt_capture *c, const struct block *b, unsigned head, uint32_t ifindex,
	uint32_t caplen) {
	if (b->len < head + 4)
		return capture_fail(c, -EBADMSG, b->off,
			"a packet block of %u bytes makes no sense, expected at least %u", b->len,
			head + 4);
	if (ifindex >= c->iface_n)
		return capture_fail(c, -EBADMSG, b->off,
			"the packet is of interface %u, but its section describes %u", ifindex,
			c->iface_n);
	if (c->ifaces[ifindex].link == NOT_A_LINK)
		return capture_fail_link(c, b->off, c->ifaces[ifindex].linktype);
	return capture_fail(c, -EBADMSG, b->off,
		"the packet has %u captured bytes, but its block has %u", caplen,
		b->len - head - 4);
}

// Enhanced and obsolete packet blocks differ in the interface's width only.
static int read_packet(struct tt_capture *c, const struct block *b, struct tt_capture_rec *r) {
	const unsigned head = 28;
	const bool swap = c->swap;
	if (__builtin_expect(b->len < head + 4, 0))
		return bad_packet(c, b, head, 0, 0);
	uint32_t ifindex = b->type == BLOCK_EPB ? load32(b->p + 8, swap) : load16(b->p + 8, swap);
	r->caplen = load32(b->p + 20, swap);
	r->len = load32(b->p + 24, swap);
	uint32_t room = b->len - head - 4;
	if (__builtin_expect(ifindex >= c->iface_n || r->caplen > room, 0))
		return bad_packet(c, b, head, ifindex, r->caplen);
	const struct iface *f = &c->ifaces[ifindex];
	if (__builtin_expect(f->link == NOT_A_LINK, 0))
		return bad_packet(c, b, head, ifindex, r->caplen);
	r->ns = to_ns(f, (uint64_t)load32(b->p + 12, swap) << 32 | load32(b->p + 16, swap));
	r->data = b->p + head;
	if (__builtin_expect(r->len < r->caplen, 0))
		r->len = r->caplen;
	r->link = f->link;
	r->ifindex = (uint16_t)ifindex;
	uint32_t fcs = f->fcs, used = (r->caplen + 3) & ~3u;
	if (room > used)
		fcs = packet_fcs(r->data + used, r->data + room, swap, fcs);
	if (__builtin_expect(fcs != 0, 0))
		strip_fcs(r, fcs);
	return 1;
}

// A simple packet is of the first interface and has no time: 0, as in libpcap.
static int read_simple(struct tt_capture *c, const struct block *b, struct tt_capture_rec *r) {
	const unsigned head = 12;
	if (b->len < head + 4 || c->iface_n == 0 || c->ifaces[0].link == NOT_A_LINK)
		return bad_packet(c, b, head, 0, 0);
	const struct iface *f = &c->ifaces[0];
	uint32_t room = b->len - head - 4;
	r->len = load32(b->p + 8, c->swap);
	r->caplen = r->len;
	if (f->snaplen && r->caplen > f->snaplen)
		r->caplen = f->snaplen;
	if (r->caplen > room)
		r->caplen = room;
	r->ns = any_ns(&(const struct iface){.tsresol = 9}, 0);
	r->data = b->p + head;
	r->link = f->link;
	r->ifindex = 0;
	if (f->fcs)
		strip_fcs(r, f->fcs);
	return 1;
}

static int bad_block(struct tt_capture *c, const struct block *b) {
	uint64_t left = c->size - b->off;
	if (left < 12)
		return capture_fail(c, -EBADMSG, b->off, "a block is cut: %llu bytes are left",
			(unsigned long long)left);
	if (b->len < 12 || b->len % 4)
		return capture_fail(c, -EBADMSG, b->off,
			"a block of %u bytes makes no sense, expected 12 or more in fours", b->len);
	if (b->len > left)
		return capture_fail(c, -EBADMSG, b->off, "the block is cut: %llu of %u bytes",
			(unsigned long long)left, b->len);
	return capture_fail(c, -EBADMSG, b->off,
		"the block begins with length %u and ends with length %u", b->len,
		load32(b->p + b->len - 4, c->swap));
}

// The byte order can change at every section header, before its length can be read.
static int section_order(struct tt_capture *c, const struct block *b) {
	if (c->size - b->off < 12)
		return bad_block(c, b);
	uint32_t magic = load32(b->p + 8, false);
	if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
		return capture_fail(c, -EBADMSG, b->off,
			"the section header has byte-order magic %02x %02x %02x %02x, expected 1a "
			"2b "
			"3c 4d or its reverse",
			b->p[8], b->p[9], b->p[10], b->p[11]);
	c->swap = magic != BYTE_ORDER_MAGIC;
	return 0;
}

// Takes the block at c->pos and moves past it.
static inline int next_block(struct tt_capture *c, struct block *b) {
	b->off = c->pos;
	b->p = c->map + c->pos;
	b->len = 0;
	uint64_t left = c->size - c->pos;
	prefetch_ahead(b->p);
	if (__builtin_expect(left < 12, 0))
		return bad_block(c, b);
	b->type = load32(b->p, c->swap);
	if (__builtin_expect(b->type == BLOCK_SHB, 0)) {
		int rc = section_order(c, b);
		if (rc < 0)
			return rc;
	}
	b->len = load32(b->p + 4, c->swap);
	if (__builtin_expect(b->len < 12 || b->len % 4 || b->len > left ||
				     load32(b->p + b->len - 4, c->swap) != b->len,
		    0))
		return bad_block(c, b);
	c->pos += b->len;
	return 0;
}

unsigned pcapng_read(struct tt_capture *c, struct tt_capture_rec *recs, unsigned n) {
	unsigned got = 0;
	// a block's header never straddles the window: what is ahead is larger than any header
	while (got < n && c->pos < c->size && c->pos < c->checked) {
		struct block b;
		int rc = next_block(c, &b);
		if (rc < 0)
			break;
		switch (b.type) {
		case BLOCK_EPB:
		case BLOCK_PB:
			rc = read_packet(c, &b, &recs[got]);
			break;
		case BLOCK_SPB:
			rc = read_simple(c, &b, &recs[got]);
			break;
		case BLOCK_IDB:
			rc = read_idb(c, &b);
			break;
		case BLOCK_SHB:
			rc = read_shb(c, &b);
			break;
		default:
			break; // names, statistics, secrets, custom blocks: nothing observed
		}
		if (rc < 0)
			break;
		got += (unsigned)rc;
	}
	return got;
}

int pcapng_open(struct tt_capture *c) {
	struct block b;
	int rc = next_block(c, &b);
	if (rc == 0)
		rc = read_shb(c, &b);
	// before the first section there is nothing: not a capture, rather than a damaged one
	return rc == -EBADMSG ? -EINVAL : rc;
}
