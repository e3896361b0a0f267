/* SPDX-License-Identifier: BSD-3-Clause */
#include "tt_knowledge.h"

#include <stdlib.h>
#include <string.h>

#include "tt_names.h"

#define CVES_MAX 64 // of a service; what services.json may hold

static int latest_first(const void *x, const void *y) {
	const struct tt_kev_entry *const *a = x, *const *b = y;
	int c = strcmp((*b)->added, (*a)->added);
	return c ? c : strcmp((*a)->cve, (*b)->cve);
}

unsigned tt_service_exploited(const struct tt_services *s, const struct tt_kev *kev, uint8_t proto,
	uint16_t port, const char *from, const char *to, const struct tt_kev_entry **out,
	unsigned max) {
	const struct tt_kev_entry *found[CVES_MAX];
	const json_t *cve;
	unsigned n = 0;
	size_t i;
	json_array_foreach(json_object_get(tt_services_facts(s, proto, port), "cves"), i, cve) {
		const struct tt_kev_entry *e = tt_kev_find(kev, json_string_value(cve));
		if (e && n < CVES_MAX && (!from || strcmp(e->added, from) >= 0) &&
			(!to || strcmp(e->added, to) < 0))
			found[n++] = e;
	}
	qsort(found, n, sizeof(*found), latest_first);
	for (unsigned k = 0; k < n && k < max; k++)
		out[k] = found[k];
	return n;
}

json_t *tt_service_published(const struct tt_services *s, const struct tt_kev *kev, uint8_t proto,
	uint16_t port, const char *from, const char *to) {
	const struct tt_kev_entry *e[CVES_MAX];
	unsigned n = tt_service_exploited(s, kev, proto, port, from, to, e, CVES_MAX);
	json_t *list = json_array();
	for (unsigned i = 0; i < n && i < CVES_MAX; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s}", "cve", e[i]->cve, "exploited",
				e[i]->added, "vendor", e[i]->vendor, "product", e[i]->product));
	return list;
}

static json_t *cve_json(const char *cve, const struct tt_kev_entry *e) {
	if (!e)
		return json_pack("{s:s, s:n}", "cve", cve, "exploited");
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "cve", cve, "exploited", e->added,
		"vendor", e->vendor, "product", e->product, "name", e->name, "ransomware",
		e->ransomware);
}

// Exploited ones by date, then the others as services.json lists them.
static json_t *cves_json(const struct tt_services *s, const struct tt_kev *kev, const json_t *facts,
	uint8_t proto, uint16_t port) {
	const struct tt_kev_entry *found[CVES_MAX];
	unsigned n = tt_service_exploited(s, kev, proto, port, NULL, NULL, found, CVES_MAX);
	json_t *list = json_array();
	const json_t *cve;
	size_t i;
	for (unsigned k = 0; k < n && k < CVES_MAX; k++)
		json_array_append_new(list, cve_json(found[k]->cve, found[k]));
	json_array_foreach(json_object_get(facts, "cves"), i, cve) {
		const char *id = json_string_value(cve);
		if (!tt_kev_find(kev, id))
			json_array_append_new(list, cve_json(id, NULL));
	}
	return list;
}

static json_t *list_of(const json_t *facts, const char *key) {
	json_t *v = json_object_get(facts, key);
	if (json_is_string(v)) // one source may stand without the list
		return json_pack("[O]", v);
	return v ? json_incref(v) : json_array();
}

json_t *tt_service_json(
	const struct tt_services *s, const struct tt_kev *kev, uint8_t proto, uint16_t port) {
	const json_t *facts = tt_services_facts(s, proto, port);
	char name[8];
	json_t *o = json_object(), *about = json_object_get(facts, "about");
	json_object_set_new(o, "proto", json_string(tt_proto_format(proto, name)));
	if (tt_proto_is_icmp(proto)) {
		json_object_set_new(o, "port", json_null());
		json_object_set_new(o, "type", json_integer(port >> 8));
		json_object_set_new(o, "code", json_integer(port & 255));
	} else {
		json_object_set_new(o, "port", json_integer(port));
	}
	const char *service = tt_services_name(s, proto, port);
	json_object_set_new(o, "service", service ? json_string(service) : json_null());
	json_object_set_new(o, "about", about ? json_incref(about) : json_object());
	json_object_set_new(o, "products", list_of(facts, "products"));
	json_object_set_new(o, "malware", list_of(facts, "malware"));
	json_object_set_new(o, "cves", cves_json(s, kev, facts, proto, port));
	json_object_set_new(o, "source", list_of(facts, "source"));
	return o;
}
