/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "lines.h"
#include "tt_addr.h"

// Rows of `start,end,asn,name`.
struct asn_row {
	struct tt_addr first, last;
	uint16_t file;	    // which one
	uint32_t asn, name; // name: offset in names
	uint32_t row;	    // over all files
	uint32_t line;	    // in its file
};
struct asn_rows {
	struct asn_row *rows;
	size_t n, cap;
	char *names;
	size_t names_len, names_cap;
	unsigned fields; // of the first row
	uint16_t file;	 // that is being read
};
/// Adds the rows of one file. 0 or -errno with a message that names file and row.
int asn_parse(struct lines *l, struct asn_rows *out, struct tt_err *err);
void asn_rows_free(struct asn_rows *r);
