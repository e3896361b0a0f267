/* SPDX-License-Identifier: BSD-3-Clause */
#include "watching.h"

#include "tt_conf.h"
#include "tt_watch.h"

int watches_read(const struct options *o, json_t **root, struct tt_err *err) {
	*root = NULL;
	return o->watches ? tt_conf_load(o->watches, "watches", root, err) : 0;
}

int watches_put(const struct options *o, struct tt_store *store, struct tt_err *err) {
	json_t *root;
	int rc = watches_read(o, &root, err);
	if (!rc && root)
		rc = tt_store_watches_set(store, root, err);
	json_decref(root);
	return rc;
}
