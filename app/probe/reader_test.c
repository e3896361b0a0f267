/* SPDX-License-Identifier: BSD-3-Clause */
#include "reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PACKETS 20000
#define READERS 3

static char path[] = "/tmp/teiten-reader-test-XXXXXX";

static void write_capture(unsigned packets) {
	struct tt_err err;
	struct tt_capture_writer *w = tt_capture_create(path, TT_PCAP_NS, 0, 0, &err);
	assert_non_null(w);
	for (uint32_t i = 0; i < packets; i++) {
		const struct tt_capture_rec rec = {.ns = i,
			.data = (const uint8_t *)&i,
			.caplen = sizeof(i),
			.len = sizeof(i)};
		assert_int_equal(tt_capture_write(w, &rec), 0);
	}
	assert_int_equal(tt_capture_finish(&w, &err), 0);
}

static int setup(void **state) {
	(void)state;
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}
static int teardown(void **state) {
	(void)state;
	return unlink(path);
}

struct taker {
	struct reader *reader;
	uint8_t seen[PACKETS];
};

static void *take_all(void *arg) {
	struct taker *t = arg;
	struct tt_capture_rec recs[64];
	for (unsigned n; (n = reader_take(t->reader, recs, 64)) > 0;)
		for (unsigned i = 0; i < n; i++) {
			uint32_t v;
			memcpy(&v, recs[i].data, sizeof(v));
			t->seen[v]++;
		}
	return NULL;
}

static void test_several_workers_take_every_record_once(void **state) {
	(void)state;
	static struct taker takers[READERS];
	struct reader r;
	struct tt_err err;
	pthread_t threads[READERS];
	write_capture(PACKETS);
	reader_init(&r);
	assert_int_equal(reader_open(&r, path, &err), 0);
	memset(takers, 0, sizeof(takers));
	for (unsigned i = 0; i < READERS; i++) {
		takers[i].reader = &r;
		assert_int_equal(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
	}
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned p = 0; p < PACKETS; p++) {
		unsigned times = 0;
		for (unsigned i = 0; i < READERS; i++)
			times += takers[i].seen[p];
		assert_int_equal(times, 1);
	}
	assert_int_equal(atomic_load(&r.packets), PACKETS);
	assert_int_equal(r.rc, 0);
	reader_close(&r);
}

static void test_a_cut_capture_ends_with_its_error_for_everybody(void **state) {
	(void)state;
	struct reader r;
	struct tt_err err;
	struct tt_capture_rec recs[64];
	unsigned all = 0, n;
	write_capture(100);
	assert_int_equal(truncate(path, 24 + 20 * 99 + 18), 0);
	reader_init(&r);
	assert_int_equal(reader_open(&r, path, &err), 0);
	while ((n = reader_take(&r, recs, 64)) > 0)
		all += n;
	assert_int_equal(all, 99);
	assert_int_equal(r.rc, -EBADMSG);
	assert_non_null(strstr(r.err.msg, path));
	assert_int_equal(reader_take(&r, recs, 64), 0);
	reader_close(&r);
}

static void test_what_is_no_capture_does_not_open(void **state) {
	(void)state;
	struct reader r;
	struct tt_err err;
	assert_int_equal(truncate(path, 0), 0);
	reader_init(&r);
	assert_true(reader_open(&r, path, &err) < 0);
	assert_non_null(strstr(err.msg, path));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_several_workers_take_every_record_once),
		cmocka_unit_test(test_a_cut_capture_ends_with_its_error_for_everybody),
		cmocka_unit_test(test_what_is_no_capture_does_not_open),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
