/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct tt_buf *b, size_t more) {
	if (b->rc)
		return b->rc;
	if (more > b->max - b->len)
		return b->rc = -EFBIG;
	size_t need = b->len + more + 1;
	if (need <= b->cap)
		return 0;
	size_t cap = b->cap ? b->cap : 256;
	while (cap < need)
		cap += cap / 2;
	uint8_t *data = realloc(b->data, cap);
	if (!data)
		return b->rc = -ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int tt_buf_append(struct tt_buf *b, const void *data, size_t len) {
	if (reserve(b, len) < 0)
		return b->rc;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
	return 0;
}

int tt_buf_printf(struct tt_buf *b, const char *fmt, ...) {
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return b->rc = -EINVAL;
	if (reserve(b, (size_t)n) < 0)
		return b->rc;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void tt_buf_reset(struct tt_buf *b) {
	b->len = 0;
	b->rc = 0;
	if (b->data)
		b->data[0] = 0;
}

void tt_buf_free(struct tt_buf *b) {
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->rc = 0;
}
