/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "cli.h"
#include "tt_knowledge.h"
#include "tt_report.h"

/// A question with the storage that its texts need.
struct question {
	struct tt_top_conf conf;
	struct tt_query previous;
	char region[1024], country[4];
	struct tt_services *services;
	struct tt_kev *kev;
	json_t *report; // that has the key of pseudonyms
};

/// --recipient and --config: whose names sensors get. *report owns the key; the caller's, NULL
/// without a file. 0 or -EINVAL.
int names_read(
	const struct args *a, struct tt_pseudonyms *names, json_t **report, struct tt_err *err);

/// Fills a question from the options of top or series. 0 or -EINVAL with a message.
int question_read(const struct args *a, struct tt_store *s, struct question *q, struct tt_err *err);
void question_free(struct question *q);

/// Whether the database knows the sensor, group, network and country that are asked for: 0, or
/// -EINVAL with a message that lists the nearest. Warns of filters that leave no sensor.
int known_check(
	const struct args *a, struct tt_store *s, const struct tt_query *q, struct tt_err *err);

/// Whether the database has a watch: 0, -EINVAL with a message that lists the nearest, or -errno.
int known_watch(const struct args *a, struct tt_store *s, const char *name, struct tt_err *err);

/// --format; 0 or -EINVAL.
int format_read(const struct args *a, enum tt_format *out, struct tt_err *err);
/// --from and --to, or --period where the command has it: UTC seconds, 0 for an open side.
int span_read(
	const struct args *a, struct tt_store *s, int64_t *from, int64_t *to, struct tt_err *err);
/// Prints a document as JSON, or as lines and tables for people. Takes it over. A status.
int show_document(const struct args *a, json_t *root, enum tt_format format);
/// show --port.
int show_port(const struct args *a, enum tt_format format);
/// Names of services (s may be NULL: no database): --services, else what replay put into the
/// database, else the file that is installed; the system's where that has none.
struct tt_services *services_open(const struct args *a, struct tt_store *s, struct tt_err *err);
