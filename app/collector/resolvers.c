/* SPDX-License-Identifier: BSD-3-Clause */
#include "resolvers.h"

#include <errno.h>
#include <stdlib.h>

#include "tt_file.h"
#include "tt_hash.h"
#include "tt_log.h"
#include "tt_time.h"

static void warn(void *arg, const char *line) {
	(void)arg;
	tt_log(TT_WARN, "%s", line);
}

void resolvers_destroy(struct resolvers **rp) {
	struct resolvers *r = *rp;
	if (!r)
		return;
	tt_regions_destroy(&r->regions);
	tt_asn_destroy(&r->asn);
	tt_scanners_destroy(&r->scanners);
	free(r);
	*rp = NULL;
}

struct resolvers *resolvers_load(
	const struct options *o, const struct resolvers *old, struct tt_err *err) {
	struct resolvers *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : tt_err_set(err, -ENOMEM, "out of memory");
	if (!rc && o->rir &&
		!(r->regions = tt_regions_load(
			  o->rir, tt_now_ns() / TT_NS, old ? old->regions : NULL, warn, NULL, err)))
		rc = -errno;
	if (!rc && o->asn && !(r->asn = tt_asn_load(o->asn, err)))
		rc = -errno;
	if (!rc && o->scanners && !(r->scanners = tt_scanners_load(o->scanners, err)))
		rc = -errno;
	if (rc) {
		resolvers_destroy(&r);
		errno = -rc;
	}
	return r;
}

uint64_t resolvers_signature(const struct options *o) {
	const char *const paths[] = {o->rir, o->asn, o->scanners};
	uint64_t sum = 0;
	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		sum = tt_mix64(sum + (paths[i] ? tt_path_signature(paths[i], 1) : 0));
	return sum;
}
