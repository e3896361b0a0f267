/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct source;
struct uplink;
struct worker;

/// What a worker does when little comes. The worker's own, but for the set to wait on.
struct idler {
	enum idle mode;
	unsigned nap_max_us;
	unsigned nap_us; // the last one
	unsigned low;	 // rounds that brought little, in a row
	unsigned vain;	 // times that something woke it and nothing came, in a row
	bool armed;	 // interrupts are on
	int epoll;	 // -1: none; main adds and removes
};

/// How a source can wake its worker.
enum wake { WAKE_NONE, WAKE_SOCKET, WAKE_INTERRUPT };

int idle_init(struct idler *i, enum idle mode, unsigned nap_max_us);
void idle_free(struct idler *i);
/// After a round that brought n packets (`full`: more may be waiting): sleeps as it sees fit.
/// Returns the cycles that it meant to sleep: what it overslept is not among them.
uint64_t idle_round(struct worker *w, unsigned n, bool full);
/// The nap that suits such a round, in microseconds; 0: none. Grows while little comes, shrinks
/// when a nap collected half a burst, ends when bursts are full.
unsigned idle_nap(struct idler *i, unsigned n, bool full);

/// Opens a source to its worker, or closes it: the worker may use it until it has next said that
/// it holds nothing. Main thread.
void source_set(struct source *s, const struct uplink *u, bool open);
/// Takes the sources of an uplink that no worker is at any more out of what they wait on. Main.
void source_forget(struct uplink *u);
