/* SPDX-License-Identifier: BSD-3-Clause */
// Whether there is what a question asks for by name: a slip must not look like silence.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"
#include "tt_atlas.h"
#include "tt_buf.h"
#include "tt_log.h"
#include "tt_watch.h"

#define LISTED 8 // names that a message lists; of more, those nearest to what was asked
#define NEAR   3

struct names {
	char (*v)[256];
	unsigned n, size;
	int rc;
};

static const struct filter {
	const char *option, *has; // "no sensor of q.db HAS 'x'"
} filters[] = {{"sensor", "is called"}, {"group", "is in group"}, {"network", "is in network"},
	{"country", "is in"}};
enum { SENSOR, GROUP, NETWORK, COUNTRY, FILTERS };

static void add(struct names *l, const char *name) {
	if (l->rc || !*name)
		return;
	if (l->n == l->size) {
		unsigned size = l->size ? 2 * l->size : 64;
		void *more = realloc(l->v, size * sizeof(*l->v));
		if (!more) {
			l->rc = -ENOMEM;
			return;
		}
		l->v = more;
		l->size = size;
	}
	snprintf(l->v[l->n++], sizeof(*l->v), "%s", name);
}

static int by_text(const void *a, const void *b) {
	return strcmp(a, b);
}

static void sort(struct names *l) {
	unsigned n = 0;
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_text);
	for (unsigned i = 0; i < l->n; i++)
		if (!n || strcmp(l->v[n - 1], l->v[i]))
			memmove(l->v[n++], l->v[i], sizeof(*l->v));
	l->n = n;
}

static int on_sensor(
	void *arg, int n, const char *const *names, const char *const *values, const char *types) {
	(void)n, (void)names, (void)types;
	if (values && values[0])
		add(arg, values[0]);
	return 0;
}

// What sensors are known by; those that nobody described have an id only.
static int collect(struct tt_store *s, unsigned f, struct names *l, struct tt_err *err) {
	const struct tt_catalog *c = tt_store_catalog(s, err);
	if (!c)
		return -errno;
	for (unsigned i = 0; f != SENSOR && i < c->sensor_n; i++) {
		const struct tt_sensor_conf *sensor = &c->sensors[i];
		for (unsigned g = 0; f == GROUP && g < sensor->group_n; g++)
			add(l, sensor->groups[g]);
		if (f != GROUP)
			add(l, f == NETWORK ? sensor->network : sensor->country);
	}
	int rc = f == SENSOR ? tt_store_sql(s, "SELECT name FROM sensor", on_sensor, l, err) : 0;
	if (!rc && l->rc)
		rc = tt_err_set(err, l->rc, "%s", strerror(ENOMEM));
	sort(l);
	return rc;
}

// Levenshtein's distance (insert, delete, replace), as far as names are long.
static unsigned distance(const char *a, const char *b) {
	unsigned row[256], n = (unsigned)strnlen(b, 255);
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 0; a[i]; i++) {
		unsigned corner = row[0];
		row[0] = i + 1;
		for (unsigned j = 1; j <= n; j++) {
			unsigned best = corner + (a[i] != b[j - 1]);
			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

// The nearest, first; ties by name.
static void nearest(struct names *l, const char *name, unsigned n) {
	for (unsigned k = 0; k < n && k < l->n; k++) {
		unsigned best = k;
		char text[256];
		for (unsigned i = k + 1; i < l->n; i++) {
			unsigned a = distance(name, l->v[i]), b = distance(name, l->v[best]);
			if (a < b || (a == b && strcmp(l->v[i], l->v[best]) < 0))
				best = i;
		}
		memcpy(text, l->v[best], sizeof(text));
		memcpy(l->v[best], l->v[k], sizeof(text));
		memcpy(l->v[k], text, sizeof(text));
	}
}

static void list_names(struct names *l, const char *name, struct tt_buf *b) {
	unsigned n = l->n > LISTED ? NEAR : l->n;
	if (!l->n) {
		tt_buf_printf(b, "; there is none at all");
		return;
	}
	if (l->n > LISTED) {
		nearest(l, name, NEAR);
		tt_buf_printf(b, ", expected one of %u, nearest", l->n);
	} else {
		tt_buf_printf(b, ", expected%s", l->n > 1 ? " one of" : "");
	}
	for (unsigned i = 0; i < n; i++)
		tt_buf_printf(b, "%s %s", i ? "," : "", l->v[i]);
}

// "WHAT 'name', expected one of ..."
static int refuse(const struct args *a, const char *what, const char *name, struct names *l,
	struct tt_err *err) {
	struct tt_buf b = TT_BUF_INIT(400);
	if (!arg(a, "recipient")) // who reads may not be the one who knows them
		list_names(l, name, &b);
	tt_err_set(err, -EINVAL, "%s '%.64s'%s", what, name,
		b.rc || !b.len ? "" : (const char *)b.data);
	tt_buf_free(&b);
	return -EINVAL;
}

static bool among(const struct names *l, const char *name) {
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], name))
			return true;
	return false;
}

static int check_filter(const struct args *a, struct tt_store *s, unsigned f, const char *name,
	struct tt_err *err) {
	struct names l = {0};
	char what[400];
	int rc = collect(s, f, &l, err);
	snprintf(what, sizeof(what), "--%s: no sensor of %.256s %s", filters[f].option,
		arg(a, "db"), filters[f].has);
	if (!rc && !among(&l, name))
		rc = refuse(a, what, name, &l, err);
	free(l.v);
	return rc;
}

static bool in_group(const struct tt_sensor_conf *c, const char *group) {
	for (unsigned i = 0; i < c->group_n; i++)
		if (!strcmp(c->groups[i], group))
			return true;
	return false;
}

static bool passes(const struct tt_sensor_conf *c, const char *const values[FILTERS]) {
	const char *country = values[COUNTRY];
	if (country && country[0] == '!' && (!c->country[0] || !strcmp(c->country, country + 1)))
		return false;
	if (country && country[0] != '!' && strcmp(c->country, country))
		return false;
	return (!values[SENSOR] || !strcmp(c->id, values[SENSOR])) &&
	       (!values[GROUP] || in_group(c, values[GROUP])) &&
	       (!values[NETWORK] || !strcmp(c->network, values[NETWORK]));
}

// Names that are known one by one, and no sensor has all of them.
static void note_none(const struct args *a, const struct tt_catalog *c, const char *const *values) {
	if (!values[GROUP] && !values[NETWORK] && !values[COUNTRY])
		return;
	for (unsigned i = 0; i < c->sensor_n; i++)
		if (passes(&c->sensors[i], values))
			return;
	tt_log(TT_WARN, "%s: no sensor of %s is in all that the options ask for", a->command->name,
		arg(a, "db"));
}

// Sources may be registered under a code that no list of ours has, so this is no error.
static void note_regions(const struct args *a, const char *regions) {
	struct tt_atlas *atlas = arg(a, "regions") ? tt_atlas_load(arg(a, "regions"), NULL) : NULL;
	char code[3] = "";
	for (const char *p = regions; p && *p; p += p[2] ? 3 : 2) {
		memcpy(code, p, 2);
		if (!strcmp(tt_atlas_name(atlas, code, TT_EN), code))
			tt_log(TT_WARN, "%s: --region: %s is no code of ISO 3166", a->command->name,
				code);
	}
	tt_atlas_destroy(&atlas);
}

int known_check(
	const struct args *a, struct tt_store *s, const struct tt_query *q, struct tt_err *err) {
	const char *const values[FILTERS] = {
		q->sensor, q->group, q->network, q->country && q->country[0] ? q->country : NULL};
	struct names any = {0};
	bool asked = false, some;
	for (unsigned f = 0; f < FILTERS; f++)
		asked |= values[f] != NULL;
	int rc = asked ? collect(s, SENSOR, &any, err) : 0;
	some = any.n > 0; // a new database knows nobody yet
	free(any.v);
	for (unsigned f = 0; !rc && some && f < FILTERS; f++)
		if (values[f] && values[f][0] != '!')
			rc = check_filter(a, s, f, values[f], err);
	const struct tt_catalog *c = rc || !some ? NULL : tt_store_catalog(s, NULL);
	if (c)
		note_none(a, c, values);
	if (!rc)
		note_regions(a, q->region);
	return rc;
}

int known_watch(const struct args *a, struct tt_store *s, const char *name, struct tt_err *err) {
	struct tt_watch_list list;
	struct names l = {0};
	char what[400];
	int rc = tt_store_watches(s, &list, err);
	for (unsigned i = 0; i < list.n; i++)
		add(&l, list.watches[i].name);
	tt_watch_list_free(&list);
	sort(&l);
	snprintf(what, sizeof(what), "%.256s: has no watch", arg(a, "db"));
	if (!rc && l.rc)
		rc = tt_err_set(err, l.rc, "%s", strerror(-l.rc));
	if (!rc && !among(&l, name))
		rc = refuse(a, what, name, &l, err);
	free(l.v);
	return rc;
}
