/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tt_capture.h"
#include "tt_packet.h"
#include "tt_time.h"

static char tmp_path[] = "/tmp/writer_test_XXXXXX";

static void what_is_written_is_read_back(void **state) {
	static const uint8_t bytes[300] = {1, 2, 3, 4};
	for (int i = 0; i < 6; i++) {
		enum tt_capture_format format = (enum tt_capture_format)(i / 2);
		struct tt_err err;
		struct tt_capture_writer *w = tt_capture_create(tmp_path, format, i & 1, 100, &err);
		assert_non_null(w);
		enum { N = 20000 };
		for (int j = 0; j < N; j++) {
			struct tt_capture_rec r = {.ns = (int64_t)j * 300 * TT_NS + 123456789,
				.data = bytes,
				.caplen = (uint32_t)(j % 300),
				.len = 300,
				.link = TT_LINK_ETHERNET,
				.ifindex = (uint16_t)(j % 3)};
			assert_int_equal(tt_capture_write(w, &r), 0);
		}
		assert_int_equal(tt_capture_finish(&w, &err), 0);
		assert_null(w);
		struct tt_capture *c = tt_capture_open(tmp_path, &err);
		assert_non_null(c);
		for (int j = 0; j < N; j++) {
			struct tt_capture_rec r;
			assert_int_equal(tt_capture_read(c, &r, 1, &err), 1);
			assert_int_equal(
				r.ns, (int64_t)j * 300 * TT_NS +
					      (format == TT_PCAP_US ? 123456000 : 123456789));
			assert_int_equal(r.caplen, j % 300 < 100 ? j % 300 : 100);
			assert_int_equal(r.len, 300);
			assert_memory_equal(r.data, bytes, r.caplen);
			assert_int_equal(r.ifindex, format == TT_PCAPNG ? j % 3 : 0);
		}
		struct tt_capture_rec r;
		assert_int_equal(tt_capture_read(c, &r, 1, &err), 0);
		tt_capture_close(&c);
	}
}

static void pcapng_takes_every_link_type_and_pcap_one(void **state) {
	static const uint8_t bytes[4] = {0x45};
	struct tt_err err;
	struct tt_capture_writer *w = tt_capture_create(tmp_path, TT_PCAPNG, 0, 0, &err);
	for (uint8_t link = 0; link < 4; link++) {
		struct tt_capture_rec r = {.data = bytes, .caplen = 4, .len = 4, .link = link};
		assert_int_equal(tt_capture_write(w, &r), 0);
	}
	struct tt_capture_rec odd = {.data = bytes, .caplen = 4, .len = 4, .link = 4};
	assert_int_equal(tt_capture_write(w, &odd), -EINVAL);
	assert_int_equal(tt_capture_finish(&w, &err), 0);
	struct tt_capture *c = tt_capture_open(tmp_path, &err);
	struct tt_capture_rec r[5];
	assert_int_equal(tt_capture_read(c, r, 5, &err), 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(r[i].link, i);
	tt_capture_close(&c);
	w = tt_capture_create(tmp_path, TT_PCAP_US, 0, 0, &err);
	odd.link = TT_LINK_RAW;
	assert_int_equal(tt_capture_write(w, &odd), 0);
	odd.link = TT_LINK_SLL;
	assert_int_equal(tt_capture_write(w, &odd), -EINVAL);
	assert_int_equal(tt_capture_finish(&w, &err), 0);
}

static void a_capture_without_packets_is_one(void **state) {
	for (int i = 0; i < 3; i++) {
		struct tt_err err;
		struct tt_capture_writer *w =
			tt_capture_create(tmp_path, (enum tt_capture_format)i, 0, 0, &err);
		assert_int_equal(tt_capture_finish(&w, &err), 0);
		struct tt_capture *c = tt_capture_open(tmp_path, &err);
		assert_non_null(c);
		struct tt_capture_rec r;
		assert_int_equal(tt_capture_read(c, &r, 1, &err), 0);
		tt_capture_close(&c);
	}
}

static void a_full_disk_is_reported(void **state) {
	struct tt_err err;
	struct tt_capture_writer *w = tt_capture_create("/dev/full", TT_PCAP_US, 0, 0, &err);
	assert_non_null(w);
	assert_int_equal(tt_capture_finish(&w, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "/dev/full: cannot be written"));
	assert_null(tt_capture_create("/nowhere/x", TT_PCAP_US, 0, 0, &err));
	assert_int_equal(errno, ENOENT);
}

int main(void) {
	int fd = mkstemp(tmp_path);
	if (fd < 0)
		return 1;
	close(fd);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(pcapng_takes_every_link_type_and_pcap_one),
		cmocka_unit_test(a_capture_without_packets_is_one),
		cmocka_unit_test(a_full_disk_is_reported),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(tmp_path);
	return rc;
}
