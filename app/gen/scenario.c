/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"
#include "tt_time.h"

void scenario_init(struct scenario *s) {
	*s = (struct scenario){.packets = 100000,
		.seed = 1,
		.sources = 5000,
		.zipf = 1.0,
		.six = 0.08,
		.diurnal = 0.2,
		.fragments = 0.05,
		.base = true,
		.tools = {.zmap = 0.12, .masscan = 0.1, .mirai = 0.25}};
	s->start_ns = 1727740800 * TT_NS; // 2024-10-01T00:00:00Z
	s->end_ns = s->start_ns + 86400 * TT_NS;
	for (int i = 0; i <= TT_CLASS_N; i++)
		s->class_weight[i] = 1;
}

void scenario_free(struct scenario *s) {
	free(s->streams);
	free(s->events);
	free(s->sensor_weight);
	s->streams = NULL;
	s->events = NULL;
	s->sensor_weight = NULL;
}

struct reader {
	const char *path;
	struct scenario *s;
	const struct regions *regions;
	struct targets *targets;
	struct tt_err *err;
};

static int bad(const struct reader *r, const char *at, const char *expected) {
	return tt_err_set(r->err, -EINVAL, "%s: $.%s: expected %s", r->path, at, expected);
}

static int read_time(const struct reader *r, const char *at, const char *text, int64_t *sec) {
	if (!text || tt_time_parse(text, sec) < 0 || *sec < 0 || *sec > TT_TIME_MAX)
		return bad(r, at, "a time as 2024-10-01T00:00:00+09:00, from 1970 to 2106");
	return 0;
}

static int region_index(const struct regions *r, const char *cc) {
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->r[i].cc, cc) == 0)
			return (int)i;
	return -1;
}

static int sensor_index(const struct targets *t, const char *id) {
	for (unsigned i = 0; i < t->n; i++)
		if (strcmp(t->t[i].conf->id, id) == 0)
			return (int)i;
	return -1;
}

static int read_services(const struct reader *r, const json_t *list) {
	size_t i;
	json_t *o;
	json_array_foreach(list, i, o) {
		const char *class = NULL, *service = NULL;
		double weight = 0;
		uint8_t proto;
		uint16_t port;
		if (json_unpack_ex(o, NULL, JSON_STRICT, "{s:s,s:s,s:F}", "class", &class,
			    "service", &service, "weight", &weight) < 0 ||
			tt_class_parse(class) < 0 || tt_class_parse(class) > TT_OTHER ||
			tt_service_parse(service, &proto, &port) < 0 || weight < 0)
			return bad(r, "services",
				"{\"class\":\"scan\",\"service\":\"tcp/23\",\"weight\":1} and the "
				"like");
		if (mix_service(r->s, tt_class_parse(class), proto, port, weight) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_weights(const struct reader *r, const json_t *classes, const json_t *regions,
	const json_t *sensors) {
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)classes, key, v) {
		int c = strcmp(key, "unassigned") == 0 ? TT_CLASS_N : tt_class_parse(key);
		if (c < 0 || !json_is_number(v) || json_number_value(v) < 0)
			return bad(r, "classes", "weights by class, or of unassigned");
		r->s->class_weight[c] = json_number_value(v);
	}
	json_object_foreach((json_t *)(uintptr_t)regions, key, v) {
		int i = region_index(r->regions, key);
		if (i < 0 || !json_is_number(v) || json_number_value(v) < 0)
			return bad(r, "regions", "weights by region code");
		r->s->region_weight[i] = json_number_value(v);
	}
	json_object_foreach((json_t *)(uintptr_t)sensors, key, v) {
		int i = sensor_index(r->targets, key);
		if (i < 0 || !json_is_number(v) || json_number_value(v) < 0)
			return bad(r, "sensors", "weights by sensor id");
		r->s->sensor_weight[i] = json_number_value(v);
	}
	return 0;
}

static int event_sensors(
	const struct reader *r, struct event *e, const json_t *ids, const char *network) {
	e->sensors = ids || network ? 0 : ~0ull;
	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));
		int at = id ? sensor_index(r->targets, id) : -1;
		if (at < 0 || at > 63)
			return bad(r, "events.sensors", "ids of sensors");
		e->sensors |= 1ull << at;
	}
	for (unsigned i = 0; network && i < r->targets->n && i < 64; i++)
		if (strcmp(r->targets->t[i].conf->network, network) == 0)
			e->sensors |= 1ull << i;
	return e->sensors ? 0 : bad(r, "events.network", "the network of a sensor");
}

static int event_time(
	const struct reader *r, struct event *e, const char *from, const char *until) {
	e->from = 0;
	e->until = INT64_MAX;
	int rc = from ? read_time(r, "events.from", from, &e->from) : 0;
	if (rc == 0 && until)
		rc = read_time(r, "events.until", until, &e->until);
	return rc;
}

// What must hold for each type beyond the common form.
static int event_type(const struct reader *r, const struct event *e, bool weighted) {
	bool up = !strcmp(e->type, "surge") || !strcmp(e->type, "rise");
	bool down = !strcmp(e->type, "decline") || !strcmp(e->type, "fade");
	bool other = !strcmp(e->type, "newcomer") || !strcmp(e->type, "shift");
	if (!up && !down && !other)
		return bad(r, "events.type", "surge, rise, decline, fade, newcomer or shift");
	if ((up && e->factor <= e->before) || (down && e->factor >= e->before) || e->factor < 0)
		return bad(r, "events.factor",
			"more than before for surge and rise, less for "
			"decline and fade");
	if (!strcmp(e->type, "fade") && e->region < 0)
		return bad(r, "events.region", "the region that fades");
	if (!strcmp(e->type, "newcomer") && (e->class < 0 || e->port < 0 || !weighted))
		return bad(r, "events", "class, service and weight of a newcomer");
	if (e->sources && (e->class < 0 || e->port < 0))
		return bad(r, "events.sources", "class and service with it");
	return 0;
}

static int event_regions(
	const struct reader *r, struct event *e, const char *region, const json_t *regions) {
	if (region && (e->region = region_index(r->regions, region)) < 0)
		return bad(r, "events.region", "the code of a known region");
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)regions, key, v) {
		int at = region_index(r->regions, key);
		if (at < 0 || !e->sources)
			return bad(r, "events.regions", "weights by region, with sources");
		e->region_weights[at] = json_number_value(v);
	}
	if (e->sources && e->region >= 0)
		e->region_weights[e->region] = 1;
	return 0;
}

static int read_event(const struct reader *r, const json_t *o, struct event *e) {
	const char *type = NULL, *class = NULL, *service = NULL, *region = NULL, *network = NULL;
	const char *from = NULL, *until = NULL;
	const json_t *sensors = NULL, *regions = NULL;
	double weight = -1;
	int sources = 0;
	json_error_t je;
	*e = (struct event){
		.class = -1, .proto = -1, .port = -1, .region = -1, .before = -1, .factor = -1};
	if (json_unpack_ex((json_t *)(uintptr_t)o, &je, JSON_STRICT,
		    "{s:s,s?s,s?s,s?s,s?s,s?s,s?s,s?o,s?o,s?F,s?F,s?F,s?F,s?i}", "type", &type,
		    "class", &class, "service", &service, "region", &region, "network", &network,
		    "from", &from, "until", &until, "sensors", &sensors, "regions", &regions,
		    "ramp_days", &e->ramp_days, "before", &e->before, "factor", &e->factor,
		    "weight", &weight, "sources", &sources) < 0)
		return tt_err_set(r->err, -EINVAL, "%s: $.events: %s", r->path, je.text);
	snprintf(e->type, sizeof(e->type), "%s", type);
	bool newcomer = strcmp(type, "newcomer") == 0;
	if (e->before < 0)
		e->before = newcomer ? 0 : 1;
	if (e->factor < 0)
		e->factor = 1;
	e->sources = sources > 0 ? (uint32_t)sources : 0;
	if (class && ((e->class = tt_class_parse(class)) < 0 || e->class > TT_OTHER))
		return bad(r, "events.class", "scan, backscatter, reflection or other");
	if (service) {
		uint8_t proto;
		uint16_t port;
		if (tt_service_parse(service, &proto, &port) < 0)
			return bad(r, "events.service", "a service as tcp/8728");
		e->proto = proto;
		e->port = port;
	}
	int rc = event_regions(r, e, region, regions);
	if (rc == 0)
		rc = event_sensors(r, e, sensors, network);
	if (rc == 0)
		rc = event_time(r, e, from, until);
	if (rc == 0)
		rc = event_type(r, e, weight >= 0);
	if (rc == 0 && weight >= 0)
		rc = mix_service(r->s, e->class, e->proto, e->port, weight);
	return rc;
}

static int read_events(const struct reader *r, const json_t *list) {
	size_t n = json_array_size(list);
	if (n > 64)
		return bad(r, "events", "at most 64");
	r->s->events = calloc(n + 1, sizeof(*r->s->events));
	if (!r->s->events)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int rc = read_event(r, json_array_get(list, i), &r->s->events[i]);
		if (rc < 0)
			return rc;
		r->s->event_n++;
	}
	return 0;
}

static int read_cuts(const struct reader *r, const json_t *list) {
	for (size_t i = 0; i < json_array_size(list); i++) {
		int64_t sec;
		if (i == sizeof(r->s->cuts) / sizeof(r->s->cuts[0]) ||
			read_time(r, "cuts", json_string_value(json_array_get(list, i)), &sec) < 0)
			return bad(r, "cuts", "up to 64 times");
		r->s->cuts[r->s->cut_n++] = sec;
	}
	return 0;
}

static int read_root(const struct reader *r, json_t *root) {
	struct scenario *s = r->s;
	const char *kind = "", *start = NULL, *end = NULL;
	const json_t *cuts = NULL, *classes = NULL, *services = NULL, *regions = NULL;
	const json_t *sensors = NULL, *events = NULL;
	json_int_t packets = (json_int_t)s->packets, seed = (json_int_t)s->seed;
	json_int_t sources = s->sources;
	int v = 0, base = 1;
	json_error_t je;
	if (json_unpack_ex(root, &je, JSON_STRICT,
		    "{s:s,s:i,s?s,s?s,s?s,s?I,s?I,s?I,s?F,s?F,s?F,s?F,s?F,s?{s?F,s?F,s?F},s?b,s?o,"
		    "s?o,s?o,s?o,s?o,s?o}",
		    "kind", &kind, "v", &v, "about", &(const char *){0}, "start", &start, "end",
		    &end, "packets", &packets, "seed", &seed, "sources", &sources, "zipf", &s->zipf,
		    "ipv6", &s->six, "diurnal", &s->diurnal, "fragments", &s->fragments,
		    "vary_ports", &s->vary, "tools", "zmap", &s->tools.zmap, "masscan",
		    &s->tools.masscan, "mirai", &s->tools.mirai, "base", &base, "cuts", &cuts,
		    "classes", &classes, "services", &services, "regions", &regions, "sensors",
		    &sensors, "events", &events) < 0)
		return tt_err_set(r->err, -EINVAL, "%s: %s", r->path, je.text);
	if (strcmp(kind, "scenario") != 0 || v != 1)
		return bad(r, "kind", "\"scenario\" of version 1");
	if (packets < 1 || sources < 1 || s->six < 0 || s->six > 1 || s->diurnal < 0 ||
		s->diurnal > 0.9)
		return bad(r, "packets", "packets and sources of at least 1, shares below 1");
	s->packets = (uint64_t)packets;
	s->seed = (uint64_t)seed;
	s->sources = (uint32_t)sources;
	s->base = base;
	int64_t sec;
	int rc = start ? read_time(r, "start", start, &sec) : 0;
	if (rc == 0 && start)
		s->start_ns = sec * TT_NS;
	if (rc == 0 && end)
		rc = read_time(r, "end", end, &sec);
	if (rc == 0 && end)
		s->end_ns = sec * TT_NS;
	if (rc == 0 && s->base)
		rc = mix_add(s);
	if (rc == 0)
		rc = read_cuts(r, cuts);
	if (rc == 0)
		rc = read_services(r, services);
	if (rc == 0)
		rc = read_weights(r, classes, regions, sensors);
	return rc < 0 ? rc : read_events(r, events);
}

int scenario_load(struct scenario *s, const char *path, const struct regions *regions,
	struct targets *targets, struct tt_err *err) {
	s->sensor_weight = malloc(targets->n * sizeof(*s->sensor_weight) + 1);
	if (!s->sensor_weight)
		return tt_err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < targets->n; i++)
		s->sensor_weight[i] = 1;
	for (unsigned i = 0; i < regions->n; i++)
		s->region_weight[i] = regions->r[i].weight;
	if (!path)
		return mix_add(s);
	json_t *root = json_read(path, err);
	if (!root)
		return -EINVAL;
	struct reader r = {path, s, regions, targets, err};
	int rc = read_root(&r, root);
	if (rc == -ENOMEM)
		tt_err_set(err, rc, "%s: out of memory", path);
	json_decref(root);
	return rc;
}
