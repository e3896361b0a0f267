/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tt_err.h"
#include "tt_report.h"

/// What was published about services: services.json says what listens on a port, which malware asks
/// for it and which vulnerabilities are reached through it; CISA's catalogue of Known Exploited
/// Vulnerabilities says which of those are exploited, and since when that is known.

/// The catalogue, from its JSON file. Immutable once loaded.
struct tt_kev;
struct tt_kev_entry {
	const char *cve;
	char added[11]; // date it was added: from then on exploitation was public
	const char *vendor, *product, *name;
	bool ransomware; // known to be used in ransomware campaigns
};
/// NULL with errno and one line that names file and place: -EINVAL for what is no catalogue, is
/// cut, or lists a vulnerability twice with different dates.
struct tt_kev *tt_kev_load(const char *path, struct tt_err *err);
void tt_kev_destroy(struct tt_kev **k);
/// The entry of a CVE id, or NULL (k may be NULL). Owned by k.
const struct tt_kev_entry *tt_kev_find(const struct tt_kev *k, const char *cve);
/// Date of the catalogue ("2026-08-07", "" where it says none) and how many it lists.
const char *tt_kev_date(const struct tt_kev *k);
unsigned tt_kev_count(const struct tt_kev *k);

/// What services.json says of a service as it stands there, or NULL. Owned by s.
const json_t *tt_services_facts(const struct tt_services *s, uint8_t proto, uint16_t port);

/// A service with all that is known, for people and pages:
/// {"proto":"tcp","port":8291,"service":null,"about":{"en":..,"ja":..},"products":[..],
///  "malware":[..],"cves":[{"cve":"CVE-..","exploited":"2021-12-01","vendor":..,"product":..,
///  "name":..,"ransomware":false},..],"source":[..]}; `exploited` null where the catalogue does not
/// list it; the latest first. Owned by the caller; NULL without memory. kev may be NULL.
json_t *tt_service_json(
	const struct tt_services *s, const struct tt_kev *kev, uint8_t proto, uint16_t port);

/// What stands beside a rise of a service: [{"cve","exploited","vendor","product"},..] of the
/// vulnerabilities that the catalogue lists with a date in [from, to), the latest first. Owned by
/// the caller.
json_t *tt_service_published(const struct tt_services *s, const struct tt_kev *kev, uint8_t proto,
	uint16_t port, const char *from, const char *to);

/// Vulnerabilities reached through a service that the catalogue lists with a date in [from, to)
/// ("2024-10-01"; NULL: open), the latest first: what stands beside a rise. Writes at most `max`
/// pointers, owned by kev; returns how many there are.
unsigned tt_service_exploited(const struct tt_services *s, const struct tt_kev *kev, uint8_t proto,
	uint16_t port, const char *from, const char *to, const struct tt_kev_entry **out,
	unsigned max);
