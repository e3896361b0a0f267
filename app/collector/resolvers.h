/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
// The files that say where a source is registered, whose network it is, and whether it is a known
// survey scanner. Replaced as a whole; a bad file leaves the set in force.
#include <stdint.h>

#include "options.h"
#include "tt_region.h"

struct resolvers {
	struct tt_regions *regions;
	struct tt_asn *asn;
	struct tt_scanners *scanners;
};

/// Loads what the options name; sets of regions that `old` (may be NULL) has are shared with it.
/// NULL with errno and a message.
struct resolvers *resolvers_load(
	const struct options *o, const struct resolvers *old, struct tt_err *err);
void resolvers_destroy(struct resolvers **r);
/// Changes when any of the files does.
uint64_t resolvers_signature(const struct options *o);

/// A thread that looks at the files every second and loads them once they changed and then stood
/// still for a second, or at once when woken. What cannot be loaded is logged, and the set in force
/// stays.
struct reloader;
/// `first`: what is in force. NULL with errno.
struct reloader *reloader_create(const struct options *o, struct resolvers *first);
/// Reads the files now (SIGHUP).
void reloader_wake(struct reloader *r);
/// What was loaded since, or NULL. Once the caller uses it in place of the one before, it says so
/// with reloader_release: then the thread frees that.
struct resolvers *reloader_take(struct reloader *r);
void reloader_release(struct reloader *r, struct resolvers *used);
/// Ends the thread; what is in force is the caller's to destroy.
void reloader_destroy(struct reloader **r);
