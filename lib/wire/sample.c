/* SPDX-License-Identifier: BSD-3-Clause */
#include "sample.h"

#include <string.h>

#include "tt_hash.h"

const char *const sample_sensors[SAMPLE_SENSORS] = {"jp-a", "jp-b", "jp-c", "jp-d", "jp-e", "jp-f",
	"sg-a", "sg-b", "sg-c", "sg-d", "sg-e", "sg-f", "us-a", "us-b", "us-c", "us-d", "us-e",
	"us-f", "de-a", "de-b", "de-c", "de-d", "de-e", "de-f", "br-a", "br-b", "br-c", "br-d",
	"br-e", "br-f"};

void sample_golden(struct tt_batch *b) {
	static const char *const sensors[] = {"jp-isp1", "cloud1"}, *const uplinks[] = {"up0"};
	static const char meta[] = "{\"type\":\"config\"}";
	struct tt_obs scan = {
		.epoch = 1734491040,
		.src = {192, 0, 2, 1},
		.family = 4,
		.sensor = 0,
		.class = TT_SCAN,
		.proto = 6,
		.port = 23,
		.flags = TT_OBS_OTHER_PORT | TT_OBS_SYN_SAMPLE,
		.packets = 3,
		.bytes = 180,
		.first_us = 1500000,
		.last_us = 2500000,
		.traits = TT_TRAIT_TCP_NO_OPTIONS,
		.matches = {0, 0, 3},
		.tested = 3,
		.dst_bitmap = 1ull << 17,
		.opt_hash = 0xdeadbeef,
		.window = 5840,
		.other_port = 40000,
		.tcp_flags = 2,
		.ttl_min = 47,
		.ttl_max = 49,
	};
	struct tt_obs dns = {
		.epoch = 1734491100,
		.src = {0x20, 1, 0x0d, 0xb8, [15] = 0x35},
		.family = 6,
		.sensor = 1,
		.class = TT_REFLECTION,
		.proto = 17,
		.port = 53,
		.flags = TT_OBS_OTHER_PORT | TT_OBS_OTHER_PORT_VARIED,
		.packets = 70000,
		.bytes = 105000000,
		.first_us = 7,
		.last_us = 59999999,
		.traits = TT_TRAIT_DNS_OVER_512 | TT_TRAIT_DNS_DNSSEC,
		.dst_bitmap = 0x8000000000000003,
		.other_port = 1024,
		.ttl_min = 60,
		.ttl_max = 60,
	};
	struct tt_obs spilled = {
		.epoch = 1734491100,
		.sensor = 1,
		.class = TT_SCAN,
		.proto = 6,
		.port = 8728,
		.flags = TT_OBS_SPILLED,
		.packets = 9,
		.bytes = 540,
		.first_us = 1,
		.last_us = 2,
	};
	struct tt_tally tally = {
		.epoch = 1734491040,
		.uplink = 0,
		.link_up = 1,
		.packets = {18, 2, 0, 3, 0},
		.bytes = {1080, 120, 0, 180, 0},
		.imissed = 1,
	};
	struct tt_sensor_state state = {.epoch = 1734491040,
		.sensor = 1,
		.state = TT_STATE_SILENT,
		.received = 23,
		.lost = 1};
	tt_batch_begin(b, "tokyo", "7f3a00000000c0de", 60, sensors, 2, uplinks, 1);
	tt_batch_add_obs(b, &scan);
	tt_batch_add_obs(b, &dns);
	tt_batch_add_obs(b, &spilled);
	tt_batch_add_tally(b, &tally);
	tt_batch_add_state(b, &state);
	tt_batch_set_meta(b, meta, sizeof(meta) - 1);
}

// a value of 0..n-1 where k comes about 1/(k+1) as often as 0, from 32 random bits
static uint32_t zipf(uint32_t r, uint32_t n) {
	uint64_t x = (uint64_t)n << 16;
	unsigned bits = 64 - (unsigned)__builtin_clzll(x);
	unsigned e = (unsigned)((uint64_t)r * bits >> 32); // a uniform power of two: log-uniform
	uint64_t v = (1ull << e) + (tt_mix64(r) & ((1ull << e) - 1));
	return (uint32_t)((v >> 16) % n);
}

void sample_obs(uint64_t i, struct tt_obs *o) {
	static const uint16_t ports[] = {23, 22, 8728, 80, 443, 445, 3389, 2323, 8080, 5555, 37215,
		1433, 6379, 25, 5060, 8443, 81, 7547, 52869, 5900, 3306, 9200, 2375, 88, 10001};
	uint64_t r = tt_mix64(i * 0x9e3779b97f4a7c15ull + 1), q = tt_mix64(r + 77);
	uint32_t source = zipf((uint32_t)r, 200000);
	uint64_t id = tt_mix64(source + 1000003ull);
	bool tcp = id % 10 != 0;
	memset(o, 0, sizeof(*o));
	o->epoch = 1734491040;
	o->family = source % 50 ? 4 : 6;
	memcpy(o->src, &id, 8);
	if (o->family == 4)
		memset(o->src + 4, 0, 12);
	o->sensor = (uint16_t)(q % SAMPLE_SENSORS);
	o->class = tcp ? TT_SCAN : TT_BACKSCATTER;
	o->proto = tcp ? 6 : 17;
	o->port = q >> 8 & 31 ? ports[zipf((uint32_t)(q >> 16), 25)] : (uint16_t)(q >> 40);
	o->flags = TT_OBS_OTHER_PORT | (tcp ? TT_OBS_SYN_SAMPLE : 0);
	o->packets = 1 + (q >> 60 == 0 ? (q >> 50 & 63) : 0);
	o->bytes = o->packets * (tcp ? 60 : 80 + id % 64);
	o->first_us = (uint32_t)((r >> 20) % 60000000);
	o->last_us = o->packets > 1 ? o->first_us + (60000000 - o->first_us) / 2 : o->first_us;
	o->traits = tcp ? id % 3 ? TT_TRAIT_TCP_NO_OPTIONS : TT_TRAIT_TCP_DF_CLEAR : 0;
	o->matches[TT_TOOL_MIRAI] = id % 7 == 0 ? (uint32_t)o->packets : 0;
	o->matches[TT_TOOL_ZMAP] = id % 7 == 1 ? (uint32_t)o->packets : 0;
	o->tested = o->family == 4 && tcp ? (uint32_t)o->packets : 0;
	o->dst_bitmap = 1ull << (q >> 30 & 63);
	if (o->packets > 1)
		o->dst_bitmap |= 1ull << (q >> 36 & 63);
	o->opt_hash = tcp ? (uint32_t)(id % 20) * 0x01000193u : 0;
	o->window = tcp ? (uint16_t)(1024 << id % 6) : 0;
	o->other_port = (uint16_t)(q >> 44);
	o->tcp_flags = tcp ? 2 : 0;
	o->ttl_min = o->ttl_max = (uint8_t)(40 + id % 80);
}
