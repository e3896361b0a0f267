/* SPDX-License-Identifier: BSD-3-Clause */
// Any bytes as the document of a batch, put into a store: of a probe, and of one that reads a
// capture. A document that is taken leaves a catalogue that can be read; one that is not has one
// line to say why.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tt_store *store;
static struct tt_batch *batch;
static char path[64], capture[TT_BOOT_LEN];

static void remove_store(void) {
	char name[80];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, (const char *[]){"", "-wal", "-shm"}[i]);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s-writer", path);
	unlink(name);
}

static void open_store(void) {
	struct tt_err err = {""};
	struct tt_store_conf conf = {.path = path, .mode = TT_STORE_WRITE};

	snprintf(path, sizeof(path), "/dev/shm/tt-fuzz-document-%d.db", (int)getpid());
	atexit(remove_store);
	batch = tt_batch_create();
	if (batch == NULL || tt_store_open(&conf, &store, &err) < 0 ||
		tt_store_file_begin(store, "aa", "a.pcap", 5, false, capture, &err) != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static const char *const sensors[] = {"s1", "s2"}, *const uplinks[] = {"up0"};
	struct tt_sensor_state up = {.epoch = 1734480000, .received = 1};
	struct tt_err err = {""};
	const void *msg;
	size_t len;

	if (store == NULL)
		open_store();
	if (size == 0)
		return 0;
	const char *boot = data[0] & 1 ? capture : "00000000000000aa";
	if (tt_batch_begin(batch, "tokyo", boot, 60, sensors, 2, uplinks, 1) != 0 ||
		tt_batch_add_state(batch, &up) != 0 ||
		tt_batch_set_meta(batch, (const char *)data + 1, size - 1) != 0 ||
		tt_batch_encode(batch, 1, &msg, &len) != 0)
		return 0;
	if (tt_store_begin(store, &err) < 0)
		abort();
	int rc = tt_store_put(store, msg, len, &err);
	if (rc == 0 || (rc < 0 && (err.msg[0] == '\0' || strchr(err.msg, '\n') != NULL)))
		abort();
	if (rc > 0 && tt_store_catalog(store, &err) == NULL)
		abort();
	tt_store_rollback(store);
	return 0;
}
