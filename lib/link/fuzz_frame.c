/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What is read as a frame is written as the same bytes.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct proto_range ranges[PROTO_RANGES_MAX];
	struct proto_frame f = {.ranges = ranges};
	uint8_t out[PROTO_FRAME_MAX];
	if (proto_unpack(data, size, &f))
		return 0;
	size_t len = proto_pack(&f, out);
	if (f.type != PROTO_HELLO && (len != size || memcmp(out, data, len)))
		abort();
	return 0;
}
