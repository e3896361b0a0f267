/* SPDX-License-Identifier: BSD-3-Clause */
// The short way of plain SYNs against the layers' one by one, which the same bytes take without
// their Ethernet header.
#include "build.h"

static uint64_t seed = 1;

static uint32_t rnd(uint32_t n) {
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 32) * n >> 32);
}

/// A SYN with random options, and some byte of its headers made anything.
static void build_nearly_plain(unsigned link_type) {
	static const uint8_t options[] = {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2, 8, 10, 0, 0};
	uint32_t n = rnd(6) * 4, from = rnd(5) * 4;
	if (link_type == TT_LINK_ETHERNET)
		eth(0x0800);
	else
		raw();
	uint32_t ip = ip4(6), at = tcp(40000, rnd(2) ? 23 : 80, SYN);
	for (uint32_t i = 0; i < n; i += 4)
		put(options + (from + i) % 16, 4);
	B.b[at + 12] = (uint8_t)((5 + n / 4) << 4);
	if (rnd(2))
		close4(ip);
	if (rnd(4) == 0)
		fill(0, rnd(20)); // padding
	switch (rnd(8)) {
	case 0: // Masscan
		set16(ip + 4, (100u << 8 | 7) ^ 0x0304 ^ 23);
		break;
	case 1: // Mirai
		memcpy(B.b + at + 4, B.b + ip + 16, 4);
		break;
	case 2:
		set16(ip + 4, 54321);
		break;
	case 3:
	case 4:
	case 5:
		B.b[ip + rnd(40)] = (uint8_t)rnd(256);
		break;
	default:
		break;
	}
}

static void plain_syns_are_what_the_layers_say(void **state) {
	(void)state;
	unsigned scans = 0;
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t again = seed;
		build_nearly_plain(TT_LINK_ETHERNET);
		uint32_t less = rnd(4) ? 0 : rnd(B.n - 14);
		struct tt_pkt plain = parse_cut(B.n - less);
		seed = again;
		build_nearly_plain(TT_LINK_RAW);
		struct tt_pkt layers = parse_cut(B.n - less);
		if (B.n > less && B.b[0] >> 4 != 4) // without Ethernet nothing else says IPv4
			continue;
		assert_memory_equal(&plain, &layers, sizeof(plain));
		scans += plain.class == TT_SCAN;
	}
	assert_in_range(scans, 50000, 100000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_syns_are_what_the_layers_say),
	};
	return cmocka_run_group_tests(tests, setup_conf, NULL);
}
