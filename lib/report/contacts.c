/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "tt_conf.h"
#include "tt_ranges.h"

static const char *text(const json_t *o, const char *key, const char *otherwise) {
	const char *s = json_string_value(json_object_get(o, key));
	return s && *s ? s : otherwise;
}

static char *joined(const json_t *list) {
	struct tt_buf b = TT_BUF_INIT(8192);
	const json_t *one;
	size_t i;
	if (json_is_string(list))
		return strdup(json_string_value(list));
	json_array_foreach(list, i, one)
		tt_buf_printf(&b, "%s%s", i ? ", " : "", json_string_value(one));
	char *out = b.rc ? NULL : strdup(b.len ? (char *)b.data : "");
	tt_buf_free(&b);
	return out;
}

static int read_contact(struct contacts *c, const json_t *row, unsigned i) {
	struct contact *k = &c->list[i];
	const json_t *title = json_object_get(row, "title");
	k->name = text(row, "name", "unassigned");
	k->title[TT_EN] = text(title, "en", k->name);
	k->title[TT_JA] = text(title, "ja", k->title[TT_EN]);
	k->lang = strcmp(text(row, "language", "en"), "ja") ? TT_EN : TT_JA;
	k->email = c->emails[i] = joined(json_object_get(row, "email"));
	return k->email ? 0 : -ENOMEM;
}

static int add_asns(struct contacts *c, const json_t *row, uint32_t contact) {
	const json_t *list = json_object_get(row, "asn"), *one;
	size_t i, n = c->asn_n + json_array_size(list);
	void *p = realloc(c->asns, (n ? n : 1) * sizeof(*c->asns));
	if (!p)
		return -ENOMEM;
	c->asns = p;
	json_array_foreach(list, i, one) {
		c->asns[c->asn_n].asn = (uint32_t)json_integer_value(one);
		c->asns[c->asn_n++].contact = contact;
	}
	return 0;
}

static int add_regions(struct contacts *c, const json_t *row, uint32_t contact) {
	const json_t *list = json_object_get(row, "regions"), *one;
	size_t i, n = c->region_n + json_array_size(list);
	void *p = realloc(c->regions, (n ? n : 1) * sizeof(*c->regions));
	if (!p)
		return -ENOMEM;
	c->regions = p;
	json_array_foreach(list, i, one) {
		snprintf(c->regions[c->region_n].code, 3, "%s", json_string_value(one));
		c->regions[c->region_n++].contact = contact;
	}
	return 0;
}

static int add_prefixes(struct tt_ranges_builder *b, const json_t *row, uint32_t contact) {
	const json_t *one;
	size_t i;
	int rc = 0;
	json_array_foreach(json_object_get(row, "prefixes"), i, one) {
		struct tt_prefix p;
		struct tt_addr first, last;
		tt_prefix_parse(json_string_value(one), &p);
		tt_prefix_range(&p, &first, &last);
		rc = rc ? rc : tt_ranges_add(b, &first, &last, contact, p.len);
	}
	return rc;
}

static int by_asn(const void *x, const void *y) {
	const uint32_t *a = x, *b = y;
	return (*a > *b) - (*a < *b);
}

static int read_all(struct contacts *c, const char *path, struct tt_err *err) {
	const json_t *list = json_object_get(c->root, "contacts"), *row;
	const json_t *sender = json_object_get(c->root, "sender");
	const json_t *names = json_object_get(sender, "name");
	struct tt_ranges_builder *b = tt_ranges_builder_create();
	size_t i, n = json_array_size(list);
	int rc = 0;
	c->list = calloc(n + 1, sizeof(*c->list));
	c->emails = calloc(n + 1, sizeof(*c->emails));
	if (!b || !c->list || !c->emails)
		rc = -ENOMEM;
	c->n = rc ? 0 : (unsigned)n + 1;
	json_array_foreach(list, i, row) {
		rc = rc ? rc : read_contact(c, row, (unsigned)i);
		rc = rc ? rc : add_asns(c, row, (uint32_t)i);
		rc = rc ? rc : add_regions(c, row, (uint32_t)i);
		rc = rc ? rc : add_prefixes(b, row, (uint32_t)i);
	}
	rc = rc ? rc : read_contact(c, NULL, (unsigned)n);
	if (!rc && !(c->ranges = tt_ranges_build(b)))
		rc = -ENOMEM;
	tt_ranges_builder_destroy(&b);
	if (rc)
		return tt_err_set(err, rc, "%s: %s", path, strerror(-rc));
	if (c->asn_n)
		qsort(c->asns, c->asn_n, sizeof(*c->asns), by_asn);
	c->sender[TT_EN] = text(names, "en", text(names, "ja", "teiten"));
	c->sender[TT_JA] = text(names, "ja", c->sender[TT_EN]);
	c->sender_email = text(sender, "email", "");
	c->sender_url = text(sender, "url", "");
	return 0;
}

int contacts_load(struct contacts *c, const char *path, struct tt_err *err) {
	static const char none[] = "{\"kind\":\"contacts\",\"v\":1,\"contacts\":[]}";
	memset(c, 0, sizeof(*c));
	int rc =
		path ? tt_conf_load(path, "contacts", &c->root, err)
		     : tt_conf_loads(none, sizeof(none) - 1, "contacts", "contacts", &c->root, err);
	return rc ? rc : read_all(c, path ? path : "contacts", err);
}

void contacts_free(struct contacts *c) {
	for (unsigned i = 0; i < c->n; i++)
		free(c->emails[i]);
	free(c->emails);
	free(c->list);
	free(c->asns);
	free(c->regions);
	tt_ranges_destroy(&c->ranges);
	json_decref(c->root);
	memset(c, 0, sizeof(*c));
}

const struct contact *contacts_of(const struct contacts *c, const struct tt_watch_source *s) {
	uint32_t at = tt_ranges_get(c->ranges, &s->source);
	if (at != TT_RANGES_NONE)
		return &c->list[at];
	const uint32_t *found =
		s->asn && c->asn_n ? bsearch(&s->asn, c->asns, c->asn_n, sizeof(*c->asns), by_asn)
				   : NULL;
	if (found)
		return &c->list[found[1]];
	for (unsigned i = 0; i < c->region_n; i++)
		if (!strcmp(c->regions[i].code, s->region))
			return &c->list[c->regions[i].contact];
	return &c->list[c->n - 1];
}

bool contacts_nobody(const struct contacts *c, const struct contact *k) {
	return k == &c->list[c->n - 1];
}
