/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "cli.h"
#include "tt_catalog.h"
#include "tt_conf.h"
#include "tt_store.h"

static bool is_database(const char *path) {
	char head[16] = "";
	FILE *f = fopen(path, "re");
	bool is = f && fread(head, 1, sizeof(head), f) == sizeof(head) &&
		  !memcmp(head, "SQLite format 3", sizeof(head));
	if (f)
		fclose(f);
	return is;
}

static int check_database(const char *path) {
	struct tt_store_conf conf = {.path = path, .mode = TT_STORE_VERIFY};
	struct tt_store *s;
	struct tt_err err = {0};
	struct tt_store_damage d;
	int rc = tt_store_open(&conf, &s, &err);
	if (rc < 0)
		return complain(open_status(rc), "%s", err.msg);
	rc = tt_store_verify(s, &d, &err);
	tt_store_close(&s, NULL);
	if (rc < 0)
		return complain(FAILED, "%s", err.msg);
	if (rc == 0) {
		printf("%s: ok (database, %" PRIu64 " raw batches)\n", path, d.batches);
		return DONE;
	}
	return complain(FAILED,
		"%s: damaged: %" PRIu64 " of %" PRIu64 " raw batches and %u of %u tables can be "
		"read (sqlite3's .recover copies what can); %u problems: %s",
		path, d.batches_read, d.batches, d.tables_read, d.tables, d.problems, d.what);
}

static int check_file(const char *path) {
	if (is_database(path))
		return check_database(path);
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
	int status = DONE, rc;
	for (unsigned i = 0; i < a->operand_n; i++)
		if ((rc = check_file(a->operands[i])) && status != USAGE)
			status = rc;
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
	int rc = print_json(schema, JSON_INDENT(2));
	json_decref(schema);
	return rc ? complain(FAILED, "schema: %s", strerror(ENOMEM)) : DONE;
}
