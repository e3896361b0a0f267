/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "lines.h"
#include "tt_addr.h"

// One delegation statistics file (NRO exchange format, every year's variant).

enum rir_type { RIR_ASN, RIR_IPV4, RIR_IPV6, RIR_TYPE_N };
extern const char *const rir_type_names[RIR_TYPE_N];

// An address range with a region: status allocated or assigned, and a country code.
struct rir_record {
	struct tt_addr first, last;
	uint32_t date; // 20130510; 0 where there is none
	uint32_t row;
	uint16_t file; // set by who loads several
	char cc[2];
};

struct rir_file {
	char registry[12];
	uint32_t date; // of the snapshot; 0 where the header has none
	bool has_header, extended;
	uint64_t header_records;
	bool has_summary[RIR_TYPE_N];
	uint64_t summary[RIR_TYPE_N], seen[RIR_TYPE_N];
	struct rir_record *records;
	size_t record_n, record_cap;
	uint32_t row; // the last one
};

typedef void rir_warn(void *arg, const char *line);

/// Reads all lines. 0 or -errno with a message that names file and row: also where the file was
/// cut. Summaries that are a little off are told to `warn` (may be NULL).
int rir_parse(struct lines *l, struct rir_file *out, rir_warn *warn, void *arg, struct tt_err *err);
/// Reads only as far as the version line: registry and date, "" and 0 where the first row is none.
int rir_peek(struct lines *l, struct rir_file *out, struct tt_err *err);
void rir_free(struct rir_file *f);
