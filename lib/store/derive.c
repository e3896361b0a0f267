/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "store.h"

// Stored form: version, 3 zero bytes, rows (32 bits), then the zstd frame, with a checksum, of the
// columns: AS numbers (32 bits a row), regions (16: two letters), surveyors (16), little-endian.
#define HEADER 8
#define ROW    8

int mem_need(struct mem *m, size_t n) {
	if (n <= m->cap)
		return 0;
	free(m->p);
	m->p = malloc(n);
	m->cap = m->p == NULL ? 0 : n;
	return m->p == NULL ? -ENOMEM : 0;
}

static void point_into(uint8_t *p, uint32_t n, struct derived *out) {
	// AS numbers first, so that every column is aligned
	out->asn = (const uint32_t *)p;
	out->region = (const uint16_t *)(p + (size_t)n * 4);
	out->surveyor = (const uint16_t *)(p + (size_t)n * 6);
}

static void resolve(
	struct tt_store *s, const struct tt_batch_view *v, uint8_t *p, char rir[TT_RIR_LEN]) {
	const struct tt_region *set = NULL;
	uint32_t epoch = 0;
	uint32_t n = v->head.obs_n;

	for (uint32_t i = 0; i < n; i++) {
		const char *cc = "--";
		uint16_t region, surveyor = 0;
		uint32_t asn = 0;

		if (v->family[i] != 0) {
			if (set == NULL || v->epoch_index[i] != epoch) {
				epoch = v->epoch_index[i];
				set = tt_regions_at(s->regions, (int64_t)epoch * v->head.epoch_s);
				dates_add(rir, tt_region_date(set));
			}
			cc = tt_region_of(set, v->family[i], v->src[i]);
			asn = tt_asn_of(s->asn, v->family[i], v->src[i]);
			surveyor = tt_scanners_of(s->scanners, v->family[i], v->src[i]);
		}
		region = htole16((uint16_t)((uint8_t)cc[0] | (uint8_t)cc[1] << 8));
		asn = htole32(asn);
		surveyor = htole16(surveyor);
		memcpy(p + (size_t)i * 4, &asn, 4);
		memcpy(p + (size_t)n * 4 + (size_t)i * 2, &region, 2);
		memcpy(p + (size_t)n * 6 + (size_t)i * 2, &surveyor, 2);
	}
}

int derive(struct tt_store *s, const struct tt_batch_view *v, struct derived *out, size_t *len,
	char rir[TT_RIR_LEN], struct tt_err *err) {
	uint32_t n = v->head.obs_n, le = htole32(n);
	size_t size = (size_t)n * ROW, bound = ZSTD_compressBound(size), packed;

	if (mem_need(&s->columns, size + 8) < 0 || mem_need(&s->packed, HEADER + bound) < 0)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	resolve(s, v, s->columns.p, rir);
	memset(s->packed.p, 0, HEADER);
	s->packed.p[0] = DERIVED_VERSION;
	memcpy(s->packed.p + 4, &le, 4);
	if (s->zstd == NULL && (s->zstd = ZSTD_createCCtx()) != NULL) {
		ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, 1);
		ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1);
	}
	if (s->zstd == NULL)
		return tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	packed = ZSTD_compress2(s->zstd, s->packed.p + HEADER, bound, s->columns.p, size);
	if (ZSTD_isError(packed))
		return tt_err_set(err, -ENOMEM, "%s: %s", s->path, ZSTD_getErrorName(packed));
	*len = HEADER + packed;
	point_into(s->columns.p, n, out);
	return 0;
}

int derived_read(struct mem *buf, const void *blob, size_t len, uint32_t n, struct derived *out) {
	const uint8_t *p = blob;
	uint32_t le;
	size_t size = (size_t)n * ROW;

	if (len < HEADER || p[0] != DERIVED_VERSION)
		return -EBADMSG;
	memcpy(&le, p + 4, 4);
	if (le32toh(le) != n)
		return -EBADMSG;
	if (mem_need(buf, size + 8) < 0)
		return -ENOMEM;
	if (ZSTD_decompress(buf->p, size, p + HEADER, len - HEADER) != size)
		return -EBADMSG;
	point_into(buf->p, n, out);
	return 0;
}
