/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stddef.h>
#include <stdint.h>

/// A growing byte buffer with a stated maximum. The first failure (too large, no memory) sticks in
/// `rc`, so that a sequence of appends needs one check at its end.
struct tt_buf {
	uint8_t *data; // always followed by a zero byte once something was appended
	size_t len, cap, max;
	int rc; // 0, -EFBIG or -ENOMEM
};

#define TT_BUF_INIT(maximum)                                                                       \
	{ .max = (maximum) }

int tt_buf_append(struct tt_buf *b, const void *data, size_t len);
int tt_buf_printf(struct tt_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/// Empties without giving the memory back.
void tt_buf_reset(struct tt_buf *b);
void tt_buf_free(struct tt_buf *b);
