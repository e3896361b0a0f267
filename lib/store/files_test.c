/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "world.h"

#define FROM 1734480000ll // 2024-12-18T00:00:00Z

static struct tt_err err;

static void put_capture(
	struct world *w, struct tt_store *s, const char *boot, bool end, bool remember) {
	size_t n = w->n;

	snprintf(w->boot, sizeof(w->boot), "%s", boot);
	w->seq = 0;
	world_begin(w);
	world_catalog(w, NULL);
	assert_int_equal(world_put(w, s, true), 1);
	world_fill(w, s, 500, 200, FROM, FROM + 7200);
	if (end) {
		world_begin(w);
		world_file_end(w, FROM * TT_NS + 5, (FROM + 7199) * TT_NS, 500);
		assert_int_equal(world_put(w, s, true), 1);
	}
	if (!remember)
		w->n = n;
}

static void captures_count_when_complete_and_only_then(void **state) {
	const char *sha = "aa00000000000000000000000000000000000000000000000000000000000001";
	struct world *w = world_create(7);
	struct tt_store_info info;
	struct tt_store *s;
	char boot[17], again[17];
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;

	w->replay = true;
	w->whole = true;
	w->probe = "replay";
	s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 1);
	// the same content a second time in one command
	assert_int_equal(tt_store_file_begin(s, sha, "b.pcap", 5, false, again, &err), 0);
	put_capture(w, s, boot, false, false);
	assert_int_equal(world_packets(s, TT_READ_RAW), 0);
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(world_packets(s, TT_READ_ROLLUPS), 0);
	assert_int_equal(tt_store_info(s, &info, &err), 0);
	assert_int_equal(info.batches, 0);
	world_close(&s);

	// interrupted: begun again, what was left is gone, late batches of it are refused
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, again, &err), 1);
	assert_string_not_equal(boot, again);
	world_begin(w);
	{
		struct tt_obs o = world_obs(w, FROM, FROM + 60);
		const void *msg;
		size_t len;

		assert_int_equal(tt_batch_add_obs(w->batch, &o), 0);
		assert_int_equal(tt_batch_encode(w->batch, 99, &msg, &len), 0);
		assert_int_equal(tt_store_put(s, msg, len, &err), -ESTALE);
	}
	put_capture(w, s, again, true, true);
	w->up[0].from = FROM; // from the first to the end of the last epoch
	w->up[0].to = FROM + 7200;
	w->up_n = 1;
	q.by = TT_BY_PORT;
	world_check(w, s, &q, true);
	q.read = TT_READ_ROLLUPS;
	world_check(w, s, &q, false);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "c.pcap", 5, false, boot, &err), 0);
	q.read = TT_READ_AUTO;
	world_check(w, s, &q, true);
	q.step = TT_STEP_HOUR;
	q.from = FROM - 3600;
	q.to = FROM + 3 * 3600;
	assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
	assert_true(r.completeness == 1);
	assert_int_equal(r.point_n, 4);
	assert_false(r.rows[0].points[0].known);
	assert_true(r.rows[0].points[0].completeness < 0);
	assert_true(r.rows[0].points[1].known && r.rows[0].points[1].completeness == 1);
	assert_true(r.rows[0].points[2].known);
	assert_false(r.rows[0].points[3].known);
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

// Live batches and two captures side by side: memory holds three sums, of which the captures' join
// when their last batch comes.
static void captures_fold_into_a_live_database_when_complete(void **state) {
	struct world *w = world_create(13);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, "Asia/Tokyo");
	struct tt_store_info info;
	char boots[3][17], sha[65];
	uint64_t seq[3] = {0};
	struct tt_query q = TT_QUERY_INIT;

	w->whole = true;
	snprintf(boots[0], sizeof(boots[0]), "%s", w->boot);
	for (unsigned i = 1; i < 3; i++) {
		snprintf(sha, sizeof(sha), "%064u", i);
		assert_int_equal(tt_store_file_begin(s, sha, "a", 5, false, boots[i], &err), 1);
	}
	for (unsigned round = 0; round < 12; round++) {
		unsigned of = round % 3;

		snprintf(w->boot, sizeof(w->boot), "%s", boots[of]);
		w->seq = seq[of];
		world_fill(w, s, 200, 100, FROM, FROM + 5 * 3600);
		seq[of] = w->seq;
		if (round == 4)
			assert_int_equal(tt_store_checkpoint(s, &err), 0);
	}
	for (unsigned i = 1; i < 3; i++) {
		snprintf(w->boot, sizeof(w->boot), "%s", boots[i]);
		w->seq = seq[i];
		world_begin(w);
		world_file_end(w, 0, 0, 0); // without packets: says nothing of up-time
		assert_int_equal(world_put(w, s, true), 1);
		assert_int_equal(tt_store_info(s, &info, &err), 0);
		assert_int_equal(info.batches, 8 * (i + 1));
	}
	assert_int_equal(tt_store_checkpoint(s, &err), 0);
	assert_int_equal(tt_store_info(s, &info, &err), 0);
	assert_int_equal(info.unfolded, 0);
	for (int by = TT_BY_PORT; by <= TT_BY_NONE; by++) {
		q.by = by;
		q.sets = world_sets;
		q.set_n = WORLD_SETS;
		q.read = by == TT_BY_SOURCE || by == TT_BY_ASN ? TT_READ_RAW : TT_READ_ROLLUPS;
		world_check(w, s, &q, q.read == TT_READ_RAW);
	}
	world_close(&s);
	world_destroy(&w);
}

static void a_capture_again_counts_again(void **state) {
	const char *sha = "bb00000000000000000000000000000000000000000000000000000000000001";
	struct world *w = world_create(8);
	struct tt_store *s;
	char boot[17];
	uint64_t once;

	w->replay = true;
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 1);
	put_capture(w, s, boot, true, true);
	once = world_packets(s, TT_READ_RAW);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, true, boot, &err), 1);
	assert_int_equal(world_packets(s, TT_READ_RAW), once);
	put_capture(w, s, boot, true, true);
	assert_true(world_packets(s, TT_READ_RAW) > once);
	{
		struct tt_query q = TT_QUERY_INIT;

		w->up[0].from = FROM;
		w->up[0].to = FROM + 7200;
		w->up_n = 1;
		q.by = TT_BY_SOURCE;
		world_check(w, s, &q, true);
	}
	world_close(&s);
	world_destroy(&w);
}

static void a_capture_without_packets_is_complete_and_says_nothing(void **state) {
	const char *sha = "cc00000000000000000000000000000000000000000000000000000000000001";
	struct world *w = world_create(9);
	struct tt_store *s = world_open(w, TT_STORE_WRITE, NULL);
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	char boot[17];

	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 1);
	snprintf(w->boot, sizeof(w->boot), "%s", boot);
	world_begin(w);
	world_file_end(w, 0, 0, 0);
	assert_int_equal(world_put(w, s, true), 1);
	world_close(&s);
	s = world_open(w, TT_STORE_WRITE, NULL);
	assert_int_equal(tt_store_file_begin(s, sha, "a.pcap", 5, false, boot, &err), 0);
	assert_int_equal(tt_store_query(s, &q, &r, &err), 0);
	assert_int_equal(r.row_n, 0);
	assert_true(r.completeness < 0);
	assert_int_equal(r.from, 0);
	tt_result_free(&r);
	world_close(&s);
	world_destroy(&w);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(captures_count_when_complete_and_only_then),
		cmocka_unit_test(captures_fold_into_a_live_database_when_complete),
		cmocka_unit_test(a_capture_again_counts_again),
		cmocka_unit_test(a_capture_without_packets_is_complete_and_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
