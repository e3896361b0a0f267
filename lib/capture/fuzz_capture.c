/* SPDX-License-Identifier: BSD-3-Clause */
// The file is a memfd: the reader maps it as any other. Every byte a record points to is read.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tt_capture.h"
#include "tt_time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	int fd = memfd_create("capture", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct tt_err err;
	struct tt_capture *c = tt_capture_open(path, &err);
	if (c) {
		struct tt_capture_rec r[7];
		uint64_t before = tt_capture_pos(c), after;
		int n;
		while ((n = tt_capture_read(c, r, 7, &err)) > 0) {
			for (int i = 0; i < n; i++) {
				if (r[i].len < r[i].caplen || r[i].ns < 0 ||
					r[i].ns >= (TT_TIME_MAX + 1) * TT_NS)
					abort();
				for (uint32_t j = 0; j < r[i].caplen; j++)
					sink ^= r[i].data[j];
			}
			after = tt_capture_pos(c);
			if (after <= before || after > size)
				abort();
			before = after;
		}
		if (n == 0 && tt_capture_pos(c) != size)
			abort();
		tt_capture_close(&c);
	}
	close(fd);
	return 0;
}
