/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The checksum is repaired first: random bytes would never get past it. What decodes has to
// keep the promises that readers rely on.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tt_batch_decoder *decoder;
	struct tt_batch_view v;
	struct tt_batch_head head;
	struct tt_err err;
	if (!decoder)
		decoder = tt_batch_decoder_create();
	uint8_t *msg = malloc(size ? size : 1);
	memcpy(msg, data, size);
	if (size >= WIRE_HEAD) {
		uint32_t crc = wire_checksum(msg, size);
		memcpy(msg + WIRE_HEAD - 4, &crc, 4);
	}
	tt_batch_peek(msg, size, &head, &err);
	if (!tt_batch_decode(decoder, msg, size, &v, &err)) {
		struct tt_obs o;
		uint64_t sum = 0;
		for (uint32_t i = 0; i < v.head.obs_n; i++) {
			tt_batch_row(&v, i, &o);
			if (o.sensor >= v.head.sensor_n || o.class >= TT_OBSERVED_CLASS_N ||
				!o.packets || o.last_us < o.first_us ||
				o.epoch < v.head.epoch_min || o.epoch > v.head.epoch_max)
				abort();
			sum += o.packets;
		}
		for (uint32_t i = 0; i < v.head.sensor_n; i++)
			sum += strlen(v.sensors[i]);
		if (v.meta && strlen(v.meta) != v.head.meta_len)
			abort();
		(void)sum;
	}
	free(msg);
	return 0;
}
