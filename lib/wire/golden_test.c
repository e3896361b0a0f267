/* SPDX-License-Identifier: BSD-3-Clause */
// docs/wire-format.md is a test: its bytes, its table of columns and its Python program.
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "sample.h"
#include "tt_file.h"

static struct tt_buf doc = TT_BUF_INIT(1 << 20);

static int setup(void **state) {
	char path[4096];
	struct tt_err err;
	snprintf(path, sizeof(path), "%s/../../docs/wire-format.md", getenv("TT_SOURCE_DIR"));
	int rc = tt_file_read(path, &doc, &err);
	if (rc)
		fprintf(stderr, "%s\n", err.msg);
	return rc;
}

static int teardown(void **state) {
	tt_buf_free(&doc);
	return 0;
}

// the text of the first ``` block of a kind after a heading
static char *block(const char *heading, const char *kind) {
	char fence[32];
	snprintf(fence, sizeof(fence), "```%s\n", kind);
	const char *at = strstr((const char *)doc.data, heading);
	assert_non_null(at);
	at = strstr(at, fence);
	assert_non_null(at);
	at += strlen(fence);
	const char *end = strstr(at, "```");
	assert_non_null(end);
	return strndup(at, (size_t)(end - at));
}

static size_t golden_bytes(uint8_t *out, size_t cap) {
	char *text = block("## A whole batch", "hex");
	size_t n = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned offset, byte;
		int used;
		assert_int_equal(sscanf(line, "%x%n", &offset, &used), 1);
		assert_int_equal(offset, n);
		for (char *p = line + used; sscanf(p, " %2x%n", &byte, &used) == 1; p += used) {
			assert_true(n < cap);
			out[n++] = (uint8_t)byte;
		}
	}
	free(text);
	return n;
}

static void print_hex(const uint8_t *p, size_t n) {
	for (size_t i = 0; i < n; i++) {
		if (i % 16 == 0)
			fprintf(stderr, "%s%04zx ", i ? "\n" : "", i);
		fprintf(stderr, " %02x", p[i]);
	}
	fprintf(stderr, "\n");
}

static void the_document_shows_the_bytes_we_write(void **state) {
	uint8_t want[4096];
	const void *msg;
	size_t len, n = golden_bytes(want, sizeof(want));
	struct tt_batch *b = tt_batch_create();
	sample_golden(b);
	assert_int_equal(tt_batch_encode(b, 8812, &msg, &len), 0);
	if (n != len || memcmp(want, msg, len))
		print_hex(msg, len);
	assert_int_equal(n, len);
	assert_memory_equal(msg, want, len);
	tt_batch_destroy(&b);
}

static void the_bytes_of_the_document_decode(void **state) {
	uint8_t bytes[4096];
	struct tt_batch_view v;
	struct tt_err err;
	struct tt_obs o;
	size_t n = golden_bytes(bytes, sizeof(bytes));
	struct tt_batch_decoder *d = tt_batch_decoder_create();
	if (tt_batch_decode(d, bytes, n, &v, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(v.head.obs_n, 3);
	tt_batch_row(&v, 1, &o);
	assert_int_equal(o.epoch, 1734491100);
	assert_int_equal(o.packets, 70000);
	assert_int_equal(o.src[15], 0x35);
	assert_true(o.dst_bitmap == 0x8000000000000003);
	assert_string_equal(v.sensors[o.sensor], "cloud1");
	assert_string_equal(v.meta, "{\"type\":\"config\"}");
	tt_batch_decoder_destroy(&d);
}

static void the_document_lists_every_column(void **state) {
	for (unsigned i = 0; i < wire_field_n; i++) {
		char row[80];
		snprintf(row, sizeof(row), "\n| %u | `%s` | %u |", wire_fields[i].id,
			wire_fields[i].name, wire_fields[i].width);
		if (!strstr((const char *)doc.data, row))
			fail_msg("docs/wire-format.md has no row beginning with%s", row);
	}
}

static void the_program_of_the_document_prints_what_it_says(void **state) {
	char dir[] = "/tmp/tt-golden-XXXXXX", path[64], command[160], got[4096];
	uint8_t bytes[4096];
	size_t n = golden_bytes(bytes, sizeof(bytes));
	char *program = block("## Reading it with numpy", "python");
	char *want = block("## Reading it with numpy", "text");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/golden.bin", dir);
	assert_int_equal(tt_file_write(path, bytes, n, 0600, NULL), 0);
	snprintf(path, sizeof(path), "%s/read.py", dir);
	assert_int_equal(tt_file_write(path, program, strlen(program), 0600, NULL), 0);
	snprintf(command, sizeof(command), "/usr/bin/python3 %s/read.py %s/golden.bin", dir, dir);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	got[fread(got, 1, sizeof(got) - 1, f)] = 0;
	assert_int_equal(pclose(f), 0);
	assert_string_equal(got, want);
	unlink(path);
	snprintf(path, sizeof(path), "%s/golden.bin", dir);
	unlink(path);
	rmdir(dir);
	free(program);
	free(want);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_document_shows_the_bytes_we_write),
		cmocka_unit_test(the_bytes_of_the_document_decode),
		cmocka_unit_test(the_document_lists_every_column),
		cmocka_unit_test(the_program_of_the_document_prints_what_it_says),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
