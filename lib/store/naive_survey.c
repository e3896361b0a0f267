/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

// Who is a surveyor, by sorting what everybody probed.

struct probe {
	uint8_t family, src[16];
	int64_t day;
	uint8_t proto;
	uint16_t port;
};
struct prober {
	struct probe who; // without protocol and port
	unsigned ports;
};

static struct probe probe_of(const struct world *w, const struct tt_obs *o) {
	struct probe p = {.family = o->family, .day = (o->epoch + w->utc_offset) / 86400};

	memcpy(p.src, o->src, 16);
	return p;
}

static int by_who(const void *x, const void *y) {
	const struct probe *a = x, *b = y;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	return memcmp(a->src, b->src, 16);
}

static int by_all(const void *x, const void *y) {
	const struct probe *a = x, *b = y;
	int c = by_who(x, y);

	if (c != 0)
		return c;
	return a->proto != b->proto ? a->proto - b->proto : a->port - b->port;
}

bool *world_surveyors(const struct world *w, const struct tt_obs *obs, size_t n) {
	struct probe *all = calloc(w->n + 1, sizeof(*all));
	struct prober *who = calloc(w->n + 1, sizeof(*who));
	bool *out = calloc(n + 1, sizeof(*out));
	size_t all_n = 0, who_n = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct tt_obs *o = &w->obs[i];

		if (o->class != TT_SCAN || o->family == 0 || (o->proto != 6 && o->proto != 17))
			continue;
		all[all_n] = probe_of(w, o);
		all[all_n].proto = o->proto;
		all[all_n++].port = o->port;
	}
	qsort(all, all_n, sizeof(*all), by_all);
	for (size_t i = 0; i < all_n; i++) {
		if (i > 0 && by_all(&all[i - 1], &all[i]) == 0)
			continue;
		if (who_n == 0 || by_who(&who[who_n - 1].who, &all[i]) != 0)
			who[who_n++].who = all[i];
		who[who_n - 1].ports++;
	}
	for (size_t i = 0; i < n && w->ports_per_day > 0; i++) {
		struct probe p = probe_of(w, &obs[i]);
		const struct prober *found = bsearch(&p, who, who_n, sizeof(*who), by_who);

		out[i] = found != NULL && found->ports > w->ports_per_day;
	}
	free(all);
	free(who);
	return out;
}

void world_rule(struct world *w, struct tt_store *s) {
	struct tt_err err = {0};
	char text[48];

	snprintf(text, sizeof(text), "{\"ports_per_day\":%u}", w->ports_per_day);
	assert_int_equal(tt_store_document_put(s, "surveyors", text, &err), 0);
}
