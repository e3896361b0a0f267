/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// For tests: frames made by hand, header by header from the outside in, and parsed where the byte
// behind the last one is in a page that cannot be read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tt_obs.h"
#include "tt_packet.h"

enum { BUILD_MAX = 1 << 17 };

struct build {
	uint8_t b[BUILD_MAX];
	uint32_t n;
	uint8_t link;
};
static struct build B;
static struct tt_packet_conf conf;

static inline uint32_t put(const void *bytes, uint32_t n) {
	assert_true(n <= BUILD_MAX - B.n);
	memcpy(B.b + B.n, bytes, n);
	B.n += n;
	return B.n - n;
}
#define PUT(...) put((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
static inline uint32_t fill(uint8_t byte, uint32_t n) {
	assert_true(n <= BUILD_MAX - B.n);
	memset(B.b + B.n, byte, n);
	B.n += n;
	return B.n - n;
}
static inline void set16(uint32_t at, unsigned v) {
	B.b[at] = (uint8_t)(v >> 8);
	B.b[at + 1] = (uint8_t)v;
}
static inline void set32(uint32_t at, uint32_t v) {
	set16(at, v >> 16);
	set16(at + 2, v & 0xffff);
}
static inline void put16(unsigned v) {
	PUT((uint8_t)(v >> 8), (uint8_t)v);
}
static inline void put32(uint32_t v) {
	put16(v >> 16);
	put16(v & 0xffff);
}

// Links. Each returns where it begins and starts a frame.
static inline void begin(unsigned link) {
	memset(&B, 0, sizeof(B));
	B.link = (uint8_t)link;
}
static inline void raw(void) {
	begin(TT_LINK_RAW);
}
static inline void eth(unsigned type) {
	begin(TT_LINK_ETHERNET);
	fill(0x02, 12);
	put16(type);
}
static inline void sll(unsigned type) {
	begin(TT_LINK_SLL);
	fill(0, 14);
	put16(type);
}
static inline void sll2(unsigned type) {
	begin(TT_LINK_SLL2);
	put16(type);
	fill(0, 18);
}
/// A tag after an ethertype that announced one.
static inline void tag(unsigned vid, unsigned type) {
	put16(0xe000 | vid);
	put16(type);
}
static inline void label(unsigned value, int bottom) {
	put32((uint32_t)value << 12 | (bottom ? 0x100 : 0) | 64);
}

// IP. From 192.0.2.1 to 198.51.100.7, 2001:db8::1 to 2001:db8::2; TTL 57; lengths are "what was
// captured" (0) until close_lengths() or a test sets them.
static inline uint32_t ip4(unsigned proto) {
	return PUT(0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 57, (uint8_t)proto, 0, 0, 192, 0, 2, 1, 198,
		51, 100, 7);
}
static inline uint32_t ip6(unsigned next) {
	uint32_t at = PUT(0x60, 0, 0, 0, 0, 0, (uint8_t)next, 57);
	PUT(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	PUT(0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
	return at;
}
/// An IPv6 extension header of 8 bytes.
static inline uint32_t ext6(unsigned next) {
	return PUT((uint8_t)next, 0, 1, 4, 0, 0, 0, 0);
}
static inline void close4(uint32_t at) {
	set16(at + 2, B.n - at);
}
static inline void close6(uint32_t at) {
	set16(at + 4, B.n - at - 40);
}

// Transport; ports 40000 -> 23 unless a test says otherwise.
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };
static inline uint32_t tcp(unsigned sport, unsigned dport, unsigned flags) {
	uint32_t at = B.n;
	put16(sport);
	put16(dport);
	put32(0x01020304); // seq
	put32(0);
	PUT(0x50, (uint8_t)flags, 0x20, 0x21, 0, 0, 0, 0); // window 0x2021
	return at;
}
/// Adds options (a multiple of four bytes) to the TCP header at `at`.
static inline void tcp_options(uint32_t at, const void *bytes, uint32_t n) {
	B.b[at + 12] = (uint8_t)((5 + n / 4) << 4);
	put(bytes, n);
}
#define OPTIONS(at, ...)                                                                           \
	tcp_options(at, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
static inline uint32_t udp(unsigned sport, unsigned dport) {
	uint32_t at = B.n;
	put16(sport);
	put16(dport);
	put32(0);
	return at;
}
static inline void close_udp(uint32_t at) {
	set16(at + 4, B.n - at);
}
static inline uint32_t icmp(unsigned type, unsigned code) {
	return PUT((uint8_t)type, (uint8_t)code, 0, 0, 0, 0, 0, 0);
}

/// A place for n bytes that ends where reading ends.
static inline uint8_t *guarded(uint32_t n) {
	static uint8_t *map;
	if (!map) {
		map = mmap(NULL, BUILD_MAX + 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(map, MAP_FAILED);
		assert_int_equal(mprotect(map + BUILD_MAX, 4096, PROT_NONE), 0);
	}
	return map + BUILD_MAX - n;
}

static struct tt_frame last_frame;

/// Parses the first `caplen` bytes of what was built.
static inline struct tt_pkt parse_cut(uint32_t caplen) {
	assert_true(caplen <= B.n);
	uint8_t *p = guarded(caplen);
	memcpy(p, B.b, caplen);
	last_frame = (struct tt_frame){p, caplen, B.n, B.link};
	struct tt_pkt k;
	memset(&k, 0xa5, sizeof(k)); // nothing may be left of what was there
	tt_packet_parse(&conf, &last_frame, &k, 1);
	return k;
}
static inline struct tt_pkt parse(void) {
	return parse_cut(B.n);
}
/// The payload of the tunnel that parse() or parse_cut() has just noted.
static inline struct tt_pkt opened(struct tt_pkt k) {
	assert_int_equal(k.tunnel_state, TT_TUNNEL_OK);
	tt_packet_open(&conf, &last_frame, &k);
	return k;
}

#define IS(k, c, p)                                                                                \
	do {                                                                                       \
		struct tt_pkt is_ = (k);                                                           \
		assert_string_equal(tt_class_name(is_.class), tt_class_name(c));                   \
		assert_int_equal(is_.port, p);                                                     \
	} while (0)
#define MALFORMED(k) IS(k, TT_MALFORMED, 0)
#define NON_IP(k)    IS(k, TT_NON_IP, 0)

static inline int setup_conf(void **state) {
	(void)state;
	tt_packet_conf_init(&conf);
	return 0;
}
