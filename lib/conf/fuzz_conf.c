/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as a configuration file of whatever kind, and as a catalogue. What was accepted must
// be accepted again as it was filled in.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tt_catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct tt_err err = {""};
	json_t *root;
	if (tt_conf_loads((const char *)data, size, "fuzz", NULL, &root, &err) != 0) {
		if (!*err.msg || strchr(err.msg, '\n'))
			abort();
		return 0;
	}
	char *text = json_dumps(root, 0);
	json_t *again;
	if (!text || tt_conf_loads(text, strlen(text), "again", NULL, &again, &err) != 0 ||
		!json_equal(root, again))
		abort();
	json_decref(again);
	if (strcmp(json_string_value(json_object_get(root, "kind")), "sensors") == 0) {
		struct tt_catalog *c = tt_catalog_loads(text, strlen(text), "fuzz", &err);
		tt_catalog_destroy(&c);
	}
	free(text);
	json_decref(root);
	return 0;
}
