/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as a delegation file.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tt_err err = {""};
	struct lines l;
	struct rir_file f;
	if (lines_open_memory(&l, "fuzz", data, size) != 0)
		return 0;
	if (rir_parse(&l, &f, NULL, NULL, &err) == 0) {
		for (size_t i = 0; i < f.record_n; i++) {
			const struct rir_record *r = &f.records[i];
			if (r->first.family != r->last.family ||
				tt_addr_cmp(&r->first, &r->last) > 0 || r->cc[0] < 'A' ||
				r->cc[0] > 'Z' || r->cc[1] < 'A' || r->cc[1] > 'Z')
				abort();
		}
		rir_free(&f);
	} else if (!*err.msg) {
		abort();
	}
	lines_close(&l);
	return 0;
}
