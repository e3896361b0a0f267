/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "tt_catalog.h"
#include "tt_conf.h"

static int check_file(const char *path) {
	struct tt_err err = {0};
	json_t *root = NULL;
	char kind[TT_ID_LEN];
	int rc = tt_conf_load(path, NULL, &root, &err);
	if (rc)
		return complain(USAGE, "%s", err.msg);
	snprintf(kind, sizeof(kind), "%s", json_string_value(json_object_get(root, "kind")));
	json_decref(root);
	if (!strcmp(kind, "sensors")) {
		struct tt_catalog *c = tt_catalog_load(path, &err);
		if (!c)
			return complain(USAGE, "%s", err.msg);
		tt_catalog_destroy(&c);
	}
	printf("%s: ok (%s)\n", path, kind);
	return DONE;
}

int run_check(const struct args *a) {
	int status = DONE;
	for (unsigned i = 0; i < a->operand_n; i++)
		if (check_file(a->operands[i]))
			status = USAGE;
	return status;
}

int run_schema(const struct args *a) {
	json_t *schema = tt_conf_schema(a->operands[0]);
	if (!schema) {
		char list[200] = "";
		for (const char *const *k = tt_conf_kinds(); *k; k++) {
			size_t n = strlen(list);
			snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", *k);
		}
		return complain(USAGE, "schema: '%s', expected one of %s", a->operands[0], list);
	}
	int rc = json_dumpf(schema, stdout, JSON_INDENT(2));
	json_decref(schema);
	putchar('\n');
	return rc ? complain(FAILED, "schema: %s", strerror(ENOMEM)) : DONE;
}
