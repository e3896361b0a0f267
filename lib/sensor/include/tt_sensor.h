/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include "tt_catalog.h"
#include "tt_packet.h"

/// The rules of a catalogue, compiled for lookups: immutable, shared by all workers, replaced as a
/// whole on reload.
struct tt_sensors;

/// uplinks: ids in the order of the uplink indexes that tt_sensors_resolve gets. any_uplink: rules
/// hold on every uplink (captures stand in for all of them). NULL with errno and a message (an
/// uplink that does not exist). Keeps nothing of the catalogue.
struct tt_sensors *tt_sensors_create(const struct tt_catalog *catalog, const char *const *uplinks,
	unsigned uplink_n, bool any_uplink, struct tt_err *err);
void tt_sensors_destroy(struct tt_sensors **s);
/// Bit 1 << enum tt_tunnel of every feed that is declared: what tt_packet_conf.tunnels must hold.
uint16_t tt_sensors_tunnels(const struct tt_sensors *s);
/// Opens declared feeds and finds the sensor of each of n parsed packets (at most 64) of one
/// uplink; sets pkts[i].sensor to the index in the catalogue, or TT_NO_SENSOR, and class to
/// malformed or non_ip where a declared feed's header says so. Fragments of a feed (not the first;
/// no key to read) get the first sensor in the file whose rule matches uplink, VLAN and outer
/// addresses. Packets of class malformed or non_ip have no sensor. Any thread.
void tt_sensors_resolve(const struct tt_sensors *s, const struct tt_packet_conf *conf,
	unsigned uplink, const struct tt_frame *frames, struct tt_pkt *pkts, unsigned n);
/// How specific rules beat each other: longest destination prefix, then VLAN given, then uplink
/// given. Rules alike in all of these and the feed are equal (the catalogue refuses them). Feeds
/// that are not the same may still hold the same packet: then the rule whose feed gives more keys,
/// then the first in the file. So too where any_uplink makes rules alike that differ in the uplink.
