/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thin.h"
#include "tt_wire.h"

#define EPOCH 1734480000ll

// Three sensors, of which the third sees packets of both uplinks.
static const char *const sensors[] = {"a", "b", "c"}, *const uplinks[] = {"up0", "up1"};
static struct tt_link_way told[] = {{"z", "up0"}, {"b", "up1"}, {"a", "up0"}};

struct row {
	unsigned sensor, epoch;
	uint64_t packets;
};

static struct tt_batch *batch(const struct row *rows, unsigned n) {
	struct tt_batch *b = tt_batch_create();
	assert_int_equal(
		tt_batch_begin(b, "tokyo", "00000000000000aa", 60, sensors, 3, uplinks, 2), 0);
	for (unsigned i = 0; i < n; i++) {
		struct tt_obs o = {.epoch = EPOCH + 60 * rows[i].epoch,
			.sensor = (uint16_t)rows[i].sensor,
			.family = 4,
			.src = {192, 0, 2, (uint8_t)i},
			.proto = 6,
			.packets = rows[i].packets,
			.bytes = 60 * rows[i].packets};
		assert_int_equal(tt_batch_add_obs(b, &o), 0);
	}
	return b;
}

static void tally(struct tt_batch *b, unsigned uplink, uint64_t observed) {
	struct tt_tally t = {.epoch = EPOCH, .uplink = (uint16_t)uplink, .link_up = 1};
	t.packets[TT_FATE_OBSERVED] = observed;
	assert_int_equal(tt_batch_add_tally(b, &t), 0);
}

/// What the thin form of a batch says is lost: [uplink or sensor][epoch].
struct losses {
	uint64_t uplink[2][2], sensor[3][2], packets;
};

static struct losses thinned(struct tt_batch *b) {
	struct ways ways = {told, 3};
	struct thinner *t = thinner_create();
	struct tt_batch_decoder *d = tt_batch_decoder_create();
	struct tt_batch_view v;
	struct losses out = {0};
	const void *msg, *thin_msg;
	size_t len, thin_len;
	ways_sort(&ways);
	assert_int_equal(tt_batch_encode(b, 7, &msg, &len), 0);
	assert_int_equal(thin(t, &ways, msg, len, &thin_msg, &thin_len, &out.packets), 0);
	assert_int_equal(tt_batch_decode(d, thin_msg, thin_len, &v, NULL), 0);
	assert_int_equal(v.head.obs_n, 0);
	assert_int_equal(v.head.seq, 7);
	for (uint32_t i = 0; i < v.head.tally_n; i++)
		out.uplink[v.tallies[i].uplink][(v.tallies[i].epoch - EPOCH) / 60] +=
			v.tallies[i].spool_lost;
	for (uint32_t i = 0; i < v.head.state_n; i++)
		out.sensor[v.states[i].sensor][(v.states[i].epoch - EPOCH) / 60] +=
			v.states[i].given_up;
	tt_batch_decoder_destroy(&d);
	thinner_destroy(&t);
	tt_batch_destroy(&b);
	return out;
}

static void each_uplink_bears_what_came_by_it(void **state) {
	const struct row rows[] = {{0, 0, 5}, {1, 0, 70}, {0, 1, 11}, {0, 0, 2}, {1, 0, 1}};
	struct losses l = thinned(batch(rows, 5));
	assert_int_equal(l.packets, 89);
	assert_int_equal(l.uplink[0][0], 7);
	assert_int_equal(l.uplink[0][1], 11);
	assert_int_equal(l.uplink[1][0], 71);
	assert_int_equal(l.uplink[1][1], 0);
}

static void sensors_miss_what_their_uplinks_lost(void **state) {
	const struct row rows[] = {{0, 0, 5}, {1, 0, 70}, {0, 1, 11}};
	struct losses l = thinned(batch(rows, 3));
	assert_int_equal(l.sensor[0][0], 5);
	assert_int_equal(l.sensor[0][1], 11);
	assert_int_equal(l.sensor[1][0], 70);
	assert_int_equal(l.sensor[1][1], 0);
	assert_int_equal(l.sensor[2][0], 75); // of both uplinks
	assert_int_equal(l.sensor[2][1], 11);
}

static void what_came_by_any_uplink_is_shared_out(void **state) {
	const struct row rows[] = {{2, 0, 100}, {0, 0, 3}};
	struct tt_batch *b = batch(rows, 2);
	tally(b, 0, 10);
	tally(b, 1, 30);
	struct losses l = thinned(b);
	assert_int_equal(l.uplink[0][0], 3 + 25);
	assert_int_equal(l.uplink[1][0], 75);
	l = thinned(batch(rows, 2)); // evenly, where nothing tells
	assert_int_equal(l.uplink[0][0], 3 + 50);
	assert_int_equal(l.uplink[1][0], 50);
	assert_int_equal(l.sensor[0][0], 53);
	assert_int_equal(l.sensor[2][0], 103);
}

static void no_packet_is_lost_in_sharing_out(void **state) {
	for (uint64_t n = 1; n < 50; n++) {
		const struct row rows[] = {{2, 0, n}};
		struct tt_batch *b = batch(rows, 1);
		tally(b, 0, n % 7);
		tally(b, 1, n % 3);
		struct losses l = thinned(b);
		assert_int_equal(l.uplink[0][0] + l.uplink[1][0], n);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_uplink_bears_what_came_by_it),
		cmocka_unit_test(sensors_miss_what_their_uplinks_lost),
		cmocka_unit_test(what_came_by_any_uplink_is_shared_out),
		cmocka_unit_test(no_packet_is_lost_in_sharing_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
