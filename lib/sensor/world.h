/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// For tests: rules made of a list of sensors, and frames made by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tt_buf.h"
#include "tt_obs.h"
#include "tt_sensor.h"

// One world at a time: a catalogue, the rules made of it, a parser told of its tunnels.
static struct tt_catalog *catalog;
static struct tt_sensors *sensors;
static struct tt_packet_conf *conf;
static const char *const uplinks[] = {"up0", "up1"};

static inline void close_world(void) {
	tt_sensors_destroy(&sensors);
	tt_catalog_destroy(&catalog);
}

static inline void open_world(const char *list, bool any_uplink) {
	struct tt_err err = {""};
	struct tt_buf text = TT_BUF_INIT(8u << 20);
	tt_buf_printf(&text, "{\"kind\":\"sensors\",\"v\":1,\"sensors\":[%s]}", list);
	close_world();
	catalog = tt_catalog_loads((const char *)text.data, text.len, "s.json", &err);
	if (!catalog)
		fail_msg("%s", err.msg);
	sensors = tt_sensors_create(catalog, uplinks, 2, any_uplink, &err);
	if (!sensors)
		fail_msg("%s", err.msg);
	tt_packet_conf_init(conf);
	conf->tunnels = tt_sensors_tunnels(sensors);
	tt_buf_free(&text);
}

// Frames are built from the inside out: each header goes before what is there.
struct frame {
	uint8_t b[512];
	size_t at;
};

static inline void start(struct frame *f) {
	memset(f, 0, sizeof(*f));
	f->at = sizeof(f->b);
}

static inline uint8_t *before(struct frame *f, size_t n) {
	assert_true(f->at >= n);
	f->at -= n;
	return f->b + f->at;
}

static inline void put(struct frame *f, const void *p, size_t n) {
	memcpy(before(f, n), p, n);
}

#define PUT(f, ...) put(f, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static inline void tcp_syn(struct frame *f) {
	PUT(f, 0x9c, 0x40, 0, 23, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 2, 4, 0, 0, 0, 0, 0);
}

static inline void udp(struct frame *f, uint16_t dport) {
	size_t len = sizeof(f->b) - f->at + 8;
	PUT(f, 0xc0, 0, dport >> 8, dport & 255, len >> 8, len & 255, 0, 0);
}

static inline void addr_bytes(const char *text, uint8_t *out) {
	struct tt_addr a;
	assert_int_equal(tt_addr_parse(text, &a), 0);
	memcpy(out, a.b, a.family == 4 ? 4 : 16);
}

static inline void ip4(struct frame *f, uint8_t proto, const char *src, const char *dst) {
	size_t len = sizeof(f->b) - f->at + 20;
	PUT(f, 0x45, 0, len >> 8, len & 255, 0x12, 0x34, 0x40, 0, 57, proto, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0);
	addr_bytes(src, f->b + f->at + 12);
	addr_bytes(dst, f->b + f->at + 16);
}

static inline void ip6(struct frame *f, uint8_t proto, const char *src, const char *dst) {
	size_t len = sizeof(f->b) - f->at;
	uint8_t *h = before(f, 40);
	memcpy(h, (uint8_t[]){0x60, 0, 0, 0, len >> 8, len & 255, proto, 57}, 8);
	addr_bytes(src, h + 8);
	addr_bytes(dst, h + 24);
}

static inline void fragment_offset(struct frame *f, uint16_t flags_offset) {
	f->b[f->at + 6] = flags_offset >> 8;
	f->b[f->at + 7] = flags_offset & 255;
}

static inline void eth(struct frame *f, uint16_t type) {
	PUT(f, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, type >> 8, type & 255);
}

static inline void tag(struct frame *f, uint16_t vid, uint16_t type) {
	PUT(f, vid >> 8, vid & 255, type >> 8, type & 255);
}

static inline void gre_key(struct frame *f, uint16_t type, uint32_t key) {
	PUT(f, 0x20, 0, type >> 8, type & 255, key >> 24, key >> 16 & 255, key >> 8 & 255,
		key & 255);
}

static inline void gre(struct frame *f, uint16_t type) {
	PUT(f, 0, 0, type >> 8, type & 255);
}

static inline void erspan(struct frame *f, uint16_t session) {
	PUT(f, 0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, session >> 8, session & 255, 0, 0, 0, 0);
}

static inline void vni(struct frame *f, uint8_t flags, uint16_t proto, uint32_t id) {
	PUT(f, flags, 0, proto >> 8, proto & 255, id >> 16, id >> 8 & 255, id & 255, 0);
}

static inline struct tt_pkt resolve_on(struct frame *f, unsigned uplink) {
	struct tt_frame frame = {f->b + f->at, (uint32_t)(sizeof(f->b) - f->at),
		(uint32_t)(sizeof(f->b) - f->at), TT_LINK_ETHERNET};
	struct tt_pkt p;
	tt_packet_parse(conf, &frame, &p, 1);
	tt_sensors_resolve(sensors, conf, uplink, &frame, &p, 1);
	return p;
}

static inline const char *sensor_of(const struct tt_pkt *p) {
	return p->sensor == TT_NO_SENSOR ? "none" : catalog->sensors[p->sensor].id;
}

#define S(id, match) "{\"id\":\"" id "\",\"match\":{" match "}}"
#define P(prefix)    "\"prefixes\":[\"" prefix "\"]"

static inline void check(struct frame *f, const char *sensor, enum tt_class class, unsigned depth) {
	struct tt_pkt p = resolve_on(f, 0);
	assert_string_equal(sensor_of(&p), sensor);
	assert_string_equal(tt_class_name(p.class), tt_class_name(class));
	assert_int_equal(p.depth, depth);
}

/// A SYN to dst, with a VLAN tag unless vid is -1, gets the sensor.
static inline void plain_on(const char *dst, int vid, unsigned uplink, const char *expected) {
	struct frame f;
	start(&f);
	tcp_syn(&f);
	if (strchr(dst, ':'))
		ip6(&f, 6, "2001:db8:5::5", dst);
	else
		ip4(&f, 6, "203.0.113.77", dst);
	uint16_t type = strchr(dst, ':') ? 0x86dd : 0x0800;
	if (vid >= 0)
		tag(&f, (uint16_t)vid, type);
	eth(&f, vid >= 0 ? 0x8100 : type);
	struct tt_pkt p = resolve_on(&f, uplink);
	assert_string_equal(sensor_of(&p), expected);
	assert_int_equal(p.class, TT_SCAN);
}

static inline void plain(const char *dst, const char *expected) {
	plain_on(dst, -1, 0, expected);
}

static inline int setup(void **state) {
	conf = malloc(sizeof(*conf));
	return conf ? 0 : -1;
}

static inline int teardown(void **state) {
	close_world();
	free(conf);
	return 0;
}
