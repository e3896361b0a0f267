/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "tt_packet.h"

static const char *const tunnel_names[TT_TUNNEL_N] = {
	"none", "gre", "erspan", "vxlan", "geneve", "ipip", "6in4"};

static const struct {
	const char *name;
	uint16_t ports[2];
} reflectors[TT_REFLECTOR_N] = {
	[TT_REFLECTOR_NONE] = {"none", {0}},
	[TT_REFLECTOR_DNS] = {"dns", {53, 5353}},
	[TT_REFLECTOR_NTP] = {"ntp", {123}},
	[TT_REFLECTOR_SSDP] = {"ssdp", {1900}},
	[TT_REFLECTOR_SNMP] = {"snmp", {161}},
	[TT_REFLECTOR_CLDAP] = {"cldap", {389}},
	[TT_REFLECTOR_MEMCACHED] = {"memcached", {11211}},
	[TT_REFLECTOR_CHARGEN] = {"chargen", {19}},
	[TT_REFLECTOR_PORTMAP] = {"portmap", {111}},
	[TT_REFLECTOR_NETBIOS] = {"netbios", {137}},
	[TT_REFLECTOR_WSD] = {"wsd", {3702}},
	[TT_REFLECTOR_COAP] = {"coap", {5683}},
};

const char *tt_tunnel_name(enum tt_tunnel t) {
	return (unsigned)t < TT_TUNNEL_N ? tunnel_names[t] : "unknown";
}

int tt_tunnel_parse(const char *name) {
	for (int i = TT_TUNNEL_NONE + 1; i < TT_TUNNEL_N; i++)
		if (strcmp(name, tunnel_names[i]) == 0)
			return i;
	return -1;
}

const char *tt_reflector_name(enum tt_reflector_test t) {
	return (unsigned)t < TT_REFLECTOR_N ? reflectors[t].name : "unknown";
}

int tt_reflector_parse(const char *name) {
	for (int i = 0; i < TT_REFLECTOR_N; i++)
		if (strcmp(name, reflectors[i].name) == 0)
			return i;
	return -1;
}

void tt_packet_conf_init(struct tt_packet_conf *conf) {
	*conf = (struct tt_packet_conf){.vxlan_ports = {4789}, .geneve_ports = {6081}};
	for (unsigned t = TT_REFLECTOR_NONE + 1; t < TT_REFLECTOR_N; t++)
		for (unsigned i = 0; i < 2 && reflectors[t].ports[i]; i++)
			conf->reflector[reflectors[t].ports[i]] = (uint8_t)t;
}
