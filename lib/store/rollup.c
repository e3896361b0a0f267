/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "query.h"

bool rollup_covers(const struct query *r, unsigned *kind) {
	return false;
}
bool rollup_aligned(const struct query *r, unsigned *level) {
	return false;
}
int rollup_read(struct query *r, unsigned kind, unsigned level) {
	return -ENODATA;
}
