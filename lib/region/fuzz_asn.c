/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as rows of start,end,asn,name.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "asn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tt_err err = {""};
	struct lines l;
	struct asn_rows rows = {0};
	if (lines_open_memory(&l, "fuzz", data, size) != 0)
		return 0;
	if (asn_parse(&l, &rows, &err) == 0) {
		for (size_t i = 0; i < rows.n; i++) {
			const struct asn_row *r = &rows.rows[i];
			if (tt_addr_cmp(&r->first, &r->last) > 0 ||
				r->name + strlen(rows.names + r->name) >= rows.names_len)
				abort();
		}
	} else if (!*err.msg) {
		abort();
	}
	asn_rows_free(&rows);
	lines_close(&l);
	return 0;
}
