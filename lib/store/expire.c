/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "store.h"

int tt_store_expire(struct tt_store *s, int64_t before, uint64_t max_bytes, struct tt_err *err) {
	return 0;
}
