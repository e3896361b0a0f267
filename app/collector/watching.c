/* SPDX-License-Identifier: BSD-3-Clause */
#include "watching.h"

#include "tt_conf.h"
#include "tt_watch.h"

int watches_put(const struct options *o, struct tt_store *store, struct tt_err *err) {
	json_t *root = NULL;
	if (!o->watches)
		return 0;
	int rc = tt_conf_load(o->watches, "watches", &root, err);
	if (!rc)
		rc = tt_store_watches_set(store, root, err);
	json_decref(root);
	return rc;
}
