/* SPDX-License-Identifier: BSD-3-Clause */
#include "resolvers.h"

#include <errno.h>
#include <stddef.h>

#include "tt_log.h"

static void warn(void *arg, const char *line) {
	(void)arg;
	tt_log(TT_WARN, "%s", line);
}

void resolvers_free(struct resolvers *r) {
	tt_region_destroy(&r->region);
	tt_asn_destroy(&r->asn);
	tt_scanners_destroy(&r->scanners);
}

int resolvers_load(
	struct resolvers *r, const struct options *o, struct tt_store *store, struct tt_err *err) {
	struct resolvers fresh = {NULL, NULL, NULL};
	int rc = 0;
	if (o->rir && !(fresh.region = tt_region_load(o->rir, warn, NULL, err)))
		rc = -errno;
	if (!rc && o->asn && !(fresh.asn = tt_asn_load(o->asn, err)))
		rc = -errno;
	if (!rc && o->scanners && !(fresh.scanners = tt_scanners_load(o->scanners, err)))
		rc = -errno;
	if (rc) {
		resolvers_free(&fresh);
		return rc;
	}
	tt_store_resolvers(store, fresh.region, fresh.asn, fresh.scanners);
	resolvers_free(r);
	*r = fresh;
	return 0;
}
