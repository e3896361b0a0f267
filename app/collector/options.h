/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// What the collector was told: collector.json, with the command line over it.
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tt_err.h"
#include "tt_link.h"

struct options {
	json_t *conf; // owns what the strings below point to, where they came from a file
	const char *db, *timezone, *listen, *publish, *rir, *asn, *scanners, *watches;
	const char *file; // of -c; NULL without
	const char *user, *group;
	struct tt_link_peer_key *probe_keys, *reader_keys; // who may deliver, subscribe over CURVE
	unsigned probe_key_n, reader_key_n;
	struct tt_link_keys keys; // of the file's secret_key_file; empty without
	int raw_days, checkpoint_s;
	uint32_t rollup_rows; // 0: the store's default
	uint64_t rollup_sketch_bytes;
	uint64_t disk_limit; // bytes, 0: none
	bool replay;	     // a fresh database is marked as made by replay
	bool help, version;
};

/// Reads the command line and the file it names. 0, or -EINVAL and the like with a message: exit 2.
int options_read(struct options *o, int argc, char **argv, struct tt_err *err);
/// Reads the lists of keys from the file again. Where that fails those in force stay, with a
/// message.
int options_reload_keys(struct options *o, struct tt_err *err);
void options_free(struct options *o);
const char *options_help(void);
