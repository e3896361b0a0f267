/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdio.h>

#include "tt_store.h"

/// Names of services ("tcp/23" -> "telnet"): config/services.json over the system's
/// /etc/services. Immutable once loaded.
struct tt_services;
struct tt_kev; // tt_knowledge.h
struct tt_services *tt_services_load(
	const char *path, struct tt_err *err); // NULL path: system only
/// The same from the text of a services.json; `name` is for messages.
struct tt_services *tt_services_loads(const char *text, const char *name, struct tt_err *err);
/// What is wrong with the system's /etc/services, as one line that names file and row; NULL:
/// nothing, or it has none. What is right of it is in use. Owned by s.
const char *tt_services_fault(const struct tt_services *s);
/// Names from IANA's service-names-port-numbers.csv, or from a file in the form of /etc/services
/// (services(5)), in place of the system's; what services.json names stays. 0 or -errno with one
/// line that names file and row (then some names may be in).
int tt_services_iana(struct tt_services *s, const char *path, struct tt_err *err);
void tt_services_destroy(struct tt_services **s);
const char *tt_services_name(const struct tt_services *s, uint8_t proto, uint16_t port); // or NULL
/// The malware families that services.json names and the services that each asks for, by name;
/// owned by s.
const struct tt_service_set *tt_services_malware(const struct tt_services *s, unsigned *n);
/// One of them by its name, in letters of any case; NULL where there is none.
const struct tt_service_set *tt_services_malware_find(
	const struct tt_services *s, const char *name);

enum tt_rank { TT_RANK_PACKETS, TT_RANK_RATE, TT_RANK_SOURCES };
enum tt_format { TT_FORMAT_TABLE, TT_FORMAT_JSON, TT_FORMAT_CSV };

/// Names of sensors that are a recipient's own; the same as in that recipient's reports.
struct tt_pseudonyms {
	const char *recipient; // NULL: sensors have their names
	const char *key;       // report.json's pseudonym_key; NULL: the database's secret
};

struct tt_top_conf {
	struct tt_query query; // by malware without sets: those of `services`
	enum tt_rank rank;
	unsigned n; // 0: all
	enum tt_format format;
	const struct tt_services *services;
	const struct tt_kev *kev; // NULL: rows do not say what is exploited
	// ranks of another period beside: rows of that result by key (NULL: none)
	const struct tt_query *previous;
	struct tt_pseudonyms names;
};
/// Runs, ranks and prints `teiten top`. 0 or -errno with a message.
int tt_report_top(
	struct tt_store *s, const struct tt_top_conf *conf, FILE *out, struct tt_err *err);
/// Runs and prints `teiten series`.
int tt_report_series(
	struct tt_store *s, const struct tt_top_conf *conf, FILE *out, struct tt_err *err);
