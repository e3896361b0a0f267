/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <jansson.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "tt_link.h"
#include "tt_names.h"
#include "tt_packet.h"

#define UPLINK_MAX 64
#define WORKER_MAX 127

enum device_kind { DEVICE_PCI, DEVICE_VDEV, DEVICE_FILE };

struct uplink_conf {
	char id[TT_ID_LEN];
	enum device_kind kind;
	char *device;			       // PCI address, vdev string, or path of a capture
	unsigned queues, descriptors, buffers; // 0: chosen
	unsigned mtu;			       // 0: the device's own
};

/// What workers do when little comes.
enum idle { IDLE_BUSY, IDLE_ADAPTIVE, IDLE_INTERRUPT };

enum hugepages { HUGEPAGES_AUTO, HUGEPAGES_ON, HUGEPAGES_OFF };

/// probe.json as plain data, with what the command line overrides put in. Never changes after
/// config_load.
struct config {
	json_t *json;
	bool replay;
	char probe[TT_ID_LEN];
	uint32_t epoch_s;
	char *path, *sensors, *rir; // NULL where there is none
	struct uplink_conf uplinks[UPLINK_MAX];
	unsigned uplink_n;
	enum hugepages hugepages;
	unsigned memory_mb; // 0: by need
	bool telemetry;
	enum idle idle;
	unsigned link_wait_s;
	unsigned main_lcore, workers[WORKER_MAX], worker_n;
	uint32_t ipv4, ipv6, spill;
	bool wait_when_full;
	struct tt_packet_conf packet; // without tunnels: these come from the sensors
	char *publish;		      // NULL: no streams
	int hwm;
	struct tt_link_keys publish_keys;
	char *collector; // NULL: no batches
	char *spool;
	uint64_t spool_max;
	unsigned window;
	struct tt_link_keys keys;
	const char *user, *group; // to become; NULL: stay
	char sha256[65];	  // of the file
};

/// Reads the configuration (checked by lib/conf's table) that the options name, or the defaults of
/// replay. 0 or -errno with a message that names file and JSON path.
int config_load(struct config *c, const struct options *o, struct tt_err *err);
void config_free(struct config *c);
/// The readers of the streams that a probe.json lists; the caller frees them. 0 or -ENOMEM.
int config_readers(const json_t *json, struct tt_link_peer_key **out, unsigned *n);
/// Picks cores for workers where the configuration names none (configuration manual,
/// lcores.workers); at least one.
void config_choose_workers(struct config *c, const cpu_set_t *allowed, const cpu_set_t *isolated);
/// What a device string names.
enum device_kind config_device_kind(const char *device);
