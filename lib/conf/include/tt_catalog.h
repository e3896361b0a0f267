/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>
#include <stdbool.h>

#include "tt_addr.h"
#include "tt_conf.h"
#include "tt_names.h"

/// sensors.json as plain data: who the sensors are and the rules that recognise them. Needs
/// neither DPDK nor lib/packet: tunnel types are kept by name.
struct tt_tunnel_rule {
	char type[8]; // "gre", "erspan", "vxlan", "geneve", "ipip", "6in4"
	bool has_key;
	uint32_t key;					      // GRE key, ERSPAN session, VNI
	struct tt_prefix *outer_sources, *outer_destinations; // sorted; empty: any
	unsigned outer_source_n, outer_destination_n;
};
struct tt_rule {
	char uplink[TT_ID_LEN]; // "": any
	uint8_t vlan_n;		// 0: any; else the whole stack, outermost first
	uint16_t vlan[4];
	uint8_t tunnel_n; // layers of the feed, outermost first; 0: no feed
	struct tt_tunnel_rule tunnel[2];
	struct tt_prefix *prefixes; // of the destination; empty: every address
	unsigned prefix_n;
};
struct tt_sensor_conf {
	char id[TT_ID_LEN];
	char *name_en, *name_ja; // never NULL: the id where not given
	char country[3];	 // "" where not given
	char *network;		 // "" where not given
	char (*groups)[TT_ID_LEN];
	unsigned group_n;
	char since[40], until[40]; // T of the command line, "" where not given
	double addresses;	   // of its prefixes where not given; 1 for a rule without prefixes
	uint32_t silent_after_s;
	struct tt_rule rule;
};
struct tt_maintenance {
	char (*sensors)[TT_ID_LEN]; // empty: all
	unsigned sensor_n;
	char from[40], to[40];
};
struct tt_catalog {
	struct tt_sensor_conf *sensors;
	unsigned sensor_n; // at most TT_SENSOR_MAX
	struct tt_maintenance *maintenance;
	unsigned maintenance_n;
	json_t *json;	 // the validated file, with defaults
	char sha256[65]; // of the file's bytes
};
#define TT_SENSOR_MAX 16384

/// Reads sensors.json. NULL with errno and a message. Checks what needs no network knowledge:
/// unique ids, prefixes, times, equal rules (same uplink, tags, feed and prefix).
struct tt_catalog *tt_catalog_load(const char *path, struct tt_err *err);
/// From JSON text (as it comes over the link or out of the store).
struct tt_catalog *tt_catalog_loads(
	const char *text, size_t len, const char *name, struct tt_err *err);
/// The catalogue of `replay` without -s: one sensor "default", no country, every packet.
struct tt_catalog *tt_catalog_default(void);
void tt_catalog_destroy(struct tt_catalog **c);
