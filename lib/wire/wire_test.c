/* SPDX-License-Identifier: BSD-3-Clause */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "sample.h"
#include "tt_hash.h"
#include "tt_time.h"

static struct tt_batch *batch;
static struct tt_batch_decoder *decoder;

static int setup(void **state) {
	batch = tt_batch_create();
	decoder = tt_batch_decoder_create();
	return !batch || !decoder;
}

static int teardown(void **state) {
	tt_batch_destroy(&batch);
	tt_batch_decoder_destroy(&decoder);
	return 0;
}

static void begin(void) {
	static const char *const uplinks[] = {"up0", "up1"};
	assert_int_equal(tt_batch_begin(batch, "tokyo", "00000000000000ff", 60, sample_sensors,
				 SAMPLE_SENSORS, uplinks, 2),
		0);
}

static uint8_t *encoded(size_t *len) {
	const void *msg;
	assert_int_equal(tt_batch_encode(batch, 7, &msg, len), 0);
	uint8_t *copy = malloc(*len);
	memcpy(copy, msg, *len);
	return copy;
}

static void check_rows(uint32_t n) {
	struct tt_batch_view v;
	struct tt_err err;
	struct tt_obs want, got;
	const void *msg;
	size_t len;
	begin();
	for (uint32_t i = 0; i < n; i++) {
		sample_obs(i, &want);
		want.epoch += 60 * (i % 300);
		assert_int_equal(tt_batch_add_obs(batch, &want), 0);
	}
	assert_int_equal(tt_batch_encode(batch, 7, &msg, &len), 0);
	if (tt_batch_decode(decoder, msg, len, &v, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(v.head.obs_n, n);
	for (uint32_t i = 0; i < n; i++) {
		sample_obs(i, &want);
		want.epoch += 60 * (i % 300);
		memset(&got, 0, sizeof(got));
		tt_batch_row(&v, i, &got);
		assert_memory_equal(&got, &want, sizeof(got));
	}
}

static void rows_come_back_as_they_were(void **state) {
	const uint32_t sizes[] = {0, 1, 2, 63, 255, 256, 1000, TT_BATCH_ROWS_MAX, 5};
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_rows(sizes[i]);
}

static void extreme_values_come_back(void **state) {
	struct tt_obs o = {.epoch = 4294967280,
		.sensor = 29,
		.family = 6,
		.class = TT_FRAGMENT,
		.proto = 255,
		.port = 65535,
		.flags = 7,
		.packets = WIRE_PACKETS_MAX - 1,
		.bytes = WIRE_BYTES_MAX - 1,
		.first_us = 0,
		.last_us = 59999999,
		.traits = UINT32_MAX,
		.matches = {UINT32_MAX, UINT32_MAX - 1, 1},
		.tested = UINT32_MAX,
		.dst_bitmap = UINT64_MAX,
		.opt_hash = UINT32_MAX,
		.window = 65535,
		.other_port = 65535,
		.tcp_flags = 255,
		.ttl_min = 0,
		.ttl_max = 255};
	struct tt_obs low = {.epoch = 0, .family = 4, .packets = 1}, got;
	struct tt_batch_view v;
	size_t len;
	memset(o.src, 0xff, 16);
	begin();
	assert_int_equal(tt_batch_add_obs(batch, &o), 0);
	assert_int_equal(tt_batch_add_obs(batch, &low), 0);
	uint8_t *msg = encoded(&len);
	assert_int_equal(tt_batch_decode(decoder, msg, len, &v, NULL), 0);
	assert_int_equal(v.head.epoch_min, 0);
	assert_int_equal(v.head.epoch_max, 4294967280);
	memset(&got, 0, sizeof(got));
	tt_batch_row(&v, 0, &got);
	assert_memory_equal(&got, &o, sizeof(o));
	memset(&got, 0, sizeof(got));
	tt_batch_row(&v, 1, &got);
	assert_memory_equal(&got, &low, sizeof(low));
	free(msg);
}

static void a_full_batch_says_so(void **state) {
	struct tt_obs o;
	sample_obs(0, &o);
	begin();
	for (unsigned i = 0; i < TT_BATCH_ROWS_MAX; i++)
		assert_int_equal(tt_batch_add_obs(batch, &o), 0);
	assert_int_equal(tt_batch_add_obs(batch, &o), -ENOSPC);
}

static void rows_that_are_none_are_refused(void **state) {
	struct tt_obs good, o;
	sample_obs(0, &good);
	begin();
#define REFUSED(change)                                                                            \
	o = good;                                                                                  \
	change;                                                                                    \
	assert_int_equal(tt_batch_add_obs(batch, &o), -EINVAL)
	REFUSED(o.sensor = SAMPLE_SENSORS);
	REFUSED(o.class = TT_MALFORMED);
	REFUSED(o.family = 0);
	REFUSED(o.family = 5);
	REFUSED(o.flags |= TT_OBS_SPILLED);
	REFUSED(o.flags |= TT_OBS_CLASS_TOTAL);
	REFUSED(o.flags = 32);
	REFUSED(o.packets = 0);
	REFUSED(o.packets = WIRE_PACKETS_MAX);
	REFUSED(o.bytes = WIRE_BYTES_MAX);
	REFUSED(o.epoch++);
	REFUSED(o.epoch = -60);
	REFUSED(o.epoch = 4294967340);
	REFUSED(o.last_us = 60000000);
	REFUSED(o.first_us = o.last_us + 1);
	REFUSED(o.ttl_min = (uint8_t)(o.ttl_max + 1));
#undef REFUSED
	assert_true(tt_batch_empty(batch));
}

static void tallies_states_and_meta_come_back(void **state) {
	struct tt_batch_view v;
	struct tt_batch_head head;
	size_t len;
	static struct tt_tally t = {.epoch = 120,
		.uplink = 1,
		.link_up = 1,
		.packets = {1, 2, 3, 4, 5},
		.bytes = {6, 7, 8, 9, WIRE_COUNT_MAX - 1},
		.imissed = 11,
		.ierrors = 12,
		.rx_nombuf = 13,
		.harvest_lost = 14,
		.spool_lost = 15,
		.late = 16,
		.feed_fragments = 17};
	static struct tt_sensor_state s = {.epoch = 60,
		.sensor = 29,
		.state = TT_STATE_DOWN,
		.received = 1ull << 40,
		.lost = 2,
		.given_up = 3};
	begin();
	assert_int_equal(tt_batch_add_tally(batch, &t), 0);
	assert_int_equal(tt_batch_add_state(batch, &s), 0);
	assert_int_equal(tt_batch_set_meta(batch, "{}", 2), 0);
	t.uplink = 2;
	assert_int_equal(tt_batch_add_tally(batch, &t), -EINVAL);
	t.uplink = 1;
	uint8_t *msg = encoded(&len);
	assert_int_equal(tt_batch_peek(msg, len, &head, NULL), 0);
	assert_string_equal(head.probe, "tokyo");
	assert_string_equal(head.boot, "00000000000000ff");
	assert_int_equal(head.seq, 7);
	assert_int_equal(head.epoch_min, 60);
	assert_int_equal(head.epoch_max, 120);
	assert_int_equal(tt_batch_decode(decoder, msg, len, &v, NULL), 0);
	assert_memory_equal(&v.tallies[0], &t, sizeof(t));
	assert_memory_equal(&v.states[0], &s, sizeof(s));
	assert_string_equal(v.meta, "{}");
	assert_string_equal(v.sensors[29], "br-f");
	assert_string_equal(v.uplinks[1], "up1");
	free(msg);
}

// columns come and go between batches: what an earlier one left never shows
static void a_decoder_remembers_nothing(void **state) {
	struct tt_batch_view v;
	struct tt_obs want, got;
	for (unsigned round = 0; round < 40; round++) {
		uint32_t n = 1 + (uint32_t)(tt_mix64(round) % 3000);
		uint64_t drop = tt_mix64(round + 1000);
		const void *msg;
		size_t len;
		for (unsigned pass = 0; pass < 2; pass++) {
			if (!pass)
				begin();
			for (uint32_t i = 0; i < n; i++) {
				sample_obs(i + round, &want);
				want.matches[0] = drop & 1 ? 0 : want.matches[0];
				want.tested = drop & 2 ? 0 : i;
				want.traits = drop & 4 ? 0 : want.traits;
				want.opt_hash = drop & 8 ? 0 : want.opt_hash;
				want.tcp_flags = drop & 16 ? 0 : want.tcp_flags;
				want.last_us = drop & 32 ? want.first_us : want.last_us;
				want.ttl_max = drop & 64 ? want.ttl_min : 255;
				want.epoch += drop & 128 ? 0 : 60 * (i % 3);
				if (!pass) {
					assert_int_equal(tt_batch_add_obs(batch, &want), 0);
					continue;
				}
				memset(&got, 0, sizeof(got));
				tt_batch_row(&v, i, &got);
				assert_memory_equal(&got, &want, sizeof(got));
			}
			if (!pass) {
				assert_int_equal(tt_batch_encode(batch, 1, &msg, &len), 0);
				assert_int_equal(tt_batch_decode_part(
							 decoder, msg, len, round % 3, &v, NULL),
					0);
				assert_int_equal(tt_batch_decode(decoder, msg, len, &v, NULL), 0);
			}
		}
	}
}

static void a_part_is_as_in_the_whole(void **state) {
	struct tt_batch_decoder *other = tt_batch_decoder_create();
	static struct tt_tally tally = {.epoch = 60, .link_up = 1};
	struct tt_batch_view all, rows, keys;
	struct tt_obs want, got;
	size_t len;
	begin();
	for (uint32_t i = 0; i < 3000; i++) {
		sample_obs(i, &want);
		want.epoch += 60 * (i % 7);
		assert_int_equal(tt_batch_add_obs(batch, &want), 0);
	}
	assert_int_equal(tt_batch_add_tally(batch, &tally), 0);
	assert_int_equal(tt_batch_set_meta(batch, "{}", 2), 0);
	uint8_t *msg = encoded(&len);
	assert_int_equal(tt_batch_decode(decoder, msg, len, &all, NULL), 0);
	assert_int_equal(tt_batch_decode_part(other, msg, len, TT_BATCH_ROWS, &rows, NULL), 0);
	assert_int_equal(rows.head.obs_n, 3000);
	assert_string_equal(rows.sensors[29], all.sensors[29]);
	assert_int_equal(rows.head.tally_n + rows.head.state_n + rows.head.uplink_n, 0);
	assert_true(!rows.tallies && !rows.states && !rows.uplinks && !rows.meta);
	for (uint32_t i = 0; i < 3000; i++) {
		memset(&want, 0, sizeof(want));
		memset(&got, 0, sizeof(got));
		tt_batch_row(&all, i, &want);
		tt_batch_row(&rows, i, &got);
		assert_memory_equal(&got, &want, sizeof(got));
	}
	assert_int_equal(tt_batch_decode_part(other, msg, len, TT_BATCH_KEYS, &keys, NULL), 0);
	assert_true(!keys.packets && !keys.first_us && !keys.dst_bitmap && !keys.tallies);
	assert_memory_equal(keys.src, all.src, 3000 * sizeof(*all.src));
	assert_memory_equal(keys.epoch_index, all.epoch_index, 3000 * sizeof(*all.epoch_index));
	assert_memory_equal(keys.sensor, all.sensor, 3000 * sizeof(*all.sensor));
	assert_memory_equal(keys.port, all.port, 3000 * sizeof(*all.port));
	assert_memory_equal(keys.family, all.family, 3000);
	assert_memory_equal(keys.class, all.class, 3000);
	assert_memory_equal(keys.proto, all.proto, 3000);
	assert_memory_equal(keys.flags, all.flags, 3000);
	tt_batch_decoder_destroy(&other);
	free(msg);
}

static void every_changed_bit_is_noticed(void **state) {
	struct tt_batch_view v;
	size_t len;
	sample_golden(batch);
	uint8_t *msg = encoded(&len);
	for (size_t i = 0; i < len * 8; i++) {
		msg[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_true(tt_batch_decode(decoder, msg, len, &v, NULL) < 0);
		msg[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(tt_batch_decode(decoder, msg, len, &v, NULL), 0);
	free(msg);
}

static void every_cut_is_noticed(void **state) {
	struct tt_batch_view v;
	struct tt_batch_head head;
	size_t len;
	sample_golden(batch);
	uint8_t *msg = encoded(&len);
	for (size_t n = 0; n < len; n++) {
		uint8_t *cut = malloc(n ? n : 1); // exactly n bytes, for the address sanitizer
		memcpy(cut, msg, n);
		assert_int_equal(tt_batch_decode(decoder, cut, n, &v, NULL), -EBADMSG);
		assert_int_equal(tt_batch_peek(cut, n, &head, NULL), -EBADMSG);
		free(cut);
	}
	free(msg);
}

// Repairs the checksum so that the checks behind it are reached.
static void seal(uint8_t *msg, size_t len) {
	uint32_t crc = wire_checksum(msg, len);
	memcpy(msg + WIRE_HEAD - 4, &crc, 4);
}

static void forged_batches_never_pass_the_limits(void **state) {
	struct tt_batch_view v;
	struct tt_err err;
	size_t len;
	unsigned passed = 0;
	begin();
	for (unsigned i = 0; i < 300; i++) {
		struct tt_obs o;
		sample_obs(i, &o);
		assert_int_equal(tt_batch_add_obs(batch, &o), 0);
	}
	uint8_t *msg = encoded(&len), *bad = malloc(len);
	for (uint64_t k = 0; k < 20000; k++) {
		uint64_t r = tt_mix64(k + 1);
		memcpy(bad, msg, len);
		bad[r % len] = (uint8_t)(r >> 32);
		bad[(r >> 8) % len] ^= (uint8_t)(1 << (r >> 40 & 7));
		seal(bad, len);
		if (tt_batch_decode(decoder, bad, len, &v, &err))
			continue;
		passed++;
		for (uint32_t i = 0; i < v.head.obs_n; i++) {
			assert_true(v.sensor[i] < v.head.sensor_n);
			assert_true(v.class[i] < TT_OBSERVED_CLASS_N);
			assert_true(v.family[i] == 0 || v.family[i] == 4 || v.family[i] == 6);
			assert_true(v.packets[i] > 0 && v.packets[i] < WIRE_PACKETS_MAX);
			assert_true(v.first_us[i] <= v.last_us[i] && v.last_us[i] < 60000000);
		}
	}
	assert_true(passed > 0); // some changes are just other values
	free(bad);
	free(msg);
}

static void another_version_is_told_apart(void **state) {
	struct tt_batch_view v;
	struct tt_err err;
	size_t len;
	sample_golden(batch);
	uint8_t *msg = encoded(&len);
	msg[4] = 2;
	assert_int_equal(tt_batch_decode(decoder, msg, len, &v, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "version 2, expected 1"));
	free(msg);
}

// A later program may have written it: it is kept for a reader that knows the column.
static void a_column_of_a_later_version_is_told_apart_from_damage(void **state) {
	struct tt_batch_view v;
	struct tt_err err;
	size_t len;
	uint16_t columns, later = WIRE_TABLE - 1;
	sample_golden(batch);
	uint8_t *msg = encoded(&len);
	memcpy(&columns, msg + 6, 2);
	memcpy(msg + WIRE_HEAD + (columns - 1) * WIRE_ENTRY, &later, 2);
	assert_int_equal(tt_batch_decode(decoder, msg, len, &v, &err), -EBADMSG); // the checksum
	uint32_t crc = wire_checksum(msg, len);
	memcpy(msg + WIRE_HEAD - 4, &crc, 4);
	assert_int_equal(tt_batch_decode(decoder, msg, len, &v, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.msg, "column 255 is not known"));
	free(msg);
}

static void a_decompression_bomb_is_refused_unopened(void **state) {
	struct tt_batch_view v;
	struct tt_err err;
	struct wire_entry e;
	struct tt_obs o;
	size_t len;
	begin();
	for (unsigned i = 0; i < 4096; i++) {
		sample_obs(i, &o);
		assert_int_equal(tt_batch_add_obs(batch, &o), 0);
	}
	uint8_t *msg = encoded(&len);
	for (unsigned i = 0; i < 8; i++) { // each column claims a thousand times its size
		uint8_t *at = msg + WIRE_HEAD + i * WIRE_ENTRY, keep[WIRE_ENTRY];
		memcpy(keep, at, WIRE_ENTRY);
		wire_entry_unpack(&e, at);
		e.count *= 1000;
		wire_entry_pack(&e, at);
		seal(msg, len);
		assert_int_equal(tt_batch_decode(decoder, msg, len, &v, &err), -EBADMSG);
		memcpy(at, keep, WIRE_ENTRY);
	}
	// the header claims more rows than there may be
	uint32_t rows = TT_BATCH_ROWS_MAX + 1;
	memcpy(msg + 68, &rows, 4);
	seal(msg, len);
	assert_int_equal(tt_batch_decode(decoder, msg, len, &v, &err), -EBADMSG);
	free(msg);
}

static void checksum_is_crc32c_on_every_processor(void **state) {
	uint8_t bytes[256];
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	// RFC 3720, B.4: 32 bytes of zeros, of ones, ascending
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
	uint8_t zeros[32] = {0};
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	for (unsigned from = 0; from < 9; from++)
		for (unsigned n = 0; n + from < sizeof(bytes); n++) {
			assert_int_equal(
				crc32c(5, bytes + from, n), crc32c_soft(5, bytes + from, n));
			uint32_t half = crc32c(5, bytes + from, n / 2);
			assert_int_equal(crc32c(half, bytes + from + n / 2, n - n / 2),
				crc32c(5, bytes + from, n));
		}
}

static void a_plausible_batch_is_small(void **state) {
	struct tt_obs o;
	size_t len;
	begin();
	for (unsigned i = 0; i < TT_BATCH_ROWS_MAX; i++) {
		sample_obs(i, &o);
		assert_int_equal(tt_batch_add_obs(batch, &o), 0);
	}
	uint8_t *msg = encoded(&len);
	print_message("%.1f bytes an observation\n", (double)len / TT_BATCH_ROWS_MAX);
	assert_true(len < 20u * TT_BATCH_ROWS_MAX);
	free(msg);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_as_they_were),
		cmocka_unit_test(extreme_values_come_back),
		cmocka_unit_test(a_full_batch_says_so),
		cmocka_unit_test(rows_that_are_none_are_refused),
		cmocka_unit_test(tallies_states_and_meta_come_back),
		cmocka_unit_test(a_decoder_remembers_nothing),
		cmocka_unit_test(a_part_is_as_in_the_whole),
		cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(forged_batches_never_pass_the_limits),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(a_column_of_a_later_version_is_told_apart_from_damage),
		cmocka_unit_test(a_decompression_bomb_is_refused_unopened),
		cmocka_unit_test(checksum_is_crc32c_on_every_processor),
		cmocka_unit_test(a_plausible_batch_is_small),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
