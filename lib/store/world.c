/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <dirent.h>
#include <unistd.h>

#include "tt_hash.h"

const struct world_sensor world_sensors[WORLD_SENSORS] = {
	{"jp-a", "JP", "ISP A", "access", 1},
	{"jp-b", "JP", "ISP B", "access", 4},
	{"sg-a", "SG", "Cloud X", "cloud", 16},
	{"xx-a", "", "", "", 256},
	{"undescribed", "", "", "", 1},
};

static const struct tt_service telnet[] = {{6, 23}, {6, 8728}}, windows[] = {{6, 445}, {1, 0x0301}},
			       any[] = {{6, 23}, {17, 53}, {6, 9}};

const struct tt_service_set world_sets[WORLD_SETS] = {
	{"telnet", telnet, 2}, {"windows", windows, 2}, {"any", any, 3}};

uint64_t world_random(struct world *w, uint64_t below) {
	w->seed += 0x9e3779b97f4a7c15ull;
	return tt_mix64(w->seed) % below;
}

struct world *world_create(uint64_t seed) {
	struct world *w = calloc(1, sizeof(*w));

	w->seed = seed;
	w->probe = "tokyo";
	snprintf(w->boot, sizeof(w->boot), "%016llx", (unsigned long long)tt_mix64(seed));
	// in memory where that is possible: what is tested outlives processes, not machines
	snprintf(w->dir, sizeof(w->dir), "%s/teiten-store-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/t.db", w->dir);
	w->batch = tt_batch_create();
	return w;
}

void world_destroy(struct world **w) {
	DIR *d = opendir((*w)->dir);
	struct dirent *e;
	char path[512];

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", (*w)->dir, e->d_name);
		unlink(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir((*w)->dir);
	tt_batch_destroy(&(*w)->batch);
	free((*w)->obs);
	free(*w);
	*w = NULL;
}

struct tt_store *world_open(struct world *w, enum tt_store_mode mode, const char *timezone) {
	struct tt_store_conf conf = {
		.path = w->path, .mode = mode, .timezone = timezone, .replay = w->replay};
	struct tt_store *s;
	struct tt_err err = {0};

	if (tt_store_open(&conf, &s, &err) != 0)
		fail_msg("%s", err.msg);
	return s;
}

void world_close(struct tt_store **s) {
	struct tt_err err = {0};

	if (tt_store_close(s, &err) != 0)
		fail_msg("%s", err.msg);
}

static void random_service(struct world *w, struct tt_obs *o) {
	static const uint16_t ports[] = {22, 23, 53, 80, 443, 445, 8728, 123};

	o->class = (uint8_t)world_random(w, TT_OBSERVED_CLASS_N);
	o->proto = world_random(w, 3) ? 6 : 17;
	o->port = ports[world_random(w, 8)];
	if (o->class == TT_FRAGMENT)
		o->port = 0;
	else if (o->class == TT_REFLECTION)
		o->proto = 17;
	else if (world_random(w, 8) == 0)
		o->proto = o->family == 4 ? 1 : 58;
	if (tt_proto_is_icmp(o->proto)) {
		o->port = (uint16_t)(world_random(w, 4) << 8 | world_random(w, 2));
	} else if (o->class != TT_FRAGMENT) {
		o->flags |= TT_OBS_OTHER_PORT;
		o->other_port = (uint16_t)(1000 + world_random(w, 4));
		if (world_random(w, 6) == 0)
			o->flags |= TT_OBS_OTHER_PORT_VARIED;
	}
}

static void random_tools(struct world *w, struct tt_obs *o) {
	if (o->class != TT_SCAN || o->family != 4)
		return;
	if (o->proto == 6)
		o->tested = (uint32_t)world_random(w, o->packets + 1);
	for (unsigned t = 0; t < TT_TOOL_N; t++) {
		uint64_t of = t == TT_TOOL_ZMAP ? o->packets : o->tested;

		if (of > 0 && world_random(w, 3) == 0)
			o->matches[t] = (uint32_t)world_random(w, of + 1);
	}
}

struct tt_obs world_obs(struct world *w, int64_t from, int64_t to) {
	struct tt_obs o = {0};
	int64_t first = (from + WORLD_EPOCH - 1) / WORLD_EPOCH, last = (to - 1) / WORLD_EPOCH;

	o.epoch = (first + (int64_t)world_random(w, (uint64_t)(last - first + 1))) * WORLD_EPOCH;
	o.sensor = (uint16_t)world_random(w, WORLD_SENSORS);
	o.family = world_random(w, 4) ? 4 : 6;
	if (o.family == 4) {
		o.src[0] = 192;
		o.src[2] = (uint8_t)world_random(w, 3);
		o.src[3] = (uint8_t)world_random(w, 40);
	} else {
		memcpy(o.src, "\x20\x01\x0d\xb8", 4);
		o.src[15] = (uint8_t)world_random(w, 40);
	}
	o.packets = 1 + world_random(w, 9);
	o.bytes = o.packets * (54 + world_random(w, 100));
	o.first_us = (uint32_t)world_random(w, 30000000);
	o.last_us = o.first_us + (uint32_t)world_random(w, 30000000);
	o.traits = 1u << world_random(w, TT_TRAIT_N);
	o.ttl_min = 40;
	o.ttl_max = (uint8_t)(41 + world_random(w, 20));
	random_service(w, &o);
	random_tools(w, &o);
	return o;
}

void world_begin(struct world *w) {
	static const char *const uplinks[] = {"up0"};
	const char *ids[WORLD_SENSORS];

	for (unsigned i = 0; i < WORLD_SENSORS; i++)
		ids[i] = world_sensors[i].id;
	assert_int_equal(tt_batch_begin(w->batch, w->probe, w->boot, WORLD_EPOCH, ids,
				 WORLD_SENSORS, uplinks, 1),
		0);
}

void world_add(struct world *w, const struct tt_obs *o) {
	assert_int_equal(tt_batch_add_obs(w->batch, o), 0);
	if (w->n == w->cap) {
		w->cap = w->cap == 0 ? 1024 : w->cap * 2;
		w->obs = realloc(w->obs, w->cap * sizeof(*w->obs));
	}
	w->obs[w->n++] = *o;
}

void world_add_tally(struct world *w, int64_t epoch) {
	struct tt_tally t = {.epoch = epoch, .link_up = 1};

	t.packets[TT_FATE_MALFORMED] = world_random(w, 5);
	t.bytes[TT_FATE_MALFORMED] = t.packets[TT_FATE_MALFORMED] * 60;
	t.packets[TT_FATE_NON_IP] = world_random(w, 5);
	t.bytes[TT_FATE_NON_IP] = t.packets[TT_FATE_NON_IP] * 42;
	assert_int_equal(tt_batch_add_tally(w->batch, &t), 0);
	w->tally[w->tally_n].epoch = epoch;
	w->tally[w->tally_n].malformed = t.packets[TT_FATE_MALFORMED];
	w->tally[w->tally_n].malformed_bytes = t.bytes[TT_FATE_MALFORMED];
	w->tally[w->tally_n].non_ip = t.packets[TT_FATE_NON_IP];
	w->tally[w->tally_n++].non_ip_bytes = t.bytes[TT_FATE_NON_IP];
}

int world_put(struct world *w, struct tt_store *s, bool remember) {
	size_t n = w->n;
	struct tt_err err = {0};
	const void *msg;
	size_t len;
	int rc;

	assert_int_equal(tt_batch_encode(w->batch, ++w->seq, &msg, &len), 0);
	rc = tt_store_put(s, msg, len, &err);
	if (rc < 0)
		fail_msg("%s", err.msg);
	if (!remember)
		w->n = n;
	return rc;
}

void world_catalog(struct world *w, const char *since) {
	json_t *list = json_array(), *doc;
	char *text;

	for (unsigned i = 0; i < WORLD_SENSORS - 1; i++) {
		const struct world_sensor *c = &world_sensors[i];
		json_t *j = json_pack("{s:s, s:f, s:s, s:{s:s}}", "id", c->id, "addresses",
			c->addresses, "network", c->network, "match", "uplink", c->id);

		if (c->country[0] != '\0')
			json_object_set_new(j, "country", json_string(c->country));
		if (c->group[0] != '\0')
			json_object_set_new(j, "groups", json_pack("[s]", c->group));
		if (since != NULL)
			json_object_set_new(j, "since", json_string(since));
		json_array_append_new(list, j);
	}
	doc = json_pack("{s:s, s:{s:s, s:i, s:o}}", "type", "catalog", "sensors", "kind", "sensors",
		"v", 1, "sensors", list);
	text = json_dumps(doc, 0);
	assert_int_equal(tt_batch_set_meta(w->batch, text, strlen(text)), 0);
	free(text);
	json_decref(doc);
}

void world_fill(
	struct world *w, struct tt_store *s, size_t n, unsigned per, int64_t from, int64_t to) {
	for (size_t i = 0; i < n;) {
		world_begin(w);
		for (unsigned j = 0; j < per && i < n; j++, i++) {
			struct tt_obs o = world_obs(w, from, to);

			// now and then a part of an observation that is there already
			if (w->n > 0 && !w->whole && world_random(w, 10) == 0) {
				const struct tt_obs *p = &w->obs[world_random(w, w->n)];

				o.epoch = p->epoch;
				memcpy(o.src, p->src, 16);
				o.sensor = p->sensor;
				o.port = p->port;
				o.family = p->family;
				o.class = p->class;
				o.proto = p->proto;
				if (o.class != TT_SCAN || o.family != 4) {
					memset(o.matches, 0, sizeof(o.matches));
					o.tested = 0;
				}
			}
			world_add(w, &o);
		}
		assert_int_equal(world_put(w, s, true), 1);
	}
}

void world_up(struct world *w, struct tt_store *s, int64_t from, int64_t to) {
	for (int64_t e = from; e < to;) {
		world_begin(w);
		for (unsigned j = 0; j < 1000 && e < to; j++, e += WORLD_EPOCH) {
			for (unsigned i = 0; i < WORLD_SENSORS - 1; i++) {
				struct tt_sensor_state st = {.epoch = e,
					.sensor = (uint16_t)i,
					.state = TT_STATE_UP,
					.received = 10};

				assert_int_equal(tt_batch_add_state(w->batch, &st), 0);
			}
		}
		assert_int_equal(world_put(w, s, true), 1);
	}
	w->up[w->up_n].from = from;
	w->up[w->up_n++].to = to;
}

void world_file_end(struct world *w, int64_t first_ns, int64_t last_ns, uint64_t packets) {
	char text[256];

	snprintf(text, sizeof(text),
		"{\"type\":\"file_end\",\"first_ns\":%lld,\"last_ns\":%lld,\"packets\":%llu,"
		"\"bytes\":0}",
		(long long)first_ns, (long long)last_ns, (unsigned long long)packets);
	assert_int_equal(tt_batch_set_meta(w->batch, text, strlen(text)), 0);
}

uint64_t world_packets(struct tt_store *s, enum tt_read read) {
	struct tt_err err;
	struct tt_query q = TT_QUERY_INIT;
	struct tt_result r;
	uint64_t n;

	q.by = TT_BY_NONE;
	q.classes = (1u << TT_OBSERVED_CLASS_N) - 1;
	q.read = read;
	if (tt_store_query(s, &q, &r, &err) != 0)
		fail_msg("%s", err.msg);
	n = r.rows[0].packets;
	tt_result_free(&r);
	return n;
}
