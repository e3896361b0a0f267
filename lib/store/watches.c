/* SPDX-License-Identifier: BSD-3-Clause */
// Which watches there are: rows of `watch`, each with its object of watches.json.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

static const char *const by_names[TT_WATCH_BY_N] = {
	"sensor", "network", "group", "country", "region", "port", "asn", "tool", "trait"};

const char *tt_watch_by_name(enum tt_watch_by by) {
	return by < TT_WATCH_BY_N ? by_names[by] : NULL;
}

static unsigned by_bits(const json_t *json) {
	unsigned bits = 0;
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(json, "by"), i,
		v) for (unsigned b = 0; b < TT_WATCH_BY_N;
			b++) if (strcmp(json_string_value(v), by_names[b]) == 0) bits |= 1u << b;
	return bits;
}

static const json_t *where(const struct watch *w, const char *key) {
	return json_object_get(json_object_get(w->json, "where"), key);
}

static void *list_of(const json_t *list, size_t size, unsigned *n) {
	*n = (unsigned)json_array_size(list);
	return json_is_array(list) ? calloc(*n + 1, size) : NULL;
}

static int read_sources(struct watch *w) {
	const json_t *list = where(w, "sources");
	struct tt_addr first, last;
	struct tt_prefix p;

	w->sources = list_of(list, sizeof(*w->sources), &w->source_n);
	if (json_is_array(list) && w->sources == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < w->source_n; i++) {
		if (tt_prefix_parse(json_string_value(json_array_get(list, i)), &p) < 0)
			return -EINVAL;
		tt_prefix_range(&p, &first, &last);
		w->sources[i].family = p.addr.family;
		memcpy(w->sources[i].first, first.b, 16);
		memcpy(w->sources[i].last, last.b, 16);
	}
	return 0;
}

static int read_ports(struct watch *w) {
	const json_t *list = where(w, "ports");
	const char *plain = json_string_value(json_object_get(w->json, "plain_source_port"));
	uint8_t proto;
	uint16_t port;

	w->ports = list_of(list, sizeof(*w->ports), &w->port_n);
	if (json_is_array(list) && w->ports == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < w->port_n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (tt_service_parse(text, &proto, &port) < 0)
			return -EINVAL;
		w->ports[i] = (uint32_t)proto << 16 | port;
	}
	w->has_plain = plain != NULL;
	return plain == NULL ? 0 : tt_service_parse(plain, &w->plain_proto, &w->plain_port);
}

static int read_lists(struct watch *w) {
	const json_t *list = where(w, "region"), *asns = where(w, "asn");
	json_t *v;
	size_t i;

	w->regions = list_of(list, sizeof(*w->regions), &w->region_n);
	w->asns = list_of(asns, sizeof(*w->asns), &w->asn_n);
	if ((json_is_array(list) && w->regions == NULL) || (json_is_array(asns) && w->asns == NULL))
		return -ENOMEM;
	for (i = 0; i < w->region_n; i++) {
		const char *cc = json_string_value(json_array_get(list, i));

		// a country that is not known yet is no region at all
		if (strcmp(cc, "$country") == 0)
			cc = w->country;
		w->regions[i] = (uint16_t)((uint8_t)cc[0] | (cc[0] ? (uint8_t)cc[1] << 8 : 0));
	}
	for (i = 0; i < w->asn_n; i++)
		w->asns[i] = (uint32_t)json_integer_value(json_array_get(asns, i));
	json_array_foreach(where(w, "class"), i, v) w->classes |=
		1u << tt_class_parse(json_string_value(v));
	json_array_foreach(where(w, "tool"), i, v) w->tools |=
		1u << tt_tool_parse(json_string_value(v));
	json_array_foreach(where(w, "traits"), i, v) w->traits |=
		1u << tt_trait_parse(json_string_value(v));
	return 0;
}

static void read_rest(struct watch *w) {
	static const struct {
		enum tt_watch_by by;
		enum watch_dim dim;
	} dims[] = {{TT_WATCH_BY_REGION, DIM_REGION}, {TT_WATCH_BY_PORT, DIM_PORT},
		{TT_WATCH_BY_ASN, DIM_ASN}, {TT_WATCH_BY_TOOL, DIM_TOOL}};
	const char *surveyors = json_string_value(json_object_get(w->json, "surveyors"));
	unsigned bits = by_bits(w->json);

	for (size_t i = 0; i < sizeof(dims) / sizeof(dims[0]); i++)
		if (bits >> dims[i].by & 1)
			w->dims |= 1u << dims[i].dim;
	w->keep_sources = json_is_true(json_object_get(w->json, "keep_sources"));
	w->surveyors = strcmp(surveyors, "only") == 0	   ? TT_SURVEYORS_ONLY
		       : strcmp(surveyors, "without") == 0 ? TT_SURVEYORS_WITHOUT
							   : TT_SURVEYORS_WITH;
}

static bool listed(const json_t *list, const char *text) {
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v) if (strcmp(json_string_value(v), text) == 0 ||
					   strcmp(json_string_value(v), "*") == 0) return true;
	return false;
}

static bool in_groups(const json_t *groups, const struct tt_sensor_conf *c) {
	bool in = json_is_null(groups);

	for (unsigned g = 0; c != NULL && g < c->group_n && !in; g++)
		in = listed(groups, c->groups[g]);
	return in;
}

// Which sensors it is about, by what is known of them now.
static int match_sensors(struct tt_store *s, struct watch *w, const struct tt_catalog *catalog) {
	const json_t *ids = json_object_get(w->json, "sensors");
	const json_t *groups = json_object_get(w->json, "groups");

	w->sensors = calloc(s->sensor_n + 1, sizeof(*w->sensors));
	if (w->sensors == NULL)
		return -ENOMEM;
	for (uint32_t i = 1; i <= s->sensor_n; i++) {
		const struct tt_sensor_conf *conf = NULL;

		for (unsigned k = 0; k < catalog->sensor_n && conf == NULL; k++)
			if (strcmp(catalog->sensors[k].id, s->sensors[i]) == 0)
				conf = &catalog->sensors[k];
		w->sensors[i] = listed(ids, s->sensors[i]) && in_groups(groups, conf);
	}
	return 0;
}

// The country that most sensors are in; "" where none has one.
static void common_country(const struct tt_catalog *catalog, char out[3]) {
	unsigned best = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < catalog->sensor_n; i++) {
		unsigned n = 0;

		for (unsigned k = 0; k < catalog->sensor_n && catalog->sensors[i].country[0]; k++)
			n += strcmp(catalog->sensors[k].country, catalog->sensors[i].country) == 0;
		if (n > best ||
			(n == best && n > 0 && strcmp(catalog->sensors[i].country, out) < 0)) {
			best = n;
			snprintf(out, 3, "%s", catalog->sensors[i].country);
		}
	}
}

static int read_watch(
	struct tt_store *s, sqlite3_stmt *st, struct watch *w, const struct tt_catalog *catalog) {
	int rc;

	w->id = sqlite3_column_int64(st, 0);
	snprintf(w->name, sizeof(w->name), "%s", (const char *)sqlite3_column_text(st, 1));
	w->json = json_loads((const char *)sqlite3_column_text(st, 2), 0, NULL);
	snprintf(w->country, sizeof(w->country), "%s", (const char *)sqlite3_column_text(st, 3));
	w->gap_from = sqlite3_column_int64(st, 4);
	w->gap_to = sqlite3_column_int64(st, 5);
	w->active = sqlite3_column_int(st, 6) != 0;
	if (w->json == NULL)
		return -EINVAL;
	if (w->country[0] == '\0')
		common_country(catalog, w->country);
	if ((rc = read_ports(w)) < 0 || (rc = read_sources(w)) < 0 || (rc = read_lists(w)) < 0)
		return rc;
	read_rest(w);
	return match_sensors(s, w, catalog);
}

int watches_load(struct tt_store *s, const char *name, struct watches *out, struct tt_err *err) {
	const struct tt_catalog *catalog = tt_store_catalog(s, err);
	sqlite3_stmt *st;
	int step, rc;

	*out = (struct watches){0};
	if (catalog == NULL)
		return -errno;
	if ((rc = sensors_load(s, err)) < 0)
		return rc;
	if ((st = db_prepare(s, err,
		     "SELECT id, name, definition, country, gap_from, gap_to, active FROM watch "
		     "WHERE "
		     "name = ?1 OR (?1 IS NULL AND active) ORDER BY place, id")) == NULL)
		return s->rc;
	db_bind(st, "t", name);
	out->sensor_n = s->sensor_n;
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		struct watch *w = realloc(out->w, (out->n + 1) * sizeof(*w));

		if (w != NULL) {
			out->w = w;
			w[out->n] = (struct watch){0};
			rc = read_watch(s, st, &w[out->n++], catalog);
			out->surveyors |= w[out->n - 1].surveyors != TT_SURVEYORS_WITH;
		}
		if (w == NULL || rc < 0) {
			tt_err_set(err, w == NULL ? -ENOMEM : rc,
				"%s: table watch: \"%s\" cannot be used", s->path,
				(const char *)sqlite3_column_text(st, 1));
			rc = w == NULL ? -ENOMEM : rc;
			break;
		}
	}
	if (rc == 0 && step != SQLITE_DONE)
		rc = db_fail(s, err, "watches");
	sqlite3_finalize(st);
	if (rc == 0 && name != NULL && out->n == 0)
		rc = tt_err_set(err, -ENOENT, "%s: has no watch %s", s->path, name);
	if (rc < 0)
		watches_free(out);
	return rc;
}

void watches_drop(struct watches *w, unsigned n) {
	for (unsigned i = n; i < w->n; i++) {
		json_decref(w->w[i].json);
		free(w->w[i].ports);
		free(w->w[i].regions);
		free(w->w[i].sources);
		free(w->w[i].asns);
		free(w->w[i].sensors);
	}
	w->n = n < w->n ? n : w->n;
}

void watches_free(struct watches *w) {
	watches_drop(w, 0);
	free(w->w);
	*w = (struct watches){0};
}

// ---- for others

static const char *title(const json_t *json, const char *lang, const char *name) {
	const char *text = json_string_value(json_object_get(json_object_get(json, "title"), lang));

	return text != NULL ? text : name;
}

static void read_info(struct tt_watch_info *i, json_t *json) {
	const char *measure = json_string_value(json_object_get(json, "measure"));
	const char *plain = json_string_value(json_object_get(json, "plain_source_port"));
	const json_t *surge = json_object_get(json, "surge");

	i->settings = json;
	i->title_en = title(json, "en", title(json, "ja", i->name));
	i->title_ja = title(json, "ja", title(json, "en", i->name));
	i->measure = strcmp(measure, "bytes") == 0     ? TT_MEASURE_BYTES
		     : strcmp(measure, "sources") == 0 ? TT_MEASURE_SOURCES
						       : TT_MEASURE_PACKETS;
	i->by = by_bits(json);
	i->keep_sources = json_is_true(json_object_get(json, "keep_sources"));
	i->has_surge = json_is_object(surge);
	i->surge_min = json_number_value(json_object_get(surge, "min"));
	i->surge_factor = json_number_value(json_object_get(surge, "factor"));
	i->has_plain = plain != NULL;
	if (plain != NULL)
		(void)tt_service_parse(plain, &i->plain_proto, &i->plain_port);
}

int tt_store_watches(struct tt_store *s, struct tt_watch_list *out, struct tt_err *err) {
	struct watches w;
	int rc = watches_load(s, NULL, &w, err);

	*out = (struct tt_watch_list){0};
	if (rc < 0)
		return rc;
	out->watches = calloc(w.n + 1, sizeof(*out->watches));
	out->json = json_array();
	if (out->watches == NULL || out->json == NULL)
		rc = tt_err_set(err, -ENOMEM, "%s: no memory", s->path);
	for (unsigned i = 0; rc == 0 && i < w.n; i++) {
		struct tt_watch_info *info = &out->watches[out->n++];

		json_array_append(out->json, w.w[i].json);
		memcpy(info->name, w.w[i].name, sizeof(info->name));
		memcpy(info->country, w.w[i].country, sizeof(info->country));
		info->missing_from = w.w[i].gap_from;
		info->missing_to = w.w[i].gap_to;
		read_info(info, w.w[i].json);
	}
	watches_free(&w);
	return rc;
}

void tt_watch_list_free(struct tt_watch_list *l) {
	free(l->watches);
	json_decref(l->json);
	*l = (struct tt_watch_list){0};
}
