/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as what the database keeps in blobs: pieces of rollups, what is derived from a batch,
// and what is heaviest in a row. The first byte says which. What stands in zstd frames with a
// checksum is packed here, else nothing would get past that.
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(const void *p, size_t n) {
	for (size_t i = 0; i < n; i++)
		sink ^= ((const uint8_t *)p)[i];
}

// The frame of `len` bytes behind a head; a copy of its own size, so that a byte too far is told.
static uint8_t *blob(
	const uint8_t *head, size_t head_len, const uint8_t *in, size_t len, size_t *n) {
	size_t bound = ZSTD_compressBound(len);
	uint8_t *wide = malloc(head_len + bound), *out;

	memcpy(wide, head, head_len);
	*n = head_len + ZSTD_compress(wide + head_len, bound, in, len, 1);
	out = malloc(*n);
	memcpy(out, wide, *n);
	free(wide);
	return out;
}

static void segment(const uint8_t *data, size_t size) {
	static struct segment_reader in;
	static struct tt_sketch *sketch;
	static struct heavy *h;
	struct segment g;
	uint8_t head[16] = {0};
	uint32_t rows;
	uint64_t len;
	size_t n;

	if (sketch == NULL) {
		sketch = tt_sketch_create();
		h = heavy_create();
	}
	if (size < 6)
		return;
	rows = htole32((uint32_t)(data[1] | data[2] << 8));
	len = htole64(size - 6 + (data[3] == 0 ? data[4] : 0));
	head[0] = data[5] % 4;
	memcpy(head + 4, &rows, 4);
	memcpy(head + 8, &len, 8);
	uint8_t *p = blob(head, sizeof(head), data + 6, size - 6, &n);
	if (segment_read(&in, p, n, &g) == 0) {
		const uint8_t *sources = g.sketches, *heavies = g.heavies;

		for (uint32_t i = 0; i < g.n; i++) {
			size_t heavy_len = g.heavy_len == NULL ? 0 : g.heavy_len[i];

			touch(&g.packets[i], 8);
			touch(&g.bytes[i], 8);
			touch(&g.spilled[i], 8);
			touch(&g.key[i], 4);
			tt_sketch_reset(sketch);
			(void)tt_sketch_merge_encoded(sketch, sources, g.sketch_len[i]);
			(void)heavy_decode(
				h, heavies, heavy_len, sources, g.sketch_len[i], g.packets[i]);
			sources += g.sketch_len[i];
			heavies += heavy_len;
		}
	}
	free(p);
}

static void derived(const uint8_t *data, size_t size) {
	static struct mem buf;
	struct derived d;
	uint8_t head[8] = {0};
	uint32_t rows;
	size_t n;

	if (size < 5)
		return;
	rows = (uint32_t)(data[1] | data[2] << 8);
	uint32_t le = htole32(rows + (data[3] == 1));
	head[0] = data[4] % 3;
	memcpy(head + 4, &le, 4);
	uint8_t *p = blob(head, sizeof(head), data + 5, size - 5, &n);
	if (derived_read(&buf, p, n, rows, &d) == 0) {
		touch(d.asn, 4 * (size_t)rows);
		touch(d.region, 2 * (size_t)rows);
		touch(d.surveyor, 2 * (size_t)rows);
	}
	free(p);
}

// What is read is written as it was read, or shorter: LEB128 has longer forms of a number.
static void heaviest(const uint8_t *data, size_t size) {
	static const uint8_t sources[TT_SKETCH_ONE] = {0x11, 1, 2, 3, 4, 5, 6, 7, 8};
	static struct heavy *h, *again, *sum;
	uint8_t out[HEAVY_MAX];

	if (h == NULL) {
		h = heavy_create();
		again = heavy_create();
		sum = heavy_create();
	}
	if (size < 2 || heavy_decode(h, data + 2, size - 2, sources,
				data[1] & 1 ? sizeof(sources) : 0, 9) != 0)
		return;
	size_t n = heavy_encode(h, out);
	if (n > heavy_bound(h) || n > size - 2 + HEAVY_ONE || n > HEAVY_MAX)
		abort();
	(void)heavy_decode(again, out, n, sources, sizeof(sources), 9);
	heavy_reset(sum);
	heavy_merge(sum, h);
	heavy_merge(sum, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static void (*const kinds[])(const uint8_t *, size_t) = {segment, derived, heaviest};

	if (size > 0)
		kinds[data[0] % 3](data, size);
	return 0;
}
