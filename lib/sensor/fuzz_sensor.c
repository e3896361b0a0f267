/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as a frame from declared feeds, one and two layers deep. The first byte says link type
// and uplink.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tt_obs.h"
#include "tt_sensor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Without addresses, so that any frame may come from a feed.
static const char rules[] =
	"{\"kind\":\"sensors\",\"v\":1,\"sensors\":["
	"{\"id\":\"all\"},{\"id\":\"p\",\"match\":{\"prefixes\":[\"10.0.0.0/8\",\"2001:db8::/"
	"32\"]}},"
	"{\"id\":\"vlan\",\"match\":{\"uplink\":\"b\",\"vlan\":[7]}},"
	"{\"id\":\"gre\",\"match\":{\"tunnel\":{\"type\":\"gre\"}}},"
	"{\"id\":\"key\",\"match\":{\"tunnel\":{\"type\":\"gre\",\"key\":7},\"prefixes\":[\"10.0.0."
	"0/9\"]}},"
	"{\"id\":\"erspan\",\"match\":{\"tunnel\":{\"type\":\"erspan\"}}},"
	"{\"id\":\"vxlan\",\"match\":{\"tunnel\":{\"type\":\"vxlan\"}}},"
	"{\"id\":\"geneve\",\"match\":{\"tunnel\":{\"type\":\"geneve\"}}},"
	"{\"id\":\"ipip\",\"match\":{\"uplink\":\"a\",\"tunnel\":{\"type\":\"ipip\"}}},"
	"{\"id\":\"6in4\",\"match\":{\"tunnel\":{\"type\":\"6in4\"}}},"
	"{\"id\":\"two\",\"match\":{\"tunnel\":[{\"type\":\"vxlan\"},{\"type\":\"gre\"}]}},"
	"{\"id\":\"twice\",\"match\":{\"tunnel\":[{\"type\":\"ipip\"},{\"type\":\"ipip\"}]}}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tt_packet_conf conf;
	static struct tt_catalog *catalog;
	static struct tt_sensors *sensors;
	static const char *const uplinks[] = {"a", "b"};
	if (!sensors) {
		catalog = tt_catalog_loads(rules, sizeof(rules) - 1, "rules", NULL);
		sensors = catalog ? tt_sensors_create(catalog, uplinks, 2, false, NULL) : NULL;
		if (!sensors)
			abort();
		tt_packet_conf_init(&conf);
		conf.tunnels = tt_sensors_tunnels(sensors);
	}
	if (size == 0)
		return 0;
	struct tt_frame f = {data + 1, (uint32_t)size - 1, (uint32_t)size - 1, data[0] & 3};
	struct tt_pkt p;
	tt_packet_parse(&conf, &f, &p, 1);
	tt_sensors_resolve(sensors, &conf, data[0] >> 2 & 1, &f, &p, 1);
	// one rule takes every packet outside, one layer or two are opened, and never more
	bool observed = p.class < TT_OBSERVED_CLASS_N;
	if (p.class >= TT_CLASS_N || p.depth > 2 || (!observed && p.sensor != TT_NO_SENSOR) ||
		(p.sensor != TT_NO_SENSOR && p.sensor >= catalog->sensor_n) ||
		(observed && p.depth == 0 && p.sensor == TT_NO_SENSOR))
		abort();
	return 0;
}
