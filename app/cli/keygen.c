/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli.h"
#include "tt_link.h"

int run_keygen(const struct args *a) {
	struct tt_err err = {0};
	char key[41];
	if (tt_link_keys_create(a->operands[0], key, &err))
		return complain(FAILED, "keygen: %s", err.msg);
	printf("%s\n", key);
	return DONE;
}
