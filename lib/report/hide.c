/* SPDX-License-Identifier: BSD-3-Clause */
// What others get to see of a watch and of a source: sensors, networks and groups by a recipient's
// names for them, in an order that tells nothing of their own.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "pseudonym.h"

static int by_key(const void *x, const void *y) {
	const struct tt_seen *a = x, *b = y;
	return strcmp(a->key, b->key);
}

static void hide_part(
	struct tt_store *s, const struct tt_pseudonyms *names, struct tt_watch_part *p) {
	char kind = p->by == TT_WATCH_BY_SENSOR	   ? 's'
		    : p->by == TT_WATCH_BY_NETWORK ? 'n'
		    : p->by == TT_WATCH_BY_GROUP   ? 'g'
						   : '\0';
	if (kind)
		pseudonym_put(s, names, kind, p->key, sizeof(p->key));
	p->addresses = p->address_days = -1; // how many a sensor has tells whose it is
}

static void hide_surge(
	struct tt_store *s, const struct tt_pseudonyms *names, struct tt_watch_surge *g) {
	for (unsigned i = 0; i < g->seen_n; i++) {
		pseudonym_put(s, names, 'n', g->seen[i].key, sizeof(g->seen[i].key));
		g->seen[i].addresses = g->seen[i].address_days = -1;
	}
	if (g->seen_n)
		qsort(g->seen, g->seen_n, sizeof(*g->seen), by_key);
	watch_judge(g);
	for (unsigned i = 0; i < g->seen_n; i++)
		if (g->seen[i].sensors <= 1) // beside others, how many addresses it has
			g->seen[i].expected = -1;
}

int tt_watch_hide(struct tt_store *s, const struct tt_pseudonyms *names, struct tt_watch_result *r,
	struct tt_err *err) {
	if (names_a_sensor(s, r->info.name) || names_a_sensor(s, r->info.title_en) ||
		names_a_sensor(s, r->info.title_ja))
		return tt_err_set(err, -EINVAL,
			"watch %s: its name or title names a sensor or its network, expected texts "
			"that do not, since they are for another recipient",
			r->info.name);
	for (unsigned i = 0; i < r->counts.part_n; i++)
		hide_part(s, names, &r->counts.parts[i]);
	if (r->counts.part_n)
		qsort(r->counts.parts, r->counts.part_n, sizeof(*r->counts.parts),
			tt_watch_part_cmp);
	for (unsigned i = 0; i < r->surge_n; i++)
		hide_surge(s, names, &r->surges[i]);
	return 0;
}

static json_int_t packets_of(const json_t *o) {
	return json_integer_value(json_object_get(o, "packets"));
}

static int by_service(const void *x, const void *y) {
	const json_t *const *a = x, *const *b = y;
	static const char *const texts[] = {"sensor", "class", "proto"};
	if (packets_of(*a) != packets_of(*b))
		return packets_of(*a) > packets_of(*b) ? -1 : 1;
	for (unsigned i = 0; i < 3; i++) {
		int c = strcmp(json_string_value(json_object_get(*a, texts[i])),
			json_string_value(json_object_get(*b, texts[i])));
		if (c)
			return c;
	}
	return (int)(json_integer_value(json_object_get(*a, "port")) -
		     json_integer_value(json_object_get(*b, "port")));
}

int tt_show_hide(struct tt_store *s, const struct tt_pseudonyms *names, json_t *show) {
	json_t *list = json_object_get(show, "services"), *sorted = json_array();
	size_t n = json_array_size(list), i;
	json_t **all = calloc(n + 1, sizeof(*all));
	char alias[TT_ID_LEN];
	int rc = all && sorted ? 0 : -ENOMEM;
	for (i = 0; !rc && i < n; i++) {
		all[i] = json_array_get(list, i);
		pseudonym_make(
			s, names, 's', json_string_value(json_object_get(all[i], "sensor")), alias);
		json_object_set_new(all[i], "sensor", json_string(alias));
	}
	if (!rc && n)
		qsort(all, n, sizeof(*all), by_service);
	for (i = 0; !rc && i < n; i++)
		json_array_append(sorted, all[i]);
	if (!rc)
		json_object_set(show, "services", sorted);
	pseudonym_clock_json(s, names, json_object_get(show, "clock_steps"));
	json_decref(sorted);
	free(all);
	return rc;
}
