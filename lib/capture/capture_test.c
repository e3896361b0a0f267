/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tt_buf.h"
#include "tt_capture.h"
#include "tt_packet.h"
#include "tt_time.h"

#define FIRST_NS (1735689599 * TT_NS) // 2024-12-31T23:59:59Z

static char tmp_path[] = "/tmp/capture_test_XXXXXX";

// Big- or little-endian numbers of a file being made by hand.
static bool be;
static struct tt_buf file = TT_BUF_INIT(64u << 20);

static void u16(uint16_t v) {
	uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
	if (be)
		v = __builtin_bswap16(v), memcpy(b, &v, 2);
	tt_buf_append(&file, b, 2);
}

static void u32(uint32_t v) {
	if (be)
		u16((uint16_t)(v >> 16)), u16((uint16_t)v);
	else
		u16((uint16_t)v), u16((uint16_t)(v >> 16));
}

static void start(bool big) {
	tt_buf_reset(&file);
	be = big;
}

static void pcap_header(uint32_t magic, uint16_t minor, uint32_t snaplen, uint32_t network) {
	u32(magic), u16(2), u16(minor), u32(0), u32(0), u32(snaplen), u32(network);
}

static void filler(uint32_t n) {
	for (uint32_t i = 0; i < n; i++) {
		uint8_t b = (uint8_t)i;
		tt_buf_append(&file, &b, 1);
	}
}

static void record(uint32_t sec, uint32_t sub, uint32_t caplen, uint32_t len) {
	u32(sec), u32(sub), u32(caplen), u32(len), filler(caplen);
}

static void section(void) {
	u32(0x0a0d0d0a), u32(28), u32(0x1a2b3c4d), u16(1), u16(0), u32(~0u), u32(~0u), u32(28);
}

static void iface(uint16_t linktype, uint32_t snaplen, int tsresol, int64_t offset) {
	uint32_t len = 20 + 8 + 12 + 4;
	uint8_t res[4] = {(uint8_t)tsresol};
	u32(1), u32(len), u16(linktype), u16(0), u32(snaplen);
	u16(9), u16(1), tt_buf_append(&file, res, 4);
	u16(14), u16(8);
	if (be)
		u32((uint32_t)((uint64_t)offset >> 32)), u32((uint32_t)offset);
	else
		u32((uint32_t)offset), u32((uint32_t)((uint64_t)offset >> 32));
	u32(0), u32(len);
}

static void epb(uint32_t ifindex, uint64_t ts, uint32_t caplen, uint32_t len) {
	uint32_t pad = -caplen & 3, total = 32 + caplen + pad;
	u32(6), u32(total), u32(ifindex), u32((uint32_t)(ts >> 32)), u32((uint32_t)ts);
	u32(caplen), u32(len), filler(caplen + pad), u32(total);
}

static const char *save(void) {
	FILE *f = fopen(tmp_path, "wb");
	assert_non_null(f);
	assert_int_equal(file.rc, 0);
	assert_int_equal(fwrite(file.data, 1, file.len, f), file.len);
	assert_int_equal(fclose(f), 0);
	return tmp_path;
}

static struct tt_capture *open_file(void) {
	struct tt_err err;
	struct tt_capture *c = tt_capture_open(save(), &err);
	if (!c)
		fail_msg("%s", err.msg);
	return c;
}

// Reads everything (at most n) and expects the end of the file.
static int read_all(const char *path, struct tt_capture_rec *r, int n, struct tt_capture **keep) {
	struct tt_err err;
	struct tt_capture *c = tt_capture_open(path, &err);
	if (!c)
		fail_msg("%s", err.msg);
	int got = 0, rc;
	while ((rc = tt_capture_read(c, r + got, (unsigned)(n - got), &err)) > 0)
		got += rc;
	if (rc < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(tt_capture_pos(c), tt_capture_size(c));
	*keep = c;
	return got;
}

static void expect_refused(int error, const char *text) {
	struct tt_err err = {""};
	errno = 0;
	assert_null(tt_capture_open(save(), &err));
	assert_int_equal(errno, error);
	if (!strstr(err.msg, text) || !strstr(err.msg, tmp_path))
		fail_msg("message is \"%s\", expected \"%s\"", err.msg, text);
}

// Expects `good` records and then a failure that stays.
static void expect_bad(int good, int rc, const char *text) {
	struct tt_capture_rec r[16];
	struct tt_err err = {""};
	struct tt_capture *c = open_file();
	int got = 0, n;
	while ((n = tt_capture_read(c, r, 16, &err)) > 0)
		got += n;
	assert_int_equal(got, good);
	assert_int_equal(n, rc);
	if (!strstr(err.msg, text) || !strstr(err.msg, tmp_path))
		fail_msg("message is \"%s\", expected \"%s\"", err.msg, text);
	assert_int_equal(tt_capture_read(c, r, 16, &err), rc);
	tt_capture_close(&c);
}

static void path_of(const char *name, char path[512]) {
	snprintf(path, 512, "%s/testdata/%s", getenv("TT_SOURCE_DIR"), name);
}

static void reads_files_of_scapy_tcpdump_editcap_text2pcap(void **state) {
	static const struct {
		const char *name;
		uint32_t caplen;
		int64_t second, third; // ns after the first
	} files[] = {
		{"scapy-us.pcap", 54, 250001000, 500002000},
		{"scapy-ns-be.pcap", 54, 250000954, 500001907},
		{"scapy-ng.pcapng", 54, 250001000, 500002000},
		{"tcpdump-ns.pcap", 54, 250000954, 500001907},
		{"editcap-snap40.pcap", 40, 250001000, 500002000},
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[512];
		struct tt_capture_rec r[8];
		struct tt_capture *c;
		path_of(files[i].name, path);
		assert_int_equal(read_all(path, r, 8, &c), 3);
		assert_int_equal(r[0].ns, FIRST_NS);
		assert_int_equal(r[1].ns, FIRST_NS + files[i].second);
		assert_int_equal(r[2].ns, FIRST_NS + files[i].third);
		for (int j = 0; j < 3; j++) {
			assert_int_equal(r[j].caplen, files[i].caplen);
			assert_int_equal(r[j].len, 54);
			assert_int_equal(r[j].link, TT_LINK_ETHERNET);
			assert_int_equal(r[j].data[29], j + 1); // last byte of the source
		}
		tt_capture_close(&c);
	}
}

static void reads_several_sections_and_link_types(void **state) {
	char path[512];
	struct tt_capture_rec r[16];
	struct tt_capture *c;
	path_of("two-sections.pcapng", path);
	assert_int_equal(read_all(path, r, 16, &c), 8);
	assert_int_equal(r[2].ifindex, 0);
	assert_int_equal(r[6].link, TT_LINK_RAW);
	assert_int_equal(r[6].ifindex, 1);
	assert_int_equal(r[6].len, 29);
	assert_int_equal(r[6].ns, FIRST_NS + 1500000000);
	assert_int_equal(r[7].link, TT_LINK_SLL);
	assert_int_equal(r[7].ifindex, 2);
	assert_int_equal(r[7].ns, FIRST_NS + 2500000000);
	tt_capture_close(&c);
	path_of("text2pcap.pcapng", path);
	assert_int_equal(read_all(path, r, 16, &c), 1);
	assert_int_equal(r[0].caplen, 16);
	tt_capture_close(&c);
}

static void refuses_wifi_by_name_at_its_first_packet(void **state) {
	char path[512];
	struct tt_capture_rec r;
	struct tt_err err;
	path_of("wifi.pcapng", path);
	struct tt_capture *c = tt_capture_open(path, &err);
	assert_non_null(c);
	assert_int_equal(tt_capture_read(c, &r, 1, &err), -ENOTSUP);
	assert_non_null(strstr(err.msg, "link type 105 (IEEE802_11) is not supported"));
	tt_capture_close(&c);
}

static void refuses_other_link_types_by_name(void **state) {
	static const struct {
		uint32_t type;
		const char *name;
	} types[] = {{0, "0 (NULL)"}, {9, "9 (PPP)"}, {127, "127 (IEEE802_11_RADIOTAP)"},
		{147, "147 (USER)"}, {249, "249 (USBPCAP)"}, {9999, "9999 (unknown)"}};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		start(false);
		pcap_header(0xa1b2c3d4, 4, 65535, types[i].type);
		record(1, 0, 4, 4);
		expect_bad(0, -ENOTSUP, types[i].name);
	}
	start(false); // without packets there is nothing to refuse
	pcap_header(0xa1b2c3d4, 4, 65535, 105);
	struct tt_capture_rec r;
	struct tt_capture *c;
	assert_int_equal(read_all(save(), &r, 1, &c), 0);
	tt_capture_close(&c);
}

static void accepts_every_number_of_raw_ip(void **state) {
	static const uint32_t raw[] = {12, 14, 101, 228, 229};
	for (size_t i = 0; i < 5; i++) {
		struct tt_capture_rec r;
		struct tt_capture *c;
		start(i & 1);
		pcap_header(0xa1b2c3d4, 4, 65535, raw[i]);
		record(7, 8, 20, 20);
		assert_int_equal(read_all(save(), &r, 1, &c), 1);
		assert_int_equal(r.link, TT_LINK_RAW);
		tt_capture_close(&c);
	}
}

static void refuses_other_files_by_name(void **state) {
	char path[512];
	struct tt_err err;
	path_of("modified.pcap", path);
	assert_null(tt_capture_open(path, &err));
	assert_int_equal(errno, ENOTSUP);
	assert_non_null(strstr(err.msg, "Kuznetzov-modified"));
	start(true);
	pcap_header(0xa1b2cd34, 4, 65535, 1);
	expect_refused(ENOTSUP, "Kuznetzov-modified");
	start(false);
	tt_buf_append(&file, "\x1f\x8b\x08\0\0\0\0", 7);
	expect_refused(ENOTSUP, "gzip");
	start(false);
	tt_buf_append(&file, "hello, world", 12);
	expect_refused(EINVAL, "68 65 6c 6c");
	start(false);
	tt_buf_append(&file, "\xd4\xc3", 2);
	expect_refused(EINVAL, "2 bytes");
	start(false);
	u32(0xa1b2c3d4), u32(0);
	expect_refused(EINVAL, "header is cut");
	start(false);
	pcap_header(0xa1b2c3d4, 5, 65535, 1);
	expect_refused(ENOTSUP, "version 2.5");
	start(false);
	tt_buf_append(&file, "", 0);
	expect_refused(EINVAL, "0 bytes");
	assert_null(tt_capture_open("/nowhere/x.pcap", &err));
	assert_int_equal(errno, ENOENT);
	assert_null(tt_capture_open("/tmp", &err));
	assert_int_equal(errno, EISDIR);
}

static void refuses_a_fifo_without_waiting(void **state) {
	struct tt_err err;
	unlink(tmp_path);
	assert_int_equal(mkfifo(tmp_path, 0600), 0);
	assert_null(tt_capture_open(tmp_path, &err));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(err.msg, "not a regular file"));
	unlink(tmp_path);
}

static void times_reach_past_2038_and_are_clamped(void **state) {
	struct tt_capture_rec r[4];
	struct tt_capture *c;
	start(true);
	pcap_header(0xa1b2c3d4, 4, 65535, 1);
	record(0x80000001, 7, 14, 14);
	record(0xffffffff, 999999, 14, 14);
	record(0xffffffff, 3000000, 14, 14);
	record(10, 2500000, 14, 14);
	assert_int_equal(read_all(save(), r, 4, &c), 4);
	assert_int_equal(r[0].ns, 0x80000001 * TT_NS + 7000);
	assert_int_equal(r[1].ns, TT_TIME_MAX * TT_NS + 999999000);
	assert_int_equal(r[2].ns, TT_TIME_MAX * TT_NS);
	assert_int_equal(r[3].ns, 12 * TT_NS + 500000000);
	tt_capture_close(&c);
}

static void pcapng_resolutions_and_offsets(void **state) {
	static const struct {
		int tsresol;
		int64_t offset;
		uint64_t ts;
		int64_t ns;
	} cases[] = {
		{6, 0, 1735689599000001, 1735689599000001000},
		{9, 0, 1735689599000000001, 1735689599000000001},
		{0, 0, 1735689599, 1735689599000000000},
		{3, 0, 1735689599123, 1735689599123000000},
		{12, 0, 1234567890123456, 1234567890123},
		{19, 0, 10000000000000000000u, 1000000000},
		{40, 0, 12345, 0},
		{0x80 | 10, 0, 1735689599ull << 10 | 512, 1735689599500000000},
		{0x80 | 32, 0, 1735689599ull << 32 | 1u << 30, 1735689599250000000},
		{0x80 | 100, 0, 12345, 0},
		{0x80, 0, 5, 5000000000},
		{6, 1735689599, 1000001, 1735689600000001000},
		{6, -10, 1000000, 0},
		{6, 0, ~0ull, TT_TIME_MAX * TT_NS},
		{9, INT64_MAX, 1, TT_TIME_MAX * TT_NS},
		{9, INT64_MIN, 1, 0},
		{0, 0, ~0ull, TT_TIME_MAX * TT_NS},
	};
	enum { N = sizeof(cases) / sizeof(cases[0]) };
	for (int big = 0; big < 2; big++) {
		struct tt_capture_rec r[N];
		struct tt_capture *c;
		start(big);
		section();
		for (int i = 0; i < N; i++)
			iface(1, 0, cases[i].tsresol, cases[i].offset);
		for (int i = 0; i < N; i++)
			epb((uint32_t)i, cases[i].ts, 14, 60);
		assert_int_equal(read_all(save(), r, N, &c), N);
		for (int i = 0; i < N; i++) {
			assert_int_equal(r[i].ns, cases[i].ns);
			assert_int_equal(r[i].ifindex, i);
			assert_int_equal(r[i].caplen, 14);
			assert_int_equal(r[i].len, 60);
		}
		tt_capture_close(&c);
	}
}

static void pcapng_other_blocks(void **state) {
	struct tt_capture_rec r[8];
	struct tt_capture *c;
	start(false);
	section();
	u32(0x0bad), u32(16), u32(32473), u32(16); // custom
	iface(1, 20, 6, 0);
	u32(2), u32(36), u16(0), u16(9), u32(0), u32(77), u32(3), u32(3), filler(4), u32(36);
	u32(3), u32(40), u32(60), filler(24), u32(40); // simple: cut at the interface's snaplen
	u32(3), u32(20), u32(3), filler(4), u32(20);
	u32(5), u32(12), u32(12); // statistics
	be = true;		  // the byte order can change with the section
	section();
	iface(276, 0, 9, 0);
	epb(0, 5, 2, 2);
	assert_int_equal(read_all(save(), r, 8, &c), 4);
	assert_int_equal(r[0].ns, 77000);
	assert_int_equal(r[0].caplen, 3);
	assert_int_equal(r[1].caplen, 20);
	assert_int_equal(r[1].len, 60);
	assert_int_equal(r[1].ns, 0);
	assert_int_equal(r[2].caplen, 3);
	assert_int_equal(r[3].link, TT_LINK_SLL2);
	assert_int_equal(r[3].ns, 5);
	tt_capture_close(&c);
}

static void frame_check_sequences_do_not_count(void **state) {
	struct tt_capture_rec r[4];
	struct tt_capture *c;
	start(false);
	pcap_header(0xa1b2c3d4, 4, 65535, 2u << 28 | 1u << 26 | 1);
	record(1, 0, 64, 64);
	record(1, 0, 62, 64);
	record(1, 0, 20, 64);
	record(1, 0, 2, 2);
	assert_int_equal(read_all(save(), r, 4, &c), 4);
	assert_int_equal(r[0].len, 60);
	assert_int_equal(r[0].caplen, 60);
	assert_int_equal(r[1].caplen, 60);
	assert_int_equal(r[2].caplen, 20);
	assert_int_equal(r[2].len, 60);
	assert_int_equal(r[3].len, 0);
	tt_capture_close(&c);
	start(true);
	section();
	iface(1, 0, 6, 0);
	u32(6), u32(32 + 8 + 12), u32(0), u32(0), u32(0), u32(8), u32(8), filler(8);
	u16(2), u16(4), u32(4 << 5), u32(0), u32(32 + 8 + 12);
	assert_int_equal(read_all(save(), r, 4, &c), 1);
	assert_int_equal(r[0].len, 4);
	assert_int_equal(r[0].caplen, 4);
	tt_capture_close(&c);
}

static void lengths_of_old_and_odd_files(void **state) {
	struct tt_capture_rec r[2];
	struct tt_capture *c;
	start(false);
	pcap_header(0xa1b2c3d4, 2, 65535, 1);
	u32(1), u32(0), u32(60), u32(14), filler(14); // lengths were the other way round
	assert_int_equal(read_all(save(), r, 2, &c), 1);
	assert_int_equal(r[0].caplen, 14);
	assert_int_equal(r[0].len, 60);
	tt_capture_close(&c);
	start(false);
	pcap_header(0xa1b2c3d4, 4, 100, 1);
	record(1, 0, 30, 10);	    // more captured than there was: what is there was there
	record(1, 0, 65550, 70000); // more than the snap length, as some tools write
	assert_int_equal(read_all(save(), r, 2, &c), 2);
	assert_int_equal(r[0].len, 30);
	assert_int_equal(r[1].caplen, 65550);
	tt_capture_close(&c);
}

static void cut_and_nonsensical_records_fail_with_their_offset(void **state) {
	start(false);
	pcap_header(0xa1b2c3d4, 4, 65535, 1);
	record(1, 0, 10, 10);
	u32(1), u32(0);
	expect_bad(1, -EBADMSG, "offset 50: the record header is cut: 8 of 16 bytes");
	start(false);
	pcap_header(0xa1b2c3d4, 4, 65535, 1);
	record(1, 0, 10, 10);
	u32(1), u32(0), u32(60), u32(60), filler(59);
	expect_bad(1, -EBADMSG, "offset 50: the record is cut: 59 of 60 captured bytes");
	start(false);
	pcap_header(0xa1b2c3d4, 4, 65535, 1);
	u32(1), u32(0), u32(262145), u32(60), filler(59);
	expect_bad(0, -EBADMSG, "offset 24: a record of 262145 captured bytes makes no sense");
}

static void bad_pcapng_blocks_fail_with_their_offset(void **state) {
	start(false);
	section(), iface(1, 0, 6, 0), epb(0, 1, 14, 14), epb(1, 1, 14, 14);
	expect_bad(1, -EBADMSG,
		"offset 120: the packet is of interface 1, but its section "
		"describes 1");
	start(false);
	section(), iface(1, 0, 6, 0), u32(6), u32(32), u32(0), u32(0), u32(0), u32(5), u32(5),
		u32(32);
	expect_bad(0, -EBADMSG, "offset 72: the packet has 5 captured bytes, but its block has 0");
	start(false);
	section(), u32(9), u32(13), u32(13), u32(13);
	expect_bad(0, -EBADMSG, "offset 28: a block of 13 bytes makes no sense");
	start(false);
	section(), u32(9), u32(16), u32(0), u32(20);
	expect_bad(
		0, -EBADMSG, "offset 28: the block begins with length 16 and ends with length 20");
	start(false);
	section(), u32(9), u32(1600), u32(0), u32(20);
	expect_bad(0, -EBADMSG, "offset 28: the block is cut: 16 of 1600 bytes");
	start(false);
	section(), u32(9);
	expect_bad(0, -EBADMSG, "offset 28: a block is cut: 4 bytes are left");
	start(false);
	section(), u32(3), u32(16), u32(0), u32(16);
	expect_bad(0, -EBADMSG, "offset 28: the packet is of interface 0");
	start(false);
	section(), iface(9, 0, 6, 0), iface(1, 0, 6, 0), epb(1, 0, 1, 1), epb(0, 0, 1, 1);
	expect_bad(1, -ENOTSUP, "link type 9 (PPP)");
	start(false);
	u32(0x0a0d0d0a), u32(28), u32(0x11223344), u32(1), u32(0), u32(0), u32(28);
	expect_refused(EINVAL, "byte-order magic");
	start(false);
	u32(0x0a0d0d0a), u32(28), u32(0x1a2b3c4d), u16(2), u16(0), u32(0), u32(0), u32(28);
	expect_refused(ENOTSUP, "pcapng version 2.0");
}

static void a_file_that_shrinks_is_reported(void **state) {
	struct tt_capture_rec r[64];
	struct tt_err err;
	start(false);
	pcap_header(0xa1b2c3d4, 4, 262144, 1);
	for (int i = 0; i < 200; i++)
		record(1, 0, 65000, 65000);
	struct tt_capture *c = open_file();
	assert_int_equal(tt_capture_read(c, r, 4, &err), 4);
	assert_int_equal(truncate(tmp_path, 6 << 20), 0);
	int n;
	while ((n = tt_capture_read(c, r, 8, &err)) > 0)
		;
	assert_int_equal(n, -EBADMSG);
	assert_non_null(strstr(err.msg, "shrank"));
	tt_capture_close(&c);
}

int main(void) {
	int fd = mkstemp(tmp_path);
	if (fd < 0)
		return 1;
	close(fd);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_files_of_scapy_tcpdump_editcap_text2pcap),
		cmocka_unit_test(reads_several_sections_and_link_types),
		cmocka_unit_test(refuses_wifi_by_name_at_its_first_packet),
		cmocka_unit_test(refuses_other_link_types_by_name),
		cmocka_unit_test(accepts_every_number_of_raw_ip),
		cmocka_unit_test(refuses_other_files_by_name),
		cmocka_unit_test(refuses_a_fifo_without_waiting),
		cmocka_unit_test(times_reach_past_2038_and_are_clamped),
		cmocka_unit_test(pcapng_resolutions_and_offsets),
		cmocka_unit_test(pcapng_other_blocks),
		cmocka_unit_test(frame_check_sequences_do_not_count),
		cmocka_unit_test(lengths_of_old_and_odd_files),
		cmocka_unit_test(cut_and_nonsensical_records_fail_with_their_offset),
		cmocka_unit_test(bad_pcapng_blocks_fail_with_their_offset),
		cmocka_unit_test(a_file_that_shrinks_is_reported),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(tmp_path);
	tt_buf_free(&file);
	return rc;
}
