/* SPDX-License-Identifier: BSD-3-Clause */
// Prints docs/configuration.md from the tables of options.
#include <stdio.h>

#include "tt_buf.h"
#include "tt_conf.h"

static const char head[] =
	"# Configuration\n"
	"\n"
	"Generated from the tables of lib/conf by `conf_manual`; `make check` compares it with the "
	"tree.\n"
	"\n"
	"Every file is JSON (UTF-8, at most 64 MiB, nested at most 32 deep) with `\"kind\"` and "
	"`\"v\"`. Unknown\n"
	"and duplicate keys are errors. Messages name the file and the place: `FILE:LINE:COLUMN` "
	"where it is\n"
	"not JSON, `FILE: $.sensors[0].match.vlan[1]: is ..., expected ...` otherwise. `teiten "
	"check "
	"FILE`\n"
	"checks a file, `teiten schema KIND` prints the JSON Schema for editors. Texts hold at "
	"most "
	"1,024\n"
	"bytes where nothing else is said.\n"
	"\n";

int main(void) {
	struct tt_buf out = TT_BUF_INIT(1 << 20);
	tt_buf_printf(&out, "%s", head);
	for (const char *const *k = tt_conf_kinds(); *k; k++)
		tt_conf_manual(*k, &out);
	// one line feed at the end, not two
	if (out.rc == 0 && fwrite(out.data, out.len - 1, 1, stdout) == 1 && fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "conf_manual: cannot write\n");
	return 1;
}
