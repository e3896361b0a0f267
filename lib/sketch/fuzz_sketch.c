/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tt_sketch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Whatever is accepted encodes back to the same bytes: the form is canonical.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static uint8_t out[8192];
	struct tt_sketch *s = tt_sketch_create();
	int rc = tt_sketch_merge_encoded(s, data, size);

	if (rc == 0) {
		if (tt_sketch_encode(s, out, sizeof(out)) != size || memcmp(out, data, size) != 0)
			abort();
		if (tt_sketch_merge_encoded(s, data, size) != 0)
			abort();
		(void)tt_sketch_count(s);
	} else if (rc != -EBADMSG || tt_sketch_count(s) != 0) {
		abort();
	}
	tt_sketch_destroy(&s);
	return 0;
}
