/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_NONE UINT32_MAX

/// A bounded set of rows keyed by (epoch, group), numbered as they come. The last free rows are
/// kept for groups that have none yet, so that every group always has a row to fold into.
struct ledger {
	uint32_t cap, used;
	uint32_t groups, unseen; // unseen: groups without a row
	uint32_t mask;
	struct ledger_key {
		uint32_t epoch, group;
	} * keys;
	struct ledger_group {
		uint32_t recent, newest; // row used last; row of the newest epoch
	} * group;
	uint32_t *index; // open addressing: row + 1, 0 is free
};

/// cap: rows wanted (at least one for each group is made). 0 or -ENOMEM.
int ledger_create(struct ledger *l, uint32_t cap, uint32_t groups, int socket);
void ledger_destroy(struct ledger *l);
/// Bytes that create asks for.
size_t ledger_size(uint32_t cap, uint32_t groups);
/// Rows that create makes.
uint32_t ledger_rows(uint32_t cap, uint32_t groups);
/// Forgets all rows.
void ledger_clear(struct ledger *l);
/// As ledger_find, past the row used last.
uint32_t ledger_seek(struct ledger *l, uint32_t epoch, uint32_t group);

/// The row of (epoch, group), made where there is none; LEDGER_NONE when the ledger is full: the
/// group's newest row exists then.
static inline uint32_t ledger_find(struct ledger *l, uint32_t epoch, uint32_t group) {
	uint32_t row = l->group[group].recent;
	if (row != LEDGER_NONE && l->keys[row].epoch == epoch)
		return row;
	return ledger_seek(l, epoch, group);
}
