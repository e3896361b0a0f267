/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame.h"
#include "malformed.h"
#include "options.h"
#include "schedule.h"
#include "tt_file.h"
#include "tt_obs.h"
#include "tt_sensor.h"
#include "tt_time.h"

// A generator without files: what main() makes of its options.
struct world {
	struct options o;
	struct scenario s;
	struct regions regions;
	struct targets targets;
	struct sources sources;
	struct schedule *schedule;
	struct maker maker;
	struct rng times;
	struct packet packet;
};

static const char *scenario_path; // of the next world

static struct world *world_create(uint64_t packets, uint64_t seed, const char *links) {
	struct tt_err err = {""};
	struct world *w = calloc(1, sizeof(*w));
	char number[2][32];
	snprintf(number[0], 32, "%llu", (unsigned long long)packets);
	snprintf(number[1], 32, "%llu", (unsigned long long)seed);
	char *argv[] = {(char[]){"gen"}, (char[]){"--packets"}, number[0], (char[]){"--seed"},
		number[1], (char[]){"out.pcapng"}, NULL};
	optind = 0;
	assert_int_equal(options_read(&w->o, 6, argv, &err), 0);
	regions_default(&w->regions);
	if (targets_init(&w->targets, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	if (links && targets_links(&w->targets, links, &err) < 0)
		fail_msg("%s", err.msg);
	scenario_init(&w->s);
	if (scenario_load(&w->s, scenario_path, &w->regions, &w->targets, &err) < 0)
		fail_msg("%s", err.msg);
	options_apply(&w->o, &w->s);
	rng_seed(&w->times, seed);
	assert_int_equal(sources_init(&w->sources), 0);
	assert_int_equal(schedule_pools(&w->s, &w->regions, &w->sources, &w->times, &err), 0);
	assert_int_equal(maker_init(&w->maker, &w->s, &w->regions, &w->targets, &w->sources), 0);
	w->schedule = schedule_create(&w->s, &w->regions, &w->targets, &w->sources, &err);
	assert_non_null(w->schedule);
	return w;
}

static void world_destroy(struct world *w) {
	schedule_destroy(&w->schedule);
	maker_free(&w->maker);
	sources_free(&w->sources);
	scenario_free(&w->s);
	targets_free(&w->targets);
	free(w);
}

static const struct packet *world_next(struct world *w, int64_t *ns) {
	if (!schedule_time(w->schedule, &w->times, ns))
		return NULL;
	w->maker.ns = *ns;
	const struct packet *p = maker_pending(&w->maker);
	while (!p) {
		struct pick pick;
		schedule_pick(w->schedule, &w->maker.rng, &pick);
		if (maker_make(&w->maker, &pick, &w->packet))
			p = &w->packet;
	}
	return p;
}

static void the_same_seed_gives_the_same_bytes(void **state) {
	uint64_t hashes[3] = {0};
	for (int i = 0; i < 3; i++) {
		struct world *w = world_create(20000, i == 2 ? 8 : 7, NULL);
		const struct packet *p;
		int64_t ns;
		while ((p = world_next(w, &ns))) {
			uint8_t key[16] = {0};
			memcpy(key, &hashes[i], 8);
			memcpy(key + 8, &ns, 8);
			hashes[i] = tt_siphash(key, p->buf + p->start, p->end - p->start);
		}
		world_destroy(w);
	}
	assert_true(hashes[0] == hashes[1]);
	assert_true(hashes[0] != hashes[2]);
}

static void times_rise_and_stay_within_the_span(void **state) {
	struct world *w = world_create(30000, 3, NULL);
	int64_t ns, last = w->s.start_ns;
	uint64_t n = 0;
	while (world_next(w, &ns)) {
		assert_true(ns >= last && ns < w->s.end_ns);
		last = ns;
		n++;
	}
	assert_int_equal(n, 30000);
	world_destroy(w);
}

// The parser and the sensor rules were written by the same definitions and from nothing else: what
// they say of every packet, whole and cut anywhere, is what the generator meant.
static void compare(struct world *w, const struct tt_sensors *sensors,
	const struct tt_packet_conf *conf, const struct packet *p, uint32_t caplen) {
	struct tt_frame f = {p->buf + p->start, caplen, p->end - p->start, p->link};
	struct tt_pkt k;
	tt_packet_parse(conf, &f, &k, 1);
	tt_sensors_resolve(sensors, conf, 0, &f, &k, 1);
	unsigned fate = packet_fate(p, caplen);
	unsigned got = k.class == TT_NON_IP	  ? TT_FATE_NON_IP
		       : k.class == TT_MALFORMED  ? TT_FATE_MALFORMED
		       : k.sensor == TT_NO_SENSOR ? TT_FATE_UNASSIGNED
						  : TT_FATE_OBSERVED;
	const struct stream *x = &w->s.streams[p->stream];
	const char *sensor = w->targets.t[p->sensor].conf->id;
	if (got != fate)
		fail_msg("fate %s, meant %s; kind %u param %u class %u sensor %s, %u of %u bytes, "
			 "need %u",
			tt_fate_name(got), tt_fate_name(fate), x->kind, x->param, k.class, sensor,
			caplen, f.len, p->need - p->start);
	if (fate != TT_FATE_OBSERVED)
		return;
	if (x->kind == K_UDP_DECOY && caplen < f.len)
		return; // cannot be told any more
	const struct source *s = &w->sources.s[p->source];
	if (k.class != p->class || k.proto != p->proto || k.port != p->port ||
		k.sensor != p->sensor)
		fail_msg(
			"class %s proto %u port %u sensor %u, meant %s %u %u %u; kind %u sensor %s",
			tt_class_name(k.class), k.proto, k.port, k.sensor, tt_class_name(p->class),
			p->proto, p->port, p->sensor, x->kind, sensor);
	assert_int_equal(k.family, s->addr.family);
	assert_memory_equal(k.src, s->addr.b, 16);
	unsigned tools = p->tool ? 1u << (p->tool - 1) : 0;
	if (k.tools != tools)
		fail_msg("tools %x, meant %x; kind %u", k.tools, tools, x->kind);
	assert_int_equal(k.feed_fragment, p->feed_fragment);
	if (p->class == TT_BACKSCATTER || p->class == TT_REFLECTION)
		assert_int_equal(k.has_ports ? k.other_port : k.port, p->dport);
	else
		assert_int_equal(p->dport, p->port);
}

static void check_links(const char *links) {
	struct tt_err err;
	struct world *w = world_create(120000, 11, links);
	struct tt_packet_conf conf;
	struct tt_sensors *sensors = tt_sensors_create(w->targets.catalog, NULL, 0, true, &err);
	assert_non_null(sensors);
	tt_packet_conf_init(&conf);
	conf.tunnels = tt_sensors_tunnels(sensors);
	const struct packet *p;
	int64_t ns;
	while ((p = world_next(w, &ns))) {
		uint32_t len = p->end - p->start;
		compare(w, sensors, &conf, p, len);
		uint32_t cut = (uint32_t)rng_below(&w->times, len + 1);
		compare(w, sensors, &conf, p, cut);
	}
	tt_sensors_destroy(&sensors);
	world_destroy(w);
}

static void the_parser_finds_what_was_meant(void **state) {
	check_links(NULL);
}

static void the_parser_finds_it_in_other_link_types(void **state) {
	check_links("up1=raw");
	check_links("up1=sll");
	check_links("up1=sll2");
}

// Checks the sums of a packet that begins with an IP header, by the definition: over header and
// pseudo header they are 0xffff.
static unsigned checked_ip, checked_l4;

static void check_sums(const uint8_t *p, uint32_t n) {
	bool six = p[0] >> 4 == 6;
	uint32_t head = six ? 40 : (p[0] & 15) * 4u;
	uint8_t proto = six ? p[6] : p[9];
	if (!six) {
		assert_int_equal(checksum(sum_bytes(p, head, 0)), 0);
		checked_ip++;
		n = (uint32_t)p[2] << 8 | p[3];
		if ((p[6] & 0x3f) || p[7])
			return; // a fragment
	} else {
		n = 40 + ((uint32_t)p[4] << 8 | p[5]);
		while (proto == 0 || proto == 43 || proto == 60) {
			proto = p[head];
			head += 8;
		}
	}
	const uint8_t *l4 = p + head;
	uint32_t len = n - head;
	struct ip ip = {.proto = proto, .src.family = six ? 6 : 4, .dst.family = six ? 6 : 4};
	memcpy(ip.src.b, p + (six ? 8 : 12), six ? 16 : 4);
	memcpy(ip.dst.b, p + (six ? 24 : 16), six ? 16 : 4);
	bool unsummed = proto == 17 && !l4[6] && !l4[7] && !six;
	if (unsummed || (proto != 6 && proto != 17 && proto != 1 && proto != 58))
		return;
	assert_int_equal(checksum(sum_bytes(l4, len, proto == 1 ? 0 : sum_pseudo(&ip, len))), 0);
	checked_l4++;
}

static void checksums_are_right(void **state) {
	struct world *w = world_create(40000, 5, NULL);
	const struct packet *p;
	int64_t ns;
	while ((p = world_next(w, &ns))) {
		const uint8_t *b = p->buf + p->start;
		uint32_t at = 14;
		while (b[at - 2] == 0x81 || b[at - 2] == 0x88)
			at += b[at - 2] == 0x88 && b[at - 1] == 0x47 ? 1500 : 4; // labels: not here
		if (at > p->end - p->start)
			continue;
		uint16_t type = (uint16_t)(b[at - 2] << 8 | b[at - 1]);
		bool chain = w->s.streams[p->stream].kind == K_IP6_CHAIN;
		bool whole = p->fate == TT_FATE_OBSERVED || p->fate == TT_FATE_UNASSIGNED;
		if (whole && !chain && (type == 0x0800 || type == 0x86dd))
			check_sums(b + at, p->end - p->start - at);
	}
	assert_in_range(checked_ip, 20000, 40000);
	assert_in_range(checked_l4, 8000, 40000);
	world_destroy(w);
}

static void every_oddity_comes(void **state) {
	struct world *w = world_create(100000, 1, NULL);
	unsigned malformed[MALFORMED_N] = {0}, non_ip[NON_IP_N] = {0},
		 unassigned[UNASSIGNED_N] = {0};
	unsigned kinds[K_N] = {0}, services[65536] = {0}, fragments = 0;
	const struct packet *p;
	int64_t ns;
	while ((p = world_next(w, &ns))) {
		const struct stream *x = &w->s.streams[p->stream];
		kinds[x->kind]++;
		malformed[x->kind == K_MALFORMED ? x->param : 0]++;
		non_ip[x->kind == K_NON_IP ? x->param : 0]++;
		unassigned[x->kind == K_UNASSIGNED ? x->param : 0]++;
		services[p->class == TT_REFLECTION ? p->port : 0]++;
		fragments += p->feed_fragment;
	}
	for (int i = 0; i < MALFORMED_N; i++)
		if (!malformed[i])
			fail_msg("no %s", malformed_name((unsigned)i));
	for (int i = 0; i < NON_IP_N; i++)
		assert_true(non_ip[i] > 0);
	for (int i = 0; i < UNASSIGNED_N; i++)
		assert_true(unassigned[i] > 0);
	for (int i = 0; i < K_N; i++)
		if (!kinds[i])
			fail_msg("nothing of kind %d", i);
	static const uint16_t ports[] = {
		19, 53, 111, 123, 137, 161, 389, 1900, 3702, 5353, 5683, 11211};
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (!services[ports[i]])
			fail_msg("no reflection from port %u", ports[i]);
	assert_true(fragments > 0);
	world_destroy(w);
}

static uint64_t sum_of(const json_t *rows, const char *key) {
	uint64_t sum = 0;
	for (size_t i = 0; i < json_array_size(rows); i++)
		sum += (uint64_t)json_integer_value(json_object_get(json_array_get(rows, i), key));
	return sum;
}

static void expect_adds_up(const json_t *part) {
	static const char *const views[] = {"classes", "services", "sensor_services", "regions",
		"sensor_regions", "region_services", "sensors", "sensor_classes", "sources",
		"source_classes", "dports", "class_dports"};
	static const char *const keys[] = {"packets", "bytes"};
	for (int k = 0; k < 2; k++) {
		const json_t *fates = json_object_get(part, "fates"), *v;
		const char *name;
		json_int_t all = 0;
		json_object_foreach((json_t *)(uintptr_t)fates, name, v) {
			all += json_integer_value(json_object_get(v, keys[k]));
		}
		assert_int_equal(all, json_integer_value(json_object_get(part, keys[k])));
		json_int_t observed = json_integer_value(
			json_object_get(json_object_get(fates, "observed"), keys[k]));
		assert_true(observed > 0);
		for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
			assert_int_equal(
				sum_of(json_object_get(part, views[i]), keys[k]), observed);
	}
	// every source is in one region and one row
	size_t sources = json_array_size(json_object_get(part, "sources"));
	assert_int_equal(sum_of(json_object_get(part, "sources"), "sources"), sources);
}

static void the_books_add_up(void **state) {
	struct tt_err err;
	struct world *w = world_create(60000, 9, NULL);
	int64_t split = w->s.start_ns / TT_NS + 30000;
	w->s.vary = 0.2;
	struct truth *t =
		truth_create(&w->s, &w->regions, &w->targets, &w->sources, &split, 1, 60, 0);
	const struct packet *p;
	uint64_t bytes = 0;
	int64_t ns;
	while ((p = world_next(w, &ns))) {
		assert_int_equal(truth_count(t, ns, p), 0);
		bytes += p->end - p->start;
	}
	char path[] = "/tmp/gen_test_XXXXXX";
	close(mkstemp(path));
	assert_int_equal(truth_write(t, path, true, &err), 0);
	json_t *root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	unlink(path);
	assert_int_equal(json_integer_value(json_object_get(root, "packets")), 60000);
	assert_int_equal(json_integer_value(json_object_get(root, "bytes")), bytes);
	expect_adds_up(root);
	const json_t *parts = json_object_get(root, "parts");
	assert_int_equal(json_array_size(parts), 2);
	assert_int_equal(sum_of(parts, "packets"), 60000);
	expect_adds_up(json_array_get(parts, 0));
	expect_adds_up(json_array_get(parts, 1));
	json_decref(root);
	truth_destroy(&t);
	world_destroy(w);
}

static void write_scenario(const char *path, const char *text) {
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_surge_is_seen_where_and_when_it_was_planted(void **state) {
	char path[] = "/tmp/gen_test_XXXXXX";
	close(mkstemp(path));
	write_scenario(path,
		"{\"kind\":\"scenario\",\"v\":1,\"start\":\"2024-12-01T00:00:00Z\","
		"\"end\":\"2024-12-11T00:00:00Z\",\"events\":["
		"{\"type\":\"surge\",\"class\":\"reflection\",\"service\":\"udp/53\","
		"\"network\":\"Cloud X\",\"region\":\"JP\",\"sources\":300,\"factor\":40,"
		"\"from\":\"2024-12-04T00:00:00Z\",\"until\":\"2024-12-06T00:00:00Z\"},"
		"{\"type\":\"fade\",\"region\":\"RU\",\"factor\":0,"
		"\"from\":\"2024-12-05T00:00:00Z\"}]}");
	scenario_path = path;
	struct world *w = world_create(200000, 4, NULL);
	scenario_path = NULL;
	unsigned jp[2][2] = {0}, ru[2] = {0}; // JP: elsewhere or there, outside or within the days
	const struct packet *p;
	int64_t ns;
	while ((p = world_next(w, &ns))) {
		int64_t day = (ns - w->s.start_ns) / (86400 * TT_NS);
		if (p->source == UINT32_MAX || p->fate != TT_FATE_OBSERVED || p->feed_fragment)
			continue;
		const char *cc = w->regions.r[w->sources.s[p->source].region].cc;
		bool cloud = !strcmp(w->targets.t[p->sensor].conf->network, "Cloud X");
		ru[day >= 4] += strcmp(cc, "RU") == 0;
		jp[cloud][day == 3 || day == 4] +=
			strcmp(cc, "JP") == 0 && p->class == TT_REFLECTION && p->port == 53;
	}
	// two days of ten, at 40 times all regions' responses
	assert_true(jp[1][1] > 20 * (jp[1][0] + 1));
	assert_true(jp[0][1] < jp[0][0]);
	assert_true(ru[0] > 3000 && ru[1] == 0);
	world_destroy(w);
	unlink(path);
}

static void mistakes_in_a_scenario_are_named(void **state) {
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"{", ":1:"},
		{"{\"kind\":\"scenario\",\"v\":2}", "version 1"},
		{"{\"kind\":\"scenario\",\"v\":1,\"pakets\":5}", "pakets"},
		{"{\"kind\":\"scenario\",\"v\":1,\"start\":\"monday\"}", "$.start"},
		{"{\"kind\":\"scenario\",\"v\":1,\"regions\":{\"XX\":1}}", "$.regions"},
		{"{\"kind\":\"scenario\",\"v\":1,\"sensors\":{\"no\":1}}", "$.sensors"},
		{"{\"kind\":\"scenario\",\"v\":1,\"events\":[{\"type\":\"boom\"}]}",
			"$.events.type"},
		{"{\"kind\":\"scenario\",\"v\":1,\"events\":[{\"type\":\"fade\",\"factor\":0.5}]}",
			"$.events.region"},
		{"{\"kind\":\"scenario\",\"v\":1,\"events\":[{\"type\":\"surge\",\"factor\":0.5}]}",
			"$.events.factor"},
	};
	char path[] = "/tmp/gen_test_XXXXXX";
	close(mkstemp(path));
	struct regions regions;
	struct targets targets;
	struct tt_err err;
	regions_default(&regions);
	assert_int_equal(targets_init(&targets, NULL, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenario s;
		write_scenario(path, cases[i].text);
		scenario_init(&s);
		assert_int_equal(scenario_load(&s, path, &regions, &targets, &err), -EINVAL);
		if (!strstr(err.msg, path) || !strstr(err.msg, cases[i].expected))
			fail_msg("\"%s\", expected %s", err.msg, cases[i].expected);
		scenario_free(&s);
	}
	targets_free(&targets);
	unlink(path);
}

static void choices_follow_their_weights(void **state) {
	const double weights[5] = {1, 0, 2, 4, 3};
	struct alias a = {0};
	struct rng r;
	unsigned n[5] = {0};
	rng_seed(&r, 1);
	assert_int_equal(alias_build(&a, weights, 5), 0);
	for (int i = 0; i < 100000; i++)
		n[alias_pick(&a, &r)]++;
	for (int i = 0; i < 5; i++)
		assert_in_range(n[i] + 600, (unsigned)(weights[i] * 10000),
			(unsigned)(weights[i] * 10000) + 1200);
	assert_int_equal(n[1], 0);
	alias_free(&a);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_bytes),
		cmocka_unit_test(times_rise_and_stay_within_the_span),
		cmocka_unit_test(the_parser_finds_what_was_meant),
		cmocka_unit_test(the_parser_finds_it_in_other_link_types),
		cmocka_unit_test(checksums_are_right),
		cmocka_unit_test(every_oddity_comes),
		cmocka_unit_test(the_books_add_up),
		cmocka_unit_test(a_surge_is_seen_where_and_when_it_was_planted),
		cmocka_unit_test(mistakes_in_a_scenario_are_named),
		cmocka_unit_test(choices_follow_their_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
