/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "option.h"
#include "tt_catalog.h"
#include "tt_time.h"

static const struct option prefix_element = {.type = O_STRING, .format = &format_prefix};
static const struct option id_element = {.type = O_STRING, .format = &format_id};
static const struct option vlan_element = {.type = O_INT, .max = 4094};

static const struct option tunnel[] = {
	{.name = "type",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.choices = "gre|erspan|vxlan|geneve|ipip|6in4",
		.help = "Encapsulation."},
	{.name = "key",
		.type = O_INT,
		.flags = O_NULL,
		.max = 4294967295.0,
		.preset = "null",
		.help = "With `gre`: the key; null: any, or none."},
	{.name = "session",
		.type = O_INT,
		.flags = O_NULL,
		.max = 1023,
		.preset = "null",
		.help = "With `erspan`: the session id; null: any."},
	{.name = "vni",
		.type = O_INT,
		.flags = O_NULL,
		.max = 16777215,
		.preset = "null",
		.help = "With `vxlan` and `geneve`: the network identifier; null: any."},
	{.name = "outer_sources",
		.type = O_LIST,
		.flags = O_NULL,
		.min = 1,
		.max = 256,
		.preset = "null",
		.of = &prefix_element,
		.help = "Outer source addresses; null: any."},
	{.name = "outer_destinations",
		.type = O_LIST,
		.flags = O_NULL,
		.min = 1,
		.max = 256,
		.preset = "null",
		.of = &prefix_element,
		.help = "Outer destination addresses; null: any."},
	{NULL},
};

static bool given(const json_t *object, const char *key) {
	const json_t *v = json_object_get(object, key);
	return v && !json_is_null(v);
}

// Each encapsulation has its own name for what tells feeds apart.
static int check_tunnel(const json_t *value, struct place *at) {
	static const char *const keys[][2] = {
		{"key", "gre"}, {"session", "erspan"}, {"vni", "vxlan|geneve"}};
	const char *type = json_string_value(json_object_get(value, "type"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (given(value, keys[i][0]) && !choice_has(keys[i][1], type)) {
			option_enter(at, keys[i][0]);
			return option_bad(at, json_object_get(value, keys[i][0]),
				"none: it does not go with the tunnel type %s", type);
		}
	}
	return 0;
}

static const struct option tunnel_element = {.type = O_OBJECT, .of = tunnel, .check = check_tunnel};

static const struct option match[] = {
	{.name = "uplink",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_id,
		.preset = "null",
		.help = "Uplink that packets arrive on; null: any. In `replay` every uplink "
			"holds."},
	{.name = "vlan",
		.type = O_LIST,
		.flags = O_NULL,
		.min = 1,
		.max = 4,
		.preset = "null",
		.of = &vlan_element,
		.help = "The whole stack of VLAN tags, outermost first; null: any."},
	{.name = "tunnel",
		.type = O_LIST,
		.flags = O_NULL | O_ONE,
		.min = 1,
		.max = 2,
		.preset = "null",
		.of = &tunnel_element,
		.help = "The feed that packets come out of, one layer or two (outermost first). A "
			"rule with a feed matches only packets from inside it, one without never "
			"does. Feeds that no rule declares are not opened."},
	{.name = "prefixes",
		.type = O_LIST,
		.flags = O_NULL,
		.min = 1,
		.max = 65536,
		.preset = "null",
		.of = &prefix_element,
		.help = "Destination addresses; null: all. The longest prefix wins over all "
			"rules."},
	{NULL},
};

static const struct option sensor[] = {
	{.name = "id",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_id,
		.help = "Name of the sensor."},
	{.name = "name",
		.type = O_OBJECT,
		.preset = "{}",
		.of = bilingual,
		.help = "What people call it; the id where not given."},
	{.name = "country",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_country,
		.preset = "null",
		.help = "Country it observes from."},
	{.name = "network",
		.type = O_STRING,
		.preset = "\"\"",
		.max = 256,
		.help = "Provider or network."},
	{.name = "groups",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = 64,
		.preset = "[]",
		.of = &id_element,
		.help = "Groups it belongs to."},
	{.name = "since",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_time,
		.preset = "null",
		.help = "From when packets are expected; null: from its first ones."},
	{.name = "until",
		.type = O_STRING,
		.flags = O_NULL,
		.format = &format_time,
		.preset = "null",
		.help = "Until when; null: still."},
	{.name = "addresses",
		.type = O_NUMBER,
		.flags = O_NULL,
		.min = 1,
		.max = 1e38,
		.preset = "null",
		.help = "Number of addresses, which rates are taken per; null: of its prefixes (1 "
			"without any)."},
	{.name = "silent_after_s",
		.type = O_INT,
		.min = 1,
		.max = 31622400,
		.preset = "3600",
		.help = "Seconds without a packet after which it counts as silent instead of up."},
	{.name = "match",
		.type = O_OBJECT,
		.preset = "{}",
		.of = match,
		.help = "The rule that recognises its packets; empty: every packet."},
	{NULL},
};
static const struct option sensor_element = {.type = O_OBJECT, .of = sensor};

static const struct option maintenance[] = {
	{.name = "sensors",
		.type = O_LIST,
		.flags = O_DISTINCT,
		.max = TT_SENSOR_MAX,
		.preset = "[]",
		.of = &id_element,
		.help = "Which sensors; empty: all."},
	{.name = "from",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_time,
		.help = "Start."},
	{.name = "to",
		.type = O_STRING,
		.flags = O_REQUIRED,
		.format = &format_time,
		.help = "End, not part of it."},
	{NULL},
};
static const struct option maintenance_element = {.type = O_OBJECT, .of = maintenance};

static const struct option options[] = {
	{.name = "sensors",
		.type = O_LIST,
		.flags = O_REQUIRED,
		.min = 1,
		.max = TT_SENSOR_MAX,
		.of = &sensor_element,
		.unique = "id",
		.help = "The sensors."},
	{.name = "maintenance",
		.type = O_LIST,
		.preset = "[]",
		.of = &maintenance_element,
		.help = "Times in which nothing was expected of sensors."},
	{NULL},
};

// Whether `to` is after `from`, as far as that can be told without a time zone.
static bool ordered(const json_t *from, const json_t *to) {
	const char *f = json_string_value(from), *t = json_string_value(to);
	int64_t a, b;
	if (!f || !t)
		return true;
	if (tt_time_parse(f, &a) == 0 && tt_time_parse(t, &b) == 0)
		return a < b;
	return strlen(f) != 10 || strlen(t) != 10 || strcmp(f, t) < 0;
}

static int check_span(const json_t *object, const char *from, const char *to, struct place *at) {
	const json_t *f = json_object_get(object, from), *t = json_object_get(object, to);
	if (ordered(f, t))
		return 0;
	option_enter(at, to);
	return option_bad(at, t, "a time after \"%s\"", from);
}

static int check_sensors(const json_t *root, struct place *at) {
	static const char *const lists[][3] = {
		{"sensors", "since", "until"}, {"maintenance", "from", "to"}};
	for (size_t l = 0; l < 2; l++) {
		const json_t *list = json_object_get(root, lists[l][0]);
		size_t top = option_enter(at, lists[l][0]);
		for (size_t i = 0; i < json_array_size(list); i++) {
			size_t was = option_enter_index(at, i);
			int rc = check_span(json_array_get(list, i), lists[l][1], lists[l][2], at);
			if (rc != 0)
				return rc;
			option_leave(at, was);
		}
		option_leave(at, top);
	}
	return 0;
}

const struct kind kind_sensors = {
	.name = "sensors",
	.title = "Who the sensors are and how their packets are recognised",
	.help = "Where several rules match a packet, the longest destination prefix wins, then the "
		"rule that names the VLAN tags, then the one that names the uplink. Rules that are "
		"alike in all of these and in the feed are an error.",
	.example =
		"{\n"
		"  \"kind\": \"sensors\", \"v\": 1,\n"
		"  \"sensors\": [\n"
		"    {\"id\": \"jp-isp1\", \"name\": {\"en\": \"ISP A\", \"ja\": \"国内ISP A\"}, "
		"\"country\": \"JP\",\n"
		"     \"network\": \"ISP A\", \"groups\": [\"access\"], \"since\": "
		"\"2024-07-01\",\n"
		"     \"match\": {\"uplink\": \"up0\", \"vlan\": [101], \"prefixes\": "
		"[\"192.0.2.10/32\"]}},\n"
		"    {\"id\": \"cloud1\", \"country\": \"SG\", \"network\": \"Cloud X\", "
		"\"groups\": [\"cloud\"],\n"
		"     \"match\": {\"tunnel\": {\"type\": \"vxlan\", \"vni\": 7001, "
		"\"outer_sources\": [\"198.51.100.7/32\"]},\n"
		"               \"prefixes\": [\"203.0.113.0/28\"]}}],\n"
		"  \"maintenance\": [{\"sensors\": [\"jp-isp1\"],\n"
		"    \"from\": \"2024-11-02T01:00:00+09:00\", \"to\": "
		"\"2024-11-02T03:00:00+09:00\"}]\n"
		"}\n",
	.options = options,
	.check = check_sensors,
};
